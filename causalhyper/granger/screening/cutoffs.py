"""Which entries lie above a cutoff, or are the largest of so many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Flags
from causalhyper.errors import ConfigurationError


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
    if count <= 0:
        return np.zeros(len(values), dtype=bool), 0
    cut = np.partition(values, len(values) - count)[len(values) - count]
    mask = values > cut
    equal = np.flatnonzero(values == cut)
    taken = count - int(mask.sum())
    mask[equal[:taken]] = True
    return mask, len(equal) - taken


def cut_by_count(values: Sequence[Array], sparsity: float, scope: str, floor: int) -> Cut:
    """Keep a share of the entries, of each layer or of all together.

    Parameters
    ----------
    values : sequence of ndarray
        Not negative; one a layer.
    sparsity : float
        Share left out; of p entries ``round((1 - sparsity) p)`` are kept.
    scope : {"layer", "network"}
        Whether shares and ranks are of each layer, or of all layers together.
    floor : int
        Entries kept of each layer at least, or all where it has fewer. Over the network they
        take the place of others, so that the number kept stays.

    Returns
    -------
    Cut

    Raises
    ------
    ConfigurationError
        If the minima add up to more than is to be kept.
    """
    sizes = [len(v) for v in values]
    floors = [min(floor, size) for size in sizes]
    if scope == "layer":
        alone = [round((1 - sparsity) * size) for size in sizes]
        found = [largest(v, max(a, f)) for v, a, f in zip(values, alone, floors, strict=True)]
        return Cut(tuple(m for m, _ in found), tuple(alone), sum(t for _, t in found))
    whole = np.concatenate(values)
    count = round((1 - sparsity) * len(whole))
    if sum(floors) > count:
        raise ConfigurationError(
            f"a minimum of {floor} in each of {len(values)} layers keeps {sum(floors)} entries; "
            f"sparsity {sparsity:g} leaves {count}: lower one of them"
        )
    edges = np.cumsum(sizes)[:-1]
    mask, tied = largest(whole, count)
    parts = np.split(mask, edges)
    alone = [int(part.sum()) for part in parts]
    if any(a < f for a, f in zip(alone, floors, strict=True)):
        held = [largest(v, f)[0] for v, f in zip(values, floors, strict=True)]
        mask, tied = largest(np.where(np.concatenate(held), np.inf, whole), count)
        parts = np.split(mask, edges)
    return Cut(tuple(parts), tuple(alone), tied)


def cut_by_threshold(values: Sequence[Array], threshold: float, floor: int) -> Cut:
    """Keep the entries above a threshold, and of each layer the `floor` largest.

    Parameters
    ----------
    values : sequence of ndarray
        One a layer.
    threshold : float
        An entry equal to it is left out.
    floor : int
        As in `cut_by_count`.

    Returns
    -------
    Cut
    """
    masks, alone, tied = [], [], 0
    for layer in values:
        mask = layer > threshold
        alone.append(int(mask.sum()))
        if alone[-1] < min(floor, len(layer)):
            mask, left = largest(layer, min(floor, len(layer)))
            tied += left
        masks.append(mask)
    return Cut(tuple(masks), tuple(alone), tied)
