"""Claims about lasso paths over columns that depend on each other, exactly or nearly."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.granger.lasso import DenseColumns, SquaredChanges, elastic_net_path, lasso_path
from causalhyper.granger.lasso.active_set import DEPENDENT, ActiveSet
from causalhyper.granger.lasso.descent import Descent
from causalhyper.granger.lasso.homotopy import Solution, follow
from causalhyper.granger.lasso.scan import survey
from causalhyper.granger.lasso.working_set import WorkingSet
from tests.granger.test_lasso_certificates import gaps_by_definition, penalised_gaps_by_definition


def normal(rng, rows, count):
    return rng.normal(size=(rows, count))


def repeated(rng, rows, count):
    """Exact multiples, in float32 too, of columns that differ."""
    return (
        np.repeat(normal(rng, rows, count // 5), 5, axis=1)
        * np.array([1, -1, 2, 0.5, 1])[np.arange(count // 5 * 5) % 5]
    )


def proportional(rng, rows, count):
    return np.repeat(normal(rng, rows, count // 5), 5, axis=1) * np.exp(
        rng.normal(size=count // 5 * 5)
    )


def sums(rng, rows, count):
    x = normal(rng, rows, count)
    for j in range(0, count - 4, 5):
        x[:, j + 3] = x[:, j] + x[:, j + 1] - x[:, j + 2]
        x[:, j + 4] = x[:, j] - x[:, j + 1]
    return x


def of_low_rank(rng, rows, count):
    return normal(rng, rows, rows // 3) @ normal(rng, rows // 3, count)


def small_integers(rng, rows, count):
    return rng.integers(0, 3, (rows, count)).astype(float)


def of_two_values(rng, rows, count):
    return rng.choice([-1.0, 1.0], (rows, count))


def moved_in_one_step(rng, rows, count):
    """Units that fire for one example of one minibatch."""
    x = np.zeros((rows, count))
    x[rng.integers(0, rows, count), np.arange(count)] = rng.chisquare(1, count)
    return x


def moved_in_few_steps(rng, rows, count):
    x = np.zeros((rows, count))
    for unit in range(count // 10):
        steps = rng.choice(rows, 3, replace=False)
        x[steps, 10 * unit : 10 * unit + 10] = rng.chisquare(1, (3, 10))
    return x


def nearly_repeated(size):
    def draw(rng, rows, count):
        x = repeated(rng, rows, count)
        return x * (1 + size * rng.normal(size=x.shape))

    return draw


def nearly_of_low_rank(size):
    def draw(rng, rows, count):
        return of_low_rank(rng, rows, count) + size * normal(rng, rows, count)

    return draw


def at_many_distances(rng, rows, count):
    return normal(rng, rows, 1) + 10.0 ** rng.uniform(-9, 0, count) * normal(rng, rows, count)


def repeated_at_many_distances(rng, rows, count):
    """As weights whose gradients a GPU rounds to ten bits, some of which are the same."""
    base = np.repeat(normal(rng, rows, max(1, count // 12)), 6, axis=1)
    x = base * (1 + 10.0 ** rng.uniform(-6, -2, base.shape[1]) * rng.normal(size=base.shape))
    return np.hstack([x, 2 * x, -4 * x])


DESIGNS = {
    draw.__name__: draw
    for draw in (
        repeated,
        proportional,
        sums,
        of_low_rank,
        small_integers,
        of_two_values,
        moved_in_one_step,
        moved_in_few_steps,
        at_many_distances,
        repeated_at_many_distances,
    )
}
DESIGNS |= {f"repeated but for {10.0**-k:g}": nearly_repeated(10.0**-k) for k in range(3, 17)}
DESIGNS |= {f"low rank but for {10.0**-k:g}": nearly_of_low_rank(10.0**-k) for k in range(3, 11)}


def with_what_does_not_vary(x):
    return np.hstack([x, np.zeros((len(x), 2)), np.full((len(x), 2), x.max())])


def check(x, y, path, *, intercept=True):
    """Certified as said, optimal for every column, and of independent columns."""
    assert path.converged.all()
    truth = gaps_by_definition(x, y, path, intercept=intercept)
    assert (truth <= path.gaps + 1e-11).all()
    assert truth.max() < 1e-6
    exact = x.astype(float) - (x.astype(float).mean(axis=0) if intercept else 0)
    for columns in path.columns:
        if len(columns):
            chosen = exact[:, columns] / np.linalg.norm(exact[:, columns], axis=0)
            assert np.linalg.svd(chosen, compute_uv=False)[-1] > np.sqrt(DEPENDENT) / 1e2
            assert len(columns) <= min(x.shape)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", DESIGNS)
def test_a_path_is_certified_whatever_depends_on_what(kind, dtype):
    rng = np.random.default_rng(list(DESIGNS).index(kind))
    for trial in range(6):
        rows, count = int(rng.integers(12, 60)), int(rng.integers(60, 200))
        scale = [1.0, 1e-9, 1e-18][trial % 3]
        x = with_what_does_not_vary(scale * DESIGNS[kind](rng, rows, count)).astype(dtype)
        y = [rng.normal(size=rows), -x.astype(float)[:, :9].sum(axis=1) / scale][trial % 2]
        options = {"standardise": trial % 4 > 0, "intercept": trial != 3}
        path = lasso_path(DenseColumns(x), y, lambdas=25, ratio=1e-3, **options)
        check(x, y, path, intercept=options["intercept"])


@pytest.mark.parametrize("l1_ratio", [0.5, 1 - 1e-9])
@pytest.mark.parametrize("kind", DESIGNS)
def test_an_elastic_net_is_certified_whatever_depends_on_what(kind, l1_ratio):
    rng = np.random.default_rng(list(DESIGNS).index(kind))
    x = with_what_does_not_vary(DESIGNS[kind](rng, 30, 120))
    y = rng.normal(size=30)
    path = elastic_net_path(DenseColumns(x), y, l1_ratio=l1_ratio, lambdas=12)
    assert path.converged.all()
    assert penalised_gaps_by_definition(x, y, path, intercept=True).max() < 1e-6


@pytest.mark.parametrize("seed", [88, 89, 96, 97, 109, 113, 119])
def test_the_same_columns_beside_nearly_the_same_are_no_singular_matrix(seed):
    # with each of these the inverse of a matrix of equal columns was asked for, or gaps were 1e40
    rng = np.random.default_rng(seed)
    rows, count = int(rng.integers(10, 80)), int(rng.integers(20, 200))
    near, far = [(-6, -2), (-5, -4), (-6, -4), (-3, -2)][seed % 4]
    base = np.repeat(rng.normal(size=(rows, count // 6)), 6, 1)
    sizes = 10.0 ** rng.uniform(near, far, base.shape[1])
    x = base * (1 + sizes * rng.normal(size=base.shape))
    x = np.hstack([x, 2 * x, -4 * x]).astype(np.float32 if seed % 8 >= 4 else np.float64)
    y = rng.normal(size=rows)
    check(x, y, lasso_path(DenseColumns(x), y, lambdas=60, ratio=1e-3))


def least_objective(x, y, penalty):
    """Of all signs, each fitted in closed form; x and y of mean zero."""
    best = y @ y / (2 * len(y))
    for signs in product((-1.0, 0.0, 1.0), repeat=x.shape[1]):
        signs = np.array(signs)
        chosen = x[:, signs != 0]
        towards = chosen.T @ y / len(y) - penalty * signs[signs != 0]
        slopes = np.linalg.pinv(chosen.T @ chosen / len(y), rcond=1e-12) @ towards
        if (slopes * signs[signs != 0] >= 0).all():
            left = y - chosen @ slopes
            best = min(best, left @ left / (2 * len(y)) + penalty * np.abs(slopes).sum())
    return best


@pytest.mark.parametrize("seed", range(12))
def test_the_objective_is_the_least_of_all_signs(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(9, 6))
    x[:, 3], x[:, 4], x[:, 5] = x[:, 0] + x[:, 1], x[:, 0] - x[:, 2], -x[:, 1 + seed % 4]
    x -= x.mean(axis=0)
    y = rng.normal(size=9)
    y -= y.mean()
    path = lasso_path(DenseColumns(x), y, lambdas=8, ratio=1e-2, standardise=False)
    for at, penalty in enumerate(path.lambdas):
        left = y - x @ path.dense(at)
        ours = left @ left / 18 + penalty * np.abs(path.dense(at)).sum()
        assert ours == pytest.approx(least_objective(x, y, penalty), rel=1e-9)


@settings(deadline=None, max_examples=80)
@given(
    st.tuples(st.integers(4, 30), st.integers(2, 40), st.integers(0, 10_000)),
    st.integers(1, 60),
    st.integers(1, 4),
    st.integers(-18, -2),
    st.booleans(),
    st.sampled_from([np.float32, np.float64]),
)
def test_planted_dependences_are_certified(shape, more, terms, power, standardise, dtype):
    rows, count, seed = shape
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, count)) * 10.0 ** rng.uniform(-3, 0, count)
    mixed = np.zeros((count, more))
    for column in mixed.T:
        some = rng.integers(0, count, terms)
        column[some] = rng.choice([-2.0, -1.0, 0.5, 1.0], terms)
    planted = x @ mixed
    planted += 10.0**power * np.abs(planted).max() * rng.normal(size=planted.shape)
    x = np.hstack([x, planted, x[:, :1]]).astype(dtype)
    x, y = x[:, rng.permutation(x.shape[1])], rng.normal(size=rows)
    path = lasso_path(DenseColumns(x), y, lambdas=12, ratio=1e-2, standardise=standardise)
    check(x, y, path)


def working(x, y, **options):
    problem, kept = survey(
        DenseColumns(x), y, standardise=True, intercept=True, keep=x.shape[1], **options
    )
    return WorkingSet.of(problem, *kept)


def test_a_copy_stays_out_beside_a_column_that_nearly_repeats_another():
    rng = np.random.default_rng(0)
    for _ in range(200):
        base = rng.normal(size=(40, 4))
        near = base[:, :1] * (1 + 10.0 ** rng.uniform(-4.5, -3) * rng.normal(size=(40, 1)))
        columns = working(np.hstack([base, near, 4 * near, -base]), rng.normal(size=40))
        active = ActiveSet(columns)
        assert all(active.add(at, 1.0) for at in range(5))
        assert not any(active.add(at, 1.0) for at in range(5, 10))


def test_of_columns_that_depend_on_each_other_some_are_loaded():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(20, 3))
    active = ActiveSet(working(np.hstack([x, x, x[:, :1] + x[:, 1:2]]), rng.normal(size=20)))
    taken = active.load(np.arange(7), np.ones(7))
    assert taken.tolist() == [True] * 3 + [False] * 4
    gram = active.values @ active.values.T / 20
    np.testing.assert_allclose(active.inverse @ gram, np.eye(3), atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_a_descent_ends_at_the_minimum_from_any_start(seed):
    rng = np.random.default_rng(seed)
    x = sums(rng, 20, 40)
    columns, penalty = working(x, rng.normal(size=20)), 0.05
    y = columns.problem.y
    active = ActiveSet(columns)
    signs = rng.choice([-1.0, 1.0], 8)
    taken = active.load(rng.choice(40, 8, replace=False), signs)
    descent = Descent(columns, active, penalty, (5 * signs * rng.random(8))[taken])
    assert descent.run() > 0
    ratios = columns.correlations(descent.residual)
    assert np.abs(ratios).max() <= penalty * (1 + 2e-6)
    np.testing.assert_allclose(ratios[active.members], penalty * active.signs, rtol=1e-9)
    assert (descent.coefficients * active.signs > 0).all()
    np.testing.assert_allclose(y - descent.coefficients @ active.values, descent.residual)


def test_a_path_goes_on_from_a_fit_of_equal_columns():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(30, 5)), rng.normal(size=30)
    columns = working(np.hstack([x, x]), y)
    first, second = follow(
        columns,
        np.array([0.2, 0.02]),
        Solution(1.0, np.empty(0, np.intp), np.empty(0), np.empty(0), columns.problem.y),
    )
    members = np.concatenate([first.members, (first.members + 5) % 10])
    halves = np.tile(first.coefficients / 2, 2)
    twice = Solution(0.2, members, np.tile(first.signs, 2), halves, first.residual)
    (again,) = follow(columns, np.array([0.02]), twice)
    np.testing.assert_allclose(again.residual, second.residual, atol=1e-9)


def test_squared_changes_that_a_power_of_two_relates_are_fitted():
    rng = np.random.default_rng(3)
    changes = 2.0**-30 * np.round(4 * rng.normal(size=(100, 60))) * (rng.random((100, 60)) < 0.1)
    changes = np.hstack([changes, changes / 2, changes * 8]).astype(np.float32)
    y = -(changes.astype(float) ** 2).sum(axis=1) / 1e-3
    path = lasso_path(SquaredChanges(changes), y)
    check(changes.astype(float) ** 2, y, path)


@pytest.mark.parametrize("power", [-100, -160, -250])
def test_columns_whose_squares_are_no_numbers_of_float64_are_fitted(power):
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(30, 50)), rng.normal(size=30)
    expected = lasso_path(DenseColumns(x), y, lambdas=10)
    path = lasso_path(DenseColumns(x * 10.0**power), y, lambdas=10)
    assert path.converged.all()
    np.testing.assert_allclose(path.dense(9) * 10.0**power, expected.dense(9), atol=1e-9)
