"""Distributions as ordered conditional probabilities, so that districts and margins are short."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from causalhyper.hypergraph import DirectedHypergraph, ancestors, districts
from causalhyper.hypergraph.surgery import subgraph
from causalhyper.identification.algebra import divide, multiply, sum_out
from causalhyper.identification.expressions import Expression, Probability, free


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution over some nodes, factorised along a topological order.

    Parameters
    ----------
    heads : tuple of str
        The nodes in topological order.
    kernels : tuple of Expression
        For each node, its probability given all the nodes before it.
    observed : bool
        True for a margin of the observed distribution, over an ancestral set.

    Examples
    --------
    >>> p = observed_distribution(DirectedHypergraph.parse("B -> N; {B, N} -> G; N <-> G"))
    >>> print(*p.kernels)
    P(b) P(n | b) P(g | b, n)
    """

    heads: tuple[str, ...]
    kernels: tuple[Expression, ...]
    observed: bool

    def of(self, nodes: Collection[str]) -> Expression:
        """Return the product of the kernels of some nodes, effects before causes.

        Parameters
        ----------
        nodes : collection of str
            Some of the heads.

        Returns
        -------
        Expression
            Their product.
        """
        pairs = zip(reversed(self.heads), reversed(self.kernels), strict=True)
        return multiply(kernel for head, kernel in pairs if head in nodes)

    def restricted(self, nodes: Collection[str]) -> Distribution:
        """Return the distribution of a district, given fixed values of the others (line 7).

        Parameters
        ----------
        nodes : collection of str
            A district of the heads.

        Returns
        -------
        Distribution
            The kernels of `nodes`.
        """
        pairs = zip(self.heads, self.kernels, strict=True)
        kept = tuple((head, kernel) for head, kernel in pairs if head in nodes)
        return Distribution(tuple(h for h, _ in kept), tuple(k for _, k in kept), False)


def observed_distribution(h: DirectedHypergraph) -> Distribution:
    """Factorise the observed distribution of a hypergraph.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.

    Returns
    -------
    Distribution
        Each node given only those before it that it depends on: its district among them, and
        the causes of the district (its Markov pillow).

    References
    ----------
    Tian and Pearl (2002), A general identification condition for causal effects, Lemma 1.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> print(*observed_distribution(h).kernels)
    P(b) P(n | b) P(s | n) P(c | n, s) P(g | c)
    """
    order = h.order()
    kernels = tuple(
        Probability((node,), _pillow(h, order[: place + 1])) for place, node in enumerate(order)
    )
    return Distribution(order, kernels, True)


def _pillow(h: DirectedHypergraph, until: tuple[str, ...]) -> tuple[str, ...]:
    """Return what the last of some nodes depends on among those before it."""
    among = subgraph(h, until)
    district = next(part for part in districts(among) if until[-1] in part)
    wanted = {*district, *(cause for node in district for cause in among.parents(node))}
    return tuple(node for node in until[:-1] if node in wanted)


def margin(p: Distribution, h: DirectedHypergraph, nodes: Collection[str]) -> Distribution:
    """Sum out the nodes that are no ancestors of the rest.

    Parameters
    ----------
    p : Distribution
        Over the nodes of `h`.
    h : DirectedHypergraph
        Its hypergraph.
    nodes : collection of str
        An ancestral set of `h`.

    Returns
    -------
    Distribution
        Over `nodes`.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S")
    >>> print(*margin(observed_distribution(h), h, {"B", "N"}).kernels)
    P(b) P(n | b)
    """
    if p.observed:
        return observed_distribution(subgraph(h, ancestors(h, nodes)))
    kept = tuple(head for head in p.heads if head in nodes)
    return Distribution(kept, tuple(_conditional(p, nodes, head) for head in kept), False)


def _conditional(p: Distribution, nodes: Collection[str], node: str) -> Expression:
    """Return the probability of a node given those of `nodes` before it."""
    until = p.heads.index(node)
    needs = {head: free(kernel) for head, kernel in zip(p.heads, p.kernels, strict=True)}
    gone = {head for head in p.heads[:until] if head not in nodes}
    joined, reach = {node}, needs[node] & gone
    while more := {head for head in p.heads[:until] if needs[head] & reach} - joined:
        joined |= more
        reach = reach.union(*(needs[head] & gone for head in more))
    top = sum_out(reach, p.of(joined))
    return divide(top, sum_out(reach, p.of(joined - {node})))


def total(p: Distribution, nodes: Collection[str]) -> Expression:
    """Return the probability of some nodes, all others summed out.

    Parameters
    ----------
    p : Distribution
        A distribution.
    nodes : collection of str
        Some of its heads.

    Returns
    -------
    Expression
        Their probability.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S")
    >>> print(total(observed_distribution(h), {"S"}))
    P(s)
    """
    if p.observed:
        return Probability(tuple(head for head in p.heads if head in nodes))
    return sum_out([head for head in p.heads if head not in nodes], p.of(p.heads))
