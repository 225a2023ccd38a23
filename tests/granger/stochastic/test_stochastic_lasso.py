"""Claims about stochastic descent, against a literal loop, closed forms and scikit-learn."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Lasso, SGDRegressor

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso import DenseColumns, SquaredChanges, lasso_path
from causalhyper.granger.lasso.certificate import relative_gap
from causalhyper.granger.lasso.homotopy import Solution
from causalhyper.granger.lasso.scan import survey
from causalhyper.granger.screening import screen_columns
from causalhyper.granger.stochastic import stochastic_lasso


def algorithm(x, y, l1, epochs, rate, decay, predicts=True):
    """Tsuruoka's algorithm: number by number, with w, q and u as the paper has them."""
    rows, count = x.shape
    w, q, u, step = [0.0] * count, [0.0] * count, 0.0, 0
    for _ in range(epochs):
        for t in range(rows):
            step += 1
            eta = rate / step**decay
            u += eta * l1
            prediction = sum(w[k] * x[t, k] for k in range(count)) if predicts else 0.0
            for k in range(count):
                w[k] += eta * (y[t] - prediction) * x[t, k]
                z = w[k]
                if w[k] > 0:
                    w[k] = max(0.0, w[k] - (u + q[k]))
                elif w[k] < 0:
                    w[k] = min(0.0, w[k] + (u - q[k]))
                q[k] += w[k] - z
    return np.array(w)


def planted(rows=30, count=12, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, count))
    x[rng.random(x.shape) < 0.1] = 0
    return x, x[:, :3] @ [1.0, -2.0, 0.5] + 0.3 * rng.normal(size=rows)


def squares(rows=60, count=400, seed=1):
    """Squared changes of a training: near 1e-11, decaying, on which the loss change depends."""
    rng = np.random.default_rng(seed)
    speed = np.exp(-np.linspace(0, 2, rows))[:, None] * np.exp(rng.normal(size=count))
    changes = (3e-6 * speed * rng.normal(size=(rows, count))).astype(np.float32)
    return changes, -(changes.astype(float) ** 2).sum(axis=1) / 0.1 + 1e-9 * rng.normal(size=rows)


@dataclass(frozen=True)
class Plain:
    """A design that is nothing but blocks."""

    matrix: np.ndarray
    unit: float = 1.0

    @property
    def shape(self):
        return self.matrix.shape

    @property
    def dtype(self):
        return self.matrix.dtype

    def blocks(self):
        for start in range(0, self.shape[1], 5):
            yield start, self.matrix[:, start : start + 5]


@dataclass(frozen=True)
class WithRows(Plain):
    """The same, that reads rows too."""

    def row(self, t):
        return self.matrix[t]


@pytest.mark.parametrize("l1", [0.01, 0.2, 1.0])
@pytest.mark.parametrize(("rate", "decay"), [(0.05, 0.25), (0.01, 0.0), (0.2, 1.0)])
def test_the_joint_form_is_the_papers_algorithm_step_by_step(l1, rate, decay):
    x, y = planted()
    fit = stochastic_lasso(
        DenseColumns(x), y, l1=l1, epochs=7, learning_rate=rate, decay=decay, relative=False
    )
    np.testing.assert_allclose(fit.dense(0), algorithm(x, y, l1, 7, rate, decay), atol=1e-12)


@pytest.mark.parametrize("l1", [0.01, 0.2, 1.0])
def test_the_decoupled_form_is_the_papers_algorithm_without_the_prediction(l1):
    x, y = planted()
    fit = stochastic_lasso(
        DenseColumns(x), y, l1=l1, form="decoupled", epochs=5, learning_rate=0.05, relative=False
    )
    expected = algorithm(x, y, l1, 5, 0.05, 0.25, predicts=False)
    np.testing.assert_allclose(fit.dense(0), expected, atol=1e-12)


@pytest.mark.parametrize("l1", [0.02, 0.3])
def test_the_joint_form_is_scikit_learns_descent(l1):
    x, y = planted(seed=3)
    theirs = SGDRegressor(
        penalty="l1", alpha=l1, fit_intercept=False, shuffle=False, learning_rate="invscaling",
        eta0=0.01, power_t=0.25, max_iter=20, tol=None,
    ).fit(x, y)  # fmt: skip
    fit = stochastic_lasso(
        DenseColumns(x), y, l1=l1, epochs=20, learning_rate=0.01, decay=0.25, relative=False
    )
    np.testing.assert_allclose(fit.dense(0), theirs.coef_, atol=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 17])
