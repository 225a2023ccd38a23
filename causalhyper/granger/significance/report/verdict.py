"""The rule that turns the tests of a layer into one line of plain words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Reading = Literal["no sign", "movement", "beyond movement"]
READINGS: dict[Reading, str] = {
    "no sign": "no sign that it goes with the loss",
    "movement": "goes with the loss, no sign that it tells more than movement",
    "beyond movement": "goes with the loss, tells more than movement",
}
UNSTABLE, STABLE = 0.4, 0.75
"""Stability below the one is poor, from the other on good (Nogueira et al. 2018, section 4.3)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How tests decide.

    Attributes
    ----------
    alpha : float
        Of each question, for all layers together.
    """

    alpha: float

    def reading(self, q_loss: float, q_increment: float, increment: float) -> Reading:
        """Answer the two questions that the verdict is made of.

        Parameters
        ----------
        q_loss : float
            Of the layer against rotated losses, adjusted over layers.
        q_increment : float
            Of the increment over movement, adjusted over layers.
        increment : float
            Share of the loss change of later steps.

        Returns
        -------
        {"no sign", "movement", "beyond movement"}

        Examples
        --------
        >>> rule = Rule(0.05)
        >>> rule.reading(0.2, 0.01, 0.3), rule.reading(0.01, 0.01, 0.3)
        ('no sign', 'beyond movement')
        >>> rule.reading(0.01, 0.01, -0.3)
        'movement'
        """
        if q_loss > self.alpha:
            return "no sign"
        # coefficients may differ and yet be too uncertain to predict with
        more = q_increment <= self.alpha and increment > 0
        return "beyond movement" if more else "movement"

    def said(self) -> str:
        """The rule as a sentence."""
        return (
            f"rule: three questions a layer, each at {self.alpha:g} for all layers together. It "
            "goes with the loss if its largest statistic or its sum of squares is beyond those "
            "of rotated losses (the maximum over all layers; Bonferroni for the two). Its "
            "movement is needed if it explains what the other layers leave (Holm). It tells more "
            "than movement if coefficients of its own predict later steps better than one for "
            "the layer (Holm)"
        )


def stability_word(stability: float) -> str:
    """Say how stable a selection is.

    Parameters
    ----------
    stability : float
        Nogueira's index; NaN where there is nothing to compare.

    Returns
    -------
    str

    Examples
    --------
    >>> stability_word(0.1), stability_word(0.8)
    ('selection unstable', 'selection stable')
    """
    if math.isnan(stability):
        return "selection not comparable"
    if stability < UNSTABLE:
        return "selection unstable"
    return "selection stable" if stability >= STABLE else "selection partly stable"


def p_text(p: float) -> str:
    """Write a p-value without a leading zero.

    Parameters
    ----------
    p : float

    Returns
    -------
    str

    Examples
    --------
    >>> p_text(0.0033), p_text(1.0), p_text(float("nan"))
    ('p = .003', 'p = 1', 'no p')
    """
    if math.isnan(p):
        return "no p"
    text = f"{p:.3f}" if p >= 0.001 else f"{p:.1g}"
    return f"p = {text.removeprefix('0')}" if p < 0.9995 else "p = 1"
