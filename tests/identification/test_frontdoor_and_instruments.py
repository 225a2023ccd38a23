"""Front-door sets and instruments against their definitions, paths one by one."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.errors import GraphError
from causalhyper.hypergraph import DirectedHypergraph, descendants
from causalhyper.identification import (
    Instrument,
    evaluate,
    frontdoor_formula,
    frontdoor_sets,
    instruments,
    is_frontdoor_set,
    is_instrument,
)
from tests.identification.paths import Paths, every_subset, minimal
from tests.identification.worlds import World, mixed_graphs


def frontdoor_by_paths(h, x, y, nodes):
    """Pearl (2009), Definition 3.3.3, on paths; a path from the set leaves it at once."""
    paths = Paths(h)
    through = all(set(w) & nodes for w in paths.between(x, y) if paths.directed(w))
    clear = not any(
        paths.back_door(w) and paths.open(w, ()) for m in nodes for w in paths.between(x, m)
    )
    blocked = not any(
        all(not paths.graph.has_edge(a, b) for a, b in arcs_out(w, nodes)) and paths.open(w, {x})
        for m in nodes
        for w in paths.between(m, y)
    )
    return through and clear and blocked


def arcs_out(way, nodes):
    """The steps of a path that touch the set, from the set's side."""
    steps = [*itertools.pairwise(way), *zip(way[1:], way, strict=False)]
    return [(a, b) for a, b in steps if a in nodes]


@settings(max_examples=60, deadline=None)
@given(mixed_graphs(max_nodes=6), st.data())
def test_front_door_sets_are_the_minimal_ones_of_all_subsets(h, data):
    x, y, *rest = data.draw(st.permutations(h.nodes))
    good = set()
    for nodes in every_subset(sorted(rest)):
        if nodes:
            assert is_frontdoor_set(h, x, y, nodes) == frontdoor_by_paths(h, x, y, set(nodes))
            good |= {frozenset(nodes)} if frontdoor_by_paths(h, x, y, set(nodes)) else set()
    found = {frozenset(s) for s in frontdoor_sets(h, x, y, largest=6)}
    assert found == (minimal(good) if y in descendants(h, {x}) else set())


@settings(max_examples=60, deadline=None)
@given(mixed_graphs(), st.data())
def test_the_front_door_formula_is_the_truth_of_enumeration(h, data):
    x, y, *_ = data.draw(st.permutations(h.nodes))
    world = World(h, data.draw(st.integers(0, 10_000)))
    for nodes in frontdoor_sets(h, x, y):
        value = evaluate(frontdoor_formula(x, y, nodes), world.joint(), h.order(), [y, x])
        np.testing.assert_allclose(value, world.do([x], [y]), rtol=1e-8)


def test_the_textbook_front_door_is_found_and_a_confounded_mediator_is_not():
    assert frontdoor_sets(DirectedHypergraph.parse("X -> Z -> Y; X <-> Y"), "X", "Y") == (("Z",),)
    for pair in ("X <-> Z", "Z <-> Y"):
        h = DirectedHypergraph.parse(f"X -> Z -> Y; X <-> Y; {pair}")
        assert frontdoor_sets(h, "X", "Y") == ()


def test_a_front_door_set_may_take_in_a_cause_of_mediator_and_outcome():
    h = DirectedHypergraph.parse("X -> Z; {Z, W} -> Y; W -> Z; X <-> Y")
    assert frontdoor_sets(h, "X", "Y") == (("W", "Z"),)


@pytest.mark.parametrize("nodes", [(), {"X"}, {"Y", "Z"}])
def test_a_set_that_cannot_be_a_front_door_is_refused(nodes):
    with pytest.raises(GraphError, match="neither end of the effect"):
        is_frontdoor_set(DirectedHypergraph.parse("X -> Z -> Y; X <-> Y"), "X", "Y", nodes)


def instrument_by_paths(h, x, y, z, nodes):
    """Pearl (2009), section 7.4.5: the paths to the outcome must not enter the treatment."""
    paths = Paths(h)
    if paths.below[x] & {z, *nodes} or y in nodes or z == y:
        return False
    cut = Paths(
        DirectedHypergraph(
            tuple(e for e in h.edges if e.head != x),
            h.nodes,
            tuple(p for p in h.latent if x not in p),
        )
    )
    excluded = not any(cut.open(w, nodes) for w in cut.between(z, y))
    return excluded and any(paths.open(w, nodes) for w in paths.between(z, x))


@settings(max_examples=60, deadline=None)
@given(mixed_graphs(max_nodes=6), st.data())
def test_instruments_are_those_of_the_definition_with_a_smallest_set(h, data):
    x, y, *rest = data.draw(st.permutations(h.nodes))
    found = {i.node: i.given for i in instruments(h, x, y, largest=6)}
    for z in sorted(rest):
        others = [v for v in sorted(rest) if v != z]
        good = [s for s in every_subset(others) if instrument_by_paths(h, x, y, z, set(s))]
        assert [is_instrument(h, x, y, Instrument(z, s)) for s in good] == [True] * len(good)
        if z in found:
            assert any(set(found[z]) == set(s) for s in good)
            above = ancestors_of(h, z) | ancestors_of(h, y)
            assert len(found[z]) == min(len(s) for s in good if set(s) <= above)
        elif y in descendants(h, {x}):
            assert not any(set(s) <= ancestors_of(h, z) | ancestors_of(h, y) for s in good)


def ancestors_of(h, node):
    paths = Paths(h)
    return {v for v in h.nodes if node in paths.below[v]}


@settings(max_examples=25, deadline=None)
@given(mixed_graphs(max_nodes=5), st.data())
def test_in_linear_models_the_ratio_of_an_instrument_is_the_effect(h, data):
    x, y, *_ = data.draw(st.permutations(h.nodes))
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    names = [*h.order(), *h.latent]
    place = {v: k for k, v in enumerate(names)}
    weights = np.zeros((len(names), len(names)))
    for cause, effect in [*h.arcs, *((p, v) for p in h.latent for v in p)]:
        weights[place[effect], place[cause]] = rng.uniform(0.5, 1.5) * rng.choice([-1, 1])
    mixing = np.linalg.inv(np.eye(len(names)) - weights)
    covariance = mixing @ np.diag(rng.uniform(0.5, 2, len(names))) @ mixing.T
    for instrument in instruments(h, x, y):
        on = [place[v] for v in instrument.given]
        pair = [place[instrument.node], place[x], place[y]]
        left = covariance[np.ix_(pair, pair)]
        if on:
            cross = covariance[np.ix_(on, pair)]
            left = left - cross.T @ np.linalg.solve(covariance[np.ix_(on, on)], cross)
        assert left[0, 2] == pytest.approx(mixing[place[y], place[x]] * left[0, 1], abs=1e-9)


def test_a_randomised_cause_is_an_instrument_and_a_confounded_one_is_none():
    bow = "Z -> X -> Y; X <-> Y"
    assert instruments(DirectedHypergraph.parse(bow), "X", "Y") == (Instrument("Z", ()),)
    assert instruments(DirectedHypergraph.parse(f"{bow}; Z -> Y"), "X", "Y") == ()
    assert instruments(DirectedHypergraph.parse(f"{bow}; Z <-> Y"), "X", "Y") == ()
