"""Every result becomes a frame, a text, a figure and what a notebook shows."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgba, to_rgba_array
from matplotlib.lines import Line2D
from matplotlib.text import Text

from causalhyper.figures import new_axes, to_svg
from tests.figures.colour import apart, contrast, seen
from tests.repository.collected import COLLECTED
from tests.repository.samples import RESULTS

ROOT = Path(__file__).parents[2]
SAMPLES: dict[str, Callable[[], Any]] = RESULTS | COLLECTED
UNDRAWN = {
    "Design": "a plan: its frame says everything",
    "GrangerDesign": "what a fit is of, not a result",
    "Logged": "runs as they were logged: their columns are the reader's",
    "NoiseScale": "three numbers in three units",
    "SamSharpness": "one number",
    "StepSums": "what a screening is of, not a result",
    "StudyCheck": "words and counts",
    "StudyResults": "every query's result has its own",
    "Trace": "one number with its error",
    "Trajectory": "data on disk",
}
"""Results without a figure, and why."""
NO_SAMPLE = {
    "Pruned": "takes a training; tests/collectors/pruning has it",
    "StudyCheck": "takes a study file; tests/study has it",
    "StudyResults": "takes a study file; tests/study has it",
    "Trajectory": "takes a store on disk; tests/frames has it",
}
NOT_RESULTS = {
    "Recorder": "writes steps as they come",
    "Rows": "holds rows as they come",
    "EstimateResult": "what results with estimates share",
    "PartCheck": "a part of StudyCheck",
    "QueryResult": "a protocol",
}
"""Classes with a frame or a summary that nobody is handed as an answer."""


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    """Every class that has a frame, a summary or a figure."""
    for folder in ("causalhyper", "collectors"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and node.name not in NOT_RESULTS:
                    methods = {x.name for x in node.body if isinstance(x, ast.FunctionDef)}
                    if methods & {"to_frame", "summary", "plot"}:
                        yield node.name, node


CLASSES = dict(classes())


def test_every_result_is_shown_in_a_notebook() -> None:
    for name, node in CLASSES.items():
        bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
        assert bases & {"Shown", "EstimateResult"}, name


def test_every_result_has_a_sample() -> None:
    assert set(CLASSES) == set(SAMPLES) | set(NO_SAMPLE)


@pytest.mark.parametrize("name", NO_SAMPLE)
def test_a_result_without_a_sample_has_frame_and_summary_all_the_same(name: str) -> None:
    methods = {x.name for x in CLASSES[name].body if isinstance(x, ast.FunctionDef)}
    assert methods >= {"to_frame", "summary"}
    assert "plot" in methods or name in UNDRAWN


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return {}


@pytest.fixture
def result(name: str, found: dict[str, Any]) -> Any:
    if name not in found:
        found[name] = SAMPLES[name]()
        assert type(found[name]).__name__ == name
    return found[name]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_result_becomes_a_frame_and_a_text(name: str, result: Any) -> None:
    frame = result.to_frame()
    assert len(frame.columns) >= 2
    assert frame.columns.is_unique
    assert result.summary().strip()
    assert frame.equals(result.to_frame()), "a second call gives another frame"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_notebook_shows_a_result_by_name_without_script_or_colour(
    name: str, result: Any
) -> None:
    page = result._repr_html_()
    assert page.startswith(f"<div><p><strong>{name}</strong>: ")
    assert "cannot be shown" not in page
    assert page == result._repr_html_()
    assert 100 < len(page.encode()) < 50_000
    assert "<script" not in page
    outside = re.sub(r"<svg.*</svg>", "", page, flags=re.S)
    assert "style" not in outside
    assert "color" not in outside


def test_a_picture_in_a_repr_has_a_ground_of_its_own() -> None:
    page = SAMPLES["DirectedHypergraph"]()._repr_html_()
    assert "<svg" in page
    assert re.search(r"fill:\s*#ffffff", page[: page.index("axes_1")])


@pytest.mark.parametrize("name", SAMPLES)
def test_a_result_draws_itself_on_axes_of_its_own_or_on_given_ones(name: str, result: Any) -> None:
    if name in UNDRAWN:
        assert not hasattr(result, "plot")
        return
    assert inspect.signature(result.plot).parameters["ax"].default is None
    axes = result.plot()
    assert isinstance(axes, Axes)
    given = new_axes()
    assert result.plot(ax=given) is given
    named = axes.get_xlabel() or axes.get_ylabel() or not axes.axison
    assert named, "no axis says what it shows"


@pytest.mark.parametrize("name", [n for n in SAMPLES if n not in UNDRAWN])
def test_a_figure_is_the_same_bytes_each_time(name: str, result: Any) -> None:
    drawn = [
        to_svg(result.plot().figure, title="t", description="d", prefix="p-") for _ in range(2)
    ]
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("name", [n for n in SAMPLES if n not in UNDRAWN])
def test_no_text_of_a_figure_is_too_small_for_print(name: str, result: Any) -> None:
    axes = result.plot()
    axes.figure.canvas.draw()
    texts = [*axes.texts, *axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label]
    legend = axes.get_legend()
    texts += [] if legend is None else legend.get_texts()
    assert min(t.get_fontsize() for t in texts if t.get_text()) >= 7.5


@pytest.mark.parametrize("name", [n for n in SAMPLES if n not in UNDRAWN])
def test_texts_of_a_figure_stand_out_from_white(name: str, result: Any) -> None:
    axes = result.plot()
    axes.figure.canvas.draw()
    for text in axes.figure.findobj(Text):
        if text.get_text() and text.get_visible() and to_hex(text.get_color()) != "#ffffff":
            assert contrast(text.get_color(), "white") >= 4.5, text


def look(handle: Any) -> tuple[object, ...]:
    """What tells two entries of a legend apart without colour."""
    if isinstance(handle, Line2D):
        marker = handle.get_marker() if handle.get_marker() not in ("None", "", None) else ""
        hollow = bool(marker) and contrast(handle.get_markerfacecolor(), "white") < 1.1
        drawn = handle.get_linestyle() not in ("None", "", " ")
        dashes = str(handle._dash_pattern) if drawn else ""
        return "line", marker, hollow, dashes, round(handle.get_linewidth()) if drawn else 0
    names = ("get_linestyle", "get_hatch", "get_linewidth")
    return "patch", *(str(getattr(handle, name, str)()) for name in names)


@pytest.mark.parametrize("name", [n for n in SAMPLES if n not in UNDRAWN])
def test_what_a_legend_tells_apart_is_apart_for_everybody_and_in_grey(
    name: str, result: Any
) -> None:
    legend = result.plot().get_legend()
    handles = [] if legend is None else legend.legend_handles
    for one, other in combinations(handles, 2):
        colours = [shown(handle) for handle in (one, other)]
        if look(one) == look(other):
            assert apart(*colours) >= 10
            assert abs(seen(colours[0])[0] - seen(colours[1])[0]) >= 10


def shown(handle: Any) -> tuple[float, ...]:
    """The colour of an entry as it looks on white."""
    if isinstance(handle, Line2D):
        colour = to_rgba(handle.get_color(), handle.get_alpha())
    elif hasattr(handle, "get_facecolor"):
        colour = to_rgba_array(handle.get_facecolor())[0]
        if colour[3] == 1.0 and contrast(colour[:3], "white") < 1.3:  # told by its edge
            colour = to_rgba_array(handle.get_edgecolor())[0]
    else:
        colour = to_rgba_array(handle.get_color())[0]
    return tuple(colour[3] * c + 1 - colour[3] for c in colour[:3])


@pytest.mark.parametrize("name", [n for n in SAMPLES if n not in UNDRAWN])
def test_tick_labels_do_not_overlap(name: str, result: Any) -> None:
    axes = result.plot()
    axes.figure.canvas.draw()
    for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        low, high = sorted(limits)
        ticks = [t for t in axis.get_major_ticks() if low <= t.get_loc() <= high and axes.axison]
        boxes = [t.label1.get_window_extent() for t in ticks if t.label1.get_text()]
        for i, one in enumerate(boxes):
            assert not any(one.overlaps(other) for other in boxes[i + 1 :])
