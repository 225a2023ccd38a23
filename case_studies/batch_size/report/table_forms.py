"""How the study's tables are shown: captions, columns, units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from case_studies.batch_size.report.judgement import ALPHA, Claim, claims_frame, points
from case_studies.batch_size.runs import BATCH_SIZES, LARGE, SHORT, SMALL
from causalhyper.report import ReportTable, ShownColumn, frame_table

UNIT, DESIGN = (
    ShownColumn("cell", ("unit",), kind="text"),
    ShownColumn("protocol", ("design",), kind="text"),
)
CONTRAST = ShownColumn("contrast", ("contrast",), kind="text")
EFFECT = (
    ShownColumn("effect", ("estimate",), scale=100, signed=True),
    ShownColumn("95% interval", ("lower", "upper"), scale=100, signed=True),
)
ADJUSTED = ShownColumn("p, adjusted", ("adjusted_p_value",), 3, kind="p")
SEEDS = ShownColumn("seeds", ("seeds",), 0)


def in_words(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its protocols in words."""
    return frame.assign(design=frame["design"].map(SHORT)) if "design" in frame else frame


def claim_table(claims: Sequence[Claim]) -> ReportTable:
    """The poster's claims with their verdicts."""
    heads = ("claim", "protocol", "verdict", "finding")
    shown = [ShownColumn(name, (name,), kind="text") for name in heads]
    return frame_table(claims_frame(claims), "The poster's claims in our data", shown)


def main_form(main: pd.DataFrame, design: str, caption: str) -> ReportTable:
    """The poster's table beside ours under one protocol."""
    part = main[main["design"] == design]
    poster = part["poster_16"].notna().any()
    shown = [ShownColumn("data set", ("unit",), kind="text")]
    if poster:
        shown += [
            ShownColumn(f"poster, B = {SMALL}", ("poster_16",), 1, 100),
            ShownColumn(f"poster, B = {LARGE}", ("poster_512",), 1, 100),
            ShownColumn("poster, gain", ("poster_gain",), 1, 100, signed=True),
        ]
    shown += [
        ShownColumn(f"B = {SMALL}", ("left",), scale=100),
        ShownColumn(f"B = {LARGE}", ("right",), scale=100),
        ShownColumn("gain", ("estimate",), scale=100, signed=True),
        EFFECT[1],
        ADJUSTED,
        SEEDS,
        ShownColumn("models", ("models",), 0),
        ShownColumn("remark", ("remark",), kind="text"),
    ]
    return frame_table(part, caption, shown)


def wide_form(frame: pd.DataFrame, design: str, caption: str) -> ReportTable:
    """Contrasts of one protocol, a row a cell and a column a contrast; "*": adjusted p <= .05."""
    part = frame[frame["design"] == design]
    said = [
        points(r.estimate, r.lower, r.upper) + "*" * (r.adjusted_p_value <= ALPHA)
        for r in part.itertuples()
    ]
    wide = part.assign(said=said).pivot(index="unit", columns="contrast", values="said")
    wide = wide.loc[list(dict.fromkeys(part["unit"])), list(dict.fromkeys(part["contrast"]))]
    shown = [UNIT, *(ShownColumn(name, (name,), kind="text") for name in wide.columns)]
    return frame_table(wide.reset_index(), f"{caption}, {SHORT[design]}", shown)


def wide_forms(frame: pd.DataFrame, caption: str) -> tuple[ReportTable, ...]:
    """One such table a protocol."""
    there = [d for d in SHORT if (frame["design"] == d).any()]
    return tuple(wide_form(frame, d, caption) for d in there)


def pooled_form(frame: pd.DataFrame, caption: str) -> ReportTable:
    """Pooled contrasts, in points."""
    shown = [
        *(
            CONTRAST,
            DESIGN,
            ShownColumn("over", ("over",), kind="text"),
            ShownColumn("cells", ("cells",), 0),
        ),
        *EFFECT,
        ShownColumn("sd between cells", ("tau",), scale=100),
        ShownColumn("in a new cell", ("new_lower", "new_upper"), scale=100, signed=True),
        ShownColumn("equal effects, p", ("q_p_value",), 3, kind="p"),
        ShownColumn("plain mean", ("plain_mean",), scale=100, signed=True),
        ShownColumn(
            "data sets as clusters", ("cluster_lower", "cluster_upper"), 2, 100, signed=True
        ),
    ]
    return frame_table(in_words(frame), caption, shown)


