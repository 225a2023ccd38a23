"""Complementary halves of the steps, made of whole blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from causalhyper.arrays import Codes
from causalhyper.errors import ConfigurationError

Pair = tuple[Codes, Codes]
"""Rows of a half, and of the other, each increasing."""


def cut_blocks(edges: Sequence[int] | Codes, count: int, *, gap: int = 0) -> list[Codes]:
    """Cut trainings into blocks of neighbouring rows, as nearly as can be of one length.

    Parameters
    ----------
    edges : sequence of int
        Rows where trainings begin, and T: no block belongs to two trainings.
    count : int
        Blocks of all trainings together, in proportion to their rows; each has one at least.
    gap : int
        Rows left out at the start of every block but a training's first.

    Returns
    -------
    list of ndarray of int
        In time.

    Raises
    ------
    ConfigurationError
        If a block would be empty.

    Examples
    --------
    >>> [block.tolist() for block in cut_blocks([0, 7], 2, gap=1)]
    [[0, 1, 2, 3], [5, 6]]
    """
    lengths = np.diff(edges)
    if count < len(lengths) or gap < 0 or (lengths < 1).any():
        raise ConfigurationError(
            f"expected a block a training at least ({len(lengths)}), each of a row or more, and "
            f"a gap of 0 or more; got {count} blocks and a gap of {gap}"
        )
    blocks = []
    for start, length, own in zip(edges[:-1], lengths, _shares(lengths, count), strict=True):
        for number, rows in enumerate(np.array_split(np.arange(length) + start, own)):
            kept = rows[gap:] if number else rows
            if not len(kept):
                raise ConfigurationError(
                    f"{int(length)} rows cannot be cut into {own} blocks with a gap of {gap}: "
                    "use fewer blocks or a smaller gap"
                )
            blocks.append(kept.astype(np.intp))
    return blocks


def _shares(lengths: Codes, count: int) -> list[int]:
    """Blocks of each training: one, and the others one by one to where blocks are longest."""
    own = np.ones(len(lengths), dtype=np.intp)
    for _ in range(count - len(lengths)):
        own[np.argmax(lengths / own)] += 1
    return [int(n) for n in own]


def draw_pairs(blocks: Sequence[Codes], pairs: int, rng: np.random.Generator) -> list[Pair]:
    """Draw complementary halves: a random half of the blocks, and the other blocks.

    Parameters
    ----------
    blocks : sequence of ndarray of int
        An even number, in time.
    pairs : int
        B.
    rng : numpy.random.Generator

    Returns
    -------
    list of tuple of ndarray

    Raises
    ------
    ConfigurationError
        If the blocks are odd in number or fewer than 4, or there is no pair.

    Notes
    -----
    Source: Shah and Samworth 2013, section 2, with blocks for observations.

    Examples
    --------
    >>> blocks = cut_blocks([0, 8], 4)
    >>> [(a.tolist(), b.tolist()) for a, b in draw_pairs(blocks, 1, np.random.default_rng(0))]
    [([0, 1, 4, 5], [2, 3, 6, 7])]
    """
    count = len(blocks)
    if count < 4 or count % 2 or pairs < 1:
        raise ConfigurationError(
            "halves are made of an even number of blocks, 4 at least, and there is one pair at "
            f"least; got {count} blocks and {pairs} pairs"
        )
    found = []
    for _ in range(pairs):
        order = rng.permutation(count)
        halves = np.sort(order[: count // 2]), np.sort(order[count // 2 :])
        first, second = (np.concatenate([blocks[n] for n in half]) for half in halves)
        found.append((first, second))
    return found
