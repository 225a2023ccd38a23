"""Natural and path-specific effects against enumeration, and their witnesses."""

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.errors import GraphError
from causalhyper.hypergraph import DirectedHypergraph, districts
from causalhyper.hypergraph.surgery import subgraph
from causalhyper.identification import (
    evaluate,
    identify_effect,
    natural_effects,
    path_specific_effect,
)
from tests.identification.worlds import World, mixed_graphs

POSTER = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")


def graph_of(h):
    graph = nx.DiGraph(h.arcs)
    graph.add_nodes_from(h.nodes)
    return graph


def split_by_paths(h, x, y, on):
    """The treatment's children with a path that `on` accepts, and with one that it does not."""
    ways = list(nx.all_simple_paths(graph_of(h), x, y))
    return {w[1] for w in ways if on(w)}, {w[1] for w in ways if not on(w)}


def forbidden_by_definition(h, x, y, one, other):
    """Shpitser (2013): a district of what reaches the outcome holds a child of each kind."""
    rest = graph_of(h)
    rest.remove_node(x)
    above = {y, *nx.ancestors(rest, y)}
    parts = districts(subgraph(h, above))
    return any(one.intersection(p) and other.intersection(p) for p in parts)


def assert_answer(h, x, y, found, first, second, seed):
    """`first` hears the treatment at b and `second` at b*."""
    total = identify_effect(h, {x}, {y}).identified
    possible = total and not forbidden_by_definition(h, x, y, first, second)
    assert found.identified == possible
    if possible:
        world = World(h, seed)
        twin = f"{x.lower()}*"
        keep = [y, x, twin] if twin in str(found.estimand) else [y, x]
        value = evaluate(found.estimand, world.joint(), h.order(), keep)
        truth = world.nested(x, y, second)
        value = value if len(keep) == 3 else value[:, :, None]
        np.testing.assert_allclose(np.broadcast_to(value, truth.shape), truth, rtol=1e-8)
    else:
        assert found.witness.split()[0] in ("recanting", "hedge")


@settings(max_examples=80, deadline=None)
@given(mixed_graphs(max_latent=3), st.data())
def test_natural_effects_are_the_truth_or_forbidden_by_a_recanting_district(h, data):
    x, y, *rest = data.draw(st.permutations(h.nodes))
    mediators = set(rest[: data.draw(st.integers(1, len(rest)))])
    second, first = split_by_paths(h, x, y, lambda way: mediators.intersection(way))
    found = natural_effects(h, x, mediators, y)
    assert_answer(h, x, y, found, first, second, data.draw(st.integers(0, 10_000)))


@settings(max_examples=80, deadline=None)
@given(mixed_graphs(max_latent=3), st.data())
def test_path_specific_effects_are_the_truth_or_forbidden_by_a_recanting_district(h, data):
    x, y, *_ = data.draw(st.permutations(h.nodes))
    ways = [tuple(way) for way in nx.all_simple_paths(graph_of(h), x, y)]
    if ways:
        chosen = data.draw(st.lists(st.sampled_from(ways), min_size=1, unique=True))
        first, second = split_by_paths(h, x, y, lambda way: tuple(way) in chosen)
        found = path_specific_effect(h, x, y, chosen)
        assert_answer(h, x, y, found, first, second, data.draw(st.integers(0, 10_000)))


def test_the_effect_through_sharpness_has_noise_as_recanting_witness():
    found = natural_effects(POSTER, "B", {"S"}, "G")
    assert found.witness == "recanting witness N"
    assert "N would have to carry two values of B in one world" in found.sentence


def test_noise_itself_as_mediator_is_identified_and_leaves_no_direct_effect():
    found = natural_effects(POSTER, "B", {"N"}, "G")
    assert str(found.estimand) == "Σ_{c, n, s} P(g | c) P(c | n, s) P(s | n) P(n | b*)"
    assert found.sentence == "every directed path goes through N: the direct effect is 0"


