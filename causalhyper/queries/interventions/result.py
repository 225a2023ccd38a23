"""The result of an intervention: the outcome's distribution, value by value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.results import Estimate, EstimateResult, decimals

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Intervention(EstimateResult):
    """Distribution of the outcome where nodes are set, value by value.

    Every family is ordered by value, and within a value by quantile, threshold, point or state.

    Attributes
    ----------
    protocol : str
    treatment, outcome : str
        Labels on the scale that was analysed, such as "log2(batch_size)".
    column, outcome_column : str
        Their columns.
    held : str
        Other nodes that are set in every world, such as "sharpness=0.1"; "" for none.
    mean, sd : tuple of Estimate
        Expectation and standard deviation, one a value.
    quantiles, above, density : tuple of Estimate
        Quantiles, probabilities of more than a threshold, densities.
    states : tuple of Estimate
        Probability of each value of the outcome, where all mechanisms that lead to it are
        tables: everything but `extrapolated` is then a sum, and nothing is simulated.
    quantile_levels, thresholds, points : tuple of float
        What those were asked for; thresholds and points in the unit of the outcome's column.
    outcomes : tuple of float
        The values of `states`, in the same unit.
    places : tuple of float
        The points on the outcome's scale, which the density is per unit of.
    bandwidth : float
        Standard deviation of the density's kernel, on the outcome's scale; 0 without a density.
    extrapolated : tuple of float
        Share of simulated runs beyond the observed ones, for each value.
    note : str
        What holds by construction.
    """

    protocol: str
    treatment: str
    outcome: str
    column: str
    outcome_column: str
    held: str
    mean: tuple[Estimate, ...]
    sd: tuple[Estimate, ...]
    quantiles: tuple[Estimate, ...]
    above: tuple[Estimate, ...]
    density: tuple[Estimate, ...]
    states: tuple[Estimate, ...]
    quantile_levels: tuple[float, ...]
    thresholds: tuple[float, ...]
    points: tuple[float, ...]
    outcomes: tuple[float, ...]
    places: tuple[float, ...]
    bandwidth: float
    extrapolated: tuple[float, ...]
    note: str

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Mean, standard deviation, quantiles, exceedance probabilities, densities, states."""
        shape = self.quantiles + self.above + self.density + self.states
        return self.mean + self.sd + shape

    @property
    def verdict(self) -> str:
        """The level at each value, in words."""
        digits = decimals(e.se for e in self.mean)
        also = f" with {self.held}" if self.held else ""
        low, high = min(self.quantile_levels, default=0), max(self.quantile_levels, default=0)
        parts = []
        for i, e in enumerate(self.mean):
            text = f"{e.value:g} gives {e.estimate:.{digits}f} on average ({e.level:.0%} interval "
            text += f"{e.lower:.{digits}f} to {e.upper:.{digits}f})"
            if low < high:
                own = self._of(self.quantiles, i)
                span = f"{own[0].estimate:.{digits}f} and {own[-1].estimate:.{digits}f}"
                text += f" and {high - low:.0%} of runs between {span}"
            parts.append(text)
        return (
            f"Under the protocol “{self.protocol}”, through the hypergraph, {self.outcome} where "
            f"{self.column} is set{also}: {'; '.join(parts)}. Each stands alone: whether two "
            "values differ is for effect_curve to say."
        )

    def _of(self, family: tuple[Estimate, ...], i: int) -> tuple[Estimate, ...]:
        """The estimates of one family at one value."""
        size = len(family) // len(self.mean)
        return family[i * size : (i + 1) * size]

    def summary(self) -> str:
        """The distribution as text."""
        also = f", {self.held}" if self.held else ""
        lines = [f"{self.outcome} given do({self.column}{also})"]
        digits = decimals(e.se for e in self.mean)
        for i, (mean, sd) in enumerate(zip(self.mean, self.sd, strict=True)):
            named = [("mean", mean), ("standard deviation", sd)]
            families = (self.quantiles, self.above, self.states)
            named += [(e.subject, e) for family in families for e in self._of(family, i)]
            lines += [f"{mean.value:>10g}  {k:<18} {e.interval(digits)}" for k, e in named]
        return "\n".join([*lines, *([self.note] if self.note else []), self.verdict])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the densities where they were asked for, otherwise quantiles and means."""
        from causalhyper.figures import plot_densities, plot_quantiles

        if self.density:
            frame = pd.DataFrame(
                {
                    "value": [e.value for e in self.density],
                    "place": self.places * len(self.mean),
                    "density": [e.estimate for e in self.density],
                    "lower": [e.lower for e in self.density],
                    "upper": [e.upper for e in self.density],
                }
            )
            return plot_densities(frame, xlabel=self.outcome, ylabel=self.column, ax=ax)
        rows = [("mean", np.nan, e) for e in self.mean]
        levels = self.quantile_levels * len(self.mean)
        rows += [("quantile", q, e) for q, e in zip(levels, self.quantiles, strict=True)]
        frame = pd.DataFrame(
            [
                {"value": e.value, "kind": kind, "quantile": q, "estimate": e.estimate}
                | {"lower": e.lower, "upper": e.upper, "level": e.level}
                for kind, q, e in rows
            ]
        )
        return plot_quantiles(frame, xlabel=self.column, ylabel=self.outcome, ax=ax)
