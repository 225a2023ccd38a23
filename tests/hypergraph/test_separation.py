"""d-separation, implied independencies and districts against moralisation and the papers."""

import itertools

import networkx as nx
import pytest
from hypothesis import given, settings

from causalhyper.errors import GraphError
from causalhyper.hypergraph import (
    DirectedHypergraph,
    Independence,
    ancestors,
    descendants,
    districts,
    implied_independencies,
    separated,
)
from tests.hypergraph.strategies import hypergraphs

POSTER = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
BASIS = ["B ⟂ S | N", "B ⟂ C | N", "B ⟂ G | N", "N ⟂ G | C", "S ⟂ G | C"]


def separated_by_moralisation(h, x, y, given):
    """Lauritzen et al. (1990): separation in the moral graph of the ancestral set."""
    arcs = [*h.arcs, *((f"hidden {a} {b}", v) for a, b in h.latent for v in (a, b))]
    keep, before = {x, y, *given}, set()
    while keep != before:
        before = set(keep)
        keep |= {cause for cause, effect in arcs if effect in keep}
    moral = nx.Graph()
    moral.add_nodes_from(keep)
    for effect in keep:
        causes = [a for a, b in arcs if b == effect and a in keep]
        moral.add_edges_from((cause, effect) for cause in causes)
        moral.add_edges_from(itertools.combinations(causes, 2))
    moral.remove_nodes_from(given)
    return not nx.has_path(moral, x, y)


def every_subset(names):
    sizes = range(len(names) + 1)
    return itertools.chain.from_iterable(itertools.combinations(names, k) for k in sizes)


def test_the_posters_graph_implies_five_independencies():
    assert [str(i) for i in implied_independencies(POSTER)] == BASIS


def test_a_latent_common_cause_takes_away_what_its_path_opens():
    hidden = DirectedHypergraph.parse(f"{POSTER}; N <-> G")
    assert [str(i) for i in implied_independencies(hidden)] == [
        "B ⟂ S | N",
        "B ⟂ C | N",
        "S ⟂ G | N, C",
    ]


def test_the_m_structure_is_separated_by_nothing_and_joined_by_its_collider():
    h = DirectedHypergraph.parse("X -> Y; X <-> M; M <-> Y")
    m = DirectedHypergraph(h.edges[1:], h.nodes, h.latent)
    assert implied_independencies(m) == (Independence("X", "Y", ()),)
    assert not separated(m, "X", "Y", {"M"})


def test_a_pair_that_no_set_separates_has_no_independence_though_it_is_not_adjacent():
    h = DirectedHypergraph.parse("A -> B -> C -> D; B <-> D; A <-> C")
    assert ("A", "D") not in {(i.x, i.y) for i in implied_independencies(h)}
    assert not any(separated(h, "A", "D", s) for s in every_subset("BC"))


@settings(max_examples=60, deadline=None)
@given(hypergraphs(min_nodes=2, max_nodes=5))
def test_separation_is_that_of_the_moral_graph_of_the_ancestral_set(h):
    for x, y in itertools.combinations(h.nodes, 2):
        rest = [v for v in h.nodes if v not in (x, y)]
        for given_nodes in every_subset(rest):
            expected = separated_by_moralisation(h, x, y, given_nodes)
            assert separated(h, x, y, given_nodes) == expected
            assert separated(h, {y}, {x}, set(given_nodes)) == expected


@settings(max_examples=60, deadline=None)
@given(hypergraphs(min_nodes=2, max_nodes=5))
def test_each_pair_has_its_smallest_separating_set_or_none_at_all(h):
    found = {frozenset((i.x, i.y)): i for i in implied_independencies(h)}
    for x, y in itertools.combinations(h.order(), 2):
        rest = [v for v in h.order() if v not in (x, y)]
        sets = (s for s in every_subset(rest) if separated_by_moralisation(h, x, y, s))
        smallest = next(sets, None)
        independence = found.get(frozenset((x, y)))
        assert (independence.given if independence else None) == smallest


def test_sets_of_nodes_are_separated_when_all_their_members_are():
    assert separated(POSTER, {"B", "N"}, {"G"}, {"C"})
    assert not separated(POSTER, {"B", "C"}, {"G"}, {"N", "S"})


@pytest.mark.parametrize(
    ("x", "y", "given_nodes", "message"),
    [
        ("B", "Q", (), "no node 'Q'"),
        ("B", "S", "N", "got the text 'N'"),
        ("B", "B", (), "B stands in more than one"),
        ("B", "S", {"S"}, "S stands in more than one"),
        ((), "S", (), "got an empty one"),
    ],
)
def test_a_malformed_question_of_separation_is_refused(x, y, given_nodes, message):
    with pytest.raises(GraphError, match=message):
        separated(POSTER, x, y, given_nodes)


@given(hypergraphs())
def test_districts_part_the_nodes_and_hold_the_latent_pairs(h):
    parts = districts(h)
    assert sorted(v for part in parts for v in part) == sorted(h.nodes)
    place = {v: k for k, part in enumerate(parts) for v in part}
    assert all(place[a] == place[b] for a, b in h.latent)
    assert len(parts) >= len(h.nodes) - len(h.latent)


@given(hypergraphs())
def test_ancestors_and_descendants_hold_the_nodes_and_are_two_sides_of_one_relation(h):
    for one, other in itertools.product(h.nodes, repeat=2):
        assert (one in ancestors(h, {other})) == (other in descendants(h, {one}))
    assert ancestors(h, ()) == frozenset()
    assert set(h.nodes) == ancestors(h, h.nodes) == descendants(h, h.nodes)
