"""Whether a criterion of the loss series beats the strongest baseline: in a cell, and widely."""

from __future__ import annotations

import numpy as np
import pandas as pd

from case_studies.pruning.averages import GOAL
from case_studies.pruning.contrasts import JUDGED, STRONGEST
from case_studies.pruning.judging import (
    ABOVE,
    ALL_CELLS,
    APART,
    BELOW,
    HOLDS,
    NO_RUNS,
    OPEN,
    REVERSED,
    UNASKED,
    PruningClaim,
    how_sure,
    judge_levels,
    pick,
    points_of,
    sides_of,
)
from case_studies.pruning.logs import StudyFrames
from case_studies.pruning.methods import chosen_by, of_role, percent, shares_in_words

PLACES = (("network", "network"), ("dataset", "data set"))


def beats_strongest(cell: str, rows: pd.DataFrame) -> PruningClaim:
    """Judge all criteria and candidates of a cell against the strongest baseline of each sparsity.

    Parameters
    ----------
    cell : str
    rows : DataFrame
        Contrasts of the cell with the strongest baselines.

    Returns
    -------
    PruningClaim
    """
    claim = "A criterion beats the strongest baseline (not in the paper)"
    own = rows[rows["method"].isin(of_role(rows["method"], *JUDGED))]
    if own.empty:
        return PruningClaim(claim, cell, "", UNASKED, NO_RUNS, "")
    levels = [_level(share, level) for share, level in own.groupby("sparsity")]
    verdicts = {str(m): judge_levels(r) for m, r in own.groupby("method", sort=False)}
    winners = [name for name, verdict in verdicts.items() if verdict == HOLDS]
    some = [name for name, verdict in verdicts.items() if verdict.startswith(f"{HOLDS} at")]
    if winners:
        verdict = f"{HOLDS} for {', '.join(winners)}"
    elif some:
        verdict = f"{HOLDS} at some sparsities for {', '.join(some)}"
    else:
        verdict = REVERSED if set(sides_of(own)) == {BELOW} else OPEN
    return PruningClaim(claim, cell, "any", verdict, f"{'; '.join(levels)}.", how_sure(own))


def _level(share: object, rows: pd.DataFrame) -> str:
    sides = sides_of(rows)
    best = rows.loc[rows["estimate"].idxmax()]
    several = "criteria" if len(rows) != 1 else "criterion"
    return (
        f"{percent(float(str(share)))} (against {best['against']}): of {len(rows)} {several} "
        f"{sides.count(ABOVE)} above, {sides.count(BELOW)} below, {sides.count(APART)} not told "
        f"apart; highest {best['method']} {points_of(best)}"
    )


def reaches_goal(frames: StudyFrames, contrasts: pd.DataFrame) -> PruningClaim:
    """Judge whether a criterion is above at 95, 98 and 99% on two networks and two data sets.

    Parameters
    ----------
    frames : StudyFrames
    contrasts : DataFrame
        Of `contrast_table`.

    Returns
    -------
    PruningClaim
    """
    claim = (
        f"A criterion beats the strongest baseline at {shares_in_words(GOAL)} on two networks and "
        "two data sets (not in the paper)"
    )
    rows = pick(contrasts, question=STRONGEST)
    won = _won(rows)
    places = {cell: runs.iloc[0] for cell, runs in frames.cells().items()}
    enough = [
        name
        for name, cells in won.items()
        if all(len({places[c][what] for c in cells}) > 1 for what, _ in PLACES)
    ]
    some = [f"{name} in {', '.join(cells)}" for name, cells in won.items() if cells]
    asked = sorted({round(s, 3) for s in rows["sparsity"]} & set(GOAL))
    found = f"Above at all three: {'; '.join(some) or 'no criterion in any cell'}. The runs have "
    counts = {word: len(set(frames.runs[what])) for what, word in PLACES}
    found += ", ".join(f"{n} {word}{'s' * (n != 1)}" for word, n in counts.items())
    found += f" and, of these sparsities, {', '.join(map(percent, asked)) or 'none'}."
    chosen = {chosen_by(runs) for runs in frames.cells().values()}
    sure = "joint intervals within each cell; baselines chosen on "
    sure += "validation data" if chosen == {"validation_accuracy"} else "the test data in part"
    verdict = f"{HOLDS} for {', '.join(enough)}" if enough else OPEN
    return PruningClaim(claim, ALL_CELLS, "any", verdict, found, sure)


def _won(rows: pd.DataFrame) -> dict[str, list[str]]:
    """Cells in which each criterion is above at all of `GOAL`."""
    names = of_role(rows["method"], *JUDGED)
    won: dict[str, list[str]] = {name: [] for name in names}
    own = rows[rows["method"].isin(names)]
    own = own[np.array(sides_of(own), dtype=object) == ABOVE]
    for (name, cell), above in own.groupby(["method", "cell"], sort=False):
        if set(GOAL) <= {round(s, 3) for s in above["sparsity"]}:
            won[str(name)].append(str(cell))
    return won
