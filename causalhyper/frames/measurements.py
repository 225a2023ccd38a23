"""Reading a column as measurements: float64 values whatever dtype pandas gave it."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd

from causalhyper.arrays import Array
from causalhyper.errors import Problem
from causalhyper.frames.number_texts import conversion

Show = Callable[[int, object], str]
"""Shows the value of a row for a message, with the name of its run."""


def show_value(value: object) -> str:
    """Show a value of a frame in a message.

    Parameters
    ----------
    value : object
        A cell.

    Returns
    -------
    str
        Numbers to 12 digits, text in quotes.

    Examples
    --------
    >>> show_value(np.float64(83.9)), show_value(np.int64(3)), show_value("a")
    ('83.9', '3', "'a'")
    """
    plain = value.item() if isinstance(value, np.generic) else value
    return f"{plain:.12g}" if isinstance(plain, float) else repr(plain)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A column as numbers.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        NaN where a value is missing or is no number.
    problem : Problem or None
        What is wrong with the column's type; the values are then not to be used.

    Examples
    --------
    >>> Measurement(np.array([1.0]), None).problem is None
    True
    """

    values: Array
    problem: Problem | None


def read_measurement(series: pd.Series, show: Show, *, choice: bool = True) -> Measurement:
    """Read a column as float64 values.

    Parameters
    ----------
    series : pandas.Series, shape (n,)
        Integers, floats or decimals in any dtype: NumPy, nullable, pyarrow, object or
        categorical. Booleans, text and dates are refused, even text that looks like numbers.
    show : callable
        From row number and value to the example in a message.
    choice : bool
        Whether its texts may name what was chosen: an outcome's never do.

    Returns
    -------
    Measurement
        The values, or the problem.

    Examples
    --------
    >>> series = pd.Series([16, None], dtype="Int64")
    >>> read_measurement(series, lambda row, value: str(value)).values.tolist()
    [16.0, nan]
    """
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    if pd.api.types.is_bool_dtype(series.dtype):
        cells = series.astype(object)
        return Measurement(_nothing(series), _boolean_problem(series, cells.notna(), show))
    if pd.api.types.is_any_real_numeric_dtype(series.dtype):
        return Measurement(series.to_numpy(dtype=np.float64, na_value=np.nan), None)
    return _read_cells(series, show, choice)


def _read_cells(series: pd.Series, show: Show, choice: bool) -> Measurement:
    """Read a column cell by cell."""
    cells = series.astype(object)
    filled = cells.notna()
    booleans = cells.map(_is_boolean).astype(bool) & filled
    if booleans.any():
        return Measurement(_nothing(series), _boolean_problem(series, booleans, show))
    odd = ~cells.map(_is_number).astype(bool) & filled
    if odd.any():
        problem = _text_problem(series, cells, odd, show, choice)
        return Measurement(_nothing(series), problem)
    return Measurement(np.array([_number(cell) for cell in cells], dtype=np.float64), None)


def _nothing(series: pd.Series) -> Array:
    return np.full(len(series), np.nan)


def _is_boolean(cell: object) -> bool:
    return isinstance(cell, bool | np.bool_)


def _is_number(cell: object) -> bool:
    return isinstance(cell, numbers.Real | Decimal) and not _is_boolean(cell)


def _number(cell: object) -> float:
    """Return a number as float, infinite where it is too large, NaN where there is none."""
    if not isinstance(cell, numbers.Real | Decimal) or cell != cell:
        return float("nan")
    try:
        return float(cell)
    except OverflowError:
        return float("inf")


def _looks_like_number(cell: object) -> bool:
    try:
        float(str(cell))
    except ValueError:
        return False
    return True


def _boolean_problem(series: pd.Series, mask: pd.Series, show: Show) -> Problem:
    rows = np.flatnonzero(mask.to_numpy(dtype=bool))
    return Problem(
        str(series.name),
        "must hold numbers, not true and false",
        len(rows),
        show(int(rows[0]), series.iloc[rows[0]]) if len(rows) else "",
        "record the measurement itself, or 0 and 1 where that is what was measured",
    )


def _text_problem(
    series: pd.Series, cells: pd.Series, odd: pd.Series, show: Show, choice: bool
) -> Problem:
    """Describe cells that are no numbers, those first that cannot be converted."""
    hopeless = odd & ~cells.map(_looks_like_number).astype(bool)
    column = str(series.name)
    remedy = _text_remedy(column, cells, hopeless, choice)
    rows = np.flatnonzero((hopeless if hopeless.any() else odd).to_numpy(dtype=bool))
    cell = cells.iloc[rows[0]]
    kind = "text" if isinstance(cell, str) else type(cell).__name__
    rule = f"must hold numbers, not {kind}"
    return Problem(column, rule, len(rows), show(int(rows[0]), cell), remedy)


def _text_remedy(column: str, cells: pd.Series, hopeless: pd.Series, choice: bool) -> str:
    filled = cells[cells.notna()].tolist()
    if converted := conversion(column, filled, cells[hopeless].tolist()):
        return converted
    if not hopeless.any():
        return f"convert with pandas.to_numeric(frame[{column!r}])"
    name = cells[hopeless].iloc[0]
    everywhere = int(hopeless.sum()) == int(cells.notna().sum())
    if choice and everywhere and isinstance(name, str):
        return (
            "where they name a choice, ask about an indicator of 0 and 1: "
            f"frame[...] = (frame[{column!r}] == {name!r}).astype(int)"
        )
    return "correct these values, or leave them empty where nothing was measured"
