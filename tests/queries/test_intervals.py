"""Every kind of interval through a verb: closed forms, explicit refits, bytes, refusals."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causalhyper import LINEAR, effect_curve, fit
from causalhyper.errors import ConfigurationError
from causalhyper.queries.experiments.experiment import natural_world
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.queries.experiments.uncertainty import INTERVALS
from causalhyper.results import adjust_estimates
from tests.simulated import CHAIN, ROLES, Truth, runs

ASKED = {"at": [2.0, 4.0], "baseline": 1.0, "draws": 150}


def _frame(clusters=9, repeats=1, seed=0):
    return runs(
        Truth(), np.random.default_rng(seed), clusters=clusters, repeats=repeats, block_sd=0.5
    )


def _fit(frame, **more):
    return fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR, **more)


@pytest.fixture(scope="module")
def model():
    return _fit(_frame())


def _differences(frame):
    wide = frame.pivot_table(index="k", columns="b", values="g")
    return wide[4.0] - wide[1.0]


def test_by_default_the_designs_contrast_is_the_paired_t_test(model):
    expected = stats.ttest_1samp(_differences(_frame()), 0)
    found = effect_curve(model, "B", "G", **ASKED).design[1]
    limits = expected.confidence_interval(0.95)
    assert found.lower == pytest.approx(limits.low, rel=1e-9)
    assert found.upper == pytest.approx(limits.high, rel=1e-9)
    assert found.df == 8
    frame = adjust_estimates([found])
    assert frame["p_value"].iloc[0] == pytest.approx(expected.pvalue, rel=1e-9)


def test_with_unequal_strata_the_designs_contrast_is_welchs():
    frame = _frame(12)
    frame["h"] = (frame["k"] >= 4).astype(int)
    frame.loc[frame["h"] == 0, "g"] *= 3
    found = effect_curve(_fit(frame, context="h"), "B", "G", **ASKED).design[1]
    d = _differences(frame)
    parts = [d[:4], d[4:]]
    # a third and two thirds of the clusters
    variances = [(len(p) / 12) ** 2 * p.var(ddof=1) / len(p) for p in parts]
    assert found.se == pytest.approx(sum(variances) ** 0.5, rel=1e-9)
    df = sum(variances) ** 2 / sum(
        v**2 / (len(p) - 1) for v, p in zip(variances, parts, strict=True)
    )
    assert found.df == pytest.approx(df, rel=1e-9)
    assert "Welch-Satterthwaite" in found.method


def test_a_cluster_left_out_is_the_model_fitted_without_it():
    frame = _frame(8)
    experiment = make_experiment(_fit(frame), "B", "G", **ASKED)
    means = experiment.means({"natural": natural_world}, alone=True)["natural"]
    assert len(means) == 1 + 150 + 8
    for gone in (0, 5):
        other = make_experiment(_fit(frame[frame["k"] != gone]), "B", "G", **ASKED)
        expected = other.means({"natural": natural_world}, alone=True)["natural"][0]
        # contrasts of a bilinear model do not depend on which residuals were drawn
        found = means[151 + gone]
        assert found[1:] - found[0] == pytest.approx(expected[1:] - expected[0], abs=1e-8)


def test_the_jackknife_standard_error_is_that_of_explicit_refits():
    frame = _frame(8)
    found = effect_curve(_fit(frame), "B", "G", **ASKED).graph[1]
    refits = [
        effect_curve(_fit(frame[frame["k"] != gone]), "B", "G", **ASKED).graph[1].estimate
        for gone in range(8)
    ]
    assert found.se == pytest.approx((7 * np.var(refits)) ** 0.5, rel=1e-7)


def test_standard_errors_within_a_resample_leave_out_one_copy_at_a_time(model):
    experiment = make_experiment(model, "B", "G", **ASKED, interval="studentized")
    u, w = experiment.uncertainty, experiment.replicates.weights
    contrasts = experiment.design.contrasts(w)
    found = u.bands(contrasts)
    d = np.array([_differences(_frame())]).ravel()
    t = []
    for row in w[1:151]:
        copies = np.repeat(d, np.rint(row * 8 / 9).astype(int))
        t.append((copies.mean() - d.mean()) / (copies.std(ddof=1) / 8**0.5))
    se = d.std(ddof=1) / 3
    assert found.lower[1] == pytest.approx(d.mean() - se * np.quantile(t, 0.975), rel=1e-8)
    assert found.upper[1] == pytest.approx(d.mean() - se * np.quantile(t, 0.025), rel=1e-8)


@pytest.mark.parametrize("interval", INTERVALS)
def test_the_same_seed_gives_the_same_bytes_and_the_method_names_the_kind(model, interval):
    first, again = (effect_curve(model, "B", "G", **ASKED, interval=interval) for _ in range(2))
    assert first.to_frame().to_csv() == again.to_frame().to_csv()
    words = {"t": "jackknife", "bootstrap": "cluster bootstrap standard errors"}
    word = words.get(interval, interval.replace("studentized", "studentised"))
    for e in first.estimates:
        assert word.lower() in e.method.lower()
        assert e.lower < e.upper
        assert e.joint_lower < e.joint_upper


def test_percentile_limits_are_quantiles_of_the_drawn_differences(model):
    found = effect_curve(model, "B", "G", **ASKED, interval="percentile").design[1]
    experiment = make_experiment(model, "B", "G", **ASKED, interval="percentile")
    w = experiment.replicates.weights[1:]
    drawn = w @ _differences(_frame()).to_numpy() / 9
    assert found.lower == pytest.approx(np.quantile(drawn, 0.025), rel=1e-9)
    assert found.upper == pytest.approx(np.quantile(drawn, 0.975), rel=1e-9)


def test_all_kinds_share_the_estimate_and_the_resamples(model):
    curves = {k: effect_curve(model, "B", "G", **ASKED, interval=k) for k in INTERVALS}
    estimates = {k: [e.estimate for e in c.estimates] for k, c in curves.items()}
    assert all(found == estimates["t"] for found in estimates.values())
    assert curves["t"].graph[0].lower == curves["jackknife"].graph[0].lower


@pytest.mark.parametrize("interval", ["t", "bca"])
def test_where_a_cluster_cannot_be_spared_the_bootstrap_stands_in_and_the_method_says_so(interval):
    frame = _frame(10)
    # every value but the first was run in two clusters; one of them has the last value alone
    frame = frame[(frame["b"] < 4) | (frame["k"] == 3)]
    found = effect_curve(
        _fit(frame), "B", "G", at=[4.0], baseline=1.0, draws=150, interval=interval
    )
    assert "cannot be fitted without one of 1 cluster(s)" in found.design[0].method
    with pytest.raises(ConfigurationError, match="no studentised intervals"):
        effect_curve(
            _fit(frame), "B", "G", at=[4.0], baseline=1.0, draws=150, interval="studentized"
        )


def test_beyond_100_clusters_t_is_the_bootstraps():
    k = np.repeat(np.arange(101), 2)
    frame = pd.DataFrame({"run_id": [f"r{i}" for i in range(202)], "k": k, "b": k * 0.0})
    frame["b"] = np.tile([1.0, 2.0], 101)
    frame["g"] = frame["b"] + np.random.default_rng(0).normal(size=202)
    roles = {"B": "b", "G": "g"}
    big = fit("B -> G", frame, roles, protocol="p", cluster="k", mechanisms=LINEAR)
    found = effect_curve(big, "B", "G", at=[2.0], baseline=1.0, draws=100)
    assert "cluster bootstrap standard errors" in found.graph[0].method


def test_unknown_kinds_and_strata_too_small_are_refused(model):
    with pytest.raises(ConfigurationError, match="no interval 'gaussian'"):
        effect_curve(model, "B", "G", **ASKED, interval="gaussian")
    frame = _frame(8)
    frame["h"] = (frame["k"] >= 2).astype(int)
    with pytest.raises(ConfigurationError, match="at least 3 clusters"):
        effect_curve(_fit(frame, context="h"), "B", "G", **ASKED, interval="studentized")
