"""What a verdict is: a claim, its protocol, what an interval says of it, and the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

import pandas as pd

from case_studies.batch_size.runs import LARGE, SMALL

ALPHA = 0.05
WIDEST = f"{SMALL} - {LARGE}"
DOMAINS = ("graphs", "text")
HOLDS, REVERSED, OPEN = "holds on average", "reversed on average", "not shown"


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim under one protocol.

    Attributes
    ----------
    claim : str
        As the poster has it, or as it would have to be said.
    protocol : str
    verdict : str
    finding : str
        The numbers behind it.
    """

    claim: str
    protocol: str
    verdict: str
    finding: str


def claims_frame(claims: Sequence[Claim]) -> pd.DataFrame:
    """One row a claim and protocol."""
    return pd.DataFrame([astuple(c) for c in claims], columns=[f.name for f in fields(Claim)])


def judge(lower: float, upper: float, expected: int = 1) -> str:
    """Whether the interval of an average leaves zero out on the expected side, in words.

    Examples
    --------
    >>> judge(0.1, 0.4), judge(-0.4, -0.1), judge(-0.1, 0.2)
    ('holds on average', 'reversed on average', 'not shown')
    """
    low, high = (lower, upper) if expected > 0 else (-upper, -lower)
    return HOLDS if low > 0 else REVERSED if high < 0 else OPEN


def points(estimate: float, lower: float, upper: float, digits: int = 2) -> str:
    """Percentage points with their interval, such as "+1.20 [+0.90, +1.50]"."""
    numbers = (f"{100 * v:+.{digits}f}" for v in (estimate, lower, upper))
    first, low, high = (n.replace("-", "\N{MINUS SIGN}") for n in numbers)
    return f"{first} [{low}, {high}]"


def pooled_points(row: pd.Series) -> str:
    """A pooled effect in points."""
    return points(row["estimate"], row["lower"], row["upper"])


def pick(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    """The rows with these values."""
    for name, value in values.items():
        table = table[table[name] == value]
    return table
