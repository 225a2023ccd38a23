import networkx as nx
import pytest
from hypothesis import given

from causalhyper.errors import GraphError
from causalhyper.hypergraph import DirectedHypergraph, bipartite, expanded
from causalhyper.hypergraph.exports import canonical, from_networkx, join_tails
from tests.hypergraph.strategies import hypergraphs


@given(hypergraphs())
def test_the_bipartite_graph_is_read_back(h):
    again = from_networkx(bipartite(h))
    assert (again, [e.tail for e in again.edges]) == (h, [e.tail for e in h.edges])


@given(hypergraphs())
def test_the_canonical_graph_gives_back_arcs_and_latents(h):
    again = from_networkx(canonical(h))
    assert set(again.arcs) == set(h.arcs)
    assert all(len(edge.tail) == 1 for edge in again.edges)
    assert (set(again.nodes), set(again.latent)) == (set(h.nodes), set(h.latent))


@given(hypergraphs())
def test_joint_makes_one_hyperedge_of_all_arcs_into_a_node(h):
    again = from_networkx(expanded(h), joint=True)
    assert set(expanded(again).edges) == set(expanded(h).edges)
    assert len(again.edges) == len({edge.head for edge in h.edges})
    assert join_tails(h) == from_networkx(canonical(h), joint=True)


def test_the_name_of_a_latent_cause_gives_way_to_a_node_of_that_name():
    h = DirectedHypergraph.parse("U_A_B -> A; A <-> B; U_A_B <-> A")
    graph = canonical(h)
    assert [v for v, seen in graph.nodes(data="observed") if seen == "no"] == [
        "U_A_B_",
        "U_A_U_A_B",
    ]
    assert from_networkx(graph) == h


def test_unmeasured_nodes_of_any_name_are_projected_out():
    graph = nx.DiGraph([(0, "N"), (0, "G"), ("N", "G")])
    graph.nodes[0]["observed"] = "no"
    assert str(from_networkx(graph)) == "N -> G; N <-> G"


def test_latent_pairs_of_the_graph_are_read():
    graph = nx.DiGraph([("N", "G")], latent=[("N", "G")])
    assert str(from_networkx(graph)) == "N -> G; N <-> G"


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (nx.Graph([("B", "N")]), "expected a networkx.DiGraph; got Graph"),
        (nx.MultiDiGraph([("B", "N")]), "merge parallel arcs by networkx.DiGraph"),
        ("B -> N", "expected a networkx.DiGraph; got str$"),
        (nx.DiGraph([(1, 2)]), "the name 1 is not valid.*networkx.relabel_nodes"),
        (nx.DiGraph([("B", "N"), ("N", "B")]), "has a cycle"),
        (nx.DiGraph(), "needs a node"),
    ],
)
def test_a_graph_that_is_no_hypergraph_is_refused(graph, message):
    with pytest.raises(GraphError, match=message):
        from_networkx(graph)
