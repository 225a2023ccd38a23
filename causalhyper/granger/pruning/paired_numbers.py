"""Differences paired by seed: means, t intervals, sign flips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.inference.flips import sign_flips
from causalhyper.inference.intervals import t_quantile
from causalhyper.inference.multiplicity import adjust_p_values


@dataclass(frozen=True, slots=True)
class PairedNumbers:
    """What differences of q comparisons say; all of shape (q,).

    Attributes
    ----------
    count, mean, se : ndarray
        Seeds of each comparison, their mean, and its standard error.
    lower, upper, joint_lower, joint_upper : ndarray
        Student intervals, and the same at Bonferroni's level.
    p_value, adjusted : ndarray
        Of Student's t, and adjusted by Holm; NaN where the seeds do not differ.
    flip_p_value, joint_flip_p_value : ndarray
        By flips of the signs of whole seeds: each alone, and by the maximum of all.
    """

    count: Array
    mean: Array
    se: Array
    lower: Array
    upper: Array
    joint_lower: Array
    joint_upper: Array
    p_value: Array
    adjusted: Array
    flip_p_value: Array
    joint_flip_p_value: Array


def paired_numbers(
    differences: Array, *, level: float, flips: int, rng: np.random.Generator
) -> PairedNumbers:
    """Return what differences say of their means.

    Parameters
    ----------
    differences : ndarray, shape (seeds, q)
        NaN where a seed is missing; at least two seeds a column.
    level : float
    flips : int
        All ``2^(seeds - 1)`` are used if there are at most so many.
    rng : numpy.random.Generator
        Not used where all are.

    Returns
    -------
    PairedNumbers

    Notes
    -----
    Source: Fisher 1935, "The design of experiments", section 21 (sign flips); Westfall and Young
    1993 (the maximum statistic).

    Examples
    --------
    Three seeds that agree on the sign: no p-value of flips can be below a quarter.

    >>> found = paired_numbers(
    ...     np.array([[1.0], [2.0], [3.0]]), level=0.95, flips=99, rng=np.random.default_rng(0)
    ... )
    >>> found.mean.tolist(), found.flip_p_value.tolist()
    ([2.0], [0.25])
    """
    there = ~np.isnan(differences)
    filled = np.where(there, differences, 0.0)
    count, squares = there.sum(axis=0).astype(np.float64), (filled**2).sum(axis=0)
    sums = filled.sum(axis=0)
    mean = sums / count
    spread = np.where(there, differences - mean, 0.0)
    se = np.sqrt((spread**2).sum(axis=0) / (count - 1) / count)
    se = np.where(se > 1e-12 * np.abs(filled).max(axis=0), se, 0.0)
    half = t_quantile(count - 1, level) * se
    joint = t_quantile(count - 1, 1 - (1 - level) / len(count)) * se
    p = np.full(len(count), np.nan)
    varied = se > 0
    t = np.abs(mean[varied]) / se[varied]
    p[varied] = 2 * special.stdtr(count[varied] - 1, -t)
    flipped = _sizes(sign_flips(len(filled), flips, rng) @ filled, squares, count)
    seen = _sizes(sums[None], squares, count)[0]
    return PairedNumbers(
        count,
        mean,
        se,
        mean - half,
        mean + half,
        mean - joint,
        mean + joint,
        p,
        adjust_p_values(p, "holm"),
        _shares(flipped, seen),
        _shares(np.broadcast_to(flipped.max(axis=1, initial=0.0)[:, None], flipped.shape), seen),
    )


def flip_generator(seeds: int, flips: int, rng: np.random.Generator | None) -> np.random.Generator:
    """Return the generator of sign flips, or say that one is needed.

    Parameters
    ----------
    seeds, flips : int
        All ``2^(seeds - 1)`` flips are used if there are at most so many, and nothing is drawn.
    rng : numpy.random.Generator or None

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    ConfigurationError
        If there is none and flips have to be drawn.
    """
    if rng is not None:
        return rng
    if seeds > 60 or 2 ** (seeds - 1) - 1 > flips:
        raise ConfigurationError(
            f"with {seeds} seeds there are more than {flips} sign flips: give rng"
        )
    return np.random.default_rng(0)


def tell_p(*values: float) -> str:
    """Write p-values; of differences that are the same in every seed there is none by t.

    Parameters
    ----------
    *values : float

    Returns
    -------
    str

    Examples
    --------
    >>> tell_p(0.0123, 0.125), tell_p(float("nan"))
    ('p = 0.012, 0.12', 'p = none, no spread')
    """
    said = ("none, no spread" if np.isnan(value) else f"{value:.2g}" for value in values)
    return f"p = {', '.join(said)}"


def _sizes(sums: Array, squares: Array, count: Array) -> Array:
    """Size of the t statistic of sums of shape (flips, q); the sum of squares never changes."""
    left = np.maximum(squares * count - sums**2, 0.0)
    within = left > 1e-12 * squares * count
    ratio = np.sqrt(sums**2 * (count - 1) / np.where(within, left, 1.0))
    sizes: Array = np.where(within, ratio, np.where(squares > 0, np.inf, 0.0))
    return sizes


def _shares(flipped: Array, seen: Array) -> Array:
    """Share of the flips, with the signs as they are, whose statistic is as large."""
    # statistics that are equal but for rounding are equal
    reached = (flipped >= seen * (1 - 1e-9)).sum(axis=0)
    return (1 + reached) / (1 + len(flipped))
