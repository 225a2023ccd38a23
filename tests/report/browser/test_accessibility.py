"""What those need who read by ear, by keyboard, or with little contrast."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.report.browser.chromium import Chromium
from tests.report.browser.contrast import contrast, over, read_colour
from tests.report.browser.opened import OpenedPage, open_page, pixels
from tests.report.test_page import Page

WHITE = (1.0, 1.0, 1.0, 1.0)
ENOUGH = 4.5
"""Contrast that text needs (WCAG 2.2, 1.4.3 AA)."""
ENOUGH_OF_MARKS = 3.0
"""Contrast that a ring around what has the focus needs (1.4.11)."""
AXE = """axe.run(document, {resultTypes: ['violations']}).then(found => found.violations
  .map(v => v.id + ': ' + v.nodes.length + ' x ' + v.nodes[0].html.slice(0, 200)))"""
COLOURS = """(() => {
  const opaque = e => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const beneath = text => {
    const box = text.getBoundingClientRect();
    const middle = new DOMPoint(box.x + box.width / 2, box.y + box.height / 2);
    let ground = 'rgb(255, 255, 255)';
    for (const shape of text.ownerSVGElement.querySelectorAll('path, rect')) {
      const style = getComputedStyle(shape);
      if (!(shape.compareDocumentPosition(text) & 4) || style.fill === 'none') continue;
      if (shape.closest('defs, clipPath')) continue;
      if (!shape.isPointInFill(middle.matrixTransform(shape.getScreenCTM().inverse()))) continue;
      ground = style.fill.replace(')', `, ${style.fillOpacity * style.opacity})`);
    }
    return ground.replace('rgb(', 'rgba(');
  };
  const found = {};
  for (const e of document.querySelectorAll('body, body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    if (e.closest('title, desc, style')) continue;
    const style = getComputedStyle(e);
    const drawn = e.closest('svg');
    const pair = [drawn ? style.fill : style.color, drawn ? beneath(e) : opaque(e)];
    found[pair.join(' on ')] = e.outerHTML.slice(0, 120);
  }
  return found;
})()"""
FOCUS = """(() => { const e = document.activeElement, box = e.getBoundingClientRect();
  return [e.outerHTML.slice(0, 80), box.x, box.y, box.width, box.height]; })()"""


def tags(html: str, *names: str) -> list[dict[str, str | None]]:
    return [attrs for tag, attrs in Page(html).tags if tag in names]


def test_a_page_has_one_first_heading_and_skips_no_level(html: str) -> None:
    levels = [int(tag[1]) for tag, _ in Page(html).tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert max(np.diff(levels)) <= 1


def test_a_page_says_its_language_and_title(html: str) -> None:
    assert [attrs["lang"] for attrs in tags(html, "html")] == ["en"]
    assert re.search(r"<title>\S[^<]*</title>", html)


def test_a_page_has_a_head_contents_and_one_main_part_with_named_sections(html: str) -> None:
    assert [len(tags(html, name)) for name in ("header", "nav", "main")] == [1, 1, 1]
    assert all(attrs.get("aria-label") for attrs in tags(html, "nav"))
    ids = {attrs["id"] for _, attrs in Page(html).tags if "id" in attrs}
    sections = [attrs["aria-labelledby"] for attrs in tags(html, "section")]
    assert len(sections) > 1
    assert set(sections) <= ids


def test_the_first_link_skips_to_the_main_part(html: str) -> None:
    assert tags(html, "a")[0]["href"] == f"#{tags(html, 'main')[0]['id']}"


def test_every_id_is_unique_those_of_figures_too(html: str) -> None:
    ids = [attrs["id"] for _, attrs in Page(html).tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_every_table_has_a_caption_and_every_head_a_scope(html: str) -> None:
    order = [tag for tag, _ in Page(html).tags]
    places = [i for i, tag in enumerate(order) if tag == "table"]
    assert places
    assert {order[i + 1] for i in places} == {"caption"}
    assert not re.search(r"<caption>\s*</caption>", html)
    assert {attrs.get("scope") for attrs in tags(html, "th")} == {"col", "row"}
    heads = len(re.findall(r"<thead>\s*<tr>", html))
    assert heads == len(places)
    assert html.count('<th scope="row">') == html.count("<tr>") - heads


def test_every_figure_has_a_name_a_description_and_a_caption(html: str) -> None:
    order = Page(html).tags
    figures = [i for i, (tag, _) in enumerate(order) if tag == "figure"]
    drawn = [i for i, (tag, _) in enumerate(order) if tag == "svg"]
    assert len(figures) == len(drawn) == html.count("<figcaption>") > 0
    for place in drawn:
        attrs = order[place][1]
        named = {a["id"]: tag for tag, a in order[place : place + 6] if "id" in a}
        assert attrs["role"] == "img"
        assert [named[name] for name in (attrs["aria-labelledby"] or "").split()] == [
            "title",
            "desc",
        ]
    assert not re.search(r"<(title|desc)[^>]*>\s*</\1>", html)


@pytest.mark.parametrize("width", [390, 1200])
def test_axe_finds_no_fault(page: OpenedPage, width: int) -> None:
    page.resize(width)
    with page.unfolded():
        assert axe(page) == []


def axe(page: OpenedPage) -> Any:
    """The faults that axe-core sees; its script is put into the open page by the test alone."""
    page.tab.run(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8") + "; 0")
    return page.tab.run(AXE)


def test_axe_finds_what_is_planted(chromium: Chromium, tmp_path: Path) -> None:
    path = tmp_path / "planted.html"
    path.write_text("<!doctype html><p style='color: #999'>pale<img src=data:,>", "utf-8")
    with open_page(chromium, path) as planted:
        found = {fault.split(":")[0] for fault in axe(planted)}
    assert found >= {"color-contrast", "image-alt", "html-has-lang", "document-title"}


@pytest.mark.parametrize(
    ("front", "ground", "ratio"),
    [("#000", "#fff", 21), ("#777", "#fff", 4.48), ("#767676", "#fff", 4.54), ("#f00", "#fff", 4)],
)
def test_contrast_is_that_of_published_pairs(front: str, ground: str, ratio: float) -> None:
    found = contrast(read_colour(front), read_colour(ground))
    assert found == pytest.approx(ratio, abs=0.005)
    assert found == contrast(read_colour(ground), read_colour(front))


def test_every_text_colour_of_the_style_sheet_can_be_read_on_every_ground() -> None:
    style = files("causalhyper.report").joinpath("style.css").read_text("utf-8")
    fronts = set(re.findall(r"[{;] ?color: (#\w+)", style))
    grounds = set(re.findall(r"background: (#\w+)", style))
    rings = set(re.findall(r"outline: \S+ solid (#\w+)", style))
    assert (len(fronts), len(grounds), len(rings)) >= (3, 3, 1)
    for ground in map(read_colour, grounds):
        assert all(contrast(read_colour(front), ground) >= ENOUGH for front in fronts)
        assert all(contrast(read_colour(ring), ground) >= ENOUGH_OF_MARKS for ring in rings)


def test_every_text_of_a_page_and_its_figures_can_be_read_on_its_ground(page: OpenedPage) -> None:
    found = page.tab.run(COLOURS)
    pale = {}
    for pair, example in found.items():
        front, ground = (read_colour(colour) for colour in pair.split(" on "))
        if (ratio := contrast(front, over(ground, WHITE))) < ENOUGH:
            pale[pair] = f"{ratio:.2f}: {example}"
    assert len(found) >= 3
    assert pale == {}


def press_tab(page: OpenedPage) -> tuple[str, tuple[int, int, int, int]]:
    """What has the focus after the key, and its box in the window."""
    for kind in ("keyDown", "keyUp"):
        page.tab.ask("Input.dispatchKeyEvent", type=kind, key="Tab", windowsVirtualKeyCode=9)
    what, *box = page.tab.run(FOCUS)
    x, y, width, height = (round(value) for value in box)
    return what, (x, y, width, height)


def test_the_focus_of_the_keyboard_is_seen_wherever_it_goes(page: OpenedPage) -> None:
    page.tab.run("scrollTo(0, 0); document.activeElement.blur()")
    for number in range(8):
        before = pixels(page.view())
        what, (x, y, width, height) = press_tab(page)
        if number == 0:
            assert "skip" in what
        after = pixels(page.view())
        changed = np.abs(after.astype(int) - before).max(axis=2) > 60
        around = changed[max(0, y - 6) : y + height + 6, max(0, x - 6) : x + width + 6]
        assert around.sum() >= 2 * min(width, 200), what


def test_wide_tables_and_figures_are_reached_by_the_keyboard(page: OpenedPage) -> None:
    page.resize(390)
    with page.unfolded():
        stuck = page.tab.run("""[...document.querySelectorAll('body *')]
          .filter(e => e.scrollWidth > e.clientWidth + 1 && e.tabIndex < 0)
          .filter(e => getComputedStyle(e).overflowX === 'auto').map(e => e.outerHTML.slice(0, 99))
        """)
    assert stuck == []
