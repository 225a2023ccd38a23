"""The order within columns: few crossings, short arcs."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, permutations

_EXHAUSTIVE = 5
_ROUNDS, _STARTS = 8, 8

Columns = list[list[int]]


def reduce_crossings(
    columns: Sequence[Sequence[int]], segments: Iterable[tuple[int, int]]
) -> tuple[tuple[int, ...], ...]:
    """Order each column so that few segments cross.

    Columns are ordered in turn, forwards and backwards, each with its neighbours held: all orders
    of at most five vertices are tried; longer columns take the order of their neighbours' means
    (Sugiyama's barycentre), then neighbours swap while that helps. Unless nothing crosses, this
    starts again from a few other orders, always the same ones.

    Parameters
    ----------
    columns : sequence of sequence of int
        Vertices from left to right and from top to bottom.
    segments : iterable of tuple of int
        Pairs of vertices in neighbouring columns.

    Returns
    -------
    tuple of tuple of int
        The best order met; the given one where nothing is gained.

    Examples
    --------
    >>> reduce_crossings([[0, 1], [2, 3]], [(0, 3), (1, 2)])
    ((1, 0), (2, 3))
    """
    pairs = list(segments)
    left: dict[int, list[int]] = defaultdict(list)
    right: dict[int, list[int]] = defaultdict(list)
    for u, v in pairs:
        right[u].append(v)
        left[v].append(u)
    best = [list(column) for column in columns]
    fewest = _cost(best, pairs)
    generator = random.Random(0)
    for start in range(_STARTS):
        shuffled = [generator.sample(c, len(c)) if start else list(c) for c in columns]
        order = _sweep(shuffled, left, right)
        if (cost := _cost(order, pairs)) < fewest:
            best, fewest = order, cost
        if fewest[0] == 0:
            break
    return tuple(map(tuple, best))


def _sweep(
    current: Columns, left: Mapping[int, list[int]], right: Mapping[int, list[int]]
) -> Columns:
    """Order the columns in turn until nothing changes."""
    for _ in range(_ROUNDS):
        before = current
        for k in [*range(len(current)), *reversed(range(len(current)))]:
            current = [*current[:k], _order(current[k], current, left, right), *current[k + 1 :]]
        if current == before:
            break
    return current


def count_crossings(columns: Sequence[Sequence[int]], segments: Iterable[tuple[int, int]]) -> int:
    """Count the pairs of segments that cross.

    Parameters
    ----------
    columns : sequence of sequence of int
    segments : iterable of tuple of int

    Returns
    -------
    int

    Examples
    --------
    >>> count_crossings([[0, 1], [2, 3]], [(0, 3), (1, 2)])
    1
    """
    where = {v: (k, i) for k, column in enumerate(columns) for i, v in enumerate(column)}
    gaps: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for u, v in segments:
        gaps[where[u][0]].append((where[u][1], where[v][1]))
    return sum(
        (a[0] - b[0]) * (a[1] - b[1]) < 0 for gap in gaps.values() for a, b in combinations(gap, 2)
    )


def _cost(columns: Columns, pairs: list[tuple[int, int]]) -> tuple[int, float]:
    """Crossings, then the total height that segments climb."""
    place = _places(columns)
    climb = sum(abs(place[u] - place[v]) for u, v in pairs)
    return count_crossings(columns, pairs), round(climb, 9)


def _places(columns: Columns) -> dict[int, float]:
    """Places counted from the middle of each column."""
    return {v: i - (len(c) - 1) / 2 for c in columns for i, v in enumerate(c)}


def _order(
    column: list[int],
    columns: Columns,
    left: Mapping[int, list[int]],
    right: Mapping[int, list[int]],
) -> list[int]:
    """Order one column while the others are held."""
    place = _places(columns)
    ends = {v: [[place[u] for u in side.get(v, [])] for side in (left, right)] for v in column}
    crossed = {
        (u, v): sum(a > b for i in (0, 1) for a in ends[u][i] for b in ends[v][i])
        for u, v in permutations(column, 2)
    }
    means = {v: _mean([*ends[v][0], *ends[v][1]], place[v]) for v in column}
    if len(column) > _EXHAUSTIVE:
        return _swap(sorted(column, key=means.__getitem__), crossed)
    middle = (len(column) - 1) / 2

    def cost(order: Iterable[int]) -> tuple[int, float]:
        order = tuple(order)
        climb = sum(abs(i - middle - means[v]) for i, v in enumerate(order))
        return sum(crossed[pair] for pair in combinations(order, 2)), round(climb, 9)

    return list(min(permutations(column), key=cost))


def _mean(places: list[float], default: float) -> float:
    return sum(places) / len(places) if places else default


def _swap(order: list[int], crossed: Mapping[tuple[int, int], int]) -> list[int]:
    """Swap neighbours while that removes crossings."""
    order, improved = list(order), True
    while improved:
        improved = False
        for i in range(len(order) - 1):
            u, v = order[i], order[i + 1]
            if crossed[v, u] < crossed[u, v]:
                order[i], order[i + 1], improved = v, u, True
    return order
