"""Two series and their lags."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso.response import checked_response, varies
from causalhyper.granger.significance.layers.stationarity import stationarity_of


def lagged_columns(series: Array, effect: int, lags: int) -> tuple[Array, Array, Array]:
    """Return a series, its own lags with an intercept, and the other one's lags.

    Parameters
    ----------
    series : ndarray, shape (T, 2)
    effect : {0, 1}
    lags : int

    Returns
    -------
    now : ndarray, shape (T - lags,)
    own : ndarray, shape (T - lags, 1 + lags)
    other : ndarray, shape (T - lags, lags)
    """
    rows = len(series)
    past = [series[lags - lag : rows - lag] for lag in range(1, lags + 1)]
    own = np.column_stack([np.ones(rows - lags), *(p[:, effect] for p in past)])
    other = np.column_stack([p[:, 1 - effect] for p in past])
    return series[lags:, effect], own, other


def needed_differences(movement: ArrayLike, loss: ArrayLike) -> int:
    """One where either of two series may not be stationary, none where both are.

    Parameters
    ----------
    movement, loss : array_like, shape (T,)

    Returns
    -------
    int
        0 with fewer than 20 steps, too few to tell.
    """
    levels = two_series(movement, loss, 0)
    if len(levels) < 20:
        return 0
    return int(any(stationarity_of(column).doubtful for column in levels.T))


def two_series(movement: ArrayLike, loss: ArrayLike, difference: int) -> Array:
    """Put two series side by side, differenced, each in units of its standard deviation.

    Parameters
    ----------
    movement, loss : array_like, shape (T,)
    difference : int
        How often.

    Returns
    -------
    ndarray, shape (T - difference, 2)

    Raises
    ------
    ConfigurationError
        If shapes differ, or there cannot be so many differences.
    DataError
        If a series is not finite or does not vary.
    """
    first = np.asarray(movement, dtype=np.float64)
    if first.ndim != 1 or not 0 <= difference < max(len(first), 1):
        raise ConfigurationError(
            f"expected one total movement a step, and a number of differences; got shape "
            f"{first.shape} and {difference}"
        )
    series = np.column_stack(
        [checked_response(first, len(first)), checked_response(loss, len(first))]
    )
    series = np.diff(series, n=difference, axis=0)
    if not all(varies(column) for column in series.T):
        raise DataError("movement and loss must vary for one to tell about the other")
    return np.asarray(series / series.std(axis=0))


def lags_by_information(series: Array, most: int) -> int:
    """Choose the lags of a vector autoregression by the Bayesian information criterion.

    Parameters
    ----------
    series : ndarray, shape (T, 2)
    most : int
        All orders up to it are fitted to the same steps.

    Returns
    -------
    int
    """
    values = []
    for lags in range(1, most + 1):
        # all orders predict the same steps
        part = series[most - lags :]
        now, own, other = lagged_columns(part, 0, lags)
        both = np.column_stack([now, lagged_columns(part, 1, lags)[0]])
        columns = np.column_stack([own, other])
        left = both - columns @ np.linalg.lstsq(columns, both, rcond=None)[0]
        _, size = np.linalg.slogdet(left.T @ left / len(left))
        values.append(size + np.log(len(left)) * 2 * columns.shape[1] / len(left))
    return 1 + int(np.argmin(values))
