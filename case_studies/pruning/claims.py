"""The paper's claims on pruning, judged by intervals: what holds, where, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from case_studies.pruning.contrasts import (
    FISHER,
    JUDGED,
    LEVEL,
    OWN,
    SECOND_ORDER,
    SHIFTED,
    STRONGEST,
)
from case_studies.pruning.flatness.claims import flatness_claims
from case_studies.pruning.judging import (
    HOLDS,
    NO_RUNS,
    OPEN,
    REVERSED,
    SHARPER,
    UNASKED,
    PruningClaim,
    how_sure,
    judge_levels,
    pick,
    points_of,
)
from case_studies.pruning.logs import StudyFrames
from case_studies.pruning.methods import (
    DENSE,
    MAGNITUDE,
    MOVEMENT,
    of_role,
    percent,
    shown_criteria,
)
from case_studies.pruning.strips import Strips, robust_claims
from case_studies.pruning.winners import beats_strongest, reaches_goal
from causalhyper.granger.pruning import PhaseShift

PAIRED: tuple[tuple[str, str], ...] = (
    ("Finds a better subset than magnitude", MAGNITUDE),
    ("Finds a better subset than second-order pruning by WoodFisher", SECOND_ORDER),
    ("Accuracy rises after pruning", DENSE),
    ("The regression on the loss adds to movement (not in the paper)", MOVEMENT),
    ("The loss adds to the loss of other steps (not in the paper)", SHIFTED),
    ("Gradients on fresh minibatches add to the diagonal Fisher (not in the paper)", FISHER),
    ("Chooses better than others with its layer counts (not in the paper)", OWN),
)
"""Claims that a paired contrast answers, with its question."""


def list_claims(
    frames: StudyFrames,
    contrasts: pd.DataFrame,
    shifts: Mapping[str, PhaseShift | str],
    flat: pd.DataFrame,
    associations: pd.DataFrame,
    strips: Strips,
) -> list[PruningClaim]:
    """Judge every claim in every cell.

    Parameters
    ----------
    frames : StudyFrames
    contrasts : DataFrame
        Of `contrast_table`.
    shifts : mapping of str to PhaseShift or str
        Of `phase_shifts`.
    flat : DataFrame
        Of `flatness_table`.
    associations : DataFrame
        Of `association_table`.
    strips : mapping of str to HyperparameterStrips or str
        Of `strips_of`.

    Returns
    -------
    list of PruningClaim
    """
    claims: list[PruningClaim] = []
    shown = {cell: shown_criteria(runs) for cell, runs in frames.cells().items()}
    for claim, question in PAIRED:
        for cell, criteria in shown.items():
            own = pick(contrasts, cell=cell, question=question)
            claims += _paired_claims(claim, cell, criteria, own)
    for cell, criteria in shown.items():
        claims += [_sharper(cell, name, shifts[cell]) for name in criteria]
        claims += flatness_claims(cell, criteria, flat, associations)
    claims += robust_claims(strips)
    claims += [
        beats_strongest(cell, pick(contrasts, cell=cell, question=STRONGEST)) for cell in shown
    ]
    return [*claims, reaches_goal(frames, contrasts)]


def _paired_claims(
    claim: str, cell: str, criteria: Sequence[str], rows: pd.DataFrame
) -> list[PruningClaim]:
    """A claim about single criteria; where those shown were not asked, about those that were."""
    there = [name for name in criteria if (rows["method"] == name).any()]
    there = there or of_role(rows["method"], *JUDGED)
    if not there:
        return [PruningClaim(claim, cell, "", UNASKED, NO_RUNS, "")]
    found = []
    own_rows = rows[rows["method"].isin(there)]
    for (name, against), own in own_rows.groupby(["method", "against"], sort=False):
        said = "; ".join(f"{percent(r['sparsity'])}: {points_of(r)}" for _, r in own.iterrows())
        finding = f"{name} less {against}, points: {said}."
        verdict, sure = judge_levels(own), how_sure(own)
        found.append(PruningClaim(claim, cell, str(name), verdict, finding, sure))
    return found


def _sharper(cell: str, name: str, found: PhaseShift | str) -> PruningClaim:
    claim = SHARPER
    if isinstance(found, str):
        return PruningClaim(claim, cell, name, UNASKED, found, "")
    table = found.to_frame()
    own = table[(table["method"] == name) & (table["against"] == MAGNITUDE)]
    rows = {str(r["quantity"]): r for _, r in own.iterrows()}
    decades, width = (rows.get(f"width_{unit}_ratio") for unit in ("decades", "points"))
    if decades is None or width is None:
        return PruningClaim(claim, cell, name, UNASKED, "No run of magnitude pruning.", "")
    shoulder = rows["shoulder_decades_ratio"]
    if pd.isna(decades["lower"]) and not pd.isna(shoulder["lower"]):
        return _sharper_shoulder(cell, name, shoulder, str(decades["reason"]))
    if pd.isna(decades["lower"]):
        reason = str(decades["reason"] or "no interval")
        return PruningClaim(claim, cell, name, "not identified", f"{reason}.", "")
    sides = [_sharp_side(r) for r in (decades, width)]
    verdict = sides[0] if len(set(sides)) == 1 else f"{sides[0]} in decades, {sides[1]} in points"
    said = (
        f"Width times {_ratio(r)} in {unit}"
        for r, unit in ((decades, "decades of the share kept"), (width, "points"))
    )
    return PruningClaim(claim, cell, name, verdict, f"{'; '.join(said)}.", _sure(decades))


def _sharper_shoulder(cell: str, name: str, row: pd.Series, reason: str) -> PruningClaim:
    """Judge sharpness where a fall is followed past its half, and not to its floor."""
    finding = (
        f"Shoulder, from 90% to half of the fall, times {_ratio(row)} in decades of the share "
        f"kept; of the width, {reason}."
    )
    return PruningClaim(SHARPER, cell, name, _sharp_side(row), finding, _sure(row))


def _sharp_side(row: pd.Series) -> str:
    return HOLDS if row["upper"] < 1 else REVERSED if row["lower"] > 1 else OPEN


def _ratio(row: pd.Series) -> str:
    return f"{row['estimate']:.2f} [{row['lower']:.2f}, {row['upper']:.2f}]"


def _sure(row: pd.Series) -> str:
    return f"{LEVEL:.0%} jackknife intervals over {int(row['seeds'])} seeds, not joint"
