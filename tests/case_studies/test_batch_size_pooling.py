"""Pooling over cells against closed forms, brute force and statsmodels."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize, stats
from statsmodels.stats.meta_analysis import combine_effects

from case_studies.batch_size.effects.pooling import between_variance, cluster_mean, pool
from causalhyper.errors import DataError

EFFECTS = np.array([0.031, -0.004, 0.012, 0.058, 0.020, 0.001])
ERRORS = np.array([0.004, 0.006, 0.003, 0.010, 0.008, 0.002])


def test_the_mean_over_cells_is_that_of_statsmodels() -> None:
    found = pool(EFFECTS, ERRORS)
    # their iteration stops at 1e-5 of its own scale unless it is told otherwise
    peer = combine_effects(EFFECTS, ERRORS**2, method_re="iterated", use_t=True, atol=1e-14)
    assert found.tau**2 == pytest.approx(peer.tau2, rel=1e-6)
    assert found.mean == pytest.approx(peer.mean_effect_re, rel=1e-6)
    assert found.se == pytest.approx(peer.sd_eff_w_re_hksj, rel=1e-6)
    assert found.q == pytest.approx(peer.q, rel=1e-9)
    low, high = peer.conf_int(use_t=True)[3]
    assert (found.lower, found.upper) == pytest.approx((low, high), rel=1e-6)


def test_with_equal_errors_the_variance_between_cells_is_the_excess_of_the_sample_variance() -> (
    None
):
    found = pool(EFFECTS, np.full(6, 0.01))
    assert found.tau**2 == pytest.approx(EFFECTS.var(ddof=1) - 1e-4, rel=1e-9)
    assert found.mean == pytest.approx(EFFECTS.mean())
    assert found.se == pytest.approx(stats.sem(EFFECTS))


def test_the_variance_between_cells_is_where_the_weighted_squares_meet_their_expectation() -> None:
    def excess(between: float) -> float:
        weights = 1 / (ERRORS**2 + between)
        return float(weights @ (EFFECTS - np.average(EFFECTS, weights=weights)) ** 2 - 5)

    root = optimize.brentq(excess, 0, 1, xtol=1e-18)
    assert between_variance(EFFECTS, ERRORS**2) == pytest.approx(root, rel=1e-9)


def test_alike_cells_have_no_variance_between_them_and_the_fixed_effect_mean() -> None:
    effects = 0.02 + 1e-4 * np.arange(6)
    found = pool(effects, ERRORS)
    weights = ERRORS**-2.0
    assert found.tau == 0
    assert found.mean == pytest.approx(weights @ effects / weights.sum())
    assert found.se == pytest.approx(weights.sum() ** -0.5)
    assert found.own == pytest.approx(np.full(6, found.mean))


def test_pooling_does_not_depend_on_the_unit() -> None:
    one, other = pool(EFFECTS, ERRORS), pool(1e-9 * EFFECTS, 1e-9 * ERRORS)
    assert other.mean == pytest.approx(1e-9 * one.mean, rel=1e-9)
    assert other.tau == pytest.approx(1e-9 * one.tau, rel=1e-9)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-9)


def test_a_cell_is_drawn_further_the_less_is_known_of_it() -> None:
    found = pool([0.0, 0.02, 0.06, 0.06], [0.004, 0.004, 0.004, 0.04])
    kept = (found.own - found.mean) / (np.array([0.0, 0.02, 0.06, 0.06]) - found.mean)
    assert kept[3] < kept[2] < 1
    shares = found.tau**2 / (found.tau**2 + np.array([0.004, 0.004, 0.004, 0.04]) ** 2)
    assert kept == pytest.approx(shares)


def test_two_cells_say_nothing_of_a_third() -> None:
    found = pool(EFFECTS[:2], ERRORS[:2])
    assert np.isnan([found.new_lower, found.new_upper]).all()
    wide = pool(EFFECTS, ERRORS)
    assert wide.new_lower < wide.lower < wide.mean < wide.upper < wide.new_upper


def test_the_cluster_interval_is_that_of_statsmodels() -> None:
    clusters = np.array([0, 0, 0, 1, 1, 2])
    peer = sm.OLS(EFFECTS, np.ones(6)).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True
    )
    mean, se, low, high = cluster_mean(EFFECTS, clusters)
    assert mean == pytest.approx(peer.params[0])
    assert se == pytest.approx(peer.bse[0], rel=1e-9)
    assert (low, high) == pytest.approx(tuple(peer.conf_int()[0]), rel=1e-9)


@pytest.mark.parametrize(
    ("effects", "errors"), [([0.1], [0.1]), ([0.1, 0.2], [0.1, 0.0]), ([0.1, 0.2], [0.1])]
)
def test_what_cannot_be_pooled_is_refused(effects: list[float], errors: list[float]) -> None:
    with pytest.raises(DataError, match="at least two cells"):
        pool(effects, errors)


def test_one_cluster_is_refused() -> None:
    with pytest.raises(DataError, match="needs two"):
        cluster_mean([0.1, 0.2], ["cora", "cora"])


@pytest.mark.slow
@pytest.mark.parametrize("tau", [0.0, 0.01, 0.03])
def test_intervals_of_the_mean_and_of_a_new_cell_cover(tau: float) -> None:
    rng = np.random.default_rng(7)
    cells, seeds, repeats = 13, 20, 3000
    mean = new = 0
    for _ in range(repeats):
        true = 0.02 + tau * rng.normal(size=cells + 1)
        spread = 0.01 * np.exp(rng.normal(0, 0.3, cells))
        runs = true[:cells, None] + spread[:, None] * rng.normal(size=(cells, seeds))
        found = pool(runs.mean(1), runs.std(1, ddof=1) / np.sqrt(seeds))
        mean += found.lower <= 0.02 <= found.upper
        new += found.new_lower <= true[-1] <= found.new_upper
    low = stats.binom.ppf(1e-4, repeats, 0.93) / repeats
    assert mean / repeats > low
    assert new / repeats > low
