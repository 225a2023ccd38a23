"""Granger's test agrees with statsmodels, and warns of series that drift."""

import warnings

import numpy as np
import pytest
from scipy import stats
from statsmodels.tsa.api import VAR
from statsmodels.tsa.stattools import grangercausalitytests

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.significance.layers.lagged import lagged_tests


def series(rows: int = 250) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(6)
    x, y = np.zeros(rows), np.zeros(rows)
    for t in range(2, rows):
        x[t] = 0.5 * x[t - 1] + rng.normal()
        y[t] = 0.4 * y[t - 1] + 0.3 * y[t - 2] + 0.4 * x[t - 2] + rng.normal()
    return 1e-9 * (x + 4), y


@pytest.mark.parametrize("lags", [1, 2, 5])
def test_f_in_both_directions_is_that_of_statsmodels(lags: int) -> None:
    x, y = series()
    found = lagged_tests(x, y, lags=lags, draws=9, difference=0).directions
    for direction, data in zip(found, ([y, 1e9 * x], [1e9 * x, y]), strict=True):
        peer = grangercausalitytests(np.column_stack(data), [lags])[lags]
        f, p, *_ = peer[0]["ssr_ftest"]
        assert direction.f == pytest.approx(f, rel=1e-8)
        assert direction.p_f == pytest.approx(p, rel=1e-6)
        restricted, full = peer[1][:2]
        robust = full.get_robustcov_results("HAC", maxlags=3, use_correction=False)
        wald = robust.wald_test(np.asarray(peer[1][2]), scalar=True)
        again = lagged_tests(
            x, y, lags=lags, kernel="bartlett", bandwidth=4, draws=9, difference=0
        )
        own = again.directions[found.index(direction)].wald
        assert own.value == pytest.approx(float(wald.statistic), rel=1e-8)
        assert restricted.nobs == again.rows


def test_bic_chooses_the_lags_that_statsmodels_chooses() -> None:
    x, y = series()
    found = lagged_tests(x, y, most=8, draws=9, difference=0)
    assert found.lags == VAR(np.column_stack([1e9 * x, y])).select_order(8).bic
    assert found.chosen


def test_the_planted_direction_is_found_and_the_other_is_not() -> None:
    found = lagged_tests(*series(), draws=199)
    assert [d.p <= 0.05 for d in found.directions] == [True, False]
    assert found.to_frame()[["cause", "effect"]].to_numpy().tolist() == [
        ["movement", "loss"],
        ["loss", "movement"],
    ]
    assert ", not differenced" in found.summary()
    assert ", differenced once" in lagged_tests(*series(), draws=9, difference=1).summary()
    lines = found.summary().splitlines()
    assert lines[-2].startswith("movement to loss: past movement tells more about loss")
    assert lines[-1].startswith("loss to movement: no sign")


def test_an_effect_within_the_step_takes_the_instantaneous_term() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    y = x + 0.1 * rng.normal(size=200)
    without = lagged_tests(x, y, lags=1, draws=199).directions[0]
    with_ = lagged_tests(x, y, lags=1, draws=199, instantaneous=True).directions[0]
    assert without.p > 0.05 >= with_.p
    assert with_.wald.tested == 2


def test_a_random_walk_is_warned_of_and_its_differences_are_not() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 300)).cumsum(axis=1)
    with pytest.warns(UserWarning, match="may not be stationary"):
        found = lagged_tests(x, y, lags=1, draws=9, difference=0)
    assert "may not be stationary: unit root p" in found.summary()
    once = lagged_tests(x, y, lags=1, draws=9)
    assert (once.difference, once.rows) == (1, 298)


def test_an_unknown_kernel_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="one of bartlett, quadratic_spectral; got 'x'"):
        lagged_tests(*series(), kernel="x")


def test_wrong_input_is_refused() -> None:
    x, y = series()
    for wrong in ({"lags": 0}, {"most": 0}, {"draws": 0}, {"alpha": 1.0}, {"difference": -1}):
        with pytest.raises(ConfigurationError):
            lagged_tests(x, y, **wrong)
    with pytest.raises(DataError, match="too few"):
        lagged_tests(x[:30], y[:30], most=12)
    with pytest.raises(DataError, match="vary"):
        lagged_tests(np.ones(250), y)
    with pytest.raises(ConfigurationError, match="one value a row"):
        lagged_tests(x, y[1:])


@pytest.mark.slow
def test_series_that_fall_together_are_differenced_and_then_near_their_size() -> None:
    rng = np.random.default_rng(7)
    fall = np.exp(-2.5 * np.arange(200) / 200)
    levels, default = 0, 0
    for _ in range(100):
        z = rng.normal(size=(300, 2))
        for t in range(1, 300):
            z[t] = 0.84 * z[t - 1] + np.sqrt(1 - 0.84**2) * z[t]
        movement, loss = fall * np.exp(0.3 * z[100:, 0]), fall * (z[100:, 1] - 2)
        levels += falls(movement, loss, 0)
        default += falls(movement, loss, None)
    assert default <= stats.binom.ppf(0.999, 100, 0.08)
    assert levels >= 2 * default


def falls(movement: np.ndarray, loss: np.ndarray, difference: int | None) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = lagged_tests(movement, loss, draws=99, difference=difference)
    return found.directions[0].p <= 0.05
