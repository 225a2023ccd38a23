"""The Python of docs/exports.md runs and prints what the page shows."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "exports.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```\s+```text\n(.*?)```", PAGE, flags=re.DOTALL)
NEEDS = ("dowhy", "pgmpy")


def test_every_block_of_the_page_shows_its_output() -> None:
    assert len(BLOCKS) == PAGE.count("```python") == 4


@pytest.mark.filterwarnings("ignore:.pgmpy.estimators.StructureScore:FutureWarning")
@pytest.mark.parametrize(("code", "output"), BLOCKS)
def test_a_block_prints_what_the_page_shows(
    code: str, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for library in NEEDS:
        if f"from {library}" in code:
            pytest.importorskip(library)
    exec(compile(code, "exports.md", "exec"), {})
    assert capsys.readouterr().out == output


def test_every_function_of_the_exports_is_on_the_page() -> None:
    from causalhyper.hypergraph import exports as structure
    from causalhyper.scm import exports as models

    internal = {"load_library", "join_tails"}
    for name in {*structure.__all__, *models.__all__} - internal:
        assert f"{name}(" in PAGE, f"{name} is not on the page"
