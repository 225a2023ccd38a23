"""Every page runs, block after block, and prints what it shows; links lead to files."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from tests.tracking import foreign

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
APART = {"exports.md"}
"""Run in the environment that has the other programs."""
FOREIGN = {"recording.md"}
"""Train with libraries that warn of what they do themselves."""


def blocks(page: Path) -> list[tuple[str, str]]:
    pattern = r"```python\n(.*?)```\s+```text\n(.*?)```"
    return re.findall(pattern, page.read_text("utf-8"), flags=re.DOTALL)


def named(page: Path) -> str:
    return page.name


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_python_block_shows_its_output(page: Path) -> None:
    assert len(blocks(page)) == page.read_text("utf-8").count("```python")


@pytest.mark.parametrize(
    "page", [p for p in PAGES if blocks(p) and p.name not in APART], ids=named
)
def test_a_page_prints_what_it_shows(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    for code, shown in blocks(page):
        printed = io.StringIO()
        quiet = foreign() if page.name in FOREIGN else contextlib.nullcontext()
        with quiet, contextlib.redirect_stdout(printed):
            exec(compile(code, page.name, "exec"), names)
        assert printed.getvalue() == shown


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_of_a_page_lead_to_files_that_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        if not target.startswith(("http:", "https:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_source_files_that_a_page_names_exist(page: Path) -> None:
    for name in re.findall(r"`(causalhyper/[\w/]+\.py)`", page.read_text("utf-8")):
        assert (ROOT / name).is_file(), f"{page.name} names {name}"
