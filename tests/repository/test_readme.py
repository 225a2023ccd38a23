"""The README: its quickstart is short, its commands exist."""

import configparser
import re
from pathlib import Path

import pytest
import yaml

import causalhyper
from causalhyper.cli.main import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```\s+```text\n(.*?)```", README, flags=re.DOTALL)


def test_the_quickstart_has_at_most_twelve_lines() -> None:
    assert all(len(code.strip().splitlines()) <= 12 for code, _ in BLOCKS)


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


def test_the_readme_goes_from_a_picture_to_the_citation() -> None:
    assert README.index("![") < README.index("## ")
    assert re.findall(r"^## (.*)$", README, flags=re.MULTILINE) == [
        "Install",
        "Quickstart",
        "What you may conclude, and what not",
        "Your own logs",
        "The report",
        "Which answer to read",
        "Deviations from the papers",
        "Citing",
    ]


def test_the_pictures_of_the_readme_are_small_and_described() -> None:
    pictures = re.findall(r"!\[(.*?)\]\((.*?)\)", README)
    assert len(pictures) == 2
    for words, name in pictures:
        assert len(words) > 40
        assert (ROOT / name).stat().st_size < 60_000


def test_the_citation_agrees_with_the_package() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    package = configparser.ConfigParser()
    package.read(ROOT / "setup.cfg", encoding="utf-8")
    assert cited["version"] == causalhyper.__version__
    assert cited["license"] == package["metadata"]["license"]
    assert [a["name"] for a in cited["authors"]] == [package["metadata"]["author"]]
    assert ", ".join(cited["keywords"]) == package["metadata"]["keywords"]
    assert all(paper["title"] in README for paper in cited["references"])


def test_commands_that_the_readme_shows_exist() -> None:
    shown = set(re.findall(r"(?:^ {4}|`)causalhyper (\w+)", README, flags=re.MULTILINE))
    assert {"read", "init", "check", "run", "analyze", "prune"} <= shown
    for command in shown:
        assert main([command, "--help"]) == 0, command
