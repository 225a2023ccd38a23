"""The page on mediation runs and prints what it shows."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "mediation.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```\s+```text\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_blocks_of_the_page_print_what_it_shows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert len(BLOCKS) == PAGE.count("```python") == 3
    names: dict[str, object] = {}
    for code, output in BLOCKS:
        exec(compile(code, "mediation.md", "exec"), names)
        assert capsys.readouterr().out == output
