"""Keeping the page small: pictures that repeat a table are left out where there are too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from causalhyper.report import PageSection, Picture, Prose

MOST = 490_000
"""Bytes of a page."""
SPARE = ("Phase shift", "Flatness", "Loss surfaces", "Hyper-parameters")
"""Sections whose pictures have their numbers in tables."""


def without_pictures(sections: Sequence[PageSection], excess: int) -> list[PageSection]:
    """Leave out pictures, the last ones of each section first, until so many bytes are saved.

    Parameters
    ----------
    sections : sequence of PageSection
    excess : int
        Bytes to save.

    Returns
    -------
    list of PageSection
        A sentence stands in the place of a picture that is left out.

    Examples
    --------
    >>> drawn = PageSection("Flatness", (Picture("<svg/>", "one"), Picture("<svg/>", "two")))
    >>> [type(block).__name__ for block in without_pictures([drawn], 1)[0].blocks]
    ['Picture', 'Prose']
    """
    found = [
        (rank, at, place)
        for at, section in enumerate(sections)
        if section.title in SPARE
        for rank, place in enumerate(
            i for i, block in enumerate(section.blocks) if isinstance(block, Picture)
        )
    ]
    blocks = [list(section.blocks) for section in sections]
    for _, at, place in sorted(found, reverse=True):
        if excess <= 0:
            break
        picture = blocks[at][place]
        assert isinstance(picture, Picture)
        excess -= len(picture.svg.encode())
        said = f"{picture.caption}: not drawn, for the page's size; the numbers are in the tables."
        blocks[at][place] = Prose(said)
    return [replace(s, blocks=tuple(own)) for s, own in zip(sections, blocks, strict=True)]
