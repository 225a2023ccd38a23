"""E-values of several effects, and what they say."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from causalhyper.notebook import Shown
from causalhyper.queries.robustness.findings import Finding, Verdict, farthest_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes


Scale = Literal["difference", "ratio"]


LEAST = 1.5
"""An interval whose E-value is below this is fragile."""


@dataclass(frozen=True, slots=True)
class EValue:
    """One effect's E-value.

    Attributes
    ----------
    query : str
        Such as "mediate.indirect".
    subject : str
        The mediator; "" for total effects.
    value, baseline : float
    estimate, lower, upper : float
        The effect: a difference of means, or a log ratio of means.
    ratio, ratio_lower, ratio_upper : float
        Its risk ratio.
    e_value : float
        Of the risk ratio.
    e_value_interval : float
        Of the interval's end nearest 1; 1 where the interval holds 1.
    """

    query: str
    subject: str
    value: float
    baseline: float
    estimate: float
    lower: float
    upper: float
    ratio: float
    ratio_lower: float
    ratio_upper: float
    e_value: float
    e_value_interval: float


@dataclass(frozen=True, slots=True)
class EValues(Shown):
    """E-values of the total effect and of those through mediators.

    Attributes
    ----------
    scale : {"difference", "ratio"}
    sd : float
        The outcome's standard deviation that differences are measured in; NaN for ratios.
    values : tuple of EValue
    assumptions : tuple of str
    assigned : bool
        Whether the treatment was assigned: then no unmeasured cause can explain the total effect
        by design, and only what goes through mediators is in question.
    """

    scale: Scale
    sd: float
    values: tuple[EValue, ...]
    assumptions: tuple[str, ...]
    assigned: bool

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One an effect at the treatment value farthest from the baseline.

        Natural effects, and those that are zero or the total by construction, are left to the
        frame.
        """
        asked = [v for v in self.values if v.value == self._widest()]
        empty = {v.subject for v in asked if v.lower == v.upper}
        wanted = ("effect_curve.graph", "mediate.direct", "mediate.indirect")
        if self.scale == "ratio":
            wanted = ("effect_curve.graph", "mediate.natural_direct", "mediate.natural_indirect")
        return tuple(_read(self, v) for v in asked if v.query in wanted and v.subject not in empty)

    def _widest(self) -> float:
        return farthest_value([v.value for v in self.values], self.values[0].baseline)

    def to_frame(self) -> pd.DataFrame:
        """One row an effect and treatment value; columns of `EValue`."""
        names = [f.name for f in fields(EValue)]
        return pd.DataFrame([[getattr(v, n) for n in names] for v in self.values], columns=names)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the logarithms of the risk ratios with their intervals."""
        from causalhyper.figures import plot_forest

        rows = [
            {
                "label": f"{_words(v.query)} {v.subject}".strip(),
                "group": f"{v.value:g} against {v.baseline:g}",
                "estimate": np.log(v.ratio),
                "lower": np.log(v.ratio_lower),
                "upper": np.log(v.ratio_upper),
            }
            for v in sorted(self.values, key=lambda v: v.value)
        ]
        return plot_forest(pd.DataFrame(rows), xlabel="log risk ratio", ax=ax)

    def summary(self) -> str:
        """The findings as text, and what they rest on."""
        return "\n".join([*(str(f) for f in self.findings), *self.assumptions])


def _words(query: str) -> str:
    return query.partition(".")[2].replace("_", " ")


def _read(found: EValues, v: EValue) -> Finding:
    where = f" through {v.subject}" if v.subject else ""
    name = _words(v.query) if v.subject else "total"
    reading = (
        f"risk ratio {v.ratio:.3g} [{v.ratio_lower:.3g}, {v.ratio_upper:.3g}] at {v.value:g}: "
        f"E-value {v.e_value:.2f}, of its interval {v.e_value_interval:.2f}"
    )
    if not v.subject and found.assigned:
        reading += "; the treatment was assigned, so that the design's contrast needs none"
    verdict: Verdict = "holds" if v.e_value_interval >= LEAST else "is fragile"
    if v.lower <= 0 <= v.upper:
        verdict = "does not apply"
        reading += "; its interval holds no effect already, so that nothing is to be explained"
    return Finding(f"E-value ({name}{where})", "an unmeasured cause explains it", reading, verdict)
