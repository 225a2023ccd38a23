"""Scores of runs: how far each value lies from the others of its cell, by measurement."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_numbers, read_texts
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

COLUMNS = ("label", "score", "run")
_FIGURE = "a figure of scores"
_EDGE = 2.0


def plot_scores(
    frame: pd.DataFrame,
    *,
    limit: float,
    xlabel: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one line a label, every score a dot, and name the farthest beyond the limit.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `COLUMNS`; a score may be absent.
    limit : float
        Above zero.
    xlabel, title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure, as high as its rows, otherwise.

    Returns
    -------
    matplotlib.axes.Axes
        As wide as twice the limit on each side; a score beyond that stands at the edge.

    Raises
    ------
    ConfigurationError
        For missing columns, no rows, or a limit that is not above zero.

    Examples
    --------
    >>> frame = pd.DataFrame({"label": "S", "score": [0.2, -1.0, 9.0], "run": ["a", "b", "c"]})
    >>> axes = plot_scores(frame, limit=3.5, xlabel="spreads")
    >>> [text.get_text() for text in axes.texts]
    ['c (+9.0)']
    """
    check_columns(frame, COLUMNS, _FIGURE)
    labels, runs = read_texts(frame, "label"), read_texts(frame, "run")
    names = list(dict.fromkeys(labels))
    if not names or not limit > 0:
        raise ConfigurationError(
            f"{_FIGURE} needs one row at least and a limit above 0; got {len(names)} rows and "
            f"the limit {limit:g}"
        )
    scores = read_numbers(frame, "score", _FIGURE, optional=True)
    edge = _EDGE * limit
    with house_style():
        axes = new_axes(ax, figsize=(6.8, 0.66 * len(names) + 1.2))
        axes.grid(axis="x", color=RULE)
        for x in (-limit, limit):
            axes.axvline(x, color=INK, linewidth=1, linestyle="--", zorder=1)
        for place, name in enumerate(names):
            rows = np.flatnonzero([label == name for label in labels] & np.isfinite(scores))
            _draw_line(axes, place, scores[rows], [runs[i] for i in rows], limit)
        axes.set_xlim(-1.06 * edge, 1.06 * edge)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_yticks(range(len(names)), ["\n".join(wrap(n, 22, 2)) for n in names], **PLAIN)
        name_axes(axes, title=title, xlabel=xlabel)
        _explain(axes, limit)
    return axes


def _draw_line(axes: Axes, place: int, scores: Array, runs: list[str], limit: float) -> None:
    """Draw one label's scores, spread downwards, and name the farthest."""
    order = np.argsort(scores, kind="stable")
    # a low-discrepancy sequence: scores that are near one another stand apart
    spread = np.empty(len(scores))
    spread[order] = (np.arange(len(scores)) * 0.6180339887 + 0.5) % 1 - 0.5
    far = np.abs(scores) > limit
    look: dict[str, Any] = {"linestyle": "none", "zorder": 2}
    axes.plot(
        scores[~far], place + 0.5 * spread[~far], marker="o", markersize=3.5, alpha=0.7,
        color=PALETTE["sky"], markeredgecolor=PALETTE["blue"], markeredgewidth=0.4, **look,
    )  # fmt: skip
    shown = np.clip(scores, -_EDGE * limit, _EDGE * limit)
    axes.plot(
        shown[far], np.full(far.sum(), place), marker="D", markersize=5.5,
        color=PALETTE["vermillion"], markeredgecolor=INK, markeredgewidth=0.6, **look,
    )  # fmt: skip
    for side in (-1, 1):
        mine = [i for i in order[::side] if far[i] and scores[i] * side > 0]
        if mine:
            _name(axes, place, side, [(runs[i], float(scores[i])) for i in mine], limit)


def _name(axes: Axes, place: int, side: int, far: list[tuple[str, float]], limit: float) -> None:
    """Name the farthest run beyond a limit, in the room between limit and edge."""
    run, score = far[-1]
    more = f" and {len(far) - 1} more" * (len(far) > 1)
    lines = [*wrap(run, 19, 2), f"({score:+.1f}){more}".replace("-", "\N{MINUS SIGN}")]
    lines = [" ".join(lines)] if len(" ".join(lines)) < 20 else lines
    axes.text(
        side * (1.06 * _EDGE * limit - 0.1), place - 0.13, "\n".join(lines), fontsize=8,
        va="bottom", ha="right" if side > 0 else "left", linespacing=1.0, **PLAIN,
    )  # fmt: skip


def _explain(axes: Axes, limit: float) -> None:
    dot: dict[str, Any] = {"linestyle": "none", "marker": "o", "color": PALETTE["sky"]}
    far: dict[str, Any] = {"linestyle": "none", "marker": "D", "color": PALETTE["vermillion"]}
    handles = [
        Line2D([], [], markersize=4, markeredgecolor=PALETTE["blue"], **dot),
        Line2D([], [], markersize=5.5, markeredgecolor=INK, markeredgewidth=0.6, **far),
        Line2D([], [], color=INK, linewidth=1, linestyle="--"),
    ]
    labels = ["a run", "far out; at the edge: farther still", f"limit, {limit:g}"]
    place = {
        "loc": "upper center",
        "bbox_to_anchor": (0.5, -0.42 / max(1, len(axes.get_yticks()))),
    }
    add_legend(axes, handles, labels, ncols=3, borderaxespad=1.6, **place)
