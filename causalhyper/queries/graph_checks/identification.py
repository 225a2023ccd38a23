"""Identification: what the data can say about an effect, by which estimand, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import networkx as nx
import pandas as pd

from causalhyper.errors import CausalHyperError, GraphError, NotIdentifiedError
from causalhyper.hypergraph import DirectedHypergraph, between, expanded
from causalhyper.hypergraph.given import read_hypergraph
from causalhyper.hypergraph.paths import check_ends
from causalhyper.identification import Derivation, Expression, free, identify_effect
from causalhyper.identification.derivations import listed
from causalhyper.identification.expressions import symbols
from causalhyper.identification.mediated import along_path, interventional, natural
from causalhyper.identification.strategies import (
    Strategy,
    back_door,
    by_id,
    front_door,
    instrument,
    no_effect,
)
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PATHS = 20
"""With more directed paths from treatment to outcome, none is asked about by itself."""


@dataclass(frozen=True, slots=True)
class Identification(Shown):
    """What the observed distribution says about one effect under a hypergraph.

    Attributes
    ----------
    graph : DirectedHypergraph
        With its latent pairs.
    treatment, outcome : str
        Nodes.
    mediators : tuple of str
        Those asked about, together.
    effect : Derivation
        The answer of the ID algorithm: estimand and steps, or a hedge.
    strategies : tuple of Strategy
        One answer each: ID, back-door, front-door, instrument; with mediators also controlled
        direct, natural, interventional and each directed path through them.
    """

    graph: DirectedHypergraph
    treatment: str
    outcome: str
    mediators: tuple[str, ...]
    effect: Derivation
    strategies: tuple[Strategy, ...]

    def __post_init__(self) -> None:
        if any(s.identified for s in self.strategies[1:3]) and not self.identified:
            raise CausalHyperError(
                f"{self.graph}: a set identifies the effect of {self.treatment} on "
                f"{self.outcome}, and the ID algorithm does not; please report it"
            )

    @property
    def identified(self) -> bool:
        """Whether the total effect is identified."""
        return self.effect.identified

    @property
    def estimand(self) -> Expression | None:
        """P(outcome | do(treatment)) in terms of the observed distribution, or None."""
        return self.effect.estimand

    @property
    def derivation(self) -> tuple[str, ...]:
        """The steps of the ID algorithm, one sentence each."""
        return tuple(str(step) for step in self.effect.steps)

    @property
    def witness(self) -> str:
        """The hedge that forbids identification; empty where identified."""
        return self.strategies[0].witness

    @property
    def verdict(self) -> str:
        """One sentence: identified, zero, or not identified and why."""
        name = f"the effect of {self.treatment} on {self.outcome}"
        if self.effect.hedge is not None:
            return f"{name} is not identified, because {self.effect.hedge.sentence}"
        zero = no_effect(self.graph, self.treatment, self.outcome)
        return zero or f"{name} is identified"

    def strategy(self, name: str) -> tuple[Strategy, ...]:
        """Return the answers of one name.

        Parameters
        ----------
        name : str
            Such as "back-door" or "natural".

        Returns
        -------
        tuple of Strategy
            Empty where it was not asked.
        """
        return tuple(s for s in self.strategies if s.name == name)

    def require(self) -> Expression:
        """Return the estimand, or refuse.

        Returns
        -------
        Expression

        Raises
        ------
        NotIdentifiedError
            If the total effect is not identified; the message says why.
        """
        if self.effect.estimand is None:
            raise NotIdentifiedError(
                f"{self.verdict}. Measure the latent cause, randomise {self.treatment}, or report "
                "bounds and a sensitivity analysis"
            )
        return self.effect.estimand

    def to_frame(self) -> pd.DataFrame:
        """One row a strategy: strategy, question, identified, sets, estimand, witness."""
        rows = [
            {
                "strategy": s.name,
                "question": s.question,
                "identified": s.identified,
                "sets": "; ".join(s.sets),
                "estimand": "" if s.estimand is None else str(s.estimand),
                "witness": s.witness,
            }
            for s in self.strategies
        ]
        return pd.DataFrame(rows)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the hypergraph with the treatment and the outcome marked."""
        return self.graph.plot(ax, treatment=self.treatment, outcome=self.outcome)

    def summary(self) -> str:
        """The derivation and every strategy as text; the last line is the verdict."""
        lines = [f"effect of {self.treatment} on {self.outcome} in {self.graph}"]
        lines += ["ID algorithm (Shpitser and Pearl 2006):"]
        lines += [f"  {step}" for step in self.derivation]
        lines += [f"  {self.strategies[0].question} = {self.estimand}"] if self.identified else []
        lines += _arbitrary(self)
        lines += [_line(strategy) for strategy in self.strategies[1:4]]
        if self.mediators:
            lines.append(f"through {listed(self.mediators)}:")
            lines += [f"  {_line(strategy)}" for strategy in self.strategies[4:]]
        return "\n".join([*lines, f"verdict: {self.verdict}"])


