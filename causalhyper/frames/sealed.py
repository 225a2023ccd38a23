"""Lines that carry their own checksum, for journals that are only ever appended to."""

from __future__ import annotations

import zlib
from dataclasses import dataclass


def seal(payload: bytes) -> bytes:
    r"""Make a line of a journal.

    Parameters
    ----------
    payload : bytes
        Any bytes but a newline.

    Returns
    -------
    bytes
        The CRC-32 of the payload as 8 hexadecimal digits, a blank, the payload, a newline.

    Examples
    --------
    >>> seal(b"123456789")
    b'cbf43926 123456789\n'
    """
    return b"%08x %b\n" % (zlib.crc32(payload), payload)


@dataclass(frozen=True, slots=True)
class Unsealed:
    """What a journal holds.

    Parameters
    ----------
    payloads : tuple of bytes
        The lines before the first damaged one, in order.
    ends : tuple of int
        Where each of these lines ends, in bytes from the start.
    damaged : int or None
        Number of the first line (from 0) whose checksum does not fit. A last line without its
        newline is not damaged: its writing was cut short, and it does not count.

    Examples
    --------
    >>> Unsealed((b"a",), (11,), None).length
    11
    """

    payloads: tuple[bytes, ...]
    ends: tuple[int, ...]
    damaged: int | None

    @property
    def length(self) -> int:
        """Bytes up to the end of the last whole line."""
        return self.ends[-1] if self.ends else 0


def unseal(data: bytes) -> Unsealed:
    r"""Read the lines of a journal.

    Parameters
    ----------
    data : bytes
        The whole journal.

    Returns
    -------
    Unsealed
        The whole lines, and whether one is damaged.

    Examples
    --------
    >>> unseal(seal(b"a") + seal(b"b") + b"0123").payloads
    (b'a', b'b')
    >>> unseal(seal(b"a") + seal(b"b").replace(b"b\n", b"c\n")).damaged
    1
    """
    payloads: list[bytes] = []
    ends: list[int] = []
    start = 0
    while (end := data.find(b"\n", start)) >= 0:
        line = data[start:end]
        if seal(line[9:]) != line + b"\n":
            return Unsealed(tuple(payloads), tuple(ends), len(payloads))
        payloads.append(line[9:])
        start = end + 1
        ends.append(start)
    return Unsealed(tuple(payloads), tuple(ends), None)
