"""Contours of an effect over two strengths of something unmeasured."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_numbers, read_texts
from causalhyper.figures.style import (
    GREY,
    INK,
    PALETTE,
    PLAIN,
    SOFT,
    house_style,
    name_axes,
    new_axes,
)

COLUMNS = ("x", "y", "estimate")
MARKS = ("label", "x", "y", "estimate")
_FIGURE = "a contour plot"


def plot_contours(
    frame: pd.DataFrame,
    marks: pd.DataFrame | None = None,
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw contours of an effect over a grid, its zero line, and benchmark points.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `x`, `y`, `estimate`: one row for each pair of a full grid. Where `lower` and
        `upper` are there too, the region in which the interval holds zero is shaded.
    marks : pandas.DataFrame, optional
        Columns `label`, `x`, `y`, `estimate`: points to compare with.
    xlabel, ylabel, title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ConfigurationError
        For missing columns, numbers that cannot be drawn, and grids with holes.

    Examples
    --------
    >>> x, y = np.meshgrid([0.0, 0.5], [0.0, 0.5])
    >>> frame = pd.DataFrame({"x": x.ravel(), "y": y.ravel(), "estimate": [1.0, 0.5, 0.5, -1.0]})
    >>> plot_contours(frame, xlabel="cause", ylabel="response").get_xlabel()
    'cause'
    """
    grid_x, grid_y, surface = _read_grid(frame, "estimate")
    with house_style():
        axes = new_axes(ax, figsize=(5.6, 4.4))
        if {"lower", "upper"} <= set(frame.columns):
            low, high = _read_grid(frame, "lower")[2], _read_grid(frame, "upper")[2]
            doubt = np.maximum(low, -high)
            axes.contourf(grid_x, grid_y, doubt, levels=[-np.inf, 0], colors=[GREY], alpha=0.18)
        # zero has a line of its own; one by the estimate would lie on the axes
        near = 0.02 * (surface.max() - surface.min())
        ticks = MaxNLocator(9).tick_values(surface.min(), surface.max())
        levels = [v for v in ticks if v and abs(v - surface[0, 0]) > near]
        lines = axes.contour(grid_x, grid_y, surface, levels, colors=[SOFT], linewidths=0.9)
        axes.clabel(lines, fontsize=8, colors=[SOFT])
        if surface.min() < 0 < surface.max():
            zero = axes.contour(
                grid_x, grid_y, surface, levels=[0.0], colors=[PALETTE["vermillion"]]
            )
            zero.set_linewidth(1.8)
            axes.clabel(zero, fontsize=9, colors=[INK])
        _draw_marks(axes, marks, float(surface[0, 0]))
        axes.set_xlim(grid_x[0], grid_x[-1])
        axes.set_ylim(grid_y[0], grid_y[-1])
        name_axes(axes, title=title, xlabel=xlabel, ylabel=ylabel)
    return axes


def _read_grid(frame: pd.DataFrame, column: str) -> tuple[Array, Array, Array]:
    """Distinct x and y, and the column over them, shape (y, x)."""
    check_columns(frame, ("x", "y", column), _FIGURE)
    x, y = read_numbers(frame, "x", _FIGURE), read_numbers(frame, "y", _FIGURE)
    values = read_numbers(frame, column, _FIGURE)
    grid_x, i = np.unique(x, return_inverse=True)
    grid_y, j = np.unique(y, return_inverse=True)
    cells = len(grid_x) * len(grid_y)
    if len(grid_x) < 2 or len(grid_y) < 2 or len(np.unique(j * len(grid_x) + i)) != cells:
        raise ConfigurationError(
            f"{_FIGURE} needs a full grid of at least 2 x 2; got {len(grid_x)} x {len(grid_y)} "
            f"values in {len(frame)} rows: give one row for each pair"
        )
    if len(frame) != cells:
        raise ConfigurationError(f"{_FIGURE} needs each pair once; got {len(frame)} rows")
    surface = np.empty((len(grid_y), len(grid_x)))
    surface[j, i] = values
    return grid_x, grid_y, surface


def _draw_marks(axes: Axes, marks: pd.DataFrame | None, unadjusted: float) -> None:
    """Draw the estimate at no strength, and the benchmarks with what they leave."""
    look = {"fontsize": 8.5, "color": INK, "textcoords": "offset points", **PLAIN}
    axes.plot([0], [0], "s", color=INK, markersize=6, clip_on=False, zorder=5)
    axes.annotate(f"as estimated ({unadjusted:.3g})", (0, 0), xytext=(6, 6), **look)
    if marks is None or not len(marks):
        return
    check_columns(marks, MARKS, _FIGURE)
    x, y = read_numbers(marks, "x", _FIGURE), read_numbers(marks, "y", _FIGURE)
    left = read_numbers(marks, "estimate", _FIGURE)
    for i, label in enumerate(read_texts(marks, "label")):
        axes.plot([x[i]], [y[i]], "D", color=PALETTE["blue"], markersize=5, zorder=5)
        axes.annotate(f"{label} ({left[i]:.3g})", (x[i], y[i]), xytext=(5, 4), **look)
