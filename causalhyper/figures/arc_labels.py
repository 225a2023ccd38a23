"""Where the labels of arcs stand: beside their own arc, clear of every arc, box and label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from causalhyper.arrays import Array
from causalhyper.figures.layout import Box, DrawnArc, Layout

Key = tuple[str, str]
"""The hyperedge of an arc, and the node that it starts from."""

ARROW, HALF = 0.12, 0.055
"""Length and half the height of the head of an arrow, in inches."""
_CLEAR = 0.025
_AWAY = (0.03, 0.05, 0.08, 0.12, 0.17)
_FRACTIONS = np.linspace(0.06, 0.94, 45)
_STEP = 0.008


def trace_arc(arc: DrawnArc) -> Array:
    """Points along an arc as it is drawn, less than a hundredth of an inch apart.

    Parameters
    ----------
    arc : DrawnArc

    Returns
    -------
    ndarray, shape (n, 2)

    Examples
    --------
    >>> arc = DrawnArc("e", "B", "N", ((0.0, 0.0), (1.0, 0.0)), True)
    >>> trace_arc(arc)[[0, -1]].tolist()
    [[0.0, 0.0], [1.0, 0.0]]
    """
    parts = []
    curves: Any = arc.path().iter_bezier()
    for segment, _ in curves:
        ends = segment.control_points
        count = 2 + int(np.abs(np.diff(ends, axis=0)).sum() / _STEP)
        parts.append(segment(np.linspace(0, 1, count)))
    traced: Array = np.concatenate(parts)
    return traced


def place_labels(
    layout: Layout,
    sizes: Mapping[Key, tuple[float, float]],
    others: Sequence[Array] = (),
) -> dict[Key, Box]:
    """Place labels above or below their arcs, the nearer to the middle the better.

    Parameters
    ----------
    layout : Layout
    sizes : mapping of (hyperedge, start) to (width, height)
        In inches.
    others : sequence of ndarray, shape (n, 2)
        Points of other lines to keep clear of.

    Returns
    -------
    dict of (hyperedge, start) to Box
        Only labels for which there is room: those touch nothing, and their own arc is the
        nearest.

    Examples
    --------
    >>> from causalhyper.figures.layers import Hyperarc
    >>> from causalhyper.figures.layout import lay_out
    >>> layout = lay_out({"B": (1, 0.5), "N": (1, 0.5)}, [Hyperarc("e", ("B",), "N")], gap=0.9)
    >>> place_labels(layout, {("e", "B"): (0.4, 0.1)})[("e", "B")].y < 0
    True
    """
    traces = [trace_arc(arc) for arc in layout.arcs]
    lines = np.concatenate([*traces, *others])
    boxes = [*layout.nodes.values(), *layout.junctions.values(), *map(_head, layout.arcs)]
    placed: dict[Key, Box] = {}
    for arc, own in zip(layout.arcs, traces, strict=True):
        key = (arc.hyperedge, arc.start)
        if key not in sizes or arc.start not in layout.nodes:
            continue
        rest = np.concatenate([np.full((1, 2), np.inf), *(t for t in traces if t is not own)])
        taken = [*boxes, *placed.values()]
        found = _best(own, rest, lines, taken, sizes[key])
        if found is not None:
            placed[key] = found
    return placed


def _head(arc: DrawnArc) -> Box:
    x, y = arc.points[-1]
    return Box(x - ARROW / 2, y, ARROW * arc.arrow, 2 * HALF * arc.arrow)


def _best(
    own: Array, rest: Array, lines: Array, boxes: Sequence[Box], size: tuple[float, float]
) -> Box | None:
    """The best free place beside an arc; None without one."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(own, axis=0).T))])
    spots = np.searchsorted(lengths, _FRACTIONS * lengths[-1])
    costs, places = [], []
    for away in _AWAY:
        for side in (-1, 1):
            for fraction, (x, y) in zip(_FRACTIONS, own[spots], strict=True):
                costs.append(away + 0.35 * abs(fraction - 0.5) + 0.01 * (side > 0))
                places.append(Box(float(x), float(y) + side * (size[1] / 2 + away), *size))
    for k in np.argsort(costs, kind="stable"):
        if _free(places[k], lines, boxes) and _nearest(places[k], own, rest):
            return places[k]
    return None


def _free(place: Box, lines: Array, boxes: Sequence[Box]) -> bool:
    across, down = place.width / 2 + _CLEAR, place.height / 2 + _CLEAR
    hit = (np.abs(lines[:, 0] - place.x) < across) & (np.abs(lines[:, 1] - place.y) < down)
    return not hit.any() and not any(
        abs(box.x - place.x) < box.width / 2 + across
        and abs(box.y - place.y) < box.height / 2 + down
        for box in boxes
    )


def _nearest(place: Box, own: Array, rest: Array) -> bool:
    """Whether no other arc comes nearer to the label than its own."""
    return _distance(place, own) <= _distance(place, rest) - _CLEAR


def _distance(place: Box, points: Array) -> float:
    beyond = np.maximum(
        np.abs(points - [place.x, place.y]) - [place.width / 2, place.height / 2], 0.0
    )
    return float(np.hypot(*beyond.T).min())
