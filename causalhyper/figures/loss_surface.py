"""The loss over a plane or a line through a network's parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_numbers, read_texts
from causalhyper.figures.style import (
    GREY,
    INK,
    PALETTE,
    PLAIN,
    RULE,
    add_legend,
    house_style,
    name_axes,
    new_axes,
)

View = Literal["contours", "relief"]
"""Lines of equal height, or a surface seen from the side."""

LOG_LOSS = "log(1 + training loss)"
ALPHA, BETA = "α, along direction 1", "β, along direction 2"
_FIGURE = "a loss surface"
_LEVELS = 12
_COLORS = [PALETTE[c] for c in ("blue", "vermillion", "green", "purple", "orange", "sky")]
_DASHES = ("-", "--", "-.", ":")


def plot_loss_surface(
    frame: pd.DataFrame,
    *,
    view: View = "contours",
    limits: tuple[float, float] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one loss surface, z = log(1 + loss), and mark the network in its middle.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `alpha`, `beta`, `log_loss`: one row for each pair of a full grid. Where the loss
        diverged (infinite or absent) nothing is drawn but a grey ground.
    view : {"contours", "relief"}
        Seen from above, or in three dimensions as Li et al. 2018 show it.
    limits : tuple of float, optional
        Lowest and highest z of the scale: surfaces that are compared need the same. Without it,
        those of the frame.
    title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a relief needs axes of projection "3d". A new figure otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ConfigurationError
        For missing columns, grids with holes, an unknown view, and axes of another projection.

    Examples
    --------
    >>> alpha, beta = (a.ravel() for a in np.meshgrid([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]))
    >>> rows = pd.DataFrame({"alpha": alpha, "beta": beta, "log_loss": alpha**2 + beta**2})
    >>> plot_loss_surface(rows).get_xlabel()
    'α, along direction 1'
    """
    if view not in ("contours", "relief"):
        raise ConfigurationError(f"view must be 'contours' or 'relief'; got {view!r}")
    alphas, betas, heights = _read_grid(frame)
    low, high = _limits(heights, limits)
    with house_style():
        axes = ax if ax is not None else _panels(1, view)[0]
        if (view == "relief") != (axes.name == "3d"):
            raise ConfigurationError(
                f"the view {view!r} does not fit axes of projection {axes.name!r}: make them with "
                f"projection={'3d' if view == 'relief' else 'rectilinear'!r}"
            )
        draw = _draw_relief if view == "relief" else _draw_contours
        draw(axes, alphas, betas, heights, (low, high))
        name_axes(axes, title=title, xlabel=ALPHA, ylabel=BETA)
    return axes


def plot_loss_surfaces(
    frame: pd.DataFrame, *, by: str = "method", view: View = "contours", title: str = ""
) -> list[Axes]:
    """Draw loss surfaces side by side on one scale of z, each titled with its network's loss.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `alpha`, `beta`, `loss`, `log_loss` and `by`; the middle of each grid is the
        network.
    by : str
        Column that tells the surfaces apart, drawn in the order in which they come.
    view : {"contours", "relief"}
        As `plot_loss_surface` takes it.
    title : str
        Plain text, above all.

    Returns
    -------
    list of matplotlib.axes.Axes
        One a surface, all of one figure.

    Raises
    ------
    ConfigurationError
        For missing columns, grids with holes, and an empty frame.

    Notes
    -----
    The training loss stands in each title because a network that has collapsed has the flattest
    surface of all.

    Examples
    --------
    >>> alpha, beta = (a.ravel() for a in np.meshgrid([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]))
    >>> rows = pd.DataFrame({"alpha": alpha, "beta": beta, "loss": alpha**2 + beta**2})
    >>> rows = rows.assign(log_loss=np.log1p(rows["loss"]), method="dense")
    >>> [axes.get_title(loc="left") for axes in plot_loss_surfaces(rows)]
    ['dense, training loss 0']
    """
    check_columns(frame, [by, "alpha", "beta", "loss", "log_loss"], _FIGURE)
    names = pd.Series(read_texts(frame, by), index=frame.index)
    found = list(dict.fromkeys(names))
    if not found:
        raise ConfigurationError(f"{_FIGURE} needs at least one row; the frame is empty")
    limits = _limits(frame["log_loss"].to_numpy(dtype=float), None)
    panels = _panels(len(found), view)
    for axes, name in zip(panels, found, strict=True):
        rows = frame[names == name]
        loss = rows.loc[(rows["alpha"] == 0) & (rows["beta"] == 0), "loss"]
        at = f", training loss {loss.iloc[0]:.3g}" if len(loss) else ""
        plot_loss_surface(rows, view=view, limits=limits, title=f"{name}{at}", ax=axes)
    if title:
        with house_style():
            figure = panels[0].figure.figure
            figure.suptitle(title, x=0.01, ha="left", fontweight="bold", color=INK, **PLAIN)
    return panels


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
            look = {"color": _COLORS[i % 6], "linestyle": _DASHES[i % 4]}
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


