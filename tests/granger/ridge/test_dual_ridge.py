"""Ridge in the dual agrees with scikit-learn, with the primal normal equations, and reads once."""

from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.choice.folds import blocked_folds
from causalhyper.granger.lasso.columns import DenseColumns, SquaredChanges
from causalhyper.granger.ridge import dual_ridge, gram_of
from causalhyper.granger.ridge.dual import blocked_error


def sample(rows: int = 40, count: int = 90) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, count)) * np.geomspace(0.1, 10, count) + 3.0
    return x, x[:, :5].sum(axis=1) + rng.normal(size=rows)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("shape", [(40, 90), (40, 7)])
def test_coefficients_and_fits_are_those_of_scikit_learn(
    intercept: bool, shape: tuple[int, int]
) -> None:
    x, y = sample(*shape)
    columns = DenseColumns(x, width=13)
    fit = dual_ridge(columns, y, lambdas=[3.0, 0.2], standardise=False, intercept=intercept)
    for at, penalty in enumerate([3.0, 0.2]):
        peer = Ridge(alpha=len(y) * penalty, fit_intercept=intercept).fit(x, y)
        np.testing.assert_allclose(
            fit.coefficients(columns, at), peer.coef_, rtol=1e-8, atol=1e-11
        )
        np.testing.assert_allclose(fit.fitted[:, at], peer.predict(x), rtol=1e-8)


def test_standardised_coefficients_are_those_of_scikit_learn_on_standardised_columns() -> None:
    x, y = sample()
    fit = dual_ridge(DenseColumns(x), y, lambdas=[0.5])
    peer = Ridge(alpha=len(y) * 0.5).fit((x - x.mean(0)) / x.std(0), y)
    np.testing.assert_allclose(
        fit.coefficients(DenseColumns(x)), peer.coef_ / x.std(0), rtol=1e-8, atol=1e-12
    )


def test_unpenalised_columns_satisfy_the_primal_normal_equations() -> None:
    x, y = sample(40, 60)
    given = x[:, :2].sum(axis=1, keepdims=True)
    fit = dual_ridge(DenseColumns(x), y, lambdas=[0.7], given=given, standardise=False)
    z = np.hstack([np.ones((40, 1)), given])
    both = np.hstack([z, x - x.mean(0)])
    penalty = np.diag([0.0] * 2 + [40 * 0.7] * 60)
    found = np.linalg.solve(both.T @ both + penalty, both.T @ y)
    np.testing.assert_allclose(fit.coefficients(DenseColumns(x)), found[2:], rtol=1e-7, atol=1e-10)
    hat = both @ np.linalg.solve(both.T @ both + penalty, both.T)
    assert fit.degrees[0] == pytest.approx(np.trace(hat), rel=1e-9)
    left = y - hat @ y
    assert fit.gcv[0] == pytest.approx(np.mean(left**2) / (1 - np.trace(hat) / 40) ** 2, rel=1e-8)


def test_the_error_of_blocks_is_that_of_refits_by_scikit_learn() -> None:
    x, y = sample()
    folds = blocked_folds(40, 3, scheme="forward", gap=2)
    centred = x - x.mean(0)
    found = blocked_error(centred @ centred.T, y, np.ones((40, 1)), folds, np.array([2.0]))
    errors = [
        (y[b] - Ridge(alpha=len(a) * 2.0).fit(x[a], y[a]).predict(x[b])) ** 2 for a, b in folds
    ]
    assert found[0] == pytest.approx(np.concatenate(errors).mean(), rel=1e-9)


def test_tiny_squares_give_the_fit_of_the_same_numbers_in_another_unit() -> None:
    rng = np.random.default_rng(2)
    changes = 1e-9 * rng.normal(size=(30, 50))
    y = rng.normal(size=30)
    tiny = dual_ridge(SquaredChanges(changes), y)
    plain = dual_ridge(DenseColumns((1e9 * changes) ** 2), y)
    np.testing.assert_allclose(tiny.lambdas, plain.lambdas, rtol=1e-9)
    np.testing.assert_allclose(tiny.fitted, plain.fitted, rtol=1e-7)


class Counted(DenseColumns):
    readings = 0

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        Counted.readings += 1
        return super().blocks()


def test_a_path_with_cross_validation_reads_the_design_once() -> None:
    x, y = sample()
    Counted.readings = 0
    dual_ridge(Counted(x), y)
    assert Counted.readings == 1


def test_a_column_that_does_not_vary_has_no_part_in_the_fit() -> None:
    x, y = sample(30, 5)
    flat = np.hstack([x, np.full((30, 1), 0.1)])
    gram, scales = gram_of(DenseColumns(flat))
    np.testing.assert_allclose(gram, gram_of(DenseColumns(x))[0], atol=1e-12)
    assert np.isinf(scales[5])
    assert dual_ridge(DenseColumns(flat), y).coefficients(DenseColumns(flat))[5] == 0


def test_wrong_input_is_refused() -> None:
    x, y = sample()
    bad = x.copy()
    bad[2, 3] = np.nan
    with pytest.raises(DataError, match="column 3, row 2"):
        dual_ridge(DenseColumns(bad), y)
    with pytest.raises(DataError, match="no column varies"):
        dual_ridge(DenseColumns(np.ones((40, 2))), y)
    for wrong in ({"lambdas": [-1.0]}, {"ratio": 2.0}, {"choice": "aic"}, {"given": np.ones(40)}):
        with pytest.raises(ConfigurationError):
            dual_ridge(DenseColumns(x), y, **wrong)
    with pytest.raises(ConfigurationError, match="shape"):
        dual_ridge(DenseColumns(x), y).coefficients(DenseColumns(x[:, 1:]))
