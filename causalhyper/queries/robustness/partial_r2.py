"""Omitted common causes of an arc's two ends: how strong one must be to explain its slope away."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import between
from causalhyper.inference.intervals import bands
from causalhyper.inference.partial_r2 import (
    adjusted,
    bias_factor,
    factor_to_doubt,
    robustness_value,
)
from causalhyper.mechanisms import AdditiveFit
from causalhyper.progress import Progress, track_all
from causalhyper.queries.experiments.resampling import resample_model
from causalhyper.queries.robustness.arc_sensitivity import ArcSensitivity, Benchmark, PartialR2
from causalhyper.queries.robustness.arcs import ArcRegression, list_benchmarks, regress_arc
from causalhyper.results import Estimate
from causalhyper.scm.capabilities import require_additive_nodes
from causalhyper.scm.model import FittedModel

STRENGTHS = tuple(np.round(np.arange(0, 0.91, 0.05), 2).tolist())
"""Strengths at which contours are computed, on both sides."""
NOISELESS = 1e-10
"""Share of a node's size below which what its mechanism leaves is rounding."""
ASSUMES = (
    "linear in the cause: other causes as in the fitted mechanism, the cause as a straight line",
    "the omitted cause acts linearly, and its strengths are those of the population of runs",
)


def partial_r2_sensitivity(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    arcs: Sequence[tuple[str, str]] | None = None,
    times: Sequence[float] = (1, 2, 3),
    grid: Sequence[float] = STRENGTHS,
    draws: int = 500,
    seed: int = 1,
    level: float = 0.95,
    progress: Progress | None = None,
) -> PartialR2:
    """Ask of each arc how strong an unmeasured common cause must be to explain it away.

    The slope is that of the head on the cause in one linear regression on everything else that
    the head's mechanism holds, with an intercept for each context.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    arcs : sequence of (cause, head), optional
        By default every arc from a node between treatment and outcome to another such node or
        to the outcome: the treatment itself was assigned.
    times : sequence of float
        Strengths of unmeasured causes relative to observed ones.
    grid : sequence of float
        Strengths, in [0, 1), for the contours.
    draws : int
        Cluster-bootstrap replicates.
    seed : int
        Of everything random, not negative.
    level : float
        Confidence of the intervals, in (0, 1).
    progress : callable, optional
        Called with the share of the work done, in [0, 1].

    Returns
    -------
    PartialR2

    Raises
    ------
    ConfigurationError
        If an arc is none of the hypergraph's, or a mechanism is not additive or leaves no noise.

    Notes
    -----
    Source: Cinelli and Hazlett 2020, "Making sense of sensitivity: extending omitted variable
    bias". Their intervals rest on independent errors of equal variance. Here the bias is a
    functional of the population of runs at fixed strengths, estimated in every replicate of the
    cluster bootstrap, as in Chernozhukov, Cinelli, Newey, Sharma and Syrgkanis 2022, "Long story
    short: omitted variable bias in causal machine learning". Intervals are the bootstrap's, as the
    robustness value of an interval solves for where that interval reaches zero.
    """
    chosen = _choose(model, treatment, outcome, arcs)
    require_additive_nodes(model, [head for _, head in chosen], "partial-R2 sensitivity")
    require_noise(model, [head for _, head in chosen])
    drawn = resample_model(model, draws=draws, seed=seed, level=level, interval="bootstrap")
    weights = drawn.replicates.weights
    df = drawn.uncertainty.df
    found = []
    for cause, head in track_all(chosen, progress):
        arc = regress_arc(model, treatment, cause, head, weights)
        found.append(_assess(model, arc, times, grid, df, level, seed))
    return PartialR2(model.protocol, tuple(found))


def require_noise(model: FittedModel, nodes: Sequence[str]) -> None:
    """Refuse nodes that are functions of their causes: nothing is left for another cause."""
    for node in nodes:
        fit = model.mechanisms[node].fit
        if isinstance(fit, AdditiveFit):
            left = np.abs(fit.response - fit.fitted).max()
            if left <= NOISELESS * model.size(node):
                raise ConfigurationError(
                    f"{node} does not vary given its causes in {model.graph}, so no unmeasured "
                    "cause is left in it"
                )


