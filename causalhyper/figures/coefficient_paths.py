"""Coefficients over the penalty: what comes in when."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_numbers
from causalhyper.figures.scales import plain_ticks
from causalhyper.figures.style import (
    GREY,
    INK,
    RULE,
    SERIES,
    add_legend,
    house_style,
    name_axes,
    new_axes,
)

COLUMNS = ("lambda", "column", "coefficient")
NAMED, DRAWN = 6, 200
"""Columns that have a colour and a name; those drawn at most, the largest ones."""
_FIGURE = "a figure of coefficient paths"
_DASHES = ("-", "--", "-.")


def plot_coefficient_paths(
    frame: pd.DataFrame,
    *,
    penalties: np.ndarray,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the coefficient of each column over the penalty, from strong to weak.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `COLUMNS`, one row a coefficient that is not zero; it may be empty.
    penalties : ndarray, shape (k,)
        All that were fitted, above zero.
    title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    matplotlib.axes.Axes
        The columns with the largest coefficients are named, the others grey.

    Raises
    ------
    ConfigurationError
        For missing columns, and penalties that a logarithm does not have.

    Examples
    --------
    >>> rows = {"lambda": [0.5, 0.1], "column": [3, 3], "coefficient": [0.2, 0.4]}
    >>> axes = plot_coefficient_paths(pd.DataFrame(rows), penalties=np.array([1.0, 0.5, 0.1]))
    >>> axes.get_legend().get_texts()[0].get_text()
    'column 3'
    """
    check_columns(frame, COLUMNS, _FIGURE)
    if not len(penalties) or not (penalties > 0).all():
        raise ConfigurationError(f"{_FIGURE} needs penalties above zero; got {penalties}")
    for name in ("lambda", "coefficient"):
        read_numbers(frame, name, _FIGURE)
    wide = frame.pivot_table(index="lambda", columns="column", values="coefficient")
    wide = wide.reindex(np.unique(penalties)[::-1]).fillna(0.0)
    order = wide.abs().max().sort_values(ascending=False, kind="stable").index[:DRAWN]
    single: dict[str, Any] = {"marker": "o", "markersize": 4} if len(wide) == 1 else {}
    with house_style():
        axes = new_axes(ax, figsize=(6.8, 3.8))
        axes.set_xscale("log")
        plain_ticks(axes.xaxis)
        axes.grid(axis="y", color=RULE)
        axes.axhline(0, color=INK, linewidth=0.8)
        for column in order[NAMED:]:
            axes.plot(wide.index, wide[column], color=GREY, linewidth=0.7, alpha=0.6, **single)
        handles, labels = [], []
        for i, column in enumerate(order[:NAMED]):
            look: dict[str, Any] = {
                "color": SERIES[i],
                "linestyle": _DASHES[i % len(_DASHES)],
                "linewidth": 1.6,
            }
            handles += axes.plot(wide.index, wide[column], **look, **single)
            labels.append(f"column {column}")
        if len(wide) > 1:
            axes.set_xlim(1.05 * wide.index.max(), wide.index.min() / 1.05)
        if handles:
            place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}
            add_legend(axes, handles, labels, **place)
        ylabel = "coefficient (unit of y over that of x)"
        name_axes(axes, title=title, xlabel="penalty λ, weaker to the right", ylabel=ylabel)
    return axes
