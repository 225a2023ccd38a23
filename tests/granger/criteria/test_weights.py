"""Claims about criteria that look at the weights alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria import Evidence, Lamp, Magnitude, Random
from causalhyper.granger.masks import Masks, allocate

WEIGHTS = {
    "conv": np.random.default_rng(0).normal(size=(3, 2, 2)),
    "fc": np.random.default_rng(1).normal(size=(4, 5)),
}
SHAPES = {name: w.shape for name, w in WEIGHTS.items()}


def evidence(weights=WEIGHTS, *, masks=None, share=None, collected=None, seed=0):
    shapes = {name: w.shape for name, w in weights.items()}
    return Evidence(
        weights=weights,
        collected=weights if collected is None else collected,
        masks=masks or Masks.all_kept(shapes),
        rng=np.random.default_rng(seed),
        share=share,
    )


def lamp_by_loops(weights):
    """Equation 5 of Lee et al., each entry against each; among equals the earlier is larger."""
    scores = []
    for u, own in enumerate(weights):
        left = 0.0
        for v, other in enumerate(weights):
            if (other**2, -v) >= (own**2, -u):
                left += other**2
        scores.append(own**2 / left if own else 0.0)
    return np.array(scores)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30), st.sampled_from([1e-18, 1.0, 1e9]))
@settings(max_examples=100, deadline=None)
def test_lamp_scores_are_those_of_the_double_loop_ties_and_zeros_included(numbers, unit):
    weights = np.array(numbers, dtype=float) * unit
    found = Lamp().scores(evidence({"fc": weights}))["fc"]
    np.testing.assert_allclose(found, lamp_by_loops(weights), rtol=1e-12)


def test_lamp_gives_the_largest_of_every_layer_the_score_one_so_no_layer_is_emptied():
    small = {"a": 1e-9 * WEIGHTS["conv"], "b": WEIGHTS["fc"], "c": np.full((3, 3), 2.0)}
    scores = Lamp().scores(evidence(small))
    for name, weights in small.items():
        assert scores[name].ravel()[np.abs(weights).argmax()] == 1.0
    kept = allocate(scores, sparsity=0.9, minimum=0).masks.layer_counts()
    assert min(kept.values()) >= 1


def test_lamp_keeps_its_scores_when_what_it_would_prune_first_is_pruned():
    weights = {"fc": WEIGHTS["fc"]}
    before = Lamp().scores(evidence(weights))
    half = allocate(before, sparsity=0.5).masks
    after = Lamp().scores(evidence(weights, masks=half))
    np.testing.assert_allclose(after["fc"], np.where(half.kept["fc"], before["fc"], 0))


def test_magnitude_takes_the_moment_that_is_asked_for():
    later = {name: w[::-1].copy() for name, w in WEIGHTS.items()}
    given_ = evidence(collected=later)
    for at, weights in (("collected", later), ("rewound", WEIGHTS)):
        found = Magnitude(at=at).scores(given_)
        assert all((found[name] == np.abs(weights[name])).all() for name in SHAPES)
        assert (Lamp(at=at).scores(given_)["fc"] == lamp_shaped(weights["fc"])).all()


def lamp_shaped(weights):
    return Lamp().scores(evidence({"fc": weights}))["fc"]


def test_units_have_the_sum_of_what_is_left_of_them():
    masks = Masks({name: np.ones(shape, dtype=bool) for name, shape in SHAPES.items()})
    masks.kept["fc"][1, :3] = False
    masks.kept["fc"][2] = False
    given_ = evidence(masks=masks, share="output")
    found = Magnitude().scores(given_)
    left = np.abs(WEIGHTS["fc"]) * masks.kept["fc"]
    np.testing.assert_allclose(found["fc"], left.sum(axis=1))
    assert found["conv"].shape == (3,)
    squares = (WEIGHTS["fc"] ** 2 * masks.kept["fc"]).sum(axis=1)
    np.testing.assert_allclose(Lamp().scores(given_)["fc"], lamp_by_loops(np.sqrt(squares)))
    random = Random().scores(given_)["fc"]
    assert random.shape == (4,)
    assert random[2] == 0
    assert (random[[0, 1, 3]] > 0).all()


def test_random_is_uniform_and_repeats_with_its_generator():
    big = {"fc": np.zeros((200, 500))}
    one, other, third = (Random().scores(evidence(big, seed=s))["fc"] for s in (0, 0, 1))
    assert (one == other).all()
    assert not (one == third).all()
    counts, _ = np.histogram(one, bins=10, range=(0, 1))
    # binomial, five standard errors of 100,000 draws
    assert np.abs(counts - 10_000).max() < 5 * np.sqrt(1e5 * 0.1 * 0.9)


def test_a_moment_that_is_none_is_refused():
    for criterion in (Magnitude, Lamp):
        with pytest.raises(ConfigurationError, match=r"at='rewound'.*; got 'start'"):
            criterion(at="start")
