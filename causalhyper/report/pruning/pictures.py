"""Results drawn for a page: compact SVG, with words for those who cannot see it."""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.axes import Axes

from causalhyper.figures import compact_svg, house_style, to_svg
from causalhyper.report.blocks import Picture

MOST = 60
"""Rows that a picture has at most: longer ones cannot be read."""


def draw_picture(draw: Callable[[], Axes], title: str, words: str, prefix: str) -> Picture:
    """Draw a figure, and shorten its SVG.

    Parameters
    ----------
    draw : callable
        Draws on a figure of its own.
    title, words : str
        Read out in its place; the title is the caption.
    prefix : str
        Of the ids of its elements; unique in a page.

    Returns
    -------
    Picture
    """
    with house_style():
        svg = to_svg(draw().figure, title=title, description=words, prefix=prefix)
    return Picture(compact_svg(svg), title)
