"""From replicates of some quantities to estimates with intervals."""

from __future__ import annotations

from dataclasses import dataclass

from causalhyper.inference import Bands, bands
from causalhyper.mechanisms.bases import Array


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
    """

    clusters: int
    strata: int
    replicates: int
    redrawn: int
    level: float
    seed: int

    @property
    def df(self) -> int:
        """Degrees of freedom: clusters less strata."""
        return self.clusters - self.strata

    def bands(self, quantities: Array) -> Bands:
        """Bands of quantities of shape (1 + replicates, q), whose row 0 is the estimate."""
        return bands(quantities[0], quantities[1:], df=self.df, level=self.level, seed=self.seed)

    def __str__(self) -> str:
        again = f", {self.redrawn} drawn again" if self.redrawn else ""
        return (
            f"cluster bootstrap standard errors ({self.replicates} replicates of "
            f"{self.clusters} clusters{again}), t({self.df}) intervals"
        )
