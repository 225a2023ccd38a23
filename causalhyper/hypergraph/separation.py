"""Separation on the expanded graph: d-separation, implied independencies and districts."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import networkx as nx

from causalhyper.errors import GraphError
from causalhyper.hypergraph.expansion import expanded
from causalhyper.hypergraph.paths import check_set
from causalhyper.hypergraph.structure import DirectedHypergraph


@dataclass(frozen=True, slots=True)
class Independence:
    """A conditional independence that a hypergraph implies.

    Parameters
    ----------
    x, y : str
        The two nodes.
    given : tuple of str
        What they are conditioned on; empty where they are independent outright.

    Examples
    --------
    >>> print(Independence("B", "S", ("N",)), Independence("B", "Z", ()), sep="; ")
    B ⟂ S | N; B ⟂ Z
    """

    x: str
    y: str
    given: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.x} ⟂ {self.y}" + (f" | {', '.join(self.given)}" if self.given else "")


def separated(
    h: DirectedHypergraph,
    x: str | Collection[str],
    y: str | Collection[str],
    given: Collection[str] = (),
) -> bool:
    """Say whether two sets of nodes are d-separated.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph; each latent pair counts as an unmeasured root with two effects.
    x, y : str or collection of str
        A node, or several; no node is in both, and neither is empty.
    given : collection of str
        The nodes conditioned on, none of them in `x` or `y`.

    Returns
    -------
    bool
        True where every model of the hypergraph makes `x` and `y` independent given `given`.

    Raises
    ------
    GraphError
        If a node is unknown, a set is empty, the sets overlap, or `given` is a single text.

    References
    ----------
    Pearl (2009), Causality, 2nd ed., section 1.2.3.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> separated(h, "B", "S", {"N"}), separated(h, "B", "S")
    (True, False)
    >>> separated(DirectedHypergraph.parse("B -> N; N -> S; N <-> S"), "B", "S", {"N"})
    False
    """
    sides = [{side} if isinstance(side, str) else set(side) for side in (x, y)]
    for side in (*sides, given):
        check_set(h, side)
    _check_apart(sides[0], sides[1], set(given))
    return bool(nx.is_d_separator(with_hidden_roots(h), sides[0], sides[1], set(given)))


def _check_apart(x: set[str], y: set[str], given: set[str]) -> None:
    """Refuse sets of nodes that are empty or overlap."""
    if not x or not y:
        raise GraphError("separation is asked of two sets of nodes; got an empty one")
    if both := sorted((x & y) | (x & given) | (y & given)):
        raise GraphError(
            f"{', '.join(both)} stands in more than one of the sets x, y and given: "
            "name each node once"
        )


def with_hidden_roots(h: DirectedHypergraph) -> nx.DiGraph[Any]:
    """Return the expanded graph with each latent pair as a root of its own.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.

    Returns
    -------
    networkx.DiGraph
        The root of a latent pair is the pair itself, a tuple, which no node can be.

    Examples
    --------
    >>> graph = with_hidden_roots(DirectedHypergraph.parse("N -> G; N <-> G"))
    >>> list(graph.successors(("G", "N")))
    ['G', 'N']
    """
    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_nodes_from(h.nodes)
    graph.add_edges_from(h.arcs)
    graph.add_edges_from((pair, name) for pair in h.latent for name in pair)
    return graph


def implied_independencies(h: DirectedHypergraph) -> tuple[Independence, ...]:
    """List what a hypergraph says about which nodes are independent.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.

    Returns
    -------
    tuple of Independence
        One for each pair of nodes that some set separates, in topological order, with the
        smallest separating set (of several, the first in topological order). Pairs joined by an
        arc or a latent pair have none; with latent pairs, nor do some others.

    Notes
    -----
    A set that separates two nodes may be chosen among their ancestors (Richardson and Spirtes
    2002, Ancestral graph Markov models), so only these are searched; the number of sets grows
    exponentially with the size of the smallest.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> print(*implied_independencies(h), sep="; ")
    B ⟂ S | N; B ⟂ C | N; B ⟂ G | N; N ⟂ G | C; S ⟂ G | C
    >>> implied_independencies(DirectedHypergraph.parse("B -> N; N -> S; N <-> S"))
    ()
    """
    joined = {frozenset(pair) for pair in (*h.arcs, *h.latent)}
    graph = with_hidden_roots(h)
    found = []
    for x, y in itertools.combinations(h.order(), 2):
        if frozenset((x, y)) not in joined:
            given = _smallest_separator(graph, h.order(), x, y)
            found += [] if given is None else [Independence(x, y, given)]
    return tuple(found)


def _smallest_separator(
    graph: nx.DiGraph[Any], order: tuple[str, ...], x: str, y: str
) -> tuple[str, ...] | None:
    """Return the first of the smallest sets of ancestors that separate two nodes."""
    before = (nx.ancestors(graph, x) | nx.ancestors(graph, y)) - {x, y}
    useful = [name for name in order if name in before]
    if not nx.is_d_separator(graph, x, y, set(useful)):
        return None
    return next(s for s in subsets(useful) if nx.is_d_separator(graph, x, y, set(s)))


def subsets(names: Collection[str]) -> Iterator[tuple[str, ...]]:
    """Yield the subsets of some names, smaller ones first, each in the order of the names.

    Parameters
    ----------
    names : collection of str
        The names, in order.

    Yields
    ------
    tuple of str
        From the empty set to all of them.

    Examples
    --------
    >>> list(subsets("NS"))
    [(), ('N',), ('S',), ('N', 'S')]
    """
    for size in range(len(names) + 1):
        yield from itertools.combinations(names, size)


def districts(h: DirectedHypergraph) -> tuple[tuple[str, ...], ...]:
    """Part the nodes into districts: those that latent common causes connect (c-components).

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.

    Returns
    -------
    tuple of tuple of str
        Each in topological order, ordered by their first nodes; a node without latent common
        cause is a district of its own.

    References
    ----------
    Tian and Pearl (2002), A general identification condition for causal effects.

    Examples
    --------
    >>> districts(DirectedHypergraph.parse("B -> N -> S -> G; B <-> S; S <-> G"))
    (('B', 'S', 'G'), ('N',))
    """
    order = h.order()
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(order)
    graph.add_edges_from(h.latent)
    parts = [tuple(v for v in order if v in part) for part in nx.connected_components(graph)]
    return tuple(sorted(parts, key=lambda part: order.index(part[0])))


def ancestors(h: DirectedHypergraph, nodes: Iterable[str]) -> frozenset[str]:
    """Return some nodes and all that directed paths to them start from.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    nodes : iterable of str
        Nodes of it.

    Returns
    -------
    frozenset of str
        With `nodes` themselves.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> sorted(ancestors(h, {"S"}))
    ['B', 'N', 'S']
    """
    graph = expanded(h)
    return frozenset(a for node in nodes for a in {node, *nx.ancestors(graph, node)})


def descendants(h: DirectedHypergraph, nodes: Iterable[str]) -> frozenset[str]:
    """Return some nodes and all that directed paths from them lead to.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    nodes : iterable of str
        Nodes of it.

    Returns
    -------
    frozenset of str
        With `nodes` themselves.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> sorted(descendants(h, {"S"}))
    ['C', 'G', 'S']
    """
    graph = expanded(h)
    return frozenset(d for node in nodes for d in {node, *nx.descendants(graph, node)})
