"""Hypergraphs with permuted nodes, held against decisions about independencies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from causalhyper.hypergraph import (
    DirectedHypergraph,
    Independence,
    local_conditions,
    separated,
)
from causalhyper.hypergraph.local_markov import rename_condition

Decision = Callable[[Independence], bool | None]
"""Whether the runs contradict an independence; None where that cannot be tested."""


@dataclass(frozen=True, slots=True)
class Permuted:
    """A hypergraph with its nodes permuted, held against the runs and the given hypergraph.

    Attributes
    ----------
    nodes : tuple of str
        What stands in the place of each node, in the given hypergraph's topological order.
    tested, violated : int
        Local Markov conditions that can be tested, and those that the runs contradict.
    conditions, foreign : int
        Local Markov conditions, and those that the given hypergraph does not imply; with none
        of the latter the two imply the same (they are Markov equivalent).
    """

    nodes: tuple[str, ...]
    tested: int
    violated: int
    conditions: int
    foreign: int

    @property
    def fraction(self) -> float:
        """Share of the tested conditions that the runs contradict; 0 without any."""
        return self.violated / max(1, self.tested)

    @property
    def equivalent(self) -> bool:
        """Whether it implies what the given hypergraph implies."""
        return self.foreign == 0


def judge_permutations(
    h: DirectedHypergraph, renamings: Iterable[Mapping[str, str]], contradicted: Decision
) -> tuple[Permuted, ...]:
    """Count violated and foreign local Markov conditions of permuted hypergraphs.

    Parameters
    ----------
    h : DirectedHypergraph
    renamings : iterable of mapping of str to str
        The new name of each node; permutations of the nodes.
    contradicted : callable
        Whether the data contradict an independence.

    Returns
    -------
    tuple of Permuted
        In the order of `renamings`.

    Examples
    --------
    >>> from causalhyper.hypergraph.local_markov import all_permutations
    >>> h = DirectedHypergraph.parse("B -> N -> G")
    >>> judge_permutations(h, all_permutations(h.order(), "B"), lambda one: "N" in one.given)
    (Permuted(nodes=('B', 'N', 'G'), tested=1, violated=1, conditions=1, foreign=0), \
Permuted(nodes=('B', 'G', 'N'), tested=1, violated=0, conditions=1, foreign=1))
    """
    conditions, order = local_conditions(h), h.order()
    implied: dict[Independence, bool] = {}
    found = []
    for names in renamings:
        renamed = [rename_condition(one, names) for one in conditions]
        for one in renamed:
            if one not in implied:
                implied[one] = separated(h, one.x, one.y, one.given)
        decisions = [contradicted(one) for one in renamed]
        found.append(
            Permuted(
                nodes=tuple(names[v] for v in order),
                tested=sum(d is not None for d in decisions),
                violated=sum(d is True for d in decisions),
                conditions=len(renamed),
                foreign=sum(not implied[one] for one in renamed),
            )
        )
    return tuple(found)
