"""Printing the papers' notation in its canonical form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def write_hyperedge(tail: Sequence[str], head: str) -> str:
    """Print one hyperedge.

    Parameters
    ----------
    tail : sequence of str
        The joint causes.
    head : str
        Their effect.

    Returns
    -------
    str
        With braces where the tail has two causes or more.

    Examples
    --------
    >>> write_hyperedge(["N", "S"], "C")
    '{N, S} -> C'
    >>> write_hyperedge(["B"], "N")
    'B -> N'
    """
    causes = tail[0] if len(tail) == 1 else "{" + ", ".join(tail) + "}"
    return f"{causes} -> {head}"


def write_hypergraph(
    hyperedges: Iterable[tuple[Sequence[str], str]],
    order: Sequence[str],
    latent: Iterable[tuple[str, str]] = (),
) -> str:
    """Print a hypergraph, so that equal ones print alike.

    Parameters
    ----------
    hyperedges : iterable of (sequence of str, str)
        Tail and head of each.
    order : sequence of str
        Every node, in topological order.
    latent : iterable of (str, str)
        The pairs of nodes with a latent common cause.

    Returns
    -------
    str
        The hyperedges in the order of their heads, smaller tails first, each tail in
        topological order; then the latent pairs; then the isolated nodes.

    Examples
    --------
    >>> write_hypergraph([(("S", "N"), "C"), (("N",), "S")], ["N", "S", "C", "Z"])
    'N -> S; {N, S} -> C; Z'
    >>> write_hypergraph([(("N",), "S")], ["N", "S", "G"], [("G", "N")])
    'N -> S; N <-> G'
    """
    place = {name: rank for rank, name in enumerate(order)}
    ranked = [(place[head], sorted(place[cause] for cause in tail)) for tail, head in hyperedges]
    ranked.sort(key=lambda pair: (pair[0], len(pair[1]), pair[1]))
    pairs = sorted(sorted(place[name] for name in pair) for pair in latent)
    used = {rank for head, tail in ranked for rank in (head, *tail)}.union(*pairs)
    pieces = [write_hyperedge([order[t] for t in tail], order[head]) for head, tail in ranked]
    pieces += [f"{order[one]} <-> {order[other]}" for one, other in pairs]
    return "; ".join([*pieces, *(name for name in order if place[name] not in used)])