def _read_grid(frame: pd.DataFrame) -> tuple[Array, Array, Array]:
    """Distinct alpha and beta, and z over them, shape (beta, alpha), NaN where it diverged."""
    check_columns(frame, ("alpha", "beta", "log_loss"), _FIGURE)
    x, y = read_numbers(frame, "alpha", _FIGURE), read_numbers(frame, "beta", _FIGURE)
    alphas, i = np.unique(x, return_inverse=True)
    betas, j = np.unique(y, return_inverse=True)
    cells = len(alphas) * len(betas)
    places = len(np.unique(j * len(alphas) + i))
    if min(len(alphas), len(betas)) < 2 or places != cells or len(frame) != cells:
        raise ConfigurationError(
            f"{_FIGURE} needs a full grid of at least 2 x 2, each pair once; got "
            f"{len(alphas)} x {len(betas)} values in {len(frame)} rows: give one row for each "
            "pair, and draw a line with plot_loss_lines"
        )
    heights = np.empty((len(betas), len(alphas)))
    values = frame["log_loss"].to_numpy(dtype=float)
    heights[j, i] = np.where(np.isfinite(values), values, np.nan)
    return alphas, betas, heights


def _limits(heights: Array, limits: tuple[float, float] | None) -> tuple[float, float]:
    finite = heights[np.isfinite(heights)]
    low, high = limits or (
        (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    )
    if not (np.isfinite([low, high]).all() and low <= high):
        raise ConfigurationError(f"limits must be finite and in order; got {low:g} and {high:g}")
    return low, high if high > low else low + 1e-6


def _panels(count: int, view: View) -> list[Axes]:
    projection = "3d" if view == "relief" else None
    size = (4.6 * count + 0.4, 4.0)
    with house_style():
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        return [figure.add_subplot(1, count, i + 1, projection=projection) for i in range(count)]


def _levels(limits: tuple[float, float]) -> Sequence[float]:
    return list(MaxNLocator(_LEVELS).tick_values(*limits))


def _draw_contours(
    axes: Axes, alphas: Array, betas: Array, heights: Array, limits: tuple[float, float]
) -> None:
    """Fill between the levels, dark where the loss is low, and name the lines."""
    axes.set_facecolor(RULE)
    levels = _levels(limits)
    filled = axes.contourf(alphas, betas, heights, levels, cmap="cividis", extend="both")
    axes.contour(alphas, betas, heights, levels, colors=["white"], linewidths=0.5, alpha=0.6)
    bar = axes.figure.colorbar(filled, ax=axes, shrink=0.9, pad=0.02)
    bar.set_label(LOG_LOSS)
    bar.outline.set_visible(False)
    axes.plot([0], [0], "+", color="white", markersize=10, markeredgewidth=2.4, zorder=5)
    axes.plot(
        [0], [0], "+", color=PALETTE["vermillion"], markersize=9, markeredgewidth=1.4, zorder=6
    )
    axes.set_aspect("equal")


def _draw_relief(
    axes: Any, alphas: Array, betas: Array, heights: Array, limits: tuple[float, float]
) -> None:
    """Draw the surface, with the network as a point on it."""
    low, high = limits
    x, y = np.meshgrid(alphas, betas)
    axes.plot_surface(
        x, y, heights, cmap="cividis", vmin=low, vmax=high, rcount=60, ccount=60,
        linewidth=0.2, edgecolor=(1, 1, 1, 0.35), antialiased=True,
    )  # fmt: skip
    middle = (len(betas) // 2, len(alphas) // 2)
    if np.isfinite(heights[middle]):
        axes.plot(
            [alphas[middle[1]]], [betas[middle[0]]], [heights[middle]], "o",
            color=PALETTE["vermillion"], markersize=5, zorder=10,
        )  # fmt: skip
    axes.set_zlim(low, high)
    axes.set_zlabel(LOG_LOSS)
    axes.view_init(elev=28, azim=-55)
    axes.set_box_aspect((1, 1, 0.8), zoom=0.88)
