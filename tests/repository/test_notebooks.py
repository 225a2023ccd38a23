"""The notebooks of the documentation run, and their text takes its numbers from their cells."""

import ast
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from causalhyper.notebook import Shown

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.md"))
CELL = re.compile(r"```\{code-cell\} ipython3\n(?::[^\n]*\n)*(.*?)```", flags=re.DOTALL)
MEASURED = re.compile(r"\d+\.\d|\d ?%|\d points|p = ")


def named(notebook: Path) -> str:
    return notebook.stem


def run(notebook: Path) -> tuple[dict[str, object], list[object]]:
    """The names that all cells leave, and the values that they end with."""
    names: dict[str, object] = {}
    values: list[object] = []
    for cell in CELL.findall(notebook.read_text("utf-8")):
        *body, last = ast.parse(cell).body
        if isinstance(last, ast.Expr):
            exec(compile(ast.Module(body, []), notebook.name, "exec"), names)
            values.append(eval(compile(ast.Expression(last.value), notebook.name, "eval"), names))
        else:
            exec(compile(ast.Module([*body, last], []), notebook.name, "exec"), names)
    return names, values


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=named)
def test_a_notebook_runs_and_its_text_takes_plain_numbers_from_it(
    notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(notebook.parent)
    with plt.rc_context({"backend": "agg"}):
        names, values = run(notebook)
    plt.close("all")
    assert values
    tables = [value._repr_html_() for value in values if isinstance(value, Shown)]
    assert not any("cannot be shown" in table for table in tables)
    taken = re.findall(r"\{eval\}`(.*?)`", notebook.read_text("utf-8"))
    assert taken
    assert {
        name: type(names[name]) for name in taken if type(names[name]) not in (int, float)
    } == {}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=named)
def test_no_measured_number_is_written_by_hand(notebook: Path) -> None:
    _, _, text = notebook.read_text("utf-8").split("---\n", 2)
    prose = CELL.sub("", text).replace("95% interval", "interval")
    assert not MEASURED.findall(prose)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=named)
def test_links_of_a_notebook_lead_to_files_that_exist(notebook: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", notebook.read_text("utf-8")):
        assert (notebook.parent / target).exists(), f"{notebook.name} links to {target}"


def test_both_case_studies_and_the_logged_grids_have_a_notebook() -> None:
    assert {notebook.stem for notebook in NOTEBOOKS} >= {"batch-size", "pruning", "logged-grids"}