def shrunk_form(frame: pd.DataFrame) -> ReportTable:
    """Each cell's effect drawn towards the mean, a column a protocol."""
    said = [
        f"{points(r.shrunk, r.lower, r.upper)}, own {100 * r.estimate:+.2f}"
        for r in frame.itertuples()
    ]
    wide = frame.assign(said=said).pivot(index="unit", columns="design", values="said")
    there = [d for d in SHORT if d in wide.columns]
    wide = wide.loc[list(dict.fromkeys(frame["unit"])), there].reset_index()
    shown = [UNIT, *(ShownColumn(SHORT[d], (d,), kind="text") for d in there)]
    caption = f"{SMALL} less {LARGE}, each cell drawn towards the mean of all"
    return frame_table(wide, caption, shown)


def measure_form(frame: pd.DataFrame) -> ReportTable:
    """Pooled contrasts of measured quantities, most of them log10 of a ratio."""
    shown = [
        *(
            ShownColumn("quantity", ("contrast",), kind="text"),
            DESIGN,
            ShownColumn("cells", ("cells",), 0),
        ),
        ShownColumn("16 less 512", ("estimate",), 3, signed=True),
        ShownColumn("95% interval", ("lower", "upper"), 3, signed=True),
        ShownColumn("sd between cells", ("tau",), 3),
    ]
    caption = "What else batch size changes (log10 of the ratio; differences of accuracies as are)"
    return frame_table(in_words(frame), caption, shown)


def rejection_form(frame: pd.DataFrame) -> ReportTable:
    """How often each hypergraph was rejected."""
    shown = [
        *(ShownColumn("hypergraph", ("hypergraph",), kind="text"), DESIGN),
        *(
            ShownColumn("tested", ("tested",), 0),
            ShownColumn("rejected, 5% FDR", ("rejected",), 0),
        ),
        ShownColumn("p <= .05 each", ("rejected_unadjusted",), 0),
        ShownColumn("median gap", ("median_gap",), scale=100),
        ShownColumn("median effect", ("median_effect",), scale=100),
    ]
    return frame_table(in_words(frame), "Design against hypergraph: the gap test", shown)


def gap_form(frame: pd.DataFrame, design: str) -> ReportTable:
    """The design's contrast in every cell, and by how much each hypergraph misses it."""
    part = frame[frame["design"] == design]
    rows = []
    for unit, cell in part.groupby("unit", sort=False):
        first = cell.dropna(subset=["design_effect"]).head(1)
        row = {"unit": unit, "by design": ""}
        for r in first.itertuples():
            row["by design"] = points(r.design_effect, r.design_lower, r.design_upper)
        rows.append(row | {r.hypergraph: _gap(r) for r in cell.itertuples()})
    wide = pd.DataFrame(rows)
    shown = [ShownColumn("cell", ("unit",), kind="text")]
    shown += [ShownColumn(name, (name,), kind="text") for name in wide.columns[1:]]
    caption = f"16 less 512, and each hypergraph's gap to it (p of the test), {SHORT[design]}"
    return frame_table(wide, caption, shown)


def _gap(row: Any) -> str:
    if row.reason:
        return str(row.reason)
    return f"{points(row.gap, row.gap_lower, row.gap_upper)} (p = {row.p_value:.2g})"


def count_form(frame: pd.DataFrame) -> ReportTable:
    """Runs, and those that need a remark; none was left out."""
    names = ("runs", "seeds", "diverged", "not_reached", "rate_at_edge")
    shown = [UNIT, DESIGN, ShownColumn("arm", ("arm",), kind="text")]
    shown += [ShownColumn(name.replace("_", " "), (name,), kind="text") for name in names]
    frame = frame.assign(arm=frame["arm"].str.replace("_", " "))
    return frame_table(in_words(frame), "Runs, all of which are analysed", shown)


def reached_form(frame: pd.DataFrame) -> ReportTable:
    """Who reached the target loss, and after how many updates."""
    shown = [UNIT]
    shown += [ShownColumn(f"reached, {b}, %", (f"reached_{b}",), 0, 100) for b in BATCH_SIZES]
    shown += [ShownColumn(f"updates, {b}", (f"updates_{b}",), 0) for b in BATCH_SIZES]
    return frame_table(frame, "Equal training loss: runs that reached it; median updates", shown)


def rate_form(frame: pd.DataFrame) -> ReportTable:
    """Tuned learning rates."""
    shown = [
        UNIT,
        *(ShownColumn(f"B = {b}", (f"rate_{b}",), 2, kind="general") for b in BATCH_SIZES),
    ]
    shown += [ShownColumn("at an end of the grid", ("edge",), kind="text")]
    return frame_table(frame, "Tuned learning rates", shown)
