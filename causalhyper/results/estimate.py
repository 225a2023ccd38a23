"""One effect with everything that a reader needs to judge it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from math import isfinite

import pandas as pd

from causalhyper.errors import CausalHyperError


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated quantity, its uncertainty and what it rests on.

    Attributes
    ----------
    query : str
        What was asked: "effect_curve.design", "mediate.direct", "ablate.effect" and so on.
    treatment : str
        Treatment node.
    value, baseline : float
        The compared values of the treatment's column, in its own unit.
    estimand : str
        The quantity in the field's notation.
    estimate, se, lower, upper : float
        In units of the outcome's scale; bootstrap standard error; pointwise interval.
    level : float
        Of the interval, in (0, 1).
    method : str
        Estimator and interval in words.
    n, clusters : int
        Runs and independent clusters.
    assumptions : tuple of str
        Under which the estimate equals the estimand.
    seed : int
        Of the resampling.
    subject : str
        Node or hyperedge that a mediation or ablation is about; "" otherwise.
    joint_lower, joint_upper : float or None
        Simultaneous band over the values asked for together.
    """

    query: str
    treatment: str
    value: float
    baseline: float
    estimand: str
    estimate: float
    se: float
    lower: float
    upper: float
    level: float
    method: str
    n: int
    clusters: int
    assumptions: tuple[str, ...]
    seed: int
    subject: str = ""
    joint_lower: float | None = None
    joint_upper: float | None = None

    def __post_init__(self) -> None:
        numbers = (self.estimate, self.se, self.lower, self.upper)
        if not all(map(isfinite, numbers)):
            raise CausalHyperError(
                f"{self.query} {self.subject} at {self.value:g} is not finite: {numbers}; the "
                "model cannot be simulated there. Use straight lines (df=1) or fewer causes"
            )
        slack = 1e-9 * max(1.0, abs(self.estimate))
        if not self.lower - slack <= self.estimate <= self.upper + slack or self.se < 0:
            raise CausalHyperError(
                f"{self.query}: the interval {self.lower:g}..{self.upper:g} must hold the "
                f"estimate {self.estimate:g}, and the standard error {self.se:g} be at least 0"
            )

    @property
    def excludes_zero(self) -> bool:
        """Whether the pointwise interval leaves zero out."""
        return self.lower > 0 or self.upper < 0


COLUMNS = tuple(f.name for f in fields(Estimate))
"""Columns of every table of estimates, in order."""


def to_frame(estimates: Iterable[Estimate]) -> pd.DataFrame:
    """Tidy frame of estimates: one row each, columns `COLUMNS`, assumptions joined by "; "."""
    rows = [
        {name: getattr(e, name) for name in COLUMNS} | {"assumptions": "; ".join(e.assumptions)}
        for e in estimates
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
