"""The repr that a notebook shows of every result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from causalhyper.notebook.table import write_table
from causalhyper.notebook.text import escaped

LEAD, NOTE, NOTES, WORDS = 400, 200, 10, 2500
"""Characters of the first line, of a note; notes under a heading; characters of the summary."""
LIMIT = 50_000
"""Bytes of a repr at most; a note or picture that does not fit is left out."""
HEADINGS = {
    "assumptions": "Assumes",
    "missing": "Not here",
    "doubts": "Caution",
    "notes": "Notes",
    "left_out": "Left out",
}
"""Attributes of texts that are folded below the table."""


class Shown:
    """A result that a notebook shows as HTML.

    What it shows comes from the result's own `summary` and `to_frame`, so a class has nothing to
    add. One whose frame is long or slow says in `_overview` what to show in its place.
    """

    __slots__ = ()

    def _repr_html_(self) -> str:
        """Title, short table, what the result rests on, its summary in words, a picture.

        It has no script and no colours of its own, and every text in it is escaped. Where a part
        cannot be made, the repr says so in place of an error.
        """
        try:
            return write_page(self)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            return f"<div>{_lead(self, f'cannot be shown ({reason})')}</div>"

    def _overview(self) -> pd.DataFrame | None:
        """The frame to show; None without one."""
        make = getattr(self, "to_frame", None)
        return None if make is None else make()

    def _notes(self) -> Mapping[str, Sequence[str]]:
        """Texts to fold, by heading."""
        found = {}
        for name, heading in HEADINGS.items():
            texts = getattr(self, name, ())
            if isinstance(texts, tuple) and texts and all(isinstance(t, str) for t in texts):
                found[heading] = texts
        return found

    def _picture(self) -> str:
        """An SVG element; "" without one."""
        return ""


def write_page(result: Shown) -> str:
    """Write what a notebook shows of a result.

    Parameters
    ----------
    result : Shown

    Returns
    -------
    str
        One ``<div>`` of less than `LIMIT` bytes.

    Examples
    --------
    >>> class Kept(Shown):
    ...     def summary(self):
    ...         return "3 of 9 are kept"
    >>> write_page(Kept())
    '<div><p><strong>Kept</strong>: 3 of 9 are kept</p></div>'
    """
    make = getattr(result, "summary", None)
    words = "" if make is None else str(make())
    verdict = getattr(result, "verdict", "")
    first = verdict if isinstance(verdict, str) and verdict else words.partition("\n")[0]
    frame = result._overview()
    page = _lead(result, first) + ("" if frame is None else write_table(frame))
    parts = [_fold(heading, _listed(texts)) for heading, texts in result._notes().items()]
    if "\n" in words:
        parts.append(_fold("In words", f"<pre>{escaped(words, WORDS)}</pre>"))
    for part in [*parts, result._picture()]:
        if len((page + part).encode()) < LIMIT - len("<div></div>"):
            page += part
    return f"<div>{page}</div>"


def _lead(result: object, text: str) -> str:
    name = type(result).__name__
    return f"<p><strong>{name}</strong>{': ' if text else ''}{escaped(text, LEAD)}</p>"


def _fold(heading: str, content: str) -> str:
    return f"<details><summary>{escaped(heading, NOTE)}</summary>{content}</details>"


def _listed(texts: Sequence[str]) -> str:
    items = [f"<li>{escaped(text, NOTE)}</li>" for text in texts[:NOTES]]
    if len(texts) > NOTES:
        items.append(f"<li>and {len(texts) - NOTES} more</li>")
    return f"<ul>{''.join(items)}</ul>"
