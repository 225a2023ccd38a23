"""A page of one's own: sections of prose, tables, pictures and folded details, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from causalhyper.errors import ConfigurationError
from causalhyper.report.page import environment
from causalhyper.report.provenance import record_provenance
from causalhyper.report.tables import ReportTable, text_cells


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
class Fold:
    """Details that are hidden until the reader opens them; print shows them."""

    summary: str
    blocks: tuple[Block, ...]

    @property
    def shown(self) -> tuple[tuple[str, Block], ...]:
        """Each block with its kind, for the template."""
        return _with_kinds(self.blocks)


Block = Prose | Heading | Bullets | Code | Picture | ReportTable | Fold
_KINDS: dict[type, str] = {
    Prose: "prose",
    Heading: "heading",
    Bullets: "bullets",
    Code: "code",
    Picture: "picture",
    ReportTable: "table",
    Fold: "fold",
}


@dataclass(frozen=True, slots=True)
class PageSection:
    """A numbered section of a page."""

    title: str
    blocks: tuple[Block, ...]

    @property
    def shown(self) -> tuple[tuple[str, Block], ...]:
        """Each block with its kind, for the template."""
        return _with_kinds(self.blocks)


def _with_kinds(blocks: Sequence[Block]) -> tuple[tuple[str, Block], ...]:
    strange = [type(block).__name__ for block in blocks if type(block) not in _KINDS]
    if strange:
        known = ", ".join(kind.__name__ for kind in _KINDS)
        raise ConfigurationError(f"a page cannot show a {strange[0]}; it shows {known}")
    return tuple((_KINDS[type(block)], block) for block in blocks)


def render_sections(title: str, sections: Sequence[PageSection]) -> bytes:
    """Render sections as one page that needs no network and no script.

    Parameters
    ----------
    title : str
    sections : sequence of PageSection

    Returns
    -------
    bytes
        UTF-8 HTML. Equal inputs give equal bytes; all text is escaped.

    Raises
    ------
    ConfigurationError
        For something that is no block.

    Examples
    --------
    >>> page = render_sections("Study", [PageSection("Verdict", (Prose("0 < 1"),))])
    >>> b"<p>0 &lt; 1</p>" in page
    True
    """
    style = files("causalhyper.report").joinpath("style.css").read_text("utf-8")
    template = environment().get_template("sections.html.jinja")
    return template.render(title=title, style=style, sections=sections).encode()


def reproduce_section(command: str, checksums: Sequence[tuple[str, str]]) -> PageSection:
    """How to make the same page again: command, files with checksums, versions.

    Parameters
    ----------
    command : str
        As one would type it.
    checksums : sequence of (str, str)
        Name and SHA-256 of every file that was read.

    Returns
    -------
    PageSection
    """
    versions = record_provenance(command, "", "").versions
    return PageSection(
        "How to reproduce",
        (
            Code(command),
            Prose("The same data, command and versions give the same bytes."),
            ReportTable("Files", ("file", "SHA-256"), tuple(text_cells(*c) for c in checksums)),
            ReportTable(
                "Versions", ("package", "version"), tuple(text_cells(*v) for v in versions)
            ),
        ),
    )
