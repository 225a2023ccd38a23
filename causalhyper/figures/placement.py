"""Coordinates for ordered columns: straight chains, room for every box and arc."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from causalhyper.arrays import Array
from causalhyper.figures.layers import Columns

_SWEEPS, _PASSES = 80, 4
_BEND_WEIGHT = 1e-6  # arcs between neighbouring columns are straightened before longer ones


def space_out(targets: Array, weights: Array, gaps: Array) -> Array:
    """Move numbers as little as possible so that neighbours keep their distance.

    Minimises Σ weight (x - target)² subject to x[i+1] - x[i] >= gap[i] by pooling adjacent
    violators.

    Parameters
    ----------
    targets : ndarray, shape (n,)
    weights : ndarray, shape (n,)
        Positive.
    gaps : ndarray, shape (n - 1,)

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> space_out(np.array([0.0, 0.0]), np.ones(2), np.array([1.0]))
    array([-0.5,  0.5])
    """
    offset = np.concatenate([[0.0], np.cumsum(gaps)])
    blocks: list[tuple[float, float, int]] = []
    for target, weight in zip(targets - offset, weights, strict=True):
        block = (float(target), float(weight), 1)
        while blocks and blocks[-1][0] > block[0]:
            mean, mass, count = blocks.pop()
            total = mass + block[1]
            block = ((mean * mass + block[0] * block[1]) / total, total, count + block[2])
        blocks.append(block)
    levels = np.array([b[0] for b in blocks], dtype=np.float64)
    spaced: Array = np.repeat(levels, [b[2] for b in blocks]) + offset
    return spaced


def place_heights(layout: Columns, heights: Sequence[float], gap: float) -> Array:
    """Place vertices within their columns so that short arcs run straight.

    Minimises the weighted sum of squared climbs of the segments, column by column, which
    converges because the columns' constraints do not touch one another; then levels the bends of
    each arc as far as their neighbours let them.

    Parameters
    ----------
    layout : Columns
    heights : sequence of float
        Of each vertex.
    gap : float
        Between neighbours in a column; half of it beside a bend.

    Returns
    -------
    ndarray, shape (n,)
        Middle of each vertex, downwards.

    Examples
    --------
    >>> from causalhyper.figures.layers import Route, Vertex
    >>> pair = Columns((Vertex("node", "B"), Vertex("node", "N")), ((0,), (1,)), ())
    >>> place_heights(pair, [1.0, 1.0], 0.3)
    array([0., 0.])
    """
    bend = [vertex.kind == "bend" for vertex in layout.vertices]
    pull: list[list[tuple[int, float]]] = [[] for _ in layout.vertices]
    for u, v in layout.segments():
        weight = _BEND_WEIGHT if bend[u] or bend[v] else 1.0
        pull[u].append((v, weight))
        pull[v].append((u, weight))
    gaps = [
        np.array([_distance(u, v, heights, bend, gap) for u, v in pairwise(c)])
        for c in layout.columns
    ]
    y = np.zeros(len(layout.vertices))
    for column, between in zip(layout.columns, gaps, strict=True):
        start = np.concatenate([[0.0], np.cumsum(between)])
        y[list(column)] = start - start.mean()
    turns = [*range(len(gaps)), *reversed(range(len(gaps)))]
    for k in turns * _SWEEPS:
        y[list(layout.columns[k])] = _settle(layout.columns[k], y, pull, gaps[k])
    for _ in range(_PASSES):
        _straighten(layout, y, gaps)
    middle = (float(y.min()) + float(y.max())) / 2
    return np.asarray(y - middle)


def _distance(u: int, v: int, heights: Sequence[float], bend: Sequence[bool], gap: float) -> float:
    """Distance between the middles of neighbours."""
    return (heights[u] + heights[v]) / 2 + (gap / 2 if bend[u] or bend[v] else gap)


def _settle(
    column: Sequence[int], y: Array, pull: Sequence[Sequence[tuple[int, float]]], gaps: Array
) -> Array:
    """Place one column while the others are held."""
    targets, weights = [], []
    for v in column:
        weight = sum(w for _, w in pull[v])
        targets.append(sum(w * y[u] for u, w in pull[v]) / weight if weight else y[v])
        weights.append(weight or _BEND_WEIGHT)
    return space_out(np.array(targets), np.array(weights), gaps)


def _straighten(layout: Columns, y: Array, gaps: Sequence[Array]) -> None:
    """Level the bends of every arc, in place, in runs as long as their neighbours let them."""
    beside: dict[int, list[tuple[int, float]]] = {v: [] for c in layout.columns for v in c}
    for column, between in zip(layout.columns, gaps, strict=True):
        for (u, v), distance in zip(pairwise(column), between, strict=True):
            beside[v].append((u, float(distance)))
            beside[u].append((v, -float(distance)))
    for route in layout.routes:
        first = 1
        while first < len(route.stops) - 1:
            last, low, high = _find_run(route.stops, first, y, beside)
            before, after = y[route.stops[first - 1]], y[route.stops[last]]
            ends = [end for end in (after, before) if low <= end <= high]
            level = ends[0] if ends else min(max((before + after) / 2, low), high)
            y[list(route.stops[first:last])] = level
            first = last


def _find_run(
    stops: Sequence[int], first: int, y: Array, beside: Mapping[int, list[tuple[int, float]]]
) -> tuple[int, float, float]:
    """Find the end of the longest run of bends that fit on one level, and the room for it."""
    low, high = -np.inf, np.inf
    for last in range(first, len(stops) - 1):
        heights = [(y[v] + distance, distance > 0) for v, distance in beside[stops[last]]]
        floor = max([low, *(h for h, above in heights if above)])
        ceiling = min([high, *(h for h, above in heights if not above)])
        if floor > ceiling:
            here = float(y[stops[first]])
            return (last, low, high) if last > first else (first + 1, here, here)
        low, high = float(floor), float(ceiling)
    return len(stops) - 1, low, high


def place_columns(layout: Columns, widths: Sequence[float], y: Array, gap: float) -> Array:
    """Place the columns; steep arcs get a wider gap.

    Parameters
    ----------
    layout : Columns
    widths : sequence of float
        Of each vertex.
    y : ndarray, shape (n,)
        Heights from `place_heights`.
    gap : float
        The least distance between columns, a fifth less beside a column of junctions.

    Returns
    -------
    ndarray, shape (k, 2)
        Left and right end of each column.

    Examples
    --------
    >>> from causalhyper.figures.layers import Vertex
    >>> pair = Columns((Vertex("node", "B"), Vertex("node", "N")), ((0,), (1,)), ())
    >>> place_columns(pair, [1.0, 2.0], np.zeros(2), 0.5)
    array([[0. , 1. ],
           [1.5, 3.5]])
    """
    column = {v: k for k, members in enumerate(layout.columns) for v in members}
    climb = np.zeros(len(layout.columns))
    for u, v in layout.segments():
        climb[column[u]] = max(climb[column[u]], abs(y[u] - y[v]))
    joins = [any(layout.vertices[v].kind == "junction" for v in c) for c in layout.columns]
    ends, x = np.zeros((len(layout.columns), 2)), 0.0
    for k, members in enumerate(layout.columns):
        ends[k] = x, x + max(widths[v] for v in members)
        least = gap * (0.8 if any(joins[k : k + 2]) else 1.0)
        x = ends[k, 1] + max(least, min(1.5, 0.55 * climb[k]))
    return ends


def place_ports(sources: Array, middle: float, height: float, spacing: float) -> Array:
    """Spread arrows over the side of a box, each as near as can be to where it comes from.

    Parameters
    ----------
    sources : ndarray, shape (n,)
        Heights that the arrows come from, in increasing order.
    middle, height : float
        Of the part of the side that they may use.
    spacing : float
        Between arrows, less where they do not fit.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> place_ports(np.array([-3.0, 0.0]), 0.0, 0.4, 0.15)
    array([-0.2,  0. ])
    """
    steps = np.arange(len(sources)) * min(spacing, height / max(1, len(sources) - 1))
    low, high = middle - height / 2, middle + height / 2 - steps[-1]
    targets = np.clip(sources - steps, low, high) + steps
    return space_out(targets, np.ones(len(sources)), np.diff(steps))
