"""Omitted-variable bias in terms of partial R2: robustness values, bounds, adjusted slopes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class SlopeReplicates:
    """One slope of a linear regression in many replicates; row 0 is the estimate.

    Attributes
    ----------
    slope : ndarray, shape (r,)
    ratio : ndarray, shape (r,)
        Residual standard deviation of the response given everything over that of the cause given
        the other columns: the unit in which omitted variables bias the slope.
    """

    slope: Array
    ratio: Array


def bias_factor(r2_cause: ArrayLike, r2_response: ArrayLike) -> Array:
    """Largest bias of a slope, in units of `SlopeReplicates.ratio`.

    Parameters
    ----------
    r2_cause : array_like of float
        Partial R2 of the omitted variable with the cause given the other columns, in [0, 1).
    r2_response : array_like of float
        Its partial R2 with the response given the cause and the other columns, in [0, 1].

    Returns
    -------
    ndarray
        ``sqrt(r2_response r2_cause / (1 - r2_cause))``.

    Raises
    ------
    ConfigurationError
        If a strength lies outside its range.

    Notes
    -----
    Source: Cinelli and Hazlett 2020, "Making sense of sensitivity: extending omitted variable
    bias", Journal of the Royal Statistical Society B 82, equation 6.

    Examples
    --------
    >>> bias_factor(0.5, 0.25).item()
    0.5
    """
    d, y = np.asarray(r2_cause, dtype=np.float64), np.asarray(r2_response, dtype=np.float64)
    if not (np.all((d >= 0) & (d < 1)) and np.all((y >= 0) & (y <= 1))):
        raise ConfigurationError(
            "partial R2 lie in [0, 1), with the cause, and [0, 1], with the response; got "
            f"{d.min():g}..{d.max():g} and {y.min():g}..{y.max():g}"
        )
    return np.asarray(np.sqrt(y * d / (1 - d)))


def robustness_value(factor: ArrayLike) -> Array:
    """Strength that an omitted variable needs with both sides to reach a bias factor.

    Parameters
    ----------
    factor : array_like of float
        Bias in units of `SlopeReplicates.ratio`, at least 0; for a bias as large as the slope
        itself it is Cohen's f, ``sqrt(R2 / (1 - R2))`` of the cause with the response.

    Returns
    -------
    ndarray
        The R2 at which ``bias_factor(R2, R2)`` equals `factor`.

    Notes
    -----
    Source: Cinelli and Hazlett 2020, equation 18.

    Examples
    --------
    >>> rv = robustness_value(0.5)
    >>> bias_factor(rv, rv).round(12).item()
    0.5
    """
    squared = np.square(np.asarray(factor, dtype=np.float64))
    # f2 (sqrt(1 + 4 / f2) - 1) / 2 without the difference of close numbers
    return np.asarray(2 * squared / (squared + np.sqrt(squared * (squared + 4)) + 1e-300))


def adjusted(found: SlopeReplicates, factor: Array) -> Array:
    """The slope in each replicate after the bias that pulls the estimate towards zero and past it.

    Parameters
    ----------
    found : SlopeReplicates
    factor : ndarray, shape (g,)
        Bias factors.

    Returns
    -------
    ndarray, shape (r, g)
    """
    sign = 1.0 if found.slope[0] >= 0 else -1.0
    out: Array = found.slope[:, None] - sign * found.ratio[:, None] * factor
    return out


def factor_to_doubt(found: SlopeReplicates, *, df: int, level: float) -> float:
    """Smallest bias factor at which the interval of the adjusted slope holds zero.

    Parameters
    ----------
    found : SlopeReplicates
        At least two replicates beside the estimate.
    df : int
        Degrees of freedom of the intervals.
    level : float

    Returns
    -------
    float
        0 where the interval of the slope itself holds zero.

    Notes
    -----
    The adjusted slope is linear in the factor b and its bootstrap variance quadratic, so the
    interval reaches zero at a root of
    ``(|slope| - b ratio)^2 = t^2 (var slope - 2 b cov + b^2 var ratio)``.
    """
    t = -float(special.stdtrit(df, (1 - level) / 2))
    sign = 1.0 if found.slope[0] >= 0 else -1.0
    spread = np.cov(np.stack([sign * found.slope[1:], found.ratio[1:]])) * t**2
    slope, ratio = abs(float(found.slope[0])), float(found.ratio[0])
    constant = slope**2 - spread[0, 0]
    if constant <= 0:
        return 0.0
    square, half = ratio**2 - spread[1, 1], slope * ratio - spread[0, 1]
    # the smaller positive root, written so that square = 0 does no harm
    root = np.sqrt(max(half**2 - square * constant, 0.0))
    return float(constant / (half + root))


def classical_robustness_value(t: float, df: int, *, level: float | None = None) -> float:
    """Robustness value of a coefficient from its textbook t statistic.

    Parameters
    ----------
    t : float
        Coefficient over its homoskedastic standard error.
    df : int
        Residual degrees of freedom, at least 2.
    level : float, optional
        Then the strength at which the interval of that level holds zero, for independent errors
        of equal variance; otherwise the strength at which the coefficient is zero.

    Returns
    -------
    float

    Notes
    -----
    Source: Cinelli and Hazlett 2020, sections 4.1 and 4.2; the case in which the critical value
    exceeds what any equal strength reaches is their "constraint binding" case.

    Examples
    --------
    >>> round(classical_robustness_value(4.18, 783), 3)
    0.139
    """
    f = abs(t) / np.sqrt(df)
    if level is None:
        return float(robustness_value(f))
    critical = -float(special.stdtrit(df - 1, (1 - level) / 2)) / np.sqrt(df - 1)
    if f <= critical:
        return 0.0
    if f > 1 / critical:
        return float((f**2 - critical**2) / (1 + f**2))
    return float(robustness_value(f - critical))


def benchmark(
    cause_with: float, response_with: float, times: float = 1.0
) -> tuple[float, float] | None:
    """Largest strength of an omitted variable that is so many times as strong as an observed one.

    Parameters
    ----------
    cause_with : float
        Partial R2 of the observed variable with the cause, given the other columns without both.
    response_with : float
        Its partial R2 with the response, given the cause and the other columns.
    times : float
        How many times as strong, in both respects.

    Returns
    -------
    r2_cause, r2_response : float
        With the cause given the columns, and (at most 1) with the response given cause and
        columns. None where no variable can be that strong.

    Notes
    -----
    Source: Cinelli and Hazlett 2020, section 4.4, bounds on the relative strength.

    Examples
    --------
    >>> benchmark(0.5, 0.1, times=2) is None
    True
    """
    r2_cause = times * cause_with / (1 - cause_with) if cause_with < 1 else np.inf
    if r2_cause >= 1 or times * cause_with >= 1:
        return None
    shared = times * cause_with**2 / ((1 - times * cause_with) * (1 - cause_with))
    if shared >= 1 or response_with >= 1:
        return None
    strength = (np.sqrt(times) + np.sqrt(shared)) / np.sqrt(1 - shared)
    r2_response = strength**2 * response_with / (1 - response_with)
    return float(r2_cause), float(min(r2_response, 1.0))
