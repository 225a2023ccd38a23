import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalhyper.errors import GraphError
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.hypergraph.exports import from_dot, to_dot
from tests.hypergraph.strategies import hypergraphs

SPLIT = "N -> C; S -> C; {S, N} -> C; N <-> S; Z"


def as_written(h):
    return h.nodes, [(e.tail, e.head) for e in h.edges], h.latent


@given(hypergraphs())
def test_dot_keeps_nodes_hyperedges_and_latents_in_their_order(h):
    assert as_written(from_dot(to_dot(h))) == as_written(h)


@given(hypergraphs())
def test_equal_writing_gives_equal_dot(h):
    assert to_dot(h) == to_dot(DirectedHypergraph(h.edges, h.nodes, h.latent))


def test_names_that_are_words_of_dot_survive():
    h = DirectedHypergraph.parse("{node, Edge, digraph} -> strict; subgraph -> graph; θ -> a.b")
    assert as_written(from_dot(to_dot(h))) == as_written(h)


def test_only_causes_that_meet_get_a_junction_and_a_latent_is_dashed_with_two_heads():
    text = to_dot(DirectedHypergraph.parse("B -> N; {N, S} -> C; N <-> C"))
    assert text.count("kind=hyperedge") == 1
    assert "  B -> N;\n" in text
    assert "  C -> N [dir=both, style=dashed, constraint=false];\n" in text


PLAIN = {
    "digraph { B -> N; N -> S -> C }": "B -> N; N -> S; S -> C",
    "strict digraph name { B -> N B -> N }": "B -> N",
    "DiGraph { {N S} -> C }": "N -> C; S -> C",
    "digraph { N, S -> C }": "N -> C; S -> C",
    "digraph { {N; S} -> {C G}; Z }": "N -> C; N -> G; S -> C; S -> G; Z",
    "digraph { subgraph cluster_a { label=a; B -> N } -> S }": "B -> N; B -> S; N -> S",
    "digraph { N:e -> S:w:n [label=<a<b>c</b>>, weight=-1.5]; x=y }": "N -> S",
    '# by hand\ndigraph { // here\n B -> N /* there\n -> Z */; N -> "S\\\nC" }': "B -> N -> SC",
    'digraph { "gradient" + "_noise" -> layer.2 }': "gradient_noise -> layer.2",
    'digraph { node [shape=box]; edge [color="#ff0000"]; graph [rankdir=LR]; N -> S }': "N -> S",
    "dag { A <-> B; A -> C <- B }": "A -> C; B -> C; A <-> B",
    'dag {\nbb="0,0,1,1"\nA [exposure,pos="0,1"]\nU [latent]\nU -> A\nU -> Y\nA -> Y\n}': (
        "A -> Y; A <-> Y"
    ),
    'digraph { U[observed="no"]; U -> N; U -> G; N -> G; }': "N -> G; N <-> G",
    'digraph { "the weather" [observed="no"]; "the weather" -> {N G} }': "N <-> G",
    'digraph { subgraph { node [observed="no"]; U; W }; U -> {N G}; W -> N; S }': "N <-> G; S",
    "digraph { edge [dir=both]; A -> B; {edge [dir=forward] A -> B} }": "A -> B; A <-> B",
    "digraph { A -> B [dir=both]; B -> A [dir=both] }": "A <-> B",
    "digraph { e1 [kind=hyperedge]; {N S} -> e1 -> C }": "{N, S} -> C",
}


@pytest.mark.parametrize(("text", "meant"), PLAIN.items())
def test_dot_as_people_write_it_is_read(text, meant):
    assert from_dot(text) == DirectedHypergraph.parse(meant)


def test_the_order_of_hyperedges_is_that_of_the_text():
    h = from_dot("digraph { S -> C; {N S} -> e -> C; B -> N; e [kind=hyperedge] }")
    assert [str(e) for e in h.edges] == ["S -> C", "{N, S} -> C", "B -> N"]


def test_joint_merges_all_causes_of_a_node():
    assert str(from_dot("digraph { N -> S; {N S} -> C }", joint=True)) == "N -> S; {N, S} -> C"


def test_names_rename_what_no_node_can_be_called():
    h = from_dot('digraph { "batch size" -> 2 }', names={"batch size": "B", "2": "N"})
    assert str(h) == "B -> N"


REFUSED = {
    'digraph { "a b" -> N }': r"'a b' \(line 1, column 11\): no node can have .*'a b': 'a_b'",
    "digraph {\n  A -- B }": r"'--' \(line 2, column 5\): an undirected arc",
    "graph { A }": "an undirected graph names no causes",
    "A -> B": "expected 'digraph'",
    "digraph { A -> B": "end of the text .*a brace is not closed",
    "digraph { A -> }": "'}' .*expected a name",
    "digraph { A -> B } digraph { C }": "one graph at a time",
    "digraph { A [label=x }": "'}' .*expected a name",
    'digraph { "A -> B }': "the quote is not closed",
    "digraph { /* A -> B }": "the comment is not closed",
    "digraph { A [label=<b] }": "the angle bracket is not closed",
    "digraph { 1A -> B }": "starts with a digit needs quotes",
    "digraph { A -> B! }": "'!' .*no meaning in DOT",
    "digraph { A + B }": r"'\+' .*",
    'digraph { "A" + B }': "expected a quoted text behind",
    "digraph { A -> B [dir=back] }": "dir=back, so it does not point from cause to effect",
    "digraph { A -> A }": "'->' .*the head 'A' is among its own causes",
    "digraph { A <-> A }": "got 'A' twice",
    "digraph { A -> B -> A }": "has a cycle",
    "digraph { U [observed=maybe] }": "observed='maybe'; expected 'yes' or 'no'",
    "digraph { U [observed=no] }": "nothing is left",
    "digraph { }": "a hypergraph needs a node",
    "digraph { e [kind=hyperedge]; {N S} -> e }": "'e' .*has heads none; expected exactly one",
    "digraph { e [kind=hyperedge]; {N S} -> e -> {C G} }": "has heads C, G",
    "digraph { e [kind=hyperedge]; e -> C }": "'e' .*is empty",
    "digraph { e [kind=hyperedge]; f [kind=hyperedge]; A -> e -> f -> B }": "two hyperedges",
    "digraph { e [kind=hyperedge]; A <-> e }": "joins two nodes; got a hyperedge",
}


@pytest.mark.parametrize(("text", "message"), REFUSED.items())
def test_what_is_no_hypergraph_is_refused_with_its_place(text, message):
    with pytest.raises(GraphError, match=re.compile(message, re.DOTALL)):
        from_dot(text)


def test_a_name_to_replace_must_be_in_the_text():
    with pytest.raises(GraphError, match="no node 'batch', which 'names' renames"):
        from_dot("digraph { B -> N }", names={"batch": "B"})


@given(st.text('digraph{}[];,=:+<->"\\/*#\n ABkind"', max_size=40))
def test_any_text_is_read_or_refused_with_the_projects_error(text):
    for whole in (text, f"digraph {{ {text} }}"):
        try:
            from_dot(whole)
        except GraphError:
            continue
