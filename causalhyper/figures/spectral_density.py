"""How the eigenvalues of a curvature matrix are distributed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_numbers, read_texts
from causalhyper.figures.scales import plain_ticks
from causalhyper.figures.style import (
    GREY,
    RULE,
    SERIES,
    add_legend,
    house_style,
    name_axes,
    new_axes,
)

_FIGURE = "a spectral density"
_DASHES = ("-", "--", "-.", ":")
_DECADES = 7
"""Densities further below the highest are kernel tails, and not drawn."""


def plot_spectral_density(
    frame: pd.DataFrame, *, by: str | None = None, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw smoothed densities of eigenvalues on a logarithmic scale, with their errors.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `value`, `density`, `se` (NaN where there was one probe), `width` of the kernel,
        and `by` where it is named.
    by : str, optional
        Column that tells the densities apart, drawn in the order in which they come.
    title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    matplotlib.axes.Axes
        Bands are one standard error over probes. Seven decades at most are shown: below lie the
        tails of the kernel.

    Raises
    ------
    ConfigurationError
        For missing columns, numbers that cannot be drawn, and densities of which none is above
        zero.

    Examples
    --------
    >>> rows = {"value": [0.0, 1.0], "density": [1.0, 0.1], "se": [0.1, 0.05], "width": 0.1}
    >>> plot_spectral_density(pd.DataFrame(rows)).get_yscale()
    'log'
    """
    check_columns(frame, ["value", "density", "se", "width", *([by] if by else [])], _FIGURE)
    value, density = (read_numbers(frame, name, _FIGURE) for name in ("value", "density"))
    se = np.nan_to_num(read_numbers(frame, "se", _FIGURE, optional=True))
    widths = read_numbers(frame, "width", _FIGURE)
    if not (density > 0).any():
        raise ConfigurationError(f"{_FIGURE} needs a density above zero; got none")
    floor = max(density.max() / 10**_DECADES, density[density > 0].min() / 3)
    names = np.array(read_texts(frame, by) if by else [""] * len(frame))
    found = list(dict.fromkeys(names))
    with house_style():
        axes = new_axes(ax, figsize=(6.8, 3.8))
        axes.set_yscale("log")
        plain_ticks(axes.yaxis)
        axes.grid(axis="y", color=RULE)
        handles, labels = [], []
        for i, name in enumerate(found):
            rows = np.flatnonzero(names == name)
            rows = rows[np.argsort(value[rows], kind="stable")]
            color = SERIES[i % len(SERIES)]
            at, high, low = value[rows], density[rows] + se[rows], density[rows] - se[rows]
            axes.fill_between(
                at, np.maximum(low, floor), np.maximum(high, floor), color=color, alpha=0.18, lw=0
            )
            dash = _DASHES[i % len(_DASHES)]
            shown = np.where(density[rows] >= floor, density[rows], np.nan)
            handles += axes.plot(at, shown, color=color, linestyle=dash, linewidth=1.3)
            labels.append(f"{name} (kernel {widths[rows[0]]:.2g})")
        axes.axvline(0, color=GREY, linewidth=0.8, linestyle=":")
        axes.set_ylim(floor, 3 * (density + se).max())
        kernel = "" if by else f" (kernel {widths[0]:.2g})"
        name_axes(
            axes,
            title=title,
            xlabel="eigenvalue of the Hessian (loss per squared unit of parameter)",
            ylabel=f"density of eigenvalues{kernel}",
        )
        if by:
            add_legend(axes, handles, labels, loc="upper right")
    return axes
