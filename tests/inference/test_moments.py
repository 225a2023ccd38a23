"""Moments within contexts are those of row-level least squares with context dummies."""

import numpy as np
import pytest

from causalhyper.inference.moments import partial_out, partial_r2, slopes_on, within_moments
from causalhyper.mechanisms import make_groups


def _case(kind):
    rng = np.random.default_rng(5)
    clusters = np.repeat(np.arange(12), 10)
    contexts = {
        "none": np.zeros(120, dtype=int),
        "inside clusters": np.repeat(np.arange(24), 5),
        "clusters inside": np.repeat([0, 1, 2], 40),
        "crossed": np.tile([0, 1], 60),
    }[kind]
    columns = rng.normal(size=(120, 4)) + rng.normal(size=(24, 4))[contexts]
    columns[:, 3] += columns[:, 0] - 0.5 * columns[:, 1]
    return columns, make_groups(clusters, contexts), rng.integers(0, 3, size=(6, 12)).astype(float)


def _by_rows(columns, groups, weights, given, of):
    """Residual moments from least squares on the columns and a dummy for each context."""
    root = np.sqrt(weights[groups.clusters])[:, None]
    dummies = np.eye(groups.context_count)[groups.contexts]
    X = np.column_stack([dummies, columns[:, given]]) * root
    Y = columns[:, of] * root
    beta = np.linalg.lstsq(X, Y, rcond=None)[0]
    residual = Y - X @ beta
    return residual.T @ residual, beta[groups.context_count :]


KINDS = ["none", "inside clusters", "clusters inside", "crossed"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", [[], [0], [0, 1]])
def test_partialling_out_is_least_squares_with_a_dummy_for_each_context(kind, given):
    columns, groups, weights = _case(kind)
    moments = within_moments(columns, groups, weights)
    found = partial_out(moments.products, given, [2, 3])
    slopes = slopes_on(moments.products, given, [2, 3]) if given else None
    for r, w in enumerate(weights):
        expected, beta = _by_rows(columns, groups, w, given, [2, 3])
        np.testing.assert_allclose(found[r], expected, atol=1e-9)
        if slopes is not None:
            np.testing.assert_allclose(slopes[r], beta, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_the_means_are_the_weighted_means_within_contexts(kind):
    columns, groups, weights = _case(kind)
    moments = within_moments(columns, groups, weights)
    means = np.broadcast_to(moments.means, (6, *moments.means.shape[1:]))
    for r, w in enumerate(weights):
        rows = w[groups.clusters]
        for c in range(groups.context_count):
            own = rows * (groups.contexts == c)
            if own.sum() > 0:
                expected = own @ columns / own.sum()
                np.testing.assert_allclose(means[r, c], expected, atol=1e-10)
    np.testing.assert_allclose(moments.total, weights @ np.full(12, 10.0))


def test_partial_r2_is_the_drop_of_the_residual_sum_of_squares():
    columns, groups, _ = _case("crossed")
    products = within_moments(columns, groups, np.ones((1, 12))).products
    before = _by_rows(columns, groups, np.ones(12), [1], [3])[0][0, 0]
    after = _by_rows(columns, groups, np.ones(12), [1, 0, 2], [3])[0][0, 0]
    assert partial_r2(products, 3, [0, 2], [1]) == pytest.approx(1 - after / before, rel=1e-10)


def test_a_collinear_regressor_changes_no_residual():
    columns, groups, weights = _case("none")
    doubled = np.column_stack([columns, 2 * columns[:, 0]])
    moments = within_moments(doubled, groups, weights).products
    np.testing.assert_allclose(
        partial_out(moments, [0, 4], [3]), partial_out(moments, [0], [3]), atol=1e-8
    )
