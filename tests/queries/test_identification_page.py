"""The page on identification prints what it shows."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "identification.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```\s+```text\n(.*?)```", PAGE, flags=re.DOTALL)


def test_every_python_block_of_the_page_shows_its_output():
    assert len(BLOCKS) == PAGE.count("```python") == 4


@pytest.mark.parametrize(("code", "output"), BLOCKS)
def test_a_block_prints_what_the_page_shows(code, output, capsys):
    exec(compile(code, "identification.md", "exec"), {})
    assert capsys.readouterr().out == output


def test_the_files_that_the_page_names_exist():
    named = re.findall(r"`(causalhyper/[\w/]+\.py)`", PAGE)
    assert len(named) == 9
    assert all((ROOT / name).is_file() for name in named)
