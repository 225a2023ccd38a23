"""Turn a test into an interval: the null values that it does not reject."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

STEPS = 10
"""Doublings of the distance within which an end is sought."""


def invert_test(
    p_value: Callable[[float], float], estimate: float, step: float, alpha: float
) -> tuple[float, float]:
    """The last null values on both sides of the estimate that a test does not reject.

    Each end is bracketed by doubling the distance and then bisected, to a millionth of `step`.

    Parameters
    ----------
    p_value : callable
        Maps a null value to the test's p-value, which is 1 at the estimate and falls with the
        distance.
    estimate, step : float
        Where to begin, and the first distance, positive; with 0 both ends are the estimate.
    alpha : float
        Rejected is what has a p-value of at most alpha.

    Returns
    -------
    lower, upper : float
        Infinite where nothing within 2^10 steps is rejected.

    Examples
    --------
    >>> lower, upper = invert_test(lambda value: max(0.0, 1 - abs(value - 2)), 2.0, 0.1, 0.25)
    >>> print(f"{lower:.3f} {upper:.3f}")
    1.250 2.750
    """
    if step <= 0:
        return estimate, estimate
    return _end(p_value, estimate, -step, alpha), _end(p_value, estimate, step, alpha)


def _end(p_value: Callable[[float], float], start: float, step: float, alpha: float) -> float:
    inside, outside = start, start + step
    for _ in range(STEPS):
        if p_value(outside) <= alpha:
            break
        inside, outside = outside, start + 2 * (outside - start)
    else:
        return float(np.copysign(np.inf, step))
    while abs(outside - inside) > 1e-6 * abs(step):
        middle = (inside + outside) / 2
        if middle in (inside, outside):
            break  # a step near the spacing of floats has no millionth
        inside, outside = (inside, middle) if p_value(middle) <= alpha else (middle, outside)
    return inside
