"""The look of every figure: colours, fonts, and axes without global state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from causalhyper.figures.text import FONTS, as_text, wrap

PALETTE: dict[str, str] = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#000000",
}
"""Okabe and Ito's colours, told apart with every kind of colour vision; the darkest first."""

SERIES = tuple(PALETTE[c] for c in ("blue", "vermillion", "green", "purple", "black", "orange"))
"""Colours of series in order; the first five stand out from white at 3:1 or more."""

INK, SOFT, GREY, RULE = "#222222", "#606060", "#8A8A8A", "#DDDDDD"
"""Text, text that is set back, lines that are, and grid lines."""

PLAIN: dict[str, Any] = {"parse_math": False, "usetex": False}
"""Keywords of a text that shows labels as they are, `$` included."""

_HOUSE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "font.family": ["sans-serif"],
    "font.sans-serif": list(FONTS),
    "font.size": 9.5,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "savefig.bbox": None,
    "svg.fonttype": "none",
    "svg.hashsalt": "causalhyper",
    "text.color": INK,
    "text.parse_math": False,
    "text.usetex": False,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 9,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 9,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style, whatever the reader's own settings; they come back afterwards.

    Examples
    --------
    >>> with house_style():
    ...     matplotlib.rcParams["svg.fonttype"]
    'none'
    """
    with matplotlib.style.context(["default", _HOUSE]):
        yield


def new_axes(ax: Axes | None = None, figsize: tuple[float, float] = (7.2, 4.0)) -> Axes:
    """Return the given axes, or those of a new figure that no global state knows.

    Parameters
    ----------
    ax : matplotlib.axes.Axes, optional
        Returned as it is.
    figsize : tuple of float
        Width and height of a new figure, in inches.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> axes = new_axes(figsize=(5, 3))
    >>> new_axes(axes) is axes
    True
    """
    if ax is not None:
        return ax
    with house_style():
        figure = Figure(figsize=figsize, layout="constrained")
        FigureCanvasAgg(figure)
        axes: Axes = figure.add_subplot()
    return axes


def name_axes(axes: Axes, *, title: str = "", xlabel: str = "", ylabel: str = "") -> None:
    """Write the title and the names of the axes as plain text; empty ones change nothing.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    title, xlabel, ylabel : str
        Wrapped to the figure.

    Examples
    --------
    >>> axes = new_axes()
    >>> name_axes(axes, title="effect in $")
    >>> axes.title.get_text(), axes.title.get_parse_math()
    ('effect in $', False)
    """
    figure = axes.figure.figure
    across, down = figure.get_figwidth() * 11, figure.get_figheight() * 10
    if title:
        axes.set_title("\n".join(wrap(as_text(title), int(across))), **PLAIN)
    if xlabel:
        axes.set_xlabel("\n".join(wrap(as_text(xlabel), int(across))), **PLAIN)
    if ylabel:
        axes.set_ylabel("\n".join(wrap(as_text(ylabel), int(down))), **PLAIN)


def add_legend(axes: Axes, handles: Sequence[Any], labels: Sequence[str], **place: Any) -> Legend:
    """Explain artists in plain text, also labels with a leading underscore.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    handles : sequence of matplotlib.artist.Artist
    labels : sequence of str
        One a handle.
    **place
        Keywords of `matplotlib.axes.Axes.legend`.

    Returns
    -------
    matplotlib.legend.Legend

    Examples
    --------
    >>> from matplotlib.lines import Line2D
    >>> legend = add_legend(new_axes(), [Line2D([], [])], ["_x$"])
    >>> legend.get_texts()[0].get_text()
    '_x$'
    """
    legend = axes.legend(list(handles), ["x"] * len(handles), **place)
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set(text=label, **PLAIN)
    return legend
