"""Criteria that look at the weights alone: magnitude, LAMP and chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria.criterion import Needs
from causalhyper.granger.criteria.evidence import Evidence

Moment = Literal["collected", "rewound"]
"""Weights at the end of the collecting stage, or those to which training goes back."""


def weights_at(evidence: Evidence, moment: Moment) -> dict[str, Array]:
    """Return the weights at a moment, zero where they are pruned.

    Parameters
    ----------
    evidence : Evidence
    moment : {"collected", "rewound"}

    Returns
    -------
    dict of str to ndarray
        By layer, in its shape and float64.

    Raises
    ------
    ConfigurationError
        If there is no such moment.
    """
    check_moment(moment)
    weights = evidence.collected if moment == "collected" else evidence.weights
    return {
        name: np.where(mask, np.asarray(weights[name], dtype=np.float64), 0.0)
        for name, mask in evidence.masks.kept.items()
    }


def check_moment(moment: str) -> None:
    """Refuse a moment at which no weights are known."""
    if moment not in get_args(Moment):
        raise ConfigurationError(
            "weights are taken at the end of the collecting stage (at='collected') or where "
            f"training goes back to (at='rewound'); got {moment!r}"
        )


@dataclass(frozen=True, slots=True)
class Magnitude:
    r"""Rank by :math:`|\theta|`; units by the sum over their parameters (the l1 norm).

    Attributes
    ----------
    at : {"collected", "rewound"}
        Weights at the end of the collecting stage, as is usual where training was long enough; or
        those to which training goes back, as the baseline of the causal pruning paper has it,
        which is in effect pruning in one shot.
    name : str

    Notes
    -----
    Source: Han et al. 2015; of filters: Li et al. 2017.
    """

    at: Moment = "collected"
    name: str = "magnitude"

    def __post_init__(self) -> None:
        check_moment(self.at)

    @property
    def needs(self) -> Needs:
        """Nothing beside the weights."""
        return Needs()

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return absolute values."""
        weights = weights_at(evidence, self.at)
        return evidence.of_entries({name: np.abs(w) for name, w in weights.items()})


@dataclass(frozen=True, slots=True)
class Lamp:
    r"""Rank by magnitude relative to the layer: layer-adaptive magnitude-based pruning.

    .. math:: \frac{\theta_u^2}{\sum_{v \geq u} \theta_v^2}

    with the parameters of a layer in the order of their magnitude: the share of what is left of a
    layer that goes with a parameter, when the smaller ones have gone before it. Among equals the
    later goes first, so that the largest of a layer always has the score 1 and no layer is
    emptied. Ranked over the network. Of units with their sums of squares in place of
    :math:`\theta^2`.

    Attributes
    ----------
    at : {"collected", "rewound"}
        As `Magnitude` has it.
    name : str

    Notes
    -----
    Source: Lee, Park, Mo, Ahn and Shin 2021, "Layer-adaptive sparsity for the magnitude-based
    pruning", equation 5.
    """

    at: Moment = "collected"
    name: str = "lamp"

    def __post_init__(self) -> None:
        check_moment(self.at)

    @property
    def needs(self) -> Needs:
        """Nothing beside the weights."""
        return Needs()

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return shares in [0, 1]."""
        weights = weights_at(evidence, self.at)
        units = {name: max(np.abs(w).max(), np.finfo(float).tiny) for name, w in weights.items()}
        squares = evidence.of_entries(
            {name: (w / units[name]) ** 2 for name, w in weights.items()}
        )
        return {name: adaptive_shares(s.ravel()).reshape(s.shape) for name, s in squares.items()}


def adaptive_shares(squares: Array) -> Array:
    """Divide each number by the sum of those that are not smaller.

    Parameters
    ----------
    squares : ndarray, shape (p,)
        Not negative.

    Returns
    -------
    ndarray, shape (p,)
        Among equals the earlier counts as larger. Zero stays zero.

    Examples
    --------
    >>> adaptive_shares(np.array([4.0, 1.0, 4.0])).round(3).tolist()
    [1.0, 0.111, 0.5]
    """
    order = np.argsort(-squares, kind="stable")
    falling = squares[order]
    left = np.cumsum(falling)
    shares = np.zeros_like(squares)
    shares[order] = np.divide(falling, left, out=np.zeros_like(left), where=falling > 0)
    return shares


@dataclass(frozen=True, slots=True)
class Random:
    """Rank by chance: what any method has to beat.

    Attributes
    ----------
    name : str
    """

    name: str = "random"

    @property
    def needs(self) -> Needs:
        """Nothing."""
        return Needs()

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return uniform numbers in (0, 1], zero where pruned."""
        return {
            name: np.where(mask, 1 - evidence.rng.random(mask.shape), 0.0)
            for name, mask in evidence.entries.kept.items()
        }
