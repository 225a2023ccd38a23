"""WoodFisher: second order with blocks of the empirical Fisher information."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.criteria.block_fisher import FisherBlocks
from causalhyper.granger.criteria.criterion import Needs
from causalhyper.granger.criteria.evidence import Evidence
from causalhyper.granger.criteria.gradients import check_minibatches, minibatch_gradients
from causalhyper.granger.criteria.weights import weights_at
from causalhyper.granger.lasso.columns import Matrix
from causalhyper.granger.masks import Masks


@dataclass(frozen=True, slots=True)
class WoodFisher:
    r"""Rank by :math:`\theta_k^2 / 2 [F^{-1}]_{kk}`, F the empirical Fisher information in blocks.

    The second-order estimate of the loss when a parameter is set to zero and the others of its
    block make up for it as well as they can. Units have the sum over their parameters. A parameter
    whose gradients are all zero has the score zero.

    Attributes
    ----------
    minibatches : int
        n, gradients of which F is made.
    block : int
        Neighbouring parameters of a layer, in row-major order, that make a block.
    damping : float
        Added to the diagonal, in units of the mean of the diagonal over the network.
    name : str

    Notes
    -----
    Memory: the n gradients, 4 n bytes a parameter where they come in float32; 263 MB for 657,080
    parameters and 100 minibatches. Time: some n b or b squared operations a parameter, whichever
    is less, with b the block.

    The paper inverts by adding one gradient at a time (its equation 9); here a block is inverted
    with all gradients at once, which is the same matrix. Its damping is an absolute number, which
    means another thing for every scale of the loss.

    Source: Singh and Alistarh 2020, "WoodFisher: efficient second-order approximation for neural
    network compression", equations 7, 9 and 12; Hassibi and Stork 1993.
    """

    minibatches: int = 100
    block: int = 50
    damping: float = 1e-3
    name: str = "woodfisher"

    def __post_init__(self) -> None:
        check_minibatches(self.minibatches)
        check_blocks(self.block, self.damping)

    @property
    def needs(self) -> Needs:
        """Gradients."""
        return Needs(gradients=self.minibatches)

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return second-order changes of the loss."""
        blocks, found = fisher_blocks(evidence, self), {}
        for name, weights in weights_at(evidence, "collected").items():
            # what no gradient touches has nothing but the damping, which is no influence
            touched = blocks[name].gradients.any(axis=0)
            inverse = np.where(touched, blocks[name].inverse_diagonal(), np.inf)
            found[name] = weights**2 / (2 * inverse.reshape(weights.shape))
        return evidence.of_entries(found)


def fisher_blocks(evidence: Evidence, criterion: WoodFisher) -> dict[str, FisherBlocks]:
    """Return the blocks of every layer.

    Parameters
    ----------
    evidence : Evidence
        With gradients.
    criterion : WoodFisher
        Says how many, and how large the blocks are.

    Returns
    -------
    dict of str to FisherBlocks

    Raises
    ------
    ConfigurationError
        If there are no gradients.
    DataError
        If they are all zero.
    """
    held: dict[str, Matrix] = {}
    seen = 0
    for gradients in minibatch_gradients(evidence, criterion.minibatches, criterion.name):
        for name, gradient in gradients.items():
            if name not in held:
                held[name] = np.empty((criterion.minibatches, gradient.size), gradient.dtype)
            held[name][seen] = np.where(evidence.masks.kept[name], gradient, 0).ravel()
        seen += 1
        if seen == criterion.minibatches:
            break
    matrices = {name: g[:seen] for name, g in held.items()}
    total = sum(
        float(np.square(row, dtype=np.float64).sum()) for g in matrices.values() for row in g
    )
    if not total > 0:
        raise DataError(
            f"all gradients for {criterion.name!r} are zero: there is no Fisher information"
        )
    entries = sum(evidence.masks.layer_counts().values())
    diagonal = total / (entries * len(next(iter(matrices.values()))))
    return {
        name: FisherBlocks(g, criterion.block, criterion.damping * diagonal)
        for name, g in matrices.items()
    }


def compensated_weights(
    evidence: Evidence, masks: Masks, criterion: WoodFisher | None = None
) -> dict[str, Array]:
    r"""Return the weights with those that are pruned made up for by those that are kept.

    Within each block the weights kept move so that the second-order estimate of the loss,
    :math:`\frac12 \delta' F \delta`, is least: the optimal brain surgeon step for all removed
    weights of a block at once. It is for pruning without retraining; rewinding undoes it.

    Parameters
    ----------
    evidence : Evidence
        With gradients, and the weights at the end of the collecting stage.
    masks : Masks
        Which of the parameters are kept; what was pruned before stays so.
    criterion : WoodFisher, optional
        Minibatches, blocks and damping.

    Returns
    -------
    dict of str to ndarray
        By layer, in its shape; zero where pruned.

    Raises
    ------
    ConfigurationError
        If the masks have other shapes, or keep what was pruned before.

    Notes
    -----
    Memory: as `WoodFisher`, and the square of a block for as many blocks as are worked with at a
    time. Time: the square of a block a parameter.

    Source: Hassibi and Stork 1993; Singh and Alistarh 2020, section 4, add the steps of single
    weights up instead.
    """
    before = evidence.masks
    if masks.shapes != before.shapes or any(
        (mask & ~before.kept[name]).any() for name, mask in masks.kept.items()
    ):
        raise ConfigurationError(
            "expected masks of the same shapes that keep nothing that was pruned before; got "
            f"{masks.layer_counts()} of {before.layer_counts()} kept"
        )
    blocks = fisher_blocks(evidence, criterion or WoodFisher())
    found = {}
    for name, theta in weights_at(evidence, "collected").items():
        kept, weights = masks.kept[name], theta.ravel()
        removed = (before.kept[name] & ~kept).ravel()
        moved = weights + blocks[name].compensation(weights, removed, kept.ravel())
        found[name] = np.where(kept, moved.reshape(theta.shape), 0.0)
    return found


def check_blocks(block: int, damping: float) -> None:
    """Refuse blocks of nothing, and a matrix that has no inverse."""
    if block < 1 or not 0 < damping < np.inf:
        raise ConfigurationError(
            "a block has one parameter at least and damping is above zero and finite; got "
            f"{block} and {damping}"
        )
