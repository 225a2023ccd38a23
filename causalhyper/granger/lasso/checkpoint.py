"""A path that is not finished, in a file, so that it can go on after an interruption."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso.backend import to_host
from causalhyper.granger.lasso.homotopy import Solution
from causalhyper.granger.lasso.rounds import Standing
from causalhyper.granger.lasso.scan import LassoProblem
from causalhyper.granger.lasso.working_set import WorkingSet

FORMAT = "causalhyper lasso path 2"


class Checkpoint:
    """The file where a path is kept, or nothing where none is asked for.

    Parameters
    ----------
    path : str or Path, optional
    first : WorkingSet
        As it is after the survey.
    penalties : ndarray, shape (k,)
    """

    def __init__(self, path: str | Path | None, first: WorkingSet, penalties: Array) -> None:
        self._path = None if path is None else Path(path)
        self._problem = first.problem
        self._key = "" if path is None else digest(first, penalties)

    def read(self) -> Standing | None:
        """Return what was kept, if anything was."""
        if self._path is None:
            return None
        return read_checkpoint(self._path, self._problem, self._key)

    def write(self, standing: Standing) -> None:
        """Keep how far the path is fitted."""
        if self._path is not None:
            write_checkpoint(self._path, standing, self._key)

    def remove(self) -> None:
        """Keep nothing more."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def digest(first: WorkingSet, penalties: Array) -> str:
    """Tell a problem from others.

    By its shape, options, y, penalties, spreads of all columns, and the numbers and values of the
    columns that correlate with y most.

    Parameters
    ----------
    first : WorkingSet
        As it is after the survey.
    penalties : ndarray, shape (k,)

    Returns
    -------
    str
        A SHA-256 checksum in hexadecimal.
    """
    problem, columns = first.problem, first.problem.columns
    options = (FORMAT, columns.shape, columns.dtype.str, columns.unit)
    total = hashlib.sha256(repr((*options, problem.standardise, problem.intercept)).encode())
    spreads = to_host(problem.spreads)
    for array in (problem.y, penalties, spreads, first.indices, first.values):
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()


def write_checkpoint(path: Path, standing: Standing, key: str) -> None:
    """Write how far a path is fitted: the new file or the old one is there, never a part.

    Parameters
    ----------
    path : Path
        A file; folders above it are made.
    standing : Standing
    key : str
        The `digest` of the problem.

    Raises
    ------
    ConfigurationError
        If the disk refuses; an old file is then as it was.

    Notes
    -----
    An uncompressed npz of plain arrays, some 40 T^2 numbers at most; nothing is pickled.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("xb") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
                for name, array in _arrays(standing, key).items():
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


def read_checkpoint(path: Path, problem: LassoProblem, key: str) -> Standing | None:
    """Read how far a path was fitted.

    Parameters
    ----------
    path : Path
    problem : LassoProblem
        As surveyed now.
    key : str
        Its `digest`.

    Returns
    -------
    Standing or None
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
            return _standing(problem, stored)
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


def _arrays(standing: Standing, key: str) -> Mapping[str, NDArray[Any]]:
    working, found = standing.working, standing.found
    return {
        "key": np.frombuffer(key.encode("ascii"), np.uint8),
        "indices": working.indices,
        "values": working.values,
        "means": working.means,
        "spreads": working.spreads,
        "weights": working.weights,
        "gaps": standing.gaps,
        "reach": np.array(standing.reach),
        "passes": np.array(standing.passes),
        "penalties": np.array([s.penalty for s in found]),
        "residuals": np.array([s.residual for s in found]),
        "kinks": np.array([s.kinks for s in found]),
        "counts": np.array([len(s.members) for s in found]),
        "members": np.concatenate([s.members for s in found]),
        "signs": np.concatenate([s.signs for s in found]),
        "coefficients": np.concatenate([s.coefficients for s in found]),
    }


def _standing(problem: LassoProblem, stored: Mapping[str, NDArray[Any]]) -> Standing:
    held = ("indices", "values", "means", "spreads", "weights")
    working = WorkingSet(problem, *(stored[name] for name in held))
    return Standing(
        working,
        _solutions(stored),
        stored["gaps"],
        float(stored["reach"]),
        int(stored["passes"]),
    )


def _solutions(stored: Mapping[str, NDArray[Any]]) -> tuple[Solution, ...]:
    """One a penalty, from the arrays of all."""
    edges = np.cumsum(stored["counts"])[:-1]

    def parts(name: str) -> Sequence[Codes | Array]:
        return np.split(stored[name], edges)

    each = zip(
        stored["penalties"].tolist(),
        *(parts(name) for name in ("members", "signs", "coefficients")),
        stored["residuals"],
        stored["kinks"].tolist(),
        strict=True,
    )
    return tuple(Solution(*fields) for fields in each)
