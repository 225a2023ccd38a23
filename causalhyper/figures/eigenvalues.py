"""The largest eigenvalues of several networks, method by method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_numbers, read_texts
from causalhyper.figures.scales import plain_ticks
from causalhyper.figures.style import (
    INK,
    PLAIN,
    RULE,
    SERIES,
    add_legend,
    house_style,
    name_axes,
    new_axes,
)

COLUMNS = ("quantity", "space", "rank", "value", "caution")
_FIGURE = "a figure of eigenvalues"
_MARKS = ("o", "s", "^", "D", "v", "P")


def plot_eigenvalues(
    frame: pd.DataFrame,
    *,
    space: str = "full",
    by: str = "method",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    r"""Draw the largest eigenvalues as strips, method by method, beside the training loss.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `quantity`, `space`, `rank`, `value`, `caution` and `by`, as flatness is told; of
        it the rows "eigenvalue" of the space, and "training_loss" and "training_accuracy". A row
        a network and rank: seeds stand beside each other.
    space : {"full", "kept"}
        All parameters, or those that a pruning kept.
    by : str
        Column of the methods, drawn in the order in which they come.
    title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    matplotlib.axes.Axes
        On a logarithmic scale, without values that are not above zero. The line is the median
        over networks; an open mark is a network
        of which there is a caution (near chance, or not a minimum). Under each method stand the
        medians of training loss and accuracy.

    Raises
    ------
    ConfigurationError
        For missing columns, no eigenvalue of the space, and none above zero.

    Examples
    --------
    >>> rows = [("eigenvalue", "full", 1, 5.0), ("training_loss", "network", 0, 0.1)]
    >>> frame = pd.DataFrame(rows, columns=["quantity", "space", "rank", "value"])
    >>> axes = plot_eigenvalues(frame.assign(method="dense", caution=""))
    >>> axes.get_xticklabels()[0].get_text()
    'dense\nloss 0.1'
    """
    check_columns(frame, [*COLUMNS, by], _FIGURE)
    names = np.array(read_texts(frame, by))
    chosen = ((frame["quantity"] == "eigenvalue") & (frame["space"] == space)).to_numpy()
    if not chosen.any():
        raise ConfigurationError(f"{_FIGURE} needs rows of eigenvalues of the {space} space")
    shown = chosen & (frame["value"] > 0).to_numpy()
    if not shown.any():
        raise ConfigurationError(f"{_FIGURE} has a logarithmic scale; got no value above zero")
    values = read_numbers(frame[shown], "value", _FIGURE)
    ranks = read_numbers(frame[shown], "rank", _FIGURE)
    doubtful = np.array([bool(text) for text in read_texts(frame[shown], "caution")])
    methods = list(dict.fromkeys(names[chosen]))
    with house_style():
        axes = new_axes(ax, figsize=(max(5.6, 1.5 * len(methods) + 1.5), 4.2))
        axes.set_yscale("log")
        plain_ticks(axes.yaxis)
        axes.grid(axis="y", color=RULE)
        for place, method in enumerate(methods):
            rows = names[shown] == method
            _draw_strip(axes, place, ranks[rows], values[rows], doubtful[rows])
        labels = [_label(frame[names == method], method) for method in methods]
        axes.set_xticks(range(len(methods)), labels, **PLAIN)
        axes.set_xlim(-0.6, len(methods) - 0.4)
        what = "all parameters" if space == "full" else "kept parameters"
        name_axes(axes, title=title, ylabel=f"eigenvalues of the Hessian, {what}")
        _explain(axes, np.unique(ranks), bool(doubtful.any()), int((chosen & ~shown).sum()))
    return axes


def _draw_strip(axes: Axes, place: int, ranks: Array, values: Array, doubtful: Array) -> None:
    """Draw each rank in a lane of its own, and the median of its networks."""
    known = np.unique(ranks)
    lane = 0.7 / len(known)
    for i, rank in enumerate(known):
        rows = ranks == rank
        x = place + lane * (i - (len(known) - 1) / 2)
        color, mark = SERIES[i % len(SERIES)], _MARKS[i % len(_MARKS)]
        spread = np.linspace(-1, 1, rows.sum()) if rows.sum() > 1 else np.zeros(1)
        for offset, value, open_ in zip(spread, values[rows], doubtful[rows], strict=True):
            axes.plot(
                [x + 0.25 * lane * offset], [value], mark, color=color, markersize=5,
                markerfacecolor="white" if open_ else color,
            )  # fmt: skip
        if rows.sum() > 1:
            median = float(np.median(values[rows]))
            axes.plot([x - 0.4 * lane, x + 0.4 * lane], [median, median], color=INK, lw=1.2)


def _label(rows: pd.DataFrame, method: str) -> str:
    """Write a method with the medians of its training loss and accuracy."""
    parts = [method]
    for quantity, form in (
        ("training_loss", "loss {:.2g}"),
        ("training_accuracy", "accuracy {:.1%}"),
    ):
        values = rows.loc[rows["quantity"] == quantity, "value"].to_numpy(dtype=float)
        if len(values) and np.isfinite(values).any():
            parts.append(form.format(np.nanmedian(values)))
    return "\n".join(parts)


def _explain(axes: Axes, ranks: Array, doubtful: bool, hidden: int) -> None:
    handles = [
        Line2D([], [], color=SERIES[i % len(SERIES)], marker=_MARKS[i % len(_MARKS)], linestyle="")
        for i in range(len(ranks))
    ]
    labels = [f"eigenvalue {rank:g}" for rank in ranks]
    if doubtful:
        look: dict[str, Any] = {
            "marker": "o",
            "linestyle": "",
            "markerfacecolor": "white",
            "color": INK,
        }
        handles.append(Line2D([], [], **look))
        labels.append("open: with a caution")
    if hidden:
        handles.append(Line2D([], [], linestyle=""))
        labels.append(f"{hidden} not above zero: not drawn")
    place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}
    add_legend(axes, handles, labels, **place)
