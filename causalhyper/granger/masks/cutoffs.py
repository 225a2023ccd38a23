"""Which entries lie above a cutoff, or are the largest of so many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Flags


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """What a rule keeps of each layer.

    Attributes
    ----------
    masks : tuple of ndarray of bool
        One a layer.
    alone : tuple of int
        Entries of each layer that the rule keeps before any layer is held to its minimum.
    tied : int
        Entries left out whose value equals one that was kept: their place decided.
    """

    masks: tuple[Flags, ...]
    alone: tuple[int, ...]
    tied: int


def largest(values: Array, count: int) -> tuple[Flags, int]:
    """Mark the largest values, earlier ones first among equals.

    Parameters
    ----------
    values : ndarray, shape (p,)
    count : int
        How many, at most p.

    Returns
    -------
    mask : ndarray of bool, shape (p,)
    tied : int
        Values left out that equal one that was marked.

    Examples
    --------
    >>> mask, tied = largest(np.array([1.0, 3.0, 1.0, 1.0]), 2)
    >>> mask.tolist(), tied
    ([True, True, False, False], 2)
    """
    (mask,), cut = _largest_of_all([values], count)
    return mask, _ties([values], [mask], cut)


def cut_each(values: Sequence[Array], counts: Sequence[int], floors: Sequence[int]) -> Cut:
    """Keep so many entries of each layer.

    Parameters
    ----------
    values : sequence of ndarray
        One a layer.
    counts : sequence of int
        How many of each, at most all.
    floors : sequence of int
        How many of each at least, at most all.

    Returns
    -------
    Cut
    """
    wanted = [max(pair) for pair in zip(counts, floors, strict=True)]
    found = [largest(v, count) for v, count in zip(values, wanted, strict=True)]
    return Cut(tuple(m for m, _ in found), tuple(counts), sum(tied for _, tied in found))


def cut_together(values: Sequence[Array], count: int, floors: Sequence[int]) -> Cut:
    """Keep so many entries of all layers ranked together.

    Parameters
    ----------
    values : sequence of ndarray
        Finite; one a layer.
    count : int
        How many, at most all.
    floors : sequence of int
        How many of each layer at least; they take the place of others. Their sum is at most
        `count`.

    Returns
    -------
    Cut
    """
    masks, cut = _largest_of_all(values, count)
    alone = tuple(int(mask.sum()) for mask in masks)
    if any(a < floor for a, floor in zip(alone, floors, strict=True)):
        raised = [
            np.where(largest(v, floor)[0], np.inf, v)
            for v, floor in zip(values, floors, strict=True)
        ]
        masks, cut = _largest_of_all(raised, count)
    return Cut(tuple(masks), alone, _ties(values, masks, cut))


def cut_by_threshold(values: Sequence[Array], threshold: float, floors: Sequence[int]) -> Cut:
    """Keep the entries above a threshold, and of each layer a minimum.

    Parameters
    ----------
    values : sequence of ndarray
        One a layer.
    threshold : float
        An entry equal to it is left out.
    floors : sequence of int
        How many of each layer at least, at most all.

    Returns
    -------
    Cut
    """
    masks, alone, tied = [], [], 0
    for layer, floor in zip(values, floors, strict=True):
        mask = layer > threshold
        alone.append(int(mask.sum()))
        if alone[-1] < floor:
            mask, left = largest(layer, floor)
            tied += left
        masks.append(mask)
    return Cut(tuple(masks), tuple(alone), tied)


def _largest_of_all(values: Sequence[Array], count: int) -> tuple[list[Flags], float]:
    """Mark the largest values of all layers, earlier ones first among equals; and the smallest."""
    if count <= 0:
        return [np.zeros(len(v), dtype=bool) for v in values], np.inf
    ranked = np.concatenate(values)
    ranked.partition(len(ranked) - count)
    cut = float(ranked[len(ranked) - count])
    masks = [v > cut for v in values]
    wanted = count - sum(int(mask.sum()) for mask in masks)
    for mask, v in zip(masks, values, strict=True):
        equal = np.flatnonzero(v == cut)[:wanted]
        mask[equal] = True
        wanted -= len(equal)
    return masks, cut


def _ties(values: Sequence[Array], masks: Sequence[Flags], cut: float) -> int:
    """Count values left out that equal the cut, or the smallest one kept of their layer."""
    tied = 0
    for v, mask in zip(values, masks, strict=True):
        least = np.min(v, initial=np.inf, where=mask)
        tied += int((((v == cut) | (v == least)) & ~mask).sum())
    return tied
