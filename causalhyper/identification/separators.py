"""All minimal sets of nodes that d-separate two nodes."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from typing import Any

import networkx as nx

from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.hypergraph.paths import check_ends
from causalhyper.hypergraph.separation import with_hidden_roots


def minimal_separators(
    h: DirectedHypergraph, x: str, y: str, allowed: Collection[str]
) -> tuple[tuple[str, ...], ...]:
    """List the minimal sets of allowed nodes that d-separate two nodes.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    x, y : str
        Two different nodes.
    allowed : collection of str
        The nodes that a set may hold, neither `x` nor `y`.

    Returns
    -------
    tuple of tuple of str
        Each in topological order, smaller ones first; none where no set separates.

    Raises
    ------
    GraphError
        If a node is unknown, or the two are one.

    Notes
    -----
    A minimal set lies among the ancestors of the two nodes, where d-separation is separation in
    the moral graph (van der Zander, Liśkiewicz and Textor 2014, Constructing separators and
    adjustment sets in ancestral graphs). The minimal separators of that graph are listed from
    the one nearest to `x`, moving one node at a time to its side (Shen and Liang 1997,
    Efficient enumeration of all minimal separators in a graph); a step takes polynomial time,
    their number can be exponential.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> minimal_separators(h, "B", "G", {"N", "S", "C"})
    (('N',), ('C',))
    """
    check_ends(h, x, y)
    graph = _moral(h, x, y)
    for node in [n for n in graph if n not in allowed and n not in (x, y)]:
        graph.add_edges_from(itertools.combinations(list(graph[node]), 2))
        graph.remove_node(node)
    if graph.has_edge(x, y):
        return ()
    found = [_beyond(graph, {x}, y)]
    for separator in found:
        near = nx.node_connected_component(graph.subgraph(set(graph) - separator), x)
        for node in sorted(separator - set(graph[y])):
            new = _beyond(graph, near | {node}, y)
            if new not in found:
                found.append(new)
    rank = {name: place for place, name in enumerate(h.order())}
    sets = [tuple(sorted(separator, key=rank.__getitem__)) for separator in found]
    return tuple(sorted(sets, key=lambda s: (len(s), [rank[name] for name in s])))


def _moral(h: DirectedHypergraph, x: str, y: str) -> nx.Graph[Any]:
    """Return the moral graph of the ancestors of two nodes, hidden roots among them."""
    full = with_hidden_roots(h)
    keep = {x, y} | nx.ancestors(full, x) | nx.ancestors(full, y)
    part = full.subgraph(keep)
    moral: nx.Graph[Any] = nx.Graph(part.to_undirected())
    for node in part:
        moral.add_edges_from(itertools.combinations(list(part.predecessors(node)), 2))
    return moral


def _beyond(graph: nx.Graph[Any], near: set[Any], y: str) -> frozenset[str]:
    """Return the nodes next to what `y` reaches without touching `near` or its neighbours."""
    touched = near | {other for node in near for other in graph[node]}
    far = nx.node_connected_component(graph.subgraph(set(graph) - touched), y)
    return frozenset(other for node in far for other in graph[node]) - frozenset(far)
