"""Strip plots: the runs of each value side by side, with their mean and median."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_interval, read_numbers
from causalhyper.figures.scales import write_number
from causalhyper.figures.style import (
    INK,
    PALETTE,
    PLAIN,
    RULE,
    add_legend,
    house_style,
    name_axes,
    new_axes,
)

COLUMNS = ("value", "mean", "median", "lower", "upper")
RUNS = ("value", "outcome")
_FIGURE = "a strip plot"
_WIDTH = 0.32


def plot_strips(
    frame: pd.DataFrame,
    *,
    runs: pd.DataFrame,
    xlabel: str,
    ylabel: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the runs of each value, spread sideways, with mean, interval and median.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a value: columns `COLUMNS`; the interval may be empty.
    runs : pandas.DataFrame
        One row a run: columns `RUNS`.
    xlabel, ylabel, title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    matplotlib.axes.Axes
        Values stand in order, equally far apart.

    Raises
    ------
    ConfigurationError
        For missing columns, no rows, or runs of a value that has no row.

    Examples
    --------
    >>> frame = pd.DataFrame({"value": [5.0, 10.0], "mean": [0.6, 0.7], "median": [0.6, 0.7]})
    >>> runs = pd.DataFrame({"value": [5.0, 10.0], "outcome": [0.6, 0.7]})
    >>> axes = plot_strips(
    ...     frame.assign(lower=None, upper=None), runs=runs, xlabel="N_iter", ylabel="accuracy"
    ... )
    >>> [tick.get_text() for tick in axes.get_xticklabels()]
    ['5', '10']
    """
    check_columns(frame, COLUMNS, _FIGURE)
    check_columns(runs, RUNS, _FIGURE)
    values = read_numbers(frame, "value", _FIGURE)
    if not len(values):
        raise ConfigurationError(f"{_FIGURE} needs at least one row; the frame is empty")
    order = np.argsort(values, kind="stable")
    owner, heights = read_numbers(runs, "value", _FIGURE), read_numbers(runs, "outcome", _FIGURE)
    if strange := sorted(set(owner) - set(values)):
        raise ConfigurationError(f"{_FIGURE} has runs of {strange[0]:g}, which has no row")
    low, high = read_interval(frame, "lower", "upper", _FIGURE)
    means, medians = (read_numbers(frame, name, _FIGURE) for name in ("mean", "median"))
    with house_style():
        axes = new_axes(ax, figsize=(1.1 * len(values) + 2.4, 3.6))
        axes.grid(axis="y", color=RULE)
        for place, k in enumerate(order):
            own = np.sort(heights[owner == values[k]])
            _draw_strip(axes, place, own, float(means[k]), float(medians[k]))
            if np.isfinite(low[k]):
                axes.vlines(
                    place, low[k], high[k], INK, linewidth=1.6, zorder=4, label="_interval"
                )
        axes.set_xticks(
            np.arange(len(values)), [write_number(float(values[k])) for k in order], **PLAIN
        )
        axes.set_xlim(-0.6, len(values) - 0.4)
        name_axes(axes, title=title, xlabel=xlabel, ylabel=ylabel)
        if ax is None:
            _explain(axes)
    return axes


def new_panels(rows: int, columns: int) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure of panels that share their x axis by column and y axis by row.

    Parameters
    ----------
    rows, columns : int

    Returns
    -------
    figure : matplotlib.figure.Figure
    panels : list of list of matplotlib.axes.Axes

    Examples
    --------
    >>> figure, panels = new_panels(2, 3)
    >>> len(panels), len(panels[0])
    (2, 3)
    """
    with house_style():
        figure = Figure(figsize=(3.1 * columns + 0.6, 2.5 * rows + 0.3), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(rows, columns, sharey="row", squeeze=False)
    return figure, [list(row) for row in grid]


def _draw_strip(axes: Axes, place: int, heights: Array, mean: float, median: float) -> None:
    """Draw the runs of one value; those of near height stand beside one another."""
    # a low-discrepancy sequence: neighbours in height lie far apart, the same every time
    spread = (np.arange(len(heights)) * 0.6180339887 + 0.5) % 1 - 0.5
    axes.plot(
        place + 2 * _WIDTH * spread, heights, linestyle="none", marker="o", markersize=4,
        color=PALETTE["sky"], markeredgecolor=PALETTE["blue"], markeredgewidth=0.5, alpha=0.7,
        zorder=2, label="_runs",
    )  # fmt: skip
    ends = place - _WIDTH - 0.08, place + _WIDTH + 0.08
    axes.hlines(
        median, *ends, PALETTE["vermillion"], linewidth=1.4, linestyle=":", zorder=3,
        label="_median",
    )  # fmt: skip
    axes.plot([place], [mean], marker="D", markersize=6, color=INK, zorder=5, label="_mean")


def _explain(axes: Axes) -> None:
    """Name what is drawn, beside the axes."""
    named = {"_mean": "mean over seeds,\nwith interval", "_median": "median", "_runs": "a run"}
    handles, labels = [], []
    for label, said in named.items():
        drawn = [a for a in (*axes.get_lines(), *axes.collections) if a.get_label() == label]
        if drawn:
            handles.append(drawn[0])
            labels.append(said)
    place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}
    add_legend(axes, handles, labels, labelspacing=0.9, **place)
