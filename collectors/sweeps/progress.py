"""How far a sweep is, and how long it will take where runs cost unequally."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from collectors.sweeps.durability import settings

NOT_KIND = frozenset({"run_id", "seed", "block", "order"})
"""Settings that do not change what a run costs."""


def kind_of(run: object) -> Hashable:
    """Name the class of runs that cost alike: all settings but the seed.

    Parameters
    ----------
    run : object
        A configuration.

    Returns
    -------
    hashable
        Equal for runs that differ in their seed alone.
    """
    return tuple((k, v) for k, v in settings(run).items() if k not in NOT_KIND)


def seconds_left(
    waiting: Mapping[Hashable, int], seen: Mapping[Hashable, Sequence[float]], workers: int
) -> float | None:
    """Estimate the time left from the finished runs of each class.

    Parameters
    ----------
    waiting : mapping
        For each class, the number of runs that are not finished.
    seen : mapping
        For each class, the seconds of its finished runs.
    workers : int
        Runs at once.

    Returns
    -------
    float or None
        Seconds: for each run that waits the mean of its class, that of a class with none
        finished being the mean over the other classes; their sum divided by the workers, and
        no less than the longest run. None where no run is finished.

    Examples
    --------
    A small batch takes 10 s, a large one 1 s; of these, one and eight are left:

    >>> seconds_left({"small": 1, "large": 8}, {"small": [9.0, 11.0], "large": [1.0]}, workers=1)
    18.0
    """
    means = {kind: sum(times) / len(times) for kind, times in seen.items() if times}
    if not means:
        return None
    typical = sum(means.values()) / len(means)
    costs = [(means.get(kind, typical), count) for kind, count in waiting.items() if count]
    total = sum(cost * count for cost, count in costs) / workers
    return max([total, *(cost for cost, _ in costs)]) if costs else 0.0


class Clock:
    """The time left, kept up to date as runs finish.

    Parameters
    ----------
    runs : sequence
        Configurations that are not finished.
    workers : int
        Runs at once.
    """

    def __init__(self, runs: Sequence[object], workers: int) -> None:
        self.workers = workers
        self._waiting = Counter(kind_of(run) for run in runs)
        self._seen: dict[Hashable, list[float]] = {}
        self._deadline: float | None = None

    def learn(self, run: object, seconds: float) -> None:
        """Note what a run cost that was finished before.

        Parameters
        ----------
        run : object
            Its configuration.
        seconds : float
            Its duration.
        """
        self._seen.setdefault(kind_of(run), []).append(seconds)
        self._estimate()

    def finish(self, run: object, seconds: float | None) -> None:
        """Note that a run is over.

        Parameters
        ----------
        run : object
            Its configuration.
        seconds : float or None
            Its duration; None for a run that failed, which says nothing of what runs cost.
        """
        self._waiting[kind_of(run)] -= 1
        if seconds is not None:
            self._seen.setdefault(kind_of(run), []).append(seconds)
        self._estimate()

    def left(self) -> float | None:
        """Return the seconds left now, None while nothing is known.

        Returns
        -------
        float or None
            At least 0.
        """
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def _estimate(self) -> None:
        seconds = seconds_left(self._waiting, self._seen, self.workers)
        self._deadline = None if seconds is None else time.monotonic() + seconds


class _LeftColumn(ProgressColumn):
    """The time left by a clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def render(self, task: Task) -> Text:
        """Show hours, minutes and seconds."""
        seconds = 0.0 if task.finished else self._clock.left()
        if seconds is None:
            return Text("time left unknown", style="progress.remaining")
        shown = timedelta(seconds=round(seconds))
        return Text(f"{shown} left", style="progress.remaining")


def progress_bar(clock: Clock, *, quiet: bool) -> Progress:
    """Make a bar on the error stream.

    Parameters
    ----------
    clock : Clock
        Knows the time left.
    quiet : bool
        Show nothing.

    Returns
    -------
    Progress
        Not started.
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _LeftColumn(clock),
        console=Console(stderr=True),
        disable=quiet,
    )
