"""Instruments: nodes that move the treatment and reach the outcome through it alone."""

from __future__ import annotations

from dataclasses import dataclass

from causalhyper.hypergraph import DirectedHypergraph, ancestors, descendants, separated
from causalhyper.hypergraph.paths import check_ends
from causalhyper.hypergraph.separation import subsets
from causalhyper.hypergraph.surgery import without_causes


@dataclass(frozen=True, slots=True)
class Instrument:
    """A node that is an instrument, given others.

    Parameters
    ----------
    node : str
        The instrument.
    given : tuple of str
        What is conditioned on; empty where it is an instrument outright.

    Examples
    --------
    >>> print(Instrument("Z", ()), Instrument("Z", ("W",)), sep="; ")
    Z; Z given W
    """

    node: str
    given: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.node} given {', '.join(self.given)}" if self.given else self.node


def is_instrument(
    h: DirectedHypergraph, treatment: str, outcome: str, instrument: Instrument
) -> bool:
    """Say whether a node is an instrument for an effect.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    treatment, outcome : str
        Two different nodes.
    instrument : Instrument
        The node and what is conditioned on.

    Returns
    -------
    bool
        True where the treatment affects none of these nodes, the instrument is d-separated from
        the outcome once the treatment is set, and d-connected to the treatment before.

    Raises
    ------
    GraphError
        If a node is unknown, or one is named twice.

    References
    ----------
    Pearl (2009), Causality, 2nd ed., section 7.4.5.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("Z -> X; X -> Y; X <-> Y")
    >>> is_instrument(h, "X", "Y", Instrument("Z", ()))
    True
    """
    check_ends(h, treatment, outcome)
    node, given = instrument.node, instrument.given
    if {node, *given} & descendants(h, {treatment}) or outcome in (node, *given):
        return False
    cut = without_causes(h, {treatment})
    return separated(cut, node, outcome, given) and not separated(h, node, treatment, given)


def instruments(
    h: DirectedHypergraph, treatment: str, outcome: str, *, largest: int = 3
) -> tuple[Instrument, ...]:
    """List the instruments for an effect.

    An instrument alone does not identify the effect: it bounds it, gives it where all effects are
    linear, and gives the effect on those whom it moves where it moves all in one direction.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    treatment, outcome : str
        Two different nodes.
    largest : int
        The size up to which conditioning sets are searched, among the ancestors of instrument
        and outcome (van der Zander, Textor and Liśkiewicz 2015, Efficiently finding conditional
        instruments for causal inference: ancestral instruments).

    Returns
    -------
    tuple of Instrument
        In topological order, each with the first of its smallest conditioning sets; none without
        a directed path from treatment to outcome.

    Raises
    ------
    GraphError
        If a node is unknown, or the ends are one.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("W -> Z; {Z, W} -> X; {X, W} -> Y; X <-> Y")
    >>> print(*instruments(h, "X", "Y"))
    Z given W
    """
    check_ends(h, treatment, outcome)
    if outcome not in descendants(h, {treatment}):
        return ()
    free = [v for v in h.order() if v not in descendants(h, {treatment})]
    found = (_instrument(h, treatment, outcome, node, free, largest) for node in free)
    return tuple(instrument for instrument in found if instrument is not None)


def _instrument(
    h: DirectedHypergraph, treatment: str, outcome: str, node: str, free: list[str], largest: int
) -> Instrument | None:
    """Return a node with its smallest conditioning set, or None."""
    above = ancestors(h, {node, outcome}) - {node}
    for given in subsets([v for v in free if v in above]):
        if len(given) > largest:
            return None
        if is_instrument(h, treatment, outcome, found := Instrument(node, given)):
            return found
    return None
