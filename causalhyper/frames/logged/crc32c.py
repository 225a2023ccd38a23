"""The checksum of TFRecord files, CRC-32C (Castagnoli), of many records at once.

Leading zeros do not change the plain remainder of a message, so records of any length are set
flush right in a table and run through the byte-wise recursion side by side. A long record is cut
into rows of `CHUNK` bytes, whose remainders are then joined.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CHUNK = 512
"""Bytes of a row."""

_POLYNOMIAL = 0x82F63B78
_MASK = 0xA282EAD8


def _byte_table() -> NDArray[np.uint32]:
    """Return the remainder of each byte."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ (np.uint32(_POLYNOMIAL) * (table & np.uint32(1)))
    return table


_TABLE = _byte_table()


def checksums(records: Sequence[bytes]) -> NDArray[np.uint32]:
    """Return the CRC-32C of each record.

    Parameters
    ----------
    records : sequence of bytes
        Each of 4 bytes at least.

    Returns
    -------
    ndarray of uint32, shape (records,)
        RFC 3720, appendix B.4.

    Examples
    --------
    >>> [hex(value) for value in checksums([b"123456789", bytes(32)])]
    ['0xe3069283', '0x8a9136aa']
    """
    sizes = np.array([len(record) for record in records], dtype=np.int64)
    found = np.zeros(len(records), dtype=np.uint32)
    low = 0
    for width in (8, 32, 64, 128, CHUNK):
        near = np.flatnonzero((sizes > low) & (sizes <= width)).tolist()
        if near:
            found[near] = _remainders(_table_of([records[i] for i in near], width))
        low = width
    for i in np.flatnonzero(sizes > CHUNK).tolist():
        found[i] = _long_remainder(records[i])
    return ~found


def mask(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Mask checksums as TFRecord files store them.

    Parameters
    ----------
    values : ndarray of uint32
        Checksums.

    Returns
    -------
    ndarray of uint32
        Rotated right by 15 bits, plus a constant.

    Examples
    --------
    >>> hex(mask(checksums([b"123456789"]))[0])
    '0xc78ab0e5'
    """
    turned = (values >> np.uint32(15)) | (values << np.uint32(17))
    return turned + np.uint32(_MASK)


def _table_of(records: Sequence[bytes], width: int) -> NDArray[np.uint8]:
    """Set records flush right in rows, their first four bytes inverted."""
    sizes = np.array([len(record) for record in records], dtype=np.int64)
    joined = np.frombuffer(b"".join(records), dtype=np.uint8)
    table = np.zeros((width, len(records)), dtype=np.uint8)
    starts = np.cumsum(sizes) - sizes
    for size in np.unique(sizes):
        same = np.flatnonzero(sizes == size)
        block = joined[starts[same][None, :] + np.arange(size)[:, None]]
        block[:4] ^= 0xFF
        table[width - size :, same] = block
    return table


def _remainders(table: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Run the recursion down the rows of a table, one column a message."""
    state = np.zeros(table.shape[1], dtype=np.uint32)
    for row in table:
        state = _TABLE[(state ^ row) & np.uint32(0xFF)] ^ (state >> np.uint32(8))
    return state


def _long_remainder(record: bytes) -> np.uint32:
    """Cut a record into rows and join their remainders."""
    rows = -(-len(record) // CHUNK)
    padded = np.zeros(rows * CHUNK, dtype=np.uint8)
    padded[len(padded) - len(record) :] = np.frombuffer(record, dtype=np.uint8)
    first = len(padded) - len(record)
    padded[first : first + 4] ^= 0xFF
    pieces = _remainders(np.ascontiguousarray(padded.reshape(rows, CHUNK).T))
    state = np.uint32(0)
    for piece in pieces:
        state = _shift(state) ^ piece
    return state


def _shift(state: np.uint32) -> np.uint32:
    """Carry a remainder over `CHUNK` zero bytes."""
    at = [int(state >> np.uint32(8 * k)) & 0xFF for k in range(4)]
    return _SHIFTS[0, at[0]] ^ _SHIFTS[1, at[1]] ^ _SHIFTS[2, at[2]] ^ _SHIFTS[3, at[3]]


def _shift_tables() -> NDArray[np.uint32]:
    """Return what `CHUNK` zero bytes make of each byte at each of four places."""
    state = np.concatenate([np.arange(256, dtype=np.uint32) << np.uint32(8 * k) for k in range(4)])
    for _ in range(CHUNK):
        state = _TABLE[state & np.uint32(0xFF)] ^ (state >> np.uint32(8))
    return state.reshape(4, 256)


_SHIFTS = _shift_tables()
