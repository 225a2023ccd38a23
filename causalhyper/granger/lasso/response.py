"""The response of a regression, checked once for all that read the design."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError


def checked_response(y: ArrayLike, rows: int) -> Array:
    """Return a response in float64, or say what is wrong with it.

    Parameters
    ----------
    y : array_like, shape (T,)
    rows : int
        T of the design.

    Returns
    -------
    ndarray, shape (T,)

    Raises
    ------
    ConfigurationError
        If it has another shape.
    DataError
        If a value is not finite.
    """
    response = np.asarray(y, dtype=np.float64)
    if response.shape != (rows,):
        raise ConfigurationError(
            f"y needs one value a row of the design, {rows}; got shape {response.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(response))
    if len(bad):
        raise DataError(
            f"y must be finite; row {bad[0]} is {response[bad[0]]}: leave that step out"
        )
    return response


def varies(y: Array) -> bool:
    """Whether a response differs from a constant by more than rounding."""
    away = np.abs(y - y.mean()).max(initial=0.0)
    return bool(away > 8 * np.finfo(float).eps * np.abs(y).max(initial=0.0))
