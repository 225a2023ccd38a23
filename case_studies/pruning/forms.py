"""How the study's tables are shown: captions, columns, units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from case_studies.pruning.averages import ASKED, GOAL
from case_studies.pruning.contrasts import STRONGEST
from case_studies.pruning.further import stage_costs
from case_studies.pruning.judging import (
    APART,
    UNASKED,
    PruningClaim,
    claims_frame,
    pick,
    points_of,
    side_of,
)
from case_studies.pruning.logs import CELL, StudyFrames, cell_name
from case_studies.pruning.methods import (
    AS,
    DENSE,
    MAGNITUDE,
    percent,
    shares_in_words,
    shown_criteria,
)
from case_studies.pruning.paper import IMAGENET, TABLE_2, same_cell
from causalhyper.granger.pruning import PhaseShift
from causalhyper.report import ReportTable, ShownColumn, frame_table, whole_table

Tables = Mapping[str, pd.DataFrame]
NO_FALL = "the last level is not shown to be below the first"


def claim_form(claims: Sequence[PruningClaim]) -> ReportTable:
    """The claims that runs answer, with their verdicts, and how sure each is."""
    heads = ("claim", "cell", "criterion", "verdict", "finding", "sure")
    shown = [ShownColumn("how sure" if h == "sure" else h, (h,), kind="text") for h in heads]
    asked = claims_frame([c for c in claims if c.verdict != UNASKED])
    return frame_table(asked, "The paper's claims in our runs", shown)


def paper_form(frames: StudyFrames, tables: Tables) -> ReportTable:
    """The paper's table 2, and under each of its cells ours.

    Accuracies in percent, with 95% intervals over seeds; the difference is paired by seed.
    """
    means, contrasts = tables["accuracy"], pick(tables["contrasts"], question=MAGNITUDE)
    rows = []
    for row in TABLE_2:
        (m_share, m_value), (c_share, c_value) = row.magnitude, row.causal
        rows.append(
            {"cell": f"{row.network} on {row.dataset}", "source": "paper",
             "pruned": f"{m_share:g}%, {c_share:g}%", "no pruning": f"{row.dense:.2f}",
             "magnitude": f"{m_value:.2f}", "causal": f"{c_value:.2f}", "criterion": "",
             "causal less magnitude": f"{_signed(c_value - m_value)} (unequal sparsity)"}
        )  # fmt: skip
        own = {
            cell: runs
            for cell, runs in frames.cells().items()
            if same_cell(row, runs["network"].iloc[0], runs["dataset"].iloc[0])
        }
        for cell, runs in own.items():
            rows += _our_rows(cell, runs, pick(means, cell=cell), pick(contrasts, cell=cell))
    return _texts(rows, "Test accuracy, %: the paper's table 2 and ours")


def _our_rows(
    cell: str, runs: pd.DataFrame, means: pd.DataFrame, contrasts: pd.DataFrame
) -> list[dict[str, str]]:
    rows = []
    for share in sorted(set(means["sparsity"]) - {0.0}):
        level = pick(means, sparsity=share)
        there = set(level["method"])
        alone = [""] if MAGNITUDE in there else []
        for name in [n for n in shown_criteria(runs) if n in there] or alone:
            gap = pick(contrasts, sparsity=share, method=name)
            said = "" if gap.empty else points_of(gap.iloc[0])
            rows.append(
                {"cell": cell, "source": "ours", "pruned": percent(share),
                 "no pruning": _mean(pick(means, method=DENSE)),
                 "magnitude": _magnitude(level, name),
                 "causal": _mean(pick(level, method=name)), "criterion": name,
                 "causal less magnitude": said}
            )  # fmt: skip
    return rows


def _magnitude(level: pd.DataFrame, name: str) -> str:
    """Accuracy of magnitude; where the criterion chose the sparsity, at its layer counts."""
    if plain := _mean(pick(level, method=MAGNITUDE)):
        return plain
    matched = _mean(pick(level, method=f"{MAGNITUDE}{AS}{name}"))
    return f"{matched} (at its layer counts)" if matched else ""


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _mean(rows: pd.DataFrame) -> str:
    return "" if rows.empty else _percents(rows.iloc[0])


def _percents(row: pd.Series) -> str:
    """A mean in percent, with its interval where there is one."""
    mean = f"{100 * row['mean']:.2f}"
    if pd.isna(row["lower"]):
        return mean
    return f"{mean} [{100 * row['lower']:.2f}, {100 * row['upper']:.2f}]"


def _texts(rows: Sequence[Mapping[str, str]], caption: str) -> ReportTable:
    frame = pd.DataFrame(list(rows))
    return frame_table(
        frame, caption, [ShownColumn(str(name), (str(name),), kind="text") for name in frame]
    )


def accuracy_form(means: pd.DataFrame, caption: str) -> ReportTable:
    """Mean accuracies with intervals: a row a method, the best in front, a column a share."""
    shared = means["mean"].where(means["sparsity"].isin((0.0, *GOAL)))
    keys = [means["cell"], means["method"]]
    best = shared.groupby(keys, sort=False).transform("mean").fillna(0.0)
    places = means["cell"].map({cell: at for at, cell in enumerate(means["cell"].unique())})
    means = means.assign(place=places, best=-best).sort_values(["place", "best"], kind="stable")
    said = [
        _percents(r)
        + (f", {r['collapsed']:.0%} with a collapsed layer" if r["collapsed"] > 0 else "")
        for _, r in means.iterrows()
    ]
    return _wide(means.assign(said=said), caption)


def average_form(averages: pd.DataFrame) -> ReportTable:
    """Criteria on average over the sparsities of the goal; a column a question."""
    said = [
        points_of(r) + ("" if side_of(r) == APART else "*") for r in averages.to_dict("records")
    ]
    wide = averages.assign(said=said).pivot_table(
        index=["cell", "method"], columns="question", values="said", aggfunc="first", sort=False
    )
    order = [question for question in ASKED if question in wide]
    shown = [ShownColumn(name, (name,), kind="text") for name in ("cell", "method")]
    shown += [ShownColumn(f"less {question}", (question,), kind="text") for question in order]
    caption = f"On average over {shares_in_words(GOAL)} pruned, points, joint intervals"
    return frame_table(wide[order].fillna("").reset_index(), caption, shown)


def contrast_form(contrasts: pd.DataFrame, caption: str) -> ReportTable:
    """Contrasts in points with joint intervals, "*" where they leave zero out."""
    contrasts = contrasts.assign(
        said=[
            f"{points_of(r)}{'' if side_of(r) == APART else '*'}"
            + (f" ({r['against']})" if r["question"] == STRONGEST else "")
            for _, r in contrasts.iterrows()
        ]
    )
    return _wide(contrasts, caption)


def _wide(
    frame: pd.DataFrame, caption: str, index: tuple[str, ...] = ("cell", "method")
) -> ReportTable:
    """A row a combination of labels, a column a share pruned."""
    wide = frame.pivot_table(
        index=list(index), columns="sparsity", values="said", aggfunc="first", sort=False
    )
    shares = sorted(wide.columns)
    rows = pd.MultiIndex.from_frame(frame[list(index)].drop_duplicates())
    wide = wide.reindex(rows)[shares].fillna("").reset_index()
    shown = [ShownColumn(name, (name,), kind="text") for name in index]
    shown += [
        ShownColumn("no pruning" if s == 0 else f"{percent(s)} pruned", (s,), kind="text")
        for s in shares
    ]
    return frame_table(wide, caption, shown)


def control_form(contrasts: pd.DataFrame) -> ReportTable:
    """Criteria against what tells whether the loss, or which weights, matter."""
    said = [
        points_of(r) + ("" if side_of(r) == APART else "*") for r in contrasts.to_dict("records")
    ]
    caption = "Does the loss series add anything? Points, joint 95% intervals"
    return _wide(contrasts.assign(said=said), caption, ("cell", "method", "against"))


def imagenet_form() -> ReportTable:
    """Figures published for ResNet50 on ImageNet: nothing here was run."""
    rows = [
        {"method": p.method, "how": p.how, "pruned, %": f"{p.pruned:g}",
         "accuracy, %": f"{p.accuracy:g}", "source": p.source}
        for p in IMAGENET
    ]  # fmt: skip
    return _texts(rows, "ResNet50 on ImageNet, as published; not run here")


def rule_form(table: pd.DataFrame) -> ReportTable:
    """What the paper's own rule has pruned after each of its iterations."""
    rows = []
    for (cell, method), own in table.groupby(["cell", "method"], sort=False):
        until = own[own["emptied"].shift(fill_value=0) < own["seeds"]]
        shares = ", ".join(f"{100 * share:.2f}" for share in until["sparsity"])
        last = own.iloc[-1]
        rows.append(
            {"cell": str(cell), "method": str(method), "seeds": str(last["seeds"]),
             "pruned after iterations 1, 2, ..., %": shares,
             "left without a weight": f"{last['emptied']} of {last['seeds']}"}
        )  # fmt: skip
    return _texts(rows, "The paper's own rule, medians over seeds")


