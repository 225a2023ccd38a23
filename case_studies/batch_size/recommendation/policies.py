"""Which batch size to use in each cell, with the cost in seconds at several exchange rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from case_studies.batch_size.mediators.cell_models import (
    UNFITTED,
    Cell,
    cut_cells,
    fit_cell,
    measured,
)
from case_studies.batch_size.mediators.counterfactual_checks import (
    counterfactual_tables,
    counterfactual_verdicts,
)
from case_studies.batch_size.runs import GRAPH, LARGE, ROLES, SHORT, SMALL
from causalhyper import FittedModel, Policy, counterfactual
from causalhyper.errors import CausalHyperError
from causalhyper.queries.effects.query import collect_curve
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.queries.policies.costs import read_cost
from causalhyper.queries.policies.matched_runs import match_runs
from causalhyper.queries.policies.rank_values import rank_values
from causalhyper.queries.policies.utilities import collect_utilities, find_populations

RATES = (0.0, 0.1, 1.0)
"""Points of accuracy that the seconds of one run at B = 64 are worth."""
UNIT = 64
ESTIMATORS = ("graph", "design")
DRAWS = 200


def policy_tables(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rankings of the batch sizes, counterfactuals of named runs, and how well those come true.

    Parameters
    ----------
    runs : DataFrame

    Returns
    -------
    dict of str to DataFrame
        policy: a row a cell, exchange rate, estimator and batch size, with the columns of
        `Policy.table`; policy_choices: what is recommended, how sure that is, and whether
        hypergraph and design agree; named_runs: what the first seed's run at 512 would have
        scored at 16, and what that seed did score; policy_unfitted; and the tables of
        `counterfactual_tables`.
    """
    rankings: list[pd.DataFrame] = []
    choices: list[dict[str, object]] = []
    named: list[pd.DataFrame] = []
    unfitted: list[dict[str, str]] = []
    for cell in cut_cells(runs):
        try:
            model = fit_cell(cell, GRAPH, ROLES)
            rows = measured(cell.rows, ROLES)
            price = price_of(rows, 1.0) * 3600 * 100
            for estimator in ESTIMATORS:
                for rate, found in rank_sizes(cell, model, rows, estimator).items():
                    labels = {**cell.labels, "rate": rate, "estimator": estimator}
                    hourly = rate * price if rate else 0.0
                    rankings.append(found.table().assign(**labels, points_per_hour=hourly))
                    choices.append(labels | _choice(found))
            named.append(name_run(cell, model))
        except CausalHyperError as error:
            unfitted.append({**cell.labels, "graph": GRAPH, "reason": str(error)})
    return {
        "policy": pd.concat(rankings, ignore_index=True) if rankings else pd.DataFrame(),
        "policy_choices": pd.DataFrame(choices),
        "named_runs": pd.concat(named, ignore_index=True) if named else pd.DataFrame(),
        "policy_unfitted": pd.DataFrame(unfitted, columns=list(UNFITTED)),
        **counterfactual_tables(runs),
    }


def price_of(rows: pd.DataFrame, rate: float) -> float:
    """Accuracy that one second costs, where a run at B = 64 costs so many points.

    Examples
    --------
    >>> rows = pd.DataFrame({"batch_size": [16, 64], "seconds": [9.0, 2.0]})
    >>> price_of(rows, 1.0)
    0.005
    """
    seconds = rows.loc[rows["batch_size"] == UNIT, "seconds"].median()
    return rate / 100 / float(seconds)


