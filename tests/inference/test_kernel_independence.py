"""The kernel test: exact forms in small cases, and what it sees and does not see."""

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.inference import kernel_independence, partial_correlation
from causalhyper.inference.kernel_independence import _nystrom
from causalhyper.mechanisms import make_groups


def test_kernel(x, y, given, groups, **options):
    return kernel_independence(x, y, given, groups, rng=np.random.default_rng(1), **options)


test_kernel.__test__ = False


def draw(seed=0, clusters=24, rows=18, own=False):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(clusters), rows)
    noise = 0.5 * rng.normal(size=(3, clusters))[:, codes] + rng.normal(size=(3, len(codes)))
    return *noise, make_groups(codes, codes if own else 0 * codes)


def test_with_a_landmark_at_every_row_the_features_give_the_kernel_itself():
    values = np.random.default_rng(0).normal(size=(12, 2))
    apart = np.sqrt(((values[:, None] - values[None]) ** 2).sum(axis=2))
    width = np.median(apart[np.triu_indices(12, 1)])
    features = _nystrom(values, values)
    kernel = np.exp(-((apart / width) ** 2) / 2)
    np.testing.assert_allclose(features @ features.T, kernel, atol=1e-4)


def test_of_two_binary_variables_the_test_is_that_of_their_correlation():
    # features of a binary variable are linear in it, so the two statistics order flips alike
    rng = np.random.default_rng(2)
    codes = np.repeat(np.arange(11), 8)
    groups = make_groups(codes, codes)
    x = rng.integers(0, 2, size=88).astype(float)
    y = np.where(rng.random(88) < 0.75, x, 1 - x)
    linear = partial_correlation(x, y, [], groups, rng=rng)
    # centring within contexts makes more than two values, so take contexts apart
    groups = make_groups(codes, 0 * codes)
    linear = partial_correlation(x, y, [], groups, rng=rng)
    assert test_kernel(x, y, [], groups).p_value == pytest.approx(linear.p_value, abs=1e-12)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(
    "curve", [lambda e: 0.5 * e, lambda e: 0.5 * e**2, lambda e: np.cos(2 * e)]
)
def test_it_sees_linear_quadratic_and_wavy_dependence(curve, own):
    x, y, z, groups = draw(own=own)
    assert test_kernel(x + z, y + z + curve(x), [z], groups).p_value < 0.01


def test_quadratic_dependence_is_hidden_from_the_partial_correlation():
    x, y, z, groups = draw(seed=1)
    y = y + 0.5 * x**2
    rng = np.random.default_rng(0)
    assert partial_correlation(x, y, [z], groups, rng=rng).p_value > 0.05
    assert test_kernel(x, y, [z], groups).p_value < 0.01


def test_a_wavy_common_cause_is_not_mistaken_for_dependence():
    x, y, z, groups = draw(seed=2)
    x, y = x + 2 * np.sin(3 * z), y + 2 * np.sin(3 * z)
    assert partial_correlation(x, y, [z], groups, rng=np.random.default_rng(0)).p_value < 0.01
    assert test_kernel(x, y, [z], groups).p_value > 0.05


def test_spread_that_what_is_given_moves_is_not_mistaken_for_dependence():
    x, y, z, groups = draw(seed=3)
    found = test_kernel(x * np.exp(z / 2), y * np.exp(z / 2), [z], groups)
    assert found.p_value > 0.05


def test_intercepts_of_contexts_do_not_matter():
    x, y, z, groups = draw(own=True)
    shift = 5.0 * np.random.default_rng(9).normal(size=24)[groups.contexts]
    found = test_kernel(x, y, [z], groups)
    moved = test_kernel(x + shift, y - shift, [z], groups)
    assert moved.statistic == pytest.approx(found.statistic, rel=1e-6)
    assert moved.p_value == found.p_value


def test_the_order_of_the_two_variables_does_not_matter():
    x, y, z, groups = draw()
    found, other = test_kernel(x, y, [z], groups), test_kernel(y, x, [z], groups)
    assert found.statistic == pytest.approx(other.statistic, rel=1e-9)
    assert found.p_value == other.p_value


def test_the_same_generator_gives_the_same_numbers():
    x, y, z, groups = draw()
    assert test_kernel(x, y, [z], groups) == test_kernel(x, y, [z], groups)


def test_copies_of_rows_within_clusters_add_no_evidence():
    # each cluster ten times over: sums grow, and so do all flips
    x, y, _, groups = draw(clusters=12, rows=4)
    y = y + 0.2 * x
    many = make_groups(np.tile(groups.clusters, 10), np.zeros(480, dtype=int))
    one = partial_correlation(x, y, [], groups, rng=np.random.default_rng(0))
    ten = partial_correlation(
        np.tile(x, 10), np.tile(y, 10), [], many, rng=np.random.default_rng(0)
    )
    assert ten.p_value == pytest.approx(one.p_value, abs=1e-9)
    assert ten.statistic == pytest.approx(one.statistic, rel=1e-6)
    first = test_kernel(x, y, [], groups).p_value
    assert test_kernel(np.tile(x, 10), np.tile(y, 10), [], many).p_value < first + 0.05


def test_nothing_left_and_too_few_flips_are_refused():
    x, y, z, groups = draw()
    with pytest.raises(ConfigurationError, match="nothing is left of the second"):
        test_kernel(x, 3 * z, [z], groups)
    with pytest.raises(ConfigurationError, match="at least 19 sign flips"):
        test_kernel(x, y, [z], groups, flips=5)


def test_many_rows_are_affordable():
    rng = np.random.default_rng(0)
    x, y, z = rng.normal(size=(3, 10_000))
    groups = make_groups(np.arange(10_000) % 50, np.zeros(10_000, dtype=int))
    assert 0 < test_kernel(x, y, [z], groups, flips=99).p_value <= 1
