"""Layers and units are tested given the others; simulations show the size under dependence."""

from collections.abc import Iterator

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso.columns import DenseColumns, SquaredChanges
from causalhyper.granger.significance.layers.aggregates import leading_components, read_layers
from causalhyper.granger.significance.layers.inputs import Source
from causalhyper.granger.significance.layers.nested import layer_tests
from causalhyper.granger.significance.layers.wald import (
    bootstrap_p,
    nested_regression,
    wald_statistic,
)


def changes(rows: int = 150) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    fall = np.exp(-np.linspace(0, 2, rows))[:, None]
    return {
        name: fall * rng.normal(size=(rows, n)) for name, n in {"a": 12, "b": 20, "c": 6}.items()
    }


def planted() -> tuple[dict[str, SquaredChanges], np.ndarray, np.ndarray]:
    found = changes()
    totals = np.column_stack([(c**2).sum(axis=1) for c in found.values()])
    noise = np.random.default_rng(5).normal(size=150)
    y = -totals[:, 0] - 0.5 * totals[:, 1] + noise
    return {n: SquaredChanges(c, width=5) for n, c in found.items()}, totals, y


def test_the_statistic_of_each_layer_is_that_of_statsmodels_on_total_movements() -> None:
    columns, totals, y = planted()
    found = layer_tests(
        columns, y, errors="raw", kernel="bartlett", bandwidth=8, reference="asymptotic"
    )
    fit = sm.OLS(y, sm.add_constant(totals)).fit(
        cov_type="HAC", cov_kwds={"maxlags": 7, "use_correction": False}, use_t=True
    )
    for at, test in enumerate(found.tests):
        assert test.wald is not None
        assert test.wald.value == pytest.approx(fit.tvalues[at + 1] ** 2, rel=1e-8)
        assert test.p == pytest.approx(fit.pvalues[at + 1], rel=1e-6)


def test_layers_with_an_effect_are_found_and_the_other_is_not() -> None:
    columns, _, y = planted()
    found = layer_tests(columns, y, seed=1)
    assert [test.q <= 0.05 for test in found.tests] == [True, True, False]
    assert found.summary().splitlines()[2].startswith("a: the movement of a explains loss changes")
    assert found.summary().splitlines()[-1].startswith("c: no sign that c explains loss changes")
    assert found.to_frame()["kept"].tolist() == [12, 20, 0]
    assert found.to_frame().equals(layer_tests(columns, y, seed=1).to_frame())


def test_a_layer_alone_is_not_said_to_be_tested_given_others() -> None:
    columns, _, y = planted()
    said = layer_tests({"a": columns["a"]}, y, draws=99).summary()
    assert said.startswith("1 Wald test of movement;")
    assert "a: the movement of a explains loss changes (p = " in said
    assert "others" not in said


def test_a_unit_is_tested_given_the_rest_of_its_layer_and_the_other_layers() -> None:
    columns, totals, y = planted()
    squares = changes()["c"] ** 2
    y = y + 6 * squares[:, 2]
    found = layer_tests(
        columns, y, by="unit", errors="raw", kernel="bartlett", bandwidth=1, reference="fixed"
    )
    unit = next(t for t in found.tests if (t.layer, t.group) == ("c", "2"))
    x = np.column_stack([squares[:, 2], totals[:, 2] - squares[:, 2], totals[:, :2]])
    fit = sm.OLS(y, sm.add_constant(x)).fit(cov_type="HC0")
    assert unit.wald is not None
    assert unit.wald.value == pytest.approx(fit.tvalues[1] ** 2, rel=1e-8)
    assert unit.p == min(t.p for t in found.tests if t.layer == "c")
    assert len(found.tests) == 38
    assert "of 6 units explain loss changes" in found.summary()


def test_components_are_those_of_the_singular_value_decomposition() -> None:
    squares = changes()["b"] ** 2
    source = Source(DenseColumns(squares, width=7), ("b",), np.array([0, 20]), 1)
    (layer,) = read_layers(source, gram=True)
    found = leading_components(layer, 3)
    left, *_ = np.linalg.svd(squares - squares.mean(axis=0))
    np.testing.assert_allclose(np.abs(np.sum(found * left[:, :3], axis=0)), 1, atol=1e-9)