def test_a_mediator_further_down_the_only_path_is_identified_and_carries_everything():
    h = DirectedHypergraph.parse("X -> W -> M -> Y")
    found = natural_effects(h, "X", {"M"}, "Y")
    assert str(found.estimand) == "Σ_{m, w} P(y | m) P(m | w) P(w | x*)"
    assert found.sentence == "every directed path goes through M: the direct effect is 0"


def test_mediators_together_may_be_identified_where_one_alone_is_not():
    assert natural_effects(POSTER, "B", {"N", "S"}, "G").identified
    assert not natural_effects(POSTER, "B", {"S"}, "G").identified


def test_a_node_that_is_not_on_the_way_leaves_no_indirect_effect():
    h = DirectedHypergraph.parse("X -> Y; Z -> Y")
    found = natural_effects(h, "X", {"Z"}, "Y")
    assert found.sentence == "no directed path goes through Z: the indirect effect is 0"


def test_without_a_directed_path_every_effect_is_zero():
    h = DirectedHypergraph.parse("Y -> M -> X; Y <-> X")
    found = natural_effects(h, "X", {"M"}, "Y")
    assert str(found.estimand) == "P(y)"
    assert "no directed path leads from X to Y: every effect is zero" in found.sentence


def test_a_latent_cause_of_mediator_and_outcome_makes_a_recanting_district():
    h = DirectedHypergraph.parse("X -> M; {X, M} -> Y; M <-> Y")
    assert natural_effects(h, "X", {"M"}, "Y").witness == "recanting district {M, Y}"
    assert identify_effect(h, {"X"}, {"Y"}).identified


def test_two_models_agree_on_every_intervention_and_differ_across_a_recanting_district():
    """With hidden bits u and w, M is u at X = 0; Y at X = 1 is M xor u, or else M xor w.

    So one unit's Y(1, M(0)) is always 0 in the first model and a fair bit in the second.
    """
    h = DirectedHypergraph.parse("X -> M; {X, M} -> Y; M <-> Y")
    pair, worlds = ("M", "Y"), []
    for bit in (0, 1):
        world = World(h, 0)
        world.sizes = {"X": 2, "M": 2, "Y": 2, pair: 4}
        m, y = np.full((2, 4, 2), 0.5), np.full((2, 2, 4, 2), 0.5)
        for hidden, value in itertools.product(range(4), range(2)):
            bits = (hidden % 2, hidden // 2)
            m[0, hidden] = np.eye(2)[bits[0]]
            y[1, value, hidden] = np.eye(2)[value ^ bits[bit]]
        world.tables = {
            pair: ([pair], np.full(4, 0.25)),
            "X": (["X"], np.array([0.5, 0.5])),
            "M": (["X", pair, "M"], m),
            "Y": (["X", "M", pair, "Y"], y),
        }
        worlds.append(world)
    one, other = worlds
    np.testing.assert_array_equal(one.joint(), other.joint())
    for x, y in ((["X"], ["M", "Y"]), (["X", "M"], ["Y"]), (["M"], ["X", "Y"])):
        np.testing.assert_array_equal(one.do(x, y), other.do(x, y))
    assert one.nested("X", "Y", {"M"})[1, 1, 0] == 0
    assert other.nested("X", "Y", {"M"})[1, 1, 0] == 0.5


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([], "no path is given"),
        ([("B", "S", "G")], "B -> S -> G is no directed path from 'B' to 'G'"),
        ([("N", "C", "G")], "is no directed path from 'B'"),
        (["BNG"], "got the text"),
        ([()], "is no directed path"),
        ([("B", "Q", "G")], "no node 'Q'"),
    ],
)
def test_what_is_no_path_is_refused(paths, message):
    with pytest.raises(GraphError, match=message):
        path_specific_effect(POSTER, "B", "G", paths)


def test_natural_effects_without_a_mediator_are_refused():
    with pytest.raises(GraphError, match="name at least one"):
        natural_effects(POSTER, "B", (), "G")
