from itertools import combinations, pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.errors import ConfigurationError
from causalhyper.figures.layers import assign_layers, build_columns
from causalhyper.figures.layout import lay_out
from causalhyper.figures.ordering import count_crossings, reduce_crossings
from causalhyper.figures.placement import place_ports, space_out
from tests.figures.samples import PAPERS, acyclic, hyperarcs


def lay(arcs, size=(1.3, 0.6)):
    return lay_out({v: size for a in arcs for v in (*a.tail, a.head)}, arcs)


def sampled(arc):
    """Points along the drawn path, ends left out."""
    points = []
    for segment, _ in arc.path().iter_bezier():
        points.append(np.array([segment(t) for t in np.linspace(0, 1, 60)]))
    return np.concatenate(points)[1:-1]


def inside(points, box):
    x, y = np.abs(points - [box.x, box.y]).T + 1e-9
    return (x < box.width / 2) & (y < box.height / 2)


def assert_clear(layout):
    """No arc has a point inside a box, or in a junction that is not its end."""
    for arc in layout.arcs:
        points = sampled(arc)
        for name, box in layout.nodes.items():
            assert not inside(points, box).any(), (arc, name)
        for name, box in layout.junctions.items():
            assert name == arc.hyperedge or not inside(points, box).any(), (arc, name)


def test_no_arc_of_the_papers_graph_runs_through_a_node():
    assert_clear(lay(hyperarcs(PAPERS)))


@settings(max_examples=60, deadline=None)
@given(acyclic(), st.sampled_from([(0.8, 0.45), (1.3, 0.6), (2.4, 1.1)]))
def test_no_arc_of_a_random_graph_runs_through_a_node(arcs, size):
    assert_clear(lay(arcs, size))


@settings(max_examples=60, deadline=None)
@given(acyclic())
def test_boxes_and_junctions_do_not_overlap(arcs):
    layout = lay(arcs)
    for a, b in combinations([*layout.nodes.values(), *layout.junctions.values()], 2):
        apart_x = abs(a.x - b.x) >= (a.width + b.width) / 2 - 1e-9
        assert apart_x or abs(a.y - b.y) >= (a.height + b.height) / 2 - 1e-9


@settings(max_examples=60, deadline=None)
@given(acyclic())
def test_every_arc_leads_to_the_right_and_to_a_later_layer(arcs):
    layout = lay(arcs)
    for arc in arcs:
        for tail in arc.tail:
            assert layout.layers[tail] < layout.layers[arc.head]
            assert layout.nodes[tail].x < layout.nodes[arc.head].x
        assert layout.layers[arc.head] == 1 + max(
            layout.layers[t] for a in arcs if a.head == arc.head for t in a.tail
        )
    for arc in layout.arcs:
        assert (np.diff([x for x, _ in arc.points]) >= 0).all()


@settings(max_examples=60, deadline=None)
@given(acyclic())
def test_a_junction_stands_exactly_where_a_tail_is_joint(arcs):
    layout = lay(arcs)
    assert set(layout.junctions) == {arc.name for arc in arcs if len(arc.tail) > 1}
    drawn = sorted((a.hyperedge, a.start, a.end, a.arrow) for a in layout.arcs)
    expected = []
    for arc in arcs:
        end = arc.head if len(arc.tail) == 1 else arc.name
        expected += [(arc.name, t, end, len(arc.tail) == 1) for t in arc.tail]
        expected += [(arc.name, arc.name, arc.head, True)] * (len(arc.tail) > 1)
    assert drawn == sorted(expected)


def test_the_papers_chain_is_straight():
    layout = lay(hyperarcs(PAPERS))
    heights = [box.y for box in [*layout.nodes.values(), *layout.junctions.values()]]
    assert np.ptp(heights) < 1e-6


def test_layers_are_the_longest_paths_from_the_roots():
    layers = assign_layers("XBNSCG", hyperarcs(PAPERS + "; B -> G; X -> G"))
    assert layers == {"X": 0, "B": 0, "N": 1, "S": 2, "C": 3, "G": 4}


@pytest.mark.parametrize(
    ("text", "cycle"),
    [("A -> A", "A -> A"), ("A -> B; B -> C; C -> B", "[BC] -> [BC] -> [BC]")],
)
def test_a_cycle_is_refused_with_its_nodes(text, cycle):
    with pytest.raises(ConfigurationError, match=f"no cycle; got {cycle}:"):
        lay(hyperarcs(text))


@settings(max_examples=40, deadline=None)
@given(acyclic(max_nodes=5))
def test_ordering_never_adds_crossings(arcs):
    nodes = list(dict.fromkeys(v for a in arcs for v in (*a.tail, a.head)))
    raw = build_columns(assign_layers(nodes, arcs), arcs)
    ordered = reduce_crossings(raw.columns, raw.segments())
    assert [sorted(c) for c in ordered] == [sorted(c) for c in raw.columns]
    before = count_crossings(raw.columns, raw.segments())
    assert count_crossings(ordered, raw.segments()) <= before


@given(st.sets(st.tuples(st.integers(0, 3), st.integers(4, 7)), min_size=1))
def test_two_columns_of_four_have_at_most_one_crossing_more_than_the_best_order(segments):
    columns = [range(4), range(4, 8)]
    best = min(
        count_crossings(order, segments)
        for order in product(permutations(range(4)), permutations(range(4, 8)))
    )
    assert count_crossings(reduce_crossings(columns, segments), segments) <= best + 1


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 5), st.floats(0, 2)), min_size=1))
def test_spacing_meets_the_optimality_conditions(rows):
    targets, weights, gaps = np.array(rows).T
    x = space_out(targets, weights, gaps[1:])
    slack = np.diff(x) - gaps[1:]
    assert (slack >= -1e-9).all()
    forces = np.cumsum(weights * (targets - x))
    assert abs(forces[-1]) < 1e-7
    assert (forces[:-1] >= -1e-7).all()
    assert np.abs(forces[:-1][slack > 1e-9]).max(initial=0) < 1e-7


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=12).map(sorted))
def test_ports_stay_on_their_side_of_the_box_in_the_order_of_their_arcs(sources):
    ports = place_ports(np.array(sources), 0.0, 0.4, 0.17)
    assert np.abs(ports).max() <= 0.2 + 1e-9
    assert (np.diff(ports) >= min(0.17, 0.4 / max(1, len(sources) - 1)) - 1e-9).all()


def test_arcs_are_drawn_as_points_say():
    for arc in lay(hyperarcs(PAPERS)).arcs:
        vertices = arc.path().vertices
        for point in arc.points:
            assert np.isclose(vertices, point).all(axis=1).any()
        assert all(x0 <= x1 for (x0, _), (x1, _) in pairwise(vertices))
