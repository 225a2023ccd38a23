"""One hyperedge: a set of causes that act jointly on one effect."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from causalhyper.errors import GraphError
from causalhyper.hypergraph.names import hyperedge_fault, latent_fault
from causalhyper.hypergraph.printing import write_hyperedge

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Hyperedge:
    """A set of causes that act jointly on one effect.

    Two hyperedges are equal when they have the same causes, in any order, and the same head.

    Parameters
    ----------
    tail : tuple of str
        The causes, in the order written; at least one, none twice.
    head : str
        The effect, not one of the causes.

    Raises
    ------
    GraphError
        If a name is not valid, the tail is empty or repeats a cause, or the head is in it.

    Examples
    --------
    >>> print(Hyperedge(("N", "S"), "C"))
    {N, S} -> C
    >>> Hyperedge(("N", "S"), "C") == Hyperedge(("S", "N"), "C")
    True
    """

    tail: tuple[str, ...]
    head: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "tail", as_tuple(self.tail, "the tail of a hyperedge"))
        if fault := hyperedge_fault(self.tail, self.head):
            raise GraphError(fault)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Hyperedge):
            return NotImplemented
        return self.head == other.head and frozenset(self.tail) == frozenset(other.tail)

    def __hash__(self) -> int:
        return hash((self.head, frozenset(self.tail)))

    def __str__(self) -> str:
        return write_hyperedge(self.tail, self.head)

    @property
    def arcs(self) -> tuple[tuple[str, str], ...]:
        """The arcs (cause, head) of the expanded graph that this hyperedge carries."""
        return tuple((cause, self.head) for cause in self.tail)


def as_tuple(values: Iterable[T], what: str) -> tuple[T, ...]:
    """Return a tuple of `values`; a single text is refused, as its letters would be taken.

    Parameters
    ----------
    values : iterable
        Names or hyperedges.
    what : str
        What they are, for the message.

    Returns
    -------
    tuple
        The same in the same order.

    Raises
    ------
    GraphError
        If `values` is a text, or not iterable.

    Examples
    --------
    >>> as_tuple(["N", "S"], "the tail")
    ('N', 'S')
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise GraphError(f"expected {what} as a tuple; got {values!r}")
    return tuple(values)


def check_edges(edges: tuple[Hyperedge, ...]) -> None:
    """Refuse what is not a hyperedge, and hyperedges given twice.

    Parameters
    ----------
    edges : tuple of Hyperedge
        The hyperedges of one hypergraph.

    Raises
    ------
    GraphError
        If one is no Hyperedge, or equals an earlier one.

    Examples
    --------
    >>> check_edges((Hyperedge(("B",), "N"), Hyperedge(("N",), "S")))
    """
    seen: set[Hyperedge] = set()
    for edge in edges:
        if not isinstance(edge, Hyperedge):
            raise GraphError(f"expected a Hyperedge; got {edge!r}: write Hyperedge(tail, head)")
        if edge in seen:
            raise GraphError(f"the hyperedge '{edge}' is given twice: remove one")
        seen.add(edge)


def sort_pairs(latent: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Check the pairs of nodes with a latent common cause, and sort each pair.

    Parameters
    ----------
    latent : iterable of (str, str)
        The pairs of one hypergraph, in any order.

    Returns
    -------
    tuple of (str, str)
        In the order given, the names of each pair in the order of the alphabet.

    Raises
    ------
    GraphError
        If one is no pair of two valid names, or equals an earlier one.

    Examples
    --------
    >>> sort_pairs([("N", "G")])
    (('G', 'N'),)
    """
    pairs: list[tuple[str, str]] = []
    for given in as_tuple(latent, "the latent pairs"):
        names = given if isinstance(given, str) else as_tuple(given, "a latent pair")
        if fault := latent_fault(names):
            raise GraphError(fault)
        pair = (min(names), max(names))
        if pair in pairs:
            raise GraphError(
                f"the latent pair '{pair[0]} <-> {pair[1]}' is given twice: remove one"
            )
        pairs.append(pair)
    return tuple(pairs)
