"""Criteria that share a loss change out among parameters, by gradients around each step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.granger.criteria.criterion import Needs
from causalhyper.granger.criteria.evidence import Evidence
from causalhyper.granger.criteria.weights import Moment, check_moment, weights_at


@dataclass(frozen=True, slots=True)
class SecantSaliency:
    r"""Rank by :math:`\frac12 |\hat h| \theta^2`, the curvature along each parameter's own path.

    The loss change that the first order does not predict is shared out among the parameters, not
    regressed on them: :math:`\hat h_k = \sum_t \Delta_{tk} \Delta g_{tk} / \sum_t \Delta_{tk}^2`
    (`Attribution`). It costs a backward pass a step after the step.

    Attributes
    ----------
    at : {"collected", "rewound"}
        Of the weights.
    name : str

    Notes
    -----
    Source: LeCun, Denker and Solla 1989 for the saliency; Barzilai and Borwein 1988 for curvature
    from secants, here one a parameter.
    """

    at: Moment = "collected"
    name: str = "secant"

    def __post_init__(self) -> None:
        check_moment(self.at)

    @property
    def needs(self) -> Needs:
        """Gradients on each step's minibatch before and after it."""
        return Needs(attribution=("turned",))

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return saliencies."""
        shared, found = evidence.require_attribution(self.name, "turned"), {}
        for layer, weight in weights_at(evidence, self.at).items():
            curvature = np.asarray(shared[layer].curvature)
            found[layer] = np.abs(curvature).reshape(weight.shape) * weight**2 / 2
        return evidence.of_entries(found)


@dataclass(frozen=True, slots=True)
class FreshGain:
    r"""Rank by what a parameter's movement gained on minibatches that did not choose it.

    :math:`|\sum_t \Delta_{tk} \tilde g_{tk}| \theta^2`, the first-order loss change on a fresh
    minibatch by parameter: for plain gradient descent :math:`\eta \sum_t \bar g_{tk}^2` without
    the noise of the minibatch, which is most of movement. So it is the diagonal Fisher information
    of `Fisher` with mean gradients in the place of noisy ones. It costs a backward pass a step.

    Attributes
    ----------
    squared : bool
        Times :math:`\theta^2`; without, the gain itself.
    at : {"collected", "rewound"}
        Of the weights.
    name : str
    """

    squared: bool = True
    at: Moment = "collected"
    name: str = "gain"

    def __post_init__(self) -> None:
        check_moment(self.at)

    @property
    def needs(self) -> Needs:
        """A gradient on a fresh minibatch before each step."""
        return Needs(attribution=("fresh",))

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return sizes of gains."""
        shared, found = evidence.require_attribution(self.name, "fresh"), {}
        for layer, weight in weights_at(evidence, self.at).items():
            gain = np.asarray(shared[layer].gain)
            factor = weight**2 if self.squared else 1.0
            found[layer] = np.abs(gain).reshape(weight.shape) * factor
        return evidence.of_entries(found)
