"""A frame as a short HTML table."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
import pandas as pd

from causalhyper.notebook.text import escaped

ROWS, COLUMNS, CHARACTERS = 16, 10, 40
"""The most that a table shows: rows, columns, characters of a cell."""
WIDE = 8
"""Columns from which on those that say the same in every row stand below the table."""


def write_table(frame: pd.DataFrame) -> str:
    """Write the first rows of a frame as an accessible table.

    Columns have ``scope="col"``, and the caption says how many rows and columns are left out.
    Of a wide frame, columns with one value throughout are named once, in the caption.

    Parameters
    ----------
    frame : pandas.DataFrame
        Of any dtypes and index; the index is not shown.

    Returns
    -------
    str
        At most `ROWS` rows of `COLUMNS` cells, with no colour of its own.

    Examples
    --------
    >>> print(write_table(pd.DataFrame({"layer": ["fc"], "kept": [3]})))
    <table><caption>1 row</caption><thead><tr><th scope="col">layer</th><th scope="col">kept</th>\
</tr></thead><tbody><tr><td>fc</td><td>3</td></tr></tbody></table>
    """
    top = frame.iloc[:ROWS]
    same = _constant(frame)
    places = [i for i in range(frame.shape[1]) if i not in same]
    shown = places[:COLUMNS]
    cells = [[cell_text(value) for value in top.iloc[:, i].astype(object)] for i in shown]
    head = "".join(_tag("th", str(frame.columns[i]), ' scope="col"') for i in shown)
    body = "".join(
        f"<tr>{''.join(_tag('td', text) for text in row)}</tr>" for row in zip(*cells, strict=True)
    )
    caption = _caption(frame, len(places) - len(shown), same)
    return (
        f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def cell_text(value: object) -> str:
    """Write one value.

    Parameters
    ----------
    value : object

    Returns
    -------
    str
        Four figures of a real number, "" where there is none.

    Examples
    --------
    >>> [cell_text(x) for x in (0.123456, 7, None, float("nan"), True, "B", (1.0, 2))]
    ['0.1235', '7', '', '', 'yes', 'B', '1, 2']
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        return "" if np.isnan(float(value)) else f"{float(value):.4g}"
    if isinstance(value, tuple | list):
        return ", ".join(cell_text(part) for part in value[:COLUMNS])
    return str(value)


def _constant(frame: pd.DataFrame) -> dict[int, str]:
    """Places of the columns that say the same in every row, with what they say."""
    count = len(frame)
    if frame.shape[1] <= WIDE or not 2 < count <= 10_000:
        return {}
    found = {}
    for i in range(frame.shape[1]):
        texts = {cell_text(value) for value in frame.iloc[:, i].astype(object)}
        if len(texts) == 1:
            found[i] = texts.pop()
    return found if len(found) < frame.shape[1] else {}


def _caption(frame: pd.DataFrame, columns_out: int, same: dict[int, str]) -> str:
    rows = len(frame)
    count = f"{rows} row{'s' * (rows != 1)}"
    parts = [f"the first {ROWS} of {count}" if rows > ROWS else count]
    if columns_out:
        parts.append(f"{columns_out} column{'s' * (columns_out > 1)} left out")
    if len(frame) > ROWS or columns_out:
        parts[-1] += " (to_frame() has all)"
    told = [(str(frame.columns[i]), text) for i, text in same.items() if text][:COLUMNS]
    if told:
        pairs = [f"{escaped(name, CHARACTERS)} {escaped(text, CHARACTERS)}" for name, text in told]
        parts.append(f"in every row: {', '.join(pairs)}")
    return "; ".join(parts)


def _tag(name: str, text: str, attributes: str = "") -> str:
    return f"<{name}{attributes}>{escaped(text, CHARACTERS)}</{name}>"
