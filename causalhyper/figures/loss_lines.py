"""The loss along a line through a network's parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_numbers, read_texts
from causalhyper.figures.loss_surface import ALPHA, LOG_LOSS
from causalhyper.figures.style import (
    GREY,
    RULE,
    SERIES,
    add_legend,
    house_style,
    name_axes,
    new_axes,
)

_FIGURE = "a line of losses"
_DASHES = ("-", "--", "-.", ":")


def plot_loss_lines(
    frame: pd.DataFrame, *, by: str | None = None, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw the loss along a line through one network or several, with the networks marked.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `alpha` and `log_loss`, and `by` where it is named; of several rows at one alpha
        (seeds) the mean is drawn, and each as a pale line where `seed` tells them apart.
    by : str, optional
        Column that tells the lines apart.
    title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ConfigurationError
        For missing columns, and an empty frame.

    Examples
    --------
    >>> rows = pd.DataFrame({"alpha": [-1.0, 0.0, 1.0], "log_loss": [0.7, 0.0, 0.7]})
    >>> plot_loss_lines(rows).get_ylabel()
    'log(1 + training loss)'
    """
    check_columns(frame, ["alpha", "log_loss", *([by] if by else [])], _FIGURE)
    if not len(frame):
        raise ConfigurationError(f"{_FIGURE} needs at least one row; the frame is empty")
    read_numbers(frame, "alpha", _FIGURE)
    finite = frame[np.isfinite(frame["log_loss"].to_numpy(dtype=float))]
    names = pd.Series(read_texts(finite, by) if by else "", index=finite.index)
    with house_style():
        axes = new_axes(ax, figsize=(6.4, 3.8))
        axes.grid(axis="y", color=RULE)
        handles: list[Any] = []
        for i, name in enumerate(dict.fromkeys(names)):
            rows = finite[names == name]
            look: dict[str, Any] = {"color": SERIES[i % 6], "linestyle": _DASHES[i % 4]}
            if "seed" in rows and rows["seed"].nunique() > 1:
                for _, each in rows.groupby("seed"):
                    axes.plot(each["alpha"], each["log_loss"], alpha=0.3, linewidth=0.8, **look)
            mean = rows.groupby("alpha")["log_loss"].mean()
            handles += axes.plot(mean.index, mean.to_numpy(), linewidth=1.6, **look)
        axes.axvline(0, color=GREY, linewidth=0.8, linestyle=":")
        name_axes(axes, title=title, xlabel=ALPHA, ylabel=LOG_LOSS)
        if by:
            add_legend(axes, handles, list(dict.fromkeys(names)), loc="best")
    return axes
