"""The order in which the runs of a design are made: blocks in sequence, random within each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def blocked_order(
    treatments: int, blocks: Sequence[Sequence[int]], seed: int
) -> list[tuple[int, int]]:
    """Randomise the order of the treatments within each block of seeds.

    Machines slow down, temperatures and other users change, and a sweep may be stopped early. In
    sequence, blocks keep the treatments balanced at any time, and a random order within each
    keeps what drifts independent of the treatment.

    Parameters
    ----------
    treatments : int
        Number of treatments; each block has all of them.
    blocks : sequence of sequence of int
        The seeds of each block.
    seed : int
        Of the randomisation, at least 0.

    Returns
    -------
    list of (int, int)
        Block and treatment of every place. A block's order depends on `seed`, its own seeds and
        the number of treatments alone, so that blocks added later leave the others as they were.

    Notes
    -----
    Source: Fisher 1935, "The design of experiments", chapter 4.

    Examples
    --------
    >>> blocked_order(3, [[0], [1]], seed=7)
    [(0, 0), (0, 2), (0, 1), (1, 0), (1, 2), (1, 1)]
    """
    return [
        (block, int(treatment))
        for block, seeds in enumerate(blocks)
        for treatment in np.random.default_rng([seed, *seeds]).permutation(treatments)
    ]
