"""Levels of the tests of columns, on trainings that chose no default."""

import numpy as np
import pytest
from scipy.stats import binom

from causalhyper.granger.lasso import DenseColumns
from causalhyper.granger.significance.screened import screen_then_test
from causalhyper.granger.significance.shifts import shift_test
from tests.granger.significance.trainings import SHAPES, training

RATE = 0.2


def test_trainings_have_the_shape_that_real_ones_have():
    for shape in SHAPES:
        data = training(shape, np.random.default_rng(0), 400, 300)
        zeros, sizes = np.mean(data.x == 0), data.x.mean(axis=0)
        assert 0.02 < zeros < 0.09
        assert sizes.max() > 1000 * sizes.min()
        assert 1e-11 < np.median(sizes) < 1e-7
        errors = [data.y[:100].std(), data.y[-100:].std()]
        assert (errors[0] > 3 * errors[1]) == (shape != "stationary")


def false_shares(method, shape, runs, strength):
    """False discovery proportions, and the share of the active columns that is found."""
    shares, power = [], []
    for seed in range(runs):
        rng = np.random.default_rng([7, seed])
        data = training(shape, rng, 300, 150, strength)
        found = screen_then_test(DenseColumns(data.x), data.y, rng=rng, method=method, level=RATE)
        true = data.active[found.columns]
        shares.append(np.mean(~true) if len(true) else 0.0)
        power.append(true.sum() / max(data.active.sum(), 1))
    return np.array(shares), np.mean(power)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["knockoffs", "debiased"])
@pytest.mark.parametrize("shape", ["stationary", "falling"])
def test_dependent_errors_are_no_reason_for_false_discoveries(method, shape):
    shares, _ = false_shares(method, shape, 40, 0.0)
    # nothing acts: a share is one or zero
    assert (shares > 0).sum() <= binom.ppf(0.999, 40, RATE)


@pytest.mark.slow
def test_the_debiased_lasso_finds_columns_that_act_at_its_level():
    shares, power = false_shares("debiased", "falling", 30, 0.8)
    assert shares.mean() <= RATE + 3 * shares.std() / np.sqrt(30)
    assert power > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["stationary", "falling"])
def test_rotations_have_their_level_at_200_steps(shape):
    found = 0
    for seed in range(150):
        rng = np.random.default_rng([8, seed])
        data = training(shape, rng, 200, 100)
        found += shift_test(DenseColumns(data.x), data.y)["design"].p_family.min() <= 0.05
    low, high = binom.interval(0.999, 150, 0.05)
    assert low <= found <= high
