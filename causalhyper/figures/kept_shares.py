"""How much of each layer is kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

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

COLUMNS = ("layer", "share_kept", "collapsed")
_FIGURE = "a figure of layers"
_GONE = "#B04E00"
"""Vermillion, dark enough for text."""
_MARKS = {"share_kept": ("parameters", "blue", "o"), "share_flops": ("operations", "orange", "s")}


def plot_kept_shares(
    frame: pd.DataFrame, *, of: str = "parameters", title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw the share of each layer that is kept, on a logarithmic axis.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a layer, first at the top: columns `COLUMNS`, and `share_flops` where it is known.
    of : str
        What is counted, where there are no operations.
    title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    matplotlib.axes.Axes
        Layers that collapsed are named so; those of which nothing is kept have no mark.

    Raises
    ------
    ConfigurationError
        For missing columns, no rows, or shares outside [0, 1].

    Examples
    --------
    >>> frame = pd.DataFrame({"layer": ["fc1", "fc2"], "share_kept": [0.02, 0.0004]})
    >>> axes = plot_kept_shares(frame.assign(collapsed=[False, True]))
    >>> [tick.get_text() for tick in axes.get_yticklabels()]
    ['fc1', 'fc2 (collapsed)']
    """
    check_columns(frame, COLUMNS, _FIGURE)
    names = read_texts(frame, "layer")
    shares = {
        column: read_numbers(frame, column, _FIGURE, optional=column != "share_kept")
        for column in _MARKS
        if column in frame.columns
    }
    if not names or any(((s < 0) | (s > 1)).any() for s in shares.values()):
        raise ConfigurationError(f"{_FIGURE} needs a layer at least, and shares in [0, 1]")
    rows = np.arange(len(names))
    collapsed = frame["collapsed"].to_numpy(dtype=np.bool_)
    shown = ["\n".join(wrap(name, 34, 2)) for name in names]
    labels = [f"{n} (collapsed)" if c else n for n, c in zip(shown, collapsed, strict=True)]
    with house_style():
        axes = new_axes(ax, figsize=(6.4, 0.34 * len(names) + 1.3))
        axes.grid(axis="x", color=RULE)
        axes.hlines(rows, 0, 1, RULE, linewidth=0.7, zorder=1)
        for k, (column, share) in enumerate(shares.items()):
            label, color, marker = _MARKS[column]
            there, beside = share > 0, 0.22 * (k - (len(shares) - 1) / 2)
            axes.plot(
                share[there], rows[there] + beside, linestyle="none", marker=marker, markersize=7,
                color=PALETTE[color], markeredgecolor="white", zorder=3, label=label,
            )  # fmt: skip
        _set_scale(axes, float(min(s[s > 0].min(initial=1.0) for s in shares.values())))
        axes.set_yticks(rows, labels, **PLAIN)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        for tick, gone in zip(axes.get_yticklabels(), collapsed, strict=True):
            tick.set_color(_GONE if gone else INK)
        handles, names = axes.get_legend_handles_labels()
        place = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "ncols": len(shares)}
        if len(shares) > 1:
            add_legend(axes, handles, names, **place)
        what = f" of the {of}" if len(shares) == 1 else ""
        name_axes(axes, title=title, xlabel=f"share{what} kept")
    return axes


def _set_scale(axes: Axes, least: float) -> None:
    """Logarithmic from the least share to all, with shares as ticks."""
    lowest = 10.0 ** np.floor(np.log10(least) + 1e-9)
    axes.set_xscale("log")
    axes.set_xlim(min(lowest, 0.1) * 0.9, 1.15)
    ticks = 10.0 ** np.arange(np.log10(min(lowest, 0.1)).round(), 1)
    axes.set_xticks(ticks, [f"{100 * t:.4g}%" for t in ticks], **PLAIN)
    axes.xaxis.set_minor_locator(NullLocator())
