"""Accuracy over the share pruned: runs, means, and the curves fitted to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator
from scipy import special

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_interval, read_numbers, read_texts
from causalhyper.figures.style import (
    GREY,
    INK,
    PLAIN,
    RULE,
    SERIES,
    add_legend,
    house_style,
    name_axes,
    new_axes,
)
from causalhyper.figures.text import wrap

LEVELS = ("method", "sparsity", "mean", "lower", "upper", "collapsed")
CURVES = ("method", "top", "floor", "middle", "width")
POINTS = ("method", "estimate", "lower", "upper")
RUNS = ("method", "sparsity", "outcome")
_FIGURE = "a figure of a phase shift"
_MARKERS = "osD^vPX"
_TICKS = np.array([0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999])


def plot_phase_shift(
    levels: pd.DataFrame,
    *,
    runs: pd.DataFrame,
    curves: pd.DataFrame,
    points: pd.DataFrame,
    ylabel: str,
    title: str = "",
    kept: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw accuracy over the share pruned, one colour a method.

    Parameters
    ----------
    levels : pandas.DataFrame
        Columns `LEVELS`: mean of each method and level, its interval (may be empty), and the
        share of runs with a collapsed layer (hollow where positive; may be empty).
    runs : pandas.DataFrame
        Columns `RUNS`, drawn faintly.
    curves : pandas.DataFrame
        Columns `CURVES`; middle and width in decades of the share kept, or in shares pruned.
    points : pandas.DataFrame
        Columns `POINTS`: shares pruned at which accuracy has fallen half way, with intervals
        (may be empty); drawn as diamonds on the curves.
    ylabel, title : str
        Plain text.
    kept : bool
        Whether the axis is the logarithm of the share kept, which grows to the left.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    matplotlib.axes.Axes
        x is -log10 of the share kept, or the share pruned; ticks name the share pruned.

    Raises
    ------
    ConfigurationError
        For missing columns, no level, or shares outside [0, 1).

    Examples
    --------
    >>> levels = pd.DataFrame({"method": ["lamp"] * 3, "sparsity": [0.9, 0.95, 0.99]})
    >>> levels = levels.assign(mean=[0.7, 0.6, 0.2], lower=None, upper=None, collapsed=0.0)
    >>> nothing = pd.DataFrame(columns=[*CURVES, *POINTS[1:]])
    >>> runs = levels.rename(columns={"mean": "outcome"})
    >>> axes = plot_phase_shift(
    ...     levels, runs=runs, curves=nothing, points=nothing, ylabel="test accuracy"
    ... )
    >>> [tick.get_text() for tick in axes.get_xticklabels()]
    ['90%', '95%', '98%', '99%']
    """
    parts = ((levels, LEVELS), (runs, RUNS), (curves, CURVES), (points, POINTS))
    for frame, columns in parts:
        check_columns(frame, columns, _FIGURE)
    shares = read_numbers(levels, "sparsity", _FIGURE)
    if not len(shares) or (shares < 0).any() or (shares >= 1).any():
        raise ConfigurationError(f"{_FIGURE} needs levels, with shares pruned in [0, 1)")
    methods = list(dict.fromkeys(read_texts(levels, "method")))
    with house_style():
        axes = new_axes(ax, figsize=(7.4, 4.2))
        axes.grid(axis="y", color=RULE)
        spread = np.linspace(-1, 1, len(methods)) if len(methods) > 1 else np.zeros(1)
        x = _place(shares, kept)
        step = 0.006 * (float(np.ptp(x)) or 1.0)
        for i, name in enumerate(methods):
            _draw_runs(axes, _of(runs, name), i, kept, step * spread[i])
            _draw_curve(axes, _of(curves, name), i, (float(x.min()), float(x.max())))
            _draw_levels(axes, _of(levels, name), i, kept, step * spread[i])
            _draw_point(axes, _of(curves, name), _of(points, name), i, kept)
        _set_ticks(axes, shares, kept)
        name_axes(axes, title=title, xlabel="share pruned", ylabel=ylabel)
        collapsed = read_numbers(levels, "collapsed", _FIGURE, optional=True)
        _explain(axes, methods, points, bool((collapsed > 0).any()))
    return axes


