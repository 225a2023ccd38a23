"""The wild cluster bootstrap against wildboottest, statsmodels and explicit refits."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from causalhyper import fit
from causalhyper.errors import ConfigurationError
from causalhyper.inference import block_grams, invert_test, wild_test
from causalhyper.mechanisms import make_groups
from causalhyper.mechanisms.grams import ClusterGrams, cluster_grams
from causalhyper.queries.design_tests.wild import wild_contrasts


def _regression(clusters=7, seed=0):
    rng = np.random.default_rng(seed)
    k = np.repeat(np.arange(clusters), rng.integers(3, 8, size=clusters))
    X = np.column_stack([np.ones(len(k)), rng.normal(size=len(k)) + rng.normal(size=clusters)[k]])
    y = 0.3 * X[:, 1] + rng.normal(size=clusters)[k] + rng.normal(size=len(k))
    return X, y, k


def _ols(y, X, k):
    return sm.OLS(y, X).fit(cov_type="cluster", cov_kwds={"groups": k}, use_t=True)


def test_estimate_standard_error_and_t_are_cr1_of_statsmodels():
    X, y, k = _regression()
    found = wild_test(cluster_grams(X, y, k, 7), 1, null=0.2, n=len(y), width=2)
    fitted = _ols(y, X, k)
    assert found.estimate == pytest.approx(fitted.params[1], rel=1e-10)
    assert found.se == pytest.approx(fitted.bse[1], rel=1e-10)
    test = fitted.t_test(([[0, 1]], [0.2]))
    assert found.t == pytest.approx(float(test.tvalue.item()), rel=1e-10)
    assert found.t_p_value == pytest.approx(2 * stats.t.sf(abs(found.t), 6), rel=1e-10)


def test_the_p_value_is_that_of_explicit_refits_to_every_set_of_signs():
    X, y, k = _regression(5, seed=3)
    null = 0.1
    found = wild_test(cluster_grams(X, y, k, 5), 1, null=null, weights="rademacher")
    free = X[:, :1]
    offset = null * X[:, 1]
    restricted = offset + free @ np.linalg.lstsq(free, y - offset, rcond=None)[0]
    seen = abs((_ols(y, X, k).params[1] - null) / _ols(y, X, k).bse[1])
    reached = 0
    for signs in product([1, -1], repeat=5):
        again = _ols(restricted + np.array(signs)[k] * (y - restricted), X, k)
        reached += abs((again.params[1] - null) / again.bse[1]) >= seen * (1 - 1e-9)
    assert found.enumerated
    assert found.draws == 32
    assert found.p_value == reached / 32


def test_the_interval_holds_what_the_test_does_not_reject():
    X, y, k = _regression(9, seed=1)
    grams = cluster_grams(X, y, k, 9)
    found = wild_test(grams, 1)
    for end, inward in ((found.lower, 1e-4), (found.upper, -1e-4)):
        assert wild_test(grams, 1, null=end + inward).p_value > 0.05
        assert wild_test(grams, 1, null=end - inward).p_value <= 0.05


def test_five_clusters_of_signs_reject_nothing_at_5_percent_and_six_points_do():
    X, y, k = _regression(5, seed=3)
    grams = cluster_grams(X, y, k, 5)
    signs = wild_test(grams, 1, weights="rademacher")
    assert signs.lower == -np.inf
    assert signs.upper == np.inf
    six = wild_test(grams, 1)
    assert six.weights == "Webb"
    assert np.isfinite(six.upper)


def test_the_contrast_of_complete_blocks_has_the_paired_t_statistic():
    rng = np.random.default_rng(0)
    k, dose = np.repeat(np.arange(8), 2), np.tile([0, 1], 8)
    y = rng.normal(size=16) + dose
    grams = block_grams(y, dose, 2, make_groups(k, k))
    found = wild_test(grams, 0)
    paired = stats.ttest_1samp(y[1::2] - y[::2], 0)
    assert found.t == pytest.approx(paired.statistic)
    assert found.t_p_value == pytest.approx(paired.pvalue)
    # with one difference a cluster, signs make it the sign-flip test of the mean
    d = y[1::2] - y[::2]
    means = np.array([np.dot(s, d) for s in product([1, -1], repeat=8)])
    assert found.p_value == np.mean(np.abs(means) >= abs(d.sum()) * (1 - 1e-9))


def test_clusters_without_data_count_for_nothing():
    X, y, k = _regression()
    grams = cluster_grams(X, y, k, 7)
    padded = ClusterGrams(
        np.pad(grams.xx, ((0, 2), (0, 0), (0, 0))), np.pad(grams.xy, ((0, 2), (0, 0)))
    )
    assert wild_test(padded, 1) == wild_test(grams, 1)


def test_the_same_seed_gives_the_same_bytes():
    X, y, k = _regression(20)
    grams = cluster_grams(X, y, k, 20)
    first, again, other = (wild_test(grams, 1, draws=999, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first != other
    assert first.weights == "Rademacher"


@pytest.mark.parametrize("more", [{"weights": "mammen"}, {"draws": 50}])
def test_unknown_weights_and_too_few_draws_are_refused(more):
    X, y, k = _regression()
    with pytest.raises(ConfigurationError, match="weights must be"):
        wild_test(cluster_grams(X, y, k, 7), 1, **more)


def test_collinear_columns_are_refused():
    X, y, k = _regression()
    with pytest.raises(ConfigurationError, match="collinear"):
        wild_test(cluster_grams(np.column_stack([X, X[:, 1]]), y, k, 7), 1)


@pytest.mark.slow
@pytest.mark.parametrize(("clusters", "weights"), [(6, "webb"), (10, "auto"), (20, "auto")])
def test_a_true_null_is_rejected_in_5_percent_of_data_sets(clusters, weights):
    rng = np.random.default_rng(clusters)
    rejected = []
    for seed in range(1000):
        k = np.repeat(np.arange(clusters), 4)
        dose = np.tile([0, 1, 0, 1], clusters)
        y = (1 + 0.7 * dose) * rng.normal(size=clusters)[k] + rng.normal(size=len(k))
        grams = block_grams(y, dose, 2, make_groups(k, k))
        found = wild_test(grams, 0, weights=weights, draws=999, seed=seed)
        rejected.append(found.p_value <= 0.05)
    low, high = (stats.binom.ppf(q, 1000, 0.05) / 1000 for q in (0.0005, 0.9995))
    assert low <= np.mean(rejected) <= high


@pytest.mark.parametrize("clusters", [8, 20])
def test_an_outcome_without_noise_has_an_interval_of_one_point(clusters):
    b = np.tile([0.0, 1.0, 2.0], clusters)
    frame = pd.DataFrame({"b": b, "y": 2 * b, "k": np.repeat(range(clusters), 3)})
    model = _fitted(frame)
    found = wild_contrasts(model, "B", "Y", at=[1, 2], baseline=0)
    for effect, test, truth in zip(found.contrasts, found.tests, (2.0, 4.0), strict=True):
        assert (effect.lower, effect.upper, effect.se) == (effect.estimate, effect.estimate, 0)
        assert effect.estimate == pytest.approx(truth)
        # the set of weights in hand and its mirror, of 2^8; or itself among 9999 sampled ones
        assert test.p_value == pytest.approx(2 / 2**8 if clusters == 8 else 1 / 10000)
        assert test.statistic == np.inf


def test_a_constant_outcome_has_no_effect():
    frame = pd.DataFrame({"b": np.tile([0.0, 1.0], 8), "k": np.repeat(range(8), 2), "y": 0.1})
    found = wild_contrasts(_fitted(frame), "B", "Y", at=[1], baseline=0)
    assert found.contrasts[0].estimate == pytest.approx(0, abs=1e-15)
    assert (found.tests[0].statistic, found.tests[0].p_value) == (0, 1)


@pytest.mark.parametrize("step", [1e-15, 1e-17, 5e-324])
def test_an_end_is_found_where_the_step_is_near_the_spacing_of_floats(step):
    ends = invert_test(lambda value: float(abs(value - 2.0) < 3e-15), 2.0, step, 0.05)
    assert not np.isfinite(ends[0]) or ends == pytest.approx((2.0, 2.0))


def _fitted(frame):
    named = frame.assign(run_id=range(len(frame)))
    return fit("B -> Y", named, {"B": "b", "Y": "y"}, protocol="p", cluster="k")
