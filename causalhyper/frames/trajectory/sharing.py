"""Sharing tasks between two threads, so that one works while the other waits for the disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Thread
from typing import TypeVar

Task = TypeVar("Task")


def share(do: Callable[[Task], None], tasks: Sequence[Task]) -> None:
    """Do tasks in this thread and one beside it, each taking the next that is left.

    Parameters
    ----------
    do : callable
        Does one; it may be called by both threads at once.
    tasks : sequence
        In the order in which they are begun.

    Raises
    ------
    BaseException
        That of the first task, in their order, which raised one; whatever the threads' pace.

    Examples
    --------
    >>> done = set()
    >>> share(done.add, range(4))
    >>> sorted(done)
    [0, 1, 2, 3]
    """
    left = iter(list(enumerate(tasks)))
    errors: dict[int, BaseException] = {}

    def work() -> None:
        while not errors and (taken := next(left, None)) is not None:
            place, task = taken
            try:
                do(task)
            except BaseException as error:
                errors[place] = error

    helper = Thread(target=work, name="trajectory-reader")
    helper.start()
    work()
    helper.join()
    if errors:
        raise errors[min(errors)]
