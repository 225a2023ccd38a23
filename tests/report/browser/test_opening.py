"""Opened in a browser, a page is quiet, asks nobody, leads where it says, and is all there."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.report.browser import chromium as driver
from tests.report.browser.chromium import Chromium
from tests.report.browser.opened import OpenedPage, open_page, pixels

ASKING = {
    "an image": "<img src='http://reports.test/x.png'>",
    "a picture that is seen late": "<p style='height: 9000px'></p>"
    "<img loading=lazy src='http://reports.test/x.png'>",
    "a picture in a fold": "<details><img loading=lazy src='http://reports.test/x'></details>",
    "a style sheet": "<link rel=stylesheet href='http://reports.test/x.css'>",
    "an import": "<style>@import url(http://reports.test/x.css);</style>",
    "a background": "<p style='background: url(http://reports.test/x.png)'>x</p>",
    "a font": "<style>@font-face { font-family: f; src: url(http://reports.test/f) }"
    "p { font-family: f }</style><p>x</p>",
    "a frame": "<iframe src='http://reports.test/'></iframe>",
    "a script's request": "<script>fetch('http://reports.test/')</script>",
    "a beacon": "<script>navigator.sendBeacon('http://reports.test/')</script>",
    "a socket": "<script>new WebSocket('ws://reports.test/')</script>",
    "a file beside it": "<img src='beside.png'>",
    "a part of a drawing": "<svg><image href='http://reports.test/x.svg'/></svg>",
}
NOISY = {
    "a warning": "<script>console.warn('x')</script>",
    "an error": "<script>throw new Error('x')</script>",
    "a remark": "<script>console.log('x')</script>",
    "what its own policy forbids": "<meta http-equiv=Content-Security-Policy "
    "content=\"default-src 'none'\"><script>1</script>",
}
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
LOST = """[...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))
  .filter(h => !h.startsWith('#') || !document.getElementById(h.slice(1)))"""
OUTSIDE = """[...document.querySelectorAll('body *')]
  .filter(e => !e.closest('.scroll, figure, svg'))
  .filter(e => { const box = e.getBoundingClientRect(); return box.right > innerWidth + 1; })
  .filter(e => !e.matches('.skip')).map(e => e.outerHTML.slice(0, 200))"""


def write(folder: Path, body: str) -> Path:
    path = folder / "planted.html"
    path.write_text(f"<!doctype html><html lang=en><title>x</title><body>{body}", "utf-8")
    return path


def test_nothing_leaves_the_page(page: OpenedPage) -> None:
    assert page.requests == []


def test_the_console_stays_empty(page: OpenedPage) -> None:
    assert page.complaints == []


@pytest.mark.parametrize("what", ASKING)
def test_what_a_page_would_ask_for_is_seen(what: str, chromium: Chromium, tmp_path: Path) -> None:
    with open_page(chromium, write(tmp_path, ASKING[what])) as planted:
        assert any("reports.test" in r or "beside.png" in r for r in planted.requests)


@pytest.mark.parametrize("what", NOISY)
def test_what_a_page_would_say_is_heard(what: str, chromium: Chromium, tmp_path: Path) -> None:
    with open_page(chromium, write(tmp_path, NOISY[what])) as planted:
        assert planted.complaints


def test_a_quiet_page_of_others_passes_the_same_checks(chromium: Chromium, tmp_path: Path) -> None:
    with open_page(chromium, write(tmp_path, "<h1>x</h1>")) as planted:
        assert (planted.requests, planted.complaints) == ([], [])


def test_every_link_leads_to_a_place_on_the_page(page: OpenedPage) -> None:
    assert page.tab.run("document.links.length") > 1
    assert page.tab.run(LOST) == []


def test_a_link_of_the_contents_brings_its_section_into_view(page: OpenedPage) -> None:
    place = page.tab.run("""(() => {
      document.querySelector('nav li:last-child a').click();
      return document.querySelector(':target').getBoundingClientRect().top; })()""")
    assert -1 <= place < 900
    page.tab.run("scrollTo(0, 0)")


@pytest.mark.parametrize("width", [390, 768, 1200])
def test_a_page_fits_the_window_with_all_folds_open(page: OpenedPage, width: int) -> None:
    page.resize(width)
    with page.unfolded():
        assert page.tab.run(FITS)
        assert page.tab.run(OUTSIDE) == []


def test_a_table_that_is_wider_than_the_window_is_seen(chromium: Chromium, tmp_path: Path) -> None:
    with open_page(chromium, write(tmp_path, "<table style='width: 1300px'><td>x")) as planted:
        assert not planted.tab.run(FITS)
        assert planted.tab.run(OUTSIDE)


def ink(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The share of each band of 450 rows that is not white."""
    drawn = picture.min(axis=2) < 230
    return np.array([band.mean() for band in np.array_split(drawn, max(1, len(drawn) // 450))])


def test_a_screenshot_shows_something_everywhere(page: OpenedPage) -> None:
    shares = ink(pixels(page.screenshot()))
    assert np.all(shares > 0.003)
    assert np.all(shares < 0.5)


def test_a_blank_page_is_told_from_a_full_one(chromium: Chromium, tmp_path: Path) -> None:
    with open_page(chromium, write(tmp_path, "<p style='height: 2000px'>")) as planted:
        assert np.all(ink(pixels(planted.screenshot())) < 0.003)


def darkened(page: OpenedPage) -> float:
    """By how many of 255 levels a dark desktop changes the mean brightness."""
    light = pixels(page.screenshot()).mean()
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    page.tab.ask("Emulation.setEmulatedMedia", features=dark)
    try:
        return abs(float(light - pixels(page.screenshot()).mean()))
    finally:
        page.tab.ask("Emulation.setEmulatedMedia", features=[])


def test_a_dark_desktop_changes_nothing(page: OpenedPage) -> None:
    assert darkened(page) < 0.5


def test_a_page_that_follows_a_dark_desktop_is_seen(chromium: Chromium, tmp_path: Path) -> None:
    follows = "<style>:root { color-scheme: light dark }</style>"
    with open_page(chromium, write(tmp_path, follows)) as planted:
        assert darkened(planted) > 100


def test_without_a_browser_the_tests_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/no/such/browser")
    with pytest.raises(
        FileNotFoundError, match=r"/no/such/browser: no Chromium.*-m 'not browser'"
    ):
        driver.find_chromium()
