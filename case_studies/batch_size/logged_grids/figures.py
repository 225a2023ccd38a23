"""The page's figures: frames in, SVG out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from case_studies.batch_size.logged_grids.benchmarks import BENCHMARKS, Benchmark
from case_studies.batch_size.logged_grids.cells import Cells, read_cells
from case_studies.batch_size.logged_grids.study import true_contrast
from case_studies.batch_size.logged_grids.sweep_study import ESTIMATORS
from causalhyper.figures import PALETTE, house_style, plot_effect_curve, to_svg
from causalhyper.figures.style import GREY, INK, RULE, add_legend, name_axes

_TITLES = {"hpobench": "HPOBench: balanced accuracy", "fcnet": "FC-Net: log validation loss"}
_LOOKS = dict(
    zip(
        ESTIMATORS,
        (("vermillion", "o"), ("blue", "s"), ("green", "D"), ("purple", "^")),
        strict=True,
    )
)


def draw_all(
    cells: pd.DataFrame, answers: Mapping[str, pd.DataFrame], sweeps: pd.DataFrame
) -> dict[str, str]:
    """Draw every figure of the page.

    Parameters
    ----------
    cells, sweeps : DataFrame
        Of `study.Frames`.
    answers : mapping of str to DataFrame
        As `study.answer` returns them.

    Returns
    -------
    dict of str to str
        File name to SVG.
    """
    with house_style():
        return {
            "logged-grids-effects.svg": draw_effects(answers["effects"]),
            "logged-grids-surfaces.svg": draw_surfaces(cells),
            "logged-grids-sweeps.svg": draw_sweeps(sweeps, cells),
        }


def draw_effects(effects: pd.DataFrame) -> str:
    """Draw the effect over data sets under each protocol, a panel a benchmark.

    Parameters
    ----------
    effects : DataFrame

    Returns
    -------
    str
    """
    figure = Figure(figsize=(9.5, 3.6), layout="constrained")
    axes = figure.subplots(1, len(BENCHMARKS))
    for ax, (name, benchmark) in zip(axes, BENCHMARKS.items(), strict=True):
        own = effects[(effects["benchmark"] == name) & (effects["dataset"] == "")]
        plot_effect_curve(
            own.assign(estimator=own["protocol"]),
            baseline=benchmark.largest,
            xlabel="batch size",
            ylabel="effect" if ax is axes[0] else "",
            title=_TITLES[name],
            ax=ax,
        )
    axes[0].get_legend().remove()
    return to_svg(
        figure,
        title="Effect of batch size against the largest, mean over data sets",
        description="HPOBench: small batches score lower where all rates count alike and where "
        "the rate is tuned, and no different where everything is. FC-Net: small batches lose "
        "where all rates count alike, and show no effect where anything is tuned.",
        prefix="logged-effects-",
    )


def draw_surfaces(cells: pd.DataFrame) -> str:
    """Draw mean outcome over batch size and learning rate, each batch size's best rate marked.

    Parameters
    ----------
    cells : DataFrame

    Returns
    -------
    str
    """
    figure = Figure(figsize=(9.5, 3.6), layout="constrained")
    axes = figure.subplots(1, len(BENCHMARKS))
    for ax, (name, benchmark) in zip(axes, BENCHMARKS.items(), strict=True):
        _draw_surface(ax, read_cells(cells, benchmark), benchmark)
        name_axes(ax, title=_TITLES[name], xlabel="batch size", ylabel="learning rate")
    return to_svg(
        figure,
        title="Mean outcome over batch size and learning rate",
        description="Ridges of equal outcome rise with the square root of the batch size.",
        prefix="logged-surfaces-",
    )


def _draw_surface(ax: Axes, cells: Cells, benchmark: Benchmark) -> None:
    """Filled contours, the best rates, and a line of slope one half."""
    mean = cells.outcome.mean(axis=(0, -1))
    x, y = np.log2(cells.batch), np.log10(cells.rate)
    colors = "cividis" if benchmark.maximise else "cividis_r"
    filled = ax.contourf(x, y, mean.T, levels=12, cmap=colors)
    ax.figure.colorbar(filled, ax=ax)
    best = (mean if benchmark.maximise else -mean).argmax(axis=1)
    ax.plot(x, y[best], "o", color=INK, markerfacecolor="white", markersize=6, clip_on=False)
    line = y[best].mean() + 0.5 * np.log10(2) * (x - x.mean())
    ax.plot(x, line, color="white", linewidth=1.5, linestyle="--")
    ax.set_xticks(x, [f"{b:g}" for b in cells.batch])
    ax.set_yticks(y, [f"{r:.1g}" for r in cells.rate])
    handles = [
        Line2D([], [], linestyle="none", marker="o", color=INK, markerfacecolor="white"),
        Line2D([], [], color=GREY, linestyle="--"),
    ]
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2), "ncols": 2}
    add_legend(ax, handles, ["best rate", "rate ∝ √batch size"], **place)


def draw_sweeps(sweeps: pd.DataFrame, cells: pd.DataFrame) -> str:
    """Draw where the answers of small sweeps fall around the truth.

    Parameters
    ----------
    sweeps, cells : DataFrame

    Returns
    -------
    str
    """
    figure = Figure(figsize=(9.5, 5.4), layout="constrained")
    loggers = list(dict.fromkeys(sweeps["logger"]))
    axes = figure.subplots(len(loggers), len(BENCHMARKS), sharey="col", squeeze=False)
    for column, (name, benchmark) in enumerate(BENCHMARKS.items()):
        truth = true_contrast(read_cells(cells, benchmark))
        smallest, *_, largest = benchmark.sampled
        for row, logger in enumerate(loggers):
            part = sweeps[(sweeps["benchmark"] == name) & (sweeps["logger"] == logger)]
            _draw_spread(axes[row][column], part, truth)
            name_axes(
                axes[row][column],
                title=f"{_TITLES[name]}, {smallest} against {largest}" if row == 0 else "",
                ylabel=f"logger: {logger}" if column == 0 else "",
                xlabel="runs in the sweep" if row == len(loggers) - 1 else "",
            )
    handles = [
        Line2D([], [], linestyle="none", marker=m, color=PALETTE[c]) for c, m in _LOOKS.values()
    ]
    handles.append(Line2D([], [], color=INK, linewidth=0.9))
    figure.legend(
        handles, [*_LOOKS, "truth of the factorial"], loc="outside lower center", ncols=5
    )
    return to_svg(
        figure,
        title="Estimates from small sweeps around the truth of the factorial",
        description="A random logger's estimates centre on the truth. Where batch size went with "
        "the learning rate the difference in means is far off and adjustment comes near.",
        prefix="logged-sweeps-",
    )


def _draw_spread(ax: Axes, part: pd.DataFrame, truth: float) -> None:
    """Mean of the estimates and the middle 95% of them."""
    sizes = list(dict.fromkeys(part["n"]))
    estimators = [e for e in ESTIMATORS if (part["estimator"] == e).any()]
    ax.axhline(truth, color=INK, linewidth=0.9, zorder=1)
    ax.grid(axis="y", color=RULE)
    for i, estimator in enumerate(estimators):
        color, marker = PALETTE[_LOOKS[estimator][0]], _LOOKS[estimator][1]
        for place, n in enumerate(sizes):
            rows = part[(part["n"] == n) & (part["estimator"] == estimator)]
            told = rows["estimate"].dropna().to_numpy(np.float64)
            if len(told):
                x = place + 0.16 * (i - (len(estimators) - 1) / 2)
                ax.vlines(x, *np.quantile(told, [0.025, 0.975]), color=color, linewidth=2)
                ax.plot([x], [told.mean()], marker, color=color, markersize=6)
    ax.set_xticks(range(len(sizes)), [f"{n:g}" for n in sizes])
    ax.xaxis.set_minor_locator(NullLocator())
