"""Power of t tests: limits, inverses, many comparisons, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from causalhyper.errors import ConfigurationError
from causalhyper.inference.power import (
    Comparison,
    clusters_for,
    detectable,
    pointwise,
    power_of,
    sd_interval,
    seeds_needed,
    simultaneous,
)

arms = st.sampled_from([1, 2])


@given(arms, st.integers(2, 5000), st.floats(1e-6, 0.3))
def test_without_an_effect_the_power_is_the_size(arms, clusters, size):
    comparison = Comparison(1.0, arms, arms)
    found = power_of(comparison, 0.0, clusters, pointwise(1 - size))
    assert found == pytest.approx(size, rel=1e-6, abs=1e-12)


@given(arms, st.floats(0.01, 100), st.floats(0.05, 3), st.floats(0.1, 0.99))
def test_the_fewest_clusters_reach_the_target_and_one_less_does_not(arms, sd, ratio, target):
    comparison, effect = Comparison(sd, arms, arms), ratio * sd
    n = int(clusters_for(comparison, effect, target, pointwise(0.95)))
    assert power_of(comparison, effect, n, pointwise(0.95)) >= target
    if n > comparison.fewest:
        assert power_of(comparison, effect, n - 1, pointwise(0.95)) < target


@given(arms, st.integers(3, 500), st.floats(0.1, 0.999))
def test_the_detectable_effect_has_the_target_power(arms, clusters, target):
    comparison = Comparison(2.0, arms, arms)
    effect = detectable(comparison, clusters, target, pointwise(0.95))
    assert power_of(comparison, effect, clusters, pointwise(0.95)) == pytest.approx(target)


def test_power_far_out_is_one_and_never_undefined():
    for df_lost, n in ((1, 2), (1, 5), (1, 401), (1, 10**6)):
        for effect in (3.0, 9.0, 50.0, 1e4):
            found = power_of(Comparison(1.0, 1, df_lost), effect, n, pointwise(0.95, 50))
            assert 0.0 < found <= 1 + 1e-12


def test_many_clusters_need_the_normal_formula():
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    n = clusters_for(Comparison(1.0), 0.002, 0.8, pointwise(0.95))
    assert n == pytest.approx((z / 0.002) ** 2, rel=1e-5)


@pytest.mark.parametrize(("df", "tabled"), [(10, 2.99), (20, 2.73), (60, 2.58)])
def test_simultaneous_critical_values_are_dunnetts(df, tabled):
    """Two-sided, five treatments against a control: Dunnett 1964, table 2."""
    correlation = np.full((5, 5), 0.5) + 0.5 * np.eye(5)
    assert simultaneous(0.95, correlation, seed=1)(df) == pytest.approx(tabled, abs=0.015)


def test_values_that_move_together_need_no_correction():
    critical = simultaneous(0.95, np.ones((3, 3)), seed=1)
    assert critical(12) == pytest.approx(stats.t.isf(0.025, 12), rel=0.01)


def test_the_interval_of_a_standard_deviation_holds_it_in_95_percent_of_samples():
    rng = np.random.default_rng(1)
    sds = rng.normal(scale=3.0, size=(20_000, 8)).std(axis=1, ddof=1)
    ends = np.array([sd_interval(s, 7, 0.95) for s in sds])
    held = ((ends[:, 0] <= 3) & (ends[:, 1] >= 3)).mean()
    assert held == pytest.approx(0.95, abs=0.006)


def test_seeds_by_the_textbook():
    # Cohen 1988: d = 0.5 takes 64 a group, 34 pairs
    assert seeds_needed(0.5, 1.0) == 64
    assert seeds_needed(0.5, 1.0, correlation=0.5) == 34
    assert seeds_needed(-0.5, 1.0, correlation=0.5) == 34


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"effect": 0.0}, "other than 0"),
        ({"effect": float("nan")}, "other than 0"),
        ({"sd": 0.0}, "must be positive"),
        ({"sd": float("inf")}, "must be positive"),
        ({"correlation": 1.0}, r"must lie in \[-1, 1\)"),
        ({"correlation": -1.1}, r"must lie in \[-1, 1\)"),
        ({"level": 95}, "level must lie between"),
        ({"target": 0.01}, "target power must lie between 0.05"),
        ({"target": 1.0}, "target power must lie between 0.05"),
        ({"effect": 1e-9}, "too small beside"),
    ],
)
def test_what_no_plan_meets_is_refused(given, message):
    asked = {"effect": 0.5, "sd": 1.0} | given
    effect, sd = asked.pop("effect"), asked.pop("sd")
    with pytest.raises(ConfigurationError, match=message):
        seeds_needed(effect, sd, **asked)
