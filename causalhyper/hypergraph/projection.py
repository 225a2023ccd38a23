"""Latent projection: what a hypergraph says of its other nodes when one is not observed."""

from __future__ import annotations

from itertools import combinations

from causalhyper.errors import GraphError
from causalhyper.hypergraph.hyperedges import Hyperedge
from causalhyper.hypergraph.structure import DirectedHypergraph


def latent_projection(h: DirectedHypergraph, node: str) -> DirectedHypergraph:
    """Leave one node out: its effects get its causes, and share what else moves it.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    node : str
        The node that is no longer observed; not the only one.

    Returns
    -------
    DirectedHypergraph
        Without `node`: in every tail it is replaced by all of its causes. Each two of its
        effects get a latent common cause, and so does each of them with every node that had one
        with `node`.

    Raises
    ------
    GraphError
        If the node is unknown, or the only one.

    References
    ----------
    Verma and Pearl (1990), Equivalence and synthesis of causal models.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> print(latent_projection(h, "N"))
    B -> S; {B, S} -> C; C -> G; S <-> C
    """
    h.require(node)
    if len(h.nodes) == 1:
        raise GraphError(f"{node!r} is the only node: there is nothing to project it on")
    causes, effects = h.parents(node), h.children(node)
    edges = []
    for edge in h.edges:
        tail = tuple(v for v in edge.tail if v != node)
        if node in edge.tail:
            tail = tuple(dict.fromkeys((*tail, *causes)))
        if tail and edge.head != node:
            edges.append(Hyperedge(tail, edge.head))
    beside = [v for pair in h.latent if node in pair for v in pair if v != node]
    pairs = {frozenset(pair) for pair in combinations(effects, 2)}
    pairs |= {frozenset((v, w)) for v in effects for w in beside if v != w}
    pairs |= {frozenset(pair) for pair in h.latent if node not in pair}
    latent = tuple(sorted((min(pair), max(pair)) for pair in pairs))
    kept = tuple(v for v in h.nodes if v != node)
    return DirectedHypergraph(tuple(dict.fromkeys(edges)), kept, latent)
