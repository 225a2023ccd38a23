"""Planning: how many clusters, such as seeds, it takes to detect an effect of a given size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from causalhyper.errors import ConfigurationError
from causalhyper.inference.power import check_plan
from causalhyper.progress import Progress
from causalhyper.queries.effects.query import effect_curve
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.queries.experiments.questions import read_number, read_numbers
from causalhyper.queries.mediation.query import mediate, read_mediators
from causalhyper.queries.planning.pilots import Pilot, design_pilot, estimates_pilot
from causalhyper.queries.planning.plans import Power
from causalhyper.queries.planning.rows import JOINT_TESTS, make_solvers, solve_rows
from causalhyper.scm.model import FittedModel


def power(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    at: Sequence[float],
    baseline: float,
    effects: float | Sequence[float],
    clusters: int | Sequence[int] | None = None,
    target: float = 0.8,
    adjust: str = "none",
    estimator: str = "design",
    mediators: str | Sequence[str] = (),
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "t",
    progress: Progress | None = None,
) -> Power:
    """Plan how many clusters detect an effect, with the fitted runs as a pilot.

    The test is the t test behind the library's pointwise intervals. The effects are those that
    matter to the reader: the pilot's own estimates would make power a restatement of p-values.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    at : sequence of float
        Values of the treatment's column, within the range of the runs.
    baseline : float
        The value that the others are compared with.
    effects : float or sequence of float
        Smallest differences that matter, in units of the outcome's scale; the sign is free.
    clusters : int or sequence of int, optional
        Numbers of clusters (at each value, if values have separate clusters) to state power and
        the smallest detectable effect for; by default as many as there are.
    target : float
        Power to reach.
    adjust : str
        How several tests count one another. "none": each value by itself; "bonferroni" or
        "max_t": all values together.
    estimator : str
        "graph" answers through the hypergraph, "design" within blocks.
    mediators : str or sequence of str
        Nodes between treatment and outcome. The effect is the interventional indirect one through
        these, by the hypergraph.
    draws : int
        Cluster-bootstrap replicates. They count where the estimator is the hypergraph's.
    seed : int
        Of everything random, not negative.
    level : float
        Confidence of the intervals, in (0, 1). An effect is detected where its own leaves zero
        out: 0.95 for a test of size 0.05.
    interval : str
        Kind of interval: "t" (cluster-robust, right with few clusters), "jackknife", "bootstrap",
        "percentile", "basic", "bca" or "studentized"; docs/intervals.md says which when. Its
        standard error is the spread of an estimator through the hypergraph.
    progress : callable, optional
        Called with the share of the work done, in [0, 1].

    Returns
    -------
    Power

    Raises
    ------
    ConfigurationError
        If the question does not fit the model, or a number is out of range.

    Notes
    -----
    Paired values: se = sd / sqrt(K), K - strata degrees of freedom; separate clusters, K at each
    value: se = sd sqrt(2 / K). For the hypergraph's effects sd is their standard error (the
    jackknife's up to 100 clusters, beyond that the bootstrap's) times sqrt(K), which supposes
    that further clusters are like these; the error of an indirect effect also changes with its
    size. Sources: Cohen 1988 (noncentral t); Browne 1995, "On the
    use of a pilot sample for sample size determination" (interval of the spread).

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from causalhyper import fit
    >>> noise = np.random.default_rng(1).normal(scale=0.1, size=24)
    >>> runs = pd.DataFrame({"run_id": range(24), "seed": np.arange(24) // 2})
    >>> runs["b"] = [1.0, 2.0] * 12
    >>> runs["g"] = runs["b"] + noise
    >>> fitted = fit("B -> G", runs, {"B": "b", "G": "g"}, protocol="p", cluster="seed")
    >>> plan = power(fitted, "B", "G", at=[2], baseline=1, effects=0.05)
    >>> [(row.solved, round(row.clusters)) for row in plan.rows]
    [('power', 12), ('clusters', 21), ('effect', 12)]
    """
    sizes, names = _numbers(effects), read_mediators(mediators)
    for size in sizes:
        check_plan(size, level, target)
    _check(sizes, adjust, estimator)
    asked: dict[str, Any] = {"at": at, "baseline": baseline, "seed": seed, "level": level}
    if estimator == "design" and not names:
        values, pilot = _from_design(model, treatment, outcome, asked)
    else:
        asked |= {"draws": draws, "interval": interval, "progress": progress}
        values, pilot = _from_graph(model, treatment, outcome, names, asked)
    counts = _counts(clusters, pilot)
    rows = []
    solvers = make_solvers(pilot, level=level, adjust=adjust, seed=seed)
    for value, solver in zip(values, solvers, strict=True):
        rows += solve_rows(solver, value, float(baseline), sizes, counts, target)
    if progress is not None:
        progress(1.0)
    return Power(
        protocol=model.protocol,
        outcome=model.roles[outcome].label,
        column=model.roles[treatment].column,
        cluster=" x ".join(model.cluster),
        pilot=pilot,
        values=values,
        rows=tuple(rows),
        target=target,
        level=level,
        adjust=adjust,
        seed=seed,
    )


def _from_design(
    model: FittedModel, treatment: str, outcome: str, asked: Mapping[str, Any]
) -> tuple[tuple[float, ...], Pilot]:
    """The compared values and the spread of the design's contrasts; its replicates go unused."""
    e = make_experiment(model, treatment, outcome, **asked, draws=100, through_graph=False)
    return e.at, design_pilot(e)


def _from_graph(
    model: FittedModel,
    treatment: str,
    outcome: str,
    mediators: tuple[str, ...],
    asked: Mapping[str, Any],
) -> tuple[tuple[float, ...], Pilot]:
    """The compared values and the spread of total or indirect effects through the hypergraph."""
    found = (
        mediate(model, treatment, outcome, mediators, **asked).indirect
        if mediators
        else effect_curve(model, treatment, outcome, **asked).graph
    )
    pilot = estimates_pilot(found, model, mediators, f"g-formula through {model.graph}")
    return tuple(e.value for e in found), pilot


def _numbers(given: float | Sequence[float]) -> tuple[float, ...]:
    several = isinstance(given, Iterable) and not isinstance(given, str)
    return read_numbers("effects", given if several else (read_number("effects", given),))


def _check(sizes: tuple[float, ...], adjust: str, estimator: str) -> None:
    if not sizes:
        raise ConfigurationError("no effect to detect: give the smallest one that matters")
    if adjust not in JOINT_TESTS:
        raise ConfigurationError(f"adjust must be one of {JOINT_TESTS}, got {adjust!r}")
    if estimator not in ("design", "graph"):
        raise ConfigurationError(f"estimator must be 'design' or 'graph', got {estimator!r}")


def _counts(clusters: int | Sequence[int] | None, pilot: Pilot) -> tuple[int, ...]:
    """Numbers of clusters to state power for; as many as there are by default."""
    if clusters is None:
        return (pilot.clusters,)
    counts = (clusters,) if isinstance(clusters, int | float) else tuple(clusters)
    fewest = pilot.comparison(0).fewest
    for n in counts:
        if not isinstance(n, int) or n < fewest:
            raise ConfigurationError(
                f"clusters must be whole numbers of at least {fewest} (less leaves no degree of "
                f"freedom), got {n!r}"
            )
    return counts