def test_one_column_and_one_example_approach_the_soft_threshold_geometrically(steps):
    a, b, l1, rate = 1.5, 2.0, 0.6, 0.1
    fit = stochastic_lasso(
        DenseColumns(np.array([[a]])), [b], l1=l1, epochs=steps, learning_rate=rate, decay=0.0,
        relative=False,
    )  # fmt: skip
    end = (a * b - l1) / a**2
    assert fit.dense(0)[0] == pytest.approx(end * (1 - (1 - rate * a**2) ** steps), rel=1e-12)


def test_with_epochs_the_descent_comes_to_scikit_learns_lasso():
    rng = np.random.default_rng(5)
    x = np.linalg.qr(rng.normal(size=(12, 5)))[0] * np.sqrt(12)
    y = x[:, :2] @ [1.0, -0.5] + 0.02 * rng.normal(size=12)
    theirs = Lasso(alpha=0.1, fit_intercept=False, tol=1e-12).fit(x, y).coef_
    fits = [
        stochastic_lasso(DenseColumns(x), y, l1=0.1, epochs=epochs, decay=0.5)
        for epochs in (10, 100, 2000)
    ]
    away = [np.abs(fit.dense(0) - theirs).max() for fit in fits]
    assert away[0] > 2 * away[1] > 4 * away[2]
    assert away[2] < 5e-4
    assert fits[2].columns[0].tolist() == np.flatnonzero(theirs).tolist()
    assert fits[0].gaps[0] > fits[1].gaps[0] > fits[2].gaps[0]
    assert fits[2].gaps[0] < 1e-3


def test_the_gap_is_that_of_the_lassos_certificate():
    x, y = planted(rows=40, count=20)
    fit = stochastic_lasso(DenseColumns(x), y, l1=[0.5, 0.05], epochs=3)
    problem, _ = survey(DenseColumns(x), y, standardise=False, intercept=False, keep=5)
    for at, penalty in enumerate(fit.lambdas):
        w, members = fit.coefficients[at], fit.columns[at]
        residual = y - x[:, members] @ w
        solution = Solution(penalty, members, np.sign(w), w, residual)
        excess = np.abs(x.T @ residual).max() / (40 * penalty)
        expected = relative_gap(problem, solution, np.ones(len(w)), excess)
        assert fit.gaps[at] == pytest.approx(expected, rel=1e-10)
        assert fit.fitted[at] == pytest.approx(np.linalg.norm(y - residual) / np.linalg.norm(y))
        assert fit.r_squared[at] == pytest.approx(1 - residual @ residual / (y @ y))
        assert not fit.converged[at]


def test_the_gap_bounds_the_distance_from_the_lassos_objective():
    changes, y = squares()
    x = changes.astype(float) ** 2
    exact = lasso_path(
        DenseColumns(x), y, lambdas=5, ratio=0.1, standardise=False, intercept=False
    )
    fit = stochastic_lasso(DenseColumns(x), y, l1=exact.lambdas[1:], epochs=30)

    def objective(path, at):
        g = path.dense(at)
        return ((y - x @ g) ** 2).mean() / 2 + path.lambdas[at] * np.abs(g).sum()

    for at in range(4):
        lost = (objective(fit, at) - objective(exact, at + 1)) / ((y**2).mean() / 2)
        assert 0 < lost <= fit.gaps[at]


@pytest.mark.parametrize("form", ["joint", "decoupled"])
def test_published_masks_are_those_of_marginal_screening_weighted_by_the_rates(form):
    changes, y = squares()
    marginal = np.abs((changes.astype(float) ** 2).T @ y) / len(y)
    l1 = np.quantile(marginal, [0.9, 0.5])
    fit = stochastic_lasso(SquaredChanges(changes), y, l1=l1, form=form, reproduction=True)
    steps = np.arange(1, 3 * len(y) + 1)
    rates = (0.01 / steps**0.25).reshape(3, -1).sum(axis=0)
    sums = np.abs((changes.astype(float) ** 2).T @ (rates * y))
    for at, penalty in enumerate(fit.lambdas):
        expected = np.flatnonzero(sums > penalty * rates.sum())
        assert fit.columns[at].tolist() == expected.tolist()
        assert fit.fitted[at] < 1e-6
        kept = screen_columns(SquaredChanges(changes), y, weights=fit.rates).keep(
            "marginal", threshold=penalty
        )
        assert np.flatnonzero(kept.masks["design"]).tolist() == expected.tolist()
    assert len(fit.columns[1]) > len(y)
    assert "reproduction of the published" in fit.summary()
    assert "a lasso keeps 60 columns at most" in fit.summary()


