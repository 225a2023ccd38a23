"""The ways to a total effect, one answer each: by which sets, and what forbids it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from causalhyper.hypergraph import DirectedHypergraph, ancestors
from causalhyper.identification.adjustment import (
    adjustment_formula,
    minimal_adjustment_sets,
    optimal_adjustment_set,
)
from causalhyper.identification.derivations import Derivation, braces, question
from causalhyper.identification.expressions import Expression
from causalhyper.identification.frontdoor import frontdoor_formula, frontdoor_sets
from causalhyper.identification.instruments import instruments


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to an effect, and whether it leads there.

    Parameters
    ----------
    name : str
        "ID", "back-door", "front-door", "instrument", "controlled direct", "natural",
        "interventional" or "path-specific".
    question : str
        What is asked, such as ``P(g | do(b))``.
    identified : bool
        Whether the observed distribution gives it without assumptions beyond the hypergraph.
    sets : tuple of str
        The sets of nodes found, each printed; the instruments.
    estimand : Expression or None
        None where not identified.
    witness : str
        What forbids it; empty where identified.
    sentence : str
        The answer in words.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("Z -> X; {X, Z} -> Y")
    >>> print(back_door(h, "X", "Y").estimand)
    Σ_{z} P(y | x, z) P(z)
    """

    name: str
    question: str
    identified: bool
    sets: tuple[str, ...]
    estimand: Expression | None
    witness: str
    sentence: str


def by_id(name: str, outcome: str, treatment: Sequence[str], found: Derivation) -> Strategy:
    """Return the answer of the ID algorithm as a strategy.

    Parameters
    ----------
    name : str
        "ID" or "controlled direct".
    outcome : str
        A node.
    treatment : sequence of str
        What is set.
    found : Derivation
        The algorithm's answer.

    Returns
    -------
    Strategy

    Examples
    --------
    >>> from causalhyper.identification.id_algorithm import identify_effect
    >>> bow = DirectedHypergraph.parse("X -> Y; X <-> Y")
    >>> by_id("ID", "Y", ["X"], identify_effect(bow, {"X"}, {"Y"})).witness
    'hedge F = {X, Y}, F′ = {Y}'
    """
    asked = question([outcome], treatment)
    if found.hedge is not None:
        words = found.hedge.sentence
        return Strategy(name, asked, False, (), None, f"hedge {found.hedge}", words)
    return Strategy(name, asked, True, (), found.estimand, "", "")


def back_door(h: DirectedHypergraph, treatment: str, outcome: str) -> Strategy:
    """Look for adjustment sets.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    treatment, outcome : str
        Two different nodes.

    Returns
    -------
    Strategy
        With every minimal set; the estimand adjusts for the most precise set where it is known,
        else for the first minimal one.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("Z -> X; {X, W} -> Y; Z -> W")
    >>> back_door(h, "X", "Y").sentence
    'the most precise set is {W}'
    """
    asked = question([outcome], [treatment])
    sets = minimal_adjustment_sets(h, treatment, outcome)
    if not sets:
        words = "no set of measured nodes blocks every path that is not causal"
        return Strategy("back-door", asked, False, (), None, "open back-door paths", words)
    best = optimal_adjustment_set(h, treatment, outcome)
    estimand = adjustment_formula(treatment, outcome, sets[0] if best is None else best)
    words = "" if best is None else f"the most precise set is {braces(best)}"
    return Strategy("back-door", asked, True, tuple(map(braces, sets)), estimand, "", words)


def front_door(h: DirectedHypergraph, treatment: str, outcome: str) -> Strategy:
    """Look for front-door sets of up to three nodes.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    treatment, outcome : str
        Two different nodes.

    Returns
    -------
    Strategy
        With every minimal set; the estimand is that of the first.

    Examples
    --------
    >>> front_door(DirectedHypergraph.parse("X -> Z -> Y; X <-> Y"), "X", "Y").sets
    ('{Z}',)
    """
    asked = question([outcome], [treatment])
    sets = frontdoor_sets(h, treatment, outcome)
    if sets:
        estimand = frontdoor_formula(treatment, outcome, sets[0])
        return Strategy("front-door", asked, True, tuple(map(braces, sets)), estimand, "", "")
    words = no_effect(h, treatment, outcome)
    words = words or "no set of up to three mediators carries the effect free of confounding"
    return Strategy("front-door", asked, False, (), None, "no mediators", words)


def instrument(h: DirectedHypergraph, treatment: str, outcome: str) -> Strategy:
    """Look for instruments.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    treatment, outcome : str
        Two different nodes.

    Returns
    -------
    Strategy
        Never identified by itself: an instrument needs an assumption on the form of the effects.

    Examples
    --------
    >>> instrument(DirectedHypergraph.parse("Z -> X -> Y; X <-> Y"), "X", "Y").sets
    ('Z',)
    """
    asked = question([outcome], [treatment])
    found = tuple(map(str, instruments(h, treatment, outcome)))
    if not found:
        words = no_effect(h, treatment, outcome)
        words = words or "no node moves the treatment and reaches the outcome through it alone"
        return Strategy("instrument", asked, False, (), None, "no instrument", words)
    words = f"the instrument {' or '.join(found)} gives the effect only where effects are linear"
    return Strategy("instrument", asked, False, found, None, "needs linear effects", words)


def no_effect(h: DirectedHypergraph, treatment: str, outcome: str) -> str:
    """Say that an effect is zero where no directed path carries one.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.
    treatment, outcome : str
        Two different nodes.

    Returns
    -------
    str
        The sentence, or "" where there is a directed path.

    Examples
    --------
    >>> no_effect(DirectedHypergraph.parse("B -> N"), "N", "B")
    'no directed path leads from N to B: the effect is zero'
    """
    if treatment in ancestors(h, {outcome}):
        return ""
    return f"no directed path leads from {treatment} to {outcome}: the effect is zero"
