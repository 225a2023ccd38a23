"""What a figure asks of its frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.figures.text import as_text


def check_columns(frame: pd.DataFrame, needed: Sequence[str], figure: str) -> None:
    """Refuse a frame that lacks a column.

    Parameters
    ----------
    frame : pandas.DataFrame
    needed : sequence of str
        The columns that must be there.
    figure : str
        What is drawn, for the message.

    Raises
    ------
    ConfigurationError
        With the missing columns and those that came.

    Examples
    --------
    >>> check_columns(pd.DataFrame({"label": ["a"]}), ["label", "estimate"], "a forest plot")
    Traceback (most recent call last):
    ...
    causalhyper.errors.ConfigurationError: a forest plot needs the columns label, estimate; \
missing: estimate; got: label
    """
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        came = ", ".join(as_text(name) for name in frame.columns) or "no columns"
        raise ConfigurationError(
            f"{figure} needs the columns {', '.join(needed)}; "
            f"missing: {', '.join(missing)}; got: {came}"
        )


def read_numbers(
    frame: pd.DataFrame, column: str, figure: str, *, optional: bool = False
) -> Array:
    """Read a column of numbers.

    Parameters
    ----------
    frame : pandas.DataFrame, shape (n, k)
    column : str
    figure : str
        What is drawn, for the message.
    optional : bool
        Whether a number may be absent; it comes back as NaN.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ConfigurationError
        For text, infinities, and absent numbers that are not optional.

    Examples
    --------
    >>> read_numbers(pd.DataFrame({"lower": [0.5, None]}), "lower", "a curve", optional=True)
    array([0.5, nan])
    """
    try:
        numbers = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{figure} needs numbers in the column {column!r}: {as_text(error)}"
        ) from error
    wrong = np.isinf(numbers) if optional else ~np.isfinite(numbers)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ConfigurationError(
            f"{figure} needs finite numbers in the column {column!r}; got {numbers[row]:g} in row "
            f"{row}: drop the row or correct it"
        )
    return np.array(numbers, dtype=np.float64)


def read_interval(frame: pd.DataFrame, lower: str, upper: str, figure: str) -> tuple[Array, Array]:
    """Read the ends of an interval; both are NaN where one is absent.

    Parameters
    ----------
    frame : pandas.DataFrame, shape (n, k)
    lower, upper : str
        Names of the columns.
    figure : str
        What is drawn, for the message.

    Returns
    -------
    lower, upper : ndarray, shape (n,)

    Raises
    ------
    ConfigurationError
        Where a lower end lies above its upper end.

    Examples
    --------
    >>> read_interval(pd.DataFrame({"a": [0.0], "b": [1.0]}), "a", "b", "a curve")
    (array([0.]), array([1.]))
    """
    low = read_numbers(frame, lower, figure, optional=True)
    high = read_numbers(frame, upper, figure, optional=True)
    reversed_ = np.flatnonzero(low > high)
    if reversed_.size:
        row = int(reversed_[0])
        raise ConfigurationError(
            f"{figure} needs {lower} <= {upper}; got {low[row]:g} and {high[row]:g} in row {row}"
        )
    absent = np.isnan(low) | np.isnan(high)
    return np.where(absent, np.nan, low), np.where(absent, np.nan, high)


def read_texts(frame: pd.DataFrame, column: str) -> list[str]:
    """Read a column of labels as printable text; "" where one is absent.

    Parameters
    ----------
    frame : pandas.DataFrame, shape (n, k)
    column : str

    Returns
    -------
    list of str, length n

    Examples
    --------
    >>> read_texts(pd.DataFrame({"label": ["B", None, 3]}), "label")
    ['B', '', '3']
    """
    absent = frame[column].isna()
    return ["" if a else as_text(v) for v, a in zip(frame[column], absent, strict=True)]
