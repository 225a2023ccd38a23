"""The places of sections on a page: numbers, anchors, levels of headings, ids of pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from causalhyper.errors import ConfigurationError
from causalhyper.figures import compact_svg, house_style, to_svg
from causalhyper.report.blocks import (
    Block,
    Bullets,
    Code,
    Drawing,
    Fold,
    Heading,
    PageSection,
    Picture,
    Prose,
)
from causalhyper.report.tables import ReportTable

DEEPEST = 4
"""Sections within sections, at most: below them stands one more heading, `<h6>`."""
_KINDS: dict[type, str] = {
    Prose: "prose",
    Heading: "heading",
    Bullets: "bullets",
    Code: "code",
    Picture: "picture",
    Drawing: "picture",
    ReportTable: "table",
    Fold: "fold",
}


@dataclass(frozen=True, slots=True)
class PlacedFold:
    """A fold whose blocks have their kinds."""

    summary: str
    shown: tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class PlacedSection:
    """A section as the template shows it.

    Attributes
    ----------
    title : str
    number : str
        Such as "2.1".
    anchor : str
    level : int
        Of its heading.
    shown : tuple of (str, object)
        Each block with its kind.
    sections : tuple of PlacedSection
    """

    title: str
    number: str
    anchor: str
    level: int
    shown: tuple[tuple[str, object], ...]
    sections: tuple[PlacedSection, ...]


def place_sections(sections: Sequence[PageSection]) -> tuple[PlacedSection, ...]:
    """Number sections and draw their pictures.

    Parameters
    ----------
    sections : sequence of PageSection

    Returns
    -------
    tuple of PlacedSection

    Raises
    ------
    ConfigurationError
        For something that is no block, or sections too deep.
    """
    return tuple(_place(s, (i,)) for i, s in enumerate(sections, start=1))


def _place(section: PageSection, path: tuple[int, ...]) -> PlacedSection:
    if len(path) > DEEPEST:
        raise ConfigurationError(
            f"the section {section.title!r} lies {len(path)} deep; a page holds {DEEPEST}: make "
            "it part of the section around it"
        )
    anchor = "section" + "-".join(map(str, path))
    return PlacedSection(
        title=section.title,
        number=".".join(map(str, path)),
        anchor=anchor,
        level=len(path) + 1,
        shown=_show(section.blocks, anchor, count(1)),
        sections=tuple(_place(s, (*path, i)) for i, s in enumerate(section.sections, start=1)),
    )


def _show(
    blocks: Sequence[Block], anchor: str, figures: Iterator[int]
) -> tuple[tuple[str, object], ...]:
    """Each block with its kind; what is to be drawn is drawn."""
    strange = [type(block).__name__ for block in blocks if type(block) not in _KINDS]
    if strange:
        known = ", ".join(kind.__name__ for kind in _KINDS)
        raise ConfigurationError(f"a page cannot show a {strange[0]}; it shows {known}")
    shown: list[tuple[str, object]] = []
    for block in blocks:
        placed: object = block
        if isinstance(block, Fold):
            placed = PlacedFold(block.summary, _show(block.blocks, anchor, figures))
        elif isinstance(block, Drawing):
            placed = _draw(block, f"{anchor}-figure{next(figures)}-")
        shown.append((_KINDS[type(block)], placed))
    return tuple(shown)


def _draw(drawing: Drawing, prefix: str) -> Picture:
    with house_style():
        svg = to_svg(
            drawing.draw().figure,
            title=drawing.title,
            description=drawing.description,
            prefix=prefix,
        )
    return Picture(compact_svg(svg), drawing.caption)
