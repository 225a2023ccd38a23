"""Effects over correlations of errors: where they are zero, and where the gap closes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.mechanisms.bases import Array
from causalhyper.queries.effects import GRAPH_ASSUMES, farthest
from causalhyper.queries.experiment import Experiment
from causalhyper.queries.robustness.findings import Finding, Verdict
from causalhyper.results import COLUMNS, Estimate, EstimateResult, to_frame
from causalhyper.scm.replicates import Replicates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PARTS = {
    "total": "E[Y(b)] - E[Y(b0)]",
    "natural_direct": "E[Y(b, M(b0))] - E[Y(b0)]",
    "natural_indirect": "E[Y(b)] - E[Y(b, M(b0))]",
    "gap": "E[Y(b)] - E[Y(b0)] by the hypergraph less the same by the design",
}
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


@dataclass(frozen=True, slots=True)
class PairSensitivity:
    """Effects if the errors of two mechanisms are correlated.

    Attributes
    ----------
    pair : tuple of str
        The earlier and the later node.
    curves : tuple of RhoCurve
        One for each effect and treatment value.
    """

    pair: tuple[str, str]
    curves: tuple[RhoCurve, ...]

    @property
    def name(self) -> str:
        """Such as "S ~ G"."""
        return " ~ ".join(self.pair)

    def widest(self, part: str) -> RhoCurve | None:
        """The curve of one effect at the treatment value farthest from the baseline."""
        own = [c for c in self.curves if c.part == part]
        if not own:
            return None
        value = farthest([c.uncorrelated for c in own]).value
        return next(c for c in own if c.value == value)

    @property
    def whole(self) -> bool:
        """Whether the indirect effect is the total by construction, or there is none."""
        direct = self.widest("natural_direct")
        return direct is None or all(e.estimate == 0 and e.se == 0 for e in direct.estimates)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What undoes the total and the indirect effect, and what closes the gap."""
        null = f"an unmeasured cause of {self.pair[0]} and {self.pair[1]} undoes the effect"
        out = []
        for part in ("total",) if self.whole else ("total", "natural_indirect"):
            if curve := self.widest(part):
                label = part.replace("_", " ")
                out.append(
                    Finding(
                        f"correlated errors ({self.name}, {label})",
                        null,
                        _read(curve),
                        _verdict(curve),
                    )
                )
        if gap := self.widest("gap"):
            null = f"an unmeasured cause of {self.pair[0]} and {self.pair[1]} explains the gap"
            test = f"correlated errors ({self.name}, gap)"
            out.append(Finding(test, null, _read_gap(gap), _gap_verdict(gap)))
        return tuple(out)

    def plot(self, ax: Axes | None = None, part: str = "natural_indirect") -> Axes:
        """Draw one effect over the correlations, at the widest contrast."""
        from causalhyper.figures import plot_sensitivity_curve

        curve = self.widest(part) or self.curves[0]
        frame = to_frame(curve.estimates).assign(x=curve.rhos)
        marks = {"zero": curve.zero, "interval holds zero": curve.doubt}
        return plot_sensitivity_curve(
            frame,
            marks={k: v for k, v in marks.items() if np.isfinite(v)},
            xlabel=f"correlation of the errors of {self.pair[0]} and {self.pair[1]}",
            ylabel=f"{curve.part.replace('_', ' ')}, {curve.value:g}",
            ax=ax,
        )


