"""What a verdict is, and the rule that makes one of joint intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from case_studies.pruning.contrasts import FEWEST, LEVEL
from case_studies.pruning.methods import percent

HOLDS, REVERSED, OPEN, UNASKED = "holds", "reversed", "not shown", "no data"
NO_RUNS = f"No {FEWEST} paired seeds of this cell answer it."
SHARPER = "Has a sharper transition than magnitude"
ALL_CELLS = "all cells"
ABOVE, BELOW, APART = "above", "below", "not told apart"


@dataclass(frozen=True, slots=True)
class PruningClaim:
    """One claim in one cell.

    Attributes
    ----------
    claim : str
        As the paper has it, or as it would have to be said.
    cell, criterion : str
        Where, and of which criterion.
    verdict : str
    finding : str
        The numbers.
    sure : str
        How sure the verdict is.
    """

    claim: str
    cell: str
    criterion: str
    verdict: str
    finding: str
    sure: str


def claims_frame(claims: Sequence[PruningClaim]) -> pd.DataFrame:
    """One row a claim, cell and criterion."""
    names = [f.name for f in fields(PruningClaim)]
    return pd.DataFrame([astuple(c) for c in claims], columns=names)


def pick(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    """The rows with these values."""
    for name, value in values.items():
        table = table[table[name] == value]
    return table


def side_of(row: Mapping[Any, Any] | pd.Series) -> str:
    """Side of zero of a joint interval: "above", "below" or "not told apart"."""
    if not row["se"] > 0:  # the same in every seed: no interval
        return APART
    return ABOVE if row["joint_lower"] > 0 else BELOW if row["joint_upper"] < 0 else APART


def sides_of(rows: pd.DataFrame) -> list[str]:
    """Side of zero of the joint interval of every row."""
    return [side_of(row) for row in rows.to_dict("records")]


def judge_levels(rows: pd.DataFrame) -> str:
    """Put the sides of one criterion's levels into a verdict.

    Parameters
    ----------
    rows : DataFrame
        Columns sparsity, se, joint_lower, joint_upper.

    Returns
    -------
    str
        "holds", "reversed" or "not shown" where all levels agree; else where it is what.

    Examples
    --------
    >>> rows = pd.DataFrame({"sparsity": [0.95, 0.98], "se": 0.01, "joint_lower": [0.1, -0.1]})
    >>> judge_levels(rows.assign(joint_upper=0.2))
    'holds at 95%; not shown at 98%'
    """
    words = {ABOVE: HOLDS, BELOW: REVERSED, APART: OPEN}
    sides: dict[str, list[str]] = {}
    for row in rows.to_dict("records"):
        sides.setdefault(words[side_of(row)], []).append(percent(row["sparsity"]))
    if not sides:
        return UNASKED
    if len(sides) == 1:
        return next(iter(sides))
    order = [word for word in (HOLDS, REVERSED, OPEN) if word in sides]
    return "; ".join(f"{word} at {', '.join(sides[word])}" for word in order)


def points(estimate: float, lower: float, upper: float) -> str:
    """Percentage points with an interval, such as "+1.20 [+0.90, +1.50]"."""
    first, low, high = (_signed(100 * v) for v in (estimate, lower, upper))
    return f"{first} [{low}, {high}]"


def _signed(value: float) -> str:
    """Two digits behind the point; more where they would be zeros and the number is none."""
    digits = 2
    while value and not float(f"{value:.{digits}f}") and digits < 6:
        digits += 1
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def points_of(row: Mapping[Any, Any] | pd.Series) -> str:
    """A contrast in points, with its joint interval."""
    return points(row["estimate"], row["joint_lower"], row["joint_upper"])


def how_sure(rows: pd.DataFrame) -> str:
    """Say what verdicts on some contrasts rest on."""
    seeds, count = int(rows["seeds"].min()), int(rows["comparisons"].iloc[0])
    joint = f"joint over {count}" if count > 1 else "of one comparison"
    text = f"{LEVEL:.0%} intervals {joint}, {seeds} paired seeds"
    told = rows[np.array(sides_of(rows), dtype=object) != APART]
    if told.empty:
        return f"{text}; an interval that holds zero is no proof of equality"
    if (told["flip_p_value"] > 1 - LEVEL).any():
        least = 2.0 ** (1 - seeds)
        return (
            f"{text}; rests on near-normal differences (sign flips reach p = {least:.3g} at best)"
        )
    return f"{text}; sign flips agree (joint p at most {told['flip_p_value'].max():.2g})"
