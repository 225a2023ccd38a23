"""Masks against one another: a 2 x 2 block for each pair."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from causalhyper.errors import ConfigurationError
from causalhyper.figures.checks import check_columns, read_numbers, read_texts
from causalhyper.figures.style import INK, PALETTE, PLAIN, SOFT, house_style, name_axes, new_axes

CELLS = ("both_pruned", "only_first", "only_second", "neither")
COLUMNS = (
    "first", "first_seed", "second", "second_seed", "first_pruned", "second_pruned",
    *CELLS, "expected_both_pruned",
)  # fmt: skip
_FIGURE = "a figure of masks"
_PLACES = {"both_pruned": (0, 0), "only_first": (0, 1), "only_second": (1, 0), "neither": (1, 1)}
_SIDE, _GAP = 0.46, 0.08
_KEY = (
    "% of entries pruned by:\nboth (by both if independent)  |  row only\ncolumn only  |  neither"
)


def plot_mask_agreement(frame: pd.DataFrame, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw the masks of one method in rows against those of another in columns.

    Each block holds the shares of the entries, in percent, that both prune (top left, below it in
    brackets what independent masks of the same layer counts both prune), that only the row's
    mask prunes (top right), only the column's (bottom left), and neither (bottom right).

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a pair, columns `COLUMNS`; shares are fractions of the entries.
    title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    matplotlib.axes.Axes
        The first mask of the frame is at the top, and at the left.

    Raises
    ------
    ConfigurationError
        For missing columns, no rows, or shares outside [0, 1].

    Examples
    --------
    >>> row = {"first": "causal", "first_seed": "0", "second": "magnitude", "second_seed": "0"}
    >>> row |= {"first_pruned": 0.97, "second_pruned": 0.97, "both_pruned": 0.945}
    >>> row |= {"only_first": 0.025, "only_second": 0.025, "neither": 0.005}
    >>> axes = plot_mask_agreement(pd.DataFrame([row | {"expected_both_pruned": 0.943}]))
    >>> [text.get_text() for text in axes.texts][:2]
    ['(94.3)', '94.5']
    """
    check_columns(frame, COLUMNS, _FIGURE)
    if len(frame) == 0:
        raise ConfigurationError(f"{_FIGURE} needs at least one row; the frame is empty")
    downs, acrosses = _marks(frame, "first"), _marks(frame, "second")
    rows, columns = list(dict.fromkeys(downs)), list(dict.fromkeys(acrosses))
    with house_style():
        axes = new_axes(ax, figsize=(max(1.15 * len(columns) + 1.2, 3.6), 1.15 * len(rows) + 1.3))
        for k, (down, across) in enumerate(zip(downs, acrosses, strict=True)):
            _draw_block(axes, frame.iloc[[k]], rows.index(down), columns.index(across))
        _name_masks(axes, rows, columns)
        first, second = (read_texts(frame, name)[0] for name in ("first", "second"))
        name_axes(axes, xlabel=f"pruned by {second}", ylabel=f"pruned by {first}")
        if title:
            axes.set_title(f"{title}\n\n", fontsize=11, **PLAIN)
    return axes


def _marks(frame: pd.DataFrame, which: str) -> list[str]:
    """What stands at the row or the column of each pair: seed and share pruned."""
    shares = read_numbers(frame, f"{which}_pruned", _FIGURE)
    seeds = read_texts(frame, f"{which}_seed")
    return [f"seed {seed}\n{100 * share:.1f}%" for seed, share in zip(seeds, shares, strict=True)]


def _draw_block(axes: Axes, row: pd.DataFrame, down: int, across: int) -> None:
    """Draw the four shares of a pair; the darker, the larger."""
    for name, (below, beside) in _PLACES.items():
        share = _read_share(row, name)
        x, y = across - _SIDE + beside * _SIDE, down - _SIDE + below * _SIDE
        dark = share**0.5
        face: dict[str, Any] = {"facecolor": PALETTE["blue"], "alpha": 0.06 + 0.64 * dark}
        axes.add_patch(Rectangle((x, y), _SIDE, _SIDE, edgecolor="white", **face))
        x, y = x + _SIDE / 2, y + _SIDE / 2
        if name == "both_pruned":
            y -= 0.07
            chance = f"({100 * _read_share(row, 'expected_both_pruned'):.1f})"
            _write(axes, x, y + 0.16, chance, 8)
        _write(axes, x, y, f"{100 * share:.1f}", 10)


def _read_share(row: pd.DataFrame, name: str) -> float:
    share = float(read_numbers(row, name, _FIGURE)[0])
    if not 0 <= share <= 1:
        raise ConfigurationError(f"{_FIGURE} needs shares between 0 and 1; got {share:g}")
    return share


def _write(axes: Axes, x: float, y: float, text: str, size: float) -> None:
    place: dict[str, Any] = {"horizontalalignment": "center", "verticalalignment": "center"}
    axes.text(x, y, text, color=INK, fontsize=size, **place, **PLAIN)


def _name_masks(axes: Axes, rows: list[str], columns: list[str]) -> None:
    axes.set_aspect("equal")
    axes.set_xlim(-0.5 - _GAP, len(columns) - 0.5 + _GAP)
    axes.set_ylim(len(rows) - 0.5 + _GAP, -0.5 - _GAP)
    axes.set_xticks(np.arange(len(columns)), columns, **PLAIN)
    axes.set_yticks(np.arange(len(rows)), rows, **PLAIN)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.text(0, 1.02, _KEY, transform=axes.transAxes, fontsize=8, color=SOFT, **PLAIN)
