"""One browser for all tests, and every kind of page made once and opened once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.report.browser.chromium import Chromium
from tests.report.browser.kinds import KINDS, PLAIN, Labels
from tests.report.browser.opened import OpenedPage, open_page

SLOW = ("small case study", "case study")
EVERY_KIND = [pytest.param(k, marks=pytest.mark.slow if k in SLOW else ()) for k in KINDS]
Make = Callable[[str, Labels], Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what opens a browser, so that it can be left out."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    browser = Chromium(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """The file of a page of some kind with some labels, made at the first call."""
    folder, made = tmp_path_factory.mktemp("pages"), dict[tuple[str, Labels], Path]()

    def written(kind: str, labels: Labels = PLAIN) -> Path:
        path = made.setdefault((kind, labels), folder / f"{len(made)}.html")
        if not path.exists():
            path.write_bytes(KINDS[kind](labels))
        return path

    return written


@pytest.fixture(params=EVERY_KIND)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of page."""
    name: str = request.param
    return name


@pytest.fixture
def html(kind: str, make: Make) -> str:
    """The source of a plainly labelled page of each kind."""
    return make(kind, PLAIN).read_text("utf-8")


@pytest.fixture(scope="session")
def tabs(chromium: Chromium) -> Iterator[Callable[[Path], OpenedPage]]:
    """Opens a file, at the first call."""
    with ExitStack() as stack:
        opened: dict[Path, OpenedPage] = {}

        def shown(path: Path) -> OpenedPage:
            if path not in opened:
                opened[path] = stack.enter_context(open_page(chromium, path))
            opened[path].resize(1200)
            return opened[path]

        yield shown


@pytest.fixture
def page(kind: str, make: Make, tabs: Callable[[Path], OpenedPage]) -> OpenedPage:
    """A plainly labelled page of each kind, open at 1200 pixels."""
    return tabs(make(kind, PLAIN))
