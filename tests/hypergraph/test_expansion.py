import itertools
import json

import networkx as nx
import pytest
from hypothesis import given

from causalhyper.errors import GraphError
from causalhyper.hypergraph import (
    DirectedHypergraph,
    Factor,
    bipartite,
    expanded,
    factors,
    from_bipartite,
)
from tests.hypergraph.strategies import hypergraphs

POSTER = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")


def test_the_posters_graph_has_the_posters_factors():
    text = " ".join(str(factor) for factor in factors(POSTER))
    assert text == "P(B) P(N | B) P(S | N) P(C | N, S) P(G | C)"


def test_tails_into_one_node_make_one_joint_parent_factor():
    h = DirectedHypergraph.parse("N -> C; S -> C; {N, S} -> C")
    assert factors(h)[-1] == Factor("C", ("N", "S"))


@given(hypergraphs())
def test_there_is_one_factor_a_node_and_parents_come_first(h):
    found = factors(h)
    assert sorted(factor.head for factor in found) == sorted(h.nodes)
    for place, factor in enumerate(found):
        assert set(factor.parents) <= {earlier.head for earlier in found[:place]}


@given(hypergraphs())
def test_the_expansion_has_an_arc_from_each_cause_in_each_tail(h):
    graph = expanded(h)
    arcs = {arc for e in h.edges for arc in itertools.product(e.tail, [e.head])}
    assert set(graph.edges) == arcs
    assert tuple(graph) == h.order()
    assert nx.is_directed_acyclic_graph(graph)


@given(hypergraphs())
def test_the_bipartite_graph_is_read_back_with_the_tails_as_written(h):
    again = from_bipartite(bipartite(h))
    assert again == h
    assert [e.tail for e in again.edges] == [e.tail for e in h.edges]


@given(hypergraphs())
def test_the_bipartite_graph_survives_json_and_has_one_junction_a_hyperedge(h):
    graph = bipartite(h)
    parts = [list(graph.nodes.items()), list(graph.edges.items()), graph.graph]
    nodes, arcs, whole = json.loads(json.dumps(parts))
    again = nx.DiGraph(**whole)
    again.add_nodes_from((name, data) for name, data in nodes)
    again.add_edges_from((*arc, data) for arc, data in arcs)
    assert from_bipartite(again) == h
    assert nx.bipartite.is_bipartite(graph)
    assert sum(kind == "hyperedge" for _, kind in graph.nodes(data="kind")) == len(h.edges)


def test_latent_pairs_travel_with_the_bipartite_graph_and_not_with_the_expansion():
    h = DirectedHypergraph.parse("{N, S} -> C; N <-> C")
    assert bipartite(h).graph["latent"] == (("C", "N"),)
    assert set(expanded(h).edges) == {("N", "C"), ("S", "C")}
    graph = bipartite(h)
    graph.graph["latent"] = (("N", "Z"),)
    with pytest.raises(GraphError, match="'Z', which is no node"):
        from_bipartite(graph)


def test_junctions_of_any_name_and_without_positions_are_read():
    graph = nx.DiGraph([("N", "e1"), ("S", "e1"), ("e1", "C")])
    nx.set_node_attributes(graph, {n: "hyperedge" if n == "e1" else "node" for n in graph}, "kind")
    assert str(from_bipartite(graph)) == "{N, S} -> C"


def _graph(arcs, kinds):
    graph = nx.DiGraph()
    for name, kind in kinds.items():
        graph.add_node(name, kind=kind)
    graph.add_edges_from(arcs)
    return graph


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (nx.DiGraph([("B", "N")]), "the node 'B' has kind None"),
        (nx.Graph([("B", "N")]), "expected a networkx.DiGraph; got Graph"),
        (_graph([("B", "N")], {"B": "node", "N": "node"}), "joins two of kind 'node'"),
        (_graph([("B", "e")], {"B": "node", "e": "hyperedge"}), "has heads .*exactly one"),
        (_graph([("e", "N")], {"N": "node", "e": "hyperedge"}), "is empty"),
    ],
)
def test_a_graph_that_is_no_bipartite_hypergraph_is_refused(graph, message):
    with pytest.raises(GraphError, match=message):
        from_bipartite(graph)
