"""One effect with everything that a reader needs to judge it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from math import floor, isfinite, isnan, log10

import pandas as pd

from causalhyper.errors import CausalHyperError


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated quantity, its uncertainty and what it rests on.

    Attributes
    ----------
    query : str
        What was asked: "effect_curve.design", "mediate.direct", "ablate.change" and so on.
    treatment : str
        Treatment node.
    value : float
        The value that the treatment is set to, in its column's own unit.
    baseline : float or None
        The value that it is compared with; None for a mean in one world, which is
        compared with nothing;
        NaN for a mean over runs that each had their own.
    estimand : str
        The quantity in the field's notation.
    estimate, se, lower, upper : float
        In units of the outcome's scale; standard error; pointwise interval, which may leave the
        estimate out where it comes from quantiles of a skewed bootstrap.
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
        What else tells it from its neighbours: mediators, operation, path, players, arc or
        hyperedge, quantile, threshold, point, run, or context; "" without any.
    joint_lower, joint_upper : float or None
        Simultaneous band over the values asked for together.
    df : float or None
        Degrees of freedom of the standard error; None where no t refers to them.
    """

    query: str
    treatment: str
    value: float
    baseline: float | None
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
    df: float | None = None

    def __post_init__(self) -> None:
        numbers = (self.estimate, self.se, self.lower, self.upper)
        if not all(map(isfinite, numbers)):
            raise CausalHyperError(
                f"{self.query} {self.subject} at {self.value:g} is not finite: {numbers}; the "
                "model cannot be simulated there. Use straight lines (df=1) or fewer causes"
            )
        if self.lower > self.upper or self.se < 0:
            raise CausalHyperError(
                f"{self.query}: the interval {self.lower:g}..{self.upper:g} must not be reversed, "
                f"and the standard error {self.se:g} be at least 0"
            )

    @property
    def against(self) -> float:
        """The baseline of a contrast; a mean in one world, which has none, is refused."""
        if self.baseline is None:
            raise CausalHyperError(
                f"{self.query} is a mean in one world: it is compared with nothing"
            )
        return self.baseline

    @property
    def excludes_zero(self) -> bool:
        """Whether the pointwise interval leaves zero out."""
        return self.lower > 0 or self.upper < 0

    def interval(self, digits: int = 4) -> str:
        """Estimate and interval to so many decimals, such as "+0.004 [-0.001, +0.009]".

        A mean in one world has no sign in front.
        """
        sign = "-" if self.baseline is None else "+"
        low, high = f"{self.lower:{sign}.{digits}f}", f"{self.upper:{sign}.{digits}f}"
        return f"{self.estimate:{sign}.{digits}f} [{low}, {high}]"


COLUMNS = tuple(f.name for f in fields(Estimate))
"""Columns of every table of estimates, in order."""


def decimals(errors: Iterable[float]) -> int:
    """Decimals at which the median of some standard errors shows two figures.

    Parameters
    ----------
    errors : iterable of float
        Zeros do not count, nor what is rounding beside the largest.

    Returns
    -------
    int
        Between 0 and 20; 4 without any positive error.

    Examples
    --------
    >>> decimals([0.0024, 0.0031, 0.0])
    4
    """
    found = [e for e in errors if isfinite(e)]
    rounding = 1e-12 * max(found, default=0.0)
    positive = sorted(e for e in found if e > rounding)
    if not positive:
        return 4
    return int(min(20, max(0, 1 - floor(log10(positive[len(positive) // 2])))))


def to_frame(estimates: Iterable[Estimate]) -> pd.DataFrame:
    """Tidy frame of estimates: one row each, columns `COLUMNS`, assumptions joined by "; ".

    The baseline of a mean in one world is NaN.
    """
    rows = [
        {name: getattr(e, name) for name in COLUMNS} | {"assumptions": "; ".join(e.assumptions)}
        for e in estimates
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"baseline": "float64"})


def forest_frame(estimates: Iterable[Estimate]) -> pd.DataFrame:
    """Frame for a forest plot: columns label, group, estimate, lower, upper; value by value.

    Labels name the subject too where there are several.
    """
    ordered = sorted(estimates, key=lambda e: e.value)
    several = len({e.subject for e in ordered if e.subject}) > 1
    rows = [
        {
            "label": f"{_words(e.query)} {e.subject if several else ''}".strip(),
            "group": f"{e.value:g}{_versus(e.baseline)}",
            "estimate": e.estimate,
            "lower": e.lower,
            "upper": e.upper,
        }
        for e in ordered
    ]
    return pd.DataFrame(rows, columns=["label", "group", "estimate", "lower", "upper"])


def _versus(baseline: float | None) -> str:
    if baseline is None:
        return ""
    return " against what each had" if isnan(baseline) else f" against {baseline:g}"


def _words(query: str) -> str:
    return query.partition(".")[2].replace("_", " ")
