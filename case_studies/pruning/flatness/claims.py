"""The paper's claims on flat minima, judged by intervals of paired ratios."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from case_studies.pruning.contrasts import FEWEST, LEVEL
from case_studies.pruning.flatness.association import correlation_words, given_words
from case_studies.pruning.flatness.ratios import EIGENVALUE, ratio_words
from case_studies.pruning.judging import (
    ABOVE,
    APART,
    BELOW,
    HOLDS,
    OPEN,
    REVERSED,
    UNASKED,
    PruningClaim,
    how_sure,
    pick,
    sides_of,
)
from case_studies.pruning.methods import DENSE, MAGNITUDE, papers_criteria, percent

FLATTER = "Ends in flatter minima than magnitude"
THAN_DENSE = "Ends in flatter minima than the network without pruning"
SHARPENS = "Magnitude pruning makes minima sharper than without pruning"
WITHOUT = "no interval"
GOES_WITH = "Flatter networks are more accurate, at equal sparsity"


def flatness_claims(
    cell: str, criteria: Sequence[str], flat: pd.DataFrame, associations: pd.DataFrame
) -> list[PruningClaim]:
    """Judge what a cell's eigenvalues say; but for the first claim, only where there are any.

    Parameters
    ----------
    cell : str
    criteria : sequence of str
        That stand for the paper's; where none of them was measured, all of its kind that were.
    flat : DataFrame
        Of `flatness_table`.
    associations : DataFrame
        Of `association_table`.

    Returns
    -------
    list of PruningClaim
    """
    own = pick(flat, cell=cell, quantity=EIGENVALUE)
    there = set(own["method"])
    if not there & set(criteria):
        criteria = papers_criteria(own["method"]) or criteria
    against = {q: pick(own, question=q) for q in (MAGNITUDE, DENSE)}
    found = [_ratio_claim(FLATTER, cell, m, against[MAGNITUDE], BELOW) for m in criteria]
    if len(against[DENSE]):
        found += [_ratio_claim(THAN_DENSE, cell, m, against[DENSE], BELOW) for m in criteria]
        found.append(_ratio_claim(SHARPENS, cell, MAGNITUDE, against[DENSE], ABOVE))
    if len(associations) and len(rows := pick(associations, cell=cell)):
        found.append(_goes_with(cell, pick(rows, quantity=EIGENVALUE), rows))
    return found


def _ratio_claim(
    claim: str, cell: str, name: str, rows: pd.DataFrame, wanted: str
) -> PruningClaim:
    """Judge one method against another by the sides of its ratios."""
    own = pick(rows, method=name)
    if own.empty:
        what = "it with what it is compared with" if len(rows) else "this cell"
        return PruningClaim(claim, cell, name, UNASKED, f"No eigenvalues of {what}.", "")
    other = BELOW if wanted == ABOVE else ABOVE
    words = {wanted: HOLDS, other: REVERSED, APART: OPEN}
    few = own["seeds"] < FEWEST
    sides = [WITHOUT if w else words[side] for w, side in zip(few, sides_of(own), strict=True)]
    verdict = sides[0] if len(set(sides)) == 1 else "depends on the space or sparsity"
    if wanted == BELOW and verdict == HOLDS and (own["loss_lower"] > 1).any():
        verdict = "flatter, but fits worse"
    said = "; ".join(
        _said(row, side) for row, side in zip(own.to_dict("records"), sides, strict=True)
    )
    # intervals are of logarithms: what is zero there is a ratio of one
    sure = how_sure(own).replace("holds zero", "holds one")
    if (seeds := int(own["seeds"].max())) < FEWEST:
        sure = f"{seeds} paired seeds, which give no interval"
    if (own["cautions"] > 0).any():
        sure += f"; cautions for {own['cautions'].max():.0%} of its networks"
    if own["left_out"].any():
        sure += f"; {int(own['left_out'].max())} seeds left out, with no eigenvalue above zero"
    return PruningClaim(claim, cell, name, verdict, f"{said}.", sure)


def _said(row: dict[str, object], side: str) -> str:
    joint = (float(np.exp(float(str(row[f"joint_{end}"])))) for end in ("lower", "upper"))
    low, high = joint
    ratio = ratio_words(float(str(row["ratio"])), low, high)
    loss = ratio_words(*(float(str(row[f"loss_{end}"])) for end in ("ratio", "lower", "upper")))
    return (
        f"{row['space']} space{at_share(float(str(row['pruned'])))}, {side}: largest eigenvalue "
        f"times {ratio} of {row['against']} at training loss times {loss}"
    )


def at_share(pruned: float) -> str:
    """Say at which share pruned, such as " at 98%"; nothing where the criterion chose."""
    return "" if pd.isna(pruned) else f" at {percent(pruned)}"


def _goes_with(cell: str, rows: pd.DataFrame, family: pd.DataFrame) -> PruningClaim:
    """Judge rank correlations of eigenvalue and accuracy: below zero, flatter is better."""
    words = {BELOW: HOLDS, ABOVE: REVERSED, APART: OPEN}
    found = sides_of(rows.assign(estimate=rows["correlation"]))
    few = rows["seeds"] < FEWEST
    sides = [WITHOUT if w else words[side] for w, side in zip(few, found, strict=True)]
    verdict = sides[0] if len(set(sides)) == 1 else "depends on the space or sparsity"
    said = "; ".join(
        f"{r['space']} space{at_share(r['pruned'])}, {side}: rank correlation over "
        f"{r['methods']} methods {correlation_words(r)}, {given_words(r)}"
        for r, side in zip(rows.to_dict("records"), sides, strict=True)
    )
    seeds = int(rows["seeds"].min())
    sure = f"{LEVEL:.0%} intervals joint over {len(family)}, {seeds} seeds, of these methods"
    if rows["seeds"].max() < FEWEST:
        sure = f"{seeds} seeds, which give no interval"
    return PruningClaim(GOES_WITH, cell, "any", verdict, f"{said}.", sure)
