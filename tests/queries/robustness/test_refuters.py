"""Refuters: exact permutation tests, and effects that move or stay as they should."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causalhyper import LINEAR, Binomial, ConfigurationError, fit
from causalhyper.queries.robustness import (
    cluster_subsets,
    dummy_outcome,
    partial_r2_sensitivity,
    placebo_treatment,
    random_common_cause,
    robustness,
)
from tests.simulated import CHAIN, ROLES, Truth, runs

ASKED = {"at": [4.0], "baseline": 1.0}


def _model(seed=0, graph=CHAIN, context=(), mechanisms=LINEAR):
    frame = runs(Truth(), np.random.default_rng(seed), clusters=20, repeats=2, block_sd=0.3)
    return fit(
        graph,
        frame,
        ROLES,
        protocol="p",
        cluster="k",
        context=context,
        mechanisms=mechanisms,
    )


def test_a_placebo_has_no_effect_and_a_real_effect_is_clear_of_it():
    found = placebo_treatment(_model(), "B", "G", **ASKED, refits=59, draws=200)
    assert {m.estimator for m in found.movements} == {"design", "graph"}
    assert all(m.holds and m.expected == 0 for m in found.movements)
    # 60 exchangeable values, of which the effect found is the largest
    assert [t.p_value for t in found.tests] == pytest.approx([1 / 60, 1 / 60])
    assert all(f.verdict == "holds" for f in found.findings)


def test_the_p_value_counts_placebos_that_reach_the_effect():
    found = placebo_treatment(_model(3), "B", "G", at=[2.0, 4.0], baseline=1.0, refits=39)
    own = [m.estimate for m in found.movements if m.estimator == "design"]
    pooled = np.vstack([own, found.effects["design"]])
    score = np.abs(pooled / np.sqrt((pooled**2).mean(axis=0))).max(axis=1)
    expected = sum(s >= score[0] for s in score) / 40
    assert found.tests[0].p_value == pytest.approx(expected)


def test_a_design_that_cannot_be_drawn_anew_is_told_so():
    frame = runs(Truth(), np.random.default_rng(2), clusters=20, repeats=2)
    model = fit(
        "{B, N} -> S -> G",
        frame,
        {"B": "b", "N": "n", "S": "s", "G": "g"},
        protocol="p",
        cluster="k",
        mechanisms=LINEAR,
        treatment="B",
    )
    found = placebo_treatment(model, "S", "G", at=[1.0], baseline=0.0, refits=20)
    assert found.findings[0].verdict == "does not apply"
    assert "has causes" in found.summary()
    assert found.to_frame().empty


def test_an_irrelevant_cause_moves_nothing():
    found = random_common_cause(_model(), "B", "G", **ASKED, refits=30, draws=200)
    assert all(m.holds for m in found.movements)
    assert {m.estimator for m in found.movements} == {"graph"}
    assert max(abs(m.shift) for m in found.movements) < 0.1
    assert all(m.sd > 0 for m in found.movements)


def test_subsets_spread_as_the_standard_error_says():
    found = cluster_subsets(_model(), "B", "G", **ASKED, refits=150, draws=400)
    for m in found.movements:
        # two estimates of one standard deviation: Monte Carlo error near 8%
        assert 0.75 < m.spread < 1.3
        assert m.holds
        assert m.same_sign == 1.0
    assert "80% of the clusters" in found.null


def test_subsets_show_an_effect_that_one_cluster_makes():
    frame = runs(Truth(g=0.0), np.random.default_rng(4), clusters=12, repeats=2)
    frame.loc[frame.k == 3, "g"] += 30 * frame.b[frame.k == 3]
    model = fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)
    found = cluster_subsets(model, "B", "G", **ASKED, share=0.5, refits=60, draws=200)
    assert min(m.same_sign for m in found.movements) < 0.8


def test_a_dummy_outcome_has_no_effect():
    found = dummy_outcome(_model(), "B", "G", **ASKED, refits=60, draws=200)
    assert all(m.holds and m.expected == 0 for m in found.movements)
    assert "| holds" in found.summary()


def test_the_same_seed_gives_the_same_refits():
    first, second = (
        random_common_cause(_model(), "B", "G", **ASKED, refits=20, draws=100).to_frame()
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(first, second)


def test_errors_say_what_to_do():
    with pytest.raises(ConfigurationError, match="use 50 to try"):
        placebo_treatment(_model(), "B", "G", **ASKED, refits=5)
    with pytest.raises(ConfigurationError, match=r"try 0\.8"):
        cluster_subsets(_model(), "B", "G", **ASKED, share=1.0)


REFUTERS = [placebo_treatment, random_common_cause, cluster_subsets, dummy_outcome]


@pytest.mark.parametrize("refuter", REFUTERS)
def test_refuters_ask_a_binomial_mechanism_too(refuter):
    rng = np.random.default_rng(0)
    b, k = np.tile([1.0, 2.0, 4.0], 24), np.repeat(np.arange(24), 3)
    n = b + rng.normal(size=72)
    frame = pd.DataFrame({"run_id": [f"r{i}" for i in range(72)], "k": k, "b": b, "n": n})
    frame["n_test"] = rng.integers(100, 300, 72)
    frame["g"] = rng.binomial(frame.n_test, 1 / (1 + np.exp(1 - 0.3 * n))) / frame.n_test
    roles = {"B": "b", "N": "n", "G": "g"}
    options = {"N": LINEAR, "G": Binomial(df=1)}
    model = fit("B -> N -> G", frame, roles, protocol="p", cluster="k", mechanisms=options)
    found = refuter(model, "B", "G", **ASKED, refits=20, draws=100)
    assert found.refits == 20
    assert all(m.holds for m in found.movements)


@pytest.mark.slow
def test_placebo_tests_reject_a_null_effect_in_5_percent_of_data_sets():
    p_values = {"placebo test (design)": [], "placebo test (graph)": []}
    nothing = Truth(a=0.0)
    for seed in range(60):
        rng = np.random.default_rng(100 + seed)
        frame = runs(nothing, rng, clusters=8, doses=(1.0, 4.0), repeats=2, block_sd=1.0)
        model = fit(CHAIN, frame, ROLES, protocol="p", cluster="k", context="k", mechanisms=LINEAR)
        found = placebo_treatment(model, "B", "G", **ASKED, refits=39, draws=100, seed=seed)
        for test in found.tests:
            p_values[test.name].append(test.p_value)
    for name, p in p_values.items():
        # uniform on 1/40 .. 1: exact whatever the distribution of the noise
        assert stats.binom.sf(np.sum(np.array(p) <= 0.05) - 1, 60, 0.05) > 0.001, name
        assert np.mean(p) == pytest.approx(41 / 80, abs=4 * 0.289 / 60**0.5), name


def test_an_effect_that_does_not_vary_has_no_standard_error_to_be_held_against():
    b = np.tile([0.0, 1.0, 2.0], 12)
    frame = pd.DataFrame({"run_id": range(36), "k": np.repeat(range(12), 3), "b": b, "y": 2 * b})
    model = fit("B -> Y", frame, {"B": "b", "Y": "y"}, protocol="p", cluster="k")
    asked = {"at": [2.0], "baseline": 0.0, "refits": 39, "draws": 100}
    for refuter in (placebo_treatment, cluster_subsets, random_common_cause):
        found = refuter(model, "B", "Y", **asked)
        assert all(m.shift is None and m.spread is None for m in found.movements)
        # permuted values give effects about zero, subsets the effect itself
        assert all(m.holds for m in found.movements)
        text = found.summary()
        assert "does not vary between clusters" in text
        assert max(len(word) for word in text.split()) < 20


def test_an_outcome_without_noise_leaves_no_room_for_an_unmeasured_cause():
    b = np.tile([0.0, 1.0, 2.0], 12)
    frame = pd.DataFrame({"run_id": range(36), "k": np.repeat(range(12), 3), "b": b})
    frame["m"] = 3 * b + np.random.default_rng(1).normal(size=36)
    frame["y"] = 2 * b + frame["m"] / 2
    roles = {"B": "b", "M": "m", "Y": "y"}
    graph = "B -> M; B -> Y; M -> Y"
    model = fit(graph, frame, roles, protocol="p", cluster="k", mechanisms=LINEAR)
    with pytest.raises(ConfigurationError, match="Y does not vary given its causes"):
        partial_r2_sensitivity(model, "B", "Y", draws=100)
    found = robustness(model, "B", "Y", at=[2], baseline=0, refits=39, draws=100)
    assert {f.test for f in found.skipped} == {"partial R2", "correlated errors"}
    assert max(len(word) for word in found.summary().split()) < 30
