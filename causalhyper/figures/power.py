"""Power: the chance to detect effects over the number of clusters."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_interval, read_numbers, read_texts
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

COLUMNS = ("label", "clusters", "power", "lower", "upper")
_FIGURE = "a power curve"


def plot_power(
    frame: pd.DataFrame,
    *,
    target: float,
    at: float,
    xlabel: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw power over clusters, one curve a label, with the limits from the pilot shaded.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `label`, `clusters`, `power`, `lower`, `upper`.
    target : float
        Power that is wanted: a horizontal line.
    at : float
        Clusters there are: a vertical line.
    xlabel, title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ConfigurationError
        For missing columns, numbers that cannot be drawn, and powers outside [0, 1].

    Examples
    --------
    >>> frame = pd.DataFrame({"label": ["0.1", "0.1"], "clusters": [5, 50], "power": [0.2, 0.9]})
    >>> frame = frame.assign(lower=[0.1, 0.8], upper=[0.3, 1.0])
    >>> axes = plot_power(frame, target=0.8, at=20, xlabel="seeds")
    >>> axes.get_ylabel()
    'power'
    """
    check_columns(frame, COLUMNS, _FIGURE)
    if len(frame) == 0:
        raise ConfigurationError(f"{_FIGURE} needs at least one row; the frame is empty")
    labels = pd.Series(read_texts(frame, "label"))
    clusters = read_numbers(frame, "clusters", _FIGURE)
    power = read_numbers(frame, "power", _FIGURE)
    low, high = read_interval(frame, "lower", "upper", _FIGURE)
    if power.min() < 0 or power.max() > 1 + 1e-9:
        raise ConfigurationError(f"{_FIGURE} needs powers between 0 and 1; got {power.max():g}")
    with house_style():
        axes = new_axes(ax, figsize=(7.4, 3.6))
        axes.grid(axis="y", color=RULE)
        axes.axhline(target, color=INK, linewidth=0.8, linestyle="--", label="_target")
        axes.axvline(at, color=GREY, linewidth=0.8, linestyle=":", label="_at")
        names = list(dict.fromkeys(labels))
        for i, name in enumerate(names):
            rows = (labels == name).to_numpy()
            color = SERIES[i % len(SERIES)]
            style = "-" if i < len(SERIES) else "--"
            axes.fill_between(clusters[rows], low[rows], high[rows], color=color, alpha=0.1, lw=0)
            axes.plot(clusters[rows], power[rows], color=color, linestyle=style, label=name)
        axes.set_ylim(0.0, 1.02)
        axes.set_xlim(clusters.min(), clusters.max())
        name_axes(axes, title=title, xlabel=xlabel, ylabel="power")
        _explain(axes, names, target, at)
    return axes


def _explain(axes: Axes, names: list[str], target: float, at: float) -> None:
    """Put the legend beside the axes."""
    marks = {line.get_label(): line for line in axes.get_lines()}
    handles = [
        *(marks[name] for name in names),
        marks["_target"],
        marks["_at"],
        Line2D([], [], color=GREY, linewidth=7, alpha=0.3),
    ]
    labels = [*(f"effect {n}" for n in names), f"target {target:.0%}", f"there are {at:g}"]
    labels += ["shaded: interval of the pilot's spread"]
    wrapped = ["\n".join(wrap(label, 24)) for label in labels]
    place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}
    add_legend(axes, handles, wrapped, labelspacing=0.7, **place)
