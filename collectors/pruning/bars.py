"""How far a pruning is: a bar of epochs on the error stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Told = Callable[[str], None]
"""Called with the name of the stage, once an epoch is done."""


@contextmanager
def epoch_bar(total: int, done: int, *, quiet: bool) -> Iterator[Told]:
    """Show a bar while the block runs.

    Parameters
    ----------
    total, done : int
        Epochs in all, at most, and those that are done.
    quiet : bool
        Show nothing.

    Yields
    ------
    callable
        Moves it on.
    """
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=quiet,
    )
    with bar:
        task = bar.add_task("pruning", total=total, completed=done)
        yield lambda stage: bar.update(task, advance=1, description=stage)
