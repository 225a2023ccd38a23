"""Claims about elastic net and group lasso paths."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import ElasticNet

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso import DenseColumns, SquaredChanges, lasso_path
from causalhyper.granger.lasso.elastic_net import elastic_net_path
from causalhyper.granger.lasso.group_lasso import group_lasso_path
from causalhyper.granger.lasso.groups import ColumnGroups, whole_groups


def planted(rows=40, count=120, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, count)) ** 2
    return x, x[:, :6] @ [1.0, -2.0, 3.0, 0.5, 0.0, 1.0] + rng.normal(size=rows)


def triples(rows=60, count=200, seed=0, correlation=0.99):
    """Columns in threes, correlated within each."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(rows, count, 1))
    own = rng.normal(size=(rows, count, 3))
    x = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
    x = x.reshape(rows, -1)
    return x, x[:, :9] @ rng.normal(size=9) + rng.normal(size=rows)


def orthonormal(rows=40, count=12):
    x = np.random.default_rng(0).normal(size=(rows, count))
    return np.linalg.qr(x - x.mean(axis=0))[0] * np.sqrt(rows)


def scaled(x, y, path):
    """Columns over their weights, with which coefficients are multiplied, and y from its mean."""
    centred = x - x.mean(axis=0)
    spread = centred.std(axis=0) if path.standardised else np.ones(x.shape[1])
    varies = spread > 1e-6 * (1e-300 + np.abs(x).max(axis=0))
    spread = np.where(varies, spread, 1)
    return centred * varies / spread, spread, y - y.mean()


def largest_elastic_net_violation(x, y, path):
    """Of the conditions C_j'r / T = lambda (a sign h_j + (1 - a) h_j / s), over lambda a."""
    columns, spread, response = scaled(x, y, path)
    unit = response.std() if path.standardised else 1.0
    worst = 0.0
    for at, penalty in enumerate(path.lambdas):
        h = path.dense(at) * spread
        slopes = columns.T @ (response - columns @ h) / len(y)
        slopes -= penalty * (1 - path.l1_ratio) / unit * h
        bound = penalty * path.l1_ratio
        inside = np.maximum(np.abs(slopes) - bound, 0)
        worst = max(
            worst, np.where(h != 0, np.abs(slopes - bound * np.sign(h)), inside).max() / bound
        )
    return worst


def largest_group_violation(x, y, path):
    """Of C_g'r / T = lambda sqrt|g| h_g / |h_g|, or its length within, over lambda sqrt|g|."""
    columns, spread, response = scaled(x, y, path)
    worst = 0.0
    for at, penalty in enumerate(path.lambdas):
        h = path.dense(at) * spread
        slopes = columns.T @ (response - columns @ h) / len(y)
        for first, end in zip(path.edges[:-1], path.edges[1:], strict=True):
            bound, part = penalty * np.sqrt(end - first), h[first:end]
            if part.any():
                over = np.linalg.norm(slopes[first:end] - bound * part / np.linalg.norm(part))
            else:
                over = max(np.linalg.norm(slopes[first:end]) - bound, 0)
            worst = max(worst, over / bound)
    return worst


def group_objective(columns, y, h, penalty, edges):
    lengths = [np.linalg.norm(h[a:b]) * np.sqrt(b - a) for a, b in pairwise(edges)]
    return ((y - columns @ h) ** 2).sum() / (2 * len(y)) + penalty * sum(lengths)


def group_gap(x, y, path, at):
    """Relative duality gap from the definition."""
    columns, spread, response = scaled(x, y, path)
    h, edges, rows = path.dense(at) * spread, path.edges, len(y)
    residual = response - columns @ h
    slopes = columns.T @ residual / rows
    ratios = [
        np.linalg.norm(slopes[a:b]) / (np.sqrt(b - a) * path.lambdas[at])
        for a, b in pairwise(edges)
    ]
    feasible = residual / max(1.0, *ratios)
    primal = group_objective(columns, response, h, path.lambdas[at], edges)
    null = response @ response / (2 * rows)
    return (primal - feasible @ (2 * response - feasible) / (2 * rows)) / null


