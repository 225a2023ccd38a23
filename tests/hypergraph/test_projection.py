"""Latent projection: what it keeps."""

import networkx as nx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from causalhyper.errors import GraphError
from causalhyper.hypergraph import DirectedHypergraph, expanded
from causalhyper.hypergraph.projection import latent_projection
from tests.hypergraph.strategies import hypergraphs


@given(graph=hypergraphs(min_nodes=2), data=st.data())
def test_ancestors_among_the_nodes_that_stay_are_the_same(graph, data):
    node = data.draw(st.sampled_from(graph.nodes))
    found = latent_projection(graph, node)
    assert set(found.nodes) == set(graph.nodes) - {node}
    for v in found.nodes:
        before = nx.ancestors(expanded(graph), v) - {node}
        assert nx.ancestors(expanded(found), v) == before


@given(graph=hypergraphs(min_nodes=2), data=st.data())
def test_latent_pairs_are_those_joined_by_paths_through_what_is_hidden(graph, data):
    node = data.draw(st.sampled_from(graph.nodes))
    assume(not graph.latent)
    children = sorted(graph.children(node))
    pairs = {(a, b) for a in children for b in children if a < b}
    assert set(latent_projection(graph, node).latent) == pairs


@pytest.mark.parametrize(
    ("text", "node", "expected"),
    [
        ("B -> N; N -> S; {N, S} -> C", "S", "B -> N; N -> C"),
        ("Z -> N; Z -> G; N -> G", "Z", "N -> G; G <-> N"),
        ("M -> C; M <-> X; X -> C", "M", "X -> C; C <-> X"),
        ("A -> M; B -> M; M -> C", "M", "{A, B} -> C"),
        ("A -> M; M <-> C", "M", "A; C"),
    ],
)
def test_examples_of_projections(text, node, expected):
    found = latent_projection(DirectedHypergraph.parse(text), node)
    assert found == DirectedHypergraph.parse(expected)


def test_the_only_node_cannot_be_left_out():
    with pytest.raises(GraphError, match="the only node"):
        latent_projection(DirectedHypergraph.parse("B"), "B")
