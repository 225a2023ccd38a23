"""Directed paths as a user writes them, sorted into groups."""

from __future__ import annotations

from collections.abc import Sequence

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import DirectedHypergraph, directed_paths
from causalhyper.queries.paths.nested import Path, Paths

OTHERS = "all other paths"
LISTED = 64
"""Paths that are listed unasked, at most."""


def group_paths(
    graph: DirectedHypergraph,
    treatment: str,
    outcome: str,
    paths: Sequence[str | Sequence[str]] | None,
) -> dict[str, Paths]:
    """Sort all directed paths into named groups.

    Parameters
    ----------
    graph : DirectedHypergraph
    treatment, outcome : str
        Nodes, the first an ancestor of the second.
    paths : sequence of str or of sequence of str, or None
        Each a path such as ``"B -> N -> C -> G"`` or ``("B", "N", "C", "G")``; a text with
        several paths parted by ``;`` is one group. None gives each path its own group.

    Returns
    -------
    dict of str to frozenset
        The groups by name in the order given, then the rest under `OTHERS`, if any.

    Raises
    ------
    ConfigurationError
        If one is no directed path from treatment to outcome, or stands in two groups, or there
        are too many paths to list unasked.

    Examples
    --------
    >>> graph = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C")
    >>> list(group_paths(graph, "B", "C", ["B -> N -> C"]))
    ['B -> N -> C', 'all other paths']
    """
    if isinstance(paths, str):
        raise ConfigurationError(f"paths needs a sequence such as [{paths!r}], got a text")
    whole = directed_paths(graph, treatment, outcome)
    if paths is None:
        if len(whole) > LISTED:
            raise ConfigurationError(
                f"{len(whole)} directed paths lead from {treatment} to {outcome}: name those "
                "whose effects are asked for"
            )
        return {" -> ".join(path): frozenset({path}) for path in whole}
    groups: dict[str, Paths] = {}
    left = set(whole)
    for given in paths:
        group = _read(given)
        for path in group:
            if path not in left:
                _refuse(path, whole, treatment, outcome)
            left.remove(path)
        groups["; ".join(" -> ".join(path) for path in group)] = frozenset(group)
    if not groups:
        raise ConfigurationError("no path given: name one, or leave paths out to list them all")
    return groups | ({OTHERS: frozenset(left)} if left else {})


def _read(given: str | Sequence[str]) -> list[Path]:
    if isinstance(given, str):
        texts = [text for text in given.split(";") if text.strip()]
        return [tuple(v.strip() for v in text.split("->")) for text in texts]
    return [tuple(given)]


def _refuse(path: Path, whole: Sequence[Path], treatment: str, outcome: str) -> None:
    text = " -> ".join(path)
    if path in whole:
        raise ConfigurationError(f"the path {text} is given twice: put it in one group")
    some = "; ".join(" -> ".join(p) for p in whole[:6])
    raise ConfigurationError(
        f"{text} is no directed path from {treatment} to {outcome}; there are {some}"
        f"{'; ...' if len(whole) > 6 else ''}"
    )
