"""Which causes act jointly, where a graph of arcs does not say it."""

from __future__ import annotations

from collections.abc import Sequence

from causalhyper.errors import GraphError
from causalhyper.hypergraph.hyperedges import Hyperedge
from causalhyper.hypergraph.projection import project_out
from causalhyper.hypergraph.structure import DirectedHypergraph


def join_tails(h: DirectedHypergraph) -> DirectedHypergraph:
    """Let all causes of each node act jointly.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.

    Returns
    -------
    DirectedHypergraph
        One hyperedge a head, in the order in which heads come first; its expanded graph is
        that of `h`.

    Examples
    --------
    >>> print(join_tails(DirectedHypergraph.parse("N -> S; N -> C; S -> C")))
    N -> S; {N, S} -> C
    """
    heads = dict.fromkeys(edge.head for edge in h.edges)
    edges = tuple(Hyperedge(h.parents(head), head) for head in heads)
    return DirectedHypergraph(edges, h.nodes, h.latent)


def measured_part(h: DirectedHypergraph, hidden: Sequence[str]) -> DirectedHypergraph:
    """Project out what a graph marks as not measured.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph on all nodes.
    hidden : sequence of str
        Those that are not measured.

    Returns
    -------
    DirectedHypergraph
        On the measured nodes.

    Raises
    ------
    GraphError
        If no node is measured.

    Examples
    --------
    >>> print(measured_part(DirectedHypergraph.parse("U -> N; U -> S"), ["U"]))
    N <-> S
    """
    if len(hidden) == len(h.nodes):
        raise GraphError("every node of the graph is marked as not measured: nothing is left")
    return project_out(h, hidden)
