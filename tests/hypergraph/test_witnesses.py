"""Witnesses against their definitions over an enumeration of every walk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalhyper.errors import GraphError
from causalhyper.hypergraph import (
    DirectedHypergraph,
    induced_confounders,
    recanting_witnesses,
)
from tests.hypergraph.strategies import hypergraphs
from tests.hypergraph.test_paths import walks

POSTER = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")


@st.composite
def mediation_questions(draw, max_mediators=None):
    h = draw(hypergraphs(min_nodes=3))
    treatment, outcome, *rest = draw(st.permutations(h.nodes))
    mediators = draw(st.sets(st.sampled_from(rest), min_size=1, max_size=max_mediators))
    return h, treatment, mediators, outcome


def test_in_the_posters_graph_noise_is_the_recanting_witness_for_sharpness():
    assert recanting_witnesses(POSTER, "B", {"S"}, "G") == ("N",)
    assert induced_confounders(POSTER, "B", {"S"}, "G") == ("N",)


@pytest.mark.parametrize(
    ("treatment", "mediators"), [("N", {"S"}), ("B", {"N"}), ("B", {"C"}), ("B", {"N", "S"})]
)
def test_in_the_posters_graph_other_splits_are_identified(treatment, mediators):
    assert recanting_witnesses(POSTER, treatment, mediators, "G") == ()


def test_a_node_reached_only_through_a_mediator_confounds_but_does_not_recant():
    h = DirectedHypergraph.parse("A -> M -> W -> K; {M, W, K} -> Y")
    assert induced_confounders(h, "A", {"M", "K"}, "Y") == ("W",)
    assert recanting_witnesses(h, "A", {"M", "K"}, "Y") == ()


def test_a_mediator_that_does_not_reach_the_outcome_makes_no_witness():
    h = DirectedHypergraph.parse("A -> W; W -> M; W -> Y")
    assert recanting_witnesses(h, "A", {"M"}, "Y") == ()


@given(mediation_questions())
def test_a_witness_exists_when_one_first_arc_begins_a_path_through_and_a_path_around(question):
    h, treatment, mediators, outcome = question
    found = walks(h.arcs, treatment, outcome)
    through = {walk[1] for walk in found if mediators & set(walk)}
    around = {walk[1] for walk in found if not mediators & set(walk)}
    assert bool(recanting_witnesses(h, treatment, mediators, outcome)) is bool(through & around)


@given(mediation_questions())
def test_witnesses_are_the_last_shared_nodes_or_before_of_paths_that_part(question):
    h, treatment, mediators, outcome = question
    witnesses = []
    for node in h.order():
        if node in {treatment, outcome, *mediators}:
            continue
        onward = walks(h.arcs, node, outcome)
        reached = any(not mediators & set(w) for w in walks(h.arcs, treatment, node))
        through = any(mediators & set(w) for w in onward)
        around = any(not mediators & set(w) for w in onward)
        if reached and through and around:
            witnesses.append(node)
    assert recanting_witnesses(h, treatment, mediators, outcome) == tuple(witnesses)


@given(mediation_questions())
def test_induced_confounders_satisfy_their_definition(question):
    h, treatment, mediators, outcome = question
    confounders = [
        node
        for node in h.order()
        if node not in {treatment, outcome, *mediators}
        and walks(h.arcs, treatment, node)
        and any(walks(h.arcs, node, mediator) for mediator in mediators)
        and any(not mediators & set(w) for w in walks(h.arcs, node, outcome))
    ]
    assert induced_confounders(h, treatment, mediators, outcome) == tuple(confounders)


@given(mediation_questions(max_mediators=1))
def test_with_one_mediator_of_the_effect_witnesses_and_induced_confounders_agree(question):
    h, treatment, mediators, outcome = question
    if all(walks(h.arcs, mediator, outcome) for mediator in mediators):
        witnesses = recanting_witnesses(h, treatment, mediators, outcome)
        assert witnesses == induced_confounders(h, treatment, mediators, outcome)


@pytest.mark.parametrize("end", ["B", "G"])
def test_an_end_of_the_effect_cannot_be_a_mediator(end):
    with pytest.raises(GraphError, match=f"'{end}' is an end of the effect"):
        recanting_witnesses(POSTER, "B", {"S", end}, "G")


def test_mediators_must_be_a_set_of_nodes():
    with pytest.raises(GraphError, match="got the text 'S'"):
        recanting_witnesses(POSTER, "B", "S", "G")
    with pytest.raises(GraphError, match="no node 'Q'"):
        induced_confounders(POSTER, "B", {"Q"}, "G")