def _choose(
    model: FittedModel,
    treatment: str,
    outcome: str,
    arcs: Sequence[tuple[str, str]] | None,
) -> list[tuple[str, str]]:
    inside = between(model.graph, treatment, outcome)
    if arcs is None:
        chosen = [a for a in model.graph.arcs if a[0] in inside and a[1] in {*inside, outcome}]
        if not chosen:
            raise ConfigurationError(
                f"no arc of {model.graph} starts from a node between {treatment} and {outcome}: "
                "name arcs, such as [('S', 'G')]"
            )
        return chosen
    for arc in arcs:
        if tuple(arc) not in model.graph.arcs:
            raise ConfigurationError(f"{arc!r} is no arc of {model.graph}: name (cause, head)")
    return [(a, b) for a, b in arcs]


def _assess(
    model: FittedModel,
    arc: ArcRegression,
    times: Sequence[float],
    grid: Sequence[float],
    df: int,
    level: float,
    seed: int,
) -> ArcSensitivity:
    """Everything about one arc."""
    found = arc.slopes

    def interval(factors: Array) -> tuple[Array, Array, Array]:
        moved = adjusted(found, factors)
        made = bands(moved[0], moved[1:], df=df, level=level, seed=seed)
        return moved[0], made.lower, made.upper

    strengths = np.asarray(grid, dtype=np.float64)
    x, y = (a.ravel() for a in np.meshgrid(strengths, strengths, indexing="ij"))
    estimate, lower, upper = interval(bias_factor(x, y))
    contours = pd.DataFrame(
        {"r2_cause": x, "r2_response": y, "estimate": estimate, "lower": lower, "upper": upper}
    )
    marks = list_benchmarks(model, arc, times)
    possible = np.array([np.isfinite(m[3]) for m in marks], dtype=bool)
    effects = np.full((3, len(marks)), np.nan)
    if possible.any():
        strong = np.array([m[3:] for m in marks])[possible].T
        effects[:, possible] = interval(bias_factor(strong[0], strong[1]))
    cohen, doubt = abs(found.slope[0]) / found.ratio[0], factor_to_doubt(found, df=df, level=level)
    known = 0 < arc.ceiling < 1
    return ArcSensitivity(
        slope=_slope_estimate(model, arc, interval, df, level, seed),
        partial_r2=float(cohen**2 / (1 + cohen**2)),
        robustness_value=float(robustness_value(cohen)),
        robustness_value_interval=float(robustness_value(doubt)),
        ceiling=arc.ceiling,
        response_needed=doubt**2 * (1 - arc.ceiling) / arc.ceiling if known else np.nan,
        benchmarks=tuple(
            Benchmark(*m, *map(float, e)) for m, e in zip(marks, effects.T, strict=True)
        ),
        contours=contours,
    )


def _slope_estimate(
    model: FittedModel,
    arc: ArcRegression,
    interval: Callable[[Array], tuple[Array, Array, Array]],
    df: int,
    level: float,
    seed: int,
) -> Estimate:
    estimate, lower, upper = (float(a[0]) for a in interval(np.zeros(1)))
    cause, head = model.roles[arc.cause].label, model.roles[arc.head].label
    return Estimate(
        query="partial_r2.slope",
        treatment=arc.cause,
        value=1.0,
        baseline=0.0,
        estimand=(
            f"slope of {head} in {cause}, given the other terms of {arc.head}'s mechanism; "
            f"protocol: {model.protocol}"
        ),
        estimate=estimate,
        se=float(arc.slopes.slope[1:].std(ddof=1)),
        lower=lower,
        upper=upper,
        level=level,
        method=(
            "least squares within contexts; cluster bootstrap standard errors "
            f"({len(arc.slopes.slope) - 1} replicates of {model.clusters} clusters), "
            f"t({df}) intervals"
        ),
        n=model.n,
        clusters=model.clusters,
        assumptions=ASSUMES,
        seed=seed,
        subject=f"{arc.cause} -> {arc.head}",
        df=float(df),
    )
