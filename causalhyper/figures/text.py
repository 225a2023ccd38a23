"""Labels as printable text: cleaned, wrapped, measured."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from causalhyper.notebook.text import printable

FONTS = ("DejaVu Sans", "Verdana", "Arial", "Helvetica", "sans-serif")
"""Measured with the first, shown with the first that the reader has."""

_PIECE = re.compile(r"[^\s_./(),:=-]*[\s_./(),:=-]+|[^\s_./(),:=-]+")


def as_text(value: object) -> str:
    r"""Write a value on one line of printable text.

    Parameters
    ----------
    value : object
        Usually a label from a frame.

    Returns
    -------
    str

    Examples
    --------
    >>> as_text("grad\nnoise ")
    'grad noise'
    """
    return " ".join(printable(str(value)).split())


def wrap(text: str, width: int, lines: int = 3) -> list[str]:
    """Break a label after spaces and after the signs that join identifiers.

    Parameters
    ----------
    text : str
    width : int
        The most characters of a line.
    lines : int
        The most lines; what is left over becomes "…".

    Returns
    -------
    list of str
        Empty for an empty label.

    Examples
    --------
    >>> wrap("log10(gradient_noise_scale)", 16)
    ['log10(gradient_', 'noise_scale)']
    """
    pieces = [p[i : i + width] for p in _PIECE.findall(text) for i in range(0, len(p), width)]
    broken = [""] if pieces else []
    for piece in pieces:
        if len((broken[-1] + piece).rstrip()) > width:
            broken.append("")
        broken[-1] += piece
    broken = [line.strip() for line in broken]
    if len(broken) > lines:
        broken = [*broken[: lines - 1], broken[lines - 1][: width - 1] + "…"]
    return broken


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Measure one line of text.

    Parameters
    ----------
    text : str
    size : float
        Of the font, in points.
    weight : str
        "normal" or "bold".

    Returns
    -------
    float
        In inches.

    Examples
    --------
    >>> text_width("mm", 10) == 2 * text_width("m", 10) > 0
    True
    """
    font = FontProperties(family=[FONTS[0]], size=size, weight=weight)
    with allow_missing_glyphs():
        width, _, _ = TextToPath().get_text_width_height_descent(text, font, ismath=False)
    return float(width) / 72


@contextmanager
def allow_missing_glyphs() -> Iterator[None]:
    """Keep quiet about signs that the measuring font lacks: the reader's fonts show them.

    Examples
    --------
    >>> with allow_missing_glyphs():
    ...     warnings.warn("Glyph 26085 missing from font(s) DejaVu Sans.")
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .*missing from font", module="")
        yield
