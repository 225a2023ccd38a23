"""Storing float values in 8, 4 or 2 bytes, with a bound on the error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

LOWEST, TOP = -126, 15
"""Powers of two: smallest float32 that is normal; what scaled float16 values stay below."""
HIGHEST, BELOW = 113, np.float16(32752.0)
"""The exponent with which 2**15 is beyond float32, and the float16 before that."""


@dataclass(frozen=True, slots=True)
class Codec:
    """A way to store values.

    Parameters
    ----------
    stored, values : numpy.dtype
        Type in the file and type in memory, both little-endian.
    scaled : bool
        Whether a power of two scales the values of each layer and step.
    """

    stored: np.dtype[Any]
    values: np.dtype[Any]
    scaled: bool = False

    @property
    def exact(self) -> bool:
        """Whether the file holds the very bytes of the values."""
        return self.stored == self.values


CODECS: Mapping[str, Codec] = MappingProxyType(
    {
        "float32": Codec(np.dtype("<f4"), np.dtype("<f4")),
        "float64": Codec(np.dtype("<f8"), np.dtype("<f8")),
        "float16": Codec(np.dtype("<f2"), np.dtype("<f4"), scaled=True),
        "bfloat16": Codec(np.dtype("<u2"), np.dtype("<f4")),
    }
)
"""The ways by name."""


def choose_exponent(row: Floats) -> int:
    """Choose the power of two by which the values of a layer and step are divided.

    Parameters
    ----------
    row : ndarray of float32, shape (p,)
        The values; those that are not finite are passed over.

    Returns
    -------
    int
        From -126 to 113: e such that the largest magnitude over 2**e is below 2**15, and at
        least 2**14 unless e is -126. An all-zero row has 0.

    Examples
    --------
    >>> choose_exponent(np.array([0.0, 3e-8], dtype="f4"))
    -39
    """
    if not row.size:
        return 0
    largest = max(float(row.max()), -float(row.min()))
    if not np.isfinite(largest):
        finite = row[np.isfinite(row)]
        largest = float(np.abs(finite).max()) if finite.size else 0.0
    if largest == 0.0:
        return 0
    return max(int(np.frexp(largest)[1]) - TOP, LOWEST)


def encode_half(values: Floats, exponent: int) -> NDArray[np.float16]:
    """Scale float32 values to float16; zeros stay zero, and nothing else becomes zero.

    Each finite value x comes back with an error of at most max(2**-11 |x|, 2**-24 2**exponent),
    and the latter is at most 2**-38 times the largest magnitude of the row (nothing where the
    exponent is -126).

    Parameters
    ----------
    values : ndarray of float32
        Values whose magnitudes over 2**exponent are below 2**15.
    exponent : int
        See `choose_exponent`.

    Returns
    -------
    ndarray of float16, same shape
        The values over 2**exponent, rounded to nearest even; a value that would round to zero
        is the smallest float16 of its sign.

    Examples
    --------
    >>> encode_half(np.array([0.0, 1.0, 1e-30], dtype="f4"), -14).tolist()
    [0.0, 16384.0, 5.960464477539063e-08]
    """
    scaled = values * np.float32(2.0**-exponent)
    with np.errstate(under="ignore", over="ignore", invalid="ignore"):
        half = scaled.astype("<f2")
    if exponent == HIGHEST:
        finite = np.isfinite(half)
        half[finite] = np.clip(half[finite], -BELOW, BELOW)
    lost = (half == 0) & (values != 0)
    if lost.any():
        half[lost] = np.copysign(np.float16(2.0**-24), values[lost]).astype("<f2")
    return half


def decode_half(half: NDArray[np.float16], exponents: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the float32 values of float16 rows, each scaled by its power of two."""
    scales = np.exp2(exponents.astype(np.float64)).astype(np.float32)
    with np.errstate(invalid="ignore"):
        return half.astype("<f4") * scales[:, None]


def encode_bfloat(values: Floats) -> NDArray[np.uint16]:
    """Round float32 values to the upper 16 of their 32 bits.

    Rounding is to nearest even. A finite value stays finite and a value other than zero stays so;
    the relative error is at most 2**-8 for magnitudes from 2**-126 (float32's normal numbers) to
    bfloat16's largest, 3.39e38.

    Parameters
    ----------
    values : ndarray of float32
        Any values.

    Returns
    -------
    ndarray of uint16, same shape
        The upper bits: bfloat16.

    Examples
    --------
    >>> [hex(bits) for bits in encode_bfloat(np.array([1.0, -0.0, 1e-45], dtype="f4"))]
    ['0x3f80', '0x8000', '0x1']
    """
    bits = np.ascontiguousarray(values, dtype="<f4").view("<u4")
    sign, magnitude = bits >> 16 & 0x8000, bits & 0x7FFFFFFF
    rounded = np.minimum((magnitude + 0x7FFF + (magnitude >> 16 & 1)) >> 16, 0x7F7F)
    rounded = np.where(magnitude > 0, np.maximum(rounded, 1), 0)
    special = np.where(magnitude > 0x7F800000, 0x7FC0, 0x7F80)
    return (sign | np.where(magnitude >= 0x7F800000, special, rounded)).astype("<u2")


def decode_bfloat(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return the float32 values whose upper 16 bits these are."""
    return (bits.astype("<u4") << 16).view("<f4")


def encode(dtype: str, values: Floats, exponent: int) -> NDArray[Any]:
    """Encode the values of one layer and step."""
    if dtype == "float16":
        return encode_half(values, exponent)
    return encode_bfloat(values) if dtype == "bfloat16" else values


def decode(dtype: str, stored: NDArray[Any], exponents: NDArray[np.int64]) -> Floats:
    """Decode rows; `exponents` has one a row, and is looked at for float16 only."""
    if dtype == "float16":
        return decode_half(stored, exponents)
    return decode_bfloat(stored) if dtype == "bfloat16" else stored
