"""Omitted common causes of an arc's two ends: how strong one must be to explain its slope away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import between
from causalhyper.inference.intervals import bands
from causalhyper.inference.partial_r2 import (
    adjusted,
    bias_factor,
    factor_to_doubt,
    robustness_value,
)
from causalhyper.mechanisms.bases import Array
from causalhyper.queries.questions import check_resampling
from causalhyper.queries.robustness.arcs import Arc, find_arc, list_benchmarks
from causalhyper.queries.robustness.findings import Finding, Verdict
from causalhyper.queries.robustness.refitting import require_additive
from causalhyper.results import Estimate, EstimateResult
from causalhyper.scm.model import FittedModel
from causalhyper.scm.replicates import resample

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRID = tuple(np.round(np.arange(0, 0.91, 0.05), 2).tolist())
"""Strengths at which contours are computed, on both sides."""
LEAST = 0.05
"""A slope that a cause of this share of both residual variances puts in doubt is fragile."""
ASSUMES = (
    "linear in the cause: other causes as in the fitted mechanism, the cause as a straight line",
    "the omitted cause acts linearly, and its strengths are those of the population of runs",
)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """An unmeasured cause as strong as an observed one, or some times as strong.

    Attributes
    ----------
    observed : str
        Node.
    kind : {"cause", "left out"}
        Whether the observed node is a cause in the same mechanism (then the strengths are the
        bound of Cinelli and Hazlett), or a node that comes before the arc and is not (then they
        are those that it would itself have; of an assigned treatment's effects only the part
        that the treatment does not explain, because an unmeasured cause is independent of it).
    times : float
    r2_cause, r2_response : float
        Strengths. NaN where no unmeasured cause can be so strong.
    estimate, lower, upper : float
        The slope after such a cause is taken into account.
    """

    observed: str
    kind: str
    times: float
    r2_cause: float
    r2_response: float
    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class ArcSensitivity:
    """What an unmeasured common cause of an arc's two ends could do to its slope.

    Attributes
    ----------
    slope : Estimate
        Units of the head for one unit of the cause, both on their model scale.
    partial_r2 : float
        Of the cause with the head, given the rest: an unmeasured cause that explains the whole
        residual variance of the head must explain as much of the cause's.
    robustness_value : float
        Share of the residual variance of both ends at which the slope is zero.
    robustness_value_interval : float
        The share at which its interval holds zero; 0 where it does already.
    ceiling : float
        Largest share of the cause's variance that anything independent of the assigned treatment
        can explain: what the treatment leaves of it. 1 where nothing is known, as in mechanisms
        with further causes, beside which an unmeasured cause may depend on the treatment.
    response_needed : float
        Share of the head's residual variance that a cause at this ceiling must explain for the
        interval to hold zero; above 1 there can be none. NaN where the ceiling is 1.
    benchmarks : tuple of Benchmark
    contours : DataFrame
        Columns r2_cause, r2_response, estimate, lower, upper.
    """

    slope: Estimate
    partial_r2: float
    robustness_value: float
    robustness_value_interval: float
    ceiling: float
    response_needed: float
    benchmarks: tuple[Benchmark, ...]
    contours: pd.DataFrame

    @property
    def arc(self) -> str:
        """Such as "S -> C"."""
        return self.slope.subject

    @property
    def finding(self) -> Finding:
        """The robustness values held against the strongest benchmark."""
        cause, head = self.arc.split(" -> ")
        already = "" if self.slope.excludes_zero else " holds zero already"
        reading = (
            f"slope {self.slope.interval()}{already}; an unmeasured cause must explain "
            f"{self.robustness_value:.1%} of the residual variance of both {cause} and {head} to "
            f"bring it to zero, {self.robustness_value_interval:.1%} for its interval to hold zero"
        )
        return Finding(
            f"partial R2 ({self.arc})",
            f"an unmeasured cause of {cause} and {head} explains the whole slope",
            f"{reading}{self._beside()}",
            self._verdict(),
        )

    def _beside(self) -> str:
        """What is known of how strong an unmeasured cause could be."""
        parts = []
        cause, head = self.arc.split(" -> ")
        if self.ceiling < 1:
            what = f"{self.response_needed:.1%} of" if self.response_needed <= 1 else "more than"
            parts.append(
                f"what is independent of the assigned treatment explains at most "
                f"{self.ceiling:.1%} of {cause}, and must then explain {what} {head}'s for that"
            )
        if known := self._possible():
            worst = min(known, key=lambda b: b.estimate * np.sign(self.slope.estimate))
            parts.append(f"one as strong as {worst.observed} would leave {worst.estimate:+.4g}")
        return "".join(f"; {p}" for p in parts)

    def _possible(self) -> list[Benchmark]:
        """Benchmarks as strong as what was observed."""
        return [b for b in self.benchmarks if b.times == 1 and np.isfinite(b.estimate)]

    def _verdict(self) -> Verdict:
        """Fragile where a weak cause, or one like one seen, puts the slope in doubt."""
        if not self.slope.excludes_zero:
            return "does not apply"
        if self.response_needed > 1:
            return "holds"
        if self.robustness_value_interval < LEAST:
            return "is fragile"
        for b in self._possible():
            if b.lower <= 0 <= b.upper or b.estimate * self.slope.estimate < 0:
                return "is fragile"
        return "holds"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw contours of the adjusted slope over both strengths, with the benchmarks."""
        from causalhyper.figures import plot_contours

        cause, head = self.arc.split(" -> ")
        marks = [
            {
                "label": f"{b.times:g} x {b.observed}",
                "x": b.r2_cause,
                "y": b.r2_response,
                "estimate": b.estimate,
            }
            for b in self.benchmarks
            if np.isfinite(b.estimate)
        ]
        frame = self.contours.rename(columns={"r2_cause": "x", "r2_response": "y"})
        return plot_contours(
            frame,
            pd.DataFrame(marks, columns=["label", "x", "y", "estimate"]),
            xlabel=f"share of the residual variance of {cause} explained",
            ylabel=f"share of the residual variance of {head} explained",
            title=f"slope of {self.arc} beside an unmeasured cause",
            ax=ax,
        )


