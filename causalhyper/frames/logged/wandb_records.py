"""The transaction log of a Weights & Biases run, ``run-ID.wandb``.

A LevelDB log: blocks of 32 KiB, in them records of checksum (CRC-32 of type and data), size, type
and data; a record that crosses a block is cut into a first, middle and last piece. The data are
``wandb_internal.Record`` messages, whose values are JSON texts.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.logged.wire import WireError, grouped

_BLOCK, _HEAD = 32768, struct.Struct("<IHB")
_BEGIN = b":W&B"
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_HISTORY, _SUMMARY, _CONFIG, _RUN, _EXIT = 2, 3, 5, 17, 18


@dataclass(slots=True)
class RunLog:
    """What one transaction log says.

    Parameters
    ----------
    run_id, name, group : str
        Of the run, "" where the log does not say.
    config, summary : dict
        Nested values by name, as they stood at the end.
    rows : list of dict
        What was logged together.
    steps : list of int
        The step of each row.
    exit_code : int or None
        None where the run did not come to its end.
    cut : bool
        Whether the last record is incomplete.

    Examples
    --------
    >>> RunLog().exit_code is None
    True
    """

    run_id: str = ""
    name: str = ""
    group: str = ""
    config: dict[str, object] = field(default_factory=dict)
    summary: dict[str, object] = field(default_factory=dict)
    rows: list[dict[str, object]] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    exit_code: int | None = None
    cut: bool = False


def read_run_log(path: Path) -> RunLog:
    """Read a transaction log.

    Parameters
    ----------
    path : Path
        The file ``run-ID.wandb``.

    Returns
    -------
    RunLog
        A last record that is incomplete, as in a run that goes on, is left out.

    Raises
    ------
    ConfigurationError
        If the file cannot be opened.
    DataError
        If it is no such log, or a checksum is wrong.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot open {str(path)!r}: {error}") from error
    if not data.startswith(_BEGIN):
        raise DataError(f"{str(path)!r} is no Weights & Biases log: it does not begin with ':W&B'")
    log = RunLog()
    try:
        for record in _records(data, log, path):
            _take(grouped(record), log)
    except (WireError, ValueError) as error:
        raise DataError(
            f"{str(path)!r} holds a record that cannot be read: {error}; it may come from a newer "
            "wandb: export the run as CSV or JSON instead"
        ) from error
    return log


def _records(data: bytes, log: RunLog, path: Path) -> Iterator[bytes]:
    """Go through the whole records of a log, joining those that cross a block."""
    at, parts = len(_BEGIN) + 3, b""
    while at < len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEAD.size:
            at += left
            continue
        if at + _HEAD.size > len(data):
            break
        check, size, kind = _HEAD.unpack_from(data, at)
        begin, at = at, at + _HEAD.size + size
        if at > len(data):
            break
        if kind == 0 and size == 0 and check == 0:  # a block's end that was never written
            break
        piece = data[begin + _HEAD.size : at]
        if zlib.crc32(bytes([kind]) + piece) != check:
            raise DataError(
                f"{str(path)!r} is damaged at byte {begin}: a wrong checksum; copy the file again"
            )
        parts = piece if kind in (_FULL, _FIRST) else parts + piece
        if kind in (_FULL, _LAST):
            yield parts
            parts = b""
    else:
        log.cut = bool(parts)
        return
    log.cut = True


def _take(record: dict[int, list[int | bytes]], log: RunLog) -> None:
    """Add what one record says."""
    for number, contents in record.items():
        for content in contents:
            if not isinstance(content, bytes):
                continue
            if number == _HISTORY:
                _take_history(content, log)
            elif number == _SUMMARY:
                _update(log.summary, content)
            elif number == _CONFIG:
                _update(log.config, content)
            elif number == _RUN:
                _take_run(content, log)
            elif number == _EXIT:
                code = grouped(content).get(1, [0])[0]
                log.exit_code = code if isinstance(code, int) else 0


def _take_run(content: bytes, log: RunLog) -> None:
    parts = grouped(content)
    log.run_id = _text(parts.get(1)) or log.run_id
    log.group = _text(parts.get(6)) or log.group
    log.name = _text(parts.get(8)) or log.name
    for number, values in ((4, log.config), (5, log.summary)):
        for part in parts.get(number, []):
            if isinstance(part, bytes):
                _update(values, part)


def _take_history(content: bytes, log: RunLog) -> None:
    parts = grouped(content)
    row: dict[str, object] = {}
    for item in parts.get(1, []):
        if isinstance(item, bytes):
            _set(row, *_item(item))
    step = row.get("_step")
    for record in parts.get(2, []):
        if isinstance(record, bytes):
            step = grouped(record).get(1, [0])[0]
    if not isinstance(step, int):
        step = log.steps[-1] + 1 if log.steps else 0
    log.rows.append(row)
    log.steps.append(step)


def _update(values: dict[str, object], content: bytes) -> None:
    """Apply the updates and removals of a summary or configuration record."""
    parts = grouped(content)
    for item in parts.get(1, []):
        if isinstance(item, bytes):
            _set(values, *_item(item))
    for item in parts.get(2, []):
        if isinstance(item, bytes):
            values.pop(_item(item)[0][0], None)


def _item(content: bytes) -> tuple[list[str], object]:
    """Return the path of names and the value of an item."""
    parts = grouped(content)
    nested = [part.decode() for part in parts.get(2, []) if isinstance(part, bytes)]
    text = _text(parts.get(16))
    return nested or [_text(parts.get(1))], json.loads(text) if text else None


def _set(values: dict[str, object], names: list[str], value: object) -> None:
    for name in names[:-1]:
        inner = values.setdefault(name, {})
        if not isinstance(inner, dict):
            inner = values[name] = {}
        values = inner
    values[names[-1]] = value


def _text(contents: list[int | bytes] | None) -> str:
    last = contents[-1] if contents else b""
    return last.decode() if isinstance(last, bytes) else ""
