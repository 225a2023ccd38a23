"""The README: its quickstart is short, its commands exist."""

import re
from pathlib import Path

import pytest

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
