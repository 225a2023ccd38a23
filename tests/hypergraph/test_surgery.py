"""Surgery removes the arcs and latent pairs that it names, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalhyper.errors import GraphError
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.hypergraph.surgery import (
    subgraph,
    without_arcs,
    without_causes,
    without_effects,
)
from tests.hypergraph.strategies import hypergraphs


@given(hypergraphs(), st.data())
def test_each_surgery_keeps_exactly_the_arcs_and_pairs_it_should(h, data):
    some = set(data.draw(st.lists(st.sampled_from(h.nodes), min_size=1)))
    inner, barred, silent = subgraph(h, some), without_causes(h, some), without_effects(h, some)
    assert set(inner.nodes) == some
    assert set(inner.arcs) == {a for a in h.arcs if set(a) <= some}
    assert set(inner.latent) == {p for p in h.latent if set(p) <= some}
    assert set(barred.arcs) == {a for a in h.arcs if a[1] not in some}
    assert set(barred.latent) == {p for p in h.latent if not set(p) & some}
    assert set(silent.arcs) == {a for a in h.arcs if a[0] not in some}
    assert silent.latent == h.latent
    assert set(barred.nodes) == set(silent.nodes) == set(h.nodes)
    cut = set(data.draw(st.lists(st.sampled_from(h.arcs)))) if h.arcs else set()
    assert set(without_arcs(h, cut).arcs) == set(h.arcs) - cut


@given(hypergraphs())
def test_surgery_on_everything_or_nothing_is_as_expected(h):
    assert subgraph(h, h.nodes) == without_causes(h, ()) == without_effects(h, ()) == h
    assert without_causes(h, h.nodes).arcs == without_effects(h, h.nodes).arcs == ()


def test_joint_causes_stay_joint_where_they_stay():
    h = DirectedHypergraph.parse("{N, S, B} -> C; {N, S} -> C")
    assert str(subgraph(h, {"N", "S", "C"})) == "{N, S} -> C"


@pytest.mark.parametrize("surgery", [subgraph, without_causes, without_effects])
def test_unknown_nodes_and_texts_are_refused(surgery):
    h = DirectedHypergraph.parse("B -> N")
    with pytest.raises(GraphError, match="no node 'Q'"):
        surgery(h, {"Q"})
    with pytest.raises(GraphError, match="got the text 'B'"):
        surgery(h, "B")
