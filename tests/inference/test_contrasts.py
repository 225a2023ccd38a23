"""Within-block contrasts: paired differences, and statsmodels where blocks are incomplete."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from causalhyper.inference import block_grams
from causalhyper.mechanisms import make_groups
from causalhyper.mechanisms.grams import solve
from causalhyper.mechanisms.grouping import grouped_grams


def _contrasts(y, dose, count, groups, weights):
    return solve(block_grams(y, dose, count, groups), weights)[0][:, : count - 1]


def _blocks(K=7, doses=3, seed=0):
    rng = np.random.default_rng(seed)
    block = np.repeat(np.arange(K), doses)
    dose = np.tile(np.arange(doses), K)
    return block, dose, rng.normal(size=K)[block] * 5 + dose**2 + rng.normal(size=len(block))


def test_a_complete_block_design_gives_the_mean_paired_difference():
    block, dose, y = _blocks()
    found = _contrasts(y, dose, 3, make_groups(block, block), np.ones((1, 7)))
    wide = y.reshape(7, 3)
    expected = (wide[:, 1:] - wide[:, :1]).mean(axis=0)
    assert found[0] == pytest.approx(expected, abs=1e-12)


def test_a_replicate_is_the_mean_over_the_drawn_blocks():
    block, dose, y = _blocks()
    w = np.array([[3.0, 0, 1, 0, 2, 1, 0]])
    found = _contrasts(y, dose, 3, make_groups(block, block), w)
    wide = y.reshape(7, 3)
    assert found[0] == pytest.approx(w[0] @ (wide[:, 1:] - wide[:, :1]) / 7, abs=1e-12)


@pytest.mark.parametrize("coarse", [False, True])
def test_an_incomplete_design_gives_the_dose_effects_of_ols_with_block_dummies(coarse):
    block, dose, y = _blocks(12, 4, seed=1)
    kept = np.random.default_rng(2).random(len(y)) < 0.6
    block, dose, y = block[kept], dose[kept], y[kept]
    blocks = block // 3 if coarse else block  # coarse: clusters lie within blocks
    found = _contrasts(y, dose, 4, make_groups(block, blocks), np.ones((1, 12)))
    frame = pd.DataFrame({"y": y, "d": dose, "g": blocks})
    params = smf.ols("y ~ C(d) + C(g)", frame).fit().params
    assert found[0] == pytest.approx([params[f"C(d)[T.{i}]"] for i in (1, 2, 3)], abs=1e-10)


def test_doses_that_never_meet_in_a_block_have_no_contrast():
    block = np.repeat(np.arange(4), 2)
    dose = np.array([0, 1, 0, 1, 2, 3, 2, 3])
    assert block_grams(dose * 1.0, dose, 4, make_groups(block, block)) is None


def test_doses_compared_by_way_of_others_have_a_contrast():
    block = np.repeat(np.arange(4), 2)
    dose = np.array([0, 1, 0, 1, 1, 2, 1, 2])
    found = _contrasts(dose * 2.0, dose, 3, make_groups(block, block), np.ones((1, 4)))
    assert found[0] == pytest.approx([2, 4])


def test_sums_from_counts_are_those_of_centred_indicators():
    rng = np.random.default_rng(3)
    # unequal blocks, two or three a cluster, in which some doses lack
    block = np.sort(np.r_[np.arange(30), rng.integers(0, 30, 200)])
    dose, y = rng.integers(0, 4, 230), 100 + rng.normal(size=230)
    groups = make_groups(block // 3, block)
    assert groups.absorbed
    found = block_grams(y, dose, 4, groups)
    expected = grouped_grams(np.eye(4)[dose][:, 1:], y, groups)
    assert found.xx == pytest.approx(expected.xx, abs=1e-12)
    assert found.xy == pytest.approx(expected.xy, abs=1e-11)
