"""Outcome, cost and utility of each treatment value, in all runs or in each context."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.progress import Progress
from causalhyper.queries.experiments.design import find_missing
from causalhyper.queries.experiments.experiment import Experiment, natural_world
from causalhyper.queries.experiments.uncertainty import Uncertainty
from causalhyper.queries.policies.block_means import block_means, restrict
from causalhyper.queries.policies.costs import Prices
from causalhyper.queries.policies.matched_runs import read_column


@dataclass(frozen=True, slots=True)
class Utilities:
    """Replicates of what is decided on, in one population of runs; row 0 is as fitted.

    Attributes
    ----------
    context : str
        Value of the context column, "" for all runs.
    outcome, cost, utility : ndarray, shape (replicates, d)
        Mean outcome, mean cost in units of the outcome, and the one (negative where less is
        better) less the other.
    uncertainty : Uncertainty
        How these replicates become intervals.
    n, clusters : int
        Runs and clusters behind them.
    how : str
        Where the mean outcome comes from, in words.
    """

    context: str
    outcome: Array
    cost: Array
    utility: Array
    uncertainty: Uncertainty
    n: int
    clusters: int
    how: str


@dataclass(frozen=True, slots=True)
class Populations:
    """Which runs have each value of a context column.

    Attributes
    ----------
    names : tuple of str
        The values in sorted order; none where nothing is asked by context.
    rows : ndarray of int, shape (n,)
        Position of each run's value.
    contexts : ndarray of int, shape (contexts,)
        Position of each context's value.
    """

    names: tuple[str, ...]
    rows: Codes
    contexts: Codes


def find_populations(e: Experiment, by: str | None) -> Populations:
    """Values of a context column of the model.

    Parameters
    ----------
    e : Experiment
    by : str or None

    Returns
    -------
    Populations

    Raises
    ------
    ConfigurationError
        If `by` is no context column of the model.
    """
    contexts = e.model.groups.contexts
    codes = np.zeros(contexts.max() + 1, dtype=np.intp)
    if by is None:
        return Populations(
            (), np.zeros_like(contexts), np.zeros(contexts.max() + 1, dtype=np.intp)
        )
    if by not in e.model.context:
        has = ", ".join(e.model.context) or "none"
        raise ConfigurationError(
            f"{by!r} is no context of the model (it has {has}): fit with it as a context first"
        )
    rows, values = pd.factorize(e.model.labels[by], sort=True)
    codes[contexts] = rows
    return Populations(tuple(map(str, values)), rows.astype(np.intp), codes)


def collect_utilities(
    e: Experiment,
    estimator: str,
    prices: Prices,
    runs: pd.DataFrame | None,
    populations: Populations,
    *,
    maximise: bool,
    progress: Progress | None = None,
) -> tuple[Utilities, ...]:
    """Replicates for all runs, then for each context.

    Parameters
    ----------
    e : Experiment
    estimator : str
        "graph" or "design".
    prices : Prices
    runs : DataFrame or None
        In the order of the model's rows; where columns are priced or contexts asked for.
    populations : Populations
    maximise : bool
    progress : callable, optional

    Returns
    -------
    tuple of Utilities

    Raises
    ------
    ConfigurationError
        If the design says nothing of what it is asked, or too little of some context.
    """
    measured = estimator == "design" or bool(prices.columns)
    if measured and e.design is None:
        what = "the design" if estimator == "design" else "the mean of a cost column"
        raise ConfigurationError(
            f"{what} needs a contrast within blocks, and there is none: {e.no_design}. Use the "
            "hypergraph's estimator, and give the cost of each value"
        )
    if measured:
        _check_contexts(e, populations)
    simulated = _simulate(e, populations, progress) if estimator == "graph" else None
    paid = _paid(prices, runs, e.model.n)
    made = []
    for i, context in enumerate(("", *populations.names)):
        rows = np.ones(e.model.n, dtype=bool) if i == 0 else populations.rows == i - 1
        own = None if simulated is None else simulated[i]
        made.append(_population(e, context, rows, own, paid, prices, maximise=maximise))
    return tuple(made)


def _check_contexts(e: Experiment, populations: Populations) -> None:
    """Refuse contexts whose runs lack an asked value: they hold no mean of their own there."""
    grid, column = e.question.grid(e.model), e.model.roles[e.treatment].column
    lacking = []
    for i, name in enumerate(populations.names):
        part, _ = restrict(e.model, populations.rows == i)
        if missing := find_missing(part, e.treatment, grid):
            lacking.append(f"no run of {name} has {column} = {missing}")
    if lacking:
        raise ConfigurationError(
            f"{'; '.join(lacking)}: means within blocks say nothing there. Ask at values that "
            "every context has run, leave by= out, or use estimator='graph' with the cost of each "
            "value"
        )


def _paid(prices: Prices, runs: pd.DataFrame | None, n: int) -> Array:
    """What each run cost, in units of the outcome, shape (n,)."""
    total = np.zeros(n)
    if runs is None:
        return total
    for column, price in prices.columns.items():
        total += price * read_column(runs, column)
    return total


def _simulate(e: Experiment, p: Populations, progress: Progress | None) -> list[Array]:
    """Mean outcome through the hypergraph: in all runs, then in each context; (replicates, d)."""
    if not p.names:
        return [e.means({"natural": natural_world}, progress, alone=True)["natural"]]
    parts: list[list[Array]] = [[] for _ in range(len(p.names) + 1)]
    done = 0
    for chunk in e.replicates.chunks((len(e.at) + 1) * e.sampler.count):
        shared = e.share(chunk, alone=True)
        found = e.run(shared, natural_world)[1][e.outcome]
        contexts = shared.draws.contexts
        shape = (len(chunk), len(e.at) + 1, contexts.shape[1])
        y, values = np.broadcast_to(found, shape), p.contexts[contexts]
        parts[0].append(y.mean(axis=2))
        for i in range(len(p.names)):
            inside = (values == i).astype(float)
            with np.errstate(invalid="ignore"):  # no simulated run of the context: no mean
                mean = np.einsum("rdm,rm->rd", y, inside) / inside.sum(axis=1, keepdims=True)
            parts[i + 1].append(mean)
        done += len(chunk)
        if progress is not None:
            progress(done / len(e.replicates))
    return [np.concatenate(part) for part in parts]


def _population(
    e: Experiment,
    context: str,
    rows: Flags,
    simulated: Array | None,
    paid: Array,
    prices: Prices,
    *,
    maximise: bool,
) -> Utilities:
    """Outcome and cost of one population, without replicates that lack a value there."""
    part, clusters = restrict(e.model, rows) if context else (e.model, np.arange(e.model.clusters))
    grid, weights = e.question.grid(e.model), e.replicates.weights[:, clusters]
    df = e.uncertainty.df
    enough = np.ones(len(weights), dtype=bool)
    if simulated is None:
        found = block_means(part, e.treatment, part.values[e.outcome], grid, weights)
        outcome, how = found.means, f"means within {found.blocks}"
        enough &= found.enough
        df = min(df, part.clusters - part.strata)
    else:
        outcome, how = simulated, f"g-formula through {e.model.graph}"
    cost = np.zeros_like(outcome) + prices.fixed()
    if prices.columns:
        measured = block_means(part, e.treatment, paid[rows], grid, weights)
        cost += measured.means
        enough &= measured.enough
    enough &= np.isfinite(outcome).all(axis=1)
    _check(enough[: 1 + e.uncertainty.replicates], context, part.clusters, df)
    uncertainty, kept = e.uncertainty.within(enough, part.clusters, df)
    outcome, cost = outcome[kept], cost[kept]
    utility = (outcome if maximise else -outcome) - cost
    return Utilities(context, outcome, cost, utility, uncertainty, part.n, part.clusters, how)


def _check(enough: Flags, context: str, clusters: int, df: int) -> None:
    """Refuse runs that compare the values in few replicates, or not even as they are."""
    if df < 1 or not enough[0] or enough.mean() < 0.5:
        raise ConfigurationError(
            f"{context or 'the sample'} has {clusters} cluster(s), too few to compare these "
            "values there: ask for fewer values or coarser contexts"
        )
