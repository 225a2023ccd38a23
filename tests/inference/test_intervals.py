"""Bands against Student's t from scipy."""

import numpy as np
import pytest
from scipy import stats

from causalhyper.inference import bands, cluster_weights

R = 20_000


def _of_means(sample, seed=0, level=0.95):
    """Bands of column means, each row a cluster."""
    K = len(sample)
    weights = cluster_weights(np.zeros(K, dtype=np.intp), R, np.random.default_rng(seed))
    return bands(sample.mean(axis=0), weights @ sample / K, df=K - 1, level=level, seed=seed)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("K", [6, 12, 40])
def test_the_band_of_a_mean_of_clusters_is_the_t_interval_of_scipy(K, level):
    sample = np.random.default_rng(K).normal(1.0, 2.0, size=(K, 1))
    found = _of_means(sample, level=level)
    truth = stats.ttest_1samp(sample[:, 0], 0.0).confidence_interval(level)
    # the bootstrap's standard deviation has relative Monte Carlo error near (2R)^-1/2 = 0.5%
    width = (truth.high - truth.low) / 2
    assert found.lower[0] == pytest.approx(truth.low, abs=0.02 * width)
    assert found.upper[0] == pytest.approx(truth.high, abs=0.02 * width)
    assert found.df == K - 1


def test_a_mean_over_equal_strata_has_the_textbook_standard_error():
    # stratified mean of H strata with n clusters each: Var = sum s_h^2 / n / H^2
    rng = np.random.default_rng(2)
    strata = np.repeat(np.arange(3), 5)
    sample = rng.normal(size=15) + 10.0 * strata
    weights = cluster_weights(strata, R, rng)
    found = bands(
        np.array([sample.mean()]),
        (weights @ sample / 15)[:, None],
        df=12,
        level=0.95,
        seed=0,
    )
    variances = [sample[strata == h].var(ddof=1) for h in range(3)]
    assert found.se[0] == pytest.approx((sum(variances) / 5 / 9) ** 0.5, rel=0.02)
    assert found.df == 12


def test_a_mean_over_unequal_strata_has_the_textbook_standard_error():
    # strata of n_h clusters weigh n_h / K: Var = sum (n_h / K)^2 s_h^2 / n_h
    rng = np.random.default_rng(3)
    strata = np.repeat(np.arange(4), [2, 2, 3, 20])
    sample = rng.normal(size=27) * np.where(strata < 3, 5.0, 1.0)
    weights = cluster_weights(strata, R, rng)
    replicates = (weights @ sample / 27)[:, None]
    found = bands(np.array([sample.mean()]), replicates, df=23, level=0.95, seed=0)
    parts = [sample[strata == h] for h in range(4)]
    expected = sum(len(p) * p.var(ddof=1) for p in parts) ** 0.5 / 27
    assert found.se[0] == pytest.approx(expected, rel=0.02)


def _normal(q, df, rho=0.0, seed=0):
    """Replicates that are exactly normal with standard deviation one and correlation rho."""
    rng = np.random.default_rng(seed)
    draws = rho**0.5 * rng.normal(size=(R, 1)) + (1 - rho) ** 0.5 * rng.normal(size=(R, q))
    return bands(np.zeros(q), draws, df=df, level=0.95, seed=seed)


def test_with_one_quantity_the_simultaneous_band_is_the_pointwise_one():
    found = _normal(1, 20)
    assert found.joint_upper[0] == pytest.approx(found.upper[0], rel=0.03)
    assert found.joint_lower[0] == pytest.approx(found.lower[0], rel=0.03)


@pytest.mark.parametrize("q", [1, 2, 5])
@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_the_simultaneous_band_is_never_narrower_than_the_pointwise_one(q, rho):
    found = _normal(q, 9, rho)
    assert (found.joint_upper >= found.upper).all()
    assert (found.joint_lower <= found.lower).all()


def test_two_independent_quantities_get_the_critical_value_of_the_studentised_maximum():
    # brute force: max of two |N(0,1)| over one sqrt(chi2_8 / 8)
    rng = np.random.default_rng(7)
    maxima = np.abs(rng.normal(size=(10**6, 2))).max(axis=1) / np.sqrt(rng.chisquare(8, 10**6) / 8)
    assert _normal(2, 8).critical == pytest.approx(np.quantile(maxima, 0.95), rel=0.03)


@pytest.mark.parametrize("t", [0.5, 1.5, 2.5])
def test_the_p_value_of_one_quantity_is_that_of_the_t_test(t):
    df = 11
    draws = np.random.default_rng(1).normal(size=(R, 1))
    estimate = np.array([t * draws.std(ddof=1)])
    found = bands(estimate, draws, df=df, level=0.95, seed=3)
    truth = 2 * stats.t.sf(t, df)
    assert found.statistic == pytest.approx(t)
    assert abs(found.p_value - truth) < 5 * np.sqrt(truth * (1 - truth) / R)


def test_quantities_that_never_vary_get_no_width_and_no_say_in_the_test():
    draws = np.random.default_rng(1).normal(size=(500, 1))
    both = np.column_stack([draws, np.full(500, 3.0)])
    found = bands(np.array([0.1, 3.0]), both, df=9, level=0.95, seed=0)
    assert found.se[1] == 0
    assert found.lower[1] == found.upper[1] == found.joint_upper[1] == 3.0
    assert found.statistic == pytest.approx(0.1 / found.se[0])


def test_without_any_variation_there_is_no_evidence():
    found = bands(np.zeros(2), np.zeros((99, 2)), df=9, level=0.95, seed=0)
    assert found.p_value == 1


@pytest.mark.parametrize("unit", [1e-12, 1e-6, 1e12])
def test_bands_scale_with_the_unit(unit):
    rng = np.random.default_rng(1)
    estimate, draws = np.array([0.3, 0.0]), rng.normal(size=(200, 2))
    asked = {"df": 9, "level": 0.95, "seed": 0}
    one = bands(estimate, draws, size=2.0, **asked)
    other = bands(unit * estimate, unit * draws, size=unit * 2.0, **asked)
    for name in ("se", "lower", "upper", "joint_lower", "joint_upper"):
        np.testing.assert_allclose(getattr(other, name), unit * getattr(one, name), rtol=1e-9)
    assert other.p_value == one.p_value
    assert other.statistic == pytest.approx(one.statistic)


def test_a_spread_is_rounding_beside_the_numbers_that_a_difference_is_made_of():
    # differences of numbers near 1000 are wrong by some 1e-13, however small they are themselves
    draws = 1e-13 * np.random.default_rng(1).normal(size=(200, 1))
    asked = {"df": 9, "level": 0.95, "seed": 0}
    assert bands(np.array([1e-13]), draws, size=1000.0, **asked).se[0] == 0
    assert bands(np.array([1e-13]), draws, size=1e-12, **asked).se[0] > 0
