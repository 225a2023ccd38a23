"""Lines that carry their own checksum, for journals that are only ever appended to."""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate


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
    lines = data.split(b"\n")[:-1]
    payloads = tuple(line[9:] for line in lines)
    ends = tuple(accumulate(len(line) + 1 for line in lines))
    if b"".join(line[:9] for line in lines) == _heads(payloads):
        return Unsealed(payloads, ends, None)
    whole = next(i for i, p in enumerate(payloads) if lines[i][:9] != _heads([p]))
    return Unsealed(payloads[:whole], ends[:whole], whole)


def _heads(payloads: Sequence[bytes]) -> bytes:
    """What stands before each payload: nine characters, the last a blank."""
    sums = array("I", map(zlib.crc32, payloads))
    if sys.byteorder == "little":
        sums.byteswap()
    return sums.tobytes().hex(" ", 4).encode() + b" " * bool(payloads)