def rate_form(table: pd.DataFrame) -> ReportTable:
    """What each rate of the tuning came to: a row a method, a column a rate, "*" where chosen."""
    said = [
        f"{100 * r.validation_accuracy:.2f}{'*' if r.chosen else ''}"
        for r in table[["validation_accuracy", "chosen"]].itertuples()
    ]
    named = table.assign(cell=table["network"] + " on " + table["dataset"], said=said)
    wide = named.pivot_table(
        index=["cell", "method"], columns="rate", values="said", aggfunc="first", sort=False
    )
    rates = sorted(wide.columns)
    shown = [ShownColumn(name, (name,), kind="text") for name in ("cell", "method")]
    shown += [ShownColumn(f"{rate:g}", (rate,), kind="text") for rate in rates]
    caption = "Rates of post-training that were tried, validation accuracy, %; *: the best, taken"
    return frame_table(wide[rates].fillna("").reset_index(), caption, shown)


def overlap_form(table: pd.DataFrame) -> ReportTable:
    """What masks of two methods have in common: a row a pair, a column a share pruned."""
    table = table.assign(
        cell=[cell_name(place) for place in table[list(CELL)].itertuples(index=False)],
        masks=table["first"] + " and " + table["second"],
        sparsity=table["pruned"],
        seeds=table["seeds"].astype(str),
        said=[
            f"{r.jaccard:.3f} ({r.by_chance:.3f})"
            for r in table[["jaccard", "by_chance"]].itertuples()
        ],
    )
    caption = "Share that both keep of what either keeps, by chance in brackets, means over seeds"
    return _wide(table, caption, ("cell", "masks", "seeds"))