def rank_sizes(
    cell: Cell, model: FittedModel, rows: pd.DataFrame, estimator: str
) -> dict[float, Policy]:
    """The policy at every exchange rate, from one simulation: utilities are linear in the price.

    Parameters
    ----------
    cell : Cell
    model : FittedModel
    rows : DataFrame
        The runs that were fitted.
    estimator : {"graph", "design"}

    Returns
    -------
    dict of float to Policy
        By exchange rate; only the first where the seconds are unknown. Each is what
        `causalhyper.policy` gives at that price.
    """
    sizes = sorted(set(rows["batch_size"].astype(float)))
    price = price_of(rows, 1.0)
    known = np.isfinite(price) and bool(np.isfinite(rows["seconds"]).all())
    cost = read_cost({"seconds": price} if known else None, sizes)
    graph = estimator == "graph"
    e = make_experiment(
        model,
        "B",
        "G",
        at=sizes[1:],
        baseline=sizes[0],
        draws=DRAWS,
        interval="bootstrap",
        through_graph=graph,
    )
    matched = match_runs(model, rows, cost.columns) if known else None
    (full,) = collect_utilities(
        e, estimator, cost, matched, find_populations(e, None), maximise=True
    )
    test = collect_curve(e, full.outcome).test if graph else None
    out = {}
    for rate in RATES if known else RATES[:1]:
        priced = read_cost({"seconds": price * rate} if rate else None, sizes)
        found = replace(full, cost=rate * full.cost, utility=full.outcome - rate * full.cost)
        out[rate] = Policy(
            protocol=cell.protocol,
            column="batch_size",
            aim=f"test_accuracy less {priced}",
            estimator=estimator,
            overall=rank_values(e, found, priced, estimator=estimator, maximise=True),
            by="",
            contexts=(),
            pooling="",
            test=test,
            level=e.uncertainty.level,
        )
    return out


def _choice(found: Policy) -> dict[str, object]:
    chosen = found.overall[found.recommended]
    return {
        "recommended": int(found.recommended),
        "best_set": ", ".join(f"{b:g}" for b in sorted(found.best_set)),
        "probability_best": chosen.probability_best,
        "expected_regret": chosen.expected_regret,
        "hypergraph_rejected": found.test is not None and found.test.rejected,
    }


def name_run(cell: Cell, model: FittedModel) -> pd.DataFrame:
    """What the first seed's run at 512 would have scored at 16, and what that seed scored there.

    Parameters
    ----------
    cell : Cell
    model : FittedModel
        With an intercept a seed; it saw both runs, unlike those of `counterfactual_tables`.

    Returns
    -------
    DataFrame
        One row; empty if the run is not in the model.
    """
    large = cell.rows[cell.rows["batch_size"] == LARGE].sort_values("seed")
    run = large[large["run_id"].isin(set(model.run_ids))].head(1)
    if run.empty:
        return pd.DataFrame()
    found = counterfactual(
        model, {"B": SMALL}, "G", runs=run["run_id"].tolist(), draws=DRAWS
    ).by_run()
    seed = run["seed"].iloc[0]
    real = cell.by_seed("test_accuracy", SMALL).get(seed, np.nan)
    columns = ["run_id", "factual", "counterfactual", "lower", "upper"]
    return found[columns].assign(**cell.labels, seed=seed, set_to=SMALL, real=real)


def policy_verdicts(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """What is recommended under each protocol and rate, and whether single runs come true."""
    choices, out = tables["policy_choices"], []
    if len(choices):
        own = choices[choices["estimator"] == "design"]
        for (domain, design, rate), part in own.groupby(["domain", "design", "rate"], sort=False):
            counts = part["recommended"].value_counts().sort_index()
            said = ", ".join(f"B = {b} in {k}" for b, k in counts.items())
            sure = int((part["probability_best"] > 0.95).sum())
            paired = choices[choices["estimator"] == "graph"].merge(
                part, on=["dataset", "model", "design", "rate"], suffixes=("", "_design")
            )
            same = int((paired["recommended"] == paired["recommended_design"]).sum())
            out.append(
                f"{domain.capitalize()}, {SHORT[design]}, a run at B = {UNIT} worth {rate:g} "
                f"points: the design recommends {said} of {len(part)} cells, with probability "
                f"above 0.95 in {sure}; expected regret {100 * part['expected_regret'].max():.2f} "
                f"points at most; the papers' hypergraph recommends the same in {same}."
            )
    return out + counterfactual_verdicts(tables)
