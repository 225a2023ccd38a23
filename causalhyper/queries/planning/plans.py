"""A plan for further clusters, such as seeds, as numbers, rows and words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from typing import TYPE_CHECKING

import pandas as pd

from causalhyper.notebook import Shown
from causalhyper.queries.planning.pilots import Pilot
from causalhyper.queries.planning.rows import COLUMNS, PowerRow, make_solvers, power_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Power(Shown):
    """Plans for further clusters from the runs at hand.

    Attributes
    ----------
    protocol : str
    outcome, column : str
        The outcome's label, the treatment's column.
    cluster : str
        What a cluster is, in words.
    pilot : Pilot
    values : tuple of float
        Compared with the baseline, as the pilot's contrasts.
    rows : tuple of PowerRow
    target, level : float
    adjust : str
        How the test counts several values: "none", "bonferroni" or "max_t".
    seed : int
    """

    protocol: str
    outcome: str
    column: str
    cluster: str
    pilot: Pilot
    values: tuple[float, ...]
    rows: tuple[PowerRow, ...]
    target: float
    level: float
    adjust: str
    seed: int

    def solved(self, what: str) -> tuple[PowerRow, ...]:
        """The rows whose "power", "clusters" or "effect" is the answer."""
        return tuple(row for row in self.rows if row.solved == what)

    @property
    def verdict(self) -> str:
        """How many clusters the smallest effect needs at its hardest value, in words."""
        smallest = min(abs(r.effect) for r in self.solved("clusters"))
        asked = [r for r in self.solved("clusters") if abs(r.effect) == smallest]
        hardest = max(asked, key=lambda r: r.clusters)
        test = "" if self.adjust == "none" else f", {len(self.values)} values tested together"
        through = f" through {', '.join(self.pilot.mediators)}" if self.pilot.mediators else ""
        caution = (
            " The error of an indirect effect grows with the effect; here it is held at the "
            "pilot's, so trust effects near those that the pilot found."
            if through
            else ""
        )
        return (
            f"Under the protocol “{self.protocol}”, {_count(hardest.clusters)} {self.unit} "
            f"({_count(hardest.lower)} to {_count(hardest.upper)} by the {self.level:.0%} "
            f"interval of the pilot's spread) detect an effect of {smallest:g} of {self.column} "
            f"on {self.outcome}{through} at every value asked, with power {self.target:.0%} at "
            f"the {1 - self.level:.2g} level{test}; hardest is {hardest.value:g} against "
            f"{hardest.baseline:g}.{caution}"
        )

    @property
    def unit(self) -> str:
        """What is counted, in words."""
        where = " at each value" if self.pilot.arms == 2 else " like those at hand"
        return f"clusters ({self.cluster}){where}"

    def to_frame(self) -> pd.DataFrame:
        """One row an answer; columns `COLUMNS`."""
        return pd.DataFrame([asdict(row) for row in self.rows], columns=list(COLUMNS))

    def curves(self) -> pd.DataFrame:
        """Power over clusters at each effect's hardest value, one row a point of a curve.

        Columns label, clusters, power, lower, upper.
        """
        every = self.solved("clusters")
        effects = dict.fromkeys(r.effect for r in every)
        asked = [
            max((r for r in every if r.effect == size), key=lambda r: r.clusters)
            for size in effects
        ]
        most = max([2.0 * self.pilot.clusters, *(1.3 * r.clusters for r in asked)])
        made = make_solvers(self.pilot, level=self.level, adjust=self.adjust, seed=self.seed)
        solvers = dict(zip(self.values, made, strict=True))
        parts = [
            power_curve(solvers[r.value], r.effect, most).assign(
                label=f"{r.effect:g} ({r.value:g} against {r.baseline:g})"
            )
            for r in asked
        ]
        return pd.concat(parts, ignore_index=True)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw power over clusters for each effect, at its hardest value, with the target."""
        from causalhyper.figures import plot_power

        return plot_power(
            self.curves(), target=self.target, at=self.pilot.clusters, xlabel=self.unit, ax=ax
        )

    def summary(self) -> str:
        """The plans as text, ending in the verdict."""
        lines = [f"{self.column} on {self.outcome}: {self.pilot.how} ({self.protocol})"]
        for r in self.rows:
            power = f"{r.power:.2f}"
            words = {
                "power": f"power {power} [{r.lower:.2f}, {r.upper:.2f}]",
                "clusters": f"needs {_count(r.clusters)} clusters "
                f"[{_count(r.lower)}, {_count(r.upper)}]",
                "effect": f"smallest effect {r.effect:.3g} [{r.lower:.3g}, {r.upper:.3g}]",
            }
            given = {
                "power": f"effect {r.effect:g}, {_count(r.clusters)} clusters",
                "clusters": f"effect {r.effect:g}, power {power}",
                "effect": f"{_count(r.clusters)} clusters, power {power}",
            }
            lines.append(f"{r.value:>10g}  {given[r.solved]}: {words[r.solved]}")
        return "\n".join([*lines, self.verdict])


def _count(clusters: float) -> str:
    return f"{clusters:,.0f}" if isfinite(clusters) else "more than any number of"
