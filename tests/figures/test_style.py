import doctest
import importlib
import pkgutil
import subprocess
import sys
import warnings
from pathlib import Path

import matplotlib
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import causalhyper.figures
from causalhyper.figures import PALETTE, house_style, new_axes
from causalhyper.figures.text import allow_missing_glyphs, as_text, text_width, wrap

MODULES = [m.name for m in pkgutil.iter_modules(causalhyper.figures.__path__)]
DRAW_ALL = """
import sys
from tests.figures.samples import effects, forest, papers
from causalhyper.figures import plot_effect_curve, plot_forest, plot_hypergraph, to_svg
axes = [plot_effect_curve(effects(), baseline=512, xlabel="x", ylabel="y")]
axes += [plot_forest(forest(), xlabel="x"), plot_hypergraph(*papers())]
for ax in axes:
    to_svg(ax.figure, title="t", description="d", prefix="p")
assert "matplotlib.pyplot" not in sys.modules
"""


def test_drawing_never_imports_pyplot():
    subprocess.run([sys.executable, "-c", DRAW_ALL], check=True)


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(module):
    found = doctest.testmod(importlib.import_module(f"causalhyper.figures.{module}"))
    assert found.failed == 0


@pytest.mark.parametrize("module", MODULES)
def test_figures_import_nothing_above_arrays_errors_and_printable_text(module):
    loaded = importlib.import_module(f"causalhyper.figures.{module}")
    source = Path(loaded.__file__).read_text("utf-8")
    lines = [
        line.split()[1] for line in source.splitlines() if line.startswith(("from ", "import "))
    ]
    allowed = ("arrays", "errors", "figures", "notebook.text")
    allowed = tuple(f"causalhyper.{name}" for name in allowed)
    assert all(n.startswith(allowed) for n in lines if n.startswith("causalhyper"))


def test_new_axes_belong_to_a_figure_that_no_global_state_knows():
    ax = new_axes(figsize=(5, 3))
    assert isinstance(ax.figure.canvas, FigureCanvasAgg)
    assert tuple(ax.figure.get_size_inches()) == (5, 3)


def test_settings_come_back_after_the_house_style():
    before = dict(matplotlib.rcParams)
    with house_style():
        assert matplotlib.rcParams["svg.fonttype"] == "none"
        assert matplotlib.rcParams["text.parse_math"] is False
        assert matplotlib.rcParams["figure.constrained_layout.use"] is True
    assert dict(matplotlib.rcParams) == before


def test_the_palette_is_okabe_and_itos():
    assert set(PALETTE.values()) == {
        "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
    }  # fmt: skip


def test_wrapping_loses_no_sign_of_a_label_that_fits():
    text = "log10(gradient_noise_scale)/layer.2.weight of a network"
    lines = wrap(text, 16, 99)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(0 < len(line) <= 16 for line in lines)


def test_a_label_that_is_too_long_ends_in_an_ellipsis():
    lines = wrap("word " * 100, 10, 3)
    assert len(lines) == 3
    assert lines[-1].endswith("…")


def test_a_longer_text_is_wider():
    assert text_width("grad_noise", 9) < text_width("grad_noise", 9, "bold")
    assert text_width("日本", 9) > 0


def test_labels_become_one_printable_line():
    assert as_text(" a\nb\x00\ud800\ufffe ") == "a b\ufffd\ufffd\ufffd"
    assert as_text(512) == "512"


def test_other_warnings_are_still_heard():
    with allow_missing_glyphs(), pytest.warns(UserWarning, match="another"):
        warnings.warn("another", stacklevel=1)
