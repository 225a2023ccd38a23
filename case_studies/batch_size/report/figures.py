"""Pictures of the study: curves by protocol, pooled effects, noise and updates set apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from case_studies.batch_size.report.judgement import pick
from case_studies.batch_size.runs import BATCH_SIZES, LARGE, SHORT
from causalhyper.figures import PALETTE, house_style, plot_forest, to_svg
from causalhyper.figures.scales import scale_values
from causalhyper.figures.style import INK, name_axes

COLOURS = dict(zip(SHORT, ("vermillion", "blue", "green", "purple"), strict=True))
COLUMNS = 3


def draw_curves(curves: pd.DataFrame) -> str:
    """One panel a cell, one line a protocol: accuracy at each B less that at 512.

    Parameters
    ----------
    curves : DataFrame
        Of `curve_table`.

    Returns
    -------
    str
        An `<svg>` element.
    """
    units = list(dict.fromkeys(curves["unit"]))
    rows = -(-len(units) // COLUMNS)
    with house_style():
        figure = Figure(figsize=(9.6, 2.2 * rows + 0.6), layout="constrained")
        axes = np.atleast_1d(figure.subplots(rows, COLUMNS, squeeze=False)).ravel()
        for ax in axes[len(units) :]:
            ax.set_axis_off()
        for i, (ax, unit) in enumerate(zip(axes, units, strict=False)):
            _panel(ax, pick(curves, unit=unit), unit, labelled=i % COLUMNS == 0)
        lines, labels = axes[0].get_legend_handles_labels()
        figure.legend(lines, labels, loc="outside lower center", ncols=len(lines))
        return to_svg(
            figure,
            title="Effect of batch size on test accuracy, by cell and protocol",
            description="; ".join(_in_words(pick(curves, unit=unit), unit) for unit in units),
            prefix="curves-",
        )


def _panel(ax: Axes, part: pd.DataFrame, unit: str, *, labelled: bool) -> None:
    sizes = np.array(BATCH_SIZES, dtype=float)
    ax.axhline(0, color=INK, linewidth=0.8)
    for k, (design, words) in enumerate(SHORT.items()):
        rows = pick(part, design=design)
        if rows.empty:
            continue
        batch = rows["contrast"].str.partition(" - ")[0].astype(float).to_numpy()
        shift = 2 ** (0.09 * (k - 1.5))
        middle, low, high = (100 * rows[c].to_numpy() for c in ("estimate", "lower", "upper"))
        colour = PALETTE[COLOURS[design]]
        ax.vlines(batch * shift, low, high, color=colour, linewidth=1.2)
        ends = np.append(batch, float(LARGE)), np.append(middle, 0.0)
        ax.plot(
            ends[0] * shift,
            ends[1],
            color=colour,
            marker="o",
            markersize=3,
            linewidth=1.2,
            label=words,
        )
    scale_values(ax, sizes, log=True)
    name_axes(ax, title=unit, ylabel="points against 512" if labelled else "")


def _in_words(part: pd.DataFrame, unit: str) -> str:
    rows = part[part["contrast"] == f"{BATCH_SIZES[0]} - {LARGE}"]
    said = (f"{SHORT[r.design]} {100 * r.estimate:+.1f}" for r in rows.itertuples())
    return f"{unit}, 16 less 512 in points: {', '.join(said)}"


def draw_pooled(pooled: pd.DataFrame) -> str:
    """Pooled effects of 16 against 512 by protocol: all cells, domains, without each data set."""
    frame = pd.DataFrame(
        {
            "label": pooled["over"],
            "group": pooled["design"].map(SHORT),
            "estimate": 100 * pooled["estimate"],
            "lower": 100 * pooled["lower"],
            "upper": 100 * pooled["upper"],
            "muted": pooled["over"].str.startswith("without"),
        }
    )
    return _forest(frame, "Pooled effect of 16 against 512", "points of test accuracy", "pooled-")


def _forest(frame: pd.DataFrame, title: str, xlabel: str, prefix: str) -> str:
    if frame.empty:
        return ""
    with house_style():
        axes = plot_forest(frame.reset_index(drop=True), xlabel=xlabel)
        said = "; ".join(f"{r.group}, {r.label}: {r.estimate:+.2f}" for r in frame.itertuples())
        return to_svg(axes.figure, title=title, description=said, prefix=prefix)
