"""How the largest statistic stands among those of rotated responses."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

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

_FIGURE = "a plot of rotations"


def plot_rotations(
    frame: pd.DataFrame,
    *,
    observed: float,
    cutoff: float,
    label: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw how often rotated responses come to which value.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a rotation: column `largest`.
    observed : float
        The value of the response itself.
    cutoff : float
        Values above it are significant; not drawn where it is infinite.
    label : str
        What the values are.
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
        For a missing column, or no rows.

    Examples
    --------
    >>> frame = pd.DataFrame({"largest": [0.1, 0.2, 0.2]})
    >>> axes = plot_rotations(frame, observed=0.5, cutoff=0.3, label="largest correlation")
    >>> axes.get_xlabel()
    'largest correlation'
    """
    check_columns(frame, ["largest"], _FIGURE)
    values = read_numbers(frame, "largest", _FIGURE)
    if not len(values):
        raise ConfigurationError(f"{_FIGURE} needs at least one row; the frame is empty")
    with house_style():
        axes = new_axes(ax, figsize=(6.4, 3.4))
        axes.grid(axis="y", color=RULE)
        bins = int(np.clip(np.sqrt(len(values)), 5, 40))
        axes.hist(
            values,
            bins=bins,
            color=PALETTE["sky"],
            edgecolor=PALETTE["blue"],
            linewidth=0.5,
            label="rotated responses",
        )
        if np.isfinite(cutoff):
            axes.axvline(cutoff, color=INK, linewidth=1, linestyle="--", label="cutoff")
        axes.axvline(observed, color=PALETTE["vermillion"], linewidth=1.5, label="observed")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        name_axes(axes, title=title, xlabel=label, ylabel="rotations")
        handles, labels = axes.get_legend_handles_labels()
        place = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "ncols": len(labels)}
        add_legend(axes, handles, labels, **place)
    return axes
