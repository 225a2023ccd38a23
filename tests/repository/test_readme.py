"""The README's Python runs and prints what it shows; its files and links exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```\s+```text\n(.*?)```", README, flags=re.DOTALL)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_every_python_block_shows_its_output() -> None:
    assert len(BLOCKS) == README.count("```python") >= 1


@pytest.mark.parametrize(("code", "output"), BLOCKS)
def test_a_block_prints_what_the_readme_shows(
    code: str, output: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out == output


def test_the_quickstart_has_at_most_twelve_lines() -> None:
    assert all(len(code.strip().splitlines()) <= 12 for code, _ in BLOCKS)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_of_a_page_lead_to_files_that_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        if not target.startswith(("http:", "https:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_two_commands_of_the_readme_are_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in ("report", "test"):
        assert f"make {target} " in README
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


def test_continuous_integration_calls_the_test_command() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text("utf-8")


@pytest.mark.parametrize("word", ["gradient noise", "sharpness", "recanting witness", "tautology"])
def test_the_glossary_has_the_words_of_the_reports(word: str) -> None:
    assert word in (ROOT / "docs" / "glossary.md").read_text("utf-8")
