"""How sensitive the slopes of arcs are to unmeasured common causes of their ends."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.queries.robustness.findings import Finding, Verdict
from causalhyper.results import Estimate, EstimateResult, decimals

if TYPE_CHECKING:
    from matplotlib.axes import Axes


LEAST = 0.05
"""A slope that a cause of this share of both residual variances puts in doubt is fragile."""


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
class ArcSensitivity(EstimateResult):
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
    def estimates(self) -> tuple[Estimate, ...]:
        """The slope."""
        return (self.slope,)

    def summary(self) -> str:
        """The finding as text."""
        return str(self.finding)

    @property
    def arc(self) -> str:
        """Such as "S -> C"."""
        return self.slope.subject

    @property
    def finding(self) -> Finding:
        """The robustness values held against the strongest benchmark."""
        cause, head = self.arc.split(" -> ")
        already = "" if self.slope.excludes_zero else " holds zero already"
        digits = decimals([self.slope.se])
        reading = (
            f"slope {self.slope.interval(digits)}{already}; an unmeasured cause must explain "
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
