"""Kernel densities against the sum that defines them and against normal closed forms."""

import numpy as np
import pytest
from scipy import stats

from causalhyper.inference import bandwidth, kernel_densities


def slow(values, points, width):
    """The sum over all draws."""
    return stats.norm.pdf(points, loc=values[..., None], scale=width).mean(axis=-2)


@pytest.mark.parametrize("width", [0.05, 0.4, 3.0])
def test_binned_densities_are_the_sum_of_kernels_to_a_thousandth_of_the_peak(width):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, 3, 500)) + np.arange(3)[:, None]
    points = np.linspace(-4, 6, 41)
    expected = slow(values, points, width)
    found = kernel_densities(values, points, width)
    assert found.shape == (2, 3, 41)
    np.testing.assert_allclose(found, expected, atol=2e-3 * expected.max())


def test_draws_far_from_every_point_count_for_nothing():
    values = np.array([[0.0, 0.5, 1e9, -1e9]])
    points = np.array([0.0, 1.0])
    found = kernel_densities(values, points, 0.3)
    np.testing.assert_allclose(found, slow(values, points, 0.3), atol=2e-3)


def test_smoothed_normal_draws_are_normal_with_the_variances_added():
    # 10^5 stratified draws: what is left is the error of binning
    draws = stats.norm.ppf((np.arange(10**5) + 0.5) / 10**5, scale=0.8)
    points = np.linspace(-2, 2, 9)
    found = kernel_densities(draws[None], points, 0.6)[0]
    np.testing.assert_allclose(found, stats.norm.pdf(points), rtol=2e-3)


def test_a_density_integrates_to_one():
    draws = np.random.default_rng(1).exponential(size=(1, 400))
    points = np.linspace(-3, 15, 2001)
    total = np.trapezoid(kernel_densities(draws, points, 0.3)[0], points)
    assert total == pytest.approx(1, abs=1e-4)


def test_the_bandwidth_is_silvermans_for_the_narrowest_distribution():
    rng = np.random.default_rng(2)
    narrow, wide = rng.normal(size=10**5), 5 * rng.normal(size=10**5)
    expected = 0.9 * 100**-0.2
    assert bandwidth(np.stack([wide, narrow]), 100) == pytest.approx(expected, rel=0.02)
    # heavy tails: the interquartile range decides
    heavy = stats.t.ppf((np.arange(10**4) + 0.5) / 10**4, df=3)
    iqr = stats.t.ppf(0.75, df=3) * 2
    assert bandwidth(heavy[None], 100) == pytest.approx(expected * iqr / 1.349, rel=0.01)
    assert bandwidth(np.ones((1, 9)), 100) == 0
