"""Wald tests for dependent errors agree with statsmodels, arch and closed forms."""

import json
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.sandwich_covariance import cov_hac

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.significance.layers.long_run import (
    choose_bandwidth,
    degrees_of,
    smoother,
)
from causalhyper.granger.significance.layers.wald import (
    bootstrap_p,
    dependent_weights,
    nested_regression,
    wald_statistic,
)
from tests.oracles.make_long_run import series

ARCH = json.loads((Path(__file__).parents[2] / "oracles" / "long_run.json").read_text("utf-8"))


def sample(rows: int = 120) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    given = np.column_stack([np.ones(rows), np.exp(-np.arange(rows) / 50), rng.normal(size=rows)])
    tested = rng.normal(size=(rows, 2)).cumsum(axis=0) * [1e-9, 1.0]
    error = np.convolve(rng.normal(size=rows + 5), np.ones(6) / 6, mode="valid")
    return tested, given, given @ [1.0, 2.0, 0.5] + tested @ [2e8, 0.0] + error


def test_the_wald_statistic_with_bartlett_weights_is_that_of_statsmodels() -> None:
    tested, given, y = sample()
    scaled = tested * [1e9, 1.0]
    for lags in (0, 3, 11):
        fit = sm.OLS(y, np.hstack([scaled, given])).fit(
            cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False}, use_t=True
        )
        peer = fit.f_test(np.eye(2, 5))
        found = wald_statistic(
            nested_regression(tested, given, y), kernel="bartlett", bandwidth=lags + 1
        )
        assert found.value == pytest.approx(float(peer.fvalue), rel=1e-8)
        assert found.p_asymptotic == pytest.approx(float(peer.pvalue), rel=1e-8)


def test_the_wald_statistic_with_quadratic_spectral_weights_is_that_of_statsmodels() -> None:
    tested, given, y = sample()
    fit = sm.OLS(y, np.hstack([tested * [1e9, 1.0], given])).fit()

    def weights(lags: int) -> np.ndarray:
        z = 6 * np.pi / 5 * np.arange(1, lags + 1) / 6.5
        return np.concatenate([[1.0], 3 / z**2 * (np.sin(z) / z - np.cos(z))])

    covariance = cov_hac(fit, nlags=119, weights_func=weights, use_correction=False)[:2, :2]
    value = fit.params[:2] @ np.linalg.solve(covariance, fit.params[:2]) / 2
    found = wald_statistic(
        nested_regression(tested, given, y), kernel="quadratic_spectral", bandwidth=6.5
    )
    assert found.value == pytest.approx(value, rel=1e-8)


def test_f_and_explained_share_are_those_of_nested_least_squares() -> None:
    tested, given, y = sample()
    small, large = sm.OLS(y, given).fit(), sm.OLS(y, np.hstack([tested * [1e9, 1], given])).fit()
    found = nested_regression(tested, given, y)
    assert found.f == pytest.approx(large.compare_f_test(small)[0], rel=1e-9)
    assert found.explained == pytest.approx(1 - large.ssr / small.ssr, rel=1e-9)
    np.testing.assert_allclose(found.residuals, large.resid, atol=1e-10)


def test_long_run_covariances_and_bandwidths_are_those_of_arch() -> None:
    x = series()
    for kernel, shift in (("bartlett", 1), ("quadratic_spectral", 0)):
        found = x.T @ smoother(kernel, 7.0 + shift, 100) @ x / 100
        np.testing.assert_allclose(found, ARCH[kernel]["covariance_7"], rtol=1e-10)
        width = choose_bandwidth(x, kernel, "newey_west")
        assert width == pytest.approx(ARCH[kernel]["newey_west"], rel=1e-10)


def test_the_bandwidth_of_an_autoregression_has_andrews_closed_form() -> None:
    rng = np.random.default_rng(0)
    x = np.zeros((20_000, 1))
    for t in range(1, len(x)):
        x[t] = 0.6 * x[t - 1] + rng.normal()
    alpha = {1: 4 * 0.36 / ((1 - 0.36) ** 2), 2: 4 * 0.36 / (1 - 0.6) ** 4}
    bartlett = 1.1447 * (alpha[1] * 20_000) ** (1 / 3)
    assert choose_bandwidth(x, "bartlett") == pytest.approx(bartlett, rel=0.05)
    spectral = 1.3221 * (alpha[2] * 20_000) ** (1 / 5)
    assert choose_bandwidth(x, "quadratic_spectral") == pytest.approx(spectral, rel=0.05)
    assert choose_bandwidth(1e-12 * x, "bartlett") == pytest.approx(bartlett, rel=0.05)


def test_the_cosine_variance_is_the_mean_of_squared_projections() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=50)
    projections = [
        np.sqrt(2 / 50) * sum(np.cos(np.pi * j * (t + 0.5) / 50) * x[t] for t in range(50))
        for j in range(1, 5)
    ]
    found = x @ smoother("cosine", 4, 50) @ x / 50
    assert found == pytest.approx(np.mean(np.square(projections)), rel=1e-12)
    assert degrees_of("cosine", 4, 50) == 4


def test_the_fixed_reference_of_one_column_is_a_squared_t() -> None:
    tested, given, y = sample()
    found = wald_statistic(nested_regression(tested[:, :1], given, y), bandwidth=8)
    assert found.p_fixed == pytest.approx(2 * stats.t.sf(np.sqrt(found.value), 8), rel=1e-9)
    assert found.p_fixed > found.p_asymptotic
    wide = wald_statistic(nested_regression(tested, given, y), bandwidth=1)
    assert np.isnan(wide.p_fixed)


def test_dependent_weights_have_triangular_correlation() -> None:
    weights = dependent_weights(12, 4, 200_000, np.random.default_rng(0))
    found = np.corrcoef(weights)[0, :6]
    np.testing.assert_allclose(found, [1, 0.75, 0.5, 0.25, 0, 0], atol=0.01)
    assert weights.var() == pytest.approx(1, abs=0.01)


def test_bootstrap_statistics_are_those_of_one_refit_each() -> None:
    tested, given, y = sample(60)
    regression = nested_regression(tested, given, y)
    statistic = wald_statistic(regression, kernel="bartlett", bandwidth=5)
    found = bootstrap_p(regression, statistic, draws=99, block=6, rng=np.random.default_rng(5))
    weights = dependent_weights(60, 6, 99, np.random.default_rng(5))
    restricted = sm.OLS(y, given).fit().resid
    larger = 0
    for b in range(99):
        fit = sm.OLS(weights[:, b] * restricted, np.hstack([tested * [1e9, 1.0], given])).fit(
            cov_type="HAC", cov_kwds={"maxlags": 4, "use_correction": False}, use_t=True
        )
        larger += float(fit.f_test(np.eye(2, 5)).fvalue) >= statistic.value
    assert found == pytest.approx((1 + larger) / 100)


def test_columns_that_add_nothing_and_unknown_kernels_are_refused() -> None:
    _, given, y = sample()
    with pytest.raises(DataError, match="combinations"):
        nested_regression(given[:, :1] + given[:, 1:2], given, y)
    with pytest.raises(DataError, match="degree of freedom"):
        nested_regression(np.eye(120)[:, :118], given, y)
    with pytest.raises(ConfigurationError, match="kernel"):
        smoother("parzen", 3.0, 10)
    with pytest.raises(ConfigurationError, match="andrews"):
        choose_bandwidth(given, "bartlett", "best")
