"""Answers of a plan: effect, clusters and power, one of them solved for from a pilot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.inference.power import (
    MOST,
    Critical,
    clusters_for,
    detectable,
    pointwise,
    power_of,
    sd_interval,
    simultaneous,
)
from causalhyper.queries.planning.pilots import Pilot

JOINT_TESTS = ("none", "bonferroni", "max_t")
"""How the test counts several values: each by itself, or all together."""


@dataclass(frozen=True, slots=True)
class PowerRow:
    """Effect, clusters and power, one of them solved for; its limits come from the pilot.

    Attributes
    ----------
    solved : str
        "power", "clusters" or "effect": which of the three is the answer.
    value, baseline : float
        The compared values of the treatment's column.
    effect : float
        Difference of means, in units of the outcome's scale.
    clusters : float
        At each value, if values have separate clusters; infinite where none suffice.
    power : float
    lower, upper : float
        Of what is solved for: the confidence interval of the pilot's standard deviation, carried
        through.
    """

    solved: str
    value: float
    baseline: float
    effect: float
    clusters: float
    power: float
    lower: float
    upper: float


COLUMNS = tuple(f.name for f in fields(PowerRow))
"""Columns of the frame of a `Power`, in order."""


@dataclass(frozen=True, slots=True)
class Solver:
    """Solves for one of effect, clusters and power, with limits from the pilot's spread."""

    pilot: Pilot
    i: int
    level: float
    critical: Critical

    @property
    def scales(self) -> tuple[float, float, float]:
        """The pilot's spread, and both ends of its interval, as multiples of it."""
        return (1.0, *sd_interval(1.0, int(self.pilot.df[self.i]), self.level))

    def power(self, effect: float, clusters: int) -> tuple[float, float, float]:
        """Power and its limits."""
        mid, high, low = (
            power_of(self.pilot.comparison(self.i, s), effect, clusters, self.critical)
            for s in self.scales
        )
        return mid, low, high

    def clusters(self, effect: float, target: float) -> tuple[float, float, float]:
        """Clusters and their limits."""
        mid, low, high = (
            clusters_for(self.pilot.comparison(self.i, s), effect, target, self.critical)
            for s in self.scales
        )
        return mid, low, high

    def effect(self, clusters: int, target: float) -> tuple[float, float, float]:
        """Smallest effect and its limits; all are proportional to the spread."""
        found = detectable(self.pilot.comparison(self.i), clusters, target, self.critical)
        _, low, high = self.scales
        return found, low * found, high * found


def make_solvers(pilot: Pilot, *, level: float, adjust: str, seed: int) -> tuple[Solver, ...]:
    """One solver for each contrast of a pilot; they share their critical values.

    Parameters
    ----------
    pilot : Pilot
    level : float
    adjust : str
        One of `JOINT_TESTS`.
    seed : int
        Of the draws behind "max_t".

    Returns
    -------
    tuple of Solver

    Raises
    ------
    ConfigurationError
        If "max_t" is asked of a pilot without correlations.
    """
    if adjust == "max_t":
        if pilot.correlation is None:
            raise ConfigurationError(
                "the hypergraph's estimates carry no correlations for max_t: use bonferroni"
            )
        critical = simultaneous(level, pilot.correlation, seed)
    else:
        critical = pointwise(level, len(pilot.sd) if adjust == "bonferroni" else 1)
    return tuple(Solver(pilot, i, level, critical) for i in range(len(pilot.sd)))


def solve_rows(
    solver: Solver,
    value: float,
    baseline: float,
    effects: Sequence[float],
    clusters: Sequence[int],
    target: float,
) -> list[PowerRow]:
    """All answers for one value: power, then clusters, then smallest effects.

    Parameters
    ----------
    solver : Solver
    value, baseline : float
    effects : sequence of float
    clusters : sequence of int
    target : float

    Returns
    -------
    list of PowerRow
    """
    rows = []
    for effect in effects:
        for n in clusters:
            found, low, high = solver.power(effect, n)
            rows.append(PowerRow("power", value, baseline, effect, n, found, low, high))
        found, low, high = solver.clusters(effect, target)
        if found > MOST:
            raise ConfigurationError(
                f"an effect of {effect:g} at {value:g} is too small: not even {MOST:,} clusters "
                "detect it"
            )
        reached = solver.power(effect, int(found))[0]
        rows.append(PowerRow("clusters", value, baseline, effect, found, reached, low, high))
    for n in clusters:
        found, low, high = solver.effect(n, target)
        rows.append(PowerRow("effect", value, baseline, found, n, target, low, high))
    return rows


def power_curve(solver: Solver, effect: float, most: float) -> pd.DataFrame:
    """Power over clusters: columns clusters, power, lower, upper."""
    counts = np.unique(np.geomspace(solver.pilot.comparison(0).fewest, most, 50).astype(int))
    rows = [(n, *solver.power(effect, int(n))) for n in counts]
    return pd.DataFrame(rows, columns=["clusters", "power", "lower", "upper"])
