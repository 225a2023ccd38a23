"""The effects through and past mediators, one answer each."""

from __future__ import annotations

from collections.abc import Sequence

from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.identification.algebra import multiply, sum_out
from causalhyper.identification.expressions import symbols
from causalhyper.identification.id_algorithm import identify_effect
from causalhyper.identification.natural import natural_effects
from causalhyper.identification.nested import NestedEffect, star
from causalhyper.identification.path_specific import path_specific_effect
from causalhyper.identification.strategies import Strategy


def natural(
    h: DirectedHypergraph, treatment: str, outcome: str, mediators: Sequence[str]
) -> Strategy:
    """Ask for the natural direct and indirect effects.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    treatment, outcome : str
        Two different nodes.
    mediators : sequence of str
        At least one, taken together.

    Returns
    -------
    Strategy

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> natural(h, "B", "G", ["S"]).question
    'P(G(b, S(b*)) = g)'
    """
    sign = symbols((treatment, outcome))
    b, g = sign[treatment], sign[outcome]
    worlds = ", ".join(f"{mediator}({b}*)" for mediator in mediators)
    found = natural_effects(h, treatment, mediators, outcome)
    return _nested("natural", f"P({outcome}({b}, {worlds}) = {g})", found)


def interventional(
    h: DirectedHypergraph, treatment: str, outcome: str, mediators: Sequence[str]
) -> Strategy:
    """Ask for the interventional (randomised-analogue) direct and indirect effects.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    treatment, outcome : str
        Two different nodes.
    mediators : sequence of str
        At least one, drawn jointly from what they are under do(b*).

    Returns
    -------
    Strategy

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C")
    >>> print(interventional(h, "B", "C", ["S"]).estimand)
    Σ_{s} [Σ_{n} P(s | n) P(n | b*)] Σ_{n} P(c | n, s) P(n | b)
    """
    sign = symbols((treatment, outcome, *mediators))
    m, b = ", ".join(sign[name] for name in mediators), sign[treatment]
    asked = f"Σ_{{{m}}} P({sign[outcome]} | do({b}, {m})) P({m} | do({b}*))"
    draws = identify_effect(h, {treatment}, mediators)
    effect = identify_effect(h, {treatment, *mediators}, {outcome})
    for hedge in (draws.hedge, effect.hedge):
        if hedge is not None:
            words = hedge.sentence
            return Strategy("interventional", asked, False, (), None, f"hedge {hedge}", words)
    parts = [part for part in (effect.estimand, draws.estimand) if part is not None]
    estimand = sum_out(mediators, multiply([star(parts[1], treatment), parts[0]]))
    return Strategy("interventional", asked, True, (), estimand, "", "")


def along_path(h: DirectedHypergraph, path: Sequence[str]) -> Strategy:
    """Ask for the effect along one directed path.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    path : sequence of str
        From treatment to outcome.

    Returns
    -------
    Strategy
        The treatment acts at b along the path and at b* along all others.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> along_path(h, ("N", "C", "G")).identified
    True
    """
    found = path_specific_effect(h, path[0], path[-1], [path])
    return _nested("path-specific", " -> ".join(path), found)


def _nested(name: str, asked: str, found: NestedEffect) -> Strategy:
    return Strategy(
        name, asked, found.identified, (), found.estimand, found.witness, found.sentence
    )
