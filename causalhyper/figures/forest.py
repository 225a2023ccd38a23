"""The forest plot: estimates under one another, with their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalhyper.arrays import Array, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_interval, read_numbers, read_texts
from causalhyper.figures.style import (
    GREY,
    INK,
    PALETTE,
    PLAIN,
    RULE,
    SOFT,
    house_style,
    name_axes,
    new_axes,
)
from causalhyper.figures.text import text_width, wrap

COLUMNS = ("label", "estimate", "lower", "upper")
_FIGURE = "a forest plot"
_INDENT, _SIZE = 0.14, 9.0


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of text: a heading (`index` -1) or a row of the frame."""

    text: str
    y: float
    index: int


def plot_forest(
    frame: pd.DataFrame, *, xlabel: str, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw one row an estimate, top to bottom, with its interval and its numbers.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `label`, `estimate`, `lower`, `upper`; optionally `group`, a heading before the
        first of the rows that share it, and `muted`, whether a row is set back in grey, such as
        one that holds by construction.
    xlabel, title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure, as high as its rows, otherwise.

    Returns
    -------
    matplotlib.axes.Axes
        The first row is at the top.

    Raises
    ------
    ConfigurationError
        For missing columns and numbers that cannot be drawn.

    Examples
    --------
    >>> frame = pd.DataFrame({"label": ["total"], "estimate": [0.2], "lower": [0.1]})
    >>> axes = plot_forest(frame.assign(upper=0.3), xlabel="effect")
    >>> [tick.get_text() for tick in axes.get_yticklabels()]
    ['total']
    """
    check_columns(frame, COLUMNS, _FIGURE)
    if len(frame) == 0:
        raise ConfigurationError(f"{_FIGURE} needs at least one row; the frame is empty")
    estimate = read_numbers(frame, "estimate", _FIGURE)
    interval = read_interval(frame, "lower", "upper", _FIGURE)
    muted = _read_muted(frame)
    rows = _arrange(frame)
    y = np.array([row.y for row in rows if row.index >= 0])
    with house_style():
        axes = new_axes(ax, figsize=(7.4, 0.28 * (rows[-1].y + 1) + (1.1 if title else 0.8)))
        axes.set_axisbelow(True)
        axes.grid(axis="x", color=RULE)
        axes.axvline(0, color=INK, linewidth=0.8, zorder=1, label="zero")
        _draw_estimates(axes, y, estimate, interval, muted)
        _write_rows(axes, rows, muted)
        _write_numbers(axes, y, estimate, interval, muted)
        axes.set_ylim(rows[-1].y + 0.8, -0.8)
        axes.spines["left"].set_visible(False)
        name_axes(axes, title=title, xlabel=xlabel)
    return axes


def _read_muted(frame: pd.DataFrame) -> Flags:
    """Read which rows are set back; none where the frame does not say."""
    if "muted" not in frame.columns:
        return np.zeros(len(frame), dtype=np.bool_)
    wrong = [m for m in frame["muted"] if not isinstance(m, (bool, np.bool_))]
    if wrong:
        raise ConfigurationError(f"{_FIGURE} needs True or False in 'muted'; got {wrong[0]!r}")
    return frame["muted"].to_numpy(dtype=np.bool_)


def _arrange(frame: pd.DataFrame) -> list[_Row]:
    """Place headings and rows; long labels take more lines and so more room."""
    labels = read_texts(frame, "label")
    groups = read_texts(frame, "group") if "group" in frame.columns else [""] * len(labels)
    rows: list[_Row] = []
    y, last = 0.0, ""
    for index, (label, group) in enumerate(zip(labels, groups, strict=True)):
        if group and group != last:
            heading = wrap(group, 44, 2)
            y += 0.45 if rows else 0.0
            extra = 0.25 * (len(heading) - 1)
            rows.append(_Row("\n".join(heading), y + extra, -1))
            y += 1.0 + 2 * extra
        last = group
        lines = wrap(label, 40)
        extra = 0.25 * max(0, len(lines) - 1)
        rows.append(_Row("\n".join(lines), y + extra, index))
        y += 1.0 + 2 * extra
    return rows


def _draw_estimates(
    axes: Axes,
    y: Array,
    estimate: Array,
    interval: tuple[Array, Array],
    muted: Flags,
) -> None:
    """Draw intervals and estimates; muted ones hollow and grey."""
    low, high = interval
    for rows, color, name in ((~muted, PALETTE["blue"], "estimate"), (muted, GREY, "muted")):
        there = rows & np.isfinite(low)
        if there.any():
            ends = y[there], low[there], high[there]
            axes.hlines(*ends, color, linewidth=2, zorder=2, label=f"{name}: interval")
        if rows.any():
            face = "white" if name == "muted" else color
            axes.plot(
                estimate[rows],
                y[rows],
                linestyle="none",
                marker="s",
                markersize=6,
                markerfacecolor=face,
                markeredgecolor=color,
                zorder=3,
                label=name,
            )


def _write_rows(axes: Axes, rows: list[_Row], muted: Flags) -> None:
    """Write headings and labels as left-aligned tick labels, the labels indented."""
    grouped = any(row.index < 0 for row in rows)
    indent = _INDENT if grouped else 0.0
    room = 0.0
    for row in rows:
        weight = "bold" if row.index < 0 else "normal"
        width = max(text_width(line, _SIZE, weight) for line in row.text.split("\n"))
        room = max(room, width if row.index < 0 else width + indent)
    axes.set_yticks([row.y for row in rows], [row.text for row in rows], **PLAIN)
    axes.tick_params(axis="y", length=0)
    for tick, row in zip(axes.yaxis.get_major_ticks(), rows, strict=True):
        heading = row.index < 0
        tick.set_pad(72 * (room - (0.0 if heading else indent)) + 10)
        tick.label1.set(horizontalalignment="left", fontsize=_SIZE, **PLAIN)
        tick.label1.set_fontweight("bold" if heading else "normal")
        if not heading and muted[row.index]:
            tick.label1.set_color(SOFT)


def _write_numbers(
    axes: Axes,
    y: Array,
    estimate: Array,
    interval: tuple[Array, Array],
    muted: Flags,
) -> None:
    """Write each estimate and interval at the right, to decimals that show their width."""
    low, high = interval
    digits = _decimals(high - low)
    for i in range(len(y)):
        text = f"{estimate[i]:+.{digits}f}"
        if np.isfinite(low[i]):
            text += f"  [{low[i]:+.{digits}f}, {high[i]:+.{digits}f}]"
        axes.text(
            1.02,
            y[i],
            text.replace("-", "\u2212"),
            transform=axes.get_yaxis_transform(),
            verticalalignment="center_baseline",
            fontsize=_SIZE,
            color=SOFT if muted[i] else INK,
            **PLAIN,
        )


def _decimals(widths: Array) -> int:
    """Decimals at which the median width shows two figures; 3 without any width."""
    positive = widths[np.isfinite(widths) & (widths > 0)]
    if not positive.size:
        return 3
    return int(np.clip(1 - floor(log10(float(np.median(positive)))), 0, 8))
