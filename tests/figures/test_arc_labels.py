"""Numbers beside arcs: none touches an arc, a box, a junction or another number."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon, Rectangle

from causalhyper.errors import ConfigurationError
from causalhyper.figures import plot_hypergraph
from causalhyper.figures.arc_effects import lay_out_labelled, write_effect
from tests.figures.samples import LABELS, PAPERS, acyclic, frames, hyperarcs

DIRECT = f"{PAPERS}; B -> G; N -> G"
JOINT = "B -> N; B -> S; N -> S; {B, N, S} -> C; {N, C} -> G; B -> G"
SHARED = "B -> N; {B, N} -> S; {N, S} -> C; N -> C; {S, C} -> G"
GRAPHS = {
    "the poster": (PAPERS, ()),
    "with direct arcs": (DIRECT, ()),
    "with an unmeasured cause": (DIRECT, [("N", "G")]),
    "three causes": (JOINT, ()),
    "an arc in two hyperedges": (SHARED, [("S", "G"), ("B", "C")]),
}


def effects(arcs: pd.DataFrame) -> pd.DataFrame:
    numbers = arcs.drop_duplicates(["tail", "head"])[["tail", "head"]].reset_index(drop=True)
    signs = np.where(np.arange(len(numbers)) % 2, -1.0, 1.0)
    value = signs * (0.11 + 0.07 * np.arange(len(numbers)))
    return numbers.assign(estimate=value, lower=value - 0.3, upper=value + 0.3)


def draw(text, latent=(), title=""):
    arcs = hyperarcs(text)
    nodes, rows = frames(arcs, LABELS, {"B": "treatment", "G": "outcome"})
    axes = plot_hypergraph(nodes, rows, effects=effects(rows), latent=latent, title=title)
    axes.figure.canvas.draw()
    inside = {line for label in LABELS.values() for line in (label,)} | set("BNSCG")
    return axes, [t for t in axes.texts if t.get_text() not in inside], effects(rows)


def pixels(axes, patch):
    """Points along a drawn patch's outline in pixels, dense."""
    path = patch.get_transform().transform_path(patch.get_path())
    parts = []
    for segment, _ in path.iter_bezier():
        parts.append(segment(np.linspace(0, 1, 400)))
    return np.concatenate(parts)


@pytest.mark.parametrize("name", GRAPHS)
def test_every_arc_of_the_papers_graphs_has_its_number_and_none_touches_anything(name):
    text, latent = GRAPHS[name]
    axes, numbers, wanted = draw(text, latent)
    written = [write_effect(e, low, up) for e, low, up in wanted.iloc[:, 2:].to_numpy()]
    assert sorted(t.get_text() for t in numbers) == sorted(written)
    extents = [t.get_window_extent() for t in numbers]
    lines = [pixels(axes, p) for p in axes.patches if type(p) in (PathPatch, Polygon)]
    boxes = [p.get_window_extent() for p in axes.patches if type(p) in (FancyBboxPatch, Rectangle)]
    for i, extent in enumerate(extents):
        for line in lines:
            x, y = line.T
            hit = (x > extent.x0) & (x < extent.x1) & (y > extent.y0) & (y < extent.y1)
            assert not hit.any(), numbers[i].get_text()
        assert not any(extent.overlaps(box) for box in [*boxes, *extents[i + 1 :]])


@pytest.mark.parametrize("name", GRAPHS)
def test_a_number_is_nearest_to_its_own_arc(name):
    text, latent = GRAPHS[name]
    arcs = hyperarcs(text)
    keys = {(a.name, t): "(+0.00)" for a in arcs for t in a.tail}
    sizes = dict.fromkeys("BNSCG", (1.3, 0.6))
    layout, places = lay_out_labelled(sizes, arcs, keys, latent)
    assert set(places) == set(keys)
    for (hyperedge, start), box in places.items():
        gaps = {}
        for arc in layout.arcs:
            points = np.concatenate(
                [s(np.linspace(0, 1, 300)) for s, _ in arc.path().iter_bezier()]
            )
            away = np.abs(points - [box.x, box.y]) - [box.width / 2, box.height / 2]
            gaps[arc.hyperedge, arc.start] = np.hypot(*np.maximum(away, 0).T).min()
        assert min(gaps, key=gaps.get) == (hyperedge, start)
        assert 0 < gaps[hyperedge, start] < 0.25


@settings(max_examples=15, deadline=None)
@given(acyclic(max_nodes=5))
def test_numbers_of_a_random_graph_touch_no_box_no_arc_and_no_other_number(arcs):
    keys = {(a.name, t): "+0.00" for a in arcs for t in a.tail}
    nodes = dict.fromkeys((v for a in arcs for v in (*a.tail, a.head)), (1.0, 0.5))
    layout, places = lay_out_labelled(nodes, arcs, keys)
    boxes = [*layout.nodes.values(), *layout.junctions.values()]
    lines = np.concatenate(
        [s(np.linspace(0, 1, 200)) for arc in layout.arcs for s, _ in arc.path().iter_bezier()]
    )
    placed = list(places.values())
    for i, one in enumerate(placed):
        hit = np.abs(lines - [one.x, one.y]) < [one.width / 2, one.height / 2]
        assert not hit.all(axis=1).any()
        for other in [*boxes, *placed[i + 1 :]]:
            apart = abs(one.x - other.x) >= (one.width + other.width) / 2
            assert apart or abs(one.y - other.y) >= (one.height + other.height) / 2


def test_numbers_stay_within_the_picture():
    axes, numbers, _ = draw(DIRECT, title="A title")
    whole = axes.figure.bbox
    (title,) = (t for t in axes.get_children() if getattr(t, "get_text", str)() == "A title")
    for text in [*numbers, title, *axes.get_legend().get_texts()]:
        extent = text.get_window_extent()
        assert whole.x0 <= extent.x0 < extent.x1 <= whole.x1
        assert whole.y0 <= extent.y0 < extent.y1 <= whole.y1
        assert text is title or not extent.overlaps(title.get_window_extent())


def test_an_effect_whose_interval_holds_zero_is_in_brackets():
    assert write_effect(0.126, 0.1, 0.2) == "+0.13"
    assert write_effect(-0.126, -0.2, 0.0) == "(−0.13)"
    assert write_effect(-0.001, -0.2, 0.1) == "(0.00)"


def test_an_effect_of_an_arc_that_is_not_there_is_refused():
    nodes, rows = frames(hyperarcs(PAPERS))
    wrong = effects(rows).assign(tail="G")
    with pytest.raises(ConfigurationError, match="no arc G -> N"):
        plot_hypergraph(nodes, rows, effects=wrong)


def test_a_hypergraph_without_effects_is_laid_out_as_before():
    nodes, rows = frames(hyperarcs(PAPERS), LABELS)
    plain = plot_hypergraph(nodes, rows)
    assert len(plain.texts) == 10
    labelled = plot_hypergraph(nodes, rows, effects=effects(rows))
    assert labelled.figure.get_figwidth() > plain.figure.get_figwidth()
