"""Tests as a reader wants them: test, H0, reading, verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from causalhyper.report.blocks import Fold
from causalhyper.report.tables import ReportTable, text_cells

HEADS = ("test", "H0", "reading", "verdict")
MOST = 30
"""Tests that are shown at most."""
REJECTED = "H0 rejected"
APART = "not told apart"
"""What is said where an interval holds the value of no difference."""


@dataclass(frozen=True, slots=True)
class NullTest:
    """One test in words.

    Attributes
    ----------
    test : str
        Its name.
    null : str
        What is taken to hold until it is rejected.
    reading : str
        The numbers.
    verdict : str
    """

    test: str
    null: str
    reading: str
    verdict: str


def verdict_table(tests: Sequence[NullTest]) -> ReportTable:
    """Show tests, a row a test.

    Parameters
    ----------
    tests : sequence of NullTest

    Returns
    -------
    ReportTable

    Examples
    --------
    >>> table = verdict_table([NullTest("paired t", "no difference", "p = 0.2", "kept")])
    >>> [cell.text for cell in table.rows[0]]
    ['paired t', 'no difference', 'p = 0.2', 'kept']
    """
    return ReportTable("Tests", HEADS, tuple(text_cells(*astuple(test)) for test in tests))


def fold_tests(tests: Sequence[NullTest]) -> Fold:
    """Hide a table of tests behind a line; of many, those that reject come first.

    Parameters
    ----------
    tests : sequence of NullTest

    Returns
    -------
    Fold
        Of at most `MOST` tests.
    """
    if len(tests) <= MOST:
        return Fold("Tests", (verdict_table(tests),))
    first = sorted(tests, key=lambda test: not test.verdict.startswith(REJECTED))[:MOST]
    said = f"Tests: {MOST} of {len(tests)}, rejected ones first; the files have all numbers"
    return Fold(said, (verdict_table(first),))


def side(
    lower: float, upper: float, nothing: float = 0.0, words: tuple[str, str] = ("above", "below")
) -> str:
    """Say on which side of no difference an interval lies.

    Parameters
    ----------
    lower, upper : float
        Its ends; NaN without one.
    nothing : float
        0 of differences, 1 of ratios.
    words : tuple of str
        For the sides above and below.

    Returns
    -------
    str

    Examples
    --------
    >>> side(0.1, 0.3), side(0.7, 0.9, 1.0, ("wider", "narrower")), side(-1, 1)
    ('above', 'narrower', 'not told apart')
    """
    if np.isnan(lower) or np.isnan(upper):
        return "no interval"
    if lower > nothing:
        return words[0]
    return words[1] if upper < nothing else APART


def p_words(*values: float) -> str:
    """Write p-values to two figures; "none" where there is none.

    Parameters
    ----------
    *values : float

    Returns
    -------
    str

    Examples
    --------
    >>> p_words(0.01234, float("nan"))
    '0.012, none'
    """
    return ", ".join("none" if np.isnan(v) else f"{v:.2g}" for v in values)
