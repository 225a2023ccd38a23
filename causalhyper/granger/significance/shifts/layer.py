"""What a test against rotated responses found of one layer."""

from __future__ import annotations

from dataclasses import dataclass

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError


@dataclass(frozen=True, slots=True, eq=False)
class LayerShifts:
    """What was found of one layer of p entries in U units.

    Attributes
    ----------
    name : str
    statistic : ndarray, shape (p,)
        Zero where an entry does not vary.
    p : ndarray, shape (p,)
        Of each entry alone.
    p_family : ndarray, shape (p,)
        By the largest statistic of all entries of all layers.
    p_stepdown : ndarray, shape (p,)
        The same in steps down: no larger.
    q : ndarray, shape (p,)
        `p` adjusted by Benjamini and Hochberg over all layers.
    expected : ndarray, shape (p,)
        Mean of the statistic over the rotations.
    flat : int
        Entries that do not vary.
    maxima, squares : ndarray, shape (U, 1 + rotations)
        Largest statistic of a unit, and sum of the squares, as observed and for each rotation.

    Raises
    ------
    ConfigurationError
        If the arrays do not belong together, or an adjusted p-value lies below its p-value.
    """

    name: str
    statistic: Array
    p: Array
    p_family: Array
    p_stepdown: Array
    q: Array
    expected: Array
    flat: int
    maxima: Array
    squares: Array

    def __post_init__(self) -> None:
        per_entry = (self.p, self.p_family, self.p_stepdown, self.q, self.expected)
        if any(values.shape != self.statistic.shape for values in per_entry):
            raise ConfigurationError(f"layer {self.name!r} needs a number an entry of each kind")
        rounding = 1e-12
        if (self.q < self.p - rounding).any() or (
            self.p_stepdown > self.p_family + rounding
        ).any():
            raise ConfigurationError(
                f"layer {self.name!r} has a q below its p, or a stepdown p above the p of one step"
            )

    def of_layer(self) -> tuple[Array, Array]:
        """Maxima and sums of squares of the whole layer, each of shape (1 + rotations,)."""
        return self.maxima.max(axis=0), self.squares.sum(axis=0)
