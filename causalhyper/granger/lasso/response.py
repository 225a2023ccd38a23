"""The response of a regression, checked once for all that read the design."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from array_api_compat import is_torch_array
from numpy.typing import ArrayLike, NDArray

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
        If it has another shape, or holds no real numbers.
    DataError
        If a value is masked, missing or not finite.
    """
    if is_torch_array(y):
        y = _of_tensor(y)
    masked = np.empty(0, np.intp)
    if np.ma.isMaskedArray(y):
        masked = np.flatnonzero(np.ma.getmaskarray(y))
    try:
        array = np.asarray(y)
    except (TypeError, ValueError) as error:
        raise _no_numbers(rows, type(y).__name__) from error
    if array.shape != (rows,):
        raise ConfigurationError(
            f"y needs one value a row of the design, {rows}; got shape {array.shape}"
        )
    if len(masked):
        raise DataError(f"y must have all values; row {masked[0]} is masked: leave that step out")
    response = _real(array)
    bad = np.flatnonzero(~np.isfinite(response))
    if len(bad):
        raise DataError(
            f"y must be finite; row {bad[0]} is {response[bad[0]]}: leave that step out"
        )
    return response


def _of_tensor(y: Any) -> Any:
    if y.requires_grad:
        raise ConfigurationError(
            "y is a tensor that requires a gradient, and the fit has none: pass y.detach()"
        )
    if y.device.type == "meta" or str(y.layout) != "torch.strided":
        raise ConfigurationError(
            f"y must be a dense tensor with values; got layout {y.layout} on device {y.device}"
        )
    y = y.cpu()
    return np.asarray(y.double() if y.is_floating_point() else y)


def _real(array: NDArray[Any]) -> Array:
    """Values in float64, if they are real numbers."""
    if array.dtype.kind == "O":
        for at, value in enumerate(array.tolist()):
            if not isinstance(value, Real):
                raise DataError(
                    f"y must hold real numbers; row {at} is {value!r}: leave that step out"
                )
    elif array.dtype.kind not in "biuf":
        raise _no_numbers(len(array), f"an array of {array.dtype}")
    return array.astype(np.float64)


def _no_numbers(rows: int, got: str) -> ConfigurationError:
    return ConfigurationError(f"y must be {rows} real numbers, one a row of the design; got {got}")


def varies(y: Array) -> bool:
    """Whether a response differs from a constant by more than rounding."""
    away = np.abs(y - y.mean()).max(initial=0.0)
    return bool(away > 8 * np.finfo(float).eps * np.abs(y).max(initial=0.0))
