"""Texts that a reader takes for numbers: percentages, and digits with separators."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PERCENTAGE = re.compile(r"\s*[-+]?\d+(\.\d+)?\s*%\s*")
_GROUPED = re.compile(r"\s*[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?\s*")
_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")


def is_number_text(text: str) -> bool:
    """Tell whether a text is a percentage, or a number with separators.

    Parameters
    ----------
    text : str
        A cell.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_number_text("53%"), is_number_text("0,53"), is_number_text("0.53")
    (True, True, False)
    """
    return any(form.fullmatch(text) for form in (_PERCENTAGE, _GROUPED, _COMMA))


def conversion(column: str, texts: Sequence[object], hopeless: Sequence[object]) -> str:
    """Say how to make numbers of texts.

    Parameters
    ----------
    column : str
        Name of the column.
    texts : sequence
        Its cells that are not empty.
    hopeless : sequence
        Those among them that are texts and cannot be converted as they are.

    Returns
    -------
    str
        "" where the texts are not all of one such form.

    Examples
    --------
    >>> conversion("acc", ["53.3%", "61%"], ["53.3%", "61%"])
    "turn percentages into shares: frame['acc'].str.rstrip('% ').astype(float) / 100"
    >>> conversion("norm", ["11,017.4", "980"], ["11,017.4"])
    "take the thousands separators away: frame['norm'].astype('string').str.replace(',', '').\
astype(float)"
    >>> conversion("acc", ["good"], ["good"])
    ''
    """
    if _all(_PERCENTAGE, texts):
        made = f"frame[{column!r}].str.rstrip('% ').astype(float) / 100"
        return f"turn percentages into shares: {made}"
    if _all(_GROUPED, hopeless):
        made = f"frame[{column!r}].astype('string').str.replace(',', '').astype(float)"
        return f"take the thousands separators away: {made}"
    if _all(_COMMA, hopeless):
        made = f"frame[{column!r}].astype('string').str.replace(',', '.').astype(float)"
        return f"write decimal points for the commas: {made}"
    return ""


def _all(form: re.Pattern[str], texts: Sequence[object]) -> bool:
    matched = [isinstance(text, str) and form.fullmatch(text) is not None for text in texts]
    return bool(matched) and all(matched)
