"""How a hypergraph stands among those with its nodes permuted."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_numbers
from causalhyper.figures.style import PALETTE, RULE, add_legend, house_style, name_axes, new_axes

COLUMNS = ("fraction",)
_FIGURE = "a plot of permutations"
_WIDTH = 0.7


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
    >>> [bar.get_height() for bar in axes.patches]
    [1.0, 2.0]
    """
    check_columns(frame, COLUMNS, _FIGURE)
    if len(frame) == 0:
        raise ConfigurationError(f"{_FIGURE} needs at least one row; the frame is empty")
    shares = np.append(read_numbers(frame, "fraction", _FIGURE), given)
    if not ((shares >= 0) & (shares <= 1)).all():
        raise ConfigurationError(f"{_FIGURE} needs shares between 0 and 1")
    levels, counts = np.unique(np.round(shares[:-1], 9), return_counts=True)
    gaps = np.diff(levels)
    width = _WIDTH * float(gaps.min()) if gaps.size else 0.1
    as_good = levels <= round(given, 9)
    with house_style():
        axes = new_axes(ax, figsize=(7.2, 3.4))
        axes.grid(axis="y", color=RULE)
        colors = [PALETTE["vermillion"] if good else PALETTE["sky"] for good in as_good]
        bars = axes.bar(levels, counts, width=width, color=colors)
        mark = axes.axvline(given, color=PALETTE["black"], linewidth=1.5, linestyle="--")
        mark.set_label("given")
        shown = [
            (bars[int(np.flatnonzero(as_good == g)[0])], text)
            for g, text in ((True, "permuted, as good or better"), (False, "permuted, worse"))
            if (as_good == g).any()
        ]
        handles, labels = zip(*shown, (mark, "the hypergraph as given"), strict=True)
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
