"""CSV content as a frame: what pandas would mend silently is refused, labels stay labels."""

from __future__ import annotations

import io

import pandas as pd

from causalhyper.frames.columns import KNOWN
from causalhyper.frames.number_texts import is_number_text

WORDS = ("NA", "None", "null")
"""Labels that pandas takes for missing values."""
_SEPARATORS = {";": "';'", "\t": "tabs", "|": "'|'"}


class FormatError(ValueError):
    """A text that is no table of the expected form; the message says what to do.

    Examples
    --------
    >>> issubclass(FormatError, ValueError)
    True
    """


def parse_csv(data: bytes) -> pd.DataFrame:
    r"""Parse a CSV file.

    Parameters
    ----------
    data : bytes
        UTF-8 text with a header; fields separated by commas.

    Returns
    -------
    pandas.DataFrame
        An empty field is missing, and so are words such as nan and NA, but for `WORDS` in columns
        of text. A column is one of text where another field is text and no number, or two of
        `WORDS` occur and nothing else.

    Raises
    ------
    ValueError
        If it is no such text, uses another separator, repeats a column, or has rows longer than
        the header.

    Examples
    --------
    >>> frame = parse_csv(b"norm,acc\nbatch,0.5\nNone,NA\n")
    >>> frame["norm"].tolist(), frame["acc"].tolist()
    (['batch', 'None'], [0.5, nan])
    """
    _check_encoding(data)
    header = pd.read_csv(io.BytesIO(data), header=None, nrows=1, dtype=str).iloc[0]
    _check_separator(header)
    repeated = header[header.duplicated() & header.notna()]
    if len(repeated):
        raise ValueError(f"the column {repeated.iloc[0]!r} stands twice in the header")
    labels = {column.name: str for column in KNOWN.values() if not column.is_measured}
    frame = pd.read_csv(io.BytesIO(data), dtype=labels, low_memory=False)
    if not isinstance(frame.index, pd.RangeIndex):
        raise ValueError("the rows have more fields than the header")
    if any(word.encode() in data for word in WORDS):
        return _keep_words(frame, data)
    return frame


def _check_encoding(data: bytes) -> None:
    """Refuse text that is not UTF-8."""
    remedy = "save it as UTF-8 ('CSV UTF-8' in a spreadsheet)"
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:1000]:
        raise FormatError(f"its text looks like UTF-16, expected UTF-8: {remedy}")
    if data.isascii():
        return
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError(
            f"its text is not UTF-8 (byte 0x{data[error.start]:02x} in line {line}), perhaps "
            f"Latin-1 or Windows-1252: {remedy}"
        ) from error


def _check_separator(header: pd.Series) -> None:
    """Refuse a header of a single field that holds another separator."""
    if len(header) > 1 or not isinstance(header.iloc[0], str):
        return
    for sign, name in _SEPARATORS.items():
        if sign in header.iloc[0]:
            raise FormatError(
                f"its fields are separated by {name}, expected commas: save it with commas, such "
                f"as pandas.read_csv(path, sep={sign!r}).to_csv(path, index=False)"
            )


def _keep_words(frame: pd.DataFrame, data: bytes) -> pd.DataFrame:
    """Put the words back that are labels."""
    columns = [name for name in frame.columns if frame[name].isna().any()]
    columns = [name for name in columns if _holds_text(frame[name]) or frame[name].isna().all()]
    if not columns:
        return frame
    places = [i for i, name in enumerate(frame.columns) if name in columns]
    texts = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False, usecols=places)
    for name in columns:
        words = texts[name].where(texts[name].isin(WORDS))
        measured = name in KNOWN and KNOWN[name].is_measured
        if _holds_text(frame[name]) or (words.nunique() > 1 and not measured):
            frame[name] = frame[name].astype(object).where(words.isna(), words)
    return frame


def _holds_text(series: pd.Series) -> bool:
    """Whether some field is text and no number."""
    texts = [x for x in series.dropna().unique() if isinstance(x, str) and not is_number_text(x)]
    return bool(pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").isna().any())
