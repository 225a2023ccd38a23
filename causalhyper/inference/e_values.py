"""E-values: how strong confounding must be, on the risk-ratio scale, to explain an effect away."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError

RATIO_PER_SD = 0.91
"""log risk ratio for each standard deviation of a continuous outcome (VanderWeele and Ding)."""


def e_value(ratio: ArrayLike) -> Array:
    """Risk ratio that a confounder must have with both sides to explain a risk ratio away.

    Parameters
    ----------
    ratio : array_like of float
        Risk ratios, above 0; those below 1 are inverted.

    Returns
    -------
    ndarray
        ``r + sqrt(r (r - 1))``, at least 1.

    Raises
    ------
    ConfigurationError
        If a ratio is not above 0.

    Notes
    -----
    Source: VanderWeele and Ding 2017, "Sensitivity analysis in observational research:
    introducing the E-value", Annals of Internal Medicine 167.

    Examples
    --------
    >>> e_value([3.9, 1 / 3.9, 1.0]).round(2).tolist()
    [7.26, 7.26, 1.0]
    """
    given = np.asarray(ratio, dtype=np.float64)
    if not np.all(given > 0):
        raise ConfigurationError(f"a risk ratio must be above 0, got {given.min():g}")
    r = np.maximum(given, 1 / given)
    return np.asarray(r + np.sqrt(r * (r - 1)))


def e_value_of_interval(lower: ArrayLike, upper: ArrayLike) -> Array:
    """E-value of the end of an interval of the risk ratio that is nearest 1.

    Parameters
    ----------
    lower, upper : array_like of float
        Ends, above 0, the lower first.

    Returns
    -------
    ndarray
        1 where the interval holds 1: no confounding is needed there.

    Examples
    --------
    >>> e_value_of_interval([1.8, 0.9], [8.7, 1.4]).round(2).tolist()
    [3.0, 1.0]
    """
    low, high = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
    nearest = np.where(low > 1, low, np.where(high < 1, high, 1.0))
    return e_value(nearest)


def ratio_of_difference(difference: ArrayLike, sd: float) -> Array:
    """Approximate risk ratio of a difference in means of a continuous outcome.

    Parameters
    ----------
    difference : array_like of float
    sd : float
        Standard deviation of the outcome, above 0.

    Returns
    -------
    ndarray
        ``exp(0.91 difference / sd)``.

    Raises
    ------
    ConfigurationError
        If `sd` is not above 0.

    Notes
    -----
    Source: VanderWeele and Ding 2017, table 2; the outcome is thought of as cut in two near its
    median, and normal with the same standard deviation on both sides.

    Examples
    --------
    >>> ratio_of_difference(0.5, sd=0.5).round(4).item()
    2.4843
    """
    if not sd > 0:
        raise ConfigurationError(f"the outcome's standard deviation must be above 0, got {sd:g}")
    return np.asarray(np.exp(RATIO_PER_SD * np.asarray(difference, dtype=np.float64) / sd))