def width_form(shifts: Mapping[str, PhaseShift | str]) -> ReportTable:
    """Where each method's accuracy has fallen half way, how wide the fall is, or why not.

    Methods without numbers for the same reason share a row.
    """
    rows: list[dict[str, str]] = []
    for cell, found in shifts.items():
        if isinstance(found, str):
            rows.append(_width_row(cell, "", remark=found))
            continue
        table, without = found.to_frame(), dict[str, list[str]]()
        misses = found.goodness().set_index("method")["rmse"]
        for method, own in table[table["against"] == ""].groupby("method", sort=False):
            by = {str(r["quantity"]): r for _, r in own.iterrows()}
            point, width = by["point"], by["width_decades"]
            reasons = [str(row["reason"]) for row in (point, width, by["shoulder_decades"])]
            remark = "; ".join(dict.fromkeys(filter(None, reasons)))
            remark = NO_FALL if remark.startswith("no fall:") else remark
            if pd.isna(point["estimate"]) and pd.isna(width["estimate"]):
                without.setdefault(remark, []).append(str(method))
                continue
            numbers = _ends(point, 100), _ends(by["shoulder_decades"], 1), _ends(width, 1)
            miss = f"{100 * misses[method]:.1f}"
            rows.append(_width_row(cell, str(method), *numbers, miss, remark=remark))
        rows += [_width_row(cell, ", ".join(ms), remark=said) for said, ms in without.items()]
    return _texts(
        rows,
        "Phase shift: where accuracy has fallen half way, and decades of the share kept from 90% "
        "of the fall to half (shoulder, by no curve) and to 10% (width); root mean square of what "
        "the curve misses level means by",
    )


def _width_row(
    cell: str,
    method: str,
    point: str = "",
    shoulder: str = "",
    width: str = "",
    miss: str = "",
    *,
    remark: str,
) -> dict[str, str]:
    numbers = {"half way at, %": point, "shoulder, decades": shoulder, "width, decades": width}
    numbers["curve misses, points"] = miss
    return {"cell": cell, "method": method, **numbers, "remark": remark}


def _ends(row: pd.Series, scale: float) -> str:
    if pd.isna(row["estimate"]):
        return ""
    ends = "" if pd.isna(row["lower"]) else (
        f" [{scale * row['lower']:.2f}, {scale * row['upper']:.2f}]"
    )  # fmt: skip
    return f"{scale * row['estimate']:.2f}{ends}"


def cost_form(frames: StudyFrames, tables: Tables) -> ReportTable:
    """Seconds by stage, as measured apart, or from the logs beside training without pruning."""
    if "costs" in frames.others:
        caption = "Seconds of a stage, means over seeds; networks stand side by side"
        return whole_table(stage_costs(frames.others["costs"]), caption)
    if "costs" not in tables:
        return _texts([{"remark": "No log of the data folder has durations."}], "Cost")
    caption = "Seconds a run, by stage, and times those without pruning"
    return whole_table(tables["costs"], caption)


def count_form(frames: StudyFrames) -> ReportTable:
    """What was run."""
    rows = []
    for cell, runs in frames.cells().items():
        pruned = runs[runs["sparsity"] > 0]
        rows.append(
            {"cell": cell, "criteria": ", ".join(dict.fromkeys(pruned["method"])),
             "pruned": ", ".join(map(percent, sorted(set(pruned["sparsity"])))),
             "seeds": str(runs["seed"].nunique()), "runs": str(len(runs))}
        )  # fmt: skip
    return _texts(rows, "Runs that are compared")
