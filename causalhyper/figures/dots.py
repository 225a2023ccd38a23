"""Dots under one another: a number, or a few, of each layer, class or column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_interval, read_numbers, read_texts
from causalhyper.figures.scales import plain_ticks
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
from causalhyper.figures.text import wrap

ROWS = 40
"""Labels drawn at most: the first ones; the axis says how many there are."""
_FIGURE = "a figure of dots"
_LOOKS = (("blue", "o"), ("vermillion", "s"), ("green", "^"), ("purple", "D"))


def plot_dots(
    frame: pd.DataFrame,
    *,
    xlabel: str,
    log: bool = False,
    marks: Sequence[tuple[float, str]] = (),
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one line a label, top to bottom, with its numbers as dots.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `label` and `value` (no dot where absent); optionally `lower` and `upper`, drawn
        as bars, and `series`, which tells up to four numbers of one label apart.
    xlabel : str
        Plain text; name the unit.
    log : bool
        Whether the axis is logarithmic where numbers above zero span a factor of 100; others then
        have no dot.
    marks : sequence of (float, str)
        Vertical lines such as a threshold, with what they are.
    title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure, as high as its rows, otherwise.

    Returns
    -------
    matplotlib.axes.Axes
        At most `ROWS` labels; the axis says so where there are more. A linear axis of numbers
        that are not negative begins at zero.

    Raises
    ------
    ConfigurationError
        For missing columns, no rows, and more than four series.

    Examples
    --------
    >>> frame = pd.DataFrame({"label": ["conv", "fc"], "value": [12.0, 3.5]})
    >>> axes = plot_dots(frame, xlabel="largest singular value")
    >>> [tick.get_text() for tick in axes.get_yticklabels()]
    ['conv', 'fc']
    """
    check_columns(frame, ("label", "value"), _FIGURE)
    names = read_texts(frame, "label")
    series = read_texts(frame, "series") if "series" in frame.columns else [""] * len(names)
    labels, kinds = list(dict.fromkeys(names)), list(dict.fromkeys(series))
    if not names or len(kinds) > len(_LOOKS):
        raise ConfigurationError(
            f"{_FIGURE} needs one row at least and {len(_LOOKS)} series at most; got {len(names)} "
            f"rows and {len(kinds)} series"
        )
    values = read_numbers(frame, "value", _FIGURE, optional=True)
    bars = (np.full(len(values), np.nan),) * 2
    if {"lower", "upper"} <= set(frame.columns):
        bars = read_interval(frame, "lower", "upper", _FIGURE)
    shown = labels[:ROWS]
    positive = values[values > 0]
    log = bool(log and positive.size and positive.max() >= 100 * positive.min())
    apart = 0.0 if len(kinds) == 1 else 0.5 / len(kinds)
    places = [
        labels.index(name) + apart * (kinds.index(kind) - (len(kinds) - 1) / 2)
        for name, kind in zip(names, series, strict=True)
    ]
    with house_style():
        axes = new_axes(ax, figsize=(6.4, 0.3 * len(shown) + 1.5))
        axes.grid(axis="x", color=RULE)
        drawn = np.array([name in shown for name in names]) & np.isfinite(values)
        drawn &= (values > 0) | (not log)
        _scale(axes, values[drawn], log=log, whole=not np.isfinite(bars[0]).any(), marks=marks)
        y, kind = np.array(places), np.array([kinds.index(k) for k in series])
        for k in range(len(kinds)):
            _draw(axes, k, y, values, bars, drawn & (kind == k), log=log)
        for x, _ in marks:
            axes.axvline(x, color=INK, linewidth=1, linestyle="--", zorder=1)
        axes.set_yticks(range(len(shown)), ["\n".join(wrap(n, 34, 2)) for n in shown], **PLAIN)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        _explain(axes, kinds if len(kinds) > 1 else [], [text for _, text in marks])
        more = f" (the first {ROWS} of {len(labels)})" if len(labels) > ROWS else ""
        name_axes(axes, title=title, xlabel=f"{xlabel}{more}")
    return axes


def _scale(
    axes: Axes, values: Array, *, log: bool, whole: bool, marks: Sequence[tuple[float, str]]
) -> None:
    """Logarithmic, or from zero where nothing is below it."""
    if log:
        axes.set_xscale("log")
        plain_ticks(axes.xaxis)
    elif whole and values.size and values.min() >= 0:
        axes.set_xlim(0, 1.05 * max([values.max() or 1.0, *(x for x, _ in marks)]))
        if (values == np.round(values)).all():
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw(
    axes: Axes,
    k: int,
    y: Array,
    values: Array,
    bars: tuple[Array, Array],
    rows: np.ndarray,
    *,
    log: bool,
) -> None:
    """Draw the dots of a series over their bars."""
    color, marker = PALETTE[_LOOKS[k][0]], _LOOKS[k][1]
    barred = rows & np.isfinite(bars[0])
    least = values[rows].min() / 10 if log and rows.any() else -np.inf
    low = np.maximum(bars[0][barred], least)
    axes.hlines(y[barred], low, bars[1][barred], color, linewidth=2, zorder=2)
    axes.plot(
        values[rows], y[rows], marker, color=color, markersize=6, markeredgecolor="white",
        zorder=3, clip_on=False,
    )  # fmt: skip


def _explain(axes: Axes, kinds: list[str], marks: list[str]) -> None:
    """Say above the axes what colours and lines are."""
    handles = [
        Line2D([], [], color=PALETTE[_LOOKS[k][0]], marker=_LOOKS[k][1], linestyle="")
        for k in range(len(kinds))
    ]
    handles += [Line2D([], [], color=INK, linewidth=1, linestyle="--") for _ in marks]
    if handles:
        place = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "ncols": len(handles)}
        add_legend(axes, handles, [*kinds, *marks], **place)
