"""One effect over correlations of errors: where it is zero or in doubt, in numbers and words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.queries.robustness.findings import Verdict
from causalhyper.results import Estimate, decimals

LEAST = 0.3
"""A correlation of errors below this that undoes an effect makes it fragile: an unmeasured cause
of 30% of the residual variance of both."""


@dataclass(frozen=True, slots=True)
class RhoCurve:
    """One effect at one treatment value over the grid of correlations.

    Attributes
    ----------
    part : str
        One of `PARTS`.
    value : float
    rhos : tuple of float
    estimates : tuple of Estimate
        One for each correlation.
    zero : float
        Correlation nearest 0 at which the effect is zero; NaN if there is none in the grid.
    doubt : float
        Correlation nearest 0 at which the pointwise interval holds zero (0 where it does as
        estimated), interpolated in the grid; NaN if there is none.
    """

    part: str
    value: float
    rhos: tuple[float, ...]
    estimates: tuple[Estimate, ...]
    zero: float
    doubt: float

    @property
    def uncorrelated(self) -> Estimate:
        """The effect at rho = 0."""
        return self.estimates[self.rhos.index(0.0)]


def nearest_root(
    grid: Sequence[float], values: Sequence[float], point: Callable[[float], float]
) -> float:
    """The root nearest 0: bracketed in the grid, then halved to 1e-6."""
    scale = 1e-9 * max(map(abs, values))
    if abs(values[grid.index(0.0)]) <= scale:
        return 0.0
    roots = []
    for a, b, fa, fb in zip(grid, grid[1:], values, values[1:], strict=False):
        if fa * fb < 0:
            low, high, sign = a, b, np.sign(fa)
            while high - low > 1e-6:
                middle = (low + high) / 2
                low, high = (middle, high) if point(middle) * sign > 0 else (low, middle)
            roots.append((low + high) / 2)
    return min(roots, key=abs) if roots else float("nan")


def nearest_doubt(grid: Sequence[float], own: Sequence[Estimate], zero: float) -> float:
    """The correlation nearest 0 at which the interval holds zero, by linear interpolation."""
    ends = [e.lower if own[grid.index(0.0)].estimate > 0 else -e.upper for e in own]
    if ends[grid.index(0.0)] <= 0:
        return 0.0
    found = [] if np.isnan(zero) else [zero]
    for a, b, fa, fb in zip(grid, grid[1:], ends, ends[1:], strict=False):
        if fa * fb < 0:
            found.append(a + (b - a) * fa / (fa - fb))
    return float(min(found, key=abs)) if found else float("nan")


def read_curve(curve: RhoCurve) -> str:
    """What undoes the effect, in words."""
    own = curve.uncorrelated
    start = f"{own.interval(decimals([own.se]))} at {curve.value:g} without correlation"
    if not own.excludes_zero:
        return f"{start}: its interval holds zero already, so that nothing is to be undone"
    doubt = _strength(curve.doubt, "makes its interval hold zero")
    zero = _strength(curve.zero, "makes it zero")
    if np.isnan(curve.doubt) and np.isnan(curve.zero):
        ends = f"{curve.rhos[0]:g} to {curve.rhos[-1]:g}"
        return f"{start}; no correlation from {ends} undoes it"
    return f"{start}; {doubt}, {zero}"


def _strength(rho: float, what: str) -> str:
    if np.isnan(rho):
        return f"none in the grid {what}"
    return f"rho = {rho:+.2f} (a cause of {abs(rho):.0%} of both residual variances) {what}"


def judge_curve(curve: RhoCurve) -> Verdict:
    """Fragile where a weak unmeasured cause puts the effect in doubt."""
    if not curve.uncorrelated.excludes_zero:
        return "does not apply"
    return "is fragile" if abs(curve.doubt) < LEAST else "holds"


def read_gap(curve: RhoCurve) -> str:
    """What closes the gap, in words."""
    own = curve.uncorrelated
    start = f"gap {own.interval(decimals([own.se]))} at {curve.value:g}"
    moved = max(abs(e.estimate - own.estimate) for e in curve.estimates)
    if moved <= 0.01 * own.se:
        return f"{start}; it does not depend on this correlation"
    pairs = zip(curve.rhos, curve.estimates, strict=True)
    fits = [r for r, e in pairs if e.lower <= 0 <= e.upper]
    where = f"; its interval holds zero for {fits[0]:g} to {fits[-1]:g}" if fits else ""
    if np.isnan(curve.zero):
        return f"{start}; no correlation in the grid closes it{where}"
    return f"{start}; it would vanish at rho = {curve.zero:+.2f}{where}"


def judge_gap(curve: RhoCurve) -> Verdict:
    """Fragile where the hypergraph needs this unmeasured cause to agree with the design."""
    if not curve.uncorrelated.excludes_zero:
        return "holds"
    return "does not apply" if np.isnan(curve.zero) and np.isnan(curve.doubt) else "is fragile"
