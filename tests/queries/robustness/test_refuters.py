"""Refuters: exact permutation tests, and effects that move or stay as they should."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causalhyper import LINEAR, SPLINE, ConfigurationError, effect_curve, fit
from causalhyper.queries.robustness import (
    cluster_subsets,
    dummy_outcome,
    placebo_treatment,
    random_common_cause,
)
from causalhyper.queries.robustness.refitting import _fit_again, refit_model
from causalhyper.queries.robustness.targets import make_target, point_effects
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


@pytest.mark.parametrize("context", [(), "k"])
def test_fitting_the_same_runs_again_changes_nothing(context):
    model = _model(context=context)
    again = _fit_again(model, "B", "G", model.values, np.ones(model.n, dtype=bool), ())
    first, second = (
        effect_curve(m, "B", "G", **ASKED, draws=100).to_frame() for m in (model, again)
    )
    pd.testing.assert_frame_equal(first, second)
    assert again.roles == model.roles
    assert again.summary() == model.summary()


@pytest.mark.parametrize("options", [LINEAR, SPLINE])
@pytest.mark.parametrize("context", [(), "k"])
def test_the_short_way_to_refit_is_fitting_from_the_start(options, context):
    model = _model(context=context, mechanisms=options)
    rng = np.random.default_rng(5)
    everything = np.ones(model.n, dtype=bool)
    for values, rows in (
        ({"B": rng.permutation(model.values["B"])}, everything),
        ({"G": rng.permutation(model.values["G"])}, everything),
        ({}, ~np.isin(model.groups.clusters, [2, 5, 11])),
    ):
        quick = refit_model(model, treatment="B", outcome="G", values=values, rows=rows)
        slow = _fit_again(model, "B", "G", {**model.values, **values}, rows, ())
        target = make_target(model, "B", "G", [4.0], 1.0, 100, 1, 0.95)
        first, second = (point_effects(target, m) for m in (quick, slow))
        assert first.keys() == second.keys()
        for name in first:
            np.testing.assert_allclose(first[name], second[name], rtol=1e-9)


def test_a_subset_is_fitted_as_the_runs_of_these_clusters_alone_would_be():
    frame = runs(Truth(), np.random.default_rng(1), clusters=20, repeats=2)
    alone = fit(CHAIN, frame[frame.k < 12], ROLES, protocol="p", cluster="k", mechanisms=LINEAR)
    whole = fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)
    kept = whole.groups.clusters < 12
    part = refit_model(whole, treatment="B", outcome="G", rows=kept)
    target = make_target(whole, "B", "G", [4.0], 1.0, 100, 1, 0.95)
    for name, value in point_effects(target, alone).items():
        np.testing.assert_allclose(point_effects(target, part)[name], value, rtol=1e-9)


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
