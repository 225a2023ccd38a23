"""Hypergraphs as directed hypergraphs of xgi, and back."""

from __future__ import annotations

from typing import Any

from causalhyper.errors import GraphError
from causalhyper.hypergraph.exports.libraries import load_library
from causalhyper.hypergraph.hyperedges import Hyperedge
from causalhyper.hypergraph.structure import DirectedHypergraph


def to_xgi(h: DirectedHypergraph) -> Any:
    """Return the hypergraph as xgi's.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.

    Returns
    -------
    xgi.DiHypergraph
        Nodes in their order. A hyperedge is a directed hyperedge with its text as id, and with
        the attributes ``kind="hyperedge"`` and ``tail``, the causes in their order (xgi keeps
        sets). A latent common cause is a directed hyperedge without a tail and with two heads,
        ``kind="latent"``.

    Raises
    ------
    ConfigurationError
        If xgi is not installed.
    """
    xgi = load_library("xgi")
    graph = xgi.DiHypergraph()
    graph.add_nodes_from(h.nodes)
    for edge in h.edges:
        members = (list(edge.tail), [edge.head])
        graph.add_edge(members, idx=str(edge), kind="hyperedge", tail=list(edge.tail))
    for one, other in h.latent:
        graph.add_edge(([], [one, other]), idx=f"{one} <-> {other}", kind="latent")
    return graph


def from_xgi(graph: Any) -> DirectedHypergraph:
    """Read a hypergraph from xgi's.

    Parameters
    ----------
    graph : xgi.DiHypergraph
        As `to_xgi` makes it, or any other with single heads: ids may be anything, attributes
        may lack (a tail is then in the order of the nodes), and a directed hyperedge without a
        tail and with two heads is a latent common cause.

    Returns
    -------
    DirectedHypergraph
        With ``from_xgi(to_xgi(h)) == h`` for every `h`.

    Raises
    ------
    ConfigurationError
        If xgi is not installed.
    GraphError
        If the graph is not directed, or is no valid hypergraph.
    """
    if not isinstance(graph, load_library("xgi").DiHypergraph):
        raise GraphError(f"expected an xgi.DiHypergraph; got {type(graph).__name__}")
    nodes = list(graph.nodes)
    edges, latent = [], []
    for name, (tail, head) in graph.edges.dimembers(dtype=dict).items():
        heads = sorted(head, key=nodes.index)
        if not tail and len(heads) == 2:
            latent.append((heads[0], heads[1]))
        elif len(heads) == 1:
            written = graph.edges[name].get("tail", ())
            kept = len(written) == len(tail) and set(written) == set(tail)
            causes = written if kept else sorted(tail, key=nodes.index)
            edges.append(Hyperedge(tuple(causes), heads[0]))
        else:
            raise GraphError(
                f"the hyperedge {name!r} has heads {heads}; expected exactly one: write one "
                "hyperedge a head"
            )
    return DirectedHypergraph(tuple(edges), tuple(nodes), tuple(latent))
