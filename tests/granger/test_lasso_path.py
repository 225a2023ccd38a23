"""Claims about exact lasso paths, against closed forms, optimality conditions and scikit-learn."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import lasso_path as sklearn_path

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso import DenseColumns, LassoPath, SquaredChanges, lasso_path, rounds
from causalhyper.granger.lasso.homotopy import Solution, follow, null_solution
from causalhyper.granger.lasso.scan import survey
from causalhyper.granger.lasso.working_set import WorkingSet


def certified_gaps(x, y, path: LassoPath) -> list[float]:
    """Relative duality gaps from the definition, in float64, for every penalty."""
    x, rows = np.asarray(x, dtype=float), len(y)
    with_intercept = path.intercepts.any() or not np.allclose(path.intercepts, 0)
    centred = x - x.mean(axis=0) if with_intercept else x
    response = y - y.mean() if with_intercept else y
    spread = np.sqrt((centred**2).mean(axis=0))
    weight = spread if path.standardised else np.ones(x.shape[1])
    varies = spread > 1e-6 * np.abs(x).max(axis=0)
    gaps = []
    for at, penalty in enumerate(path.lambdas):
        slopes = path.dense(at)
        residual = y - path.intercepts[at] - x @ slopes
        ratios = np.abs(centred.T @ residual)[varies] / (rows * weight[varies] * penalty)
        feasible = residual / max(1.0, ratios.max(initial=0.0))
        primal = residual @ residual / (2 * rows) + penalty * (weight @ np.abs(slopes))
        dual = feasible @ (2 * response - feasible) / (2 * rows)
        gaps.append((primal - dual) / (response @ response / (2 * rows)))
    return gaps


def planted(rows=60, count=300, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, count))
    return x, x[:, :4] @ [1.0, -2.0, 3.0, 0.5] + noise * rng.normal(size=rows)


def drifting(rows=80, count=600, seed=1):
    """Squared changes shaped like training: small, skew, decaying, correlated over columns."""
    rng = np.random.default_rng(seed)
    speed = np.exp(-np.linspace(0, 3, rows))[:, None] * np.exp(rng.normal(size=count))
    changes = (1e-5 * speed * rng.normal(size=(rows, count))).astype(np.float32)
    y = -(changes.astype(float) ** 2).sum(axis=1) / 0.1 + 1e-8 * rng.normal(size=rows)
    return changes, y


def test_orthonormal_columns_give_soft_thresholds():
    q = np.linalg.qr(np.random.default_rng(0).normal(size=(40, 10)))[0]
    q = (q - q.mean(axis=0)) @ np.diag(np.ones(10))
    q = np.linalg.qr(q)[0] * np.sqrt(40)  # mean zero, mean square one
    y = q @ np.arange(-5.0, 5.0)
    path = lasso_path(DenseColumns(q), y, lambdas=[1.5])
    least_squares = q.T @ y / 40
    expected = np.sign(least_squares) * np.maximum(np.abs(least_squares) - 1.5, 0)
    np.testing.assert_allclose(path.dense(0), expected, atol=1e-10)


def test_one_column_has_its_closed_form():
    x, y = np.array([[0.0], [1.0], [2.0], [5.0]]), np.array([1.0, 2.0, 2.0, 6.0])
    spread, covariance = x.std(), ((x[:, 0] - 2) * (y - y.mean())).mean()
    path = lasso_path(DenseColumns(x), y, lambdas=[0.3])
    assert path.dense(0)[0] == pytest.approx((covariance - 0.3 * spread) / spread**2)
    assert path.intercepts[0] == pytest.approx(y.mean() - 2 * path.dense(0)[0])


@pytest.mark.parametrize("standardise", [True, False])
def test_the_path_is_scikit_learns(standardise):
    x, y = planted()
    x = x * np.exp(np.random.default_rng(3).normal(size=300))
    path = lasso_path(DenseColumns(x), y, lambdas=30, standardise=standardise)
    centred = x - x.mean(axis=0)
    scale = centred.std(axis=0) if standardise else np.ones(300)
    _, theirs, _ = sklearn_path(
        centred / scale, y - y.mean(), alphas=path.lambdas, tol=1e-10, max_iter=100_000
    )
    ours = np.stack([path.dense(i) * scale for i in range(len(path))], axis=1)
    np.testing.assert_allclose(ours, theirs, atol=3e-6 * np.abs(theirs).max())


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_fit_meets_the_optimality_conditions(dtype, standardise, intercept):
    x, y = planted()
    x = x.astype(dtype)
    path = lasso_path(DenseColumns(x), y, standardise=standardise, intercept=intercept)
    assert path.converged.all()
    assert max(certified_gaps(x, y, path)) < 1e-6
    assert path.gaps.max() < 1e-6


def test_the_gap_reported_is_the_gap_by_definition():
    x, y = planted()
    with pytest.warns(RuntimeWarning, match="penalties have a relative duality gap above"):
        path = lasso_path(
            DenseColumns(np.tile(x, 8) + 0.5 * planted(60, 2400, 5)[0]),
            y,
            lambdas=20,
            ratio=1e-3,
            max_passes=2,
        )
    x = np.tile(x, 8) + 0.5 * planted(60, 2400, 5)[0]
    gaps = certified_gaps(x, y, path)
    assert (~path.converged).any()
    np.testing.assert_allclose(path.gaps, gaps, atol=1e-9)


def test_squares_of_tiny_changes_are_fitted_as_well_as_large_ones():
    changes, y = drifting()
    path = lasso_path(SquaredChanges(changes), y)
    squares = changes.astype(float) ** 2
    assert squares.max() < 1e-6
    assert path.converged.all()
    assert max(certified_gaps(squares, y, path)) < 1e-6
    assert len(path.columns[-1]) > 20


def test_plain_gradient_descent_has_coefficients_of_minus_one_over_the_learning_rate():
    rng = np.random.default_rng(0)
    changes = rng.normal(size=(200, 5)) * 1e-4
    path = lasso_path(SquaredChanges(changes), -(changes**2).sum(axis=1) / 0.05, lambdas=[1e-14])
    np.testing.assert_allclose(path.dense(0), -20.0, rtol=1e-4)


@pytest.mark.parametrize("width", [1, 7, 300, 1000])
def test_the_width_of_a_block_changes_nothing(width):
    x, y = planted()
    paths = [lasso_path(DenseColumns(x, width=w), y, lambdas=15) for w in (64, width)]
    for at in range(15):
        np.testing.assert_allclose(paths[0].dense(at), paths[1].dense(at), atol=1e-12)


def test_a_memory_map_gives_the_bytes_of_the_array(tmp_path):
    changes, y = drifting()
    np.save(tmp_path / "changes.npy", changes)
    mapped = np.load(tmp_path / "changes.npy", mmap_mode="r")
    here, there = (lasso_path(SquaredChanges(c), y).to_frame() for c in (changes, mapped))
    assert here.to_csv() == there.to_csv()


def test_a_design_that_the_working_set_cannot_hold_is_fitted_all_the_same():
    x, y = planted(rows=30, count=4000)
    path = lasso_path(DenseColumns(x), y)
    assert path.held < 4000
    assert path.passes >= 2
    assert max(certified_gaps(x, y, path)) < 1e-6


shapes = st.tuples(st.integers(2, 25), st.integers(1, 60), st.integers(0, 10_000))


def draw(shape):
    rows, count, seed = shape
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, count)) ** 2, rng.normal(size=rows)


generic = st.tuples(st.integers(6, 25), st.integers(1, 60), st.integers(0, 10_000))
"""With two rows every standardised column is one and the same: many fits are best."""


@settings(deadline=None, max_examples=40)
@given(generic, st.integers(-12, 3), st.integers(-12, 3))
def test_scaling_columns_and_response_scales_coefficients(shape, power_x, power_y):
    x, y = draw(shape)
    sx, sy = 10.0**power_x, 10.0**power_y
    plain, scaled = (
        lasso_path(DenseColumns(a), b, lambdas=8, ratio=0.05)
        for a, b in ((x, y), (sx * x, sy * y))
    )
    for at in range(8):
        expected = plain.dense(at)
        np.testing.assert_allclose(
            scaled.dense(at) * sx / sy, expected, atol=1e-6 * (1 + np.abs(expected).max())
        )


@settings(deadline=None, max_examples=40)
@given(generic)
def test_permuting_columns_permutes_coefficients(shape):
    x, y = draw(shape)
    order = np.random.default_rng(shape[2]).permutation(x.shape[1])
    plain, permuted = (lasso_path(DenseColumns(a), y, lambdas=8) for a in (x, x[:, order]))
    for at in range(8):
        np.testing.assert_allclose(plain.dense(at)[order], permuted.dense(at), atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(shapes)
def test_duplicated_and_empty_columns_leave_the_fitted_values(shape):
    x, y = draw(shape)
    wider = np.hstack([x, x, np.zeros_like(x), np.full_like(x, 3.0)])
    plain, more = (lasso_path(DenseColumns(a), y, lambdas=8) for a in (x, wider))
    for at in range(8):
        np.testing.assert_allclose(
            x @ plain.dense(at) + plain.intercepts[at],
            wider @ more.dense(at) + more.intercepts[at],
            atol=1e-5 * (1 + np.abs(y).max()),
        )
        assert not more.dense(at)[2 * x.shape[1] :].any()


@settings(deadline=None, max_examples=60)
@given(shapes, st.booleans(), st.booleans(), st.sampled_from([np.float32, np.float64]))
def test_any_design_is_certified(shape, standardise, intercept, dtype):
    x, y = draw(shape)
    x = x.astype(dtype)
    path = lasso_path(
        DenseColumns(x), y, lambdas=10, ratio=1e-3, standardise=standardise, intercept=intercept
    )
    assert path.gaps.max() < 1e-6
    assert max(len(c) for c in path.columns) <= min(x.shape)


def test_a_constant_response_keeps_nothing():
    x, _ = planted()
    path = lasso_path(DenseColumns(x), np.full(60, 0.3), lambdas=5)
    assert [len(c) for c in path.columns] == [0] * 5
    assert path.converged.all()
    np.testing.assert_allclose(path.intercepts, 0.3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("lambdas", [4, [1.0, 0.1]])
@pytest.mark.parametrize("column", [[0.0] * 4, [3.0] * 4, [1.0, -1.0, 1.0, -1.0]])
def test_a_design_of_which_no_column_goes_with_the_response_is_fitted_by_none(
    column, lambdas, dtype
):
    told, x = [], np.repeat(np.array(column, dtype)[:, None], 3, axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = lasso_path(
            DenseColumns(x), [1.0, 1.0, -1.0, -1.0], lambdas=lambdas, progress=told.append
        )
    assert path.converged.all()
    assert not path.gaps.any()
    assert not path.to_frame().size
    assert told == [1.0]


@pytest.mark.parametrize("wrong", [np.ones((3, 2)), [[1.0], [2.0]], None])
def test_what_is_not_read_in_blocks_is_refused_with_what_is(wrong):
    with pytest.raises(ConfigurationError, match="DenseColumns"):
        survey(wrong, np.ones(3), standardise=True, intercept=True, keep=1)


@pytest.mark.parametrize("design", [DenseColumns, SquaredChanges])
def test_a_list_of_lists_is_no_matrix(design):
    with pytest.raises(ConfigurationError, match=r"got list: pass numpy\.asarray"):
        design([[1.0, 2.0], [3.0, 4.0]])


def test_a_single_row_keeps_nothing():
    path = lasso_path(DenseColumns(np.ones((1, 3))), np.array([2.0]), lambdas=3)
    assert [len(c) for c in path.columns] == [0] * 3


def test_penalties_given_are_used_in_decreasing_order():
    x, y = planted()
    path = lasso_path(DenseColumns(x), y, lambdas=[0.5, 2.0, 100.0])
    assert path.lambdas.tolist() == [100.0, 2.0, 0.5]
    assert len(path.columns[0]) == 0


def test_frames_list_what_is_not_zero_and_when_it_entered():
    x, y = planted()
    path = lasso_path(DenseColumns(x), y, lambdas=10)
    frame = path.to_frame()
    assert list(frame.columns) == ["lambda", "column", "coefficient"]
    assert len(frame) == sum(len(c) for c in path.columns)
    entries = path.entries().set_index("column")["entry"]
    first = frame[frame["column"] == 2]["lambda"].max()
    assert entries[2] == first
    assert "converged" in path.summary()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_named(value):
    x, y = planted()
    x[7, 42] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(DataError, match="column 42, row 7"):
            lasso_path(DenseColumns(x), y)
    with pytest.raises(DataError, match="row 3"):
        lasso_path(DenseColumns(np.ones((5, 2))), np.array([0, 1, 2, value, 4]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"lambdas": 0}, "one penalty at least"),
        ({"lambdas": [1.0, -1.0]}, "penalties must be above zero"),
        ({"ratio": 1.0}, "ratio in"),
        ({"tolerance": 0.0}, "tolerance in"),
        ({"max_passes": 1}, "2 passes at least"),
    ],
)
def test_a_number_that_means_nothing_is_refused(wrong, message):
    x, y = planted()
    with pytest.raises(ConfigurationError, match=message):
        lasso_path(DenseColumns(x), y, **wrong)


def test_a_response_of_another_length_is_refused():
    with pytest.raises(ConfigurationError, match="one value a row of the design, 3"):
        lasso_path(DenseColumns(np.ones((3, 2))), np.ones(4))


def test_a_matrix_of_integers_is_refused():
    with pytest.raises(ConfigurationError, match="float32 or float64"):
        DenseColumns(np.ones((3, 2), dtype=int))


def test_a_path_goes_on_from_a_solution_whose_penalty_is_asked_for_again():
    x, y = planted()
    problem, kept = survey(DenseColumns(x), y, standardise=True, intercept=True, keep=300)
    working = WorkingSet.of(problem, *kept)
    penalties = np.array([0.8, 0.4])
    first, second = follow(working, penalties, null_solution(working))
    again, after = follow(working, penalties, first)
    assert again is first
    np.testing.assert_allclose(after.residual, second.residual, atol=1e-12)


def test_how_many_penalties_may_be_a_number_of_numpy():
    x, y = planted()
    paths = [lasso_path(DenseColumns(x), y, lambdas=n) for n in (7, np.int32(7), np.uint8(7))]
    assert [p.lambdas.tobytes() for p in paths] == [paths[0].lambdas.tobytes()] * 3
    with pytest.raises(ConfigurationError, match="one penalty at least"):
        lasso_path(DenseColumns(x), y, lambdas=np.int64(0))


def test_columns_let_go_of_between_rounds_do_not_change_what_is_certified(monkeypatch):
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(20, 3)) @ rng.normal(size=(3, 4000))
    x, y = shared + 0.5 * rng.normal(size=(20, 4000)), rng.normal(size=20)
    free = lasso_path(DenseColumns(x), y)
    monkeypatch.setattr(rounds, "HELD", 1)
    tight = lasso_path(DenseColumns(x), y)
    assert tight.held < free.held
    for path in (free, tight):
        assert path.converged.all()
        assert max(certified_gaps(x, y, path)) < 1e-12


def test_what_a_full_shortlist_leaves_away_at_the_end_is_in_the_gap(monkeypatch):
    x = np.zeros((8, 32))
    x[0, 0], x[1, 1:31], x[2, 31] = 1.1, 5.0, 0.5
    y = 8 * np.eye(8)[0] + 8 * np.eye(8)[2]
    columns = DenseColumns(x, width=16)
    problem, _ = survey(columns, y, standardise=False, intercept=False, keep=1)
    working, nothing = WorkingSet.of(problem, np.array([31]), x[:, 31:].T.copy()), np.empty(0)
    monkeypatch.setattr(rounds, "MORE", 2)  # 16 are kept, of 31 that are above the penalty
    first, second = (
        Solution(1.0, np.empty(0, np.intp), nothing, nothing, 8 * np.eye(8)[row]) for row in (0, 1)
    )
    reading = rounds._read(working, [first, second])
    assert reading.overflowed
    assert 0 not in reading.lacking.indices
    fitted = first.residual / 1.1
    dual = fitted @ (2 * y - fitted) / 16
    assert reading.gaps[0] >= (first.residual @ first.residual / 16 - dual) / problem.null


@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_response_orthogonal_to_all_columns_but_for_rounding_keeps_nothing(dtype, standardise):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 20)).astype(dtype)
    y = rng.normal(size=60)
    held = np.column_stack([np.ones(60), x.astype(float)])
    y -= held @ np.linalg.lstsq(held, y, rcond=None)[0]
    y -= held @ np.linalg.lstsq(held, y, rcond=None)[0]
    path = lasso_path(DenseColumns(x), y, lambdas=5, standardise=standardise)
    assert path.converged.all()
    assert [len(c) for c in path.columns] == [0] * 5
