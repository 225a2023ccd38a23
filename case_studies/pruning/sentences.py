"""The findings in a few sentences, made of verdicts and intervals."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from case_studies.pruning.averages import GOAL
from case_studies.pruning.contrasts import FEWEST, LEVEL, SHIFTED, STRONGEST
from case_studies.pruning.flatness.claims import FLATTER
from case_studies.pruning.judging import (
    ABOVE,
    ALL_CELLS,
    APART,
    BELOW,
    SHARPER,
    PruningClaim,
    pick,
    points_of,
    sides_of,
)
from case_studies.pruning.logs import StudyFrames, split
from case_studies.pruning.methods import (
    DENSE,
    MAGNITUDE,
    MOVEMENT,
    PUBLISHED,
    chosen_by,
    of_role,
    percent,
    shares_in_words,
    shown_criteria,
)
from case_studies.pruning.paper import TABLE_2, same_cell

AGAINST = (
    (MAGNITUDE, "magnitude pruning"),
    (STRONGEST, "the strongest baseline of each sparsity"),
    (MOVEMENT, "movement, which knows no loss"),
    (SHIFTED, "the same criterion given the loss of other steps"),
)
NAMED = 3
"""Methods of one cell that a sentence names one by one."""


def short_sentences(
    frames: StudyFrames,
    claims: Sequence[PruningClaim],
    contrasts: pd.DataFrame,
    averages: pd.DataFrame,
) -> list[str]:
    """Say what came of the criteria, of pruning at all, of the two tests, and what is missing.

    Parameters
    ----------
    frames : StudyFrames
    claims : sequence of PruningClaim
    contrasts : DataFrame
        Of `contrast_table`.
    averages : DataFrame
        Of `average_table`.

    Returns
    -------
    list of str
    """
    ladders = frames.ladders()
    contrasts, averages = (t[~t["cell"].isin(ladders)] for t in (contrasts, averages))
    parts = averages.groupby("cell", sort=False)
    said = [sentence for cell, own in parts if (sentence := average_sentence(str(cell), own))]
    for question, words in AGAINST:
        rows = pick(contrasts, question=question)
        rows = rows[rows["method"].isin(of_role(rows["method"], "criterion"))]
        said.append(
            _counts(rows, words)
            if len(rows)
            else f"Criteria of the loss series against {words}: no run compares them."
        )
    if len(dense := pick(contrasts, question=DENSE)):
        sides = sides_of(dense)
        said.append(
            f"Against the network without pruning, over all methods: {sides.count(ABOVE)} of "
            f"{len(dense)} comparisons above, {sides.count(BELOW)} below, {sides.count(APART)} "
            f"not told apart (joint {LEVEL:.0%} intervals)."
        )
    for claim in (SHARPER, FLATTER):
        own = [c.verdict for c in claims if c.claim == claim]
        counts = ", ".join(f"{verdict} ({own.count(verdict)})" for verdict in dict.fromkeys(own))
        said.append(f"{claim}, each cell and criterion: {counts or 'none to judge'}.")
    said += [f"{c.claim}: {c.verdict}. {c.finding}" for c in claims if c.cell == ALL_CELLS]
    if ladders:
        said.append(
            f"{'; '.join(ladders_in_order(frames))}: read for the fall alone, and in none of the "
            "counts and averages above; the report's tables have their other comparisons."
        )
    return [*said, missing_sentence(frames)]


def ladders_in_order(frames: StudyFrames) -> list[str]:
    """Names of the cells that were run at many sparsities, as cells come."""
    return [cell for cell in frames.cells() if cell in frames.ladders()]


def average_sentence(cell: str, rows: pd.DataFrame) -> str:
    """Say what criteria and candidates of a cell do on average, less magnitude and the strongest.

    Parameters
    ----------
    cell : str
    rows : DataFrame
        Of `average_table`.

    Returns
    -------
    str
        Empty where nothing is compared.
    """
    said = []
    for question, words in AGAINST[:2]:
        own = pick(rows, question=question)
        if own.empty:
            continue
        each = ", ".join(f"{r['method']} {points_of(r)}" for r in own.to_dict("records"))
        if len(own) > NAMED:
            best, sides = own.loc[own["estimate"].idxmax()], sides_of(own)
            each = (
                f"{sides.count(ABOVE)} of {len(own)} above zero and {sides.count(BELOW)} below, "
                f"the highest {best['method']} {points_of(best)}"
            )
        said.append(f"less {words}, {each}")
    place = f"{cell}, on average over {shares_in_words(GOAL)} pruned"
    seeds = int(rows["seeds"].min())
    note = f"{seeds} seeds: intervals rest on near-normal differences"
    return f"{place}, points: {'; '.join(said)} ({note})." if said else ""


def _counts(rows: pd.DataFrame, words: str) -> str:
    sides, seeds = sides_of(rows), sorted(set(rows["seeds"]))
    span = " to ".join(dict.fromkeys((str(seeds[0]), str(seeds[-1]))))
    ends = [rows.loc[rows["estimate"].idxmax()], rows.loc[rows["estimate"].idxmin()]]
    named = [
        f"{r['method']} at {percent(r['sparsity'])} in {r['cell']}, {points_of(r)} points"
        for r in ends
    ]
    extremes = named[0] if len(rows) == 1 else f"highest {named[0]}; lowest {named[1]}"
    return (
        f"Criteria of the loss series against {words}: {sides.count(ABOVE)} of {len(rows)} "
        f"comparisons above, {sides.count(BELOW)} below, {sides.count(APART)} not told apart, "
        f"with {span} seeds and joint {LEVEL:.0%} intervals ({extremes})."
    )


def missing_sentence(frames: StudyFrames) -> str:
    """Say which cells of the paper's table have no run here, or too few for intervals.

    Parameters
    ----------
    frames : StudyFrames

    Returns
    -------
    str
    """
    there = set(zip(frames.runs["network"], frames.runs["dataset"], strict=True))
    absent = [
        f"{r.network} on {r.dataset}"
        for r in TABLE_2
        if not any(same_cell(r, *cell) for cell in there)
    ]
    few = [
        f"{cell} has {count} seeds, which give no interval"
        for cell, runs in frames.cells().items()
        if (count := runs["seed"].nunique()) < FEWEST
    ]
    without = f"; {'; '.join(few)}" if few else ""
    if not absent:
        return f"Every cell of the paper's table 2 has runs{without}."
    return (
        f"{len(TABLE_2) - len(absent)} of {len(TABLE_2)} cells of the paper's table 2 have runs; "
        f"nothing is said of {', '.join(absent)}{without}."
    )


def published_note(frames: StudyFrames) -> str:
    """Say which criteria stand for the paper's in each cell, and how they were chosen.

    Parameters
    ----------
    frames : StudyFrames

    Returns
    -------
    str
    """
    said = []
    for cell, runs in frames.cells().items():
        how = chosen_by(runs).partition("_")[0]
        words = {True: "the paper's own rule", False: f"best by {how} accuracy"}
        own = [f"{m} ({words[m.startswith(PUBLISHED)]})" for m in shown_criteria(runs)]
        said.append(f"{cell}: {' and '.join(own) or 'none'}")
    return f"Criteria that stand for the paper's. {'; '.join(said)}."


def cap_sentence(frames: StudyFrames) -> str:
    """Say how long networks were trained after pruning, and how many had as many epochs.

    Parameters
    ----------
    frames : StudyFrames

    Returns
    -------
    str
        Of the cells whose log has the epochs; empty without one.
    """
    log = frames.log
    if not {"stage", "epoch", "run_id"} <= set(log):
        return ""
    said = []
    after = log[log["stage"] == "posttraining"]
    for cell, own in split(after[after["run_id"].isin(frames.runs["run_id"])]).items():
        last = own.groupby("run_id")["epoch"].max()
        cap = int(last.max())
        share = f"{(last == cap).mean():.0%}"
        said.append(f"{cell}: {cap} ({share})")
    if not said:
        return ""
    return (
        "Most epochs after pruning (the paper: 200), and the share of networks that had as many; "
        f"the rule that stops training ended the others. {'; '.join(said)}."
    )
