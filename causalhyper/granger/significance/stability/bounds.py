"""Bounds on the expected number of columns that frequencies of selection keep by chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class SelectionBounds:
    r"""Bounds on the expected number of unlikely columns that pass a threshold.

    A column is unlikely where a fit to half of the steps selects it with a probability of at
    most :math:`\theta = q / p`.

    Attributes
    ----------
    share : float
        theta, in (0, 1].
    worst_case : float
        Without an assumption on the frequencies (Shah and Samworth 2013, theorem 1).
    unimodal : float
        Where the share of pairs that select an unlikely column twice is unimodal (theorem 2); NaN
        where the theorem does not apply.
    r_concave : float
        Where its distribution is r-concave with r = -1/2, and that of the frequency with
        r = -1/4 (their equation 8).
    meinshausen_buehlmann : float
        :math:`q^2 / (p (2 \tau - 1))`: bounds selected columns *without influence*, where these
        are exchangeable and the selector beats guessing (Meinshausen and Bühlmann 2010, theorem
        1). It is the same number as the worst case, which claims less and assumes neither.
    """

    share: float
    worst_case: float
    unimodal: float
    r_concave: float
    meinshausen_buehlmann: float


def bound_selections(width: int, selected: float, threshold: float, pairs: int) -> SelectionBounds:
    r"""Bound how many unlikely columns pass a threshold of frequency.

    Parameters
    ----------
    width : int
        p.
    selected : float
        q, the mean number of columns that half of the steps select; in (0, p].
    threshold : float
        tau, in (1/2, 1]; it is read as the next multiple of 1 / 2B.
    pairs : int
        B, of complementary halves; at least 2.

    Returns
    -------
    SelectionBounds
        In columns; none above p.

    Raises
    ------
    ConfigurationError
        If a number means nothing.

    Notes
    -----
    Source: Shah and Samworth 2013, theorems 1 and 2 and equation 8.

    Examples
    --------
    >>> found = bound_selections(100, 10, 0.6, 50)
    >>> round(found.worst_case, 3), round(found.unimodal, 3), round(found.r_concave, 3)
    (5.0, 2.632, 1.141)
    """
    if width < 1 or not 0 < selected <= width or not 0.5 < threshold <= 1 or pairs < 2:
        raise ConfigurationError(
            "expected columns, a mean number selected in (0, p], a threshold in (1/2, 1] and 2 "
            f"pairs at least; got {width}, {selected:g}, {threshold:g} and {pairs}"
        )
    share, count = selected / width, times_needed(threshold, pairs)
    tau = count / (2 * pairs)
    worst = min(selected * share / (2 * tau - 1), float(width))
    tail = min(
        concave_tail(share**2 * pairs, count - pairs, pairs, -1 / 2),
        concave_tail(share * 2 * pairs, count, 2 * pairs, -1 / 4),
    )
    factor = _unimodal_factor(share, tau, pairs)
    return SelectionBounds(
        share=share,
        worst_case=worst,
        unimodal=min(factor * share * selected, float(width)),
        r_concave=min(tail * width, float(width)),
        meinshausen_buehlmann=worst,
    )


def times_needed(threshold: float, pairs: int) -> int:
    """Count the half samples, of 2B, that a frequency of the threshold takes.

    Parameters
    ----------
    threshold : float
    pairs : int

    Returns
    -------
    int

    Examples
    --------
    >>> times_needed(0.6, 50), times_needed(0.601, 50)
    (60, 61)
    """
    return math.ceil(round(threshold * 2 * pairs, 9))


def _unimodal_factor(share: float, tau: float, pairs: int) -> float:
    """C(tau, B) of theorem 2; NaN outside of its conditions."""
    step = 1 / (2 * pairs)
    least = min(0.5 + share**2, 0.5 + step + 0.75 * share**2)
    if share > 1 / math.sqrt(3) or tau <= least or tau < 0.5 + 2 * step - 1e-12:
        return math.nan
    if tau <= 0.75:
        return 1 / (2 * (2 * tau - 1 - step))
    return 4 * (1 - tau + step) / (1 + 1 / pairs)


def concave_tail(mean: float, at: int, atoms: int, power: float) -> float:
    r"""Return the largest tail of an r-concave distribution on 0, 1, ..., B with a given mean.

    The extremal probabilities are :math:`c (a + i)^{1/r}` for i up to some k, with what is left
    at k + 1; so the tail is maximised over k and a (Shah and Samworth 2013, appendix A.4).

    Parameters
    ----------
    mean : float
        Of X, in [0, B].
    at : int
        The tail is P(X >= at).
    atoms : int
        B.
    power : float
        r, below zero.

    Returns
    -------
    float
        One where `at` is not above twice the mean.

    Examples
    --------
    >>> f"{concave_tail(0.125, 10, 50, -0.5):.4f}"
    '0.0026'
    """
    first = math.ceil(2 * mean) + 1
    if at < first or first > atoms:
        return 1.0
    if mean == 0:
        return 0.0
    exponent = 1 / power
    around = range(max(at, first) - 1, atoms + 1)
    offsets = [_offset(mean, last, exponent) for last in around]
    stretches = zip(around, offsets[1:], offsets, strict=False)
    return max(_largest(mean, at, k, exponent, low, high) for k, low, high in stretches)


def _offset(mean: float, last: int, exponent: float) -> float:
    """The a for which probabilities in (a + i)^(1/r), i up to the last, have the mean."""
    from scipy.optimize import brentq

    steps = np.arange(last + 1.0)

    def excess(log: float) -> float:
        weights = (1 + steps * math.exp(-log)) ** exponent
        return float(steps @ weights / weights.sum()) - mean

    lower, upper = -60.0, 30.0
    if excess(upper) <= 0:
        return math.exp(upper)
    return math.exp(float(brentq(excess, lower, upper, xtol=1e-14, rtol=1e-14)))


def _tails(a: Array, mean: float, at: int, last: int, exponent: float) -> Array:
    """P(X >= at) for each a, with atoms in the shape of the power up to the last and one after."""
    steps = np.arange(last + 1.0)
    weights = (1 + steps / a[:, None]) ** exponent
    total, first = weights.sum(axis=1), weights @ steps
    beyond = weights[:, at:].sum(axis=1)
    left = mean * total - first
    scale = (last + 1) * total - first
    return np.asarray(((last + 1 - mean) * beyond + left) / scale)


def _largest(mean: float, at: int, last: int, exponent: float, low: float, high: float) -> float:
    """The largest tail between two offsets: a grid, made finer about its best place."""
    ends = np.log([low, high])
    best = 0.0
    for _ in range(4):
        grid = np.linspace(ends[0], ends[1], 33)
        values = _tails(np.exp(grid), mean, at, last, exponent)
        place = int(np.argmax(values))
        best = max(best, float(values[place]))
        ends = grid[[max(place - 1, 0), min(place + 1, 32)]]
    return best
