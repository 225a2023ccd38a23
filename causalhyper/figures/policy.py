"""A choice: the utility of each value, and the probability that it is the best."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from causalhyper.arrays import Array, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_interval, read_numbers
from causalhyper.figures.style import (
    GREY,
    INK,
    PALETTE,
    PLAIN,
    RULE,
    SOFT,
    add_legend,
    house_style,
    name_axes,
    new_axes,
)

COLUMNS = (
    "value",
    "utility",
    "utility_lower",
    "utility_upper",
    "probability_best",
    "may_be_best",
    "recommended",
)
_FIGURE = "a policy"
_SHARE = 0.3
"""Height of the axes that a probability of 1 takes."""


def plot_policy(
    frame: pd.DataFrame, *, xlabel: str, ylabel: str, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw utilities with intervals above bars of the probability that each value is the best.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `value`, `utility`, `utility_lower`, `utility_upper` (pointwise interval),
        `probability_best`, `may_be_best` and `recommended` (true or false). One row a value.
    xlabel, ylabel, title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    matplotlib.axes.Axes
        Values side by side in rising order, whatever their distances.

    Raises
    ------
    ConfigurationError
        For missing columns, numbers that cannot be drawn, and repeated values.

    Examples
    --------
    >>> row = {"value": 32.0, "utility": 0.9, "utility_lower": 0.8, "utility_upper": 1.0}
    >>> row |= {"probability_best": 1.0, "may_be_best": True, "recommended": True}
    >>> axes = plot_policy(pd.DataFrame([row]), xlabel="batch size", ylabel="accuracy")
    >>> [tick.get_text() for tick in axes.get_xticklabels()]
    ['32']
    """
    check_columns(frame, COLUMNS, _FIGURE)
    if len(frame) == 0 or frame["value"].duplicated().any():
        raise ConfigurationError(f"{_FIGURE} needs one row a value: draw each context apart")
    frame = frame.sort_values("value")
    value = read_numbers(frame, "value", _FIGURE)
    chance = read_numbers(frame, "probability_best", _FIGURE)
    utility = read_numbers(frame, "utility", _FIGURE)
    ends = read_interval(frame, "utility_lower", "utility_upper", _FIGURE)
    kept, chosen = (frame[c].to_numpy(dtype=bool) for c in ("may_be_best", "recommended"))
    with house_style():
        axes = new_axes(ax, figsize=(7.4, 3.6))
        axes.set_axisbelow(True)
        axes.grid(axis="y", color=RULE)
        _make_room(axes, ends, utility)
        _draw_chances(axes, chance)
        _draw_utilities(axes, utility, ends, kept, chosen)
        axes.set_xticks(range(len(value)), [f"{v:.9g}" for v in value], **PLAIN)
        axes.set_xlim(-0.6, len(value) - 0.4)
        name_axes(axes, title=title, xlabel=xlabel, ylabel=ylabel)
        _explain(axes, frame)
    return axes


def _make_room(axes: Axes, ends: tuple[Array, Array], utility: Array) -> None:
    """Leave the lower part of the axes to the bars."""
    low = float(np.nanmin(np.append(ends[0], utility.min())))
    high = float(np.nanmax(np.append(ends[1], utility.max())))
    span = (high - low) or max(1.0, abs(high)) * 0.1
    axes.set_ylim(low - span * (_SHARE + 0.15) / (1 - _SHARE - 0.15), high + 0.06 * span)


def _draw_chances(axes: Axes, chance: Array) -> None:
    """Bars in shares of the axes' height, with their numbers."""
    across = axes.get_xaxis_transform()
    x = np.arange(len(chance))
    axes.bar(
        x, _SHARE * chance, width=0.5, color=RULE, transform=across, zorder=1, label="P(best)"
    )
    for i, share in enumerate(chance):
        axes.text(
            i,
            _SHARE * share + 0.015,
            f"{share:.2f}",
            transform=across,
            horizontalalignment="center",
            fontsize=8.5,
            color=SOFT,
            **PLAIN,
        )


def _draw_utilities(
    axes: Axes,
    utility: Array,
    ends: tuple[Array, Array],
    kept: Flags,
    chosen: Flags,
) -> None:
    """Draw intervals and estimates; those shown not to be the best hollow and grey."""
    x = np.arange(len(utility))
    looks = (
        ("recommended", chosen, PALETTE["vermillion"], PALETTE["vermillion"]),
        ("may be best", kept & ~chosen, PALETTE["blue"], PALETTE["blue"]),
        ("not the best", ~kept & ~chosen, GREY, "white"),
    )
    for name, rows, color, face in looks:
        there = rows & np.isfinite(ends[0])
        if there.any():
            axes.vlines(x[there], ends[0][there], ends[1][there], color, lw=2.5, label="_ends")
        if rows.any():
            look: dict[str, Any] = {
                "markerfacecolor": face,
                "markeredgecolor": color,
                "markersize": 7,
            }
            axes.plot(x[rows], utility[rows], "o", color=color, zorder=4, label=name, **look)


def _explain(axes: Axes, frame: pd.DataFrame) -> None:
    """Put the legend beside the axes."""
    levels = set(frame["level"]) if "level" in frame.columns else set()
    level = f"{100 * levels.pop():g}% " if len(levels) == 1 else ""
    marks = {line.get_label(): line for line in axes.get_lines()}
    words = {
        "recommended": "highest estimate",
        "may be best": "cannot be told apart\nfrom the best",
        "not the best": "shown not to be the best",
    }
    shown = [name for name in words if name in marks]
    handles = [
        *(marks[name] for name in shown),
        Line2D([], [], color=INK, linewidth=2.5),
        Patch(color=RULE),
    ]
    labels = [*(words[name] for name in shown), f"{level}pointwise interval", "P(best)"]
    place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}
    add_legend(axes, handles, labels, labelspacing=0.9, **place)