def test_layers_side_by_side_are_told_apart_whatever_the_blocks() -> None:
    made = changes()
    features = np.repeat(np.hstack([made["a"], made["b"], made["c"]]) ** 2, 3, axis=1)
    features[:, 1::3] = features[:, 2::3] = 7.0
    for width in (1, 5, 37, 200):
        source = Source(
            DenseColumns(features, width=width), ("a", "b", "c"), 3 * np.array([0, 12, 32, 38]), 3
        )
        for layer in read_layers(source, units=True):
            np.testing.assert_allclose(layer.units, made[layer.name] ** 2)
            np.testing.assert_allclose(layer.totals, (made[layer.name] ** 2).sum(axis=1))


def test_a_layer_that_moves_as_another_cannot_be_tested_and_says_so() -> None:
    x = changes()["a"] ** 2
    y = np.random.default_rng(0).normal(size=150)
    columns = {"a": DenseColumns(x), "b": DenseColumns(2 * x), "c": DenseColumns(x[:, :3])}
    found = layer_tests(columns, y, draws=99)
    assert np.isnan(found["a"].p)
    assert "combinations" in found.hypothesis_tests()[0].inapplicable
    assert np.isfinite(found["c"].q)


def test_wrong_input_is_refused() -> None:
    columns, _, y = planted()
    for wrong in (
        {"by": "channel"},
        {"components": -1},
        {"reference": "normal"},
        {"block": 150},
        {"by": "unit", "components": 1},
    ):
        with pytest.raises(ConfigurationError):
            layer_tests(columns, y, **wrong)
    with pytest.raises(ConfigurationError, match="no y"):
        layer_tests(columns)
    with pytest.raises(ConfigurationError, match="does not vary"):
        layer_tests(columns, np.ones(150))
    with pytest.raises(DataError, match="finite"):
        layer_tests({"a": DenseColumns(np.full((150, 2), np.nan))}, y)
    with pytest.raises(ConfigurationError, match="share='output'"):
        layer_tests(DenseColumns(np.ones((150, 5000))), y, by="unit")


def autoregressions(rng: np.random.Generator, rows: int, count: int) -> np.ndarray:
    x = rng.normal(size=(rows + 100, count))
    for t in range(1, len(x)):
        x[t] = 0.84 * x[t - 1] + np.sqrt(1 - 0.84**2) * x[t]
    return x[100:]


def trainings(rows: int, effect: float) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Movement of three layers that falls to a twelfth, and errors that fall with it."""
    rng = np.random.default_rng(101)  # not that of the choice of the block
    fall = np.exp(-2.5 * np.arange(rows) / rows)[:, None]
    for _ in range(300):
        m = fall * np.exp(0.3 * autoregressions(rng, rows, 3))
        y = (
            -m[:, 1]
            - m[:, 2]
            - effect * m[:, 0]
            + 0.3 * (fall * autoregressions(rng, rows, 1))[:, 0]
        )
        yield m[:, :1], np.column_stack([np.ones(rows), m[:, 1:]]), y


@pytest.mark.slow
@pytest.mark.parametrize("rows", [200, 500])
def test_the_bootstrap_rejects_less_often_than_asymptotic_tests_which_reject_too_often(
    rows: int,
) -> None:
    rng = np.random.default_rng(2)
    block = round(2 * rows**0.5)
    asymptotic, bootstrap, power = 0, 0, 0
    for tested, given, y in trainings(rows, 0.0):
        regression = nested_regression(tested, given, y)
        wald = wald_statistic(regression, kernel="quadratic_spectral")
        asymptotic += wald.p_asymptotic <= 0.05
        bootstrap += bootstrap_p(regression, wald, draws=199, block=block, rng=rng) <= 0.05
    for tested, given, y in trainings(rows, 0.5):
        regression = nested_regression(tested, given, y)
        wald = wald_statistic(regression, kernel="quadratic_spectral")
        power += bootstrap_p(regression, wald, draws=199, block=block, rng=rng) <= 0.05
    # rejections of 300 at a true size of 10% stay below the first bound in 99.9% of simulations
    assert bootstrap <= stats.binom.ppf(0.999, 300, 0.10)
    assert asymptotic > bootstrap
    assert power >= 0.7 * 300
