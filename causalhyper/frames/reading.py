"""Reading runs frames from Parquet and CSV files."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Callable
from os import PathLike
from pathlib import Path

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.csv_tables import FormatError, parse_csv
from causalhyper.frames.run_journal import journal_of, settle

_FAULTS = (ValueError, OSError, EOFError, KeyError, zlib.error, pa.ArrowException)


def read_runs(path: str | Path) -> pd.DataFrame:
    r"""Read a runs frame.

    Nothing in the file is run: it holds values only. CSV files are UTF-8 with commas between the
    fields. Of theirs the known identifiers and labels are read as text, so that ``007`` stays a
    name. An empty field is missing. The words ``NA``, ``None`` and ``null`` are labels in a column
    that holds other text, or two of them and nothing else; among numbers, or alone, they are
    missing, as ``nan`` is everywhere.

    Parameters
    ----------
    path : str or Path
        A file whose name ends in ``.parquet``, ``.csv`` or ``.csv.gz``.

    Returns
    -------
    pandas.DataFrame, shape (runs, columns)
        At least one row, those of a sweep under way with them; not validated (see
        `validate_runs`).

    Raises
    ------
    ConfigurationError
        If the file is not there, is a folder or cannot be opened, its suffix is another, or
        `path` is no path.
    DataError
        If the content cannot be read, holds no rows, or repeats a column.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "runs.csv")
    ...     _ = path.write_text("run_id,batch_size\n007,32\n")
    ...     read_runs(path).to_dict("records")
    [{'run_id': '007', 'batch_size': 32}]
    """
    if not isinstance(path, str | PathLike):
        raise ConfigurationError(
            f"expected the path of a file, such as 'runs.csv'; got {type(path).__name__}: pass a "
            "path (a frame needs no reading)"
        )
    return read_frame(Path(path), "run")


def read_frame(path: Path, unit: str) -> pd.DataFrame:
    """Read a frame of any kind, with the rows that wait in its journal (see `append_run`).

    Parameters
    ----------
    path : Path
        The file.
    unit : str
        What a row is, for messages.

    Returns
    -------
    pandas.DataFrame
        At least one row.
    """
    parse = _parser(path)
    data = _content(path, unit)
    if path.name.lower().endswith(".parquet"):
        data = settle(path, data)
    try:
        frame = parse(data)
    except FormatError as error:
        raise DataError(f"cannot read {str(path)!r}: {error}") from error
    except _FAULTS as error:
        cause = " ".join(str(error).split())
        raise DataError(
            f"cannot read {str(path)!r}: {cause}: the file is damaged, or is not what its suffix "
            "says; write it again"
        ) from error
    if len(frame) == 0:
        raise DataError(f"{str(path)!r} holds no rows; expected one row a {unit}")
    return frame


def checksum(path: str | Path) -> str:
    """Return the SHA-256 digest of a file, and of the journal beside it where there is one.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    ConfigurationError
        If the file is not there, is a folder, or cannot be opened.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "empty")
    ...     path.touch()
    ...     checksum(path)[:8]
    'e3b0c442'
    """
    path = Path(path)
    _check_file(path)
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256")
        if (journal := journal_of(path)).exists():
            digest.update(journal.read_bytes())
        return digest.hexdigest()
    except OSError as error:
        raise ConfigurationError(f"cannot open {str(path)!r}: {error}") from error


def _parser(path: Path) -> Callable[[bytes], pd.DataFrame]:
    """Choose the parser by the file's suffix."""
    name = path.name.lower()
    if name.endswith(".parquet"):
        return lambda data: pd.read_parquet(io.BytesIO(data), engine="pyarrow")
    if name.endswith(".csv"):
        return parse_csv
    if name.endswith(".csv.gz"):
        return lambda data: parse_csv(gzip.decompress(data))
    raise ConfigurationError(
        f"cannot tell the format of {str(path)!r}; expected a name that ends in .parquet, .csv "
        "or .csv.gz"
    )


def _content(path: Path, unit: str) -> bytes:
    """Return the content of a file that is not empty."""
    _check_file(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot open {str(path)!r}: {error}") from error
    if not data:
        raise DataError(f"{str(path)!r} is empty; expected one row a {unit}: write it again")
    return data


def _check_file(path: Path) -> None:
    """Refuse a path that is no file."""
    if path.is_dir():
        raise ConfigurationError(f"{str(path)!r} is a folder; expected a file: name one in it")
    if not path.exists():
        raise ConfigurationError(f"no file {str(path)!r}: check the path")
