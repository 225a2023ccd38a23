"""Sections within sections: numbers, anchors, levels, pictures drawn in their place."""

import re
from functools import partial

import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.figures import new_axes
from causalhyper.report import Drawing, Fold, PageSection, Prose, render_sections
from tests.report.test_page import Page


def nested(depth: int) -> PageSection:
    inner = (nested(depth - 1),) if depth > 1 else ()
    return PageSection(f"depth {depth}", (Prose("x"),), inner)


def test_sections_within_sections_are_numbered_anchored_and_listed() -> None:
    sections = [nested(1), PageSection("two", (), (nested(1), nested(2)))]
    page = render_sections("t", sections).decode()
    headings = re.findall(r'<h(\d) id="([^"]+)-title">([^<]+)</h\1>', page)
    assert headings == [
        ("2", "section1", "1. depth 1"),
        ("2", "section2", "2. two"),
        ("3", "section2-1", "2.1. depth 1"),
        ("3", "section2-2", "2.2. depth 2"),
        ("4", "section2-2-1", "2.2.1. depth 1"),
    ]
    links = [attrs["href"] for tag, attrs in Page(page).tags if tag == "a"]
    assert links == ["#content", *(f"#{anchor}" for _, anchor, _ in headings)]


def test_sections_that_lie_too_deep_are_refused() -> None:
    render_sections("t", [nested(4)])
    with pytest.raises(ConfigurationError, match="'depth 1' lies 5 deep; a page holds 4"):
        render_sections("t", [nested(5)])


def test_drawings_have_ids_of_their_own_wherever_they_stand() -> None:
    drawing = Drawing(partial(new_axes), "Empty", "nothing <b>", "caption <i>")
    section = PageSection(
        "a", (drawing, Fold("more", (drawing,))), (PageSection("b", (drawing,)),)
    )
    page = render_sections("t", [section]).decode()
    titles = re.findall(r'<title id="([^"]+)">', page)
    assert titles == [
        "section1-figure1-svg-title",
        "section1-figure2-svg-title",
        "section1-1-figure1-svg-title",
    ]
    assert "caption &lt;i&gt;" in page
    assert "nothing &lt;b&gt;" in page
