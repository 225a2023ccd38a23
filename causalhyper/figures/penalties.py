"""What a choice of the penalty went by, over the penalties."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_numbers
from causalhyper.figures.scales import plain_ticks
from causalhyper.figures.style import INK, PALETTE, RULE, house_style, name_axes, new_axes

NAMES = {
    "r2_out": "R² out of the sample",
    "ebic": "extended BIC",
    "kept": "columns kept",
    "r2_in": "R² in the sample",
    "gcv": "generalised cross-validation error",
    "cv": "cross-validation error (squared loss change)",
}
_FIGURE = "a figure of penalties"


def plot_penalties(
    frame: pd.DataFrame,
    *,
    quantity: str,
    chosen: float,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a quantity over the penalty, from strong to weak, and the penalty chosen.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `lambda` and the quantity, one row a penalty above zero; for "r2_out" also `se`,
        drawn as a band of one standard error.
    quantity : {"r2_out", "ebic", "kept", "r2_in", "gcv", "cv"}
        What to draw.
    chosen : float
        The penalty to mark.
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
        For missing columns, penalties that a logarithm does not have, and unknown quantities.

    Examples
    --------
    >>> frame = pd.DataFrame({"lambda": [1.0, 0.1], "kept": [0, 7]})
    >>> plot_penalties(frame, quantity="kept", chosen=0.1).get_ylabel()
    'columns kept'
    """
    if quantity not in NAMES:
        raise ConfigurationError(f"{_FIGURE} shows one of {', '.join(NAMES)}; got {quantity!r}")
    band = quantity == "r2_out"
    check_columns(frame, ["lambda", quantity, *(["se"] if band else [])], _FIGURE)
    penalties = read_numbers(frame, "lambda", _FIGURE)
    if not len(penalties) or (penalties <= 0).any():
        raise ConfigurationError(f"{_FIGURE} needs penalties above zero; got {penalties}")
    drawn = np.isfinite(frame[quantity].to_numpy(dtype=float))
    penalties = penalties[drawn]
    values = read_numbers(frame[drawn], quantity, _FIGURE)
    with house_style():
        axes = new_axes(ax, figsize=(6.4, 3.6))
        axes.set_xscale("log")
        plain_ticks(axes.xaxis)
        axes.grid(axis="y", color=RULE)
        if band:
            errors = read_numbers(frame[drawn], "se", _FIGURE)
            axes.fill_between(
                penalties,
                values - errors,
                values + errors,
                color=PALETTE["sky"],
                alpha=0.3,
                linewidth=0,
                label="one standard error",
            )
            axes.axhline(0, color=INK, linewidth=0.8)
        axes.plot(penalties, values, color=PALETTE["blue"], marker="o", markersize=2.5)
        axes.axvline(chosen, color=PALETTE["vermillion"], linewidth=1.2, label="chosen")
        axes.set_xlim(1.1 * penalties.max(), penalties.min() / 1.1)
        name_axes(
            axes, title=title, xlabel="penalty λ, weaker to the right", ylabel=NAMES[quantity]
        )
        axes.legend(loc="best")
    return axes