def proximal_gradient(columns, y, penalty, edges, turns=4_000):
    """A slow group lasso."""
    step = len(y) / np.linalg.norm(columns, 2) ** 2
    h = np.zeros(columns.shape[1])
    for _ in range(turns):
        h = h + step * columns.T @ (y - columns @ h) / len(y)
        for a, b in pairwise(edges):
            length = np.linalg.norm(h[a:b])
            h[a:b] *= max(0.0, 1 - step * penalty * np.sqrt(b - a) / length) if length else 0.0
    return h


def test_an_elastic_net_of_orthonormal_columns_is_a_shrunken_soft_threshold():
    q = orthonormal()
    y = q @ np.arange(-6.0, 6.0)
    path = elastic_net_path(DenseColumns(q), y, l1_ratio=0.3, lambdas=[4.0])
    least_squares, ridge = q.T @ y / 40, 4.0 * 0.7 / y.std()
    expected = np.sign(least_squares) * np.maximum(np.abs(least_squares) - 1.2, 0) / (1 + ridge)
    np.testing.assert_allclose(path.dense(0), expected, atol=1e-9)


def test_a_group_lasso_of_orthonormal_columns_is_a_block_soft_threshold():
    q = orthonormal()
    y = q @ np.arange(-6.0, 6.0)
    path = group_lasso_path(DenseColumns(q), y, groups=[0, 2, 5, 6, 12], lambdas=[2.0])
    least_squares = q.T @ y / 40
    for a, b in ((0, 2), (2, 5), (5, 6), (6, 12)):
        length = np.linalg.norm(least_squares[a:b])
        share = max(0.0, 1 - 2 * np.sqrt(b - a) / length)
        np.testing.assert_allclose(path.dense(0)[a:b], share * least_squares[a:b], atol=1e-7)


