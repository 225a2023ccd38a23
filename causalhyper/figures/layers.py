"""Layers of a hypergraph, and the columns that its arcs pass on their way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from causalhyper.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Hyperarc:
    """A hyperedge to draw: causes that act together on one effect.

    Attributes
    ----------
    name : str
        Its id.
    tail : tuple of str
        The causes, at least one.
    head : str
        The effect.
    """

    name: str
    tail: tuple[str, ...]
    head: str

    @property
    def joint(self) -> bool:
        """Whether it has a junction."""
        return len(self.tail) > 1


@dataclass(frozen=True, slots=True)
class Vertex:
    """Something with a place in a column.

    Attributes
    ----------
    kind : str
        "node", "junction" (of a joint hyperedge) or "bend" (where an arc passes the column).
    name : str
        The node, the hyperedge, or "" for a bend.
    """

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Route:
    """The way of one arc: from a node or junction over bends to a node or junction.

    Attributes
    ----------
    hyperedge : str
    stops : tuple of int
        Numbers of vertices, in neighbouring columns from left to right.
    """

    hyperedge: str
    stops: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """A layered hypergraph.

    Attributes
    ----------
    vertices : tuple of Vertex
    columns : tuple of tuple of int
        Numbers of the vertices, from left to right and from top to bottom.
    routes : tuple of Route
    """

    vertices: tuple[Vertex, ...]
    columns: tuple[tuple[int, ...], ...]
    routes: tuple[Route, ...]

    def segments(self) -> Iterator[tuple[int, int]]:
        """Pairs of vertices in neighbouring columns that an arc joins."""
        for route in self.routes:
            yield from zip(route.stops, route.stops[1:], strict=False)


def assign_layers(nodes: Sequence[str], hyperarcs: Sequence[Hyperarc]) -> dict[str, int]:
    """Put each node as many steps to the right as its longest path from a root.

    Parameters
    ----------
    nodes : sequence of str
    hyperarcs : sequence of Hyperarc

    Returns
    -------
    dict of str to int
        0 for roots.

    Raises
    ------
    ConfigurationError
        For a cycle, with its nodes.

    Examples
    --------
    >>> assign_layers("BNS", [Hyperarc("1", ("B",), "N"), Hyperarc("2", ("B", "N"), "S")])
    {'B': 0, 'N': 1, 'S': 2}
    """
    parents: dict[str, set[str]] = {node: set() for node in nodes}
    for hyperarc in hyperarcs:
        parents[hyperarc.head].update(hyperarc.tail)
    layers: dict[str, int] = {}
    while len(layers) < len(parents):
        ready = [v for v in parents if v not in layers and parents[v] <= layers.keys()]
        if not ready:
            raise ConfigurationError(
                f"a hypergraph must have no cycle; got {_cycle(parents, layers)}: "
                "remove one of these arcs"
            )
        layers.update({v: 1 + max((layers[t] for t in parents[v]), default=-1) for v in ready})
    return {node: layers[node] for node in nodes}


def _cycle(parents: Mapping[str, set[str]], settled: Mapping[str, int]) -> str:
    """Walk backwards along unsettled nodes until one comes again."""
    walk = [next(v for v in parents if v not in settled)]
    while walk[-1] not in walk[:-1]:
        walk.append(min(parents[walk[-1]] - settled.keys()))
    return " -> ".join(reversed(walk[walk.index(walk[-1]) :]))


def build_columns(layers: Mapping[str, int], hyperarcs: Sequence[Hyperarc]) -> Columns:
    """Lay nodes, junctions and bends into columns.

    A junction stands in a column of its own, just left of its head. An arc has a bend in every
    column between its ends, so that it never has to run through what stands there.

    Parameters
    ----------
    layers : mapping of str to int
        From `assign_layers`.
    hyperarcs : sequence of Hyperarc

    Returns
    -------
    Columns

    Examples
    --------
    >>> arcs = [Hyperarc("1", ("B",), "N"), Hyperarc("2", ("B", "N"), "S")]
    >>> columns = build_columns({"B": 0, "N": 1, "S": 2}, arcs)
    >>> [[columns.vertices[v].kind for v in column] for column in columns.columns]
    [['node'], ['bend', 'node'], ['junction'], ['node']]
    """
    places = {Vertex("node", v): 2 * layer for v, layer in layers.items()}
    joint = [arc for arc in hyperarcs if arc.joint]
    places |= {Vertex("junction", a.name): 2 * layers[a.head] - 1 for a in joint}
    vertices, ranks, routes = list(places), list(places.values()), []
    number = {vertex: i for i, vertex in enumerate(vertices)}
    for hyperedge, start, end in _arcs(hyperarcs):
        between = [r for r in sorted(set(places.values())) if places[start] < r < places[end]]
        bends = range(len(vertices), len(vertices) + len(between))
        vertices += [Vertex("bend", "")] * len(between)
        ranks += between
        routes.append(Route(hyperedge, (number[start], *bends, number[end])))
    columns = [
        sorted((v for v, r in enumerate(ranks) if r == rank), key=lambda v: (v < len(places), v))
        for rank in sorted(set(ranks))
    ]
    return Columns(tuple(vertices), tuple(map(tuple, columns)), tuple(routes))


def _arcs(hyperarcs: Sequence[Hyperarc]) -> Iterator[tuple[str, Vertex, Vertex]]:
    """Every arc to draw: tail to head, or tails to junction and junction to head."""
    for arc in hyperarcs:
        head = Vertex("node", arc.head)
        end = Vertex("junction", arc.name) if arc.joint else head
        for tail in arc.tail:
            yield arc.name, Vertex("node", tail), end
        if arc.joint:
            yield arc.name, end, head
