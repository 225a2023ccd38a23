"""What a page is made of: paragraphs, lists, tables, pictures, folds, and sections of these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causalhyper.report.tables import ReportTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph; a verdict is set off from the others."""

    text: str
    verdict: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading within a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Lines to be typed, as they are."""

    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """An `<svg>` element of `causalhyper.figures.to_svg`, which alone is not escaped."""

    svg: str
    caption: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture that is drawn when the page is rendered, with ids by its place on the page.

    Attributes
    ----------
    draw : callable
        Returns axes, such as the `plot` of a result.
    title, description : str
        Read out in place of the picture.
    caption : str
    spare : bool
        Whether it repeats a table, so that a page that is too large can do without it.
    """

    draw: Callable[[], Axes]
    title: str
    description: str
    caption: str
    spare: bool = False


@dataclass(frozen=True, slots=True)
class Fold:
    """Details that are hidden until the reader opens them; print shows them."""

    summary: str
    blocks: tuple[Block, ...]


Block = Prose | Heading | Bullets | Code | Picture | Drawing | ReportTable | Fold


@dataclass(frozen=True, slots=True)
class PageSection:
    """A numbered section of a page, with the sections within it."""

    title: str
    blocks: tuple[Block, ...]
    sections: tuple[PageSection, ...] = ()
