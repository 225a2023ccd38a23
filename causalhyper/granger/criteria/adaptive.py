"""Any criterion's scores relative to what is left of their layer, as LAMP has it of magnitudes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.granger.criteria.criterion import Criterion, Needs
from causalhyper.granger.criteria.evidence import Evidence
from causalhyper.granger.criteria.weights import adaptive_shares


@dataclass(frozen=True, slots=True)
class Adaptive:
    r"""Rank by a criterion's score over the sum of the scores in the layer that are not smaller.

    Of squared weights that is LAMP. Ranked over the network it divides a sparsity among layers by
    how a layer's own scores are spread, so that scores need no common unit: a criterion that
    ranks well within layers is then not undone by what it says between them.

    Attributes
    ----------
    criterion : Criterion
        Whose scores are of the order of squared weights.
    name : str
        That of the criterion and "-adaptive" unless given.

    Notes
    -----
    Source: Lee, Park, Mo, Ahn and Shin 2021, equation 5, there of squared weights.
    """

    criterion: Criterion
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or f"{self.criterion.name}-adaptive")

    @property
    def needs(self) -> Needs:
        """What the criterion needs."""
        return self.criterion.needs

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return shares in [0, 1]."""
        found = {}
        for layer, scores in self.criterion.scores(evidence).items():
            largest = max(float(scores.max()), np.finfo(float).tiny)
            found[layer] = adaptive_shares(scores.ravel() / largest).reshape(scores.shape)
        return found
