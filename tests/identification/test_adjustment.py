"""Adjustment sets against paths one by one, enumeration, and variances in closed form."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.errors import GraphError
from causalhyper.hypergraph import DirectedHypergraph, descendants
from causalhyper.identification import (
    adjustment_formula,
    evaluate,
    is_adjustment_set,
    minimal_adjustment_sets,
    optimal_adjustment_set,
)
from tests.identification.paths import Paths, every_subset, minimal
from tests.identification.worlds import World, mixed_graphs

PEARL = "X1 -> X3; X1 -> X4; X2 -> X4; X2 -> X5; X3 -> X; X4 -> X; X4 -> Y; X5 -> Y; X -> X6 -> Y"
M_BIAS = "X -> Y; A -> X; A -> M; B -> M; B -> Y"


def valid_by_paths(h, x, y, nodes):
    """Shpitser et al. (2010), Definition 4, read literally: every path is looked at."""
    paths = Paths(h)
    ways = paths.between(x, y)
    causal = [way for way in ways if paths.directed(way)]
    forbidden = {d for way in causal for v in way[1:] for d in paths.below[v]}
    others = [way for way in ways if way not in causal]
    return not forbidden.intersection(nodes) and not any(paths.open(w, nodes) for w in others)


def ends_and_rest(h, data):
    x, y, *rest = data.draw(st.permutations(h.nodes))
    return x, y, sorted(rest)


@settings(max_examples=80, deadline=None)
@given(mixed_graphs(max_nodes=6), st.data())
def test_a_set_is_valid_when_every_path_that_is_not_causal_is_blocked(h, data):
    x, y, rest = ends_and_rest(h, data)
    for nodes in every_subset(rest):
        assert is_adjustment_set(h, x, y, nodes) == valid_by_paths(h, x, y, set(nodes))


@settings(max_examples=80, deadline=None)
@given(mixed_graphs(max_nodes=6), st.data())
def test_the_minimal_sets_are_those_of_all_subsets_and_hold_no_descendant(h, data):
    x, y, rest = ends_and_rest(h, data)
    valid = {frozenset(s) for s in every_subset(rest) if valid_by_paths(h, x, y, set(s))}
    found = minimal_adjustment_sets(h, x, y)
    if y in descendants(h, {x}):
        assert {frozenset(s) for s in found} == minimal(valid)
    assert {frozenset(s) for s in found} <= minimal(valid)
    assert len(found) == len(set(found))
    assert not any(descendants(h, {x}).intersection(s) for s in found)


@settings(max_examples=60, deadline=None)
@given(mixed_graphs(), st.data())
def test_adjusting_for_each_set_gives_the_truth_of_enumeration(h, data):
    x, y, _ = ends_and_rest(h, data)
    world = World(h, data.draw(st.integers(0, 10_000)))
    for nodes in minimal_adjustment_sets(h, x, y):
        value = evaluate(adjustment_formula(x, y, nodes), world.joint(), h.order(), [y, x])
        np.testing.assert_allclose(value, world.do([x], [y]), rtol=1e-8)


@settings(max_examples=40, deadline=None)
@given(mixed_graphs(max_nodes=4), st.data())
def test_an_invalid_set_misses_the_truth_in_some_model(h, data):
    x, y, rest = ends_and_rest(h, data)
    worlds = [World(h, seed) for seed in range(3)]
    for nodes in every_subset(rest):
        if not is_adjustment_set(h, x, y, nodes):
            formula = adjustment_formula(x, y, nodes)
            gaps = [
                np.abs(evaluate(formula, w.joint(), h.order(), [y, x]) - w.do([x], [y])).max()
                for w in worlds
            ]
            assert max(gaps) > 1e-6


def variance_of_slope(covariance, x, y, z):
    """Asymptotic variance of the coefficient of `x` in the regression of `y` on `x` and `z`."""

    def residual(v, on):
        if not on:
            return covariance[v, v]
        gram, cross = covariance[np.ix_(on, on)], covariance[on, v]
        return covariance[v, v] - cross @ np.linalg.solve(gram, cross)

    return residual(y, [x, *z]) / residual(x, list(z))


@settings(max_examples=60, deadline=None)
@given(mixed_graphs(max_nodes=6, max_latent=0), st.data())
def test_no_valid_set_has_a_smaller_variance_than_the_optimal_one(h, data):
    x, y, rest = ends_and_rest(h, data)
    best = optimal_adjustment_set(h, x, y)
    if best is None:
        assert y not in descendants(h, {x})
        return
    assert valid_by_paths(h, x, y, set(best))
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    place = {v: k for k, v in enumerate(h.order())}
    weights = np.zeros((len(place), len(place)))
    for cause, effect in h.arcs:
        weights[place[effect], place[cause]] = rng.uniform(0.5, 1.5) * rng.choice([-1, 1])
    mixing = np.linalg.inv(np.eye(len(place)) - weights)
    covariance = mixing @ np.diag(rng.uniform(0.5, 2, len(place))) @ mixing.T

    def variance(nodes):
        return variance_of_slope(covariance, place[x], place[y], [place[v] for v in nodes])

    for nodes in every_subset(rest):
        if valid_by_paths(h, x, y, set(nodes)):
            assert variance(best) <= variance(nodes) * (1 + 1e-9)


def test_pearls_figure_3_4_has_its_two_back_door_sets_and_not_x4_alone():
    h = DirectedHypergraph.parse(PEARL)
    found = minimal_adjustment_sets(h, "X", "Y")
    assert {frozenset(s) for s in found} == {
        frozenset({"X3", "X4"}),
        frozenset({"X4", "X5"}),
        frozenset({"X1", "X4"}),
        frozenset({"X2", "X4"}),
    }
    assert not is_adjustment_set(h, "X", "Y", {"X4"})
    assert not is_adjustment_set(h, "X", "Y", {"X3", "X4", "X6"})
    assert optimal_adjustment_set(h, "X", "Y") == ("X4", "X5")


def test_the_collider_of_m_bias_is_left_alone():
    h = DirectedHypergraph.parse(M_BIAS)
    assert minimal_adjustment_sets(h, "X", "Y") == ((),)
    assert not is_adjustment_set(h, "X", "Y", {"M"})
    assert is_adjustment_set(h, "X", "Y", {"M", "A"})
    assert optimal_adjustment_set(h, "X", "Y") == ("B",)
    latent = DirectedHypergraph.parse("X -> Y; X <-> M; M <-> Y")
    assert minimal_adjustment_sets(latent, "X", "Y") == ((),)
    assert not is_adjustment_set(latent, "X", "Y", {"M"})


def test_no_set_helps_against_a_latent_common_cause_of_treatment_and_outcome():
    h = DirectedHypergraph.parse("X -> Y; X <-> Y; Z -> X")
    assert minimal_adjustment_sets(h, "X", "Y") == ()
    assert optimal_adjustment_set(h, "X", "Y") is None


def test_parallel_confounding_paths_are_blocked_in_every_combination():
    chains = "; ".join(f"{v}2 -> {v}1 -> X; {v}2 -> Y" for v in "ABC")
    found = minimal_adjustment_sets(DirectedHypergraph.parse(f"{chains}; X -> Y"), "X", "Y")
    every = itertools.product(*((f"{v}1", f"{v}2") for v in "ABC"))
    assert {frozenset(s) for s in found} == {frozenset(s) for s in every}
    assert len(found) == 8


def test_the_optimal_set_holds_the_causes_of_mediators_and_of_the_outcome():
    h = DirectedHypergraph.parse("X -> M -> Y; W -> M; V -> Y; Z -> X; Z -> W")
    assert optimal_adjustment_set(h, "X", "Y") == ("V", "W")
    assert minimal_adjustment_sets(h, "X", "Y") == (("Z",), ("W",))


def test_a_long_ladder_of_confounders_is_searched_in_a_moment():
    rungs = "; ".join(f"A{k} -> A{k + 1}; B{k} -> B{k + 1}" for k in range(25))
    h = DirectedHypergraph.parse(f"{rungs}; A0 -> B0; A25 -> X; B25 -> Y; X -> Y")
    found = minimal_adjustment_sets(h, "X", "Y")
    assert len(found) == 52
    assert all(len(nodes) == 1 for nodes in found)


@pytest.mark.parametrize(
    ("x", "y", "nodes", "message"),
    [
        ("X", "X", (), "both ends"),
        ("X", "Y", {"X"}, "'X' is an end of the effect"),
        ("X", "Y", {"Q"}, "no node 'Q'"),
        ("X", "Y", "A", "got the text 'A'"),
    ],
)
def test_a_malformed_question_is_refused(x, y, nodes, message):
    with pytest.raises(GraphError, match=message):
        is_adjustment_set(DirectedHypergraph.parse(M_BIAS), x, y, nodes)