@pytest.mark.parametrize("l1_ratio", [0.9, 0.5, 0.05])
@pytest.mark.parametrize("standardise", [True, False])
def test_the_elastic_net_is_scikit_learns(l1_ratio, standardise):
    x, y = planted()
    x = x * np.exp(np.random.default_rng(3).normal(size=120))
    path = elastic_net_path(
        DenseColumns(x), y, l1_ratio=l1_ratio, lambdas=6, standardise=standardise, tolerance=1e-10
    )
    spread, unit = (x.std(axis=0), y.std()) if standardise else (np.ones(120), 1.0)
    for at, penalty in enumerate(path.lambdas):
        theirs = ElasticNet(alpha=penalty / unit, l1_ratio=l1_ratio, tol=1e-12, max_iter=200_000)
        theirs.fit(x / spread, y / unit)
        np.testing.assert_allclose(
            path.dense(at) * spread,
            theirs.coef_ * unit,
            atol=2e-4 * np.abs(theirs.coef_).max() * unit,
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("l1_ratio", [0.999, 0.5, 0.02])
@pytest.mark.parametrize("standardise", [True, False])
def test_elastic_nets_meet_the_optimality_conditions(dtype, l1_ratio, standardise):
    x, y = planted()
    x = x.astype(dtype)
    path = elastic_net_path(
        DenseColumns(x), y, l1_ratio=l1_ratio, lambdas=20, standardise=standardise, tolerance=1e-9
    )
    assert path.converged.all()
    assert largest_elastic_net_violation(x.astype(float), y, path) < 1e-3


@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_group_lassos_meet_the_optimality_conditions(dtype, standardise):
    x, y = triples()
    x = x.astype(dtype)
    path = group_lasso_path(
        DenseColumns(x, width=64), y, groups=3, lambdas=20, standardise=standardise, tolerance=1e-9
    )
    assert path.converged.all()
    assert len(path.columns[-1]) > 60
    assert largest_group_violation(x.astype(float), y, path) < 1e-3
    assert max(group_gap(x.astype(float), y, path, at) for at in range(20)) < 1e-9


def test_a_group_lasso_is_that_of_long_proximal_gradient_descent():
    x, y = triples(rows=25, count=8, correlation=0.9)
    path = group_lasso_path(
        DenseColumns(x), y, groups=[0, 3, 4, 9, 24], lambdas=4, tolerance=1e-10
    )
    columns, spread, response = scaled(x, y, path)
    for at, penalty in enumerate(path.lambdas):
        slow = proximal_gradient(columns, response, penalty, path.edges)
        np.testing.assert_allclose(path.dense(at) * spread, slow, atol=1e-4)


def test_an_l1_ratio_of_one_is_the_lasso():
    x, y = planted()
    net, lasso = (
        elastic_net_path(DenseColumns(x), y, l1_ratio=1, lambdas=9),
        lasso_path(DenseColumns(x), y, lambdas=9),
    )
    assert net.to_frame().equals(lasso.to_frame())


@pytest.mark.parametrize("fit", ["groups of one", "l1_ratio near one"])
def test_a_path_near_the_lasso_is_the_lassos(fit):
    x, y = planted()
    lasso = lasso_path(DenseColumns(x), y, lambdas=9)
    if fit == "groups of one":
        path = group_lasso_path(DenseColumns(x), y, groups=1, lambdas=9, tolerance=1e-12)
    else:
        path = elastic_net_path(
            DenseColumns(x), y, l1_ratio=1 - 1e-9, lambdas=lasso.lambdas, tolerance=1e-12
        )
    np.testing.assert_allclose(path.lambdas, lasso.lambdas, rtol=1e-9)
    for at in range(9):
        np.testing.assert_allclose(path.dense(at), lasso.dense(at), atol=1e-5)


def test_a_small_l1_ratio_approaches_ridge_regression():
    x, y = planted()
    path = elastic_net_path(DenseColumns(x), y, l1_ratio=1e-7, lambdas=[2.0], tolerance=1e-12)
    z, spread, response = scaled(x, y, path)
    ridge = np.linalg.solve(z.T @ z / 40 + 2.0 / y.std() * np.eye(120), z.T @ response / 40)
    np.testing.assert_allclose(path.dense(0) * spread, ridge, atol=1e-6)
    assert len(path.columns[0]) > 40
    assert "more than the lasso's min(T, p) = 40" in path.regime()


def test_equal_columns_share_their_coefficient_equally():
    x, y = planted()
    path = elastic_net_path(DenseColumns(np.hstack([x, x, x])), y, lambdas=8, tolerance=1e-10)
    for at in range(8):
        parts = path.dense(at).reshape(3, 120)
        np.testing.assert_allclose(parts, parts[:1].repeat(3, axis=0), atol=1e-10)
    assert len(path.columns[-1]) > 20


@pytest.mark.parametrize("width", [1, 2, 7, 64, 1000])
def test_the_width_of_a_block_changes_nothing(width):
    x, y = triples(rows=20, count=40)
    edges = [0, 1, 50, 53, 54, 55, 100, 120]
    one, other = (
        group_lasso_path(DenseColumns(x, width=w), y, groups=edges, lambdas=6, tolerance=1e-10)
        for w in (64, width)
    )
    for at in range(6):
        np.testing.assert_allclose(one.dense(at), other.dense(at), atol=1e-6)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(1, 20))
def test_groups_are_read_whole_and_once(sizes, width):
    edges = np.concatenate([[0], np.cumsum(sizes)])
    x = np.arange(2.0 * edges[-1]).reshape(2, -1)
    parts = list(whole_groups(DenseColumns(x, width=width), ColumnGroups(edges)))
    np.testing.assert_array_equal(np.concatenate([b for _, _, b in parts], axis=1), x)
    for group, start, block in parts:
        assert edges[group] == start
        assert start + block.shape[1] in edges


def test_designs_that_memory_does_not_hold_are_certified_all_the_same():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 3000)), rng.normal(size=20)
    net = elastic_net_path(DenseColumns(x), y, l1_ratio=0.5, lambdas=20)
    grouped = group_lasso_path(DenseColumns(x), y, groups=3, lambdas=20)
    for path in (net, grouped):
        assert path.converged.all()
        assert path.held < 3000
    assert largest_elastic_net_violation(x, y, net) < 2e-2
    assert max(group_gap(x, y, grouped, at) for at in range(20)) < 1e-6


def test_columns_of_squared_changes_of_1e_minus_18_are_fitted():
    rng = np.random.default_rng(1)
    changes = (1e-9 * rng.normal(size=(50, 300))).astype(np.float32)
    squares = changes.astype(float) ** 2
    y = -squares[:, :30].sum(axis=1) / 0.1
    for path in (
        elastic_net_path(SquaredChanges(changes), y, l1_ratio=0.5, lambdas=10, tolerance=1e-9),
        group_lasso_path(SquaredChanges(changes), y, groups=3, lambdas=10, tolerance=1e-9),
    ):
        assert path.converged.all()
        kkt = largest_group_violation if path.edges is not None else largest_elastic_net_violation
        assert kkt(squares, y, path) < 1e-3


