"""A hypergraph as frames to draw, and as a picture for a notebook."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from causalhyper.hypergraph.hyperedges import Hyperedge

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST = 40
"""Arcs of the largest hypergraph that a notebook draws unasked."""


def arcs_frame(edges: Iterable[Hyperedge]) -> pd.DataFrame:
    """Return one row a cause of a hyperedge.

    Parameters
    ----------
    edges : iterable of Hyperedge

    Returns
    -------
    pandas.DataFrame
        Columns hyperedge, tail, head.

    Examples
    --------
    >>> arcs_frame([Hyperedge(("N", "S"), "C")])["tail"].tolist()
    ['N', 'S']
    """
    rows = [(str(edge), tail, edge.head) for edge in edges for tail in edge.tail]
    return pd.DataFrame(rows, columns=["hyperedge", "tail", "head"])


def draw_graph(
    nodes: Sequence[tuple[str, str, str]],
    arcs: pd.DataFrame,
    latent: Sequence[tuple[str, str]],
    ax: Axes | None = None,
) -> Axes:
    """Draw nodes (name, label, role), hyperedges and latent pairs; return the axes."""
    from causalhyper.figures import plot_hypergraph

    frame = pd.DataFrame(nodes, columns=["node", "label", "role"])
    return plot_hypergraph(frame, arcs, latent=latent, ax=ax)


def picture(graph: object, plot: Callable[[], Axes]) -> str:
    """Write a hypergraph as SVG, unless it is large.

    Parameters
    ----------
    graph : DirectedHypergraph
        Written out for those who cannot see the picture.
    plot : callable
        Draws it.

    Returns
    -------
    str
        An ``<svg>`` element on white, the same for equal hypergraphs; "" above `LARGEST` arcs.
    """
    text = str(graph)
    if len(getattr(graph, "arcs", ())) > LARGEST:
        return ""
    from causalhyper.figures import to_svg

    prefix = f"h{hashlib.sha256(text.encode()).hexdigest()[:10]}-"
    figure = plot().figure
    return to_svg(figure, title="Hypergraph", description=text, prefix=prefix)
