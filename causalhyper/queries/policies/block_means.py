"""The mean of any column at each treatment value, compared within the design's blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.queries.experiments.design import find_design
from causalhyper.scm.model import FittedModel
from causalhyper.scm.refitting import select_rows


@dataclass(frozen=True, slots=True)
class BlockMeans:
    """Means within blocks in every replicate.

    Attributes
    ----------
    means : ndarray, shape (r, d)
        Differences within blocks, added to the mean of the baseline standardised over all runs
        that have one of the d values. In complete blocks these are the plain means.
    enough : ndarray of bool, shape (r,)
        Whether the replicate still compares all values.
    blocks : str
        What the blocks are, in words.
    """

    means: Array
    enough: Flags
    blocks: str


def block_means(
    model: FittedModel, treatment: str, response: Array, grid: Array, weights: Array
) -> BlockMeans:
    """Mean response at each treatment value in resampled clusters.

    Parameters
    ----------
    model : FittedModel
    treatment : str
        Node; assigned.
    response : ndarray, shape (n,)
        One number a run, in the order of the model's rows.
    grid : ndarray, shape (d,)
        Treatment values on the model scale, each run at least once; the first is the baseline.
    weights : ndarray, shape (r, clusters)

    Returns
    -------
    BlockMeans

    Raises
    ------
    ConfigurationError
        If the values never meet within a context.
    """
    name = "the response"
    named = replace(model, values={**model.values, name: response})
    design = find_design(named, treatment, name, grid)
    contrasts = design.contrasts(weights)
    at = np.isclose(model.values[treatment][:, None], grid, rtol=1e-9, atol=1e-12)
    kept = at.any(axis=1)
    sums = np.zeros((model.clusters, len(grid) + 1))
    rows = np.column_stack([np.where(kept, response, 0.0), at])
    np.add.at(sums, model.groups.clusters, rows)
    totals = weights @ sums
    # what the values add to the sum of responses is taken out; what is left is the baseline's
    left = totals[:, 0] - (totals[:, 2:] * contrasts).sum(axis=1)
    runs = totals[:, 1:].sum(axis=1)
    # a replicate without a run of these contexts has no mean, and not enough to compare either
    baseline = np.divide(left, runs, out=np.full(len(runs), np.nan), where=runs > 0)
    means = baseline[:, None] + np.column_stack([np.zeros(len(weights)), contrasts])
    return BlockMeans(means, design.enough(weights), design.blocks)


def restrict(model: FittedModel, rows: Flags) -> tuple[FittedModel, Codes]:
    """Some runs of a model with their clusters and contexts; mechanisms stay as fitted.

    Parameters
    ----------
    model : FittedModel
    rows : ndarray of bool, shape (n,)

    Returns
    -------
    FittedModel
        For what needs only values and groups.
    clusters : ndarray of int
        The clusters that are left, as numbered in the whole model.
    """
    return select_rows(model, rows), np.unique(model.groups.clusters[rows])