shapes = st.tuples(st.integers(1, 20), st.integers(1, 12), st.integers(0, 10_000))


@settings(deadline=None, max_examples=50)
@given(shapes, st.booleans(), st.booleans(), st.sampled_from([np.float32, np.float64]))
def test_any_design_is_certified(shape, standardise, intercept, dtype):
    rows, count, seed = shape
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(rows, 3 * count)).astype(dtype) ** 2, rng.normal(size=rows)
    common = {"lambdas": 6, "standardise": standardise, "intercept": intercept}
    assert elastic_net_path(DenseColumns(x), y, l1_ratio=0.3, **common).converged.all()
    assert group_lasso_path(DenseColumns(x), y, groups=3, **common).converged.all()


@settings(deadline=None, max_examples=25)
@given(
    st.tuples(st.integers(6, 20), st.integers(1, 12), st.integers(0, 10_000)),
    st.integers(-12, 3),
    st.integers(-12, 3),
)
def test_scaling_columns_and_response_scales_coefficients(shape, power_x, power_y):
    rows, count, seed = shape
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(rows, 3 * count)) ** 2, rng.normal(size=rows)
    sx, sy = 10.0**power_x, 10.0**power_y
    for fit, form in ((elastic_net_path, {"l1_ratio": 0.5}), (group_lasso_path, {"groups": 3})):
        plain, other = (
            fit(DenseColumns(a), b, lambdas=5, ratio=0.05, tolerance=1e-9, **form)
            for a, b in ((x, y), (sx * x, sy * y))
        )
        np.testing.assert_allclose(other.lambdas, sy * plain.lambdas, rtol=1e-9)
        for at in range(5):
            there = other.dense(at) * sx / sy
            limit = 1e-3 * (1 + np.abs(plain.dense(at)).max())
            np.testing.assert_allclose(there, plain.dense(at), atol=limit)


@settings(deadline=None, max_examples=25)
@given(st.tuples(st.integers(6, 20), st.integers(1, 12), st.integers(0, 10_000)))
def test_permuting_groups_and_columns_within_permutes_coefficients(shape):
    rows, count, seed = shape
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(rows, 3 * count)) ** 2, rng.normal(size=rows)
    order = rng.permuted(np.arange(3 * count).reshape(-1, 3)[rng.permutation(count)], axis=1)
    order = order.ravel()
    for fit, form in ((elastic_net_path, {"l1_ratio": 0.5}), (group_lasso_path, {"groups": 3})):
        plain, other = (
            fit(DenseColumns(a), y, lambdas=5, tolerance=1e-9, **form) for a in (x, x[:, order])
        )
        for at in range(5):
            limit = 1e-3 * (1 + np.abs(plain.dense(at)).max())
            np.testing.assert_allclose(other.dense(at), plain.dense(at)[order], atol=limit)


def test_columns_that_do_not_vary_stay_out_and_groups_of_them_never_enter():
    x, y = triples(rows=30, count=10)
    x[:, 3:6], x[:, 7] = 5.0, 0.0
    path = group_lasso_path(DenseColumns(x), y, groups=3, lambdas=10, ratio=1e-3)
    assert path.converged.all()
    assert 1 not in path.entries("group")["group"].tolist()
    assert 2 in path.entries("group")["group"].tolist()
    assert not set(path.to_frame()["column"]) & {3, 4, 5, 7}
    net = elastic_net_path(DenseColumns(x), y, lambdas=10)
    assert not set(net.to_frame()["column"]) & {3, 4, 5, 7}


@pytest.mark.parametrize("y", [np.full(40, 0.3), np.zeros(40)])
def test_a_constant_response_keeps_nothing(y):
    x, _ = planted()
    for path in (
        elastic_net_path(DenseColumns(x), y, lambdas=4),
        group_lasso_path(DenseColumns(x), y, groups=3, lambdas=4),
    ):
        assert [len(c) for c in path.columns] == [0] * 4
        assert path.converged.all()
        np.testing.assert_allclose(path.intercepts, y[0])


