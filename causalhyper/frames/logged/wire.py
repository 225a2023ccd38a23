"""The wire format of protocol buffers, as far as logs need it: fields of one message."""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types; groups (3 and 4) are not in use any more."""


class WireError(ValueError):
    """The bytes are no message."""


def fields(message: bytes) -> Iterator[tuple[int, int, int | bytes, int]]:
    r"""Go through the fields of a message.

    Parameters
    ----------
    message : bytes
        One encoded message.

    Yields
    ------
    tuple of (int, int, int or bytes, int)
        Number, wire type, content (an integer for `VARINT`, bytes otherwise), and where the
        content begins.

    Raises
    ------
    WireError
        If the bytes end inside a field, or a wire type is unknown.

    Examples
    --------
    >>> list(fields(b"\x08\x96\x01"))
    [(1, 0, 150, 1)]
    """
    at, end = 0, len(message)
    while at < end:
        key, at = varint(message, at)
        kind = key & 7
        if kind == VARINT:
            begin = at
            content, at = varint(message, at)
            yield key >> 3, kind, content, begin
            continue
        if kind == BYTES:
            size, at = varint(message, at)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise WireError(f"wire type {kind} at byte {at}")
        if at + size > end:
            raise WireError(f"a field of {size} bytes at byte {at} of {end}")
        yield key >> 3, kind, message[at : at + size], at
        at += size


def varint(message: bytes, at: int) -> tuple[int, int]:
    r"""Read an integer of variable length.

    Parameters
    ----------
    message : bytes
        Where to read.
    at : int
        Its first byte.

    Returns
    -------
    (int, int)
        The unsigned integer, and the byte behind it.

    Raises
    ------
    WireError
        If the bytes end inside it, or it is longer than 64 bits.

    Examples
    --------
    >>> varint(b"\x96\x01", 0)
    (150, 2)
    """
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise WireError(f"an integer without an end at byte {at}")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def signed(value: int) -> int:
    """Read an unsigned 64-bit integer as a signed one.

    Parameters
    ----------
    value : int
        As `varint` returns it.

    Returns
    -------
    int
        Negative from 2**63.

    Examples
    --------
    >>> signed(2**64 - 1)
    -1
    """
    return value - (1 << 64) if value >= 1 << 63 else value


def grouped(message: bytes) -> dict[int, list[int | bytes]]:
    r"""Gather the contents of a message's fields by number.

    Parameters
    ----------
    message : bytes
        One encoded message.

    Returns
    -------
    dict of list
        In the order of the message.

    Examples
    --------
    >>> grouped(b"\x0a\x01a\x0a\x01b")
    {1: [b'a', b'b']}
    """
    found: dict[int, list[int | bytes]] = {}
    for number, _, content, _ in fields(message):
        found.setdefault(number, []).append(content)
    return found
