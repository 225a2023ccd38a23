"""Estimands are worth what y0's are and adjustment sets are dowhy's; both are stored here."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from causalhyper.hypergraph import DirectedHypergraph, descendants
from causalhyper.identification import (
    evaluate,
    frontdoor_sets,
    identify_effect,
    is_adjustment_set,
    is_frontdoor_set,
    minimal_adjustment_sets,
    optimal_adjustment_set,
)
from tests.oracles.identification_graphs import GRAPHS

FOLDER = Path(__file__).parent
EFFECTS = json.loads((FOLDER / "y0_effects.json").read_text("utf-8"))["answers"]
SETS = json.loads((FOLDER / "dowhy_sets.json").read_text("utf-8"))["sets"]
WRONG_IN_Y0 = {"napkin"}
"""Its estimand there is P(Y | X), which misses the truth of the model that it was asked about."""


def case(name):
    text, x, y = GRAPHS[name]
    return DirectedHypergraph.parse(text), x, y


def ours(name):
    h, x, y = case(name)
    stored = EFFECTS[name]
    joint = np.array(stored["joint"]).reshape((2,) * len(stored["nodes"]))
    found = identify_effect(h, {x}, {y})
    assert found.identified == (stored["effect"] is not None)
    return evaluate(found.estimand, joint, stored["nodes"], [y, x]) if found.identified else None


@pytest.mark.parametrize("name", sorted(EFFECTS.keys() - WRONG_IN_Y0))
def test_an_effect_is_identified_where_y0_does_so_and_has_its_value(name):
    value = ours(name)
    if value is not None:
        np.testing.assert_allclose(value, EFFECTS[name]["effect"], rtol=1e-9)


@pytest.mark.parametrize("name", sorted(EFFECTS))
def test_an_identified_effect_is_the_truth_of_the_model_that_y0_was_asked_about(name):
    value = ours(name)
    if value is not None:
        np.testing.assert_allclose(value, EFFECTS[name]["truth"], rtol=1e-9)


@pytest.mark.parametrize("name", sorted(WRONG_IN_Y0))
def test_where_y0_is_set_aside_it_misses_the_truth(name):
    gap = np.subtract(EFFECTS[name]["effect"], EFFECTS[name]["truth"])
    assert np.abs(gap).max() > 0.01


@pytest.mark.parametrize("name", sorted(SETS))
def test_the_back_door_sets_are_dowhys(name):
    h, x, y = case(name)
    theirs = {frozenset(s) for s in SETS[name]["back-door"]}
    free = sorted(set(h.nodes) - descendants(h, {x}) - {y})
    sizes = range(len(free) + 1)
    every = itertools.chain.from_iterable(itertools.combinations(free, k) for k in sizes)
    assert {frozenset(s) for s in every if is_adjustment_set(h, x, y, s)} == theirs
    smallest = {s for s in theirs if not any(other < s for other in theirs)}
    assert {frozenset(s) for s in minimal_adjustment_sets(h, x, y)} == smallest


@pytest.mark.parametrize(
    "name", sorted(n for n in SETS if SETS[n]["efficient"] not in (None, "fails"))
)
def test_the_optimal_adjustment_set_is_dowhys_efficient_one(name):
    assert sorted(optimal_adjustment_set(*case(name))) == SETS[name]["efficient"]


@pytest.mark.parametrize("name", sorted(SETS))
def test_dowhys_front_door_set_is_one_and_none_is_missed(name):
    """Theirs holds descendants of the treatment only, and need not be minimal."""
    h, x, y = case(name)
    theirs, found = SETS[name]["front-door"], frontdoor_sets(h, x, y)
    if theirs:
        assert is_frontdoor_set(h, x, y, theirs)
        assert any(set(nodes) <= set(theirs) for nodes in found)
    else:
        assert not any(set(nodes) <= descendants(h, {x}) for nodes in found)
