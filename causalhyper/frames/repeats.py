"""Rows that are copies of others under new names."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from causalhyper.frames.measurements import show_value

DISTINCT = 0.9
"""Share of distinct values from which equal values of a column are no coincidence."""


def describe_repeats(frame: pd.DataFrame, treatment: str, columns: Sequence[str]) -> str:
    """Say which runs agree with others in all that was measured.

    Coarse measurements, such as the accuracy on a hundred examples, agree by chance: at least two
    columns beside the treatment must hold mostly distinct values. Runs that stand at an end of
    every column, as collapsed networks do, are not told.

    Parameters
    ----------
    frame : pandas.DataFrame
        Runs with a column ``run_id``.
    treatment : str
        Column of the treatment.
    columns : sequence of str
        Columns with a role, the treatment's among them.

    Returns
    -------
    str
        "" where no run does.

    Examples
    --------
    >>> frame = pd.DataFrame({"run_id": ["a", "b", "c", "d"], "b": [1, 1, 2, 2]})
    >>> frame = frame.assign(n=[0.31, 0.31, 0.12, 0.44], g=[0.52, 0.52, 0.47, 0.61])
    >>> describe_repeats(frame, "b", ["b", "n", "g"])  # doctest: +ELLIPSIS
    "1 of 4 runs repeats another in b, n, g, such as run 'b' (as run 'a'): ..."
    """
    likely = frame.index
    measured = [column for column in columns if column != treatment]
    for column in measured:
        likely = likely[frame.loc[likely, column].duplicated(keep=False)]
        if not len(likely):
            return ""
    named = list(columns)
    copies = likely[frame.loc[likely, named].duplicated()]
    if not len(copies):
        return ""
    ends = frame[measured].agg(["min", "max"])
    floor = frame.loc[copies, measured].isin({c: list(ends[c]) for c in measured}).all(axis=1)
    copies = copies[~floor.to_numpy()]  # collapsed runs agree without being copies
    if not len(copies):
        return ""
    once = frame.drop(index=copies)
    fine = [c for c in measured if once[c].nunique() >= DISTINCT * len(once)]
    if len(fine) < 2:
        return ""
    same = (frame.loc[likely, named] == frame.loc[copies[0], named]).all(axis=1)
    copy, original = (show_value(frame.loc[at, "run_id"]) for at in (copies[0], same.idxmax()))
    repeat = "repeats another" if len(copies) == 1 else "repeat others"
    return (
        f"{len(copies)} of {len(frame)} runs {repeat} in {', '.join(named)}, such as run "
        f"{copy} (as run {original}): copies of a row count as independent runs and narrow "
        f"every interval; drop them, such as by frame.drop_duplicates({named})"
    )
