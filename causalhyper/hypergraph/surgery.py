"""Surgery: hypergraphs with an arc taken out, or a node projected away."""

from __future__ import annotations

from itertools import combinations

from causalhyper.errors import GraphError
from causalhyper.hypergraph.hyperedges import Hyperedge
from causalhyper.hypergraph.structure import DirectedHypergraph


def without_arc(h: DirectedHypergraph, cause: str, head: str) -> DirectedHypergraph:
    """Take one cause out of every hyperedge into one head.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    cause, head : str
        An arc of it.

    Returns
    -------
    DirectedHypergraph
        A new one with all nodes; a hyperedge whose only cause this was is gone, and one that
        becomes another's equal counts once.

    Raises
    ------
    GraphError
        If a node is unknown, or there is no such arc.

    Examples
    --------
    >>> print(without_arc(DirectedHypergraph.parse("N -> S; {N, S} -> C"), "N", "C"))
    N -> S; S -> C
    """
    h.require(cause, head)
    if (cause, head) not in h.arcs:
        listed = "; ".join(f"{a} -> {b}" for a, b in h.arcs) or "none"
        raise GraphError(f"no arc '{cause} -> {head}'; the arcs are {listed}")
    edges = []
    for edge in h.edges:
        tail = tuple(v for v in edge.tail if v != cause) if edge.head == head else edge.tail
        if tail:
            edges.append(Hyperedge(tail, edge.head))
    return DirectedHypergraph(tuple(dict.fromkeys(edges)), h.nodes)


def latent_projection(
    h: DirectedHypergraph, node: str
) -> tuple[DirectedHypergraph, tuple[tuple[str, str], ...]]:
    """Leave one node out: its effects get its causes, and its own noise as a common cause.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    node : str
        The node that is no longer observed; not the only one.

    Returns
    -------
    graph : DirectedHypergraph
        Without `node`: in every tail it is replaced by all of its causes.
    latent : tuple of (str, str)
        Pairs of its effects, which now share an unobserved common cause.

    Raises
    ------
    GraphError
        If the node is unknown, or the only one.

    References
    ----------
    Verma and Pearl (1990), Equivalence and synthesis of causal models (projection).

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> graph, latent = latent_projection(h, "N")
    >>> print(graph, latent)
    B -> S; {B, S} -> C; C -> G (('S', 'C'),)
    """
    h.require(node)
    if len(h.nodes) == 1:
        raise GraphError(f"{node!r} is the only node: there is nothing to project it on")
    causes = h.parents(node)
    edges = []
    for edge in h.edges:
        if edge.head == node:
            continue
        tail = edge.tail
        if node in tail:
            tail = tuple(dict.fromkeys((*(v for v in tail if v != node), *causes)))
        if tail:
            edges.append(Hyperedge(tail, edge.head))
    kept = tuple(v for v in h.nodes if v != node)
    children = [v for v in h.order() if v in h.children(node)]
    return DirectedHypergraph(tuple(dict.fromkeys(edges)), kept), tuple(combinations(children, 2))
