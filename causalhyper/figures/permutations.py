"""How a hypergraph stands among those with its nodes permuted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_numbers
from causalhyper.figures.style import (
    INK,
    PALETTE,
    RULE,
    add_legend,
    house_style,
    name_axes,
    new_axes,
)

COLUMNS = ("fraction",)
_FIGURE = "a plot of permutations"
_WIDTH = 0.7
_GIVEN, _GOOD, _WORSE = (
    "the hypergraph as given",
    "permuted, as good or better",
    "permuted, worse",
)


def plot_permutations(
    frame: pd.DataFrame, *, given: float, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw how many permutations violate which share of their conditions.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a permutation: column `fraction`, the share violated, in [0, 1].
    given : float
        The share that the given hypergraph violates.
    title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    matplotlib.axes.Axes
        Bars up to the given share, which are permutations that do as well, in another colour.

    Raises
    ------
    ConfigurationError
        For a missing column, no rows, or shares outside [0, 1].

    Examples
    --------
    >>> axes = plot_permutations(pd.DataFrame({"fraction": [0.0, 0.5, 0.5]}), given=0.0)
    >>> [int(bar.get_height()) for bar in axes.patches]
    [1, 2]
    """
    check_columns(frame, COLUMNS, _FIGURE)
    if len(frame) == 0:
        raise ConfigurationError(f"{_FIGURE} needs at least one row; the frame is empty")
    shares = np.append(read_numbers(frame, "fraction", _FIGURE), given)
    if not ((shares >= 0) & (shares <= 1)).all():
        raise ConfigurationError(f"{_FIGURE} needs shares between 0 and 1")
    levels, counts = np.unique(np.round(shares[:-1], 9), return_counts=True)
    with house_style():
        axes = new_axes(ax, figsize=(7.2, 3.4))
        axes.grid(axis="y", color=RULE)
        _draw_bars(axes, levels, counts, levels <= round(given, 9))
        axes.axvline(given, color=INK, linewidth=1.5, linestyle="--", label=_GIVEN)
        handles, labels = axes.get_legend_handles_labels()
        place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": len(labels)}
        add_legend(axes, handles, labels, **place)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        name_axes(
            axes,
            title=title,
            xlabel="share of local Markov conditions that the runs contradict",
            ylabel="permutations",
        )
    return axes


def _draw_bars(axes: Axes, levels: Array, counts: Codes, good: Flags) -> None:
    """Draw one bar a share, those of permutations that do as well in a colour of their own."""
    gaps = np.diff(levels)
    width = _WIDTH * float(gaps.min()) if gaps.size else 0.1
    edge: dict[str, Any] = {"edgecolor": INK, "linewidth": 0.5}
    for rows, color, label in ((good, "vermillion", _GOOD), (~good, "sky", _WORSE)):
        if rows.any():
            axes.bar(
                levels[rows], counts[rows], width=width, color=PALETTE[color], label=label, **edge
            )
