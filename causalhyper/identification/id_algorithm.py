"""The ID algorithm, line by line, and IDC for conditional effects."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from causalhyper.errors import GraphError
from causalhyper.hypergraph import DirectedHypergraph, ancestors, districts, separated
from causalhyper.hypergraph.paths import check_set
from causalhyper.hypergraph.surgery import subgraph, without_causes, without_effects
from causalhyper.identification.algebra import divide, multiply, sum_out
from causalhyper.identification.derivations import (
    Derivation,
    Hedge,
    Step,
    braces,
    listed,
    question,
)
from causalhyper.identification.distributions import (
    Distribution,
    margin,
    observed_distribution,
    total,
)
from causalhyper.identification.expressions import Expression

Nodes = frozenset[str]


class _HedgeFoundError(Exception):
    """Line 5 was reached: unwinds the recursion with the hedge."""

    def __init__(self, hedge: Hedge) -> None:
        super().__init__(str(hedge))
        self.hedge = hedge


@dataclass
class _Trace:
    """The steps taken so far, and what every call of one question shares."""

    order: tuple[str, ...]
    treatment: Nodes
    steps: list[Step] = field(default_factory=list)

    def sort(self, nodes: Collection[str]) -> tuple[str, ...]:
        return tuple(node for node in self.order if node in nodes)

    def add(
        self, line: str, depth: int, y: Nodes, x: Nodes, words: str, inside: bool = False
    ) -> None:
        asked = question(self.sort(y), self.sort(x), "P′" if inside else "P")
        self.steps.append(Step(line, depth, asked, words))


def identify_effect(
    h: DirectedHypergraph,
    treatment: Collection[str],
    outcome: Collection[str],
    given: Collection[str] = (),
) -> Derivation:
    """Identify P(outcome | do(treatment), given) from the observed distribution, or say why not.

    The ID algorithm is complete: where it fails, no method identifies the effect without
    assumptions beyond the hypergraph.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    treatment, outcome, given : collection of str
        Sets of nodes that do not overlap; `outcome` is not empty.

    Returns
    -------
    Derivation
        The estimand with the steps that lead to it, or a hedge.

    Raises
    ------
    GraphError
        If a node is unknown, the sets overlap, there is no outcome, or one is a single text.

    References
    ----------
    Shpitser and Pearl (2006), Identification of joint interventional distributions in recursive
    semi-Markovian causal models, Figure 3; Identification of conditional interventional
    distributions, Figure 6.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> print(identify_effect(h, {"B"}, {"G"}).estimand)
    Σ_{c, n, s} P(g | c) P(c | n, s) P(s | n) P(n | b)
    >>> print(identify_effect(DirectedHypergraph.parse("N -> G; N <-> G"), {"N"}, {"G"}).hedge)
    F = {N, G}, F′ = {G}
    """
    x, y, z = _check(h, treatment, outcome, given)
    trace = _Trace(h.order(), x)
    try:
        found = _idc(y, x, z, h, trace)
    except _HedgeFoundError as failure:
        return Derivation(None, tuple(trace.steps), failure.hedge)
    return Derivation(found, tuple(trace.steps), None)


def _check(h: DirectedHypergraph, *sets: Collection[str]) -> tuple[Nodes, Nodes, Nodes]:
    for nodes in sets:
        check_set(h, nodes)
    x, y, z = (frozenset(nodes) for nodes in sets)
    if not y:
        raise GraphError("the outcome is empty: name at least one node")
    if both := sorted((x & y) | (x & z) | (y & z)):
        raise GraphError(
            f"{', '.join(both)} stands in more than one of treatment, outcome and given: "
            "name each node once"
        )
    return x, y, z


def _idc(y: Nodes, x: Nodes, z: Nodes, h: DirectedHypergraph, trace: _Trace) -> Expression:
    """Turn conditions into interventions where rule 2 of do-calculus allows, then use ID."""
    for node in trace.sort(z):
        cut = without_effects(without_causes(h, x), {node})
        if separated(cut, y, {node}, x | z - {node}):
            trace.add("1 of IDC", 0, y, x, f"conditioning on {node} equals setting it (rule 2)")
            return _idc(y, x | {node}, z - {node}, h, trace)
    joint = _id(y | z, x, observed_distribution(h), h, trace, 0)
    return divide(joint, sum_out(y, joint)) if z else joint


def _id(
    y: Nodes, x: Nodes, p: Distribution, h: DirectedHypergraph, trace: _Trace, depth: int
) -> Expression:
    """Recurse as in Figure 3; `p` is the distribution of the nodes of `h`."""
    nodes = frozenset(h.nodes)
    if not x:
        trace.add("1", depth, y, x, f"nothing is set, so it is {total(p, y)}", not p.observed)
        return total(p, y)
    above = ancestors(h, y)
    if above != nodes:
        words = f"leave out what cannot cause {listed(trace.sort(y))}: "
        words += listed(trace.sort(nodes - above))
        trace.add("2", depth, y, x, words, not p.observed)
        return _id(y, x & above, margin(p, h, above), subgraph(h, above), trace, depth)
    if idle := nodes - x - ancestors(without_causes(h, x), y):
        done, rest = listed(trace.sort(x)), listed(trace.sort(idle))
        words = f"with {done} set, setting {rest} to any value changes nothing: do so"
        trace.add("3", depth, y, x, words, not p.observed)
        return _id(y, x | idle, p, h, trace, depth)
    parts = districts(subgraph(h, nodes - x))
    if len(parts) > 1:
        return _split(parts, y, x, p, h, trace, depth)
    return _one_district(frozenset(parts[0]), y, x, p, h, trace, depth)


def _split(
    parts: tuple[tuple[str, ...], ...],
    y: Nodes,
    x: Nodes,
    p: Distribution,
    h: DirectedHypergraph,
    trace: _Trace,
    depth: int,
) -> Expression:
    """Line 4: the product of the effects on each district, summed over what is not asked."""
    nodes = frozenset(h.nodes)
    over = nodes - y - x
    named = ", ".join(braces(trace.sort(part)) for part in parts)
    words = f"without {listed(trace.sort(x))} the districts are {named}: multiply their effects"
    words += f" and sum over {listed(trace.sort(over))}" if over else ""
    trace.add("4", depth, y, x, words, not p.observed)
    found = [_id(frozenset(s), nodes - frozenset(s), p, h, trace, depth + 1) for s in parts]
    return sum_out(over, multiply(reversed(found)))


def _one_district(
    s: Nodes,
    y: Nodes,
    x: Nodes,
    p: Distribution,
    h: DirectedHypergraph,
    trace: _Trace,
    depth: int,
) -> Expression:
    """Lines 5 to 7: fail with a hedge, read the district off, or go on inside its district."""
    whole = [frozenset(part) for part in districts(h)]
    if len(whole) == 1:
        forest = whole[0]
        hedge = Hedge(trace.sort(forest), trace.sort(s), trace.sort(forest & trace.treatment))
        trace.add("5", depth, y, x, f"fails with the hedge {hedge}", not p.observed)
        raise _HedgeFoundError(hedge)
    around = next(part for part in whole if s <= part)
    if around == s:
        found = sum_out(s - y, p.of(s))
        words = f"{braces(trace.sort(s))} is a district of its own, so it is {found}"
        trace.add("6", depth, y, x, words, not p.observed)
        return found
    inner = p.restricted(around)
    words = f"{braces(trace.sort(s))} lies in the district {braces(trace.sort(around))}: go on "
    words += f"in it with P′ = {inner.of(around)}"
    trace.add("7", depth, y, x, words, not p.observed)
    return _id(y, x & around, inner, subgraph(h, around), trace, depth)
