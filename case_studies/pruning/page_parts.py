"""Parts of the verdict page that have pictures: falls, flatness, surfaces, hyper-parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from case_studies.pruning.falls import fall_pictures
from case_studies.pruning.flatness.forms import association_form, ratio_form, surface_form
from case_studies.pruning.flatness.page import (
    ASSOCIATED,
    NOTES,
    PICTURES,
    SHOWN,
    drawn_flatness,
    eigenvalue_pictures,
)
from case_studies.pruning.flatness.surface_page import (
    drawn_surfaces,
    strip_sections,
    surface_picture,
)
from case_studies.pruning.forms import width_form
from case_studies.pruning.judging import pick
from case_studies.pruning.study import PruningStudy
from causalhyper.report import Heading, Picture, Prose, ReportTable, markdown_table
from causalhyper.report.blocks import Block

PARTS = ("phase-shift", "flatness", "surfaces", "strips")


def part_text(study: PruningStudy, part: str) -> str:
    """One part of the page; with its heading, but for the phase shift's, which the page has.

    Parameters
    ----------
    study : PruningStudy
    part : {"phase-shift", "flatness", "surfaces", "strips"}

    Returns
    -------
    str
        Markdown; "" where nothing was measured.
    """
    text, _ = _written(part, list(_blocks(study, part)))
    return text


def part_pictures(study: PruningStudy) -> dict[str, str]:
    """The pictures of all parts.

    Parameters
    ----------
    study : PruningStudy

    Returns
    -------
    dict of str to str
        SVG by the name of its file in the page's folder of images.
    """
    found: dict[str, str] = {}
    for part in PARTS:
        found |= _written(part, list(_blocks(study, part)))[1]
    return found


def _blocks(study: PruningStudy, part: str) -> Iterator[Block]:
    if part == "phase-shift":
        yield from fall_pictures(study, "page-fall", ladders=True)
        yield width_form(study.shifts)
    if part == "flatness" and "flatness" in study.frames.others:
        yield Heading("Flatness")
        yield from _flatness(study)
    if part == "surfaces" and "surfaces" in study.frames.others:
        yield Heading("Loss surfaces")
        for i, (name, rows) in enumerate(islice(drawn_surfaces(study).items(), PICTURES)):
            yield surface_picture(rows, name, f"page-surface{i}-")
        yield Prose("Training loss around each network: medians of its rise, by distance.")
        yield surface_form(study.tables["surfaces"], "")
    if part == "strips":
        for section in strip_sections(study):
            yield Heading(section.title)
            yield from section.blocks


def _flatness(study: PruningStudy) -> Iterator[Block]:
    for note in NOTES:
        yield Prose(note)
    for i, (name, rows) in enumerate(islice(drawn_flatness(study), PICTURES)):
        yield from eigenvalue_pictures(rows, name, f"page-flat{i}-")
    if "flatness" in study.tables:
        table = study.tables["flatness"]
        for question, quantity, words in SHOWN:
            if len(rows := pick(table, question=question, quantity=quantity)):
                yield Prose(f"{words}:")
                yield ratio_form(rows, "")
    if "flat_and_accurate" in study.tables:
        yield Prose(ASSOCIATED)
        yield association_form(study.tables["flat_and_accurate"], "")


def _written(part: str, blocks: Sequence[Block]) -> tuple[str, dict[str, str]]:
    """Markdown of blocks, the first heading one level above others, and pictures by file."""
    lines: list[str] = []
    files: dict[str, str] = {}
    for block in blocks:
        if isinstance(block, Heading):
            lines.append(f"{'###' if lines else '##'} {block.text}\n")
        elif isinstance(block, Prose):
            lines.append(f"{block.text.replace('*', chr(92) + '*')}\n")
        elif isinstance(block, ReportTable):
            lines.append(markdown_table(block))
        elif isinstance(block, Picture):
            name = f"pruning-{part}-{len(files)}.svg"
            files[name] = block.svg
            lines.append(f"![{block.caption}](images/{name})\n")
    return "\n".join(lines), files
