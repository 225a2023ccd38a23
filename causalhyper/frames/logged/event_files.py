"""TensorBoard event files: records, their checksums, and the scalars in them.

A file is a TFRecord: length (uint64), its masked CRC-32C, data, their masked CRC-32C. The data are
``tensorflow.Event`` messages (tensorflow/core/util/event.proto, framework/summary.proto).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.logged.crc32c import checksums, mask
from causalhyper.frames.logged.summaries import Scalar, SummaryReader
from causalhyper.frames.logged.wire import (
    BYTES,
    FIXED64,
    WireError,
    fields,
    grouped,
    signed,
    varint,
)

_HEAD = struct.Struct("<QI")
_TAIL = struct.Struct("<I")
_TIME = struct.Struct("<d")
_START = 1
"""``SessionLog.START``, which a writer with ``purge_step`` leaves."""


@dataclass(slots=True)
class Events:
    """What one event file holds.

    Parameters
    ----------
    began : float
        When it was opened, in seconds since 1970.
    points : dict of list
        Steps and values of each scalar, in the order of the file.
    parameters : dict
        Of the hparams plugin.
    restarts : list of (int, dict)
        Steps from which earlier values no longer count, with how many values of each tag this
        file had before.
    cut : bool
        Whether the last record is incomplete.

    Examples
    --------
    >>> Events().cut
    False
    """

    began: float = 0.0
    points: dict[str, tuple[list[int], list[float]]] = field(default_factory=dict)
    parameters: dict[str, object] = field(default_factory=dict)
    restarts: list[tuple[int, dict[str, int]]] = field(default_factory=list)
    cut: bool = False


def read_events(path: Path) -> Events:
    """Read the scalars and parameters of an event file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Events
        Histograms, images, texts and graphs are passed over. A last record that is incomplete,
        as in a file that is being written, is left out.

    Raises
    ------
    ConfigurationError
        If the file cannot be opened.
    DataError
        If a checksum is wrong, or a record is no event.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot open {str(path)!r}: {error}") from error
    records, cut = _records(data, path)
    events, reader = Events(cut=cut), SummaryReader()
    try:
        for record in records:
            _take(record, events, reader)
    except (WireError, UnicodeDecodeError, struct.error) as error:
        raise DataError(
            f"{str(path)!r} holds a record that is no TensorBoard event: {error}; "
            "its checksum is right, so another program wrote it"
        ) from error
    return events


def _records(data: bytes, path: Path) -> tuple[list[bytes], bool]:
    """Cut a file into records and check every checksum; the last one may be incomplete."""
    heads, records, stored = [], [], []
    at, end = 0, len(data)
    while at + 12 <= end:
        size, check = _HEAD.unpack_from(data, at)
        heads.append(data[at : at + 8])
        stored.append(check)
        if at + 16 + size > end:
            break
        records.append(data[at + 12 : at + 12 + size])
        stored.append(_TAIL.unpack_from(data, at + 12 + size)[0])
        at += 16 + size
    whole = [piece for pair in zip(heads, records, strict=False) for piece in pair]
    pieces = [*whole, *heads[len(records) :]]
    _check(pieces, stored, path)
    return records, at < end


def _check(pieces: list[bytes], stored: list[int], path: Path) -> None:
    """Refuse a file with a wrong checksum."""
    short = [i for i, piece in enumerate(pieces) if len(piece) < 4]
    usable = [piece.rjust(4, b"\0") for piece in pieces]
    wrong = np.flatnonzero(mask(checksums(usable)) != np.array(stored, dtype=np.uint32))
    for i in (*wrong, *short):
        raise DataError(
            f"{str(path)!r} is damaged: record {i // 2 + 1} has a wrong checksum; copy the file "
            "again, or leave it out"
        )


def _take(record: bytes, events: Events, reader: SummaryReader) -> None:
    """Add one event."""
    step, summary = _plain_event(record)
    if summary is None:
        step, summary = _any_event(record, events)
    if summary is None:
        return
    for scalar in reader.scalars(summary):
        _add(events, step, scalar)
    events.parameters |= reader.take_parameters()


def _add(events: Events, step: int, scalar: Scalar) -> None:
    found = events.points.get(scalar[0])
    if found is None:
        found = events.points[scalar[0]] = ([], [])
    found[0].append(step)
    found[1].append(scalar[1])


def _plain_event(record: bytes) -> tuple[int, bytes | None]:
    """Return step and summary of an event that is time, step and summary, in this order."""
    if len(record) < 11 or record[0] != 0x09:
        return 0, None
    step, at = 0, 9
    if record[at] == 0x10:
        step, at = varint(record, 10)
    if at < len(record) and record[at] == 0x2A:
        size, at = varint(record, at + 1)
        if at + size == len(record):
            return signed(step), record[at:]
    return 0, None


def _any_event(record: bytes, events: Events) -> tuple[int, bytes | None]:
    """Return step and summary of any event, and take note of restarts."""
    step, summary, started = 0, None, False
    for number, kind, content, _ in fields(record):
        if number == 1 and kind == FIXED64 and isinstance(content, bytes):
            events.began = events.began or _TIME.unpack(content)[0]
        elif number == 2 and isinstance(content, int):
            step = signed(content)
        elif number == 5 and kind == BYTES and isinstance(content, bytes):
            summary = content
        elif number == 7 and isinstance(content, bytes):
            started = grouped(content).get(1) == [_START]
    if started:
        before = {tag: len(steps) for tag, (steps, _) in events.points.items()}
        events.restarts.append((step, before))
    return step, summary
