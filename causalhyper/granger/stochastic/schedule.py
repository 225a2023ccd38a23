"""Learning rates of stochastic descent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.lasso.arguments import check_real, check_whole


@dataclass(frozen=True, slots=True)
class Schedule:
    r"""Epochs, and the rate :math:`\eta_t = \eta_0 / t^d` of step t = 1, 2, ... over all epochs.

    Parameters
    ----------
    epochs : int
        Readings of all examples; a step is one example.
    rate : float
        :math:`\eta_0`, above zero.
    decay : float
        d, in [0, 1], so that the rates never add up to a finite sum.

    Raises
    ------
    ConfigurationError
        If a number is none of these.

    Examples
    --------
    >>> Schedule(epochs=2, rate=0.1, decay=0.5).rates(0, 2).round(4).tolist()
    [0.1, 0.0707]
    """

    epochs: int
    rate: float
    decay: float

    def __post_init__(self) -> None:
        check_whole(epochs=self.epochs)
        check_real(rate=self.rate, decay=self.decay)
        if self.epochs < 1 or not 0 < self.rate < np.inf or not 0 <= self.decay <= 1:
            raise ConfigurationError(
                "expected one epoch at least, a learning rate above 0 and a decay in [0, 1]; got "
                f"{self.epochs}, {self.rate} and {self.decay}"
            )

    def rates(self, epoch: int, examples: int) -> Array:
        """Return the rates of one epoch, counted from 0, over so many examples."""
        t = np.arange(epoch * examples + 1, (epoch + 1) * examples + 1, dtype=np.float64)
        return np.asarray(self.rate / t**self.decay)


PUBLISHED = Schedule(epochs=3, rate=0.01, decay=0.25)
"""The published one: its stopping rule always ends after three epochs."""


def orders(examples: int, epochs: int, rng: np.random.Generator | None) -> list[np.ndarray]:
    """Return the order of the examples in each epoch: as they come, or shuffled anew."""
    if rng is None:
        return [np.arange(examples)] * epochs
    return [rng.permutation(examples) for _ in range(epochs)]
