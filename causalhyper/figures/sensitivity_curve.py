"""An effect over how strong something unmeasured might be."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_interval, read_numbers
from causalhyper.figures.style import (
    INK,
    PALETTE,
    PLAIN,
    RULE,
    house_style,
    name_axes,
    new_axes,
)

COLUMNS = ("x", "estimate", "lower", "upper")
_FIGURE = "a sensitivity curve"


def plot_sensitivity_curve(
    frame: pd.DataFrame,
    *,
    xlabel: str,
    ylabel: str,
    marks: Mapping[str, float] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw an effect and its interval over a sensitivity parameter.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `x`, `estimate`, `lower`, `upper`; at least two different values of `x`.
    xlabel, ylabel : str
        Plain text.
    marks : mapping of str to float, optional
        Values of `x` to mark by a line, with their names.
    title : str
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ConfigurationError
        For missing columns, numbers that cannot be drawn, and fewer than two values of `x`.

    Examples
    --------
    >>> rows = {"x": [-0.5, 0.5], "estimate": [1.0, -1.0], "lower": [0.5, -2], "upper": [2, -0.5]}
    >>> axes = plot_sensitivity_curve(pd.DataFrame(rows), xlabel="rho", ylabel="effect")
    >>> axes.get_xlabel()
    'rho'
    """
    check_columns(frame, COLUMNS, _FIGURE)
    x, estimate = read_numbers(frame, "x", _FIGURE), read_numbers(frame, "estimate", _FIGURE)
    low, high = read_interval(frame, "lower", "upper", _FIGURE)
    order = np.argsort(x, kind="stable")
    if len(np.unique(x)) < max(2, len(x)):
        raise ConfigurationError(
            f"{_FIGURE} needs two or more different values of x, got {len(x)}"
        )
    with house_style():
        axes = new_axes(ax, figsize=(6.0, 3.6))
        axes.set_axisbelow(True)
        axes.grid(axis="y", color=RULE)
        axes.axhline(0, color=INK, linewidth=0.8)
        blue = PALETTE["blue"]
        axes.fill_between(x[order], low[order], high[order], color=blue, alpha=0.18, linewidth=0)
        axes.plot(x[order], estimate[order], color=blue, linewidth=1.6)
        for name, place in (marks or {}).items():
            axes.axvline(place, color=PALETTE["vermillion"], linewidth=1, linestyle="--")
            axes.annotate(
                f"{name}: {place:.2f}",
                (place, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(3, -3),
                textcoords="offset points",
                rotation=90,
                va="top",
                fontsize=8.5,
                color=INK,
                **PLAIN,
            )
        axes.set_xlim(float(x.min()), float(x.max()))
        name_axes(axes, title=title, xlabel=xlabel, ylabel=ylabel)
    return axes
