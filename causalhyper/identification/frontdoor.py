"""Front-door sets: mediators that carry the whole effect and are free of confounding."""

from __future__ import annotations

from collections.abc import Collection

from causalhyper.errors import GraphError
from causalhyper.hypergraph import DirectedHypergraph, ancestors, intercepts, separated
from causalhyper.hypergraph.paths import check_ends, check_set
from causalhyper.hypergraph.separation import subsets
from causalhyper.hypergraph.surgery import without_effects
from causalhyper.identification.algebra import multiply, sum_out
from causalhyper.identification.expressions import Expression, Probability


def is_frontdoor_set(
    h: DirectedHypergraph, treatment: str, outcome: str, mediators: Collection[str]
) -> bool:
    """Say whether a set of nodes satisfies the front-door criterion.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    treatment, outcome : str
        Two different nodes.
    mediators : collection of str
        The set, not empty and without the two.

    Returns
    -------
    bool
        True where the set stands on every directed path from treatment to outcome, no back-door
        path from the treatment to it is open, and the treatment blocks every back-door path
        from it to the outcome.

    Raises
    ------
    GraphError
        If a node is unknown, the ends are one, or the set is empty or holds an end.

    References
    ----------
    Pearl (2009), Causality, 2nd ed., Definition 3.3.3.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("X -> Z -> Y; X <-> Y")
    >>> is_frontdoor_set(h, "X", "Y", {"Z"})
    True
    """
    check_ends(h, treatment, outcome)
    check_set(h, mediators)
    if not mediators or {treatment, outcome}.intersection(mediators):
        raise GraphError(
            f"a front-door set holds mediators and neither end of the effect; got {mediators!r}"
        )
    return (
        intercepts(h, treatment, outcome, mediators)
        and separated(without_effects(h, {treatment}), treatment, mediators)
        and separated(without_effects(h, mediators), mediators, outcome, {treatment})
    )


def frontdoor_sets(
    h: DirectedHypergraph, treatment: str, outcome: str, *, largest: int = 3
) -> tuple[tuple[str, ...], ...]:
    """List the minimal front-door sets.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    treatment, outcome : str
        Two different nodes.
    largest : int
        The size up to which sets are searched, among the ancestors of the outcome; the time
        grows as the number of such sets.

    Returns
    -------
    tuple of tuple of str
        Sets of which no smaller part satisfies the criterion, smaller ones first, each in
        topological order. Empty where there is none, or no directed path.

    Raises
    ------
    GraphError
        If a node is unknown, or the ends are one.

    Examples
    --------
    >>> frontdoor_sets(DirectedHypergraph.parse("X -> A -> B -> Y; X <-> Y"), "X", "Y")
    (('A',), ('B',))
    """
    check_ends(h, treatment, outcome)
    above = ancestors(h, {outcome})
    if treatment not in above:
        return ()
    cut = without_effects(h, {treatment})
    clear = {v for v in above - {treatment, outcome} if separated(cut, treatment, v)}
    candidates = [v for v in h.order() if v in clear]
    found: list[tuple[str, ...]] = []
    for nodes in subsets(candidates):
        if len(nodes) > largest:
            break
        fresh = nodes and not any(set(known) <= set(nodes) for known in found)
        if fresh and is_frontdoor_set(h, treatment, outcome, nodes):
            found.append(nodes)
    return tuple(found)


def frontdoor_formula(treatment: str, outcome: str, mediators: Collection[str]) -> Expression:
    """Write the effect by a front-door set.

    Parameters
    ----------
    treatment, outcome : str
        Two nodes.
    mediators : collection of str
        A front-door set.

    Returns
    -------
    Expression
        Pearl's front-door formula.

    Examples
    --------
    >>> print(frontdoor_formula("X", "Y", ["Z"]))
    Σ_{z} P(z | x) Σ_{x′} P(y | x′, z) P(x′)
    """
    effect = Probability((outcome,), (treatment, *mediators))
    inner = sum_out({treatment}, multiply([effect, Probability((treatment,))]))
    return sum_out(mediators, multiply([Probability(tuple(mediators), (treatment,)), inner]))
