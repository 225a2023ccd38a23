"""Size and power of rotations on series shaped like trainings: autocorrelated and decaying."""

import numpy as np
import pytest
from scipy.stats import binom

from causalhyper.granger.lasso import DenseColumns
from causalhyper.granger.significance.shifts import shift_test

REPETITIONS, STEPS, COLUMNS = 150, 300, 50


def autoregression(rng, rho=0.84):
    noise = rng.normal(size=STEPS + 50)
    for t in range(1, len(noise)):
        noise[t] = rho * noise[t - 1] + np.sqrt(1 - rho**2) * noise[t]
    return noise[50:]


def training(rng, decay):
    """Squared changes with a common factor, and a loss change that has nothing to do with them."""
    speed = np.exp(-3 * np.linspace(0, 1, STEPS)) if decay else np.ones(STEPS)
    common = np.exp(0.6 * autoregression(rng))
    x = (common * speed)[:, None] * np.exp(0.8 * rng.normal(size=(STEPS, COLUMNS)))
    return x, -speed * (1 + 0.3 * autoregression(rng))


def family_rejections(decay, effect=0.0, **options):
    found = 0
    for k in range(REPETITIONS):
        rng = np.random.default_rng(k)
        x, y = training(rng, decay)
        y = y - effect * x[:, 7]
        layer = shift_test(DenseColumns(x), y, shifts=59, rng=rng, **options)["design"]
        found += layer.p_family.min() <= 0.05
        if effect:
            assert layer.p_family.argmin() == 7 or layer.p_family.min() > 0.01
    return found


@pytest.mark.slow
@pytest.mark.parametrize("decay", [False, True])
def test_any_false_rejection_has_the_level_once_trend_and_spread_are_taken(decay):
    low, high = binom.interval(0.999, REPETITIONS, 0.05)
    assert low <= family_rejections(decay) <= high


@pytest.mark.slow
def test_rotating_a_trend_rejects_most_true_hypotheses():
    found = family_rejections(True, trend="none", spread="constant")
    assert found > 0.5 * REPETITIONS


@pytest.mark.slow
def test_a_column_that_drives_the_loss_is_found():
    assert family_rejections(True, effect=0.3) > 0.8 * REPETITIONS
