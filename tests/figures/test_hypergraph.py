import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon, Rectangle

from causalhyper.errors import ConfigurationError
from causalhyper.figures import plot_hypergraph
from tests.figures.samples import LABELS, PAPERS, acyclic, frames, hyperarcs, papers


def patches(ax, kind):
    return [p for p in ax.patches if type(p) is kind]


def assert_texts_fit(ax):
    ax.figure.canvas.draw()
    boxes = [patch.get_window_extent() for patch in patches(ax, FancyBboxPatch)]
    for text in ax.texts:
        extent = text.get_window_extent()
        assert any(
            b.x0 <= extent.x0 and extent.x1 <= b.x1 and b.y0 <= extent.y0 and extent.y1 <= b.y1
            for b in boxes
        ), text


def test_every_node_is_a_box_with_its_name_and_its_label():
    ax = plot_hypergraph(*papers())
    assert [p.get_label() for p in patches(ax, FancyBboxPatch)] == list("BNSCG")
    texts = [text.get_text() for text in ax.texts]
    assert texts == [line for node, label in LABELS.items() for line in (node, label)]


@settings(max_examples=15, deadline=None)
@given(acyclic(max_nodes=6))
def test_squares_arcs_and_arrows_are_those_of_the_hyperedges(arcs):
    ax = plot_hypergraph(*frames(arcs))
    joint = [arc for arc in arcs if arc.joint]
    assert [p.get_label() for p in patches(ax, Rectangle)] == [arc.name for arc in joint]
    assert len(patches(ax, Polygon)) == len(arcs)
    assert len(patches(ax, PathPatch)) == sum(len(a.tail) for a in arcs) + len(joint)


def test_the_papers_graph_has_one_junction_between_its_tails_and_its_head():
    ax = plot_hypergraph(*papers())
    (square,) = patches(ax, Rectangle)
    drawn = {p.get_label() for p in patches(ax, PathPatch)}
    name = square.get_label()
    meets = {f"N -> {name}", f"S -> {name}", f"{name} -> C"}
    assert drawn == {"B -> N", "N -> S", "C -> G"} | meets


def test_roles_look_different():
    nodes, arcs = papers()
    nodes["role"] = ["treatment", "mediator", "other", "mediator", "outcome"]
    ax = plot_hypergraph(nodes, arcs)
    looks = [
        (p.get_facecolor(), p.get_edgecolor(), p.get_linestyle())
        for p in patches(ax, FancyBboxPatch)
    ]
    assert len(set(looks)) == 4
    assert looks[1] == looks[3]


@pytest.mark.parametrize("length", [1, 17, 40, 400])
@pytest.mark.parametrize("sign", ["W", "word ", "日"])
@pytest.mark.filterwarnings("ignore:Glyph")
def test_labels_stay_within_their_boxes(length, sign):
    label = (sign * length)[:length]
    assert_texts_fit(plot_hypergraph(*frames(hyperarcs(PAPERS), dict.fromkeys("BNSCG", label))))


def test_labels_stay_within_their_boxes_in_axes_of_any_size():
    figure = Figure(figsize=(5, 6), layout="constrained")
    FigureCanvasAgg(figure)
    small, _ = figure.subplots(1, 2)
    assert plot_hypergraph(*papers(), ax=small) is small
    assert_texts_fit(small)
    figure.set_size_inches(9, 3)
    assert_texts_fit(small)


def test_a_picture_of_its_own_is_drawn_at_its_nominal_size():
    ax = plot_hypergraph(*papers(), title="The papers' hypergraph")
    ax.figure.canvas.draw()
    assert {round(text.get_fontsize()) for text in ax.texts} == {9, 11}


def test_nodes_without_arcs_are_drawn():
    nodes, arcs = papers()
    ax = plot_hypergraph(nodes, arcs.iloc[:0])
    assert len(patches(ax, FancyBboxPatch)) == 5
    assert not patches(ax, PathPatch)


def test_the_same_frames_give_the_same_picture():
    one, two = (plot_hypergraph(*papers()) for _ in range(2))
    for a, b in zip(patches(one, PathPatch), patches(two, PathPatch), strict=True):
        np.testing.assert_array_equal(a.get_path().vertices, b.get_path().vertices)


@pytest.mark.parametrize(
    ("nodes", "arcs", "message"),
    [
        ({}, {"head": None}, "missing: head"),
        ({"role": None}, {}, "missing: role"),
        (
            {"role": "cause"},
            {},
            "knows the roles treatment, mediator, outcome, other; got 'cause'",
        ),
        ({"node": "B"}, {}, "'B' stands 5 times"),
        ({"node": ""}, {}, "'' is empty"),
        ({}, {"head": "Z"}, "has 'Z', the nodes are B, N, S, C, G"),
        ({}, {"head": "G", "tail": "B", "hyperedge": "e"}, "has the tail 'B' more than once"),
        ({}, {"hyperedge": "e"}, "one head a hyperedge; 'e' has 'N' and 'S'"),
        ({}, {"head": ["N", "B", "C", "C", "G"]}, "no cycle; got [BN] -> [BN] -> [BN]:"),
    ],
)
def test_frames_that_are_no_hypergraph_are_refused(nodes, arcs, message):
    def change(frame, columns):
        gone = [name for name, value in columns.items() if value is None]
        return frame.assign(**columns).drop(columns=gone)

    pair = papers()
    with pytest.raises(ConfigurationError, match=message):
        plot_hypergraph(change(pair[0], nodes), change(pair[1], arcs))


def test_an_empty_frame_of_nodes_is_refused():
    nodes = pd.DataFrame(columns=["node", "label", "role"])
    with pytest.raises(ConfigurationError, match="at least one node"):
        plot_hypergraph(nodes, papers()[1].iloc[:0])


def test_a_latent_pair_is_a_dashed_arch_above_every_box_and_the_legend_says_what_it_means():
    nodes = pd.DataFrame({"node": ["B", "N", "G"], "label": ["b", "n", "g"]}).assign(role="other")
    arcs = pd.DataFrame({"hyperedge": ["e", "f"], "tail": ["B", "N"], "head": ["N", "G"]})
    plain = plot_hypergraph(nodes, arcs)
    axes = plot_hypergraph(nodes, arcs, latent=[("N", "G")])
    (arch,) = (p for p in axes.patches if p.get_gid() == "latent N G")
    assert arch.get_linestyle() == "--"
    assert min(y for _, y in arch.get_path().vertices) < min(plain.get_ylim())
    assert axes.get_ylim()[1] < plain.get_ylim()[1]
    texts = [t.get_text() for t in axes.get_legend().get_texts()]
    assert texts[-1] == "unmeasured common cause"
