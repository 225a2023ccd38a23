"""Writing a hypergraph in the DOT language of Graphviz."""

from __future__ import annotations

import re
from collections.abc import Iterator

from causalhyper.hypergraph.hyperedges import Hyperedge
from causalhyper.hypergraph.structure import DirectedHypergraph

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYWORDS = {"node", "edge", "graph", "digraph", "subgraph", "strict"}
JUNCTION = 'kind=hyperedge, shape=square, width=0.1, style=filled, label=""'
LATENT = "dir=both, style=dashed, constraint=false"


def to_dot(h: DirectedHypergraph) -> str:
    """Write a hypergraph in the DOT language.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.

    Returns
    -------
    str
        A digraph that Graphviz draws and `from_dot` reads back: nodes and hyperedges in their
        order. A hyperedge of one cause is an arc; one of several is a small square, marked
        ``kind=hyperedge``, at which its causes meet. A latent common cause is a dashed arc with
        two heads. The same hypergraph gives the same text.

    Examples
    --------
    >>> print(to_dot(DirectedHypergraph.parse("N -> S; {N, S} -> C")))
    digraph {
      rankdir=LR;
      N;
      S;
      C;
      N -> S;
      "{N, S} -> C" [kind=hyperedge, shape=square, width=0.1, style=filled, label=""];
      N -> "{N, S} -> C" [arrowhead=none];
      S -> "{N, S} -> C" [arrowhead=none];
      "{N, S} -> C" -> C;
    }
    <BLANKLINE>
    """
    lines = ["rankdir=LR", *(_quote(node) for node in h.nodes)]
    for edge in h.edges:
        lines += _hyperedge(edge)
    lines += [f"{_quote(a)} -> {_quote(b)} [{LATENT}]" for a, b in h.latent]
    return "\n".join(["digraph {", *(f"  {line};" for line in lines), "}", ""])


def _hyperedge(edge: Hyperedge) -> Iterator[str]:
    """Write the statements of one hyperedge."""
    head = _quote(edge.head)
    if len(edge.tail) == 1:
        yield f"{_quote(edge.tail[0])} -> {head}"
        return
    junction = _quote(str(edge))
    yield f"{junction} [{JUNCTION}]"
    for cause in edge.tail:
        yield f"{_quote(cause)} -> {junction} [arrowhead=none]"
    yield f"{junction} -> {head}"


def _quote(name: str) -> str:
    """Quote a name where DOT needs it."""
    if _PLAIN.fullmatch(name) and name.lower() not in _KEYWORDS:
        return name
    return '"' + name.replace('"', '\\"') + '"'
