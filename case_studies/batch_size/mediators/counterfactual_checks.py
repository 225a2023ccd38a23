"""Counterfactuals of runs held against what the same seed really scored at the other batch size.

Runs are paired by seed, so that "what would this run have scored at b'?" has an observed answer:
the run of the same seed at b'. Every prediction comes from models that never saw the seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from case_studies.batch_size.mediators.cell_models import (
    UNFITTED,
    Cell,
    attempt,
    cut_cells,
    fit_cell,
)
from case_studies.batch_size.mediators.competing import COMPETING, FORMS, STUDY, budget_roles
from case_studies.batch_size.mediators.quantities import (
    LEVEL,
    Entry,
    from_seeds,
    pool_cells,
    tabulate,
)
from case_studies.batch_size.runs import GRAPH, LARGE, ROLES, SHORT, SMALL
from causalhyper import SPLINE, FittedModel
from causalhyper.arrays import Array
from causalhyper.inference.intervals import t_quantile
from causalhyper.queries.experiments.resampling import resample_model
from causalhyper.scm.abduction import abduct, replay, responding
from causalhyper.scm.replicates import Replicates

DRAWS = 200
MEAN = "mean of the other seeds at b'"
METHODS = (MEAN, "own score + difference of means", "own score, shrunk")
"""Predictions without a hypergraph; the first is the baseline."""
GRAPHS = {
    "papers hypergraph": (GRAPH, SPLINE),
    f"{STUDY} hypergraph": (COMPETING[STUDY], FORMS[STUDY]),
}
RATIO = "log ratio of squared errors"
"""Mean squared error over that of the baseline, in natural logarithms."""
OWN, OTHERS = "interval of the parameters covers", "prediction interval covers"
PAIRS = {"all pairs": None, f"{SMALL} and {LARGE}": {SMALL, LARGE}}


@dataclass(frozen=True, slots=True)
class Predictions:
    """What each seed would have scored, by someone who never saw it; arrays (seeds, b, b').

    Attributes
    ----------
    value : ndarray
        NaN where the run that would be asked about is missing.
    error : ndarray or None
        Standard error from the parameters alone; None where the method has none.
    """

    value: Array
    error: Array | None = None


def counterfactual_tables(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Leave-one-seed-out counterfactuals against the runs that were really made.

    Parameters
    ----------
    runs : DataFrame

    Returns
    -------
    dict of str to DataFrame
        counterfactuals and counterfactuals_pooled: by cell, method and pairs the logarithm of
        its mean squared error over the baseline's, and the coverage of both kinds of intervals;
        counterfactual_errors: root mean squared errors in accuracy; counterfactuals_unfitted:
        what could not be fitted, and why.
    """
    entries: list[Entry] = []
    errors: list[dict[str, object]] = []
    unfitted: list[dict[str, str]] = []
    for cell in cut_cells(runs):
        truth = scores(cell)
        if len(truth) > 3:
            found = dict(zip(METHODS, without_graph(truth), strict=True))
            for name in GRAPHS:
                make = partial(_predict, cell, name, truth, found)
                attempt(make, cell, name, unfitted)
            entries += judge(cell, truth, found, errors)
    return {
        "counterfactuals": tabulate(entries),
        "counterfactuals_pooled": pool_cells(entries),
        "counterfactual_errors": pd.DataFrame(errors),
        "counterfactuals_unfitted": pd.DataFrame(unfitted, columns=list(UNFITTED)),
    }


def scores(cell: Cell) -> pd.DataFrame:
    """Test accuracy by seed (rows) and batch size (columns)."""
    return cell.rows.pivot_table(index="seed", columns="batch_size", values="test_accuracy")


def _predict(
    cell: Cell, name: str, truth: pd.DataFrame, found: dict[str, Predictions]
) -> list[Entry]:
    graph, mechanisms = GRAPHS[name]
    roles = budget_roles(cell.rows) if "U" in graph else ROLES
    found[name] = by_graph(fit_cell(cell, graph, roles, mechanisms, context=()), truth)
    return []


def without_graph(truth: pd.DataFrame) -> tuple[Predictions, ...]:
    """The predictions `METHODS`, each from the other seeds alone.

    Parameters
    ----------
    truth : DataFrame
        Scores by seed and batch size.

    Returns
    -------
    tuple of Predictions
    """
    y = truth.to_numpy(dtype=float)
    out = np.full((3, *y.shape, y.shape[1]), np.nan)
    for k in range(len(y)):
        others = np.delete(y, k, axis=0)
        means = np.nanmean(others, axis=0)
        away = np.nan_to_num(others - means)
        own = (y[k] - means)[:, None]
        slopes = away.T @ away / np.square(away).sum(axis=0)[:, None]
        out[0, k] = means[None, :] + 0.0 * own
        out[1, k] = means[None, :] + own
        out[2, k] = means[None, :] + slopes * own
    return tuple(Predictions(values) for values in out)


def by_graph(
    model: FittedModel, truth: pd.DataFrame, drawn: Replicates | None = None
) -> Predictions:
    """Abduction, action and prediction with each seed left out.

    Parameters
    ----------
    model : FittedModel
        Without contexts: what a seed has of its own is in the noise of its run.
    truth : DataFrame
        Scores by seed and batch size, for the order.
    drawn : Replicates, optional
        With each seed left out; by default they are drawn, with resamples.

    Returns
    -------
    Predictions
        Standard errors are the spread over resamples that happen to lack the seed; None without
        resamples.
    """
    drawn = drawn or draw(model)
    assert drawn.left is not None, "the replicates were drawn without a jackknife"
    nodes, rows = responding(model, ("B",), "G"), np.arange(model.n)
    noise = abduct(model, drawn, nodes, rows)
    shape = (len(truth), len(truth.columns), len(truth.columns))
    value, error = np.full(shape, np.nan), np.full(shape, np.nan)
    place = truth.index.get_indexer(np.asarray(model.labels["seed"]))
    had = truth.columns.get_indexer(np.rint(model.roles["B"].invert(model.values["B"])))
    for to, b in enumerate(truth.columns):
        set_to = float(model.roles["B"].apply(np.array(float(b))))
        there = replay(model, drawn, noise, {"B": set_to}, rows).values["G"]
        there = np.broadcast_to(there, (len(drawn), 1, model.n))[:, 0]
        for cluster in range(model.clusters):
            own = np.flatnonzero(model.groups.clusters == cluster)
            alone, lacking = _without(drawn, cluster)
            value[place[own], had[own], to] = there[alone, own]
            if len(lacking) > 1:
                error[place[own], had[own], to] = there[np.ix_(lacking, own)].std(axis=0, ddof=1)
    return Predictions(value, error if np.isfinite(error).any() else None)


def draw(model: FittedModel) -> Replicates:
    """Resamples of a model's seeds, and the model with each seed left out."""
    return resample_model(model, draws=DRAWS, seed=1, level=LEVEL, interval="t").replicates


def _without(drawn: Replicates, cluster: int) -> tuple[int, Array]:
    """The replicate that leaves one cluster out, and the resamples that lack it."""
    assert drawn.left is not None
    tail = len(drawn) - len(drawn.left)
    own = np.flatnonzero((drawn.left.clusters == cluster) & (drawn.left.parents == 0))
    alone = tail + int(own[0]) if len(own) else 0
    return alone, 1 + np.flatnonzero(drawn.weights[1:tail, cluster] == 0)


def judge(
    cell: Cell,
    truth: pd.DataFrame,
    found: Mapping[str, Predictions],
    errors: list[dict[str, object]],
) -> Iterator[Entry]:
    """Errors and coverages of every method, from pairs that all methods predict.

    Parameters
    ----------
    cell : Cell
    truth : DataFrame
        Scores by seed and batch size.
    found : mapping of str to Predictions
        With the baseline, `MEAN`.
    errors : list
        Takes the root mean squared error of each method.

    Yields
    ------
    Entry
    """
    y = truth.to_numpy(dtype=float)[:, None, :]
    different = ~np.eye(y.shape[2], dtype=bool)
    residuals = {name: y - p.value for name, p in found.items()}
    common = np.all([np.isfinite(r) for r in residuals.values()], axis=0) & different
    for pairs, sizes in PAIRS.items():
        chosen = np.array([sizes is None or b in sizes for b in truth.columns])
        use = common & chosen[:, None] & chosen
        base = _by_seed(np.square(residuals[MEAN]), use, truth.index)
        for name, residual in residuals.items():
            own = _by_seed(np.square(residual), use, truth.index)
            labels = {**cell.labels, "pairs": pairs, "method": name}
            errors.append({**labels, "rmse": float(np.sqrt(own.mean()))})
            measures = {RATIO: log_ratio(own, base)}
            covers = {OTHERS: _interval(residual, common)}
            if found[name].error is not None:
                half = t_quantile(np.array([len(y) - 2.0]), LEVEL)[0] * found[name].error
                covers[OWN] = half
            for kind, half in covers.items():
                inside = (np.abs(residual) <= half).astype(float)
                measures[kind] = _by_seed(inside, use, truth.index)
            for measure, values in measures.items():
                yield Entry({**labels, "measure": measure}, from_seeds(values))


def log_ratio(own: pd.Series, base: pd.Series) -> pd.Series:
    """Values by seed whose mean is log(own / base) of the means, and whose spread is its error.

    Parameters
    ----------
    own, base : Series
        Positive numbers by seed.

    Returns
    -------
    Series
        The logarithm linearised about both means (delta method).

    Examples
    --------
    >>> found = log_ratio(pd.Series([2.0, 6.0]), pd.Series([1.0, 3.0]))
    >>> round(float(np.exp(found.mean())), 9), round(float(found.std()), 9)
    (2.0, 0.0)
    """
    return float(np.log(own.mean() / base.mean())) + own / own.mean() - base / base.mean()


def _by_seed(values: Array, use: Array, seeds: pd.Index) -> pd.Series:
    """Mean over the used pairs of each seed; NaN without any."""
    counts = use.sum(axis=(1, 2))
    totals = np.where(use, values, 0.0).sum(axis=(1, 2))
    means = np.divide(totals, counts, out=np.full(len(totals), np.nan), where=counts > 0)
    return pd.Series(means, seeds)


def _interval(residual: Array, use: Array) -> Array:
    """Half the width of a t interval from the errors that were made for the other seeds."""
    squares, counts = np.where(use, np.square(residual), 0.0), use.astype(float)
    total, number = (x.sum(axis=0, keepdims=True) - x for x in (squares, counts))
    df = np.maximum(number, 1.0)
    return t_quantile(df, LEVEL) * np.sqrt(total / df)


def counterfactual_verdicts(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """How well counterfactuals of single runs come true."""
    pooled, errors, out = tables["counterfactuals_pooled"], tables["counterfactual_errors"], []
    if pooled.empty:
        return out
    pairs = next(iter(PAIRS))
    own, errors = (table[table["pairs"] == pairs] for table in (pooled, errors))
    for (domain, design), part in own.groupby(["domain", "design"], sort=False):
        here = errors[(errors["domain"] == domain) & (errors["design"] == design)]
        typical = 100 * here.groupby("method")["rmse"].median()
        by_name = part.set_index(["method", "measure"])
        graphs = [name for name in GRAPHS if (name, RATIO) in by_name.index]
        said = [
            f"{name} {typical[name]:.2f} (squared error {_change(by_name.loc[(name, RATIO)])})"
            for name in (*METHODS[1:], *graphs)
        ]
        covers = [
            " and ".join(f"{by_name.loc[(name, measure), 'estimate']:.0%}" for name in graphs)
            for measure in (OWN, OTHERS)
        ]
        out.append(
            f"{domain.capitalize()}, {SHORT[design]}, what single runs would have scored, seeds "
            f"left out: typical error in points, {MEAN} {typical[MEAN]:.2f}; {'; '.join(said)}. "
            f"The 95% interval that holds a run's own noise fixed covers the run that was really "
            f"made in {covers[0]} of pairs ({', '.join(graphs)}); one made of the errors at other "
            f"seeds in {covers[1]}."
        )
    return out


def _change(ratio: pd.Series) -> str:
    changes = np.exp(ratio[["estimate", "lower", "upper"]].astype(float)) - 1
    return "{:+.0%} [{:+.0%}, {:+.0%}]".format(*changes)
