"""Effects in which the treatment acts at two values: identified, or forbidden by a witness."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from causalhyper.errors import CausalHyperError
from causalhyper.hypergraph import DirectedHypergraph, ancestors, districts
from causalhyper.hypergraph.surgery import subgraph
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


def nested_effect(
    h: DirectedHypergraph,
    treatment: str,
    outcome: str,
    first: Collection[str],
    second: Collection[str],
) -> NestedEffect:
    """Identify the outcome where the treatment reaches some effects at b and others at b*.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    treatment, outcome : str
        Two different nodes.
    first, second : collection of str
        Effects of the treatment that reach the outcome around it; each is in one of the two,
        and one in both is a recanting witness.

    Returns
    -------
    NestedEffect
        Of the outcome where those in `first` hear b, and those in `second` b*.

    References
    ----------
    Shpitser (2013), Counterfactual graphical models for longitudinal mediation analysis with
    unobserved confounding, Theorem 4: identified from experiments unless there is a recanting
    district; from observation, the effect on each district must be identified too.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("X -> M; {X, M} -> Y; M <-> Y")
    >>> nested_effect(h, "X", "Y", {"Y"}, {"M"}).witness
    'recanting district {M, Y}'
    """
    total = identify_effect(h, {treatment}, {outcome})
    if total.hedge is not None:
        return NestedEffect(None, f"hedge {total.hedge}", total.hedge.sentence)
    above = upstream(h, treatment, outcome)
    if not above:
        words = f"no directed path leads from {treatment} to {outcome}: every effect is zero"
        return NestedEffect(total.estimand, "", words)
    factors: list[Expression] = []
    for part in districts(subgraph(h, above)):
        one, other = (set(part).intersection(side) for side in (first, second))
        if one and other:
            return _recanting_district(treatment, part)
        factor = identify_effect(h, set(h.nodes) - set(part), part).estimand
        if factor is None:
            raise CausalHyperError(f"the effect on {part} is not identified though the total is")
        factors.append(star(factor, treatment) if other else factor)
    return NestedEffect(sum_out(above - {outcome}, multiply(reversed(factors))), "", "")


def _recanting_district(treatment: str, part: Sequence[str]) -> NestedEffect:
    return NestedEffect(
        None,
        f"recanting district {braces(part)}",
        f"latent common causes connect {listed(part)}, whose members would have to hear two "
        f"values of {treatment} in one world (recanting district)",
    )


def recant(treatment: str, nodes: Sequence[str]) -> NestedEffect:
    """Say that recanting witnesses forbid an effect.

    Parameters
    ----------
    treatment : str
        The cause.
    nodes : sequence of str
        The witnesses, at least one.

    Returns
    -------
    NestedEffect
        Not identified.

    Examples
    --------
    >>> recant("B", ["N"]).witness
    'recanting witness N'
    """
    word = "witnesses" if len(nodes) > 1 else "witness"
    return NestedEffect(
        None,
        f"recanting {word} {listed(nodes)}",
        f"{listed(nodes)} would have to carry two values of {treatment} in one world, one for "
        f"each group of paths; no experiment shows that (recanting {word})",
    )


def upstream(h: DirectedHypergraph, treatment: str, outcome: str) -> frozenset[str]:
    """Return the nodes that reach an outcome around the treatment.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    treatment, outcome : str
        Two different nodes.

    Returns
    -------
    frozenset of str
        The outcome among them; empty where no directed path leads from treatment to outcome.

    Examples
    --------
    >>> sorted(upstream(DirectedHypergraph.parse("Z -> X -> Y; W -> Y"), "X", "Y"))
    ['W', 'Y']
    """
    if treatment not in ancestors(h, {outcome}):
        return frozenset()
    return ancestors(subgraph(h, set(h.nodes) - {treatment}), {outcome})


def star(expression: Expression, treatment: str) -> Expression:
    """Return an expression at the second value of the treatment.

    Parameters
    ----------
    expression : Expression
        The expression.
    treatment : str
        A node.

    Returns
    -------
    Expression
        With the treatment's value starred; the same where it does not depend on it.

    Examples
    --------
    >>> from causalhyper.identification.expressions import Probability
    >>> print(star(Probability(("N",), ("B",)), "B"))
    P(n | b*)
    """
    if treatment not in free(expression):
        return expression
    return Renamed(expression, treatment, f"{symbols([treatment])[treatment]}*")
