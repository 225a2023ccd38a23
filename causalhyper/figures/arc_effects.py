"""Numbers beside the arcs of a hypergraph: read from a frame, written, and given room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.figures.arc_labels import Key, place_labels
from causalhyper.figures.checks import check_columns, read_interval, read_numbers, read_texts
from causalhyper.figures.latents import arch_path
from causalhyper.figures.layers import Hyperarc
from causalhyper.figures.layout import Box, Layout, lay_out
from causalhyper.figures.text import text_width

EFFECT_SIZE = 8.5
"""Of the numbers' type, in points."""
_FIGURE = "a hypergraph plot"
_LINE = 0.125
_GAPS = (0.58, 0.7, 0.85, 1.05, 1.3, 1.6)
"""Distances between columns that are tried until every number has room, in inches."""


def write_effect(estimate: float, lower: float, upper: float) -> str:
    """Write an effect with its sign, in brackets where its interval holds zero.

    Parameters
    ----------
    estimate, lower, upper : float

    Returns
    -------
    str

    Examples
    --------
    >>> write_effect(0.512, 0.4, 0.6), write_effect(-0.1, -0.3, 0.1)
    ('+0.51', '(−0.10)')
    """
    number = f"{estimate:+.2f}".replace("-", "\N{MINUS SIGN}")
    number = number if number.strip("+\N{MINUS SIGN}") != "0.00" else "0.00"
    return number if lower > 0 or upper < 0 else f"({number})"


def read_effects(frame: pd.DataFrame, hyperarcs: Sequence[Hyperarc]) -> dict[Key, str]:
    """Read what stands beside the arcs.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `tail`, `head`, `estimate`, `lower`, `upper`.
    hyperarcs : sequence of Hyperarc

    Returns
    -------
    dict of (hyperedge, tail) to str

    Raises
    ------
    ConfigurationError
        For missing columns, numbers that are none, and arcs that no hyperedge has.
    """
    check_columns(frame, ("tail", "head", "estimate", "lower", "upper"), _FIGURE)
    values = read_numbers(frame, "estimate", _FIGURE)
    low, high = read_interval(frame, "lower", "upper", _FIGURE)
    found: dict[Key, str] = {}
    ends = zip(read_texts(frame, "tail"), read_texts(frame, "head"), strict=True)
    for i, (tail, head) in enumerate(ends):
        own = [arc.name for arc in hyperarcs if tail in arc.tail and arc.head == head]
        if not own:
            raise ConfigurationError(
                f"{_FIGURE} has no arc {tail} -> {head} for the effect in row {i}: name the tail "
                "and the head of an arc"
            )
        found[own[0], tail] = write_effect(values[i], low[i], high[i])
    return found


def lay_out_labelled(
    sizes: Mapping[str, tuple[float, float]],
    hyperarcs: Sequence[Hyperarc],
    texts: Mapping[Key, str],
    latent: Sequence[tuple[str, str]] = (),
) -> tuple[Layout, dict[Key, Box]]:
    """Lay a hypergraph out with room for the numbers beside its arcs.

    Parameters
    ----------
    sizes : mapping of str to tuple of float
        Width and height of each node, in inches.
    hyperarcs : sequence of Hyperarc
    texts : mapping of (hyperedge, tail) to str
    latent : sequence of (str, str)
        Pairs whose arches numbers keep clear of.

    Returns
    -------
    Layout
    dict of (hyperedge, tail) to Box
        A number for which there is no room even between columns far apart is left out.
    """
    if not texts:
        return lay_out(sizes, hyperarcs), {}
    labels = {key: (1.06 * text_width(text, EFFECT_SIZE), _LINE) for key, text in texts.items()}
    best: tuple[Layout, dict[Key, Box]] | None = None
    for gap in _GAPS:
        layout = lay_out(sizes, hyperarcs, gap=gap)
        top = layout.bounds[1]
        arches = [arch_path(layout.nodes, pair, i, top) for i, pair in enumerate(latent)]
        traced = [path.interpolated(1).to_polygons(closed_only=False) for path in arches]
        others = [np.asarray(points) for part in traced for points in part]
        places = place_labels(layout, labels, others)
        if best is None or len(places) > len(best[1]):
            best = layout, places
        if len(places) == len(labels):
            break
    assert best is not None
    return best
