"""Local Markov conditions and permutations of nodes."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.errors import GraphError
from causalhyper.hypergraph import DirectedHypergraph, descendants, local_conditions, separated
from causalhyper.hypergraph.local_markov import (
    all_permutations,
    count_permutations,
    random_permutations,
    rename_condition,
)
from tests.hypergraph.strategies import hypergraphs

PAPERS = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")


def test_the_local_conditions_of_the_papers_graph_are_those_read_off_by_hand():
    assert [str(one) for one in local_conditions(PAPERS)] == [
        "S ⟂ B | N",
        "C ⟂ B | N, S",
        "G ⟂ B | C",
        "G ⟂ N | C",
        "G ⟂ S | C",
    ]


@settings(max_examples=40)
@given(hypergraphs())
def test_every_local_condition_is_implied(h):
    for one in local_conditions(h):
        assert separated(h, one.x, one.y, one.given)


@settings(max_examples=40)
@given(hypergraphs())
def test_without_latent_pairs_each_node_meets_every_non_descendant_but_its_causes(h):
    bare = DirectedHypergraph(h.edges, h.nodes)
    found = {(one.x, one.y): one.given for one in local_conditions(bare)}
    for x in bare.nodes:
        others = set(bare.nodes) - descendants(bare, {x}) - set(bare.parents(x))
        assert {y for a, y in found if a == x} == others
        assert all(set(found[x, y]) == set(bare.parents(x)) for y in others)


@settings(max_examples=40)
@given(hypergraphs(), st.randoms(use_true_random=False))
def test_conditions_of_a_renamed_hypergraph_are_the_renamed_conditions(h, random):
    names = dict(zip(h.nodes, random.sample(h.nodes, len(h.nodes)), strict=True))
    text = "; ".join(
        [
            *(
                "{" + ", ".join(names[t] for t in e.tail) + "} -> " + names[e.head]
                for e in h.edges
            ),
            *(f"{names[a]} <-> {names[b]}" for a, b in h.latent),
            *h.nodes,
        ]
    )
    renamed = {rename_condition(one, names) for one in local_conditions(h)}
    expected = local_conditions(DirectedHypergraph.parse(text))
    assert {(c.x, c.y, frozenset(c.given)) for c in renamed} == {
        (c.x, c.y, frozenset(c.given)) for c in expected
    }


def test_all_permutations_are_those_of_itertools_in_its_order():
    found = [tuple(p.values()) for p in all_permutations("BNSC", ())]
    assert found == list(permutations("BNSC"))


def test_kept_nodes_stay_in_place_and_the_others_take_every_order():
    found = [tuple(p.values()) for p in all_permutations("BNSC", "NC")]
    assert found == [("B", "N", "S", "C"), ("S", "N", "B", "C")]
    assert count_permutations("BNSC", "NC") == 2


def test_random_permutations_are_uniform_and_keep_what_is_kept():
    drawn = list(random_permutations("BNSC", "B", 6000, np.random.default_rng(0)))
    found = ["".join(p.values()) for p in drawn]
    counts = np.array([found.count("B" + "".join(p)) for p in permutations("NSC")])
    assert counts.sum() == 6000
    # chi-square with 5 degrees of freedom: 20.5 is its 99.9% point
    assert ((counts - 1000) ** 2 / 1000).sum() < 20.5


def test_a_kept_node_that_is_none_is_refused():
    with pytest.raises(GraphError, match="no node X to keep; the nodes are B, N"):
        count_permutations(("B", "N"), ("X",))
