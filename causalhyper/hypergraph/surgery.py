"""Surgery: the hypergraph on some of the nodes, or without the arcs into or out of them."""

from __future__ import annotations

from collections.abc import Callable, Collection

from causalhyper.hypergraph.hyperedges import Hyperedge
from causalhyper.hypergraph.paths import check_set
from causalhyper.hypergraph.structure import DirectedHypergraph


def subgraph(h: DirectedHypergraph, nodes: Collection[str]) -> DirectedHypergraph:
    """Return the hypergraph on some of the nodes.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    nodes : collection of str
        The nodes that stay, at least one.

    Returns
    -------
    DirectedHypergraph
        With the arcs and latent pairs among `nodes`; a tail keeps those causes that stay.

    Raises
    ------
    GraphError
        If a node is unknown, none is given, or `nodes` is a single text.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; {N, S} -> C; C -> G; N <-> C; S <-> G")
    >>> print(subgraph(h, {"B", "N", "C"}))
    B -> N; N -> C; N <-> C
    """
    check_set(h, nodes)
    kept = tuple(name for name in h.nodes if name in nodes)
    pairs = tuple(pair for pair in h.latent if set(pair) <= set(nodes))
    return DirectedHypergraph(_edges(h, lambda arc: set(arc) <= set(nodes)), kept, pairs)


def without_causes(h: DirectedHypergraph, nodes: Collection[str]) -> DirectedHypergraph:
    """Return the hypergraph in which nothing causes some nodes, as an intervention makes it.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    nodes : collection of str
        The nodes that lose the arcs into them and their latent pairs.

    Returns
    -------
    DirectedHypergraph
        On the same nodes.

    Raises
    ------
    GraphError
        If a node is unknown, or `nodes` is a single text.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> G; N <-> G")
    >>> print(without_causes(h, {"N"}))
    N -> G; B
    """
    check_set(h, nodes)
    pairs = tuple(pair for pair in h.latent if not set(pair) & set(nodes))
    return DirectedHypergraph(_edges(h, lambda arc: arc[1] not in nodes), h.nodes, pairs)


def without_effects(h: DirectedHypergraph, nodes: Collection[str]) -> DirectedHypergraph:
    """Return the hypergraph in which some nodes cause nothing.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    nodes : collection of str
        The nodes that lose the arcs out of them; their latent pairs stay.

    Returns
    -------
    DirectedHypergraph
        On the same nodes.

    Raises
    ------
    GraphError
        If a node is unknown, or `nodes` is a single text.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; {B, N} -> G; N <-> G")
    >>> print(without_effects(h, {"N"}))
    B -> G; B -> N; G <-> N
    """
    check_set(h, nodes)
    return DirectedHypergraph(_edges(h, lambda arc: arc[0] not in nodes), h.nodes, h.latent)


def without_arcs(h: DirectedHypergraph, arcs: Collection[tuple[str, str]]) -> DirectedHypergraph:
    """Return the hypergraph without some arcs of its expansion.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    arcs : collection of (str, str)
        Cause and effect; what is no arc of `h` changes nothing.

    Returns
    -------
    DirectedHypergraph
        On the same nodes, with the same latent pairs.

    Examples
    --------
    >>> print(without_arcs(DirectedHypergraph.parse("B -> N; {B, N} -> G"), {("B", "G")}))
    B -> N; N -> G
    """
    return DirectedHypergraph(_edges(h, lambda arc: arc not in arcs), h.nodes, h.latent)


def _edges(
    h: DirectedHypergraph, stays: Callable[[tuple[str, str]], bool]
) -> tuple[Hyperedge, ...]:
    """Return the hyperedges with only the arcs that stay, each once."""
    tails = ((tuple(a[0] for a in edge.arcs if stays(a)), edge.head) for edge in h.edges)
    return tuple(dict.fromkeys(Hyperedge(tail, head) for tail, head in tails if tail))
