"""Counterfactuals of single runs: from what each had to what it would have had."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_interval, read_numbers, read_texts
from causalhyper.figures.style import (
    GREY,
    INK,
    PALETTE,
    PLAIN,
    RULE,
    add_legend,
    house_style,
    name_axes,
    new_axes,
)
from causalhyper.figures.text import wrap

COLUMNS = ("label", "factual", "counterfactual", "lower", "upper")
NAMED = 40
"""Runs whose names can stand beside the axis."""


def plot_counterfactuals(
    frame: pd.DataFrame, *, xlabel: str, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw a line a run, from what was observed to the counterfactual with its interval.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `label`, `factual`, `counterfactual`, `lower`, `upper`; runs are put in order of
        what was observed, the highest at the top.
    xlabel, title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    matplotlib.axes.Axes
        With the runs' names where there are at most `NAMED`.

    Raises
    ------
    ConfigurationError
        For missing columns and numbers that cannot be drawn.

    Examples
    --------
    >>> frame = pd.DataFrame({"label": ["r1"], "factual": [0.7], "counterfactual": [0.8]})
    >>> axes = plot_counterfactuals(frame.assign(lower=0.75, upper=0.85), xlabel="accuracy")
    >>> [tick.get_text() for tick in axes.get_yticklabels()]
    ['r1']
    """
    figure = "a figure of counterfactuals"
    check_columns(frame, COLUMNS, figure)
    if len(frame) == 0:
        raise ConfigurationError(f"{figure} needs at least one row; the frame is empty")
    order = np.argsort(read_numbers(frame, "factual", figure), kind="stable")
    frame = frame.iloc[order]
    had = read_numbers(frame, "factual", figure)
    would = read_numbers(frame, "counterfactual", figure)
    low, high = read_interval(frame, "lower", "upper", figure)
    y, named = np.arange(len(frame)), len(frame) <= NAMED
    size = 6.0 if named else 2.5
    with house_style():
        axes = new_axes(ax, figsize=(7.4, 1.1 + 0.26 * min(len(frame), NAMED)))
        axes.grid(axis="x", color=RULE)
        axes.hlines(y, had, would, GREY, lw=0.8, zorder=1, label="change")
        axes.hlines(y, low, high, PALETTE["blue"], lw=2 if named else 0.8, label="interval")
        marks = []
        for x, color, face, name in (
            (had, INK, "white", "observed"),
            (would, PALETTE["blue"], PALETTE["blue"], "counterfactual"),
        ):
            marks += axes.plot(
                x,
                y,
                linestyle="none",
                marker="o",
                markersize=size,
                markerfacecolor=face,
                markeredgecolor=color,
                zorder=3,
                label=name,
            )
        texts = ["\n".join(wrap(t, 30)) for t in read_texts(frame, "label")] if named else []
        axes.set_yticks(y if named else [], texts, **PLAIN)
        axes.set_ylim(-0.8, len(frame) - 0.2)
        name_axes(axes, title=title, xlabel=xlabel, ylabel="" if named else f"{len(frame)} runs")
        handles = [*marks, Line2D([], [], color=PALETTE["blue"], linewidth=2)]
        place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}
        add_legend(axes, handles, ["observed", "counterfactual", "its interval"], **place)
    return axes
