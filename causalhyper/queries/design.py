"""The design of the runs: which blocks compare treatment values directly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causalhyper.errors import ConfigurationError
from causalhyper.inference import block_grams
from causalhyper.mechanisms import make_groups
from causalhyper.mechanisms.bases import Array
from causalhyper.mechanisms.grams import ClusterGrams, solve
from causalhyper.scm.model import FittedModel


@dataclass(frozen=True, slots=True)
class Design:
    """Contrasts within blocks, ready to be solved for any resample.

    Attributes
    ----------
    grams : ClusterGrams
        Of the treatment indicators beside the blocks.
    count : int
        Contrasts with the baseline that are asked for; they stand first.
    blocks : str
        What the blocks are, in words.
    """

    grams: ClusterGrams
    count: int
    blocks: str

    def enough(self, weights: Array) -> NDArray[np.bool_]:
        """Whether each resample still compares all treatment values."""
        found: NDArray[np.bool_] = solve(self.grams, weights)[1] == self.grams.xy.shape[1]
        return found

    def contrasts(self, weights: Array) -> Array:
        """Differences from the baseline within blocks, shape (r, count)."""
        return solve(self.grams, weights)[0][:, : self.count]


def find_design(model: FittedModel, treatment: str, outcome: str, grid: Array) -> Design:
    """Find the finest blocks within which treatment values meet.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    grid : ndarray, shape (d,)
        Observed treatment values on the model scale, the baseline first.

    Returns
    -------
    Design
        Within clusters (within each context of a cluster, where contexts cross clusters) if
        the runs of one cluster have several treatment values; otherwise within contexts.

    Raises
    ------
    ConfigurationError
        If the values never meet within a context.
    """
    distinct = np.unique(model.values[treatment])
    asked = [int(np.argmin(np.abs(distinct - g))) for g in grid]
    order = [*asked, *(i for i in range(len(distinct)) if i not in asked)]
    doses = np.argsort(order)[np.searchsorted(distinct, model.values[treatment])]
    clusters, contexts = model.groups.clusters, model.groups.contexts
    cells = np.unique(np.stack([clusters, contexts]), axis=1, return_inverse=True)[1].ravel()
    names = " x ".join(dict.fromkeys((*model.cluster, *model.context)))
    where = f"contexts of {' x '.join(model.context)}" if model.context else "the whole sample"
    options = ((make_groups(clusters, cells), f"blocks of {names}"), (model.groups, where))
    for groups, blocks in options:
        grams = block_grams(model.values[outcome], doses, len(distinct), groups)
        if grams is not None:
            return Design(grams, len(grid) - 1, blocks)
    raise ConfigurationError(
        f"within {where} the runs never meet at several values of "
        f"{model.roles[treatment].column}, so the design gives no contrast: choose "
        "coarser contexts"
    )
