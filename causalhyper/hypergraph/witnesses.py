"""The nodes that stand in the way of splitting an effect by its mediators."""

from __future__ import annotations

from collections.abc import Collection

import networkx as nx

from causalhyper.errors import GraphError
from causalhyper.hypergraph.expansion import expanded
from causalhyper.hypergraph.paths import check_ends, check_set, reached
from causalhyper.hypergraph.structure import DirectedHypergraph


def recanting_witnesses(
    h: DirectedHypergraph, treatment: str, mediators: Collection[str], outcome: str
) -> tuple[str, ...]:
    """Find the nodes that forbid splitting an effect into "through the mediators" and the rest.

    A recanting witness W is no mediator, is reached from the treatment by a directed path that
    avoids the mediators, and goes on to the outcome both through a mediator and around all of
    them. The natural effects through the mediators are then not identified without further
    assumptions, because W would have to carry two values of the treatment in one world.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    treatment : str
        The cause.
    mediators : collection of str
        The set through which the effect is asked for; neither end is in it.
    outcome : str
        The effect, another node than the treatment.

    Returns
    -------
    tuple of str
        The witnesses in topological order; empty where the split is identified.

    Raises
    ------
    GraphError
        If a node is unknown, the two ends are one, or an end is a mediator.

    References
    ----------
    Avin, Shpitser and Pearl (2005), Identifiability of path-specific effects, Theorem 5.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> recanting_witnesses(h, "B", {"S"}, "G")
    ('N',)
    >>> recanting_witnesses(h, "N", {"S"}, "G")
    ()
    """
    confounders = induced_confounders(h, treatment, mediators, outcome)
    around = reached(h, treatment, avoiding=mediators)
    graph = expanded(h)
    before: set[str] = nx.ancestors(graph, outcome)
    reach = {w for m in before.intersection(mediators) for w in nx.ancestors(graph, m)}
    return tuple(node for node in confounders if node in around and node in reach)


def induced_confounders(
    h: DirectedHypergraph, treatment: str, mediators: Collection[str], outcome: str
) -> tuple[str, ...]:
    """Find the mediator-outcome confounders that the treatment affects.

    They are the nodes, no mediators themselves, that descend from the treatment, are ancestors
    of some mediator, and have a directed path to the outcome that avoids all mediators. With
    one mediator they are its recanting witnesses. With several, a node that the treatment
    reaches only through a mediator is a confounder but no witness.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    treatment : str
        The cause.
    mediators : collection of str
        The mediators; neither end is one.
    outcome : str
        The effect, another node than the treatment.

    Returns
    -------
    tuple of str
        In topological order.

    Raises
    ------
    GraphError
        If a node is unknown, the two ends are one, or an end is a mediator.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("A -> M; M -> W; W -> K; {M, W, K} -> Y")
    >>> induced_confounders(h, "A", {"M", "K"}, "Y")
    ('W',)
    >>> recanting_witnesses(h, "A", {"M", "K"}, "Y")
    ()
    """
    check_ends(h, treatment, outcome)
    check_set(h, mediators)
    if ends := [end for end in (treatment, outcome) if end in mediators]:
        raise GraphError(f"{ends[0]!r} is an end of the effect: leave it out of the mediators")
    graph = expanded(h)
    before = {w for mediator in mediators for w in nx.ancestors(graph, mediator)}
    after: set[str] = nx.descendants(graph, treatment)
    affected = (after & before).difference(mediators, {outcome})
    return tuple(
        node
        for node in h.order()
        if node in affected and outcome in reached(h, node, avoiding=mediators)
    )
