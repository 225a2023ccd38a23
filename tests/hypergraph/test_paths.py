"""The path functions against an enumeration of every walk, which shares no code with them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalhyper.errors import GraphError
from causalhyper.hypergraph import (
    DirectedHypergraph,
    Hyperedge,
    between,
    directed_paths,
    intercepts,
    intercepts_without_edge,
)
from tests.hypergraph.strategies import hypergraphs

POSTER = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")


def walks(arcs, source, target):
    """Enumerate the walks along arcs, depth first."""
    if source == target:
        return [(target,)]
    return [
        (source, *rest)
        for cause, effect in sorted(set(arcs))
        if cause == source
        for rest in walks(arcs, effect, target)
    ]


@st.composite
def questions(draw):
    h = draw(hypergraphs(min_nodes=2))
    source, target = draw(st.permutations(h.nodes))[:2]
    return h, source, target


@given(questions())
def test_directed_paths_are_all_walks(question):
    h, source, target = question
    assert directed_paths(h, source, target) == sorted(walks(h.arcs, source, target))


@given(questions())
def test_between_is_the_inside_of_all_walks(question):
    h, source, target = question
    inside = {node for walk in walks(h.arcs, source, target) for node in walk[1:-1]}
    found = between(h, source, target)
    assert set(found) == inside
    assert list(found) == [node for node in h.order() if node in inside]


@given(questions(), st.data())
def test_a_set_intercepts_when_it_meets_every_walk(question, data):
    h, source, target = question
    nodes = data.draw(st.sets(st.sampled_from(h.nodes)))
    met = all(nodes & set(walk) for walk in walks(h.arcs, source, target))
    assert intercepts(h, source, target, nodes) is met


@given(questions())
def test_a_hyperedge_intercepts_when_every_walk_uses_an_arc_of_its_own(question):
    h, source, target = question
    for edge in h.edges:
        others = [arc for other in h.edges if other != edge for arc in other.arcs]
        own = set(edge.arcs) - set(others)
        met = all(own & set(itertools.pairwise(walk)) for walk in walks(h.arcs, source, target))
        assert intercepts_without_edge(h, source, target, edge) is met


def test_in_the_posters_graph_noise_and_complexity_intercept_and_sharpness_does_not():
    found = {node: intercepts(POSTER, "B", "G", {node}) for node in "NSC"}
    assert found == {"N": True, "S": False, "C": True}


def test_in_the_posters_graph_every_hyperedge_but_noise_to_sharpness_intercepts():
    found = {str(e): intercepts_without_edge(POSTER, "B", "G", e) for e in POSTER.edges}
    assert found == {"B -> N": True, "N -> S": False, "{N, S} -> C": True, "C -> G": True}


def test_a_hyperedge_whose_arcs_others_carry_too_does_not_intercept():
    h = DirectedHypergraph.parse("N -> C; S -> C; {N, S} -> C; N -> S")
    assert not intercepts_without_edge(h, "N", "C", Hyperedge(("N", "S"), "C"))


def test_where_there_is_no_path_everything_intercepts():
    assert intercepts(POSTER, "G", "B", set())
    assert intercepts_without_edge(POSTER, "G", "B", POSTER.edges[0])
    assert directed_paths(POSTER, "G", "B") == []


def test_an_end_of_the_paths_is_on_every_path():
    assert intercepts(POSTER, "B", "G", {"G"})
    assert intercepts(POSTER, "B", "G", {"B"})


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: directed_paths(POSTER, "B", "Q"), "no node 'Q'"),
        (lambda: between(POSTER, "B", "B"), "both ends of the paths are 'B'"),
        (lambda: intercepts(POSTER, "B", "G", {"Q"}), "no node 'Q'"),
        (lambda: intercepts(POSTER, "B", "G", "NS"), "got the text 'NS': write {'NS'}"),
        (
            lambda: intercepts_without_edge(POSTER, "B", "G", Hyperedge(("N",), "C")),
            "no hyperedge 'N -> C'",
        ),
    ],
)
def test_a_question_about_what_is_not_there_is_refused(ask, message):
    with pytest.raises(GraphError, match=message):
        ask()
