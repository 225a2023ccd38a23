"""Distributions of the outcome at values of the treatment: quantiles and densities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from causalhyper.arrays import Array, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_interval, read_numbers, read_texts
from causalhyper.figures.scales import is_wide, scale_values, write_number
from causalhyper.figures.style import (
    INK,
    PALETTE,
    RULE,
    SERIES,
    add_legend,
    house_style,
    name_axes,
    new_axes,
)

QUANTILE_COLUMNS = ("value", "kind", "quantile", "estimate", "lower", "upper")
DENSITY_COLUMNS = ("value", "place", "density", "lower", "upper")
_DASHES = ("-", "--", "-.", ":")
_BESIDE = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}


def plot_quantiles(
    frame: pd.DataFrame, *, xlabel: str, ylabel: str, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw nested quantile ranges at each value, and the mean with its interval.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `value`; `kind`, "mean" or "quantile"; `quantile`, its level in (0, 1), empty for
        means; `estimate`, `lower`, `upper`. The outermost quantiles make the palest range, and so
        inward; a quantile that is left over in the middle is a line.
    xlabel, ylabel, title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    matplotlib.axes.Axes
        With a log2 axis where all values are positive and span more than a factor of 4.

    Raises
    ------
    ConfigurationError
        For missing columns, numbers that cannot be drawn, and quantiles that not every value has.

    Examples
    --------
    >>> row = {"value": 16.0, "kind": "mean", "quantile": None, "estimate": 0.8}
    >>> frame = pd.DataFrame([row | {"lower": 0.7, "upper": 0.9}])
    >>> axes = plot_quantiles(frame, xlabel="batch size", ylabel="accuracy")
    >>> axes.get_ylabel()
    'accuracy'
    """
    figure = "a figure of quantiles"
    check_columns(frame, QUANTILE_COLUMNS, figure)
    estimate = read_numbers(frame, "estimate", figure)
    value = read_numbers(frame, "value", figure)
    interval = read_interval(frame, "lower", "upper", figure)
    means = np.array(read_texts(frame, "kind")) == "mean"
    table = _quantile_table(frame[~means], value[~means], estimate[~means], figure)
    values = np.unique(value)
    if not values.size:
        raise ConfigurationError(f"{figure} needs at least one row; the frame is empty")
    with house_style():
        axes = new_axes(ax, figsize=(7.4, 3.6))
        scale_values(axes, values, log=is_wide(values))
        axes.grid(axis="y", color=RULE)
        handles, labels = _draw_ranges(axes, values, table)
        if means.any():
            handles.append(_draw_means(axes, value[means], estimate[means], interval, means))
            labels.append("mean, with interval")
        name_axes(axes, title=title, xlabel=xlabel, ylabel=ylabel)
        add_legend(axes, handles, labels, labelspacing=0.9, **_BESIDE)
    return axes


def _quantile_table(
    rows: pd.DataFrame, value: Array, estimate: Array, figure: str
) -> pd.DataFrame:
    """Quantiles by value (down) and level (across); every value needs every level once."""
    level = read_numbers(rows, "quantile", figure)
    found = pd.DataFrame({"value": value, "level": level, "estimate": estimate})
    if found.duplicated(["value", "level"]).any():
        raise ConfigurationError(f"{figure} needs each quantile of a value once")
    table = found.pivot(index="value", columns="level", values="estimate")
    if table.isna().to_numpy().any():
        raise ConfigurationError(f"{figure} needs the same quantiles at every value")
    return table


def _draw_ranges(
    axes: Axes, values: Array, table: pd.DataFrame
) -> tuple[list[Patch | Line2D], list[str]]:
    """Draw pairs of quantiles from the outside in, and what is left in the middle."""
    levels = table.columns.to_numpy(dtype=np.float64)
    x = table.index.to_numpy(dtype=np.float64)
    handles: list[Patch | Line2D] = []
    labels = []
    pairs = len(levels) // 2
    for i in range(pairs):
        low, high = table[levels[i]].to_numpy(), table[levels[-1 - i]].to_numpy()
        alpha = 0.16 + 0.32 * i / max(1, pairs - 1)
        label = f"{levels[i]:g} to {levels[-1 - i]:g} quantile"
        axes.fill_between(x, low, high, color=PALETTE["blue"], alpha=alpha, lw=0, label=label)
        axes.vlines(x, low, high, PALETTE["blue"], lw=3 + 4 * i, alpha=0.4, label=f"_{label}")
        handles.append(Patch(color=PALETTE["blue"], alpha=alpha))
        labels.append(label)
    if len(levels) % 2:
        middle = levels[pairs]
        name = "median" if middle == 0.5 else f"{middle:g} quantile"
        (line,) = axes.plot(
            x, table[middle], color=PALETTE["blue"], marker="_", markersize=12, label=name
        )
        handles.append(line)
        labels.append(name)
    return handles, labels


def _draw_means(
    axes: Axes,
    x: Array,
    estimate: Array,
    interval: tuple[Array, Array],
    rows: Flags,
) -> Line2D:
    low, high = interval[0][rows], interval[1][rows]
    axes.vlines(x, low, high, INK, lw=1.4, zorder=4, label="mean: interval")
    look: dict[str, Any] = {
        "marker": "o",
        "markersize": 6,
        "color": INK,
        "markeredgecolor": "white",
    }
    (mark,) = axes.plot(x, estimate, label="mean", **look)
    return mark


def plot_densities(
    frame: pd.DataFrame, *, xlabel: str, ylabel: str, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw one density a value, each with its pointwise intervals as a ribbon.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `value`, `place` (on the outcome's scale), `density`, `lower`, `upper`.
    xlabel : str
        Name of the outcome's scale, plain text.
    ylabel : str
        Name of the treatment, for the legend.
    title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ConfigurationError
        For missing columns and numbers that cannot be drawn.

    Examples
    --------
    >>> frame = pd.DataFrame({"value": 16.0, "place": [0.7, 0.8], "density": [1.0, 2.0]})
    >>> frame = frame.assign(lower=0.5, upper=2.5)
    >>> axes = plot_densities(frame, xlabel="accuracy", ylabel="batch size")
    >>> axes.get_legend().get_texts()[0].get_text()
    'batch size 16'
    """
    figure = "a figure of densities"
    check_columns(frame, DENSITY_COLUMNS, figure)
    if len(frame) == 0:
        raise ConfigurationError(f"{figure} needs at least one row; the frame is empty")
    value, place, density = (read_numbers(frame, c, figure) for c in DENSITY_COLUMNS[:3])
    low, high = read_interval(frame, "lower", "upper", figure)
    with house_style():
        axes = new_axes(ax, figsize=(7.4, 3.6))
        axes.grid(axis="y", color=RULE)
        handles, labels = [], []
        for i, x in enumerate(np.unique(value)):
            rows = np.flatnonzero(value == x)
            rows = rows[np.argsort(place[rows], kind="stable")]
            color, label = SERIES[i % len(SERIES)], f"{ylabel} {write_number(x)}"
            ribbon = (place[rows], low[rows], high[rows])
            axes.fill_between(*ribbon, color=color, alpha=0.15, lw=0, label=f"_{label}")
            dash = _DASHES[i // len(SERIES) % len(_DASHES)]
            (line,) = axes.plot(place[rows], density[rows], dash, color=color, label=label)
            handles.append(line)
            labels.append(label)
        axes.set_ylim(bottom=0)
        name_axes(axes, title=title, xlabel=xlabel, ylabel=f"density per unit of {xlabel}")
        add_legend(axes, handles, labels, labelspacing=0.9, **_BESIDE)
    return axes
