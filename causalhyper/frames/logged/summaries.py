"""Summaries of TensorBoard events: scalars, as numbers or tensors, and hyperparameters."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from causalhyper.frames.logged.wire import BYTES, FIXED32, fields, grouped

Scalar = tuple[str, float]
"""Tag and value."""
_Place = tuple[int, int]
"""First byte of a number in a summary, and the byte behind it."""

_TYPES = {
    1: ("<f4", 5),
    2: ("<f8", 6),
    3: ("<i4", 7),
    4: ("<u1", 7),
    6: ("<i1", 7),
    9: ("<i8", 10),
    19: ("<f2", 13),
    22: ("<u4", 16),
    23: ("<u8", 17),
}
"""Data types of tensors that hold numbers: NumPy's name, and the field of their values."""
_PACKED = {5: "<f4", 6: "<f8"}
_SINGLE, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")
_HPARAMS = "hparams"


class SummaryReader:
    r"""Reads summaries, and knows again those that differ from an earlier one by a number only.

    Loggers write the same few tags over and over: where a number stands is found once for each
    tag, and from then on looked up by the bytes around it.

    Examples
    --------
    >>> reader = SummaryReader()
    >>> list(reader.scalars(b"\x0a\x0b\x0a\x04loss\x15\x00\x00\x80?"))
    [('loss', 1.0)]
    """

    __slots__ = ("_parameters", "_places")

    def __init__(self) -> None:
        self._places: dict[int, dict[_Place, dict[bytes, str]]] = {}
        self._parameters: dict[str, object] = {}

    def scalars(self, summary: bytes) -> list[Scalar]:
        """Return the scalars of a summary.

        Parameters
        ----------
        summary : bytes
            A ``Summary`` message.

        Returns
        -------
        list of (str, float)
            Tags and values, in the order of the message.
        """
        places = self._places.get(len(summary))
        if places is not None:
            for (begin, end), tags in places.items():
                tag = tags.get(summary[:begin] + summary[end:])
                if tag is not None:
                    number = _SINGLE if end - begin == 4 else _DOUBLE
                    return [(tag, number.unpack_from(summary, begin)[0])]
        return list(self._parse(summary))

    def take_parameters(self) -> dict[str, object]:
        """Return the hyperparameters met since this was last asked.

        Returns
        -------
        dict
            Values by name.
        """
        found, self._parameters = self._parameters, {}
        return found

    def _parse(self, summary: bytes) -> Iterator[Scalar]:
        for i, (number, kind, content, begin) in enumerate(fields(summary)):
            if number == 1 and kind == BYTES and isinstance(content, bytes):
                alone = i == 0 and begin + len(content) == len(summary)
                yield from self._value(content, summary, begin if alone else -1)

    def _value(self, value: bytes, summary: bytes, begin: int) -> Iterator[Scalar]:
        """Read one value of a summary."""
        tag, found, place = "", None, -1
        size, plugin, content = 4, "", b""
        for number, kind, part, at in fields(value):
            if number == 1 and isinstance(part, bytes):
                tag = part.decode()
            elif number == 2 and kind == FIXED32 and isinstance(part, bytes):
                found, place = float(_SINGLE.unpack(part)[0]), at
            elif number == 8 and isinstance(part, bytes):
                found, place, size = _tensor(part)
                place = place + at if place >= 0 else -1
            elif number == 9 and isinstance(part, bytes):
                plugin, content = _plugin(part)
        if plugin == _HPARAMS:
            self._parameters |= _hyperparameters(content)
        elif found is not None:
            if begin >= 0 and place >= 0:
                self._remember(summary, begin + place, size, tag)
            yield tag, found

    def _remember(self, summary: bytes, begin: int, size: int, tag: str) -> None:
        """Note where the number of a summary stands, and what stands around it."""
        places = self._places.setdefault(len(summary), {})
        tags = places.setdefault((begin, begin + size), {})
        tags[summary[:begin] + summary[begin + size :]] = tag


def _tensor(message: bytes) -> tuple[float | None, int, int]:
    """Return a tensor's number, where it stands and its size; None where it is not one number.

    The place is -1 where it is not a float or a double of the usual kind.
    """
    kind, raw, values, place = 0, None, [], -1
    for number, wire, part, at in fields(message):
        if number == 1 and isinstance(part, int):
            kind = part
        elif number == 2 and isinstance(part, bytes) and _elements(part) != 1:
            return None, -1, 0
        elif number == 4 and isinstance(part, bytes):
            raw, place = part, at
        elif kind in _TYPES and number == _TYPES[kind][1]:
            place = at
            values.append((wire, part))
    if kind not in _TYPES:
        return None, -1, 0
    name = np.dtype(_TYPES[kind][0])
    if raw is None:
        raw = _typed(values, kind)
    if raw is None or len(raw) != name.itemsize:
        return None, -1, 0
    size = name.itemsize
    return float(np.frombuffer(raw, name)[0]), place if kind in (1, 2) else -1, size


def _typed(values: list[tuple[int, int | bytes]], kind: int) -> bytes | None:
    """Return the bytes of a tensor's one value that is stored in the field of its type."""
    if len(values) != 1:
        return None
    wire, part = values[0]
    name, number = _TYPES[kind]
    if isinstance(part, bytes):
        if number in _PACKED or wire != BYTES:
            return part
        part = next(iter(grouped(b"\x08" + part).values()))[0]
    if isinstance(part, bytes):
        return None
    size = np.dtype(name).itemsize
    return (part & ((1 << 8 * size) - 1)).to_bytes(size, "little")


def _elements(shape: bytes) -> int:
    """Count the elements of a tensor by its shape."""
    count = 1
    for dimension in grouped(shape).get(2, []):
        if isinstance(dimension, bytes):
            size = grouped(dimension).get(1, [0])[0]
            count *= size if isinstance(size, int) else 0
    return count


def _plugin(metadata: bytes) -> tuple[str, bytes]:
    """Return the name and content of the plugin that a summary belongs to."""
    for data in grouped(metadata).get(1, []):
        if isinstance(data, bytes):
            parts = grouped(data)
            name, content = parts.get(1, [b""])[0], parts.get(2, [b""])[0]
            if isinstance(name, bytes) and isinstance(content, bytes):
                return name.decode(), content
    return "", b""


def _hyperparameters(content: bytes) -> dict[str, object]:
    """Return the values that a session starts with (plugins/hparams/plugin_data.proto).

    By name: the file has a map, whose order differs from process to process.
    """
    found: dict[str, object] = {}
    for start in grouped(content).get(3, []):
        if isinstance(start, bytes):
            for entry in grouped(start).get(1, []):
                if isinstance(entry, bytes):
                    pair = grouped(entry)
                    name, value = pair.get(1, [b""])[0], pair.get(2, [b""])[0]
                    if isinstance(name, bytes) and isinstance(value, bytes):
                        found[name.decode()] = _struct_value(value)
    return dict(sorted(found.items()))


def _struct_value(value: bytes) -> object:
    """Read a ``google.protobuf.Value`` that is a number, a text or a truth value."""
    for number, _, content, _ in fields(value):
        if number == 2 and isinstance(content, bytes):
            real = _DOUBLE.unpack(content)[0]
            return int(real) if real.is_integer() and abs(real) < 2**53 else real
        if number == 3 and isinstance(content, bytes):
            return content.decode()
        if number == 4:
            return bool(content)
    return None
