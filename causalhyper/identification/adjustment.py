"""Adjustment (back-door) sets: which are valid, which minimal, which most precise."""

from __future__ import annotations

from collections.abc import Collection

from causalhyper.errors import GraphError
from causalhyper.hypergraph import DirectedHypergraph, between, descendants, separated
from causalhyper.hypergraph.paths import check_ends, check_set
from causalhyper.hypergraph.surgery import without_arcs
from causalhyper.identification.algebra import multiply, sum_out
from causalhyper.identification.expressions import Expression, Probability
from causalhyper.identification.separators import minimal_separators


def is_adjustment_set(
    h: DirectedHypergraph, treatment: str, outcome: str, given: Collection[str]
) -> bool:
    """Say whether adjusting for a set of nodes gives the effect, in every model.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    treatment, outcome : str
        Two different nodes.
    given : collection of str
        The set, without the two.

    Returns
    -------
    bool
        True where no node of the set descends from a node on a directed path from treatment to
        outcome (the treatment apart), and the set blocks every other path between them.

    Raises
    ------
    GraphError
        If a node is unknown, the ends are one, or an end is in the set.

    References
    ----------
    Shpitser, VanderWeele and Robins (2010), On the validity of covariate adjustment for
    estimating causal effects, Definition 4 and Theorem 5.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> is_adjustment_set(h, "S", "C", {"N"}), is_adjustment_set(h, "B", "G", {"N"})
    (True, False)
    """
    check_ends(h, treatment, outcome)
    check_set(h, given)
    if ends := sorted({treatment, outcome}.intersection(given)):
        raise GraphError(f"{ends[0]!r} is an end of the effect: leave it out of the set")
    if _forbidden(h, treatment, outcome).intersection(given):
        return False
    return separated(_back_door_graph(h, treatment, outcome), treatment, outcome, given)


def minimal_adjustment_sets(
    h: DirectedHypergraph, treatment: str, outcome: str
) -> tuple[tuple[str, ...], ...]:
    """List every minimal adjustment set.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    treatment, outcome : str
        Two different nodes.

    Returns
    -------
    tuple of tuple of str
        Sets of which no smaller part is valid, smaller ones first; ``((),)`` where nothing need
        be adjusted for, ``()`` where no set is valid. None holds a descendant of the treatment.

    Raises
    ------
    GraphError
        If a node is unknown, or the ends are one.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> minimal_adjustment_sets(h, "S", "G"), minimal_adjustment_sets(h, "B", "G")
    ((('N',),), ((),))
    """
    check_ends(h, treatment, outcome)
    barred = _forbidden(h, treatment, outcome) | descendants(h, {treatment}) | {outcome}
    allowed = frozenset(h.nodes) - barred
    return minimal_separators(_back_door_graph(h, treatment, outcome), treatment, outcome, allowed)


def optimal_adjustment_set(
    h: DirectedHypergraph, treatment: str, outcome: str
) -> tuple[str, ...] | None:
    """Return the adjustment set with the smallest asymptotic variance.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    treatment, outcome : str
        Two different nodes.

    Returns
    -------
    tuple of str or None
        The causes of the nodes on directed paths from treatment to outcome that are neither
        such nodes nor the treatment. None with latent pairs, for which no set need be best, and
        without a directed path, where there is nothing to estimate.

    Raises
    ------
    GraphError
        If a node is unknown, or the ends are one.

    References
    ----------
    Henckel, Perković and Maathuis (2022), Graphical criteria for efficient total effect
    estimation via adjustment in causal linear models, Theorem 3.10; Rotnitzky and Smucler
    (2020) for models that are not linear.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("Z -> X; {X, W} -> Y; Z -> W")
    >>> optimal_adjustment_set(h, "X", "Y"), minimal_adjustment_sets(h, "X", "Y")
    (('W',), (('Z',), ('W',)))
    """
    causal = _causal(h, treatment, outcome)
    if h.latent or not causal:
        return None
    barred = _forbidden(h, treatment, outcome) | {treatment}
    causes = {cause for node in causal for cause in h.parents(node)} - barred
    return tuple(node for node in h.order() if node in causes)


def adjustment_formula(treatment: str, outcome: str, given: Collection[str]) -> Expression:
    """Write the effect as an average over an adjustment set.

    Parameters
    ----------
    treatment, outcome : str
        Two nodes.
    given : collection of str
        A valid set.

    Returns
    -------
    Expression
        The sum of P(outcome | treatment, set) P(set) over the set.

    Examples
    --------
    >>> print(adjustment_formula("X", "Y", ["Z"]), adjustment_formula("X", "Y", []), sep="; ")
    Σ_{z} P(y | x, z) P(z); P(y | x)
    """
    effect = Probability((outcome,), (treatment, *given))
    return sum_out(given, multiply([effect, Probability(tuple(given))])) if given else effect


def _causal(h: DirectedHypergraph, treatment: str, outcome: str) -> frozenset[str]:
    """Return the nodes on directed paths, without the treatment."""
    if outcome not in descendants(h, {treatment}):
        h.require(treatment, outcome)
        return frozenset()
    return frozenset((*between(h, treatment, outcome), outcome))


def _forbidden(h: DirectedHypergraph, treatment: str, outcome: str) -> frozenset[str]:
    return descendants(h, _causal(h, treatment, outcome))


def _back_door_graph(h: DirectedHypergraph, treatment: str, outcome: str) -> DirectedHypergraph:
    """Return the hypergraph without the first arcs of the directed paths."""
    causal = _causal(h, treatment, outcome)
    return without_arcs(h, {(treatment, node) for node in causal})
