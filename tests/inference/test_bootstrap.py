"""Percentile, basic, BCa and studentised limits against scipy.stats.bootstrap and by hand."""

import warnings

import numpy as np
import pytest
from scipy import stats

from causalhyper.inference import (
    acceleration,
    basic_limits,
    bca_limits,
    leave_one_out,
    percentile_limits,
    studentized_limits,
)

LEVEL = 0.9


def _scipy(samples, method, statistic=None):
    statistic = statistic or (lambda *s, axis: sum(x.mean(axis=axis) for x in s))
    return stats.bootstrap(
        samples,
        statistic,
        n_resamples=999,
        confidence_level=LEVEL,
        method=method,
        rng=np.random.default_rng(5),
        vectorized=True,
    )


def _sample(n=15, seed=3):
    return np.random.default_rng(seed).exponential(size=n)


@pytest.mark.parametrize("method", ["percentile", "basic", "BCa"])
def test_limits_of_a_mean_of_clusters_are_those_of_scipy_on_its_own_resamples(method):
    y = _sample()
    expected = _scipy((y,), method)
    drawn, estimate = expected.bootstrap_distribution[:, None], np.array([y.mean()])
    left, weights = leave_one_out(np.zeros(15, dtype=int), np.ones((1, 15)))
    a = acceleration(left, (weights @ y / 15)[:, None])
    found = {
        "percentile": lambda: percentile_limits(drawn, LEVEL),
        "basic": lambda: basic_limits(estimate, drawn, LEVEL),
        "BCa": lambda: bca_limits(estimate, drawn, a, LEVEL),
    }[method]()
    assert found[0][0] == pytest.approx(expected.confidence_interval.low, abs=1e-10)
    assert found[1][0] == pytest.approx(expected.confidence_interval.high, abs=1e-10)


def test_bca_limits_of_two_strata_are_those_of_scipy_for_two_samples():
    a, b = _sample(9), _sample(20, 4)
    expected = _scipy((a, b), "BCa")
    strata = np.repeat([0, 1], [9, 20])
    left, weights = leave_one_out(strata, np.ones((1, 29)))
    both = np.concatenate([a / 9, b / 20])
    faster = acceleration(left, (weights @ both)[:, None])
    drawn = expected.bootstrap_distribution[:, None]
    found = bca_limits(np.array([a.mean() + b.mean()]), drawn, faster, LEVEL)
    assert found[0][0] == pytest.approx(expected.confidence_interval.low, abs=1e-10)
    assert found[1][0] == pytest.approx(expected.confidence_interval.high, abs=1e-10)


def test_an_estimate_outside_all_replicates_has_limits_all_the_same():
    drawn = np.linspace(1, 2, 200)[:, None]
    low, high = bca_limits(np.array([0.5]), drawn, np.zeros(1), LEVEL)
    assert 1 <= low[0] <= high[0] <= 2


def test_studentised_limits_are_quantiles_of_t_taken_from_the_estimate():
    rng = np.random.default_rng(0)
    estimate, se = np.array([2.0, -1.0]), np.array([0.5, 0.1])
    drawn, errors = rng.normal(size=(400, 2)), rng.uniform(1, 2, size=(400, 2))
    (low, high), joint, maxima = studentized_limits(estimate, se, drawn, errors, LEVEL)
    t = (drawn - estimate) / errors
    for i in range(2):
        ordered = np.sort(t[:, i])
        assert high[i] == pytest.approx(estimate[i] - se[i] * np.quantile(ordered, 0.05))
        assert low[i] == pytest.approx(estimate[i] - se[i] * np.quantile(ordered, 0.95))
    critical = np.quantile(np.abs(t).max(axis=1), LEVEL)
    assert joint[1] - estimate == pytest.approx(critical * se)
    assert maxima == pytest.approx(np.abs(t).max(axis=1))


def test_a_replicate_of_one_cluster_alone_has_no_t_statistic():
    rng = np.random.default_rng(1)
    drawn, errors = rng.normal(size=(300, 1)), np.ones((300, 1))
    errors[::10] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = studentized_limits(np.zeros(1), np.ones(1), drawn, errors, LEVEL)
    assert len(found[2]) == 270
    assert found[0][0][0] == pytest.approx(-np.quantile(np.delete(drawn, np.s_[::10]), 0.95))
