"""The page on robustness shows what its example prints."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "robustness.md").read_text("utf-8")
CODE, OUTPUT = re.search(r"```python\n(.*?)```\s+```text\n(.*?)```", PAGE, re.DOTALL).groups()


def test_the_example_prints_what_the_page_shows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(CODE, "docs/robustness.md", "exec"), {})
    assert capsys.readouterr().out == OUTPUT
