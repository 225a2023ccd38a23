"""The report: one self-contained HTML page, made from results alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from causalhyper.queries import Analysis, Identification, identify
from causalhyper.report.blocks import (
    Block,
    Bullets,
    Code,
    Drawing,
    Fold,
    PageSection,
    Prose,
)
from causalhyper.report.methods import methods_section
from causalhyper.report.part_sections import part_section
from causalhyper.report.parts import ReportPart, part_of
from causalhyper.report.provenance import Provenance
from causalhyper.report.result_sections.identification import identification_section
from causalhyper.report.result_sections.registry import verdict_of
from causalhyper.report.sections import render_sections, reproduce_section
from causalhyper.report.tables import ReportTable, glance_table

LARGEST = 500_000
"""Bytes of a page from which on folded details are left to the files."""
MANY = 250
"""Cells of a fold that is left out first."""


@dataclass(frozen=True, slots=True)
class Study:
    """One analysis with the runs that it rests on.

    Attributes
    ----------
    analysis : Analysis
    runs : DataFrame
        The rows that were analysed.
    """

    analysis: Analysis
    runs: pd.DataFrame


@dataclass(frozen=True, slots=True)
class SourceText:
    """A text that a page was made from, such as a study file.

    Attributes
    ----------
    name, sha256, text : str
    """

    name: str
    sha256: str
    text: str


def render_report(
    studies: Sequence[Study], provenance: Provenance, *, title: str = "Causal report"
) -> bytes:
    """Render studies as one page that needs no network and no script.

    Parameters
    ----------
    studies : sequence of Study
        Analyses to show one after the other, such as one a matching protocol.
    provenance : Provenance
    title : str

    Returns
    -------
    bytes
        UTF-8 HTML. Equal inputs give equal bytes; labels from the data are escaped.
    """
    return render_parts([part_of(s.analysis, s.runs) for s in studies], provenance, title=title)


def render_parts(
    parts: Sequence[ReportPart],
    provenance: Provenance,
    *,
    title: str = "Causal report",
    source: SourceText | None = None,
) -> bytes:
    """Render parts of a study, each with all that was asked of it, as one page.

    Parameters
    ----------
    parts : sequence of ReportPart
    provenance : Provenance
    title : str
    source : SourceText, optional
        Shown in full with how to reproduce the page.

    Returns
    -------
    bytes
        UTF-8 HTML. Sections: at a glance, identification, each part, methods, how to reproduce.
        Where it would exceed 500 kB, long folded details are left out, then pictures that repeat a
        table, all folded details, and all pictures, and the page says so. Equal inputs give equal
        bytes; labels are escaped.
    """
    sections = page_sections(parts, provenance, source)
    page = render_sections(title, sections)
    for gone in _SHORTER:
        if len(page) < LARGEST:
            break
        shorter = [*(_without(s, gone) for s in sections[:-1]), sections[-1]]
        page = render_sections(title, shorter)
    return page


def page_sections(
    parts: Sequence[ReportPart], provenance: Provenance, source: SourceText | None = None
) -> list[PageSection]:
    """The sections of a page, in order."""
    models = [part.model for part in parts]
    asked = [r for part in parts for r in part.results]
    identified = _identify(parts)
    sections = [_glance_section(parts), *map(identification_section, identified)]
    for i, part in enumerate(parts):
        sections.append(part_section(_once(part, parts[0]) if i else part))
    files = [(provenance.data, provenance.sha256)]
    files += [(source.name, source.sha256)] if source else []
    return [
        *sections,
        methods_section(models, [*identified, *asked]),
        reproduce_section(
            provenance.command,
            files,
            versions=provenance.versions,
            more=_how(parts, source),
        ),
    ]


def _glance_section(parts: Sequence[ReportPart]) -> PageSection:
    """The widest contrast of each part, or what its first query found."""
    curves = [part.curve for part in parts if part.curve is not None]
    blocks: list[Block] = [glance_table(curves)] if curves else []
    others = [part for part in parts if part.curve is None and part.answers]
    if others:
        said = (f"{p.name or p.model.protocol}: {verdict_of(p.results[0])}" for p in others)
        blocks.append(Bullets(tuple(said)))
    return PageSection("At a glance", tuple(blocks))


def _identify(parts: Sequence[ReportPart]) -> list[Identification]:
    """The effect asked about in each hypergraph, where no query identifies it itself."""
    found = dict.fromkeys(
        (part.model.graph, part.treatment, part.outcome)
        for part in parts
        if not any(
            isinstance(r, Identification)
            and (r.treatment, r.outcome) == (part.treatment, part.outcome)
            for r in part.results
        )
    )
    return [identify(*asked) for asked in found]


def _once(part: ReportPart, first: ReportPart) -> ReportPart:
    """Leave out what was asked of the hypergraph alone and stands in the first part."""
    known = [r for r in first.results if isinstance(r, Identification)]
    kept = tuple(a for a in part.answers if a.result not in known)
    return replace(part, answers=kept)


def _how(parts: Sequence[ReportPart], source: SourceText | None) -> list[Block]:
    seeds = sorted({e.seed for part in parts for e in part.estimates})
    blocks: list[Block] = []
    if seeds:
        blocks.append(Prose(f"Seed of everything random: {', '.join(map(str, seeds))}."))
    if source is not None:
        blocks.append(Fold(f"The file {source.name}", (Code(source.text),)))
    return blocks


def _cells(block: Block) -> int:
    """Cells of the tables within a fold."""
    if isinstance(block, ReportTable):
        return len(block.columns) * len(block.rows)
    return sum(map(_cells, block.blocks)) if isinstance(block, Fold) else 0


def _is_long(block: Block) -> bool:
    return isinstance(block, Fold) and _cells(block) > MANY


def _is_spare(block: Block) -> bool:
    return _is_long(block) or (isinstance(block, Drawing) and block.spare)


_SHORTER: tuple[Callable[[Block], bool], ...] = (
    _is_long,
    _is_spare,
    lambda block: _is_spare(block) or isinstance(block, Fold),
    lambda block: isinstance(block, Fold | Drawing),
)
"""What a page that is too large leaves out: more and more."""
_LEFT = {
    Fold: "Details are left out, for the page would exceed 500 kB; the tables' files have them.",
    Drawing: "The picture is left out, for the page would exceed 500 kB.",
}


def _without(section: PageSection, gone: Callable[[Block], bool]) -> PageSection:
    """A section without some blocks, each kind of which leaves a sentence."""
    kept = [b for b in section.blocks if not gone(b)]
    kinds = dict.fromkeys(type(b) for b in section.blocks if gone(b))
    return PageSection(
        section.title,
        (*kept, *(Prose(_LEFT[kind]) for kind in kinds)),
        tuple(_without(s, gone) for s in section.sections),
    )
