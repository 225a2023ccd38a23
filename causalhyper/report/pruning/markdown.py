"""Sections of a page as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
from causalhyper.report.frame_tables import markdown_table
from causalhyper.report.tables import ReportTable

_SIGNS = "\\*_`[<"


def sections_markdown(title: str, sections: Sequence[PageSection]) -> str:
    r"""Write sections as Markdown; of a picture its caption stays, folds are opened.

    Parameters
    ----------
    title : str
    sections : sequence of PageSection

    Returns
    -------
    str
        Signs that Markdown or HTML reads as its own are escaped.

    Examples
    --------
    >>> section = PageSection("Verdict", (Prose("0 < 1", verdict=True),))
    >>> print(sections_markdown("Study", [section]), end="")
    # Study
    <BLANKLINE>
    ## Verdict
    <BLANKLINE>
    **0 \< 1**
    """
    parts = [f"# {_plain(title)}"]
    parts += [text for section in sections for text in _section(section, "##")]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _section(section: PageSection, signs: str) -> list[str]:
    inner = [text for part in section.sections for text in _section(part, f"{signs}#")]
    return [f"{signs} {_plain(section.title)}", *_blocks(section.blocks), *inner]


def _blocks(blocks: Iterable[Block]) -> list[str]:
    return [text for block in blocks for text in _block(block)]


def _block(block: Block) -> list[str]:
    match block:
        case Prose(text, verdict):
            return [f"**{_plain(text)}**" if verdict else _plain(text)]
        case Heading(text):
            return [f"### {_plain(text)}"]
        case Bullets(items):
            return ["\n".join(f"- {_plain(item)}" for item in items)]
        case Code(text):
            return ["\n".join(f"    {line}" for line in text.splitlines())]
        case Picture(_, caption) | Drawing(caption=caption):
            return [f"(Picture: {_plain(caption)})"]
        case ReportTable():
            return [*([_plain(block.caption)] if block.caption else []), markdown_table(block)]
        case Fold(summary, inner):
            return [f"### {_plain(summary)}", *_blocks(inner)]


def _plain(text: str) -> str:
    for sign in _SIGNS:
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
