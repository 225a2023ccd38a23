"""From replicates of some quantities to estimates with intervals of the kind asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

import numpy as np

from causalhyper.arrays import Array, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.inference import (
    Bands,
    LeftOut,
    acceleration,
    bands,
    basic_limits,
    bca_limits,
    jackknife_variances,
    percentile_limits,
    satterthwaite_df,
    studentized_limits,
)
from causalhyper.scm.model import FittedModel
from causalhyper.scm.replicates import Jackknife, Replicates

IntervalKind = Literal["t", "jackknife", "bootstrap", "percentile", "basic", "bca", "studentized"]
"""How intervals are made; docs/intervals.md says which when."""
INTERVALS: tuple[IntervalKind, ...] = get_args(IntervalKind)
FEW = 100
"""Clusters up to which "t" means the jackknife's standard error; beyond, the bootstrap's."""


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """How replicates become intervals.

    Attributes
    ----------
    clusters, strata : int
        Independent clusters, and strata that they were drawn from.
    replicates : int
        Bootstrap replicates.
    redrawn : int
        Replicates drawn again because something could not be fitted to them.
    level : float
    seed : int
    kind : str
        One of `INTERVALS`, but never "t": that has been resolved.
    left : LeftOut or None
        What was left out of the replicates behind the bootstrap's.
    note : str
        What was done instead of what was asked, and why; "" where nothing was.
    free : int or None
        Degrees of freedom of the bootstrap's standard errors; None for clusters less strata.
    """

    clusters: int
    strata: int
    replicates: int
    redrawn: int
    level: float
    seed: int
    kind: IntervalKind = "bootstrap"
    left: LeftOut | None = None
    note: str = ""
    free: int | None = None

    @property
    def df(self) -> int:
        """Degrees of freedom when all strata vary alike: clusters less strata."""
        return self.clusters - self.strata if self.free is None else self.free

    @property
    def symmetric(self) -> bool:
        """Whether pointwise intervals are the estimate and a t quantile of errors either way."""
        return self.kind in ("jackknife", "bootstrap")

    def draws(self, quantities: Array) -> Array:
        """The bootstrap replicates among quantities of shape (rows, ...)."""
        return quantities[1 : 1 + self.replicates]

    def within(self, enough: Flags, clusters: int, df: int) -> tuple[Uncertainty, Flags]:
        """The same of some of the runs, which not every replicate says something of.

        Parameters
        ----------
        enough : ndarray of bool, shape (rows,)
            Which rows of the quantities say something; the first always does.
        clusters, df : int
            Of these runs.

        Returns
        -------
        Uncertainty
        kept : ndarray of bool, shape (rows,)
            The rows of the quantities that it is for.

        Raises
        ------
        ConfigurationError
            If studentised intervals are asked for and some cluster cannot be left out.
        """
        heads, kept = enough[: 1 + self.replicates], enough.copy()
        drawn = int(heads[1:].sum())
        found = replace(self, clusters=clusters, replicates=drawn, free=df)
        if self.left is None:
            return found, kept
        rest = kept[1 + self.replicates :]
        lost = int((~rest[self.left.parents == 0]).sum())
        rest &= heads[self.left.parents]
        left = self.left.part(np.flatnonzero(rest))
        left = replace(left, parents=(np.cumsum(heads) - 1)[left.parents])
        kind, remaining, note = _settle(self.kind, left, lost)
        kept[1 + self.replicates :] &= remaining is not None
        return replace(found, kind=kind, left=remaining, note=note or self.note), kept

    def bands(self, quantities: Array, size: float = 0.0) -> Bands:
        """Bands of quantities of shape (rows, q), whose row 0 is the estimate.

        `size` is that of the numbers they are made of: a tiny share of it is rounding.
        """
        se, df = self._errors(quantities)
        estimate, drawn = quantities[0], self.draws(quantities)
        found = bands(estimate, drawn, df=df, level=self.level, seed=self.seed, se=se, size=size)
        if self.symmetric:
            return found
        if self.kind == "studentized":
            return self._studentize(found, quantities)
        if self.kind == "bca":
            skewed = self._acceleration(quantities, size)
            limits = bca_limits(estimate, drawn, skewed, self.level)
        elif self.kind == "basic":
            limits = basic_limits(estimate, drawn, self.level)
        else:
            limits = percentile_limits(drawn, self.level)
        return _limited(found, estimate, limits)

    def _errors(self, quantities: Array) -> tuple[Array | None, float | Array]:
        """Standard errors (None for the bootstrap's) and their degrees of freedom."""
        if self.left is None:
            return None, self.df
        own, values = self._own(quantities)
        parts = jackknife_variances(own, values, self.strata, 1)[0]
        units = np.zeros(self.strata)
        units[own.strata] = own.units
        return np.sqrt(parts.sum(axis=0)), satterthwaite_df(parts, units)

    def _own(self, quantities: Array) -> tuple[LeftOut, Array]:
        """What was left out of the sample itself, and the quantities without it."""
        assert self.left is not None
        chosen = np.flatnonzero(self.left.parents == 0)
        return self.left.part(chosen), quantities[1 + self.replicates :][chosen]

    def _acceleration(self, quantities: Array, size: float) -> Array:
        if self.left is None:
            return np.zeros(quantities.shape[1])
        return acceleration(*self._own(quantities), size=size)

    def _studentize(self, found: Bands, quantities: Array) -> Bands:
        """The same with the quantiles of the replicates' own t statistics."""
        assert self.left is not None
        rest = quantities[1 + self.replicates :]
        parts = jackknife_variances(self.left, rest, self.strata, 1 + self.replicates)
        errors = np.sqrt(parts[1:].sum(axis=1))
        estimate, drawn = quantities[0], self.draws(quantities)
        single, joint, maxima = studentized_limits(estimate, found.se, drawn, errors, self.level)
        found = _limited(found, estimate, single)
        live = found.se > 0
        return replace(
            found,
            joint_lower=np.where(live, joint[0], estimate),
            joint_upper=np.where(live, joint[1], estimate),
            p_value=float((1 + (maxima >= found.statistic).sum()) / (1 + len(maxima))),
            critical=float(np.quantile(maxima, self.level)),
        )

    def __str__(self) -> str:
        again = f", {self.redrawn} drawn again" if self.redrawn else ""
        drawn = f"{self.replicates} replicates of {self.clusters} clusters{again}"
        alike = self.strata == 1 or self.left is None
        free = f"t({self.df})" if alike else "Welch-Satterthwaite t"
        left = f"leave-one-cluster-out jackknife standard errors ({self.clusters} clusters)"
        said = {
            "jackknife": f"{left}, {free} intervals; max-t over {drawn}",
            "bootstrap": f"cluster bootstrap standard errors ({drawn}), {free} intervals",
            "percentile": f"percentile intervals of a cluster bootstrap ({drawn})",
            "basic": f"basic intervals of a cluster bootstrap ({drawn})",
            "bca": f"BCa intervals of a cluster bootstrap ({drawn})",
            "studentized": f"studentised intervals of a cluster bootstrap ({drawn}); {left}",
        }[self.kind]
        return f"{said}; {self.note}" if self.note else said


def _limited(found: Bands, estimate: Array, limits: tuple[Array, Array]) -> Bands:
    """The same with other pointwise limits; a quantity that does not vary keeps no width."""
    live = found.se > 0
    lower, upper = (np.where(live, limit, estimate) for limit in limits)
    return replace(found, lower=lower, upper=upper)


def needed(model: FittedModel, interval: str) -> Jackknife:
    """What must be left out of what for a kind of interval.

    Parameters
    ----------
    model : FittedModel
    interval : str
        One of `INTERVALS`.

    Returns
    -------
    str
        "none", "sample" or "resamples".

    Raises
    ------
    ConfigurationError
        For an unknown kind, or studentised intervals with strata of two clusters.
    """
    if interval not in INTERVALS:
        raise ConfigurationError(
            f"no interval {interval!r}: use one of {', '.join(INTERVALS)} (docs/intervals.md says "
            "which when)"
        )
    if interval == "studentized":
        if 2 in np.bincount(model.groups.strata):
            raise ConfigurationError(
                "studentised intervals need at least 3 clusters in each context, and one has 2: "
                "use interval='t'"
            )
        return "resamples"
    if interval in ("jackknife", "bca") or (interval == "t" and model.clusters <= FEW):
        return "sample"
    return "none"


def make_uncertainty(
    model: FittedModel, replicates: Replicates, draws: int, level: float, seed: int, interval: str
) -> Uncertainty:
    """How these replicates become intervals of the kind asked for.

    Where the model cannot be fitted without some cluster there is no jackknife: the bootstrap's
    standard error stands in for it, and the note says so.

    Parameters
    ----------
    model : FittedModel
    replicates : Replicates
        With what `needed` asks left out.
    draws : int
        Bootstrap replicates among them.
    level : float
    seed : int
    interval : str

    Returns
    -------
    Uncertainty

    Raises
    ------
    ConfigurationError
        If studentised intervals are asked for and there is no jackknife.
    """
    asked = cast(IntervalKind, interval)
    kind, left, note = _settle(asked, replicates.left, len(replicates.lost))
    return Uncertainty(
        model.clusters, model.strata, draws, replicates.redrawn, level, seed, kind, left, note
    )


def _settle(
    kind: IntervalKind, left: LeftOut | None, lost: int
) -> tuple[IntervalKind, LeftOut | None, str]:
    """The kind that can be made, what of the left out it needs, and a note where that is less."""
    note = ""
    if lost:
        without = f"the model cannot be fitted without one of {lost} cluster(s)"
        if kind == "studentized":
            raise ConfigurationError(f"no studentised intervals: {without}; use 'bootstrap'")
        left, note = None, f"no jackknife, because {without}"
        note += ": BCa corrects for bias alone" if kind == "bca" else ""
    if kind in ("t", "jackknife"):
        kind = "bootstrap" if left is None else "jackknife"
    return kind, left, note