def test_an_early_end_keeps_more_columns_than_a_lasso_can():
    changes, y = squares()
    columns = SquaredChanges(changes)
    exact = lasso_path(columns, y, lambdas=20, ratio=1e-4, standardise=False, intercept=False)
    at = 14
    kept = [
        int(stochastic_lasso(columns, y, l1=exact.lambdas[at], epochs=epochs).kept[0])
        for epochs in (1, 10, 60)
    ]
    assert kept[0] > kept[1] > kept[2] >= len(exact.columns[at])
    assert kept[0] > len(y)


def test_a_decoupled_mask_depends_on_the_rates_only_by_their_shape():
    changes, y = squares()
    l1 = float(np.median(np.abs((changes.astype(float) ** 2).T @ y) / len(y)))
    one, other = (
        stochastic_lasso(SquaredChanges(changes), y, l1=l1, form="decoupled", learning_rate=rate)
        for rate in (1.0, 0.01)
    )
    assert one.columns[0].tolist() == other.columns[0].tolist()
    np.testing.assert_allclose(one.coefficients[0], 100 * other.coefficients[0], rtol=1e-6)


@given(
    power_x=st.integers(-60, 60), power_y=st.integers(-60, 60),
    form=st.sampled_from(["joint", "decoupled"]),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_units_of_x_and_y_change_nothing_but_the_units_of_coefficients(power_x, power_y, form):
    x, y = planted()
    a, b = 2.0**power_x, 2.0**power_y
    one = stochastic_lasso(DenseColumns(x), y, l1=0.2, epochs=3, form=form)
    other = stochastic_lasso(DenseColumns(a * x), b * y, l1=a * b * 0.2, epochs=3, form=form)
    np.testing.assert_allclose(other.dense(0), b / a * one.dense(0), rtol=1e-12)
    assert other.gaps[0] == pytest.approx(one.gaps[0], rel=1e-12)


@given(seed=st.integers(0, 2**32 - 1), form=st.sampled_from(["joint", "decoupled"]))
@settings(max_examples=25, deadline=None)
def test_permuting_columns_permutes_coefficients(seed, form):
    x, y = planted()
    order = np.random.default_rng(seed).permutation(x.shape[1])
    one = stochastic_lasso(DenseColumns(x), y, l1=0.1, epochs=3, form=form).dense(0)
    other = stochastic_lasso(DenseColumns(x[:, order]), y, l1=0.1, epochs=3, form=form).dense(0)
    np.testing.assert_allclose(other, one[order], atol=1e-13)


def test_the_same_seed_gives_the_same_bytes_and_another_shuffles_otherwise():
    x, y = planted()
    fits = [
        stochastic_lasso(DenseColumns(x), y, l1=0.1, epochs=4, rng=np.random.default_rng(seed))
        for seed in (1, 1, 2)
    ]
    assert fits[0].dense(0).tobytes() == fits[1].dense(0).tobytes()
    assert not np.allclose(fits[0].dense(0), fits[2].dense(0), rtol=1e-6)
    in_order = stochastic_lasso(DenseColumns(x), y, l1=0.1, epochs=4)
    assert not np.allclose(fits[0].dense(0), in_order.dense(0), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", ["joint", "decoupled"])
def test_any_kind_of_design_gives_the_same_coefficients(form, dtype):
    changes, y = squares()
    squared = (changes.astype(float) ** 2 / 1e-10).astype(dtype)
    designs = [
        SquaredChanges(changes, width=7),
        DenseColumns(squared.astype(float) * 1e-10),
        Plain(squared, 1e-10),
        WithRows(squared, 1e-10),
    ]
    found = [stochastic_lasso(d, y, l1=1e-16, epochs=3, form=form).dense(0) for d in designs]
    assert np.abs(found[0]).max() > 0
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], atol=3e-6 * np.abs(found[0]).max())


