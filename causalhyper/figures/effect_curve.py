"""The effect curve: what the outcome does as the treatment is set to other values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_interval, read_numbers, read_texts
from causalhyper.figures.scales import is_wide, scale_values, write_number
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
from causalhyper.figures.text import wrap

COLUMNS = ("estimator", "value", "estimate", "lower", "upper", "joint_lower", "joint_upper")
_FIGURE = "an effect curve"
_MARKERS = "osD^vPX"
_THICK, _THIN = 4.0, 1.1


@dataclass(frozen=True, slots=True)
class _Curve:
    """One estimator's curve, by value: arrays of shape (n,)."""

    label: str
    color: str
    marker: str
    value: Array
    estimate: Array
    interval: tuple[Array, Array]
    band: tuple[Array, Array]


def plot_effect_curve(
    frame: pd.DataFrame,
    *,
    baseline: float,
    xlabel: str,
    ylabel: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw effects against a baseline, one dodged series an estimator.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `estimator`, `value`, `estimate`, `lower`, `upper` (pointwise interval),
        `joint_lower`, `joint_upper` (simultaneous band; may be empty). One row an estimator and
        value. A column `level` in (0, 1), where it is there, is named in the legend.
    baseline : float
        The value that the others are compared with: a point at zero effect.
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
        For missing columns, numbers that cannot be drawn, and repeated values.

    Examples
    --------
    >>> row = {"estimator": "design", "value": 32.0, "estimate": 0.02, "lower": 0.01}
    >>> row |= {"upper": 0.03, "joint_lower": 0.0, "joint_upper": 0.04}
    >>> axes = plot_effect_curve(
    ...     pd.DataFrame([row]), baseline=512, xlabel="batch size", ylabel="effect"
    ... )
    >>> axes.get_xscale()
    'log'
    """
    curves = _read_curves(frame)
    if not np.isfinite(baseline):
        raise ConfigurationError(f"{_FIGURE} needs a finite baseline; got {baseline}")
    values = np.unique(np.concatenate([[baseline], *(c.value for c in curves)]))
    log = is_wide(values)
    with house_style():
        axes = new_axes(ax, figsize=(7.4, 3.6))
        scale_values(axes, values, log=log)
        axes.set_axisbelow(True)
        axes.grid(axis="y", color=RULE)
        axes.axhline(0, color=INK, linewidth=0.8, zorder=1, label="zero effect")
        for curve, shift in zip(curves, _shifts(values, len(curves), log=log), strict=True):
            x = curve.value * 2**shift if log else curve.value + shift
            _draw_curve(axes, curve, x, baseline)
        mark = _draw_baseline(axes, baseline)
        name_axes(axes, title=title, xlabel=xlabel, ylabel=ylabel)
        _explain(axes, curves, mark, baseline, _level(frame))
    return axes


def _read_curves(frame: pd.DataFrame) -> list[_Curve]:
    """Split the frame by estimator, in order of appearance."""
    check_columns(frame, COLUMNS, _FIGURE)
    if len(frame) == 0:
        raise ConfigurationError(f"{_FIGURE} needs at least one row; the frame is empty")
    estimators = np.array(read_texts(frame, "estimator"), dtype=object)
    value = read_numbers(frame, "value", _FIGURE)
    estimate = read_numbers(frame, "estimate", _FIGURE)
    interval = read_interval(frame, "lower", "upper", _FIGURE)
    band = read_interval(frame, "joint_lower", "joint_upper", _FIGURE)
    curves = []
    for i, label in enumerate(dict.fromkeys(estimators)):
        rows = np.flatnonzero(estimators == label)
        rows = rows[np.argsort(value[rows], kind="stable")]
        repeats = value[rows][1:][np.diff(value[rows]) == 0]
        if repeats.size:
            raise ConfigurationError(
                f"{_FIGURE} needs one row for each estimator and value; {label!r} has the value "
                f"{repeats[0]:g} more than once: draw each context apart"
            )
        curves.append(
            _Curve(
                label,
                SERIES[i % len(SERIES)],
                _MARKERS[i % len(_MARKERS)],
                value[rows],
                estimate[rows],
                (interval[0][rows], interval[1][rows]),
                (band[0][rows], band[1][rows]),
            )
        )
    return curves


def _level(frame: pd.DataFrame) -> str:
    """Name the level of the intervals where the frame holds exactly one."""
    levels = set(frame["level"]) if "level" in frame.columns else set()
    return f"{100 * levels.pop():g}% " if len(levels) == 1 else ""


def _shifts(values: Array, count: int, *, log: bool) -> Array:
    """Sideways shifts that part the estimators but stay near their value, shape (count,)."""
    place = np.log2(values) if log else values
    span = float(np.ptp(place)) or 1.0
    step = float(np.diff(place).min()) if len(place) > 1 else span
    width = min(0.5, 0.16 * (count - 1)) * min(max(step, span / 40), span / 5)
    return np.linspace(-width / 2, width / 2, count) if count > 1 else np.zeros(1)


def _draw_curve(axes: Axes, curve: _Curve, x: Array, baseline: float) -> None:
    """Draw one estimator: a faint line through the baseline, two intervals, the estimates."""
    others = curve.value != baseline
    order = np.argsort(np.append(curve.value[others], baseline), kind="stable")
    line = np.append(x[others], baseline)[order], np.append(curve.estimate[others], 0.0)[order]
    axes.plot(*line, color=curve.color, linewidth=1, alpha=0.35, zorder=2, label="_line")
    for (low, high), width, name in (
        (curve.band, _THIN, "simultaneous"),
        (curve.interval, _THICK, "pointwise"),
    ):
        there = np.isfinite(low)
        if there.any():
            label = f"{curve.label}: {name}"
            axes.vlines(x[there], low[there], high[there], curve.color, lw=width, label=label)
    axes.plot(
        x,
        curve.estimate,
        linestyle="none",
        marker=curve.marker,
        markersize=7,
        color=curve.color,
        markeredgecolor="white",
        zorder=4,
        label=curve.label,
    )


def _draw_baseline(axes: Axes, baseline: float) -> Line2D:
    """Mark the baseline at zero effect."""
    look: dict[str, Any] = {
        "marker": "D",
        "markersize": 7,
        "markerfacecolor": "white",
        "markeredgecolor": INK,
    }
    (mark,) = axes.plot([baseline], [0.0], linestyle="none", zorder=5, label="baseline", **look)
    return mark


def _explain(axes: Axes, curves: list[_Curve], mark: Line2D, baseline: float, level: str) -> None:
    """Put the legend beside the axes."""
    marks = {line.get_label(): line for line in axes.get_lines()}
    handles = [marks[c.label] for c in curves] + [mark]
    labels = [c.label for c in curves] + [f"baseline {write_number(baseline)}: zero by definition"]
    for width, name, ends in (
        (_THICK, f"thick: {level}pointwise interval", [c.interval for c in curves]),
        (_THIN, f"thin: {level}simultaneous band", [c.band for c in curves]),
    ):
        if any(np.isfinite(low).any() for low, _ in ends):
            handles.append(Line2D([], [], color=GREY, linewidth=width))
            labels.append(name)
    wrapped = ["\n".join(wrap(label, 24)) for label in labels]
    place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}
    add_legend(axes, handles, wrapped, labelspacing=0.9, **place)
