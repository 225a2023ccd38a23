import pytest
from hypothesis import given

from causalhyper.errors import GraphError
from causalhyper.hypergraph import DirectedHypergraph, Hyperedge
from tests.hypergraph.strategies import hypergraphs

POSTER = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")


@given(hypergraphs())
def test_every_hypergraph_is_read_back_from_its_print(h):
    again = DirectedHypergraph.parse(str(h))
    assert again == h
    assert str(again) == str(h)


@pytest.mark.parametrize(
    "text",
    [
        "B→N;N→S;{N,S}→C;C→G",
        "B -> N -> S; {N, S} -> C -> G",
        "B -> N\nN -> S\n{N, S} -> C\nC -> G\n",
        "# the poster\nB -> N # noise; not read\n\n N -> S;\t{ N , S } -> C;; C -> G;",
        "{B} -> N; N -> {S}; {N, S} -> C; C -> G",
        "B -> N\r\nN -> S; {S, N} -> C; C -> G",
    ],
)
def test_the_posters_graph_can_be_written_in_many_ways(text):
    assert DirectedHypergraph.parse(text) == POSTER


def test_a_bare_name_declares_an_isolated_node():
    h = DirectedHypergraph.parse("Z; B -> N; B")
    assert h.edges == (Hyperedge(("B",), "N"),)
    assert h.roots() == ("B", "Z")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "N, S -> C",
            "cannot read 'N, S -> C' (line 1, column 1): a tail of several causes needs"
            " braces: write {N, S} -> C",
        ),
        (
            "B -> N;  {N, S} -> {A, B}",
            "'{N, S} -> {A, B}' (line 1, column 10): single heads: write one hyperedge a head",
        ),
        ("B -> {N, S} -> C", "single heads: write one hyperedge a head"),
        ("B -> N, S", "single heads: write one hyperedge a head"),
        (
            "B -> N\n  N <-> N",
            "'N <-> N' (line 2, column 3): a latent common cause joins two different nodes",
        ),
        ("N <-> S <-> G", "write A <-> B; B <-> C for a chain"),
        ("B -> N ↔ G", "stands in a piece of its own"),
        ("{N, S} <-> G", "joins two nodes: write one pair a piece"),
        ("N <->", "the node, right of <->, is missing"),
        ("↔ N", "the node, left of <->, is missing"),
        ("N <-> 1G", "the name '1G' is not valid"),
        ("N <-> G; G ↔ N", "the latent pair 'G <-> N' is given twice"),
        ("N <- B", "write the cause first"),
        ("", "names no hyperedge"),
        (" ; # nothing\n", "names no hyperedge"),
        ("B ->", "the effect, right of the arrow, is missing"),
        ("-> N", "the cause, left of the arrow, is missing"),
        ("B -> -> N", "the effect, right of the arrow, is missing"),
        ("{} -> N", "the braces are empty"),
        ("{N, S -> C", "the braces do not match"),
        ("{N, {S}} -> C", "the braces do not match"),
        ("N S -> C", "parted by single commas"),
        ("{N,, S} -> C", "parted by single commas"),
        ("{N, S,} -> C", "parted by single commas"),
        (", -> C", "parted by single commas"),
        ("B N", "no arrow; expected such as"),
        ("{Z}", "no arrow"),
        ("1B -> N", "the name '1B' is not valid"),
        ("3", "the name '3' is not valid"),
        ("B => N", "'=' at column 3 has no meaning here"),
        ("C -> G; B ~ N", "'~' at column 11 has no meaning here"),
        ("{N, N} -> C", "'{N, N} -> C' (line 1, column 1): the tail names 'N' twice"),
        ("N -> N", "cannot cause itself"),
        ("A -> B; B -> C -> A", "has a cycle, A -> B -> C -> A"),
        ("A -> B -> A", "has a cycle, A -> B -> A"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_with_the_piece_and_the_remedy(text, message):
    with pytest.raises(GraphError) as caught:
        DirectedHypergraph.parse(text)
    assert message in str(caught.value)


def test_a_latent_common_cause_is_written_with_a_double_arrow_and_printed_after_the_effects():
    h = DirectedHypergraph.parse("G ↔ N; B -> N; N -> G; {Z} <-> Y; X")
    assert h.latent == (("G", "N"), ("Y", "Z"))
    assert h.edges == (Hyperedge(("B",), "N"), Hyperedge(("N",), "G"))
    assert str(h) == "B -> N; N -> G; N <-> G; Y <-> Z; X"


def test_only_a_text_can_be_parsed():
    with pytest.raises(GraphError, match=r"expected a text such as .*; got list"):
        DirectedHypergraph.parse(["B -> N"])
