"""A page of one's own: sections of prose, tables, pictures and folded details, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from causalhyper.notebook.text import printable
from causalhyper.report.blocks import Block, Code, PageSection, Prose
from causalhyper.report.placing import place_sections
from causalhyper.report.provenance import record_provenance
from causalhyper.report.tables import ReportTable, text_cells


def render_sections(title: str, sections: Sequence[PageSection]) -> bytes:
    """Render sections as one page that needs no network and no script.

    Parameters
    ----------
    title : str
    sections : sequence of PageSection
        Numbered in order, those within another as 2.1; the second within the first has the
        anchor ``section1-2``.

    Returns
    -------
    bytes
        UTF-8 HTML. Equal inputs give equal bytes; all text is escaped.

    Raises
    ------
    ConfigurationError
        For something that is no block, or sections that lie more than four deep.

    Examples
    --------
    >>> page = render_sections("Study", [PageSection("Verdict", (Prose("0 < 1"),))])
    >>> b"<p>0 &lt; 1</p>" in page
    True
    """
    style = files("causalhyper.report").joinpath("style.css").read_text("utf-8")
    template = environment().get_template("sections.html.jinja")
    return template.render(title=title, style=style, sections=place_sections(sections)).encode()


def environment() -> Environment:
    """What renders a page: labels are printable and escaped, and a name that is missing fails."""
    return Environment(
        loader=PackageLoader("causalhyper.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(value: object) -> object:
    """Text as it may stand in a page; markup and numbers as they are."""
    return printable(value) if type(value) is str else value


def reproduce_section(
    command: str,
    checksums: Sequence[tuple[str, str]],
    *,
    versions: Sequence[tuple[str, str]] | None = None,
    more: Sequence[Block] = (),
) -> PageSection:
    """How to make the same page again: command, files with checksums, versions.

    Parameters
    ----------
    command : str
        As one would type it.
    checksums : sequence of (str, str)
        Name and SHA-256 of every file that was read.
    versions : sequence of (str, str), optional
        Packages with their versions; by default those that are running.
    more : sequence of blocks
        Shown below, such as the study file.

    Returns
    -------
    PageSection
    """
    if versions is None:
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
            *more,
        ),
    )
