"""Hypergraphs as callers give them: an object or its text."""

from __future__ import annotations

from causalhyper.errors import GraphError
from causalhyper.hypergraph.structure import DirectedHypergraph


def read_hypergraph(given: object) -> DirectedHypergraph:
    """Return the hypergraph that is given, read where it is a text.

    Parameters
    ----------
    given : DirectedHypergraph or str
        The hypergraph, or its text.

    Returns
    -------
    DirectedHypergraph
        The same object, or a new one.

    Raises
    ------
    GraphError
        If the text cannot be read, or anything else is given.

    Examples
    --------
    >>> print(read_hypergraph("B -> N"))
    B -> N
    """
    if isinstance(given, str):
        return DirectedHypergraph.parse(given)
    if isinstance(given, DirectedHypergraph):
        return given
    fitted = isinstance(getattr(given, "graph", None), DirectedHypergraph)
    raise GraphError(
        "expected a hypergraph, or its text such as 'B -> N; N -> G'; got "
        + (f"a {type(given).__name__}: pass its .graph" if fitted else repr(given))
    )
