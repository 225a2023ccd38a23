"""The design of the runs: which blocks compare treatment values directly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.inference import block_grams
from causalhyper.mechanisms import make_groups
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
    apart : tuple of int
        Contrasts, by position, whose two values no block holds: they are made by way of others.
    """

    grams: ClusterGrams
    count: int
    blocks: str
    apart: tuple[int, ...] = ()

    def enough(self, weights: Array) -> Flags:
        """Whether each resample still compares all treatment values."""
        found: Flags = solve(self.grams, weights)[1] == self.grams.xy.shape[1]
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
        If no run has one of the values, or the values never meet within a context.
    """
    observed = model.values[treatment]
    distinct = np.unique(observed)
    asked = [int(np.argmin(np.abs(distinct - g))) for g in grid]
    if missing := find_missing(model, treatment, grid):
        raise ConfigurationError(
            f"no run has {model.roles[treatment].column} = {missing}, so the design says nothing "
            "there: ask at values that were run"
        )
    order = [*asked, *(i for i in range(len(distinct)) if i not in asked)]
    doses = np.argsort(order)[np.searchsorted(distinct, observed)]
    groups = model.groups
    blocks = groups.clusters
    if groups.context_count > 1:
        cells = groups.clusters * groups.context_count + groups.contexts
        blocks = np.unique(cells, return_inverse=True)[1]
    names = " x ".join(dict.fromkeys((*model.cluster, *model.context)))
    where = f"contexts of {' x '.join(model.context)}" if model.context else "the whole sample"
    for codes, label in ((blocks, f"blocks of {names}"), (groups.contexts, where)):
        # other values help to compare blocks; where they meet nothing they are left out
        for kept in (np.ones(len(doses), dtype=bool), doses < len(grid)):
            grams = _grams(model, outcome, doses, codes, kept)
            if grams is not None:
                apart = _never_meet(codes, doses, len(asked))
                return Design(grams, len(asked) - 1, label, apart)
    raise ConfigurationError(
        f"within {where} the asked values of {model.roles[treatment].column} are not all compared "
        "with one another, so the design gives no contrast: choose coarser contexts, or fewer "
        "values"
    )


def _never_meet(codes: Codes, doses: Codes, asked: int) -> tuple[int, ...]:
    """Contrasts with the baseline whose two values no block holds together."""
    met = np.zeros((int(codes.max()) + 1, int(doses.max()) + 1), dtype=bool)
    met[codes, doses] = True
    together = (met[:, :1] & met[:, 1:asked]).any(axis=0)
    return tuple(np.flatnonzero(~together).tolist())


def find_missing(model: FittedModel, treatment: str, grid: Array) -> str:
    """Values of a grid on the model scale that no run has, in words; "" if there are none."""
    seen = np.unique(model.values[treatment])
    there = np.isclose(seen[:, None], grid, rtol=1e-9, atol=1e-12).any(axis=0)
    return ", ".join(f"{v:.9g}" for v in model.roles[treatment].invert(grid[~there]))


def _grams(
    model: FittedModel, outcome: str, doses: Codes, codes: Codes, kept: Flags
) -> ClusterGrams | None:
    """Gram matrices of the runs kept, with zeros for clusters that have none."""
    if len(np.unique(doses[kept])) < 2:
        return None
    clusters, response = model.groups.clusters, model.values[outcome]
    if not kept.all():
        codes = np.unique(codes[kept], return_inverse=True)[1]
        clusters, response, doses = clusters[kept], response[kept], doses[kept]
    grams = block_grams(response, doses, int(doses.max()) + 1, make_groups(clusters, codes))
    if grams is None:
        return None
    absent = model.clusters - len(grams.xy)
    return ClusterGrams(
        np.pad(grams.xx, ((0, absent), (0, 0), (0, 0))), np.pad(grams.xy, ((0, absent), (0, 0)))
    )
