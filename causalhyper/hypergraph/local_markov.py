"""Local Markov conditions of a hypergraph, and of hypergraphs with its nodes permuted."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from math import factorial

import networkx as nx
import numpy as np

from causalhyper.errors import GraphError
from causalhyper.hypergraph.expansion import expanded
from causalhyper.hypergraph.separation import Independence, with_hidden_roots
from causalhyper.hypergraph.structure import DirectedHypergraph


def local_conditions(h: DirectedHypergraph) -> tuple[Independence, ...]:
    """List the local Markov conditions: a node and a non-descendant, given the node's causes.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.

    Returns
    -------
    tuple of Independence
        `x` the node, `y` a non-descendant that is no cause of it, `given` the causes; in
        topological order. Two nodes without arc between them appear twice where neither causes
        the other. With latent pairs, only what the hypergraph still implies.

    Notes
    -----
    Source: Pearl 2009, Causality, theorem 1.2.7; Eulig et al. 2023, "Toward falsifying causal
    graphs using a permutation-based test" (the triples tested there).

    Examples
    --------
    >>> print(*local_conditions(DirectedHypergraph.parse("B -> N -> S; N -> C")), sep="; ")
    C ⟂ B | N; C ⟂ S | N; S ⟂ B | N; S ⟂ C | N
    """
    graph, arcs, order = with_hidden_roots(h), expanded(h), h.order()
    found = []
    for x in order:
        parents = h.parents(x)
        causes = tuple(v for v in order if v in parents)
        excluded = {x, *causes, *nx.descendants(arcs, x)}
        for y in (v for v in order if v not in excluded):
            if not h.latent or nx.is_d_separator(graph, x, y, set(causes)):
                found.append(Independence(x, y, causes))
    return tuple(found)


def rename_condition(condition: Independence, names: Mapping[str, str]) -> Independence:
    """Give the nodes of a condition other names.

    Parameters
    ----------
    condition : Independence
    names : mapping of str to str
        The new name of each node.

    Returns
    -------
    Independence

    Examples
    --------
    >>> print(rename_condition(Independence("S", "B", ("N",)), {"S": "B", "B": "S", "N": "N"}))
    B ⟂ S | N
    """
    given = tuple(names[v] for v in condition.given)
    return Independence(names[condition.x], names[condition.y], given)


def all_permutations(nodes: Collection[str], keep: Collection[str]) -> Iterator[dict[str, str]]:
    """Yield every way of permuting nodes, some of them kept; the identity first.

    Parameters
    ----------
    nodes : collection of str
        All nodes, in order.
    keep : collection of str
        Those that keep their place.

    Yields
    ------
    dict of str to str
        The new name of each node.

    Examples
    --------
    >>> [list(p.values()) for p in all_permutations("BNS", keep="B")]
    [['B', 'N', 'S'], ['B', 'S', 'N']]
    """
    movable = [v for v in nodes if v not in keep]
    for order in itertools.permutations(movable):
        moved = dict(zip(movable, order, strict=True))
        yield {v: moved.get(v, v) for v in nodes}


def random_permutations(
    nodes: Collection[str], keep: Collection[str], count: int, rng: np.random.Generator
) -> Iterator[dict[str, str]]:
    """Yield random permutations of nodes, some of them kept; any may come again.

    Parameters
    ----------
    nodes : collection of str
        All nodes, in order.
    keep : collection of str
        Those that keep their place.
    count : int
        How many.
    rng : numpy.random.Generator

    Yields
    ------
    dict of str to str
        The new name of each node.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> [list(p.values()) for p in random_permutations("BNS", "B", 2, rng)]
    [['B', 'N', 'S'], ['B', 'N', 'S']]
    """
    movable = [v for v in nodes if v not in keep]
    for _ in range(count):
        order = rng.permutation(len(movable))
        moved = {v: movable[i] for v, i in zip(movable, order, strict=True)}
        yield {v: moved.get(v, v) for v in nodes}


def count_permutations(nodes: Collection[str], keep: Collection[str]) -> int:
    """Count the ways of permuting nodes, some of them kept.

    Parameters
    ----------
    nodes : collection of str
        All nodes.
    keep : collection of str
        Those that keep their place; GraphError if one is no node.

    Returns
    -------
    int

    Examples
    --------
    >>> count_permutations("BNSCG", keep="B")
    24
    """
    if unknown := [v for v in keep if v not in nodes]:
        raise GraphError(f"no node {', '.join(unknown)} to keep; the nodes are {', '.join(nodes)}")
    return factorial(len(set(nodes) - set(keep)))