def identify(
    graph: DirectedHypergraph | str,
    treatment: str,
    outcome: str,
    *,
    mediators: str | Sequence[str] = (),
) -> Identification:
    """Say what the observed distribution tells about an effect, step by step, or why it does not.

    Parameters
    ----------
    graph : DirectedHypergraph or str
        The hypergraph, or its text. Such as ``"B -> N; N -> G; N <-> G"``, where ``N <-> G`` is an
        unmeasured common cause.
    treatment, outcome : str
        Nodes. They differ.
    mediators : str or sequence of str
        Nodes between treatment and outcome. One or several taken together, for controlled direct,
        natural, interventional and path-specific effects: those of each directed path through a
        mediator, where treatment and outcome have at most 20 directed paths.

    Returns
    -------
    Identification
        Estimand, derivation, sets and witnesses.

    Raises
    ------
    GraphError
        If the text cannot be read, a node is unknown or given twice, or an end is a mediator.

    References
    ----------
    Shpitser and Pearl (2006) for ID; Shpitser, VanderWeele and Robins (2010) and Henckel, Perković
    and Maathuis (2022) for adjustment; Pearl (2009) for front-door sets and instruments; Avin,
    Shpitser and Pearl (2005) and Shpitser (2013) for natural and path-specific effects.

    Examples
    --------
    >>> found = identify("B -> N; N -> S; {N, S} -> C; C -> G", "B", "G", mediators="S")
    >>> print(found.estimand)
    Σ_{c, n, s} P(g | c) P(c | n, s) P(s | n) P(n | b)
    >>> found.strategy("natural")[0].witness
    'recanting witness N'
    >>> print(identify("N -> G; N <-> G", "N", "G").verdict)  # doctest: +ELLIPSIS
    the effect of N on G is not identified, because latent common causes connect N and G: ...
    """
    h = read_hypergraph(graph)
    names = (mediators,) if isinstance(mediators, str) else tuple(mediators)
    check_ends(h, treatment, outcome)
    h.require(*names)
    if len(set(names)) < len(names) or {treatment, outcome}.intersection(names):
        raise GraphError(
            f"the mediators {', '.join(names)} name a node twice, or an end of the effect: "
            "name other nodes than treatment and outcome, each once"
        )
    effect = identify_effect(h, {treatment}, {outcome})
    strategies = [
        by_id("ID", outcome, [treatment], effect),
        back_door(h, treatment, outcome),
        front_door(h, treatment, outcome),
        instrument(h, treatment, outcome),
    ]
    if names:
        strategies += _through(h, treatment, outcome, names)
    return Identification(h, treatment, outcome, names, effect, tuple(strategies))


def _through(
    h: DirectedHypergraph, treatment: str, outcome: str, mediators: tuple[str, ...]
) -> list[Strategy]:
    """Ask for every effect through and past the mediators."""
    fixed = identify_effect(h, {treatment, *mediators}, {outcome})
    found = [
        by_id("controlled direct", outcome, [treatment, *mediators], fixed),
        natural(h, treatment, outcome, mediators),
        interventional(h, treatment, outcome, mediators),
    ]
    on_paths = {treatment, outcome, *between(h, treatment, outcome)}
    ways = nx.all_simple_paths(expanded(h).subgraph(on_paths), treatment, outcome)
    paths = sorted(tuple(map(str, way)) for way in islice(ways, MOST_PATHS + 1))
    if len(paths) > MOST_PATHS:
        return found
    return found + [along_path(h, path) for path in paths if set(path).intersection(mediators)]


def _arbitrary(found: Identification) -> list[str]:
    """Say which values in the estimand may be any."""
    if found.estimand is None:
        return []
    idle = sorted(free(found.estimand) - {found.treatment, found.outcome})
    signs = symbols(idle)
    return [f"  the same at every value of {listed([signs[v] for v in idle])}"] if idle else []


def _line(strategy: Strategy) -> str:
    """Print one strategy."""
    start = f"{strategy.name}, {strategy.question}: "
    if not strategy.identified:
        return f"{start}not identified, because {strategy.sentence}"
    sets = f"{', '.join(strategy.sets)}; " if strategy.sets else ""
    note = f" ({strategy.sentence})" if strategy.sentence else ""
    return f"{start}{sets}{strategy.estimand}{note}"
