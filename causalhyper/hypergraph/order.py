"""The order of a set of arcs: cycles, and the topological order."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import networkx as nx


def find_cycle(arcs: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Find a directed cycle.

    Parameters
    ----------
    arcs : iterable of (str, str)
        Cause and effect.

    Returns
    -------
    tuple of str
        The nodes of one cycle, the first repeated at the end; empty where there is none.

    Examples
    --------
    >>> find_cycle([("B", "N"), ("N", "S"), ("S", "N")])
    ('N', 'S', 'N')
    >>> find_cycle([("B", "N")])
    ()
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_edges_from(arcs)
    try:
        cycle = nx.find_cycle(graph)
    except nx.NetworkXNoCycle:
        return ()
    return (*(str(arc[0]) for arc in cycle), str(cycle[-1][1]))


def topological_order(nodes: Iterable[str], arcs: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Order the nodes so that causes come before their effects.

    Parameters
    ----------
    nodes : iterable of str
        Every node.
    arcs : iterable of (str, str)
        Cause and effect, acyclic.

    Returns
    -------
    tuple of str
        Of all such orders the one that is first in the alphabet, so that it depends on the
        graph alone and not on the order in which it was written.

    Raises
    ------
    networkx.NetworkXUnfeasible
        If the arcs have a cycle.

    Examples
    --------
    >>> topological_order("ABC", [("C", "A")])
    ('B', 'C', 'A')
    """
    return _ordered(tuple(nodes), tuple(arcs))


@lru_cache(maxsize=1024)
def _ordered(nodes: tuple[str, ...], arcs: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Remembered, because every simulated world asks for the order of the same graph."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from(arcs)
    return tuple(nx.lexicographical_topological_sort(graph))
