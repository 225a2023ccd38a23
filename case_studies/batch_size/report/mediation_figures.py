"""Pictures of the mediators: who dominates, noise against updates, and what choices cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from case_studies.batch_size.mediators.competing import MEDIATORS, STUDY, WITH_ARMS
from case_studies.batch_size.mediators.decomposition import EXPERIMENT, MEASURED
from case_studies.batch_size.mediators.dominance import MEANING, MEASURES
from case_studies.batch_size.recommendation.recommenders import RULES
from case_studies.batch_size.runs import SHORT, name_of
from causalhyper.figures import PALETTE, house_style, plot_forest, to_svg
from causalhyper.figures.style import add_legend, name_axes

COLOURS = dict(zip(MEDIATORS, ("vermillion", "blue", "green", "purple"), strict=True))


def draw_dominance(dominance: pd.DataFrame, measure: str = MEASURES[0]) -> str:
    """Probability that each mediator carries most, one bar a cell, one panel a protocol.

    Parameters
    ----------
    dominance : DataFrame
        The table of that name. Where a cell has noise arms, the hypergraph that saw them is
        drawn; the bar's label says so.
    measure : str
        One of `dominance.MEASURES`.

    Returns
    -------
    str
        An `<svg>` element; empty without rows.
    """
    part = dominance[dominance["measure"] == measure] if len(dominance) else dominance
    part = part[part["graph"].isin((STUDY, WITH_ARMS))] if len(part) else part
    designs = [d for d in SHORT if d in set(part.get("design", ()))]
    if not designs:
        return ""
    bars = {d: _bars(part[part["design"] == d]) for d in designs}
    heights = [len(b) for b in bars.values()]
    with house_style():
        figure = Figure(figsize=(8.4, 0.24 * sum(heights) + 0.9 * len(designs)))
        axes = figure.subplots(len(designs), 1, squeeze=False, height_ratios=heights).ravel()
        for ax, design in zip(axes, designs, strict=True):
            _stack(ax, bars[design], SHORT[design])
        name_axes(axes[-1], xlabel=f"probability of carrying most ({measure})")
        handles, _ = axes[0].get_legend_handles_labels()
        labels = [f"{v}, {MEANING[v]}" for v in MEDIATORS]
        add_legend(
            axes[-1], handles, labels, ncols=2, loc="upper center", bbox_to_anchor=(0.4, -0.5)
        )
        said = "; ".join(
            f"{SHORT[d]}, {label}: {values.idxmax()} {values.max():.2f}"
            for d, table in bars.items()
            for label, values in table.iterrows()
        )
        title = "Which mediator dominates, and how surely"
        return to_svg(figure, title=title, description=said, prefix="dominance-")


def _bars(part: pd.DataFrame) -> pd.DataFrame:
    """Probabilities by cell and hypergraph (rows) and mediator (columns)."""
    arms = np.where(part["graph"] == WITH_ARMS, ", with noise arms", "")
    names = [name_of(d, m) for d, m in part[["dataset", "model"]].to_numpy()]
    rows = part.assign(label=np.char.add(names, arms))
    order = list(dict.fromkeys(rows["label"]))
    table = rows.pivot(index="label", columns="mediator", values="probability_dominant")
    return table.loc[order, list(MEDIATORS)]


def _stack(ax: Axes, table: pd.DataFrame, title: str) -> None:
    place, start = np.arange(len(table)), np.zeros(len(table))
    for mediator in MEDIATORS:
        width = table[mediator].to_numpy()
        ax.barh(
            place, width, left=start, color=PALETTE[COLOURS[mediator]], height=0.7, label=mediator
        )
        start = start + width
    ax.set_yticks(place, table.index, parse_math=False)
    ax.invert_yaxis()
    ax.set_xlim(0, 1)
    name_axes(ax, title=title)


def draw_decomposition(decomposition: pd.DataFrame) -> str:
    """Noise and updates in every cell, by experiment and, set back, by the hypergraph.

    Parameters
    ----------
    decomposition : DataFrame
        The table of that name.

    Returns
    -------
    str
        An `<svg>` element; empty without rows.
    """
    graph = f"{STUDY}, {MEASURED}"
    labels = {
        (source, part): f"{part}, {words}"
        for source, words in ((EXPERIMENT, "experiment"), (graph, "hypergraph of plain runs"))
        for part in ("noise", "updates")
    }
    if decomposition.empty:
        return ""
    keys = pd.Series(list(zip(decomposition["source"], decomposition["quantity"], strict=True)))
    rows = decomposition.assign(label=keys.map(labels).to_numpy()).dropna(subset="label")
    muted = rows["source"] != EXPERIMENT
    groups = [name_of(d, m) for d, m in rows[["dataset", "model"]].to_numpy()]
    title = "Noise against updates in the effect of 16 against 512, equal epochs"
    return _forest(rows.assign(group=groups, muted=muted), title, "decomposition-")


def draw_regret(method_pooled: pd.DataFrame) -> str:
    """Regret of every rule on held-out cells, by domain and protocol.

    Parameters
    ----------
    method_pooled : DataFrame
        The table of that name.

    Returns
    -------
    str
        An `<svg>` element; empty without rows.
    """
    if method_pooled.empty:
        return ""
    rows = method_pooled[method_pooled["measure"] == "regret"]
    groups = rows["domain"].str.capitalize() + ", " + rows["design"].map(SHORT)
    muted = ~rows["rule"].str.startswith("hypergraph")
    ranks = rows["rule"].map(list(RULES).index)
    rows = rows.assign(label=rows["rule"], group=groups, muted=muted, rank=ranks)
    order = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    rows = rows.assign(place=rows["group"].map(order)).sort_values(["place", "rank"])
    return _forest(rows, "Regret of recommendations for held-out cells", "regret-")


def _forest(rows: pd.DataFrame, title: str, prefix: str) -> str:
    numbers = {k: 100 * rows[k] for k in ("estimate", "lower", "upper")}
    frame = rows[["label", "group", "muted"]].assign(**numbers).reset_index(drop=True)
    with house_style():
        axes = plot_forest(frame, xlabel="points of test accuracy")
        said = "; ".join(f"{r.group}, {r.label}: {r.estimate:+.2f}" for r in frame.itertuples())
        return to_svg(axes.figure, title=title, description=said, prefix=prefix)
