"""Intervals of probabilities against scipy's and by simulation."""

import numpy as np
import pytest
from scipy import stats

from causalhyper.inference import proportion_interval


def ends(p, se, **given):
    options = {"df": 23, "level": 0.95, "clusters": 24} | given
    low, high = proportion_interval(np.array([p]), np.array([se]), **options)
    return float(low[0]), float(high[0])


@pytest.mark.parametrize("hits", [0, 1, 12, 24])
def test_without_a_standard_error_the_interval_is_clopper_and_pearsons(hits):
    exact = stats.binomtest(hits, 24).proportion_ci(0.95, method="exact")
    assert ends(hits / 24, 0.0) == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_the_interval_is_students_t_on_the_logistic_scale():
    p, se = 0.2, 0.05
    t = stats.t.ppf(0.975, 23)
    logit = np.log(p / (1 - p)) + np.array([-1, 1]) * t * se / (p * (1 - p))
    assert ends(p, se) == pytest.approx(tuple(1 / (1 + np.exp(-logit))), abs=1e-12)


@pytest.mark.parametrize("p", [1e-6, 0.003, 0.5, 0.999])
@pytest.mark.parametrize("se", [0.0, 1e-4, 0.3])
def test_an_interval_holds_its_estimate_and_stays_between_0_and_1(p, se):
    low, high = ends(p, se)
    assert 0 <= low <= p <= high <= 1


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_swapping_an_event_for_its_opposite_mirrors_the_interval(p):
    low, high = ends(p, 0.04)
    assert ends(1 - p, 0.04) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize("p", [0.05, 0.3])
def test_intervals_of_binomial_shares_cover_at_least_nearly_their_level(p):
    rng = np.random.default_rng(0)
    shares = rng.binomial(100, p, size=2000) / 100
    errors = np.sqrt(shares * (1 - shares) / 100)
    low, high = proportion_interval(shares, errors, df=99, level=0.95, clusters=100)
    # the logistic interval errs to the wide side; the bound is 5 binomial standard errors
    assert ((low <= p) & (p <= high)).mean() > 0.95 - 5 * (0.95 * 0.05 / 2000) ** 0.5
