"""Natural and path-specific effects: identified, or forbidden by a witness, district or hedge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from causalhyper.errors import CausalHyperError, GraphError
from causalhyper.hypergraph import DirectedHypergraph, ancestors, descendants, districts
from causalhyper.hypergraph.paths import check_ends, check_set, reached
from causalhyper.hypergraph.surgery import subgraph
from causalhyper.hypergraph.witnesses import recanting_witnesses
from causalhyper.identification.algebra import multiply, sum_out
from causalhyper.identification.derivations import braces, listed
from causalhyper.identification.expressions import Expression, Renamed, free, symbols
from causalhyper.identification.id_algorithm import identify_effect


@dataclass(frozen=True, slots=True)
class NestedEffect:
    """Whether an effect along some of the directed paths is identified.

    The treatment acts at one value, b, along some paths and at another, b*, along the others.

    Parameters
    ----------
    estimand : Expression or None
        The distribution of the outcome in that comparison of worlds; None where not identified.
    witness : str
        What forbids it, such as ``recanting witness N``; empty where identified.
    sentence : str
        The reason in words; where a part of the effect is zero for want of paths, that.

    Raises
    ------
    CausalHyperError
        If there are both an estimand and a witness, or neither.

    Examples
    --------
    >>> NestedEffect(None, "recanting witness N", "N would carry two values").identified
    False
    """

    estimand: Expression | None
    witness: str
    sentence: str

    def __post_init__(self) -> None:
        if (self.estimand is None) != bool(self.witness):
            raise CausalHyperError("an effect has an estimand or a witness; got both or neither")

    @property
    def identified(self) -> bool:
        """True where there is an estimand."""
        return self.estimand is not None


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
    above = _above(h, treatment, outcome)
    if not above:
        return _nested(h, treatment, outcome, above, set(), set())
    inner = subgraph(h, above)
    inside = above.intersection(mediators)
    through = {c for c in _children(h, treatment, above) if descendants(inner, {c}) & inside}
    past = {c for c in _children(h, treatment, above) if c not in inside}
    past = {c for c in past if c == outcome or outcome in reached(inner, c, avoiding=inside)}
    if witnesses:
        return _recant(h, treatment, witnesses)
    found = _nested(h, treatment, outcome, above, past, through)
    notes = [] if found.witness else _notes(mediators, through, past)
    return NestedEffect(found.estimand, found.witness, found.sentence or "; ".join(notes))


def path_specific_effect(
    h: DirectedHypergraph, treatment: str, outcome: str, paths: Collection[Sequence[str]]
) -> NestedEffect:
    """Say whether the effect along some directed paths is identified.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    treatment, outcome : str
        Two different nodes.
    paths : collection of sequence of str
        Directed paths from treatment to outcome, ends included.

    Returns
    -------
    NestedEffect
        Of the outcome where the treatment acts at b along `paths` and at b* along all others.

    Raises
    ------
    GraphError
        If a node is unknown, the ends are one, no path is given, or one is no directed path
        from treatment to outcome.

    References
    ----------
    Shpitser (2013), Theorem 4: identified from experiments unless there is a recanting district;
    from observation, the effect on each district must be identified too.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> path_specific_effect(h, "B", "G", [("B", "N", "C", "G")]).witness
    'recanting witness N'
    >>> print(path_specific_effect(h, "N", "C", [("N", "C")]).estimand)
    Σ_{s} P(c | n, s) P(s | n*)
    """
    check_ends(h, treatment, outcome)
    if not paths:
        raise GraphError("no path is given: name at least one, such as ('B', 'N', 'G')")
    for path in paths:
        _check_path(h, treatment, outcome, path)
    chosen = dict.fromkeys(tuple(path) for path in paths)
    above = _above(h, treatment, outcome)
    counts = _path_counts(h, outcome)
    along = Counter(path[1] for path in chosen)
    others = {c for c in _children(h, treatment, above) if counts[c] > along[c]}
    if both := others.intersection(along):
        return _recant(h, treatment, [v for v in h.order() if v in both])
    return _nested(h, treatment, outcome, above, set(along), others)


def _check_path(h: DirectedHypergraph, treatment: str, outcome: str, path: Sequence[str]) -> None:
    check_set(h, path)
    ends = (path[0], path[-1]) if path else ()
    if ends != (treatment, outcome) or not set(pairwise(path)) <= set(h.arcs):
        raise GraphError(
            f"{' -> '.join(path)} is no directed path from {treatment!r} to {outcome!r} of {h}"
        )


def _above(h: DirectedHypergraph, treatment: str, outcome: str) -> frozenset[str]:
    """Return what reaches the outcome around the treatment; empty where there is no effect."""
    if treatment not in ancestors(h, {outcome}):
        return frozenset()
    return ancestors(subgraph(h, set(h.nodes) - {treatment}), {outcome})


def _children(h: DirectedHypergraph, treatment: str, above: frozenset[str]) -> list[str]:
    return [child for child in h.children(treatment) if child in above]


def _path_counts(h: DirectedHypergraph, outcome: str) -> dict[str, int]:
    """Count the directed paths from each node to the outcome."""
    counts: dict[str, int] = {}
    for node in reversed(h.order()):
        counts[node] = int(node == outcome) + sum(counts[child] for child in h.children(node))
    return counts


def _recant(h: DirectedHypergraph, treatment: str, nodes: Sequence[str]) -> NestedEffect:
    many = len(nodes) > 1
    word = "witnesses" if many else "witness"
    return NestedEffect(
        None,
        f"recanting {word} {listed(nodes)}",
        f"{listed(nodes)} would have to carry two values of {treatment} in one world, one for "
        f"each group of paths; no experiment shows that (recanting {word})",
    )


def _nested(
    h: DirectedHypergraph,
    treatment: str,
    outcome: str,
    above: frozenset[str],
    first: Collection[str],
    second: Collection[str],
) -> NestedEffect:
    """Identify the outcome where the treatment reaches `first` at b and `second` at b*."""
    total = identify_effect(h, {treatment}, {outcome})
    if total.hedge is not None:
        return NestedEffect(None, f"hedge {total.hedge}", total.hedge.sentence)
    if total.estimand is not None and not above:
        words = f"no directed path leads from {treatment} to {outcome}: every effect is zero"
        return NestedEffect(total.estimand, "", words)
    factors: list[Expression] = []
    for part in districts(subgraph(h, above)):
        if set(part).intersection(first) and set(part).intersection(second):
            return NestedEffect(
                None,
                f"recanting district {braces(part)}",
                f"latent common causes connect {listed(part)}, whose members would have to hear "
                f"two values of {treatment} in one world (recanting district)",
            )
        factor = identify_effect(h, set(h.nodes) - set(part), part).estimand
        if factor is None:
            raise CausalHyperError(f"the effect on {part} is not identified though the total is")
        twin = bool(set(part).intersection(second)) and treatment in free(factor)
        factors.append(star(factor, treatment) if twin else factor)
    return NestedEffect(sum_out(above - {outcome}, multiply(reversed(factors))), "", "")


def star(expression: Expression, treatment: str) -> Expression:
    """Return an expression at the second value of the treatment.

    Parameters
    ----------
    expression : Expression
        The expression.
    treatment : str
        A node that is free in it.

    Returns
    -------
    Expression
        With the treatment's value starred.

    Examples
    --------
    >>> from causalhyper.identification.expressions import Probability
    >>> print(star(Probability(("N",), ("B",)), "B"))
    P(n | b*)
    """
    return Renamed(expression, treatment, f"{symbols([treatment])[treatment]}*")


def _notes(
    mediators: Collection[str], through: Collection[str], past: Collection[str]
) -> list[str]:
    """Say which of the two effects is zero for want of paths."""
    named = listed(sorted(mediators))
    notes = [] if through else [f"no directed path goes through {named}: the indirect effect is 0"]
    return notes + (
        [] if past else [f"every directed path goes through {named}: the direct effect is 0"]
    )
