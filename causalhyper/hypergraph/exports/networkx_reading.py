"""Reading a hypergraph from a networkx graph."""

from __future__ import annotations

from typing import Any

import networkx as nx

from causalhyper.errors import GraphError
from causalhyper.hypergraph.expansion import from_bipartite
from causalhyper.hypergraph.exports.observed import is_observed
from causalhyper.hypergraph.exports.tails import join_tails, measured_part
from causalhyper.hypergraph.hyperedges import Hyperedge
from causalhyper.hypergraph.names import is_name, name_fault
from causalhyper.hypergraph.structure import DirectedHypergraph


def from_networkx(graph: nx.DiGraph[Any], *, joint: bool = False) -> DirectedHypergraph:
    """Read a hypergraph from a networkx graph.

    Parameters
    ----------
    graph : networkx.DiGraph
        The bipartite graph, if any node has a ``kind``, as `bipartite` makes it. Otherwise each
        arc is a hyperedge of its own. Nodes with ``observed="no"`` (dowhy), ``latent=True`` or
        in ``graph.latents`` (pgmpy) are projected out; ``graph.graph["latent"]`` may list
        pairs of nodes with a latent common cause.
    joint : bool
        Whether all causes of a node act jointly: one hyperedge a head.

    Returns
    -------
    DirectedHypergraph
        Nodes and hyperedges in the order of the graph; ``from_networkx(bipartite(h)) == h``,
        and ``from_networkx(canonical(h))`` has the arcs and latent pairs of `h`.

    Raises
    ------
    GraphError
        If the graph is not directed, has parallel arcs, or is no valid hypergraph.

    Examples
    --------
    >>> graph = nx.DiGraph([("N", "C"), ("S", "C")])
    >>> print(from_networkx(graph))
    N -> C; S -> C
    >>> print(from_networkx(graph, joint=True))
    {N, S} -> C
    """
    if not isinstance(graph, nx.Graph) or not graph.is_directed() or graph.is_multigraph():
        raise GraphError(
            f"expected a networkx.DiGraph; got {type(graph).__name__}"
            + (": merge parallel arcs by networkx.DiGraph(graph)" * isinstance(graph, nx.Graph))
        )
    latents = getattr(graph, "latents", ())
    hidden = [v for v, data in graph.nodes.items() if v in latents or not is_observed(v, data)]
    graph, hidden = _named(graph, hidden)
    if any("kind" in data for _, data in graph.nodes(data=True)):
        h = from_bipartite(graph)
    else:
        edges = tuple(Hyperedge((a,), b) for a, b in graph.edges)
        h = DirectedHypergraph(edges, tuple(graph), graph.graph.get("latent", ()))
    h = measured_part(h, hidden)
    return join_tails(h) if joint else h


def _named(graph: nx.DiGraph[Any], hidden: list[Any]) -> tuple[nx.DiGraph[str], list[str]]:
    """Give unmeasured nodes valid names, as they go; refuse a bad name of any other node."""
    fresh = {}
    for place, (node, kind) in enumerate(graph.nodes(data="kind")):
        if kind == "hyperedge" or is_name(node):
            continue
        if node not in hidden:
            raise GraphError(f"{name_fault(node)}; rename by networkx.relabel_nodes")
        fresh[node] = f"U_{place}" + "_" * len(graph)
    return nx.relabel_nodes(graph, fresh), [fresh.get(v, v) for v in hidden]
