"""Text that may stand in a page: printable, short, escaped."""

from __future__ import annotations

import html
import re

_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\u2029\u202f-\u2065\u206a-\ud7ff"
    "\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]"
)


def printable(text: str) -> str:
    r"""Replace signs that cannot be drawn, or turn the text around them, by U+FFFD.

    The second are Unicode's embeddings, overrides and isolates of direction: left open in a label,
    they would show the numbers after it backwards. Letters from right to left stay as they are.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> printable("a\x00") == printable("a\u202e") == "a\ufffd"
    True
    """
    return _UNPRINTABLE.sub("\ufffd", text)


def escaped(text: str, most: int) -> str:
    """Write text for HTML, cut to so many characters.

    Parameters
    ----------
    text : str
    most : int
        Characters shown at most; what is cut becomes "…".

    Returns
    -------
    str
        Without a sign that begins a tag, an entity or the end of an attribute.

    Examples
    --------
    >>> escaped("<b>grad & noise</b>", 11)
    '&lt;b&gt;grad &amp; …'
    """
    short = text if len(text) <= most else text[: most - 1] + "…"
    return html.escape(printable(short))
