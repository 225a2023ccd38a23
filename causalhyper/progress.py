"""How much of the work is done, told while it is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")
Progress = Callable[[float], None]
"""Called with the share of the work done, in [0, 1]."""


def track(items: Iterable[T], count: int, progress: Progress | None) -> Iterator[T]:
    """Yield items, telling after each the share of them that has been dealt with.

    Parameters
    ----------
    items : iterable
    count : int
        How many there are.
    progress : callable or None

    Yields
    ------
    object
        The items.

    Examples
    --------
    >>> told = []
    >>> [2 * x for x in track([1, 2], 2, told.append)], told
    ([2, 4], [0.5, 1.0])
    """
    for i, item in enumerate(items):
        yield item
        if progress is not None:
            progress((i + 1) / count)


def track_all(items: Collection[T], progress: Progress | None) -> Iterator[T]:
    """The same where the items know how many they are."""
    return track(items, len(items), progress)


def split_progress(progress: Progress | None, shares: Mapping[str, float]) -> dict[str, Progress]:
    """Make one progress of each stage out of one of the whole.

    Parameters
    ----------
    progress : callable or None
    shares : mapping of str to float
        Of the work, by stage, in the order in which they come; they sum to 1.

    Returns
    -------
    dict of str to callable

    Examples
    --------
    >>> told = []
    >>> stages = split_progress(told.append, {"fit": 0.25, "ask": 0.75})
    >>> stages["fit"](1.0), stages["ask"](0.5), told
    (None, None, [0.25, 0.625])
    """
    stages: dict[str, Progress] = {}
    start = 0.0
    for name, share in shares.items():
        stages[name] = _stage(progress, start, share)
        start += share
    return stages


def halve_progress(progress: Progress | None) -> Iterator[Progress]:
    """Make a progress for each of stages whose number is not known.

    Parameters
    ----------
    progress : callable or None

    Yields
    ------
    callable
        Has half of what is left, so that no stage goes back behind the one before.

    Examples
    --------
    >>> told = []
    >>> stages = halve_progress(told.append)
    >>> next(stages)(1.0), next(stages)(0.5), told
    (None, None, [0.5, 0.625])
    """
    start = 0.0
    while True:
        share = (1 - start) / 2
        yield _stage(progress, start, share)
        start += share


def _stage(progress: Progress | None, start: float, share: float) -> Progress:
    def tell(part: float) -> None:
        if progress is not None:
            progress(min(start + share * part, 1.0))

    return tell