def test_several_penalties_are_fitted_as_one_by_one_and_come_in_decreasing_order():
    x, y = planted()
    path = stochastic_lasso(DenseColumns(x), y, l1=[0.05, 0.6, 0.2], epochs=5)
    assert path.lambdas.tolist() == [0.6, 0.2, 0.05]
    for at, penalty in enumerate(path.lambdas):
        alone = stochastic_lasso(DenseColumns(x), y, l1=penalty, epochs=5)
        np.testing.assert_allclose(path.dense(at), alone.dense(0), atol=1e-13)
    frame = path.to_frame()
    assert frame.columns.tolist() == ["lambda", "column", "coefficient"]
    assert len(frame) == path.kept.sum()
    entered = frame.loc[frame["column"] == 1, "lambda"].max()
    assert path.entries().set_index("column")["entry"][1] == entered


def test_a_zero_column_a_zero_response_and_a_zero_design_keep_nothing():
    x, y = planted()
    x[:, 4] = 0
    fit = stochastic_lasso(DenseColumns(x), y, l1=1e-6, epochs=3)
    assert fit.dense(0)[4] == 0
    silent = stochastic_lasso(DenseColumns(x), np.zeros(30), l1=0.1, epochs=3)
    assert silent.kept.tolist() == [0]
    assert silent.gaps.tolist() == [0.0]
    empty = stochastic_lasso(DenseColumns(np.zeros((30, 2))), y, l1=0.1, epochs=3)
    assert empty.kept.tolist() == [0]
    assert bool(empty.converged[0])


def test_above_the_largest_penalty_nothing_is_kept_and_that_is_the_lasso():
    x, y = planted()
    largest = np.abs(x.T @ y).max() / len(y)
    fit = stochastic_lasso(DenseColumns(x), y, l1=50 * largest, epochs=2)
    assert fit.kept.tolist() == [0]
    assert bool(fit.converged[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"l1": 0.0}, "above zero"),
        ({"l1": []}, "above zero"),
        ({"l1": np.inf}, "finite"),
        ({"form": "both"}, "'joint' or 'decoupled'"),
        ({"epochs": 0}, "one epoch at least"),
        ({"epochs": 1.5}, "epochs must be a whole number"),
        ({"learning_rate": -1.0}, "learning rate above 0"),
        ({"decay": 1.5}, r"decay in \[0, 1\]"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"reproduction": True, "epochs": 5, "decay": 0.1}, "leave out epochs, decay"),
    ],
)
def test_a_call_that_means_nothing_is_refused(change, message):
    x, y = planted()
    with pytest.raises(ConfigurationError, match=message):
        stochastic_lasso(DenseColumns(x), y, **({"l1": 0.1} | change))


def test_wrong_values_are_named():
    x, y = planted()
    with pytest.raises(ConfigurationError, match="one value a row of the design, 30"):
        stochastic_lasso(DenseColumns(x), y[:5], l1=0.1)
    with pytest.raises(DataError, match="row 3 is nan"):
        stochastic_lasso(DenseColumns(x), np.where(np.arange(30) == 3, np.nan, y), l1=0.1)
    x[7, 2] = np.nan
    with pytest.raises(DataError, match="row 7 does not"):
        stochastic_lasso(DenseColumns(x), y, l1=0.1)
    with pytest.raises(DataError, match="12 columns from 0"):
        stochastic_lasso(DenseColumns(x), y, l1=0.1, form="decoupled", relative=False)
    with pytest.raises(DataError, match="not finite"):
        stochastic_lasso(DenseColumns(x), y, l1=0.1, reproduction=True)


def test_a_rate_that_is_too_large_is_an_error_and_not_a_fit():
    x, y = planted()
    with pytest.raises(DataError, match="diverged"):
        stochastic_lasso(DenseColumns(x), y, l1=0.1, epochs=300, learning_rate=50.0, decay=0.0)


def test_a_copy_that_does_not_fit_in_memory_is_refused_before_it_is_made():
    x, y = planted()
    with pytest.raises(ConfigurationError, match="form='decoupled'"):
        stochastic_lasso(Plain(x), y, l1=0.1, memory=100)
    assert len(stochastic_lasso(WithRows(x), y, l1=0.1, epochs=1, memory=100)) == 1
    assert len(stochastic_lasso(Plain(x), y, l1=0.1, epochs=1, form="decoupled", memory=1)) == 1
