"""Effects along some of the directed paths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import pairwise

from causalhyper.errors import GraphError
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.hypergraph.paths import check_ends, check_set
from causalhyper.identification.nested import NestedEffect, nested_effect, recant, upstream


def path_specific_effect(
    h: DirectedHypergraph, treatment: str, outcome: str, paths: Collection[Sequence[str]]
) -> NestedEffect:
    """Say whether the effect along some directed paths is identified.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph, with its latent pairs.
    treatment, outcome : str
        Two different nodes.
    paths : collection of sequence of str
        Directed paths from treatment to outcome, ends included.

    Returns
    -------
    NestedEffect
        Of the outcome where the treatment acts at b along `paths` and at b* along all others.

    Raises
    ------
    GraphError
        If a node is unknown, the ends are one, no path is given, or one is no directed path
        from treatment to outcome.

    References
    ----------
    Shpitser (2013), Theorem 4: identified from experiments unless there is a recanting district;
    from observation, the effect on each district must be identified too.

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> path_specific_effect(h, "B", "G", [("B", "N", "C", "G")]).witness
    'recanting witness N'
    >>> print(path_specific_effect(h, "N", "C", [("N", "C")]).estimand)
    Σ_{s} P(c | n, s) P(s | n*)
    """
    check_ends(h, treatment, outcome)
    if not paths:
        raise GraphError("no path is given: name at least one, such as ('B', 'N', 'G')")
    for path in paths:
        _check_path(h, treatment, outcome, path)
    chosen = dict.fromkeys(tuple(path) for path in paths)
    counts = _path_counts(h, outcome)
    along = Counter(path[1] for path in chosen)
    steps = upstream(h, treatment, outcome).intersection(h.children(treatment))
    others = {step for step in steps if counts[step] > along[step]}
    if both := others.intersection(along):
        return recant(treatment, [v for v in h.order() if v in both])
    return nested_effect(h, treatment, outcome, set(along), others)


def _check_path(h: DirectedHypergraph, treatment: str, outcome: str, path: Sequence[str]) -> None:
    check_set(h, path)
    ends = (path[0], path[-1]) if path else ()
    if ends != (treatment, outcome) or not set(pairwise(path)) <= set(h.arcs):
        raise GraphError(
            f"{' -> '.join(path)} is no directed path from {treatment!r} to {outcome!r} of {h}"
        )


def _path_counts(h: DirectedHypergraph, outcome: str) -> dict[str, int]:
    """Count the directed paths from each node to the outcome."""
    counts: dict[str, int] = {}
    for node in reversed(h.order()):
        counts[node] = int(node == outcome) + sum(counts[child] for child in h.children(node))
    return counts
