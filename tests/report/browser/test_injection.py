"""Labels that attack a page are words in it: no element, no attribute, nothing runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from causalhyper.notebook.text import printable
from causalhyper.report import Prose, render_sections
from causalhyper.report.blocks import PageSection
from tests.report.browser.chromium import Chromium
from tests.report.browser.conftest import EVERY_KIND, Make
from tests.report.browser.kinds import KINDS, PLAIN, Labels
from tests.report.browser.opened import OpenedPage, open_page
from tests.report.browser.payloads import ATTACK, BROKEN, LONG, SIGNS
from tests.report.test_page import Page

BUILT = [kind for kind in EVERY_KIND if kind.values != ("case study",)]
HARMFUL = {"script", "img", "image", "iframe", "object", "embed", "link", "base", "form", "audio"}
ELEMENTS = """[...document.querySelectorAll('*')].map(e =>
  [e.localName, !!e.closest('svg'), e.getAttributeNames().sort().join(' ')])"""
ACTIVE = """[...document.querySelectorAll('*')].flatMap(e => [...e.attributes]
  .filter(a => a.name.startsWith('on') || /^\\s*javascript:/i.test(a.value) || a.name === 'srcdoc'
    || (/(^|:)(href|src|action)$/.test(a.name) && !a.value.startsWith('#')))
  .map(a => e.localName + ' ' + a.name + '=' + a.value.slice(0, 80)))"""
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


def shapes(page: OpenedPage) -> tuple[Counter[tuple[str, str]], set[tuple[str, str]]]:
    """Elements by name and names of attributes: counted outside figures, listed within."""
    outside: Counter[tuple[str, str]] = Counter()
    inside = set()
    for name, drawn, attributes in page.tab.run(ELEMENTS):
        if drawn:
            inside.add((name, attributes))
        else:
            outside[name, attributes] += 1
    return outside, inside


@pytest.mark.parametrize("kind", BUILT)
def test_an_attack_is_shown_as_words_and_gives_birth_to_no_element_or_attribute(
    kind: str, chromium: Chromium, make: Make, tabs: Callable[[Path], OpenedPage]
) -> None:
    plain, drawn = shapes(tabs(make(kind, PLAIN)))
    with open_page(chromium, make(kind, Labels(ATTACK))) as page:
        found, drawn_too = shapes(page)
        assert found == plain
        assert {name for name, _ in drawn_too} <= {name for name, _ in drawn}
        assert not {name for name, _ in found | Counter(drawn_too)} & HARMFUL
        assert page.tab.run(ACTIVE) == []
        assert page.complaints == []
        assert page.requests == []
        words = page.tab.run("document.body.textContent")
        title = page.tab.run("document.title")
    titled = kind not in ("case study", "small case study")  # these have a title of their own
    for sign in map(printable, SIGNS):
        assert sign in words
        assert not titled or " ".join(sign.split()) in " ".join(title.split())


@pytest.mark.parametrize("kind", BUILT)
def test_parsing_finds_no_more_than_the_browser_does(kind: str, make: Make) -> None:
    names = [
        Counter(tag for tag, _ in Page(make(kind, labels).read_text("utf-8")).tags)
        for labels in (PLAIN, Labels(ATTACK))
    ]
    assert set(names[0]) == set(names[1])
    for tag in ("section", "table", "tr", "th", "td", "figure", "svg", "a", "h2", "p", "meta"):
        assert names[0][tag] == names[1][tag], tag


@pytest.mark.slow
@pytest.mark.parametrize("kind", BUILT)
def test_labels_of_10000_characters_neither_stop_a_page_nor_widen_it(
    kind: str, chromium: Chromium, make: Make
) -> None:
    with open_page(chromium, make(kind, Labels(LONG))) as page:
        for width in (390, 1200):
            page.resize(width)
            assert page.tab.run(FITS)
        assert page.complaints == []
        assert LONG in page.tab.run("document.body.textContent")


@pytest.mark.parametrize("kind", ["analyze", "sections"])
def test_signs_that_no_page_can_hold_are_replaced(kind: str, make: Make) -> None:
    html = make(kind, Labels(BROKEN)).read_text("utf-8")
    assert "\ufffd" in html
    assert not set(html) & set("\x00\x0b\ufffe\u202e\u2066")


def test_half_a_sign_does_not_stop_a_page() -> None:
    page = render_sections("\ud800", [PageSection("One", (Prose("a\udfff"),))])
    assert "<p>a\ufffd</p>" in page.decode()


def test_a_label_cannot_turn_the_numbers_behind_it_around(
    chromium: Chromium, tmp_path: Path
) -> None:
    sentence = "The column {} changes it by 12 to 34 points."
    ends = []
    for name in ("noise", "noise\u202e"):
        path = tmp_path / "turned.html"
        blocks = (Prose(sentence.format(name)),)
        path.write_bytes(render_sections("A page", [PageSection("One", blocks)]))
        with open_page(chromium, path) as page:
            ends.append(
                page.tab.run("""(() => {
              const text = document.querySelector('section p').firstChild, at = text.data;
              const box = n => { const range = document.createRange();
                range.setStart(text, n); range.setEnd(text, n + 1);
                return range.getBoundingClientRect().x; };
              return box(at.indexOf('12')) < box(at.indexOf('34')); })()""")
            )
    assert ends == [True, True]


def test_a_page_that_trusts_its_labels_is_seen(chromium: Chromium, tmp_path: Path) -> None:
    path = tmp_path / "trusting.html"
    path.write_text(f"<!doctype html><script>function hit() {{}}</script><p>{ATTACK}", "utf-8")
    with open_page(chromium, path) as page:
        names = {name for name, _, _ in page.tab.run(ELEMENTS)}
        assert names >= {"script", "img", "iframe", "base"}
        assert len(page.tab.run(ACTIVE)) >= 4


def test_a_page_forbids_what_it_does_not_need(chromium: Chromium, tmp_path: Path) -> None:
    """Were a label to become an element all the same, the page's own policy would stop it."""
    path = tmp_path / "opened.html"
    html = KINDS["analyze"](PLAIN).decode()
    path.write_text(html.replace("<main", "<script>window.hit = 1</script><main"), "utf-8")
    with open_page(chromium, path) as page:
        assert page.tab.run("typeof window.hit") == "undefined"
        assert any("Content Security Policy" in said for said in page.complaints)