def test_what_is_not_certified_warns():
    x, y = np.random.default_rng(0).normal(size=(20, 3000)), np.arange(20.0)
    with pytest.warns(RuntimeWarning, match="penalties have a relative duality gap above"):
        path = group_lasso_path(DenseColumns(x), y, groups=3, lambdas=30, max_passes=3)
    assert not path.converged.all()
    assert "not converged" in path.summary()
    np.testing.assert_array_equal(path.converged, path.gaps <= 1e-6)
    for at in range(30):
        assert group_gap(x, y, path, at) <= path.gaps[at] + 1e-12


def test_entries_by_group_are_the_largest_entries_of_their_columns():
    x, y = triples()
    path = group_lasso_path(DenseColumns(x), y, groups=3, lambdas=12)
    columns = path.entries()
    columns["group"] = columns["column"] // 3
    expected = columns.groupby("group")["entry"].max().reset_index()
    assert path.entries("group").equals(expected)
    assert f"{len(set(path.columns[-1] // 3))} of 200 groups" in path.summary()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"groups": 7}, "groups of 7 do not divide 120 columns"),
        ({"groups": 0}, "groups of 0"),
        ({"groups": [0, 5, 5, 120]}, "increase from 0 to 120"),
        ({"groups": [0.0, 120.0]}, "whole numbers"),
        ({"groups": 3, "lambdas": [0.0]}, "penalties must be above zero"),
        ({"groups": 3, "tolerance": 1.0}, "tolerance in"),
        ({"groups": 3, "max_passes": 2}, "3 passes at least"),
    ],
)
def test_a_number_that_means_nothing_is_refused(wrong, message):
    x, y = planted()
    with pytest.raises(ConfigurationError, match=message):
        group_lasso_path(DenseColumns(x), y, **wrong)


@pytest.mark.parametrize("l1_ratio", [0.0, 1.1, -1, np.nan])
def test_an_l1_ratio_outside_its_range_is_refused(l1_ratio):
    x, y = planted()
    with pytest.raises(ConfigurationError, match="l1_ratio lies in"):
        elastic_net_path(DenseColumns(x), y, l1_ratio=l1_ratio)


def test_entries_by_group_need_groups():
    x, y = planted()
    with pytest.raises(ConfigurationError, match="has no groups"):
        elastic_net_path(DenseColumns(x), y, lambdas=3).entries("group")
    with pytest.raises(DataError, match="row 2"):
        elastic_net_path(DenseColumns(x), np.where(np.arange(40) == 2, np.nan, y))


def degenerate(rows, count, seed):
    """Columns in threes: some equal, opposite, constant or sums of others, two groups equal."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3 * count)) * np.exp(rng.normal(size=3 * count))
    for at in rng.integers(0, 3 * count, size=2 * count):
        one, other = rng.integers(0, 3 * count, size=2)
        kinds = (
            x[:, one],
            -x[:, one],
            np.zeros(rows),
            np.full(rows, 0.1),
            x[:, one] + x[:, other],
        )
        x[:, at] = kinds[rng.integers(5)]
    whole = rng.integers(0, count, size=2)
    x[:, 3 * whole[0] : 3 * whole[0] + 3] = x[:, 3 * whole[1] : 3 * whole[1] + 3]
    return x


@settings(deadline=None, max_examples=60)
@given(shapes, st.booleans(), st.booleans(), st.sampled_from([1, 3, "uneven"]))
def test_equal_constant_and_collinear_columns_are_certified(shape, standardise, intercept, groups):
    rows, count, seed = shape
    x, y = degenerate(*shape), np.random.default_rng(seed + 1).normal(size=rows)
    if groups == "uneven":
        inner = np.random.default_rng(seed).permutation(np.arange(1, 3 * count))[:count]
        groups = [0, *sorted(inner.tolist()), 3 * count]
    common = {"lambdas": 8, "standardise": standardise, "intercept": intercept, "ratio": 1e-3}
    path = group_lasso_path(DenseColumns(x), y, groups=groups, **common)
    assert path.converged.all()
    assert elastic_net_path(DenseColumns(x), y, l1_ratio=0.7, **common).converged.all()
    if standardise and intercept and rows > 1:
        assert max(group_gap(x, y, path, at) for at in range(8)) < 1e-6
