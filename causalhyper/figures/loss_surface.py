"""The loss over a plane through a network's parameters."""

from __future__ import annotations

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
    INK,
    PALETTE,
    PLAIN,
    RULE,
    house_style,
    name_axes,
)
from causalhyper.figures.text import as_text

View = Literal["contours", "relief"]
"""Lines of equal height, or a surface seen from the side."""

LOG_LOSS = "log(1 + training loss)"
ALPHA, BETA = "α, along direction 1", "β, along direction 2"
_FIGURE = "a loss surface"
_LEVELS = 12


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
    grid = _read_grid(frame)
    scale = _limits(grid[2], limits)
    with house_style():
        axes = ax if ax is not None else _panels(1, view)[0]
        _check_projection(axes, view)
        if view == "relief":
            _draw_relief(axes, *grid, scale)
        else:
            _add_bar([axes], _draw_contours(axes, *grid, scale))
        name_axes(axes, xlabel=ALPHA, ylabel=BETA)
        _set_title(axes, title)
    return axes


def plot_loss_surfaces(
    frame: pd.DataFrame,
    *,
    by: str = "method",
    view: View = "contours",
    title: str = "",
    columns: int | None = None,
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
    columns : int, optional
        Surfaces in a row at most; without it all stand in one.

    Returns
    -------
    list of matplotlib.axes.Axes
        One a surface, all of one figure.

    Raises
    ------
    ConfigurationError
        For missing columns, grids with holes, an empty frame, and rows of no surface.

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
    scale = _limits(frame["log_loss"].to_numpy(dtype=float), None)
    with house_style():
        panels = _panels(len(found), view, columns)
        for axes, name in zip(panels, found, strict=True):
            rows = frame[names == name]
            draw = _draw_relief if view == "relief" else _draw_contours
            drawn = draw(axes, *_read_grid(rows), scale)
            name_axes(axes, xlabel=ALPHA, ylabel=BETA)
            loss = rows.loc[(rows["alpha"] == 0) & (rows["beta"] == 0), "loss"]
            at = f", training loss {loss.iloc[0]:.3g}" if len(loss) else ""
            _set_title(axes, f"{name}{at}")
        if view == "contours":
            _add_bar(panels, drawn)
        if title:
            look = {"x": 0.01, "ha": "left", "fontweight": "bold", "color": INK, **PLAIN}
            panels[0].figure.figure.suptitle(as_text(title), **look)
    return panels


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


def _panels(count: int, view: View, columns: int | None = None) -> list[Axes]:
    if columns is not None and columns < 1:
        raise ConfigurationError(f"columns must be at least 1; got {columns}")
    projection = "3d" if view == "relief" else None
    wide = min(columns or count, count)
    rows = -(-count // wide)
    size = (4.2 * wide + 0.8, 4.0 * rows)
    with house_style():
        # squares beside a shared bar: "constrained" cuts their titles when it is drawn once
        layout: Literal["constrained", "compressed"] = (
            "constrained" if projection else "compressed"
        )
        figure = Figure(figsize=size, layout=layout)
        FigureCanvasAgg(figure)
        return [figure.add_subplot(rows, wide, i + 1, projection=projection) for i in range(count)]


def _check_projection(axes: Axes, view: View) -> None:
    if (view == "relief") != (axes.name == "3d"):
        raise ConfigurationError(
            f"the view {view!r} does not fit axes of projection {axes.name!r}: make them with "
            f"projection={'3d' if view == 'relief' else 'rectilinear'!r}"
        )


def _set_title(axes: Axes, title: str) -> None:
    """Set the title at the left, where axes in three dimensions do not put it by themselves."""
    axes.set_title(as_text(title), loc="left", **PLAIN)


def _draw_contours(
    axes: Axes, alphas: Array, betas: Array, heights: Array, limits: tuple[float, float]
) -> Any:
    """Fill between the levels, dark where the loss is low; grey where it diverged."""
    axes.set_facecolor(RULE)
    levels = MaxNLocator(_LEVELS).tick_values(*limits)
    finite = heights[np.isfinite(heights)]
    beyond = finite.size and (finite.min() < levels[0] or finite.max() > levels[-1])
    extend: Any = "both" if beyond else "neither"
    filled = axes.contourf(alphas, betas, heights, levels, cmap="cividis", extend=extend)
    axes.contour(alphas, betas, heights, levels, colors=["white"], linewidths=0.5, alpha=0.6)
    cross: dict[str, Any] = {"marker": "+", "linestyle": "", "zorder": 5}
    axes.plot([0], [0], color="white", markersize=10, markeredgewidth=2.4, **cross)
    axes.plot([0], [0], color=PALETTE["vermillion"], markersize=9, markeredgewidth=1.4, **cross)
    axes.set_aspect("equal")
    axes.set(xlim=(alphas[0], alphas[-1]), ylim=(betas[0], betas[-1]))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    if finite.size < heights.size:
        place: dict[str, Any] = {
            "transform": axes.transAxes,
            "ha": "right",
            "fontsize": 8,
            "color": INK,
        }
        axes.text(0.98, 0.02, "grey: the loss diverged", **place, **PLAIN)
    return filled


def _add_bar(panels: list[Axes], filled: Any) -> None:
    bar = panels[0].figure.colorbar(filled, ax=panels, shrink=0.8, pad=0.02)
    bar.set_label(LOG_LOSS)
    bar.outline.set_visible(False)


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
