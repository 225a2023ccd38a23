"""The rules for the columns of a frame and for names and labels in them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import numpy as np
import pandas as pd

from causalhyper.arrays import Flags
from causalhyper.errors import Problem
from causalhyper.frames.measurements import show_value


def check_presence(frame: pd.DataFrame, needed: Iterable[str]) -> list[Problem]:
    """Find columns that are missing, given twice, or without any row.

    Parameters
    ----------
    frame : pandas.DataFrame
        The runs.
    needed : iterable of str
        The columns that must be there.

    Returns
    -------
    list of Problem
        For the frame as a whole, then the repeated columns, then the missing ones.

    Examples
    --------
    >>> print(*check_presence(pd.DataFrame({"run_id": ["a"], "sed": [1]}), ["run_id", "seed"]))
    'seed': is missing; 1 row; did you mean 'sed'?
    """
    names = [str(name) for name in frame.columns]
    problems = []
    if len(frame) == 0:
        remedy = "collect runs first, or check the filter that chose them"
        problems.append(Problem("run_id", "the frame is empty", 0, "", remedy))
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        rule = f"stands {names.count(name)} times in the frame"
        problems.append(Problem(name, rule, len(frame), "", "rename or drop all but one"))
    for name in dict.fromkeys(needed):
        if name not in names:
            problems.append(Problem(name, "is missing", len(frame), "", _missing(name, names)))
        elif name not in frame.columns:
            rule = "must be named by text, not by a number or another object"
            remedy = "rename it with frame.rename(columns=str)"
            problems.append(Problem(name, rule, len(frame), "", remedy))
    return problems


def check_identifiers(series: pd.Series) -> list[Problem]:
    """Find runs without a name, and names given twice.

    Parameters
    ----------
    series : pandas.Series, shape (n,)
        The names of the runs.

    Returns
    -------
    list of Problem
        Empty for unique names.

    Examples
    --------
    >>> print(*check_identifiers(pd.Series(["a", "b", "a"], name="run_id")))
    'run_id': must be unique; 2 rows; for example 'a'; one row a run: drop or rename the repeats
    """
    blank = _blank(series)
    problems = []
    if blank.any():
        remedy = "give every run a name of its own"
        problems.append(_problem(series, blank, "must not be empty", remedy))
    whole = isinstance(series.dtype, np.dtype) and series.dtype.kind in "iu"
    names = series if whole else series.astype(object)
    repeated = names.duplicated(keep=False).to_numpy(dtype=bool) & ~blank
    if repeated.any():
        remedy = "one row a run: drop or rename the repeats"
        problems.append(_problem(series, repeated, "must be unique", remedy))
    return problems


def check_labels(series: pd.Series, use: str) -> list[Problem]:
    """Find empty labels, and labels that differ by outer blanks alone.

    Parameters
    ----------
    series : pandas.Series, shape (n,)
        Labels of a cluster or context.
    use : str
        "cluster" or "context", for the message.

    Returns
    -------
    list of Problem
        Empty where every run has a label and no two read alike.

    Examples
    --------
    >>> print(*check_labels(pd.Series(["mnist", None], name="dataset"), "cluster"))
    'dataset': a cluster label must not be empty; 1 row; for example row 1; fill in the label
    """
    blank = _blank(series)
    problems = []
    if blank.any():
        rows = np.flatnonzero(blank)
        rule, example = f"a {use} label must not be empty", f"row {rows[0]}"
        remedy = "fill in the label"
        problems.append(Problem(str(series.name), rule, len(rows), example, remedy))
    return problems + _padded(series, blank, use)


def _padded(series: pd.Series, blank: Flags, use: str) -> list[Problem]:
    """Find labels that are earlier ones but for the blanks around them."""
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iufb":
        return []
    first: dict[str, str] = {}
    alike = [(x, first.setdefault(x.strip(), x)) for x in series[~blank] if isinstance(x, str)]
    padded = [pair for pair in alike if pair[0] != pair[1]]
    if not padded:
        return []
    rule = f"{use} labels must not differ by blanks alone"
    example = f"{padded[0][0]!r} beside {padded[0][1]!r}"
    remedy = f"take the blanks away: frame[{series.name!r}].str.strip()"
    return [Problem(str(series.name), rule, len(padded), example, remedy)]


def _missing(name: str, names: list[str]) -> str:
    """Say what to do about a missing column."""
    folded = {other.casefold(): other for other in names}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=1)
    return f"did you mean {folded[close[0]]!r}?" if close else "add it, or map the node elsewhere"


def _blank(series: pd.Series) -> Flags:
    """Mark the cells that are null or hold only blanks."""
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iufb":
        return np.asarray(series.isna().to_numpy(dtype=bool))
    cells = series.astype(object)
    blank = [isinstance(cell, str) and not cell.strip() for cell in cells]
    return np.asarray(cells.isna().to_numpy(dtype=bool) | np.array(blank, dtype=bool))


def _problem(series: pd.Series, mask: Flags, rule: str, remedy: str) -> Problem:
    rows = np.flatnonzero(mask)
    return Problem(str(series.name), rule, len(rows), show_value(series.iloc[rows[0]]), remedy)
