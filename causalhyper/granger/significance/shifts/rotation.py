"""Rotations in time: what a response looks like when it starts at another step."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError

MOST = 999
"""Rotations drawn where there are more and no number is given."""


def choose_rotations(
    edges: Codes, shifts: int | None, min_shift: int, rng: np.random.Generator | None
) -> Codes:
    """Choose by how many steps each training is rotated, without the rotation by none.

    Parameters
    ----------
    edges : ndarray of int, shape (trainings + 1,)
        Rows where trainings begin, and T.
    shifts : int, optional
        How many rotations; unless given, all T - `min_shift` * 2 + 1 of a single training where
        these are no more than 999, and 999 otherwise.
    min_shift : int
        Steps by which each training is rotated at least, forward or back.
    rng : numpy.random.Generator, optional
        Draws the rotations where not all are taken: those of one training without repetition,
        those of several independently.

    Returns
    -------
    ndarray of int, shape (shifts, trainings)
        Increasing where there is one training.

    Raises
    ------
    ConfigurationError
        If there are no such rotations, or some must be drawn and there is no generator.

    Examples
    --------
    >>> choose_rotations(np.array([0, 6]), None, 2, None).ravel().tolist()
    [2, 3, 4]
    """
    lengths = np.diff(edges)
    if min_shift < 1 or (lengths < 2 * min_shift).any():
        raise ConfigurationError(
            f"min_shift must be at least 1 and at most half of each training; got {min_shift} "
            f"with trainings of {lengths.tolist()} steps"
        )
    if shifts is not None and shifts < 1:
        raise ConfigurationError(f"expected one rotation at least; got shifts={shifts}")
    known = [np.arange(min_shift, length - min_shift + 1) for length in lengths]
    single = len(known) == 1
    if single and shifts is not None and shifts > len(known[0]):
        raise ConfigurationError(
            f"a training of {lengths[0]} steps has {len(known[0])} rotations by {min_shift} steps "
            f"or more; got shifts={shifts}: leave it out for all of them"
        )
    count = min(MOST, len(known[0])) if shifts is None and single else shifts or MOST
    if single and count == len(known[0]):
        return known[0][:, None]
    if rng is None:
        raise ConfigurationError(
            f"{count} rotations are drawn at random: give rng=numpy.random.default_rng(seed)"
        )
    if single:
        return np.sort(rng.choice(known[0], count, replace=False))[:, None]
    return np.stack([rng.choice(each, count) for each in known], axis=1)


def rotate(values: Array, edges: Codes, moves: Codes) -> Array:
    """Rotate each training: its value of step t comes to step t + move.

    Parameters
    ----------
    values : ndarray, shape (T,)
    edges : ndarray of int, shape (trainings + 1,)
    moves : ndarray of int, shape (trainings,)

    Returns
    -------
    ndarray, shape (T,)

    Examples
    --------
    >>> rotate(np.arange(5.0), np.array([0, 3, 5]), np.array([1, 1])).tolist()
    [2.0, 0.0, 1.0, 4.0, 3.0]
    """
    parts = [
        np.roll(values[start:stop], move)
        for start, stop, move in zip(edges[:-1], edges[1:], moves, strict=True)
    ]
    return np.concatenate(parts)
