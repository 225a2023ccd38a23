"""One line a check: what was tested, what it assumes, what was seen, what follows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import pandas as pd

Verdict = Literal["holds", "is fragile", "fails", "does not apply"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says of the effect.

    Attributes
    ----------
    test : str
    null : str
        What the check holds against the data, or supposes.
    reading : str
        What was found, with its numbers.
    verdict : {"holds", "is fragile", "fails", "does not apply"}
    """

    test: str
    null: str
    reading: str
    verdict: Verdict

    def __str__(self) -> str:
        return f"{self.test} | {self.null} | {self.reading} | {self.verdict}"


def findings_frame(findings: Iterable[Finding]) -> pd.DataFrame:
    """One row a finding; columns test, null, reading, verdict."""
    names = [f.name for f in fields(Finding)]
    return pd.DataFrame([[getattr(f, n) for n in names] for f in findings], columns=names)


def farthest_value(values: Sequence[float], baseline: float) -> float:
    """The value farthest from the baseline, as a ratio where both are positive.

    Parameters
    ----------
    values : sequence of float
    baseline : float

    Returns
    -------
    float

    Examples
    --------
    >>> farthest_value([16, 256], 512)
    16
    """
    if baseline > 0 and min(values) > 0:
        return max(values, key=lambda v: abs(np.log(v / baseline)))
    return max(values, key=lambda v: abs(v - baseline))
