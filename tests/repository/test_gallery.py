"""Every example of the gallery runs from its own folder and draws."""

import ast
from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from causalhyper.notebook import Shown

GALLERY = Path(__file__).parents[2] / "docs" / "gallery"
EXAMPLES = sorted(GALLERY.glob("*.py"))


def named(example: Path) -> str:
    return example.stem


def shown(example: Path) -> list[object]:
    """The values of all expressions that stand alone: what the gallery shows is among them."""
    names: dict[str, object] = {"__name__": example.stem}
    values = []
    for statement in ast.parse(example.read_text("utf-8")).body:
        if isinstance(statement, ast.Expr):
            code = compile(ast.Expression(statement.value), str(example), "eval")
            values.append(eval(code, names))
        else:
            exec(compile(ast.Module([statement], []), str(example), "exec"), names)
    return values


def pictures(values: list[object]) -> list[bytes]:
    """Their axes and figures, drawn."""
    figures = [value.figure for value in values if isinstance(value, Axes | Figure)]
    for figure in figures:
        figure.canvas.draw()
    return [bytes(figure.canvas.buffer_rgba()) for figure in figures]


@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_an_example_runs_and_draws(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GALLERY)
    values = shown(example)
    assert pictures(values)
    tables = [value._repr_html_() for value in values if isinstance(value, Shown)]
    assert not any("cannot be shown" in table for table in tables)


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_an_example_draws_the_same_every_time(
    example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(GALLERY)
    assert pictures(shown(example)) == pictures(shown(example))


def test_the_gallery_has_every_kind_of_figure_that_its_questions_need() -> None:
    needed = {"effect_curve", "forest", "hypergraph", "mediation", "counterfactual", "paths"}
    needed |= {"policy", "sensitivity", "spectral_density", "loss_surface", "phase_shift"}
    needed |= {"mask_overlap", "lasso_path", "layer_significance"}
    assert needed <= {example.stem for example in EXAMPLES}


@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_an_example_begins_with_its_title_and_what_it_asks(example: Path) -> None:
    text = ast.get_docstring(ast.parse(example.read_text("utf-8"))) or ""
    title, rule, blank, *words = text.splitlines()
    assert len(rule) == len(title)
    assert set(rule) == {"="}
    assert not blank
    assert words
