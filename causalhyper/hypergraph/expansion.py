"""What a hypergraph expands to: factors, the B-graph, and the bipartite graph of junctions."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx

from causalhyper.errors import GraphError
from causalhyper.hypergraph.hyperedges import Hyperedge
from causalhyper.hypergraph.structure import DirectedHypergraph


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor P(head | parents) of the joint distribution.

    Parameters
    ----------
    head : str
        The node.
    parents : tuple of str
        The union of the tails into it, in the order written; empty for a root.

    Examples
    --------
    >>> print(Factor("C", ("N", "S")), Factor("B", ()))
    P(C | N, S) P(B)
    """

    head: str
    parents: tuple[str, ...]

    def __str__(self) -> str:
        given = f" | {', '.join(self.parents)}" if self.parents else ""
        return f"P({self.head}{given})"


def factors(h: DirectedHypergraph) -> tuple[Factor, ...]:
    """Factorise the joint distribution along a hypergraph.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.

    Returns
    -------
    tuple of Factor
        One a node, in topological order: all tails into a node make one joint-parent factor.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> print(*factors(h))
    P(B) P(N | B) P(S | N) P(C | N, S) P(G | C)
    """
    return tuple(Factor(node, h.parents(node)) for node in h.order())


def expanded(h: DirectedHypergraph) -> nx.DiGraph[str]:
    """Return the B-graph: an arc from each cause in a tail to the head.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.

    Returns
    -------
    networkx.DiGraph
        Acyclic, nodes in topological order. It forgets which causes act jointly, and holds the
        directed arcs only: latent common causes are left out.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("N -> S; {N, S} -> C")
    >>> list(expanded(h).edges)
    [('N', 'S'), ('N', 'C'), ('S', 'C')]
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(h.order())
    graph.add_edges_from(h.arcs)
    return graph


def bipartite(h: DirectedHypergraph) -> nx.DiGraph[str]:
    """Return the bipartite graph whose junctions are the hyperedges.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.

    Returns
    -------
    networkx.DiGraph
        Nodes carry ``kind``, "node" or "hyperedge", and ``bipartite``, 0 or 1. A junction is
        named by its hyperedge's text, ``{N, S} -> C``, which cannot be a node's name; the arcs
        into it carry ``position``, the cause's place in the tail. ``graph.graph["latent"]`` has
        the pairs with a latent common cause.

    Examples
    --------
    >>> b = bipartite(DirectedHypergraph.parse("{N, S} -> C"))
    >>> list(b.edges(data="position"))
    [('N', '{N, S} -> C', 0), ('S', '{N, S} -> C', 1), ('{N, S} -> C', 'C', None)]
    """
    graph: nx.DiGraph[str] = nx.DiGraph(latent=h.latent)
    graph.add_nodes_from(h.nodes, kind="node", bipartite=0)
    for edge in h.edges:
        junction = str(edge)
        graph.add_node(junction, kind="hyperedge", bipartite=1)
        for position, cause in enumerate(edge.tail):
            graph.add_edge(cause, junction, position=position)
        graph.add_edge(junction, edge.head)
    return graph


def from_bipartite(graph: nx.DiGraph[str]) -> DirectedHypergraph:
    """Read a hypergraph back from its bipartite graph.

    Parameters
    ----------
    graph : networkx.DiGraph
        As `bipartite` makes it; junctions may have any name, ``position`` may lack (the tail
        is then in the order of the graph's arcs), and so may ``graph.graph["latent"]``.

    Returns
    -------
    DirectedHypergraph
        With ``from_bipartite(bipartite(h)) == h`` for every `h`.

    Raises
    ------
    GraphError
        If a node lacks its ``kind``, an arc joins two nodes of one kind, a junction has no
        cause or not exactly one head, or a latent pair names what is no node.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("N -> S; {N, S} -> C")
    >>> from_bipartite(bipartite(h)) == h
    True
    """
    _check_kinds(graph)
    kinds = _kinds(graph)
    edges = tuple(_read_junction(graph, name) for name in graph if kinds[name] == "hyperedge")
    nodes = tuple(name for name in graph if kinds[name] == "node")
    h = DirectedHypergraph(edges, nodes, graph.graph.get("latent", ()))
    if extra := [name for name in h.nodes if name not in nodes]:
        raise GraphError(
            f"the latent pairs name {extra[0]!r}, which is no node of the graph: add the node"
        )
    return h


def _check_kinds(graph: nx.DiGraph[str]) -> None:
    """Refuse a graph that is not directed and bipartite between nodes and junctions."""
    if not graph.is_directed() or graph.is_multigraph():
        raise GraphError(f"expected a networkx.DiGraph; got {type(graph).__name__}")
    kinds = _kinds(graph)
    for name, kind in kinds.items():
        if kind not in ("node", "hyperedge"):
            raise GraphError(
                f"the node {name!r} has kind {kind!r}; expected 'node' or 'hyperedge': "
                "set the node attribute 'kind', as bipartite() does"
            )
    for source, target in graph.edges:
        if kinds[source] == kinds[target]:
            raise GraphError(
                f"the arc {source!r} -> {target!r} joins two of kind {kinds[source]!r}; arcs of "
                "a bipartite graph go from a node to a hyperedge, or from a hyperedge to its head"
            )


def _kinds(graph: nx.DiGraph[str]) -> dict[str, object]:
    """Return the kind of each node, None where it has none."""
    return {name: data.get("kind") for name, data in graph.nodes(data=True)}


def _read_junction(graph: nx.DiGraph[str], junction: str) -> Hyperedge:
    """Read the hyperedge that a junction stands for."""
    heads = list(graph.successors(junction))
    if len(heads) != 1:
        raise GraphError(f"the hyperedge {junction!r} has heads {heads}; expected exactly one")
    places = {t: graph.edges[t, junction].get("position") for t in graph.predecessors(junction)}
    ranked = {cause: place for cause, place in places.items() if isinstance(place, int)}
    causes = (
        sorted(ranked, key=lambda cause: ranked[cause]) if len(ranked) == len(places) else places
    )
    return Hyperedge(tuple(causes), heads[0])