def _of(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    return frame[np.array(read_texts(frame, "method"), dtype=object) == name]


def _place(shares: Array, kept: bool) -> Array:
    return -np.log10(1 - shares) + 0.0 if kept else shares


def _draw_runs(axes: Axes, rows: pd.DataFrame, i: int, kept: bool, shift: float) -> None:
    x = _place(read_numbers(rows, "sparsity", _FIGURE), kept) + shift
    y = read_numbers(rows, "outcome", _FIGURE)
    axes.plot(
        x, y, linestyle="none", marker=".", markersize=5, color=SERIES[i % len(SERIES)],
        alpha=0.35, markeredgewidth=0, zorder=2, label="_runs",
    )  # fmt: skip


def _draw_curve(axes: Axes, rows: pd.DataFrame, i: int, ends: tuple[float, float]) -> None:
    if not len(rows):
        return
    top, floor, middle, width = (read_numbers(rows, c, _FIGURE)[0] for c in CURVES[1:])
    x = np.linspace(*ends, 400)
    y = floor + (top - floor) * special.expit((middle - x) / width)
    axes.plot(x, y, color=SERIES[i % len(SERIES)], linewidth=1.4, zorder=3, label="_curve")


def _draw_levels(axes: Axes, rows: pd.DataFrame, i: int, kept: bool, shift: float) -> None:
    """Draw means with intervals; hollow where a layer collapsed in some run."""
    x = _place(read_numbers(rows, "sparsity", _FIGURE), kept) + shift
    mean = read_numbers(rows, "mean", _FIGURE)
    low, high = read_interval(rows, "lower", "upper", _FIGURE)
    color, there = SERIES[i % len(SERIES)], np.isfinite(low)
    axes.vlines(x[there], low[there], high[there], color, linewidth=2.2, alpha=0.55, zorder=3)
    collapsed = read_numbers(rows, "collapsed", _FIGURE, optional=True) > 0
    for part, face in ((~collapsed, color), (collapsed, "white")):
        axes.plot(
            x[part], mean[part], linestyle="none", marker=_MARKERS[i % len(_MARKERS)],
            markersize=6, markerfacecolor=face, markeredgecolor=color, zorder=4, label="_mean",
        )  # fmt: skip


def _draw_point(axes: Axes, curve: pd.DataFrame, point: pd.DataFrame, i: int, kept: bool) -> None:
    """Mark the point on its curve, with its interval across and a line down to the axis."""
    if not len(curve) or not len(point):
        return
    top, floor = (read_numbers(curve, c, _FIGURE)[0] for c in ("top", "floor"))
    at = _place(read_numbers(point, "estimate", _FIGURE), kept)
    low, high = (_place(end, kept) for end in read_interval(point, "lower", "upper", _FIGURE))
    half, color = (top + floor) / 2, SERIES[i % len(SERIES)]
    if np.isfinite(low).all():
        axes.hlines(half, low, high, INK, linewidth=1.6, zorder=5)
    axes.vlines(at, 0, half, color, linewidth=0.9, linestyle=":", zorder=2)
    axes.plot(
        at, [half], linestyle="none", marker="d", markersize=7, markerfacecolor=color,
        markeredgecolor=INK, zorder=6, label="_point",
    )  # fmt: skip


def _set_ticks(axes: Axes, shares: Array, kept: bool) -> None:
    """Name round shares pruned; the axis is wide enough for all levels."""
    x, levels = _place(shares, kept), np.unique(shares)
    span = float(np.ptp(x)) or 1.0
    axes.set_xlim(float(x.min()) - 0.03 * span, float(x.max()) + 0.03 * span)
    axes.set_ylim(bottom=0.0 if axes.dataLim.y0 >= 0 else None)
    round_ones = [t for t in _TICKS if levels[0] - 1e-9 <= t <= levels[-1] + 1e-9]
    ticks = np.array(round_ones) if kept and len(round_ones) > 1 else levels
    places, labels = _place(ticks, kept), [f"{100 * tick:.4g}%" for tick in ticks]
    chosen = [len(ticks) - 1]
    for k in range(len(ticks) - 2, -1, -1):
        letters = (len(labels[k]) + len(labels[chosen[-1]])) / 2
        if places[chosen[-1]] - places[k] >= (0.01 + 0.015 * letters) * span:
            chosen.append(k)
    chosen.reverse()
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(places[chosen], [labels[k] for k in chosen], **PLAIN)


def _explain(axes: Axes, methods: list[str], points: pd.DataFrame, collapsed: bool) -> None:
    """Put the legend beside the axes."""
    look: dict[str, Any] = {"linestyle": "none", "markersize": 7.0}
    handles = [
        Line2D([], [], color=SERIES[i % 6], marker=_MARKERS[i % 7], markersize=6)
        for i in range(len(methods))
    ]
    labels = ["\n".join(wrap(name, 22)) for name in methods]
    if len(points):
        handles.append(Line2D([], [], marker="d", color=GREY, markeredgecolor=INK, **look))
        known = np.isfinite(read_numbers(points, "lower", _FIGURE, optional=True)).any()
        labels.append("fallen half way" + (",\nwith interval" if known else ""))
    if collapsed:
        handles.append(Line2D([], [], marker="o", color=GREY, markerfacecolor="white", **look))
        labels.append("hollow: a layer\ncollapsed")
    place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}
    add_legend(axes, handles, labels, labelspacing=0.9, **place)