@dataclass(frozen=True, slots=True)
class PartialR2(EstimateResult):
    """Sensitivity of the slopes of all arcs between mediators and from them to the outcome.

    Attributes
    ----------
    protocol : str
    arcs : tuple of ArcSensitivity
    """

    protocol: str
    arcs: tuple[ArcSensitivity, ...]

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """The slopes."""
        return tuple(a.slope for a in self.arcs)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One an arc."""
        return tuple(a.finding for a in self.arcs)

    def sensitivity_frame(self) -> pd.DataFrame:
        """One row an arc: slope, interval, partial R2 and robustness values."""
        rows = [
            {
                "arc": a.arc,
                "estimate": a.slope.estimate,
                "se": a.slope.se,
                "lower": a.slope.lower,
                "upper": a.slope.upper,
                "partial_r2": a.partial_r2,
                "robustness_value": a.robustness_value,
                "robustness_value_interval": a.robustness_value_interval,
                "ceiling": a.ceiling,
                "response_needed": a.response_needed,
            }
            for a in self.arcs
        ]
        return pd.DataFrame(rows)

    def benchmark_frame(self) -> pd.DataFrame:
        """One row an arc and benchmark."""
        names = [f.name for f in fields(Benchmark)]
        rows = [[a.arc, *(getattr(b, n) for n in names)] for a in self.arcs for b in a.benchmarks]
        return pd.DataFrame(rows, columns=["arc", *names])

    def contour_frame(self) -> pd.DataFrame:
        """Adjusted slopes over the grid of strengths, one row an arc and pair of strengths."""
        parts = [a.contours.assign(arc=a.arc) for a in self.arcs]
        names = ["arc", "r2_cause", "r2_response", "estimate", "lower", "upper"]
        return pd.concat(parts, ignore_index=True)[names]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the contours of the arc with the smallest robustness value."""
        return min(self.arcs, key=lambda a: a.robustness_value_interval).plot(ax)

    def summary(self) -> str:
        """The findings as text."""
        return "\n".join(str(f) for f in self.findings)


def partial_r2_sensitivity(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    arcs: Sequence[tuple[str, str]] | None = None,
    times: Sequence[float] = (1, 2, 3),
    grid: Sequence[float] = GRID,
    draws: int = 500,
    seed: int = 1,
    level: float = 0.95,
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
    level : float

    Returns
    -------
    PartialR2

    Raises
    ------
    ConfigurationError
        If an arc is none of the hypergraph's, or a mechanism is not additive.

    Notes
    -----
    Source: Cinelli and Hazlett 2020, "Making sense of sensitivity: extending omitted variable
    bias". Their intervals rest on independent errors of equal variance. Here the bias is a
    functional of the population of runs at fixed strengths, estimated in every replicate of the
    cluster bootstrap, as in Chernozhukov, Cinelli, Newey, Sharma and Syrgkanis 2022, "Long story
    short: omitted variable bias in causal machine learning".
    """
    check_resampling(draws, seed, level)
    chosen = _choose(model, treatment, outcome, arcs)
    require_additive(model, [head for _, head in chosen], "partial-R2 sensitivity")
    stream = np.random.default_rng(np.random.SeedSequence(seed).spawn(3)[0])
    weights = resample(model, draws, stream).weights
    df = model.clusters - model.strata
    found = []
    for cause, head in chosen:
        arc = find_arc(model, treatment, cause, head, weights)
        found.append(_assess(model, arc, times, grid, df, level, seed))
    return PartialR2(model.protocol, tuple(found))


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
    arc: Arc,
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
    arc: Arc,
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
    )
