"""CSV tables cell by cell as text, so that an empty cell and a NaN stay two things."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from causalhyper.errors import ConfigurationError, DataError


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV file as texts.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    pandas.DataFrame
        Every cell a text, "" where it is empty.

    Raises
    ------
    ConfigurationError
        If the file cannot be opened.
    DataError
        If it is no table, or repeats a column.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, header=None, index_col=False)
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{str(path)!r} is empty; expected a header and rows") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {str(path)!r}: {error}; write it again") from error
    except OSError as error:
        raise ConfigurationError(f"cannot open {str(path)!r}: {error}") from error
    names = table.iloc[0].tolist()
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(f"{str(path)!r} has the column {twice[0]!r} twice: rename one")
    return table.iloc[1:].set_axis(names, axis=1).reset_index(drop=True)


def read_header(path: Path) -> list[str]:
    """Read the names of a CSV file's columns.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    list of str
        Empty where the file cannot be read as a table.
    """
    try:
        found = pd.read_csv(path, dtype=str, keep_default_na=False, header=None, nrows=1)
    except (ValueError, OSError):
        return []
    return [str(name) for name in found.iloc[0]] if len(found) else []
