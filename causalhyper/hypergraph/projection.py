"""Leaving nodes unmeasured: the latent projection."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from causalhyper.hypergraph.hyperedges import Hyperedge
from causalhyper.hypergraph.structure import DirectedHypergraph


def project_out(h: DirectedHypergraph, nodes: Iterable[str]) -> DirectedHypergraph:
    """Leave some nodes unmeasured: the latent projection on the others.

    In the tail of a hyperedge an unmeasured node is replaced by its causes, which then act
    jointly; a hyperedge without causes left is noise and goes. Two nodes that the unmeasured one
    reaches, or one that it reaches and one that shares a latent cause with it, get a latent
    common cause. The expanded graphs imply the same independencies of the measured nodes.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    nodes : iterable of str
        Those that are not measured; at least one node is.

    Returns
    -------
    DirectedHypergraph
        On the other nodes, in their order.

    Raises
    ------
    GraphError
        If a node is unknown, or none is left.

    References
    ----------
    Verma and Pearl (1990), Equivalence and synthesis of causal models, section 3.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("U -> N; {U, N} -> G")
    >>> print(project_out(h, ["U"]))
    N -> G; N <-> G
    >>> print(project_out(DirectedHypergraph.parse("B -> N; {N, S} -> C"), ["N"]))
    {B, S} -> C
    """
    unmeasured = tuple(dict.fromkeys(nodes))
    h.require(*unmeasured)
    edges, latent = h.edges, h.latent
    for node in unmeasured:
        edges, latent = _bypass(edges, node), _confound(edges, latent, node)
    return DirectedHypergraph(edges, tuple(v for v in h.nodes if v not in unmeasured), latent)


def _bypass(edges: tuple[Hyperedge, ...], node: str) -> tuple[Hyperedge, ...]:
    """Replace a node in every tail by its causes."""
    causes = [cause for edge in edges if edge.head == node for cause in edge.tail]
    bypassed: dict[Hyperedge, None] = {}
    for edge in edges:
        members = [causes if cause == node else [cause] for cause in edge.tail]
        tail = tuple(dict.fromkeys(cause for group in members for cause in group))
        if edge.head != node and tail:
            bypassed.setdefault(Hyperedge(tail, edge.head))
    return tuple(bypassed)


def _confound(
    edges: tuple[Hyperedge, ...], latent: tuple[tuple[str, str], ...], node: str
) -> tuple[tuple[str, str], ...]:
    """Add the latent pairs that arise where a node is not measured."""
    effects = tuple(dict.fromkeys(edge.head for edge in edges if node in edge.tail))
    partners = [other for pair in latent if node in pair for other in pair if other != node]
    arisen = [*combinations(effects, 2), *((e, p) for e in effects for p in partners if e != p)]
    kept = [pair for pair in latent if node not in pair]
    return tuple(dict.fromkeys([*kept, *((min(pair), max(pair)) for pair in arisen)]))
