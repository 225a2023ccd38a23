"""The folder of a pruning: what it is of, its checkpoint, and in the end its result."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames import write_atomic
from causalhyper.frames.trajectory.lock import Lock
from collectors.pruning.states import State, state_bytes, state_of

RUN, CHECKPOINT, RESULT = "run.json", "checkpoint.safetensors", "result.json"
TRAJECTORY = "trajectory"


class Folder:
    """The folder that one process writes; `open_folder` makes one.

    Parameters
    ----------
    path : Path
        The folder.

    Raises
    ------
    ConfigurationError
        If it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"cannot make the folder {str(path)!r} ({error}): name another (out=)"
            ) from error
        self.path = path
        self._lock = Lock(path / ".lock")

    @property
    def finished(self) -> bool:
        """Whether the result is there."""
        return (self.path / RESULT).exists()

    def begin(self, run: Mapping[str, Any], *, resume: bool) -> None:
        """Say what the folder is of, or check that it is of that.

        Parameters
        ----------
        run : mapping
            What describes the run, as JSON takes it.
        resume : bool
            Whether a run may be there.

        Raises
        ------
        ConfigurationError
            If one is there and may not be, or is of something else.
        DataError
            If it cannot be read.
        """
        file = self.path / RUN
        if resume:
            self._clear_drafts()
        if not file.exists():
            write_atomic(file, (json.dumps(run, indent=2) + "\n").encode())
            return
        if not resume:
            raise ConfigurationError(
                f"{str(self.path)!r} holds a pruning already: go on with it "
                "(resume=True, --resume), or name another folder"
            )
        check_same(self.path, run)
        self.clear_trajectory()

    def save(self, state: State) -> None:
        """Write a checkpoint, whole or not at all."""
        write_atomic(self.path / CHECKPOINT, state_bytes(state))

    def read(self) -> bytes:
        """Return the checkpoint's bytes; none where there is no checkpoint."""
        file = self.path / CHECKPOINT
        return file.read_bytes() if file.exists() else b""

    def end(self) -> None:
        """Remove what the result makes needless."""
        (self.path / CHECKPOINT).unlink(missing_ok=True)

    def clear_trajectory(self) -> None:
        """Remove the trajectory of a collecting stage."""
        shutil.rmtree(self.path / TRAJECTORY, ignore_errors=True)

    def abandon(self) -> None:
        """Forget a run of which nothing is kept, so that another may begin here."""
        if not self.finished and not (self.path / CHECKPOINT).exists():
            self.clear_trajectory()
            (self.path / RUN).unlink(missing_ok=True)

    def close(self) -> None:
        """Let another process write."""
        self._lock.release()

    def _clear_drafts(self) -> None:
        """Remove what a killed process had not written to its end."""
        for draft in self.path.glob(".*.tmp"):
            draft.unlink(missing_ok=True)


def check_same(path: Path, run: Mapping[str, Any]) -> None:
    """Refuse a folder that is of another run.

    Parameters
    ----------
    path : Path
        A folder that holds a pruning.
    run : mapping
        What describes the run, as JSON takes it.

    Raises
    ------
    ConfigurationError
        If they differ.
    DataError
        If the folder cannot be read.
    """
    found = read_json(path / RUN)
    for key, value in json.loads(json.dumps(run)).items():
        if found.get(key) != value:
            raise ConfigurationError(
                f"{str(path)!r} holds a pruning with {_difference(key, found, value)}: go on with "
                "the same, or name another folder"
            )


def read_checkpoint(path: str | Path) -> State:
    """Read the checkpoint of a pruning that is not finished.

    Parameters
    ----------
    path : str or Path
        The folder.

    Returns
    -------
    State
        After the last stage that was finished.

    Raises
    ------
    ConfigurationError
        If there is none.
    DataError
        If it is damaged.
    """
    file = Path(path) / CHECKPOINT
    if not file.exists():
        raise ConfigurationError(f"there is no checkpoint {str(file)!r}")
    return state_of(file.read_bytes(), str(file))


def read_json(file: Path) -> dict[str, Any]:
    """Read a file of the folder.

    Parameters
    ----------
    file : Path
        Of JSON.

    Returns
    -------
    dict

    Raises
    ------
    DataError
        If it is none.
    """
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {str(file)!r} ({error}): take a copy") from error
    if not isinstance(found, dict):
        raise DataError(f"{str(file)!r} is not of a pruning: take a copy")
    return found


def _difference(key: str, found: Mapping[str, Any], wanted: Any) -> str:
    """Say in what two descriptions differ: the first field of a mapping, or the whole."""
    there = found.get(key)
    if isinstance(there, dict) and isinstance(wanted, dict):
        for name, value in wanted.items():
            if there.get(name) != value:
                return f"{key} {name} {there.get(name)!r}, not {value!r}"
    return f"{key} {there!r}, not {wanted!r}"
