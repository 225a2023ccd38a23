"""Criteria that share a loss change out among parameters, by gradients around each step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria.attribution import Attribution
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
    name: str = "causal-secant"

    def __post_init__(self) -> None:
        check_moment(self.at)

    @property
    def needs(self) -> Needs:
        """Series of the loss, with gradients around each step."""
        return Needs(series=True)

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return saliencies."""
        weights, found = weights_at(evidence, self.at), {}
        for layer, weight in weights.items():
            curvature = np.asarray(attribution_of(evidence, layer, self.name).curvature)
            found[layer] = np.abs(curvature).reshape(weight.shape) * weight**2 / 2
        return evidence.of_entries(found)


@dataclass(frozen=True, slots=True)
class FreshGain:
    r"""Rank by what a parameter's movement gained on minibatches that did not choose it.

    :math:`|\sum_t \Delta_{tk} \tilde g_{tk}|`, the first-order loss change on a fresh minibatch
    by parameter: for plain gradient descent :math:`\eta \sum_t \bar g_{tk}^2` without the noise
    of the minibatch, which is most of movement.

    Attributes
    ----------
    squared : bool
        Times :math:`\theta^2`.
    at : {"collected", "rewound"}
        Of the weights.
    name : str
    """

    squared: bool = False
    at: Moment = "collected"
    name: str = "causal-gain"

    def __post_init__(self) -> None:
        check_moment(self.at)

    @property
    def needs(self) -> Needs:
        """Series of the loss, with gradients around each step."""
        return Needs(series=True)

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return sizes of gains."""
        weights, found = weights_at(evidence, self.at), {}
        for layer, weight in weights.items():
            gain = np.asarray(attribution_of(evidence, layer, self.name).gain)
            factor = weight**2 if self.squared else 1.0
            found[layer] = np.abs(gain).reshape(weight.shape) * factor
        return evidence.of_entries(found)


def attribution_of(evidence: Evidence, layer: str, name: str) -> Attribution:
    """Return the attribution of a layer, or say that the criterion of this name needs it.

    Parameters
    ----------
    evidence : Evidence
    layer : str
    name : str
        Of the criterion that asks.

    Returns
    -------
    Attribution

    Raises
    ------
    ConfigurationError
        If gradients around the steps were not recorded.
    """
    found = evidence.require_series(name).layers[layer].attribution
    if found is None:
        raise ConfigurationError(
            f"the criterion {name!r} needs gradients before and after every step: record the "
            "series with attributions"
        )
    return found
