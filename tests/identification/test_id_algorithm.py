"""The ID algorithm against enumeration of hidden causes, and its hedges against two models."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.errors import GraphError
from causalhyper.hypergraph import DirectedHypergraph, ancestors, districts
from causalhyper.hypergraph.surgery import subgraph, without_causes
from causalhyper.identification import evaluate, identify_effect
from tests.identification.worlds import World, mixed_graphs

POSTER = "B -> N; N -> S; {N, S} -> C; C -> G"
IDENTIFIED = {
    "the poster's graph": (POSTER, "B", "G", "Σ_{c, n, s} P(g | c) P(c | n, s) P(s | n) P(n | b)"),
    "back-door": ("Z -> X; Z -> Y; X -> Y", "X", "Y", "Σ_{z} P(y | z, x) P(z)"),
    "front-door (Pearl 1995)": (
        "X -> Z -> Y; X <-> Y",
        "X",
        "Y",
        "Σ_{z} P(z | x) Σ_{x′} P(y | x′, z) P(x′)",
    ),
    "napkin (Pearl and Mackenzie 2018)": (
        "W -> Z -> X -> Y; W <-> X; W <-> Y",
        "X",
        "Y",
        "[Σ_{w} P(y | w, z, x) P(x | w, z) P(w)] / [Σ_{w} P(x | w, z) P(w)]",
    ),
    "M-bias": ("X -> Y; X <-> M; M <-> Y", "X", "Y", "P(y | x)"),
    "Verma (Tian and Pearl 2002)": (
        "A -> B -> C -> D; B <-> D",
        "C",
        "D",
        "Σ_{b} P(d | a, b, c) P(b | a)",
    ),
    "a descendant of the outcome": ("X -> Y -> D; X <-> D", "X", "Y", "P(y | x)"),
    "no effect": ("X <-> Y; Z -> Y; Y -> X", "X", "Y", "P(y)"),
}
HEDGES = {
    "bow": ("X -> Y; X <-> Y", "X", "Y", "F = {X, Y}, F′ = {Y}"),
    "instrument": ("Z -> X -> Y; X <-> Y", "X", "Y", "F = {X, Y}, F′ = {Y}"),
    "latent mediator-outcome cause beside a bow": (
        f"{POSTER}; N <-> G; B <-> N",
        "B",
        "G",
        "F = {B, N, G}, F′ = {N, G}",
    ),
    "latent causes along a chain": (
        "X -> M -> Y; X <-> M; M <-> Y",
        "X",
        "Y",
        "F = {X, M, Y}, F′ = {M, Y}",
    ),
    "a bidirected path to a child (Tian and Pearl 2002)": (
        "X -> A; A -> Y; X <-> B; B <-> A; B -> Y",
        "X",
        "Y",
        "F = {B, X, A}, F′ = {B, A}",
    ),
}


@pytest.mark.parametrize("name", IDENTIFIED)
def test_the_textbook_case_has_its_estimand(name):
    text, x, y, estimand = IDENTIFIED[name]
    found = identify_effect(DirectedHypergraph.parse(text), {x}, {y})
    assert str(found.estimand) == estimand
    assert found.identified


@pytest.mark.parametrize("name", IDENTIFIED)
def test_the_estimand_of_the_textbook_case_is_the_truth_of_enumeration(name):
    text, x, y, _ = IDENTIFIED[name]
    assert_truth(DirectedHypergraph.parse(text), [x], [y], seed=3)


def assert_truth(h, x, y, seed):
    found = identify_effect(h, x, y)
    if found.identified:
        world = World(h, seed)
        value = evaluate(found.estimand, world.joint(), h.order(), [*y, *x])
        np.testing.assert_allclose(value, world.do(x, y), rtol=1e-8)
    return found


@settings(max_examples=50, deadline=None)
@given(mixed_graphs(), st.integers(0, 10_000))
def test_every_identified_effect_is_the_truth_and_every_other_has_a_hedge(h, seed):
    for x, y in itertools.permutations(h.nodes, 2):
        found = assert_truth(h, [x], [y], seed)
        if not found.identified:
            assert_hedge(h, {x}, {y}, found.hedge)


@settings(max_examples=30, deadline=None)
@given(mixed_graphs(min_nodes=4), st.data())
def test_joint_effects_of_sets_are_the_truth_or_have_a_hedge(h, data):
    nodes = data.draw(st.permutations(h.nodes))
    x, y = sorted(nodes[:2]), sorted(nodes[2:4])
    found = assert_truth(h, x, y, data.draw(st.integers(0, 10_000)))
    if not found.identified:
        assert_hedge(h, set(x), set(y), found.hedge)


@settings(max_examples=30, deadline=None)
@given(mixed_graphs(min_nodes=4), st.data())
def test_conditional_effects_are_the_truth(h, data):
    x, y, *rest = data.draw(st.permutations(h.nodes))
    z = rest[: data.draw(st.integers(1, 2))]
    found = identify_effect(h, {x}, {y}, z)
    if found.identified:
        world = World(h, data.draw(st.integers(0, 10_000)))
        value = evaluate(found.estimand, world.joint(), h.order(), [y, x, *z])
        both = world.do([x], [y, *z])
        truth = np.moveaxis(both / both.sum(axis=0), -1, 1)
        np.testing.assert_allclose(value, truth, rtol=1e-8)


def forest(h, hedge):
    """Latent spanning trees and one child a node, as in Shpitser and Pearl (2006), Theorem 4."""
    inner = subgraph(h, hedge.rooted)
    roots = {v for v in inner.nodes if not inner.children(v)}
    child = {}
    for nodes in (hedge.rooted, hedge.forest):
        reached = roots | child.keys()
        while new := {
            v: next(c for c in h.children(v) if c in reached)
            for v in nodes
            if v not in reached and reached.intersection(h.children(v))
        }:
            child |= new
            reached |= new.keys()
    trees, joined = [], {hedge.rooted[0]}
    for nodes in (hedge.rooted, hedge.forest):
        while new := [p for p in h.latent if set(p) <= set(nodes) and len(joined & set(p)) == 1]:
            trees.append(new[0])
            joined |= set(new[0])
    return roots, child, trees


def parity_model(h, hedge, *, deaf, do=()):
    """Count what the nodes of F are, each the parity of its causes, over all hidden bits.

    Where `deaf`, the nodes of F′ do not hear those of F outside it.
    """
    roots, child, trees = forest(h, hedge)
    inner, seen = set(hedge.rooted), Counter()
    for bits in itertools.product((0, 1), repeat=len(trees)):
        value = dict.fromkeys(do, 0)
        for v in (v for v in h.order() if v in hedge.forest and v not in do):
            heard = [p for p, c in child.items() if c == v]
            loud = [
                b
                for pair, b in zip(trees, bits, strict=True)
                if v in pair and not (deaf and v in inner and not set(pair) <= inner)
            ]
            if deaf and v in inner:
                heard = [p for p in heard if p in inner]
            value[v] = (sum(value[p] for p in heard) + sum(loud)) % 2
        seen[tuple(value[v] for v in hedge.forest)] += 1
    return roots, seen


def root_parities(hedge, roots, seen):
    places = [k for k, v in enumerate(hedge.forest) if v in roots]
    return Counter({sum(row[k] for k in places) % 2 for row in seen})


def assert_hedge(h, x, y, hedge):
    """F and F′ are single districts with one root set above the outcome; two models prove it."""
    big, small = set(hedge.forest), set(hedge.rooted)
    assert small < big
    assert big & x
    assert not small & x
    assert set(hedge.treatments) == big & x
    assert len(districts(subgraph(h, big))) == len(districts(subgraph(h, small))) == 1
    roots, child, trees = forest(h, hedge)
    assert child.keys() | roots == big
    assert len(trees) == len(big) - 1
    assert roots <= ancestors(without_causes(h, x), y)
    treated = tuple(v for v in hedge.forest if v in x)
    _, one = parity_model(h, hedge, deaf=False)
    _, other = parity_model(h, hedge, deaf=True)
    assert one == other
    _, one = parity_model(h, hedge, deaf=False, do=treated)
    _, other = parity_model(h, hedge, deaf=True, do=treated)
    assert set(root_parities(hedge, roots, one)) == {0, 1}
    assert set(root_parities(hedge, roots, other)) == {0}


@pytest.mark.parametrize("name", HEDGES)
def test_the_textbook_case_that_is_not_identified_has_its_hedge(name):
    text, x, y, hedge = HEDGES[name]
    h = DirectedHypergraph.parse(text)
    found = identify_effect(h, {x}, {y})
    assert not found.identified
    assert str(found.hedge) == hedge
    assert "two models can agree on everything observed" in found.hedge.sentence
    assert_hedge(h, {x}, {y}, found.hedge)


def test_two_models_of_the_bow_agree_on_what_is_observed_and_differ_when_it_is_set():
    bow = DirectedHypergraph.parse("X -> Y; X <-> Y")
    one, other = World(bow, 0), World(bow, 0)
    pair, bit = ("X", "Y"), np.eye(2)
    for world, copied in ((one, "X"), (other, pair)):
        world.sizes = {"X": 2, "Y": 2, pair: 2}
        copy = bit[:, None, :] if copied == "X" else bit[None, :, :]
        world.tables = {
            pair: ([pair], np.array([0.5, 0.5])),
            "X": ([pair, "X"], bit),
            "Y": (["X", pair, "Y"], np.broadcast_to(copy, (2, 2, 2))),
        }
    np.testing.assert_array_equal(one.joint(), other.joint())
    np.testing.assert_array_equal(one.do(["X"], ["Y"]), np.eye(2))
    np.testing.assert_array_equal(other.do(["X"], ["Y"]), np.full((2, 2), 0.5))
    assert not identify_effect(bow, {"X"}, {"Y"}).identified


def test_the_derivation_of_the_front_door_is_printed_line_by_line():
    found = identify_effect(DirectedHypergraph.parse("X -> Z -> Y; X <-> Y"), {"X"}, {"Y"})
    assert [step.line for step in found.steps] == ["4", "2", "6", "7", "2", "1"]
    assert str(found).splitlines()[3:] == [
        "  P(y | do(x, z)): line 7, {Y} lies in the district {X, Y}: go on in it with "
        "P′ = P(y | x, z) P(x)",
        "  P′(y | do(x)): line 2, leave out what cannot cause Y: X",
        "  P′(y): line 1, nothing is set, so it is Σ_{x} P(y | x, z) P(x)",
    ]


def test_conditioning_turns_into_setting_where_rule_2_allows():
    h = DirectedHypergraph.parse("X -> Z -> Y; X <-> Z")
    found = identify_effect(h, {"X"}, {"Y"}, {"Z"})
    assert found.steps[0].line == "1 of IDC"
    assert str(found.estimand) == "P(y | z)"
    assert not identify_effect(h, {"X"}, {"Y"}).identified


def test_rule_2_looks_at_the_graph_in_which_the_treatment_is_set():
    """Conditioning on X would join Z and Y, whose paths meet there; setting X does not."""
    h = DirectedHypergraph.parse("X -> W -> Y; Z -> Y; Z <-> X; X <-> Y")
    found = identify_effect(h, {"X"}, {"Y"}, {"Z"})
    assert found.steps[0].line == "1 of IDC"
    world = World(h, 1)
    value = evaluate(found.estimand, world.joint(), h.order(), ["Y", "X", "Z"])
    np.testing.assert_allclose(value, world.do(["X", "Z"], ["Y"]), rtol=1e-8)


@pytest.mark.parametrize(
    ("x", "y", "z", "message"),
    [
        ({"Q"}, {"G"}, (), "no node 'Q'"),
        ("B", {"G"}, (), "got the text 'B'"),
        ({"B"}, {"B"}, (), "B stands in more than one"),
        ({"B"}, {"G"}, {"B"}, "B stands in more than one"),
        ({"B"}, (), (), "the outcome is empty"),
    ],
)
def test_a_malformed_question_is_refused(x, y, z, message):
    with pytest.raises(GraphError, match=message):
        identify_effect(DirectedHypergraph.parse(POSTER), x, y, z)
