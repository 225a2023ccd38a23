"""One writer at a time: a lock that the system takes back when its holder dies."""

from __future__ import annotations

import os
import weakref
from pathlib import Path

from causalhyper.errors import ConfigurationError


class Lock:
    """An exclusive lock on a file, held until it is released or this process ends.

    A process that this one forks does not inherit it: a data loader's worker that outlives a
    killed training does not keep the store locked.

    Parameters
    ----------
    path : Path
        The file, made when missing. Its content is left alone.

    Raises
    ------
    ConfigurationError
        If another writer holds the lock, in this process or another.
    """

    def __init__(self, path: Path) -> None:
        import fcntl

        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            raise ConfigurationError(
                f"{str(path.parent)!r} is being written by another writer: close that one, or "
                "name another folder"
            ) from error
        _HELD.add(self)

    def release(self) -> None:
        """Let the next writer in; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


_HELD: weakref.WeakSet[Lock] = weakref.WeakSet()


def _let_go() -> None:
    """Drop, in a forked process, the locks of the one it was forked from."""
    for lock in list(_HELD):
        lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
