"""The layout of a hypergraph: boxes, junctions, and arcs that keep clear of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.path import Path

from causalhyper.arrays import Array
from causalhyper.figures.layers import Columns, Hyperarc, Route, assign_layers, build_columns
from causalhyper.figures.ordering import reduce_crossings
from causalhyper.figures.placement import place_columns, place_heights, place_ports

JUNCTION = 0.13
_BEND = 0.16
_GAP_ACROSS, _GAP_DOWN = 0.42, 0.3
_PORTS, _SIDE = 0.17, 0.66


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its middle, in inches, y downwards.

    Attributes
    ----------
    x, y, width, height : float
    """

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class DrawnArc:
    """A curve from left to right.

    Attributes
    ----------
    hyperedge, start, end : str
        The hyperedge; the node or (named as its hyperedge) junction at each end.
    points : tuple of tuple of float
        Where it leaves or enters a column, from its start to its end.
    arrow : bool
        Whether it ends at a node.
    """

    hyperedge: str
    start: str
    end: str
    points: tuple[tuple[float, float], ...]
    arrow: bool

    def path(self, shorten: float = 0.0) -> Path:
        """Draw it: curves between columns, level lines across them.

        Parameters
        ----------
        shorten : float
            Left out before the end.

        Returns
        -------
        matplotlib.path.Path
        """
        points = [*self.points[:-1], (self.points[-1][0] - shorten, self.points[-1][1])]
        vertices, codes = [points[0]], [Path.MOVETO]
        for i, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
            if i % 2:
                vertices.append((x1, y1))
                codes.append(Path.LINETO)
            else:
                middle = (x0 + x1) / 2
                vertices += [(middle, y0), (middle, y1), (x1, y1)]
                codes += [Path.CURVE4] * 3
        return Path(np.array(vertices), codes)


@dataclass(frozen=True, slots=True)
class Layout:
    """A hypergraph laid out.

    Attributes
    ----------
    layers : mapping of str to int
        Steps from the roots.
    nodes, junctions : mapping of str to Box
        Junctions by the name of their hyperedge.
    arcs : tuple of DrawnArc
    """

    layers: Mapping[str, int]
    nodes: Mapping[str, Box]
    junctions: Mapping[str, Box]
    arcs: tuple[DrawnArc, ...]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom end of all that is drawn."""
        boxes = [*self.nodes.values(), *self.junctions.values()]
        heights = [y for arc in self.arcs for _, y in arc.points]
        return (
            min(b.x - b.width / 2 for b in boxes),
            min([*heights, *(b.y - b.height / 2 for b in boxes)]),
            max(b.x + b.width / 2 for b in boxes),
            max([*heights, *(b.y + b.height / 2 for b in boxes)]),
        )


def lay_out(
    sizes: Mapping[str, tuple[float, float]],
    hyperarcs: Sequence[Hyperarc],
    *,
    gap: float = _GAP_ACROSS,
) -> Layout:
    """Lay a hypergraph out from left to right.

    Sugiyama's method: layers by longest path, bends where an arc passes a column, few crossings,
    straight chains. An arc is level where it passes a column and curved only between columns, so
    that it meets no box but those at its ends.

    Parameters
    ----------
    sizes : mapping of str to tuple of float
        Width and height of each node, in inches; the boxes of a column become equally wide.
    hyperarcs : sequence of Hyperarc
    gap : float
        The least distance between columns, in inches; boxes lie as much farther apart as it is
        wider than usual.

    Returns
    -------
    Layout

    Raises
    ------
    ConfigurationError
        For a cycle.

    Examples
    --------
    >>> layout = lay_out({"B": (1, 0.5), "N": (1, 0.5)}, [Hyperarc("1", ("B",), "N")])
    >>> layout.arcs[0].points
    ((1.0, 0.0), (1.42, 0.0))
    """
    layers = assign_layers(list(sizes), hyperarcs)
    raw = build_columns(layers, hyperarcs)
    ordered = Columns(
        raw.vertices, reduce_crossings(raw.columns, raw.segments()), tuple(raw.routes)
    )
    small = {"junction": (JUNCTION, JUNCTION), "bend": (0.0, _BEND)}
    extents = [small.get(v.kind) or sizes[v.name] for v in ordered.vertices]
    y = place_heights(ordered, [height for _, height in extents], _GAP_DOWN * gap / _GAP_ACROSS)
    ends = place_columns(ordered, [width for width, _ in extents], y, gap)
    boxes = {
        v: Box(float(left + right) / 2, float(y[v]), float(right - left), extents[v][1])
        for column, (left, right) in zip(ordered.columns, ends, strict=True)
        for v in column
    }
    named = {
        kind: {v.name: boxes[i] for i, v in enumerate(ordered.vertices) if v.kind == kind}
        for kind in ("node", "junction")
    }
    return Layout(layers, named["node"], named["junction"], _draw_arcs(ordered, boxes, y))


def _draw_arcs(columns: Columns, boxes: Mapping[int, Box], y: Array) -> tuple[DrawnArc, ...]:
    """Lead every route over its bends to its port."""
    ports = _find_ports(columns, boxes, y)
    arcs = []
    for number, route in enumerate(columns.routes):
        start, *bends, end = route.stops
        points = [(boxes[start].x + boxes[start].width / 2, boxes[start].y)]
        for box in (boxes[v] for v in bends):
            points += [(box.x - box.width / 2, box.y), (box.x + box.width / 2, box.y)]
        height = ports.get(number, boxes[end].y)
        points.append((boxes[end].x - boxes[end].width / 2, height))
        names = columns.vertices[start].name, columns.vertices[end].name
        arcs.append(DrawnArc(route.hyperedge, *names, tuple(points), number in ports))
    return tuple(arcs)


def _find_ports(columns: Columns, boxes: Mapping[int, Box], y: Array) -> dict[int, float]:
    """Find the height at which each arrow enters its node, by the number of its route."""
    arrows: dict[int, list[tuple[float, int]]] = {}
    for number, route in enumerate(columns.routes):
        if columns.vertices[route.stops[-1]].kind == "node":
            came = (_height_before(route, y), number)
            arrows.setdefault(route.stops[-1], []).append(came)
    ports = {}
    for node, came_from in arrows.items():
        came_from.sort()
        box = boxes[node]
        sources = np.array([height for height, _ in came_from])
        places = place_ports(sources, box.y, _SIDE * box.height, _PORTS)
        ports.update({n: float(p) for (_, n), p in zip(came_from, places, strict=True)})
    return ports


def _height_before(route: Route, y: Array) -> float:
    return float(y[route.stops[-2]])
