"""A path that is not finished, in a file, so that it can go on after an interruption."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso.backend import to_host
from causalhyper.granger.lasso.working_set import WorkingSet

FORMAT = "causalhyper lasso path 2"


State = TypeVar("State")
Stored = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class StoredForm(Generic[State]):
    """How a path of some kind is put into arrays and back.

    Attributes
    ----------
    kind : str
        The penalty and its options, which are the problem's too.
    pack, unpack : callable
    """

    kind: str
    pack: Callable[[State], Stored]
    unpack: Callable[[Stored], State]


class Checkpoint(Generic[State]):
    """The file where a path is kept, or nothing where none is asked for.

    Parameters
    ----------
    path : str or Path, optional
    first : WorkingSet
        As it is after the survey.
    penalties : ndarray, shape (k,)
    form : StoredForm
    """

    def __init__(
        self, path: str | Path | None, first: WorkingSet, penalties: Array, form: StoredForm[State]
    ) -> None:
        if path is not None and not isinstance(path, str | os.PathLike):
            raise ConfigurationError(f"checkpoint must be the path of a file; got {path!r:.60}")
        self._path = None if path is None else Path(path)
        self._form = form
        self._key = "" if path is None else digest(first, penalties, form.kind)

    def read(self) -> State | None:
        """Return what was kept, if anything was."""
        if self._path is None:
            return None
        return read_checkpoint(self._path, self._key, self._form.unpack)

    def write(self, state: State) -> None:
        """Keep how far the path is fitted."""
        if self._path is not None:
            write_checkpoint(self._path, self._form.pack(state), self._key)

    def remove(self) -> None:
        """Keep nothing more."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def digest(first: WorkingSet, penalties: Array, kind: str) -> str:
    """Tell a problem from others.

    By its shape, options, y, penalties, spreads of all columns, and the numbers and values of the
    columns that correlate with y most.

    Parameters
    ----------
    first : WorkingSet
        As it is after the survey.
    penalties : ndarray, shape (k,)
    kind : str
        The penalty and its options.

    Returns
    -------
    str
        A SHA-256 checksum in hexadecimal.
    """
    problem, columns = first.problem, first.problem.columns
    options = (FORMAT, kind, columns.shape, columns.dtype.str, columns.unit)
    total = hashlib.sha256(repr((*options, problem.standardise, problem.intercept)).encode())
    spreads = to_host(problem.spreads)
    for array in (problem.y, penalties, spreads, first.indices, first.values):
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()


def write_checkpoint(path: Path, arrays: Stored, key: str) -> None:
    """Write how far a path is fitted: the new file or the old one is there, never a part.

    Parameters
    ----------
    path : Path
        A file; folders above it are made.
    arrays : mapping of str to ndarray
    key : str
        The `digest` of the problem.

    Raises
    ------
    ConfigurationError
        If the disk refuses; an old file is then as it was.

    Notes
    -----
    An uncompressed npz of plain arrays, for a lasso some 40 T^2 numbers at most; nothing is
    pickled.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("xb") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
                marked = {"key": np.frombuffer(key.encode("ascii"), np.uint8), **arrays}
                for name, array in marked.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, array, allow_pickle=False)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write the checkpoint {str(path)!r} ({error.strerror or error}): name a file "
            "in a place that you may write to, with room"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()


def read_checkpoint(path: Path, key: str, unpack: Callable[[Stored], State]) -> State | None:
    """Read how far a path was fitted.

    Parameters
    ----------
    path : Path
    key : str
        The `digest` of the problem as surveyed now.
    unpack : callable
        Makes a path of the arrays.

    Returns
    -------
    path or None
        None where there is no file.

    Raises
    ------
    ConfigurationError
        If the file is of another problem.
    DataError
        If it is no checkpoint, is cut off, or was changed.
    """
    if not path.exists():
        return None
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            stored = {name: archive[name] for name in archive.files}
        theirs = bytes(stored["key"]).decode("ascii")
        if theirs == key:
            return unpack(stored)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{str(path)!r} holds no checkpoint of a lasso path, or is damaged: name another "
            "file; or remove this one if it is a checkpoint, and the path begins anew"
        ) from error
    raise ConfigurationError(
        f"the checkpoint {str(path)!r} is of another problem (checksum {theirs[:12]}; expected "
        f"{key[:12]}): the design, y, the penalties or an option differ; name another file, or "
        "remove this one"
    )
