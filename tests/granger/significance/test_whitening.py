"""Errors are made white: planted spread and memory are found, layers tested near their size."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from causalhyper.errors import DataError
from causalhyper.granger.lasso.columns import DenseColumns
from causalhyper.granger.significance.layers import layer_tests
from causalhyper.granger.significance.layers.sieve import (
    drawn_errors,
    sieve_p,
    stationary,
    whitened_values,
)
from causalhyper.granger.significance.layers.wald import (
    NestedRegression,
    nested_regression,
    wald_statistic,
    whitened_regression,
)
from causalhyper.granger.significance.layers.whitening import (
    autoregression,
    filtered,
    inverse_spread,
    later_rows,
    spread_basis,
    whiten,
)
from tests.granger.significance.movements import FRESH, remembering, training

LONG = ("long memory", "near unit", "averages")
"""Laws whose errors remember more than an autoregression of four steps."""


def regression(
    law: str = "falling", rows: int = 200, seed: int = 0, **options
) -> NestedRegression:
    moves, y = training(law, np.random.default_rng(seed), rows, **options)
    given = np.column_stack([np.ones(rows), moves[:, 1:]])
    return nested_regression(moves[:, :1], given, y)


def test_a_planted_spread_and_memory_are_found() -> None:
    rng = np.random.default_rng(0)
    rows = 4000
    spread = np.exp(1 - 2 * np.arange(rows) / rows)
    columns = np.linalg.qr(np.column_stack([np.ones(rows), rng.normal(size=rows)]))[0]
    y = columns @ [3.0, -2.0] + spread * remembering(rng, rows, 1, 0.8)[:, 0]
    found = whiten(columns, y[None], np.array([0, rows]), 2)
    np.testing.assert_allclose(found.memory[0], [0.8, 0.0], atol=0.05)
    assert np.abs(np.log(found.weights[0] * spread)).max() < 0.2
    left = found.responses[0] - found.columns[0] @ found.slopes()[0]
    assert abs(np.corrcoef(left[1:], left[:-1])[0, 1]) < 0.05


def test_an_autoregression_is_that_of_statsmodels_in_one_training() -> None:
    x = remembering(np.random.default_rng(1), 150, 1, 0.7)[:, 0]
    edges = np.array([0, 150])
    found = autoregression(x[None], later_rows(edges, 3), 3)[0]
    expected = sm.OLS(x[3:], np.column_stack([x[2:-1], x[1:-2], x[:-3]])).fit().params
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_the_spread_is_that_of_a_gamma_regression_by_statsmodels() -> None:
    rng = np.random.default_rng(2)
    basis = spread_basis(np.array([0, 180]))
    x = np.exp(basis @ [0.0, -1.0, 0.3, 0.1]) * rng.normal(size=180)
    fit = sm.GLM(x**2, basis, family=sm.families.Gamma(sm.families.links.Log())).fit(tol=1e-12)
    expected = np.exp(-(basis @ fit.params) / 2)
    expected /= np.exp(np.log(expected).mean())
    np.testing.assert_allclose(inverse_spread(x[None], basis)[0], expected, rtol=1e-6)


def test_no_row_is_filtered_by_one_of_another_training() -> None:
    series = np.array([[1.0, 2.0, 4.0, 100.0, 300.0]])
    later = later_rows(np.array([0, 3, 5]), 1)
    assert filtered(series, np.array([[2.0]]), later).tolist() == [[0.0, 0.0, 100.0]]
    assert spread_basis(np.array([0, 30, 75])).shape == (75, 1 + 2)


def test_statistics_of_many_responses_are_those_of_each_alone() -> None:
    given = regression()
    single = wald_statistic(whitened_regression(given, 4))
    rng = np.random.default_rng(0)
    responses = np.stack([given.response, *rng.normal(size=(3, 200))])
    found = whitened_values(given, responses, 4, single)
    assert found[0] == pytest.approx(single.value, rel=1e-9)
    alone = [whitened_values(given, each[None], 4, single)[0] for each in responses]
    np.testing.assert_allclose(found, alone, rtol=1e-6)


def test_statistics_do_not_depend_on_units_nor_on_given_coefficients() -> None:
    moves, y = training("falling", np.random.default_rng(3), 200)
    given = np.column_stack([np.ones(200), moves[:, 1:]])
    first, second = (
        wald_statistic(whitened_regression(nested_regression(a, b, c), 4)).value
        for a, b, c in (
            (moves[:, :1], given, y),
            (1e-9 * moves[:, :1], given * [1, 1e6, 1e-9], 1e-12 * (y + given @ [5, 2, -3])),
        )
    )
    assert first == pytest.approx(second, rel=1e-5)


def test_drawn_errors_have_the_spread_and_the_memory_that_were_fitted() -> None:
    rows = 600
    given = regression("falling", rows, 4)
    null = whiten(given.given, given.response[None], given.edges, 1)
    drawn = drawn_errors(given, 1, 4000, np.random.default_rng(0))
    scaled = drawn * null.weights[0]
    rho = stationary(null.memory[0])[0]
    lagged = (scaled[:, 1:] * scaled[:, :-1]).sum() / (scaled[:, :-1] ** 2).sum()
    assert lagged == pytest.approx(rho, abs=0.02)
    thirds = [float(drawn[:, part].std()) for part in (slice(0, 200), slice(400, 600))]
    assert thirds[0] / thirds[1] == pytest.approx(np.exp(2.5 * 2 / 3), rel=0.35)


def test_the_bootstrap_is_a_function_of_its_seed_and_of_how_much_is_held(monkeypatch) -> None:
    given = regression()
    statistic = wald_statistic(whitened_regression(given, 4))
    first = sieve_p(given, statistic, order=4, draws=60, rng=np.random.default_rng(1))
    monkeypatch.setattr("causalhyper.granger.significance.layers.sieve.HELD", 1)
    assert first == sieve_p(given, statistic, order=4, draws=60, rng=np.random.default_rng(1))


def test_a_loss_without_errors_is_tested_too() -> None:
    moves, _ = training("falling", np.random.default_rng(5), 120)
    columns = {str(at): DenseColumns(moves[:, [at]]) for at in range(3)}
    found = layer_tests(columns, -moves[:, 0] - 2 * moves[:, 1], draws=49)
    assert [found[at].p for at in "01"] == [1 / 50, 1 / 50]
    assert 0 < found["2"].p <= 1


def test_too_few_steps_for_columns_spread_and_memory_are_refused() -> None:
    rng = np.random.default_rng(0)
    given = nested_regression(rng.normal(size=(24, 1)), rng.normal(size=(24, 21)), np.ones(24))
    with pytest.raises(DataError, match="numbers of spread and memory"):
        whitened_regression(given, 4)


def rejections(law: str, rows: int, count: int, effect: float, seed: int) -> int:
    rng = np.random.default_rng(seed)
    found = 0
    for _ in range(count):
        moves, y = training(law, rng, rows, effect)
        given = np.column_stack([np.ones(rows), moves[:, 1:]])
        plain = nested_regression(moves[:, :1], given, y)
        statistic = wald_statistic(whitened_regression(plain, 4))
        found += sieve_p(plain, statistic, order=4, draws=99, rng=rng) <= 0.05
    return found


@pytest.mark.slow
@pytest.mark.parametrize("law", [law for law in FRESH if law not in LONG])
def test_layers_without_an_effect_are_found_near_the_size_on_laws_not_used_to_make_the_test(
    law: str,
) -> None:
    # what a true size of 7% exceeds in one of a thousand simulations; 4 to 7% were measured
    assert rejections(law, 200, 300, 0.0, 77) <= stats.binom.ppf(0.999, 300, 0.07)


@pytest.mark.slow
def test_layers_with_half_the_effect_of_the_others_are_found() -> None:
    assert rejections("falling", 200, 50, 0.5, 78) >= 40
    assert rejections("common", 200, 50, 0.5, 79) >= 25


@pytest.mark.slow
@pytest.mark.parametrize("law", LONG)
def test_errors_with_a_memory_longer_than_an_autoregression_are_found_up_to_three_times_too_often(
    law: str,
) -> None:
    # 9% were measured with long memory, 13% with averages of 12 steps
    assert rejections(law, 200, 300, 0.0, 80) <= stats.binom.ppf(0.999, 300, 0.15)
