"""Printed to PDF, a page is tagged, holds every word, and cuts nothing off."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from unicodedata import normalize

import pytest
from pypdf import PdfReader

from tests.report.browser.chromium import Chromium
from tests.report.browser.opened import OpenedPage, open_page

INK_WIDTH = 718
"""A4 less its margins, in CSS pixels."""
TEXTS = """[...document.querySelectorAll('h1, h2, h3, caption, th, td, li, p, summary, figcaption,'
  + ' pre, svg text')].filter(e => !e.querySelector('p, table, ol')).map(e => e.textContent)"""
WIDE = """[...document.querySelectorAll('body *')].filter(e => !e.closest('svg'))
  .map(e => e.getBoundingClientRect().right).reduce((a, b) => Math.max(a, b), 0)"""
CUT = """[...document.querySelectorAll('figure, .scroll, table')]
  .filter(e => getComputedStyle(e).overflowX !== 'visible').length"""
_FOOT = re.compile(r"(\d+) / (\d+)\n")


def squeezed(text: str) -> str:
    """Without white space, and without the ligatures that fonts put in."""
    return re.sub(r"\s", "", normalize("NFKC", text))


@pytest.fixture
def pdf(page: OpenedPage) -> PdfReader:
    """Each kind of page in print."""
    return PdfReader(io.BytesIO(page.pdf))


def numbered(pdf: PdfReader) -> Iterator[tuple[str, str, str]]:
    """Text of each page without its foot, and number and count that stand there."""
    for sheet in pdf.pages:
        text = sheet.extract_text()
        found = _FOOT.match(text)
        assert found, text[:200]
        yield text[found.end() :], found[1], found[2]


def test_a_print_is_tagged_and_says_its_title_and_language(
    pdf: PdfReader, page: OpenedPage
) -> None:
    root = pdf.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == "en"
    assert pdf.metadata is not None
    assert pdf.metadata.title == page.tab.run("document.title")


def test_every_word_is_printed_that_of_folds_and_figures_too(
    pdf: PdfReader, page: OpenedPage
) -> None:
    printed = squeezed("".join(text for text, _, _ in numbered(pdf)))
    shown = {squeezed(text) for text in page.tab.run(TEXTS)}
    assert len(shown) > 50
    missing = [text for text in shown if text not in printed]
    # a text over two pages has the head of its table, or nothing, between its parts
    assert [m for m in missing if m[:40] not in printed or m[-40:] not in printed] == []
    assert len(missing) <= 0.02 * len(shown)


def test_no_table_or_figure_is_cut_off_in_print(page: OpenedPage) -> None:
    page.resize(INK_WIDTH)
    with page.in_print():
        assert page.tab.run(WIDE) <= 1.1 * INK_WIDTH
        assert page.tab.run(CUT) == 0


def test_a_table_that_is_cut_off_in_print_is_seen(chromium: Chromium, tmp_path: Path) -> None:
    path = tmp_path / "planted.html"
    path.write_text("<div class=scroll style='overflow: auto'><table style='width: 1300px'><td>x")
    with open_page(chromium, path) as planted, planted.in_print():
        assert planted.tab.run(WIDE) > 1.1 * INK_WIDTH
        assert planted.tab.run(CUT) == 1


def test_pages_are_numbered_and_about_as_many_as_the_text_needs(
    pdf: PdfReader, page: OpenedPage
) -> None:
    numbers = [(number, count) for _, number, count in numbered(pdf)]
    assert numbers == [(str(i), str(len(numbers))) for i in range(1, len(numbers) + 1)]
    page.resize(INK_WIDTH)
    with page.in_print(), page.unfolded():
        needed = page.tab.run("document.documentElement.scrollHeight") / 1020
    assert 0.7 * needed < len(numbers) < 1.5 * needed + 1


def test_a_print_has_no_skip_link(pdf: PdfReader) -> None:
    assert "Skip to the content" not in pdf.pages[0].extract_text()
