"""Smoothers against explicit hat matrices and refits."""

import numpy as np
import pytest
from scipy.linalg import fractional_matrix_power

from causalhyper.inference.smoothing import (
    add_intercepts,
    centre,
    cluster_products,
    left_out_errors,
    regression_root,
    residuals,
    split_rows,
)
from causalhyper.mechanisms import make_groups


def sample(n=60, clusters=7, contexts="one", seed=0):
    """Two variables, two that they are conditioned on, and unequal clusters."""
    rng = np.random.default_rng(seed)
    codes = np.sort(rng.integers(0, clusters, size=n))
    codes[:clusters] = np.arange(clusters)
    kinds = {"one": np.zeros(n, dtype=int), "own": codes, "crossed": np.arange(n) % 3}
    return rng.normal(size=(4, n)), make_groups(codes, kinds[contexts])


@pytest.mark.parametrize("contexts", ["one", "own", "crossed"])
def test_residuals_are_those_of_least_squares_beside_context_dummies(contexts):
    (x, _, z, w), groups = sample(contexts=contexts)
    found = residuals(centre(x[:, None], groups), regression_root([z, w], 1, groups))[:, 0]
    dummies = np.eye(groups.context_count)[groups.contexts]
    X = np.column_stack([z, w, z * w, dummies])
    np.testing.assert_allclose(found, x - X @ np.linalg.lstsq(X, x, rcond=None)[0], atol=1e-10)


@pytest.mark.parametrize("contexts", ["one", "own", "crossed"])
def test_the_correction_is_the_inverse_root_of_each_cluster_s_own_hat_matrix(contexts):
    (x, y, z, _), groups = sample(contexts=contexts)
    root = add_intercepts(regression_root([z], 3, groups), groups)
    u, v = (residuals(centre(w[:, None], groups), root) for w in (x, y))
    found = cluster_products(u, v, root, groups.clusters)[:, 0, 0]
    for g in range(groups.cluster_count):
        rows = groups.clusters == g
        own = np.eye(rows.sum()) - root[rows] @ root[rows].T
        expected = u[rows].T @ fractional_matrix_power(own, -0.5) @ v[rows]
        assert found[g] == pytest.approx(expected.item().real, rel=1e-6)


def test_with_the_correction_squares_are_unbiased_where_the_noise_is_independent():
    # E (u_g' (I - H_g)^(-1/2) v_g)^2 = tr((I - H_g)) ... summed: n - rank, the variance of sum u v
    (_, _, z, _), groups = sample(n=40, clusters=5)
    root = add_intercepts(regression_root([z], 3, groups), groups)
    M = np.eye(40) - root @ root.T
    total = 0.0
    for rows in split_rows(groups.clusters):
        own = fractional_matrix_power(M[np.ix_(rows, rows)], -0.5).real
        # x and y standard normal: E (x' M_g' A M_g y)^2 = || M_g' A M_g ||^2
        total += (np.abs(M[rows].T @ own @ M[rows]) ** 2).sum()
    assert total == pytest.approx(40 - root.shape[1], rel=1e-9)


def test_a_direction_that_one_cluster_decides_alone_breaks_nothing():
    (x, y, _, _), groups = sample()
    alone = (groups.clusters == 2).astype(float)
    root = add_intercepts(regression_root([alone], 1, groups), groups)
    u, v = (residuals(centre(w[:, None], groups), root) for w in (x, y))
    found = cluster_products(u, v, root, groups.clusters)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("penalty", [0.0, 3.0])
def test_errors_of_clusters_left_out_are_those_of_refitting(penalty):
    rng = np.random.default_rng(4)
    F, Y = rng.normal(size=(50, 4)), rng.normal(size=(50, 2))
    folds = split_rows(np.arange(50) % 6)
    U, s, _ = np.linalg.svd(F, full_matrices=False)
    found = left_out_errors(Y, U * np.sqrt(s**2 / (s**2 + penalty)), folds)
    expected = np.zeros(2)
    for rows in folds:
        rest = np.setdiff1d(np.arange(50), rows)
        gram = F[rest].T @ F[rest] + penalty * np.eye(4)
        coefs = np.linalg.solve(gram, F[rest].T @ Y[rest])
        expected += ((Y[rows] - F[rows] @ coefs) ** 2).sum(axis=0)
    np.testing.assert_allclose(found, expected)


def test_a_variable_that_never_varies_adds_nothing():
    (_, _, z, _), groups = sample()
    with_one = regression_root([z, np.ones_like(z)], 3, groups)
    np.testing.assert_array_equal(with_one, regression_root([z], 3, groups))
    assert regression_root([np.ones_like(z)], 3, groups).shape == (60, 0)


def test_a_variable_that_contexts_hold_constant_adds_nothing():
    (_, _, z, _), groups = sample(contexts="own")
    fixed = np.sin(1.0 + groups.contexts)
    assert regression_root([fixed], 3, groups).shape == (60, 0)
    # of the pair only z and its product with the constants are left within contexts
    assert regression_root([z, fixed], 1, groups).shape == (60, 2)
