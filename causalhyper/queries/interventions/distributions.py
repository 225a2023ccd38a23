"""Functionals of simulated outcomes: spread, quantiles, exceedance probabilities, densities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.frames.role import Role
from causalhyper.inference import kernel_densities
from causalhyper.queries.experiments.assumptions import GRAPH_ASSUMES, warn_beyond
from causalhyper.queries.experiments.uncertainty import Uncertainty
from causalhyper.queries.interventions.levels import Levels
from causalhyper.queries.interventions.limits import (
    LimitScale,
    describe_scale,
    find_limits,
    is_exact,
)
from causalhyper.results import Estimate

ASSUMES = (*GRAPH_ASSUMES, "noises of different nodes independent of one another")


@dataclass(frozen=True, slots=True)
class Functionals:
    """What is asked of the outcome's distribution.

    Attributes
    ----------
    role : Role
        Of the outcome.
    quantiles : tuple of float
        Levels in (0, 1).
    above, points : tuple of float
        Thresholds, and where the density is asked for, in the unit of the outcome's column.
    width : float
        Standard deviation of the density's kernel, on the outcome's scale; 0 without a density.
    """

    role: Role
    quantiles: tuple[float, ...]
    above: tuple[float, ...]
    points: tuple[float, ...]
    width: float = 0.0

    def __call__(self, outcomes: Array) -> Array:
        """Standard deviation, quantiles, exceedances, densities of outcomes of shape (r, d, m).

        Shape (r, d, 1 + quantiles + above + points), in that order.
        """
        parts = [outcomes.std(axis=2)[:, :, None]]
        if self.quantiles:
            found = np.quantile(outcomes, self.quantiles, axis=2)
            parts.append(np.moveaxis(found, 0, 2))
        parts += [
            (outcomes > t).mean(axis=2)[:, :, None] for t in self.role.apply(np.array(self.above))
        ]
        if self.points:
            places = self.role.apply(np.array(self.points))
            parts.append(kernel_densities(outcomes, places, self.width))
        return np.concatenate(parts, axis=2)

    def split(self, found: Array) -> dict[str, Array]:
        """Parts of the last axis by name."""
        counts = (1, len(self.quantiles), len(self.above), len(self.points))
        parts = np.split(found, np.cumsum(counts)[:-1], axis=-1)
        return dict(zip(("sd", "quantiles", "above", "density"), parts, strict=True))


def read_functionals(
    role: Role,
    quantiles: Sequence[float],
    above: Sequence[float] | float,
    density: Sequence[float] | None,
) -> Functionals:
    """Check what is asked of the outcome's distribution.

    Parameters
    ----------
    role : Role
        Of the outcome.
    quantiles : sequence of float
        Levels in (0, 1).
    above : float or sequence of float
        Thresholds in the unit of the outcome's column.
    density : sequence of float, optional
        Where the density is asked for, in the same unit.

    Returns
    -------
    Functionals
        Each number once, in increasing order.

    Raises
    ------
    ConfigurationError
        If a quantile lies outside (0, 1), or a number has no place on the outcome's scale.
    """
    levels = _increasing(quantiles, "quantiles")
    if wrong := [q for q in levels if not 0 < q < 1]:
        raise ConfigurationError(
            f"quantiles lie between 0 and 1, such as 0.05 and 0.5; got {wrong[0]:g}"
        )
    thresholds = _increasing(above, "above")
    points = () if density is None else _increasing(density, "density")
    if density is not None and not points:
        raise ConfigurationError(
            f"density needs at least one value of {role.column}, such as those of numpy.linspace"
        )
    for name, numbers in (("above", thresholds), ("density", points)):
        if role.is_logarithmic and numbers and numbers[0] <= 0:
            raise ConfigurationError(
                f"{role.label} is analysed on a logarithmic scale, so {name} needs values above "
                f"0; got {numbers[0]:g}"
            )
    return Functionals(role, levels, thresholds, points)


def _increasing(given: Sequence[float] | float, name: str) -> tuple[float, ...]:
    numbers = np.atleast_1d(np.asarray(given))
    if numbers.size and (numbers.dtype.kind not in "iuf" or numbers.ndim != 1):
        raise ConfigurationError(f"{name} needs numbers, got {given!r}")
    numbers = np.unique(numbers.astype(np.float64))
    if not np.isfinite(numbers).all():
        raise ConfigurationError(f"{name} needs finite numbers, got {given!r}")
    return tuple(numbers.tolist())


@dataclass(frozen=True, slots=True)
class Collector:
    """Makes estimates of what replicates say of levels.

    Attributes
    ----------
    levels : Levels
    uncertainty : Uncertainty
    beyond : tuple of float
        Share of simulated runs beyond the observed ones, for each value.
    method : str
        How the numbers were made, in words.
    """

    levels: Levels
    uncertainty: Uncertainty
    beyond: tuple[float, ...]
    method: str = "g-formula"

    def collect(
        self,
        query: str,
        quantities: Array,
        subjects: Sequence[str],
        estimand: Callable[[str, str], str],
        *,
        scale: LimitScale = "plain",
    ) -> tuple[Estimate, ...]:
        """Estimates of one family, value by value and within a value subject by subject.

        Parameters
        ----------
        query : str
        quantities : ndarray, shape (replicates, d, len(subjects))
            Row 0 is the estimate.
        subjects : sequence of str
        estimand : callable
            Makes the estimand of a setting in words and a subject.
        scale : {"plain", "positive", "log", "logit"}
            What t intervals are made on; `find_limits` has the other kinds. Probabilities
            ("logit") get no simultaneous band.

        Returns
        -------
        tuple of Estimate
            With pointwise intervals, and bands that are simultaneous over the family.
        """
        flat = quantities.reshape(len(quantities), -1)
        spread = self.uncertainty
        # probabilities are shares of 1; a density is not in the outcome's unit
        unit = {"logit": 1.0, "positive": 0.0}.get(scale)
        size = self.levels.model.size(self.levels.outcome) if unit is None else unit
        found = spread.bands(flat, size)
        lower, upper, joint_lower, joint_upper = find_limits(flat[0], found, spread, scale)
        exact = is_exact(flat[0], found, spread, scale)
        model, settings = self.levels.model, product(enumerate(self.levels.at), subjects)
        return tuple(
            Estimate(
                query=query,
                treatment=self.levels.treatment,
                value=value,
                baseline=None,
                estimand=(
                    f"{estimand(self.levels.written(value), subject)}; protocol: {model.protocol}"
                ),
                estimate=float(flat[0, i]),
                se=float(found.se[i]),
                lower=float(lower[i]),
                upper=float(upper[i]),
                level=spread.level,
                method=(
                    f"{self.method} through {model.graph}; {spread}"
                    f"{describe_scale(spread, scale, exact=bool(exact[i]))}"
                ),
                n=model.n,
                clusters=model.clusters,
                assumptions=(*ASSUMES, *self._warnings(at)),
                seed=spread.seed,
                subject=subject,
                joint_lower=None if scale == "logit" else float(joint_lower[i]),
                joint_upper=None if scale == "logit" else float(joint_upper[i]),
                df=None if exact[i] else float(found.df[i]),
            )
            for i, ((at, value), subject) in enumerate(settings)
        )

    def _warnings(self, at: int) -> tuple[str, ...]:
        """What stands against the answer at one value."""
        interpolated = self.levels.interpolated(self.levels.at[at])
        return (*interpolated, *warn_beyond(self.beyond[at]))