@dataclass(frozen=True, slots=True)
class CorrelatedErrors(EstimateResult):
    """Effects over correlations of errors, pair by pair.

    Attributes
    ----------
    protocol : str
    pairs : tuple of PairSensitivity
    """

    protocol: str
    pairs: tuple[PairSensitivity, ...]

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Every estimate; its subject names pair and correlation."""
        return tuple(e for p in self.pairs for c in p.curves for e in c.estimates)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Up to three a pair."""
        return tuple(f for p in self.pairs for f in p.findings)

    def to_frame(self) -> pd.DataFrame:
        """One row an estimate; columns pair, rho, part, then those of every estimate."""
        parts = [
            to_frame(c.estimates).assign(pair=p.name, rho=c.rhos, part=c.part)
            for p in self.pairs
            for c in p.curves
        ]
        return pd.concat(parts, ignore_index=True)[["pair", "rho", "part", *COLUMNS]]

    def roots_frame(self) -> pd.DataFrame:
        """One row a pair, effect and treatment value: where it is zero, and where in doubt."""
        rows = [
            {
                "pair": p.name,
                "part": c.part,
                "value": c.value,
                "estimate": c.uncorrelated.estimate,
                "rho_zero": c.zero,
                "rho_interval": c.doubt,
            }
            for p in self.pairs
            for c in p.curves
        ]
        return pd.DataFrame(rows)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the indirect effect of the last pair with the outcome over the correlations."""
        return self.pairs[-1].plot(ax)

    def summary(self) -> str:
        """The findings as text."""
        return "\n".join(str(f) for f in self.findings)


def collect_pair(
    experiment: Experiment,
    pair: tuple[str, str],
    grid: tuple[float, ...],
    quantities: Sequence[dict[str, Array]],
    effects: Callable[[float, Replicates], dict[str, Array]],
) -> PairSensitivity:
    """Estimates and roots of one pair.

    Parameters
    ----------
    experiment : Experiment
    pair : tuple of str
    grid : tuple of float
    quantities : sequence of dict of str to ndarray, shape (replicates, values)
        One dict a correlation.
    effects : callable
        Effects at any correlation, for the replicates given; to find roots more exactly.

    Returns
    -------
    PairSensitivity
    """
    single = experiment.replicates.part(slice(1))
    curves = []
    for part in quantities[0]:
        by_rho = [
            _estimates(experiment, pair, part, rho, q[part])
            for rho, q in zip(grid, quantities, strict=True)
        ]
        for i, value in enumerate(experiment.at):
            own = tuple(es[i] for es in by_rho)

            def point(rho: float, part: str = part, i: int = i) -> float:
                return float(effects(rho, single)[part][0, i])

            zero = _nearest_root(grid, [e.estimate for e in own], point)
            doubt = _nearest_doubt(grid, own, zero)
            curves.append(RhoCurve(part, value, grid, own, zero, doubt))
    return PairSensitivity(pair, tuple(curves))


def _estimates(
    experiment: Experiment, pair: tuple[str, str], part: str, rho: float, quantities: Array
) -> tuple[Estimate, ...]:
    model = experiment.model
    label, column = model.roles[experiment.outcome].label, model.roles[experiment.treatment].column
    about = f"Y={label}, M={{{pair[0]}}}, {column}"
    return experiment.estimates(
        f"correlated_errors.{part}",
        quantities,
        estimand=lambda value: (
            f"{PARTS[part]}, {about} b={value:g}, b0={experiment.baseline:g}, if the errors of "
            f"{pair[0]} and {pair[1]} have correlation {rho:g}"
        ),
        method=(
            f"control function in {pair[1]}'s mechanism, g-formula through {model.graph}; "
            f"{experiment.interval}"
        ),
        assumptions=(
            *(GRAPH_ASSUMES[0], GRAPH_ASSUMES[2]),
            f"no unmeasured common cause but of {pair[0]} and {pair[1]}, whose errors are linear "
            "in each other on average (as normal errors are)",
            *(
                ("cross-world: the noise of every node is the same in both worlds",)
                if part.startswith("natural")
                else ()
            ),
        ),
        subject=f"{pair[0]} ~ {pair[1]}, rho={rho:g}",
    )


def _nearest_root(
    grid: Sequence[float], values: Sequence[float], point: Callable[[float], float]
) -> float:
    """The root nearest 0: bracketed in the grid, then halved to 1e-6."""
    scale = 1e-12 + 1e-9 * max(map(abs, values))
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


def _nearest_doubt(grid: Sequence[float], own: Sequence[Estimate], zero: float) -> float:
    """The correlation nearest 0 at which the interval holds zero, by linear interpolation."""
    ends = [e.lower if own[grid.index(0.0)].estimate > 0 else -e.upper for e in own]
    if ends[grid.index(0.0)] <= 0:
        return 0.0
    found = [] if np.isnan(zero) else [zero]
    for a, b, fa, fb in zip(grid, grid[1:], ends, ends[1:], strict=False):
        if fa * fb < 0:
            found.append(a + (b - a) * fa / (fa - fb))
    return float(min(found, key=abs)) if found else float("nan")


def _read(curve: RhoCurve) -> str:
    own = curve.uncorrelated
    start = f"{own.interval()} at {curve.value:g} without correlation"
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


def _verdict(curve: RhoCurve) -> Verdict:
    if not curve.uncorrelated.excludes_zero:
        return "does not apply"
    return "is fragile" if abs(curve.doubt) < LEAST else "holds"


def _read_gap(curve: RhoCurve) -> str:
    own = curve.uncorrelated
    start = f"gap {own.interval()} at {curve.value:g}"
    moved = max(abs(e.estimate - own.estimate) for e in curve.estimates)
    if moved <= 0.01 * own.se:
        return f"{start}; it does not depend on this correlation"
    pairs = zip(curve.rhos, curve.estimates, strict=True)
    fits = [r for r, e in pairs if e.lower <= 0 <= e.upper]
    where = f"; its interval holds zero for {fits[0]:g} to {fits[-1]:g}" if fits else ""
    if np.isnan(curve.zero):
        return f"{start}; no correlation in the grid closes it{where}"
    return f"{start}; it would vanish at rho = {curve.zero:+.2f}{where}"


def _gap_verdict(curve: RhoCurve) -> Verdict:
    """Fragile where the hypergraph needs this unmeasured cause to agree with the design."""
    if not curve.uncorrelated.excludes_zero:
        return "holds"
    return "does not apply" if np.isnan(curve.zero) and np.isnan(curve.doubt) else "is fragile"
