import itertools

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalhyper.errors import GraphError
from causalhyper.hypergraph import DirectedHypergraph, project_out
from tests.hypergraph.strategies import hypergraphs


def with_roots(h):
    """The expanded graph, each latent pair a root: written here, apart from the library's."""
    graph = nx.DiGraph()
    graph.add_nodes_from(h.nodes)
    graph.add_edges_from((cause, e.head) for e in h.edges for cause in e.tail)
    graph.add_edges_from((pair, end) for pair in h.latent for end in pair)
    return graph


@given(hypergraphs(min_nodes=3, max_nodes=5), st.data())
def test_the_projection_implies_the_same_independencies_of_what_is_measured(h, data):
    hidden = data.draw(st.sets(st.sampled_from(h.nodes), max_size=len(h.nodes) - 2))
    left = project_out(h, hidden)
    assert set(left.nodes) == set(h.nodes) - hidden
    before, after = with_roots(h), with_roots(left)
    for a, b in itertools.combinations(left.nodes, 2):
        others = [v for v in left.nodes if v not in (a, b)]
        for size in range(len(others) + 1):
            for given_ in itertools.combinations(others, size):
                expected = nx.is_d_separator(before, {a}, {b}, set(given_))
                assert nx.is_d_separator(after, {a}, {b}, set(given_)) == expected


@given(hypergraphs(min_nodes=3, max_nodes=5), st.data())
def test_what_causes_what_is_kept(h, data):
    hidden = data.draw(st.sets(st.sampled_from(h.nodes), max_size=len(h.nodes) - 2))
    left = project_out(h, hidden)
    before, after = with_roots(h), with_roots(left)
    for v in left.nodes:
        assert nx.descendants(after, v) == nx.descendants(before, v) - hidden


@given(hypergraphs())
def test_projecting_nothing_out_changes_nothing(h):
    assert project_out(h, ()) == h


@pytest.mark.parametrize(
    ("text", "hidden", "left"),
    [
        ("B -> N; {N, S} -> C", "N", "{B, S} -> C"),
        ("A -> N; B -> N; N -> S", "N", "{A, B} -> S"),
        ("U -> N; {U, N} -> G", "U", "N -> G; N <-> G"),
        ("U <-> N; U -> G", "U", "N <-> G"),
        ("A <-> U; U <-> B", "U", "A; B"),
        ("U -> A; U -> B; U -> C", "U", "A <-> B; A <-> C; B <-> C"),
        ("U -> W; U -> A; W -> B", "UW", "A <-> B"),
        ("B -> S; N -> S; N -> C; B -> N", "N", "B -> S; B -> C; S <-> C"),
    ],
)
def test_projections_by_hand(text, hidden, left):
    assert project_out(DirectedHypergraph.parse(text), hidden) == DirectedHypergraph.parse(left)


def test_some_node_must_be_left():
    with pytest.raises(GraphError, match="needs a node"):
        project_out(DirectedHypergraph.parse("B -> N"), ["B", "N"])
