"""Natural direct and indirect effects."""

from __future__ import annotations

from collections.abc import Collection

from causalhyper.errors import GraphError
from causalhyper.hypergraph import DirectedHypergraph, descendants, recanting_witnesses
from causalhyper.hypergraph.paths import reached
from causalhyper.hypergraph.surgery import subgraph
from causalhyper.identification.derivations import listed
from causalhyper.identification.nested import NestedEffect, nested_effect, recant, upstream


def natural_effects(
    h: DirectedHypergraph, treatment: str, mediators: Collection[str], outcome: str
) -> NestedEffect:
    """Say whether the natural direct and indirect effects are identified.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    treatment : str
        The cause.
    mediators : collection of str
        One mediator or several taken together, at least one; neither end.
    outcome : str
        The effect.

    Returns
    -------
    NestedEffect
        Of P(Y(b, M(b*)) = y): the treatment acts at b, the mediators are what b* makes of them.
        Both natural effects are contrasts of it and of P(y | do(b)).

    Raises
    ------
    GraphError
        If a node is unknown, the ends are one, an end is a mediator, or there is no mediator.

    References
    ----------
    Avin, Shpitser and Pearl (2005), Theorem 5; Shpitser (2013), Counterfactual graphical models
    for longitudinal mediation analysis with unobserved confounding, Theorem 4.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> print(natural_effects(h, "N", {"S"}, "C").estimand)
    Σ_{s} P(c | n, s) P(s | n*)
    >>> natural_effects(h, "B", {"S"}, "G").witness
    'recanting witness N'
    """
    witnesses = recanting_witnesses(h, treatment, mediators, outcome)
    if not mediators:
        raise GraphError("natural effects need a mediator: name at least one")
    if witnesses:
        return recant(treatment, witnesses)
    past, through = _first_steps(h, treatment, frozenset(mediators), outcome)
    found = nested_effect(h, treatment, outcome, past, through)
    if found.sentence:
        return found
    return NestedEffect(found.estimand, "", _zeros(mediators, through, past))


def _first_steps(
    h: DirectedHypergraph, treatment: str, mediators: frozenset[str], outcome: str
) -> tuple[set[str], set[str]]:
    """Return the treatment's effects that reach the outcome past, and through, the mediators."""
    above = upstream(h, treatment, outcome)
    if not above:
        return set(), set()
    inner = subgraph(h, above)
    inside = above & mediators
    steps = above.intersection(h.children(treatment))
    through = {step for step in steps if descendants(inner, {step}) & inside}
    outside = steps - inside
    past = {s for s in outside if s == outcome or outcome in reached(inner, s, avoiding=inside)}
    return past, through


def _zeros(mediators: Collection[str], through: set[str], past: set[str]) -> str:
    """Say which of the two effects is zero for want of paths."""
    named = listed(sorted(mediators))
    if not through:
        return f"no directed path goes through {named}: the indirect effect is 0"
    return "" if past else f"every directed path goes through {named}: the direct effect is 0"
