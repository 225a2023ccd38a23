"""Every table of a page as files of its own: CSV, Markdown and LaTeX, named by section."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from causalhyper.report.blocks import Block, Fold, PageSection
from causalhyper.report.csv_tables import csv_table
from causalhyper.report.frame_tables import markdown_table, markdown_text
from causalhyper.report.latex_tables import latex_table, slug
from causalhyper.report.page import Study, page_sections
from causalhyper.report.parts import part_of
from causalhyper.report.provenance import Provenance
from causalhyper.report.sections import environment
from causalhyper.report.tables import ReportTable

_SECTION, _CAPTION = 30, 40
"""Characters of a file's name that tell the section, and the table."""


def html_table(table: ReportTable) -> str:
    """The table as a page shows it, with its caption and notes.

    Parameters
    ----------
    table : ReportTable

    Returns
    -------
    str
        Escaped; heads have a scope, and a number stands in ``<data>`` with its exact value.

    Examples
    --------
    >>> from causalhyper.report.tables import Cell
    >>> rows = ((Cell("B"), Cell("0.12", (0.1234,))),)
    >>> '<data value="0.1234">0.12</data>' in html_table(ReportTable("t", ("a", "b"), rows))
    True
    """
    macros = environment().get_template("macros.html.jinja").make_module()
    return str(macros.table(table))  # type: ignore[attr-defined]


def section_tables(sections: Sequence[PageSection]) -> tuple[tuple[str, ReportTable], ...]:
    """Every table of a page's sections with the title of its section, folded ones as well.

    Parameters
    ----------
    sections : sequence of PageSection

    Returns
    -------
    tuple of (str, ReportTable)
        In the order of the page; of sections within sections the inner one's title.

    Examples
    --------
    >>> from causalhyper.report.blocks import Prose
    >>> fold = Fold("more", (ReportTable("Runs", ("n",), ()),))
    >>> found = section_tables([PageSection("Data", (Prose("60 runs"), fold))])
    >>> [(title, table.caption) for title, table in found]
    [('Data', 'Runs')]
    """
    found: list[tuple[str, ReportTable]] = []
    for section in sections:
        found += [(section.title, table) for table in _tables(section.blocks)]
        found += section_tables(section.sections)
    return tuple(found)


def _tables(blocks: Sequence[Block]) -> Iterator[ReportTable]:
    for block in blocks:
        if isinstance(block, ReportTable):
            yield block
        elif isinstance(block, Fold):
            yield from _tables(block.blocks)


def report_tables(
    studies: Sequence[Study], provenance: Provenance
) -> tuple[tuple[str, ReportTable], ...]:
    """Every table of a report of `render_report`, with the title of its section.

    Parameters
    ----------
    studies : sequence of Study
    provenance : Provenance

    Returns
    -------
    tuple of (str, ReportTable)
        In the order of the page, those as well that a page leaves out where it grows too large.
    """
    parts = [part_of(study.analysis, study.runs) for study in studies]
    return section_tables(page_sections(parts, provenance))


def table_files(
    tables: Sequence[tuple[str, ReportTable]], folder: str | Path
) -> dict[Path, bytes]:
    """CSV, Markdown and LaTeX of tables, for `causalhyper.frames.write_together`.

    Parameters
    ----------
    tables : sequence of (str, ReportTable)
        With the title of each table's section, from `section_tables` or `report_tables`.
    folder : str or Path

    Returns
    -------
    dict of Path to bytes
        Three files a table, named by the number and title of its section, its number within the
        section, and its caption. Equal tables give equal bytes.

    Examples
    --------
    >>> from causalhyper.report.tables import Cell
    >>> table = ReportTable("Runs by value", ("n",), ((Cell("60", (60.0,)),),))
    >>> [path.name for path in table_files([("Data", table)], "tables")][:2]
    ['01-data-1-runs-by-value.csv', '01-data-1-runs-by-value.md']
    """
    found: dict[Path, bytes] = {}
    section, place, before = 0, 0, None
    for name, table in tables:
        section, place = (section, place + 1) if name == before else (section + 1, 1)
        before = name
        stem = f"{section:02d}-{slug(name, _SECTION)}-{place}-{slug(table.caption, _CAPTION)}"
        texts = {
            "csv": csv_table(table),
            "md": _markdown_file(table),
            "tex": latex_table(table, label=stem),
        }
        found |= {Path(folder, f"{stem}.{kind}"): t.encode() for kind, t in texts.items()}
    return found


def _markdown_file(table: ReportTable) -> str:
    lead = f"**{markdown_text(table.caption)}**\n\n" if table.caption else ""
    return lead + markdown_table(table)
