"""The Python of docs/intervals.md runs and prints what the page shows."""

import re
from pathlib import Path

import pytest

from causalhyper.queries.uncertainty import INTERVALS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "intervals.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```\s+```text\n(.*?)```", PAGE, flags=re.DOTALL)


def test_every_block_of_the_page_shows_its_output() -> None:
    assert len(BLOCKS) == PAGE.count("```python") == 1


@pytest.mark.parametrize(("code", "output"), BLOCKS)
def test_a_block_prints_what_the_page_shows(
    code: str, output: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(code, "intervals.md", "exec"), {})
    assert capsys.readouterr().out == output


@pytest.mark.parametrize("kind", INTERVALS)
def test_the_page_names_every_kind(kind: str) -> None:
    assert f'"{kind}"' in PAGE
