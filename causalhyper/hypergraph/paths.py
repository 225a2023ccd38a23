"""Directed paths from a treatment to an outcome, and what stands on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import networkx as nx

from causalhyper.errors import GraphError
from causalhyper.hypergraph.expansion import expanded
from causalhyper.hypergraph.hyperedges import Hyperedge
from causalhyper.hypergraph.structure import DirectedHypergraph


def directed_paths(h: DirectedHypergraph, source: str, target: str) -> list[tuple[str, ...]]:
    """List the directed paths between two nodes.

    Their number can grow exponentially with the nodes: to ask whether paths exist, use
    `between` or `intercepts`, which don't list them.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    source, target : str
        Two different nodes.

    Returns
    -------
    list of tuple of str
        Each path from `source` to `target`, ends included, in the order of the alphabet.

    Raises
    ------
    GraphError
        If a node is unknown, or the two are one.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("N -> S; {N, S} -> C")
    >>> directed_paths(h, "N", "C")
    [('N', 'C'), ('N', 'S', 'C')]
    """
    check_ends(h, source, target)
    found = nx.all_simple_paths(expanded(h), source, target)
    return sorted(tuple(str(node) for node in path) for path in found)


def between(h: DirectedHypergraph, source: str, target: str) -> tuple[str, ...]:
    """Return the nodes strictly on directed paths between two nodes.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    source, target : str
        Two different nodes.

    Returns
    -------
    tuple of str
        In topological order, ends excluded.

    Raises
    ------
    GraphError
        If a node is unknown, or the two are one.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> between(h, "B", "C")
    ('N', 'S')
    """
    check_ends(h, source, target)
    graph = expanded(h)
    after: set[str] = nx.descendants(graph, source)
    before: set[str] = nx.ancestors(graph, target)
    return tuple(node for node in h.order() if node in after & before)


def intercepts(h: DirectedHypergraph, source: str, target: str, nodes: Collection[str]) -> bool:
    """Say whether a set of nodes stands on every directed path between two nodes.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    source, target : str
        Two different nodes.
    nodes : collection of str
        The set; an end of the paths is on every path.

    Returns
    -------
    bool
        True, too, where there is no directed path at all.

    Raises
    ------
    GraphError
        If a node is unknown, the two ends are one, or `nodes` is a single text.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> intercepts(h, "B", "G", {"S"}), intercepts(h, "B", "G", {"N"})
    (False, True)
    """
    check_ends(h, source, target)
    check_set(h, nodes)
    if source in nodes or target in nodes:
        return True
    return target not in reached(h, source, avoiding=nodes)


def intercepts_without_edge(
    h: DirectedHypergraph, source: str, target: str, edge: Hyperedge
) -> bool:
    """Say whether every directed path between two nodes needs one hyperedge.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    source, target : str
        Two different nodes.
    edge : Hyperedge
        One of `h`'s. The arcs cause -> head that only it carries are removed; those that
        another hyperedge carries too stay.

    Returns
    -------
    bool
        True where no directed path is left (or there was none).

    Raises
    ------
    GraphError
        If a node or the hyperedge is unknown, or the two ends are one.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; N -> C; {N, S} -> C; C -> G")
    >>> joint, last = Hyperedge(("N", "S"), "C"), Hyperedge(("C",), "G")
    >>> intercepts_without_edge(h, "B", "G", joint), intercepts_without_edge(h, "B", "G", last)
    (False, True)
    """
    check_ends(h, source, target)
    return target not in reached(h.without(edge), source, avoiding=())


def reached(h: DirectedHypergraph, source: str, avoiding: Iterable[str]) -> set[str]:
    """Return the nodes that directed paths from `source` reach without entering `avoiding`.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    source : str
        A node outside `avoiding`.
    avoiding : iterable of str
        The nodes that no path may enter.

    Returns
    -------
    set of str
        Without `source` itself.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("N -> S; {N, S} -> C; S -> Z")
    >>> reached(h, "N", avoiding={"S"})
    {'C'}
    """
    children: dict[str, list[str]] = {}
    for cause, effect in h.arcs:
        children.setdefault(cause, []).append(effect)
    shut = {source, *avoiding}
    found: set[str] = set()
    ahead = [source]
    while ahead:
        new = set(children.get(ahead.pop(), ())) - found - shut
        found |= new
        ahead += new
    return found


def check_ends(h: DirectedHypergraph, source: str, target: str) -> None:
    """Refuse unknown ends, and two ends that are one.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    source, target : str
        The ends of the paths asked for.

    Raises
    ------
    GraphError
        If one is no node of `h`, or both are the same.

    Examples
    --------
    >>> check_ends(DirectedHypergraph.parse("B -> N"), "B", "N")
    """
    h.require(source, target)
    if source == target:
        raise GraphError(f"both ends of the paths are {source!r}: name two different nodes")


def check_set(h: DirectedHypergraph, nodes: Collection[str]) -> None:
    """Refuse a single text, whose letters would be taken for nodes, and unknown nodes.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    nodes : collection of str
        The set asked for.

    Raises
    ------
    GraphError
        If it is a text, or one is no node of `h`.

    Examples
    --------
    >>> check_set(DirectedHypergraph.parse("B -> N"), {"B", "N"})
    """
    if isinstance(nodes, str):
        raise GraphError(f"expected a set of nodes; got the text {nodes!r}: write {{{nodes!r}}}")
    h.require(*sorted(nodes))
