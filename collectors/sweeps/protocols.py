"""What is held equal while the batch size varies, and how the learning rate is set."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from causalhyper.errors import ConfigurationError

TOLERANCE = 0.01
"""By how much, relatively, whole updates may miss the epochs that are to be equal."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """What every run of a design does equally much of.

    At equal epochs the number of updates falls as 1 / B, and carries part of B's effect; at equal
    updates the examples seen grow with B. Which of the two is part of the estimand.

    Attributes
    ----------
    held : {"epochs", "updates"}
        The quantity.
    amount : float
        How much of it; at least 1 update, or more than 0 epochs.

    Raises
    ------
    ConfigurationError
        If the quantity is another, or the amount is out of range.

    Examples
    --------
    >>> equal_epochs(100).updates(batch_size=64, n_train=1024)
    1600
    >>> str(equal_updates(1600))
    'equal updates (1600)'
    """

    held: Literal["epochs", "updates"]
    amount: float

    def __post_init__(self) -> None:
        if self.held not in ("epochs", "updates"):
            raise ConfigurationError(f"held must be 'epochs' or 'updates'; got {self.held!r}")
        if not 0 < self.amount < math.inf or (self.held == "updates" and self.amount % 1):
            raise ConfigurationError(
                f"expected a positive number of {self.held}, whole for updates; got {self.amount}"
            )

    def __str__(self) -> str:
        return f"equal {self.held} ({self.amount:.15g})"

    @property
    def name(self) -> str:
        """The value of the column ``design``: "equal_epochs" or "equal_updates"."""
        return f"equal_{self.held}"

    def updates(self, batch_size: int, n_train: int) -> int:
        """Count the optimiser steps of a run.

        Parameters
        ----------
        batch_size : int
            B; every batch is full.
        n_train : int
            Examples of the training set, at least B.

        Returns
        -------
        int
            At equal epochs, the whole number nearest to epochs x n_train / B.

        Raises
        ------
        ConfigurationError
            If the batch is larger than the training set, or no whole number of updates makes
            the epochs to within 1%.
        """
        if batch_size > n_train:
            raise ConfigurationError(
                f"batch size {batch_size} exceeds the training set of {n_train} examples"
            )
        if self.held == "updates":
            return int(self.amount)
        wanted = self.amount * n_train / batch_size
        updates = round(wanted)
        if abs(updates - wanted) > TOLERANCE * wanted:
            raise ConfigurationError(
                f"{self.amount:g} epochs of {n_train} examples are {wanted:g} updates at batch "
                f"size {batch_size}: no whole number is within 1%: train longer, or choose a "
                "training set that the batch sizes divide"
            )
        return updates


def equal_epochs(epochs: float) -> Protocol:
    """Hold the passes over the training set equal.

    Parameters
    ----------
    epochs : float
        Above 0.

    Returns
    -------
    Protocol
        The protocol.
    """
    return Protocol("epochs", epochs)


def equal_updates(updates: int) -> Protocol:
    """Hold the optimiser steps equal.

    Parameters
    ----------
    updates : int
        At least 1.

    Returns
    -------
    Protocol
        The protocol.
    """
    return Protocol("updates", updates)


@dataclass(frozen=True, slots=True)
class LearningRate:
    """The learning rate as a function of the batch size.

    Attributes
    ----------
    rule : {"fixed", "linear", "sqrt", "tuned"}
        How it varies with B.
    base : float
        The rate at the batch size `reference`; at every batch size where it is fixed.
    reference : int
        The batch size of `base`, for linear and square-root scaling.
    tuned : tuple of (int, float)
        Batch size and rate, where each has its own.

    Raises
    ------
    ConfigurationError
        If the rule is another, or a rate or batch size is not positive.

    Examples
    --------
    >>> scaled_rate(0.1, "linear", at=64).at(256)
    0.4
    >>> scaled_rate(0.1, "sqrt", at=64).at(256)
    0.2
    """

    rule: Literal["fixed", "linear", "sqrt", "tuned"]
    base: float = 1.0
    reference: int = 1
    tuned: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        if self.rule not in ("fixed", "linear", "sqrt", "tuned"):
            raise ConfigurationError(
                f"rule must be 'fixed', 'linear', 'sqrt' or 'tuned'; got {self.rule!r}"
            )
        rates = [self.base, *(rate for _, rate in self.tuned)]
        if not all(0 < rate < math.inf for rate in rates) or self.reference < 1:
            raise ConfigurationError(
                f"expected positive finite learning rates and a batch size of at least 1; got "
                f"{', '.join(f'{rate:g}' for rate in rates)} and {self.reference}"
            )

    def __str__(self) -> str:
        if self.rule == "tuned":
            return "learning rate tuned for each batch size"
        if self.rule == "fixed":
            return f"fixed learning rate ({self.base:g})"
        scale = {"linear": "B", "sqrt": "the square root of B"}[self.rule]
        return f"learning rate scaled with {scale} ({self.base:g} at B = {self.reference})"

    def at(self, batch_size: int) -> float:
        """Return the rate at a batch size.

        Parameters
        ----------
        batch_size : int
            B.

        Returns
        -------
        float
            The rate.

        Raises
        ------
        ConfigurationError
            If the rates are tuned, and none is given for this batch size.
        """
        if self.rule == "tuned":
            rates = dict(self.tuned)
            if batch_size not in rates:
                raise ConfigurationError(
                    f"no learning rate is tuned for batch size {batch_size}: got those of "
                    f"{', '.join(map(str, rates)) or 'none'}"
                )
            return rates[batch_size]
        power = {"fixed": 0.0, "linear": 1.0, "sqrt": 0.5}[self.rule]
        return self.base * (batch_size / self.reference) ** power


def fixed_rate(rate: float) -> LearningRate:
    """Use one learning rate at every batch size.

    Parameters
    ----------
    rate : float
        Above 0.

    Returns
    -------
    LearningRate
        The rule.
    """
    return LearningRate("fixed", rate)


def scaled_rate(rate: float, rule: Literal["linear", "sqrt"], *, at: int) -> LearningRate:
    """Scale the learning rate with the batch size.

    Parameters
    ----------
    rate : float
        The rate at batch size `at`.
    rule : {"linear", "sqrt"}
        Proportional to B (Goyal et al. 2017, "Accurate, large minibatch SGD", section 2.1), or
        to its square root (Krizhevsky 2014, "One weird trick", section 5; for Adam: Malladi et
        al. 2022, "On the SDEs and scaling rules for adaptive gradient algorithms").
    at : int
        The batch size at which the rate is `rate`.

    Returns
    -------
    LearningRate
        The rule.
    """
    return LearningRate(rule, rate, at)


def tuned_rate(rates: Mapping[int, float]) -> LearningRate:
    """Use the learning rate that was tuned for each batch size.

    Parameters
    ----------
    rates : mapping of int to float
        Batch size to rate.

    Returns
    -------
    LearningRate
        The rule.
    """
    return LearningRate("tuned", tuned=tuple(sorted(rates.items())))
