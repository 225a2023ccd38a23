"""The journal: one sealed line a step, written once the step's values are on the disk."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.sealed import seal, unseal
from causalhyper.frames.trajectory import faults
from causalhyper.frames.trajectory.codec import CODECS
from causalhyper.frames.trajectory.layout import StoreLayout

Scalar = int | float | str | bool | None
RESERVED = ("run_id", "nonfinite")
"""Columns of the steps frame that the store fills in itself."""


def plain_scalar(name: str, value: object) -> Scalar:
    """Return a value of the steps frame as Python's own; numpy's and 0-d arrays are taken."""
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", 0) == 0:
        value = item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ConfigurationError(
        f"the step's {name!r} must be a number, a text, a boolean or None; got "
        f"{type(value).__name__}"
    )


@dataclass(frozen=True, slots=True)
class Record:
    """What the journal says of one step.

    Parameters
    ----------
    row : int
        Its row in the store, from 0.
    frame : mapping of str to scalar
        Its row of the steps frame.
    nonfinite : int
        How many of its values are NaN or infinite.
    exponents : sequence of int
        For float16, one a layer; else empty.
    sums : sequence of ndarray of uint32
        A layer's CRC-32, one a column block, of the bytes stored for this row.
    """

    row: int
    frame: Mapping[str, Scalar]
    nonfinite: int
    exponents: Sequence[int]
    sums: Sequence[NDArray[np.uint32]]

    def to_line(self) -> bytes:
        """Return the sealed line."""
        content = {
            "row": self.row,
            "frame": {name: _shown(self.frame[name]) for name in sorted(self.frame)},
            "nonfinite": self.nonfinite,
            "exponents": list(self.exponents),
            "sums": [sums.astype(">u4").tobytes().hex() for sums in self.sums],
        }
        return seal(json.dumps(content, separators=(",", ":"), allow_nan=False).encode())

    def to_entry(self) -> bytes:
        """Return the row of the index: the exponents, then the checksums, of 4 bytes each."""
        numbers = [np.asarray(self.exponents, "<i4"), *(sums.astype("<u4") for sums in self.sums)]
        return b"".join(each.tobytes() for each in numbers)


@dataclass(frozen=True, slots=True, eq=False)
class Journal:
    """The steps that are stored.

    Parameters
    ----------
    frames : tuple of mapping
        Their rows of the steps frame.
    nonfinite : tuple of int
        How many values of each are NaN or infinite.
    exponents : ndarray of int, shape (steps, layers)
        Powers of two for float16, else zeros.
    checksums : ndarray of uint32, shape (steps, blocks of all layers)
        CRC-32 of the bytes of a step and column block.
    ends : tuple of int
        Where each line ends, in bytes.
    """

    frames: tuple[Mapping[str, Scalar], ...]
    nonfinite: tuple[int, ...]
    exponents: NDArray[np.int64]
    checksums: NDArray[np.uint32]
    ends: tuple[int, ...]

    @property
    def rows(self) -> int:
        """Number of steps."""
        return len(self.frames)

    @property
    def last_step(self) -> int | None:
        """Number of the last recorded step, None where there is none."""
        return int(self.frames[-1]["step"] or 0) if self.frames else None


def read_journal(path: Path, layout: StoreLayout, keep: int | None = None) -> Journal:
    """Read the journal of a store.

    Parameters
    ----------
    path : Path
        Its file.
    layout : StoreLayout
        The store's.
    keep : int, optional
        Read this many lines only; what follows may then be damaged.

    Returns
    -------
    Journal
        Every step whose line is whole. A last line without its end is passed over: its writing
        was cut short.

    Raises
    ------
    DataError
        If the file is missing, or a line is damaged.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise faults.missing_file(path) from None
    except OSError as error:
        raise ConfigurationError(f"cannot open {str(path)!r}: {error}") from error
    lines = unseal(data)
    payloads = lines.payloads[:keep]
    if lines.damaged is not None and (keep is None or keep > lines.damaged):
        raise faults.damaged_journal(path, lines.damaged)
    try:
        return _journal(_contents(payloads), lines.ends, layout)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{str(path)!r} is no journal of this trajectory: {error!r}") from error


def empty_journal(layout: StoreLayout) -> Journal:
    """Return the journal of a new store."""
    return _journal([], (), layout)


def _contents(payloads: Sequence[bytes]) -> list[dict[str, Any]]:
    """Read the lines, all in one call."""
    text = b",".join(payloads)
    contents: list[dict[str, Any]] = json.loads(b"[" + text + b"]")
    if len(contents) != len(payloads):
        raise ValueError(f"{len(payloads)} lines have {len(contents)} values")
    if b'"float"' in text:  # numbers that JSON lacks
        for content in contents:
            frame = content["frame"]
            content["frame"] = {name: _read(value) for name, value in dict(frame).items()}
    return contents


def _journal(
    contents: Sequence[dict[str, Any]], ends: tuple[int, ...], layout: StoreLayout
) -> Journal:
    """Gather what the lines say."""
    digits = [8 * (len(layout.edges(layer.size)) - 1) for layer in layout.layers]
    scaled = CODECS[layout.dtype].scaled
    exponents = np.zeros((len(contents), len(digits)), np.int64)
    for row, content in enumerate(contents):
        if content["row"] != row:
            raise ValueError(f"line {row + 1} is of row {content['row']}")
        if [len(text) for text in content["sums"]] != digits:
            raise ValueError(f"line {row + 1} has other blocks than the manifest")
        if scaled:
            exponents[row] = content["exponents"]
    sums = bytes.fromhex("".join("".join(content["sums"]) for content in contents))
    checksums = (
        np.frombuffer(sums, ">u4").astype(np.uint32).reshape(len(contents), sum(digits) // 8)
    )
    frames = tuple(dict(content["frame"]) for content in contents)
    nonfinite = tuple(int(content["nonfinite"]) for content in contents)
    return Journal(frames, nonfinite, exponents, checksums, ends[: len(frames)])


def _shown(value: Scalar) -> object:
    """Put a number that JSON lacks in an object, as {"float": "nan"}."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return value


def _read(value: Any) -> Scalar:
    return float(value["float"]) if isinstance(value, dict) else value
