"""Values from logs to columns: texts that are all numbers become numbers, nothing is evaluated."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

_INTEGER = re.compile(r"[+-]?(0|[1-9]\d*)")
_DECIMAL = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_SPECIAL = {
    "nan": np.nan,
    ".nan": np.nan,
    "inf": np.inf,
    "+inf": np.inf,
    ".inf": np.inf,
    "infinity": np.inf,
    "-inf": -np.inf,
    "-.inf": -np.inf,
    "-infinity": -np.inf,
}
_NOTHING = frozenset({"", "none", "null", "~"})
_TRUTH = {"true": True, "false": False}
_LARGEST = 2**63 - 1

Scalar = str | int | float | bool | None


def parse_number(text: str) -> int | float | None:
    """Read a text that is one number, and nothing else.

    Parameters
    ----------
    text : str
        Such as "32", "1e-3", "nan" or "-inf"; outer blanks do not count.

    Returns
    -------
    int or float or None
        None for every other text, and for "007", which is a name.

    Examples
    --------
    >>> [parse_number(text) for text in ("32", "1e-3", "007", "1_000", "2*3")]
    [32, 0.001, None, None, None]
    """
    text = text.strip()
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    return _SPECIAL.get(text.casefold())


def make_column(cells: Sequence[object]) -> pd.Series:
    """Make the column that holds some logged values.

    Parameters
    ----------
    cells : sequence of object
        Texts, numbers, truth values, None where nothing was logged; lists and the like become
        JSON text.

    Returns
    -------
    pandas.Series
        Numbers where every cell that is filled is one (int64, or float64 where some are
        missing or broken); bool where every cell is true or false; otherwise text, as it was.
        "None" is a missing number among numbers and a word among words.

    Examples
    --------
    >>> make_column(["16", "32"]).tolist(), make_column(["0.1", "None"]).tolist()
    ([16, 32], [0.1, nan])
    >>> make_column(["sgd", "None"]).tolist()
    ['sgd', 'None']
    """
    plain = [_scalar(cell) for cell in cells]
    numbers = [_as_number(cell) for cell in plain]
    if all(n is not None for n in numbers):
        return _numeric([n for n in numbers if n is not None])
    truths = [_TRUTH.get(cell.casefold()) if isinstance(cell, str) else cell for cell in plain]
    if all(isinstance(truth, bool) for truth in truths):
        return pd.Series(truths, dtype=bool)
    return pd.Series([None if c is None else _text(c) for c in plain], dtype=object)


def flatten(nested: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Write the values of nested mappings under dotted names.

    Parameters
    ----------
    nested : mapping
        Values by name, some of them mappings again.
    prefix : str
        Set before every name.

    Returns
    -------
    dict
        The innermost values.

    Examples
    --------
    >>> flatten({"optimizer": {"name": "sgd", "lr": 0.1}, "seed": 1})
    {'optimizer.name': 'sgd', 'optimizer.lr': 0.1, 'seed': 1}
    """
    flat: dict[str, object] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def numbers_among(values: Mapping[str, object]) -> dict[str, float]:
    """Return the values that are numbers, those written as a word ("NaN") among them.

    Parameters
    ----------
    values : mapping
        Values by name.

    Returns
    -------
    dict of float
        In the same order; truth values are not numbers.

    Examples
    --------
    >>> numbers_among({"loss": 1, "note": "late", "worst": "NaN", "done": True})
    {'loss': 1.0, 'worst': nan}
    """
    found: dict[str, float] = {}
    for name, value in values.items():
        number = parse_number(value) if isinstance(value, str) else value
        if isinstance(number, int | float) and not isinstance(number, bool):
            found[name] = float(number)
    return found


def _scalar(cell: object) -> Scalar:
    """Return a cell as a value that a column can hold."""
    if cell is None or isinstance(cell, str | bool | int | float):
        return cell
    if isinstance(cell, np.generic):
        return _scalar(cell.item())
    return json.dumps(cell, default=str)


def _as_number(cell: Scalar) -> int | float | None:
    """Return a cell as a number, NaN where nothing was logged, None where it is something else."""
    if cell is None:
        return np.nan
    if isinstance(cell, bool):
        return None
    if isinstance(cell, str):
        return np.nan if cell.strip().casefold() in _NOTHING else parse_number(cell)
    return cell


def _numeric(numbers: Iterable[int | float]) -> pd.Series:
    values = list(numbers)
    whole = bool(values) and all(isinstance(n, int) and abs(n) <= _LARGEST for n in values)
    return pd.Series(values, dtype=np.int64 if whole else np.float64)


def _text(cell: str | int | float | bool) -> str:
    return cell if isinstance(cell, str) else json.dumps(cell)
