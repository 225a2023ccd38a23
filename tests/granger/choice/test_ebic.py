"""Claims about the extended BIC and the effective number of steps, against their definitions."""

import math

import numpy as np
import pytest
from statsmodels.regression.linear_model import OLS
from statsmodels.tsa.stattools import acf

from causalhyper.errors import ConfigurationError
from causalhyper.granger.choice import choose_by_ebic, effective_steps, extended_bic
from causalhyper.granger.lasso import DenseColumns, SquaredChanges
from tests.granger.choice.samples import autoregressive, planted


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("refit", [True, False])
def test_the_criterion_of_every_fit_is_chen_and_chens_formula(gamma, intercept, refit):
    x, y = planted(rows=60, width=200)
    choice = choose_by_ebic(
        DenseColumns(x), y, gamma=gamma, intercept=intercept, refit=refit, lambdas=20
    )
    small = choice.table["kept"] <= 30
    for at, row in choice.table[small].iterrows():
        kept = choice.path.columns[at]
        residual = y - choice.path.intercepts[at] - x @ choice.path.dense(at)
        likelihood = -30 * (math.log(2 * math.pi * residual @ residual / 60) + 1)
        if refit and len(kept):  # by another program
            model = np.column_stack([np.ones(60), x[:, kept]]) if intercept else x[:, kept]
            likelihood = OLS(y, model).fit().llf
        prior = 2 * gamma * math.log(math.comb(200, len(kept)))
        expected = -2 * likelihood + len(kept) * math.log(60) + prior
        assert row["ebic"] + 60 * (math.log(2 * math.pi) + 1) == pytest.approx(expected)
    assert choice.at == choice.table["ebic"].where(small).idxmin()


def test_it_finds_the_columns_that_matter_among_very_many():
    x, y = planted(rows=120, width=3000, noise=0.5)
    assert choose_by_ebic(DenseColumns(x), y).columns.tolist() == [0, 1, 2, 3]
    noise = np.random.default_rng(7).normal(size=120)
    assert choose_by_ebic(DenseColumns(x), noise).columns.tolist() == []


def test_a_fit_that_nearly_interpolates_is_not_chosen():
    x, y = planted(rows=20, width=40)
    refitted = choose_by_ebic(DenseColumns(x), y, gamma=0.0, ratio=1e-7, lambdas=60)
    assert len(refitted.columns) <= 10
    choice = choose_by_ebic(DenseColumns(x), y, gamma=0.0, ratio=1e-7, lambdas=60, refit=False)
    assert choice.table["ebic"].min() < choice.table["ebic"].iloc[choice.at]
    assert len(choice.columns) <= 10


def test_squares_of_tiny_changes_are_refitted_as_well_as_large_ones():
    rng = np.random.default_rng(4)
    changes = (1e-7 * rng.normal(size=(120, 200)) * np.exp(rng.normal(size=200))).astype(
        np.float32
    )
    squares = changes.astype(float) ** 2
    scaled = (squares - squares.mean(axis=0)) / squares.std(axis=0)
    y = 1e-9 * (scaled[:, :3].sum(axis=1) + 0.5 * rng.normal(size=120))
    assert choose_by_ebic(SquaredChanges(changes), y).columns.tolist() == [0, 1, 2]


def test_effective_steps_of_an_autoregression_are_those_of_its_closed_form():
    rng = np.random.default_rng(0)
    for dependence in (0.0, 0.5, 0.84):
        found = [
            effective_steps(autoregressive(rng, 4000, 1, dependence)[:, 0]) for _ in range(20)
        ]
        expected = 4000 * (1 - dependence) / (1 + dependence)
        assert np.mean(found) == pytest.approx(expected, rel=0.12)


def test_effective_steps_sum_the_autocorrelations_of_statsmodels_in_pairs():
    series = autoregressive(np.random.default_rng(1), 301, 1, 0.7)[:, 0]
    correlations = acf(series, nlags=300, fft=False)
    total, before = 0.0, np.inf
    for k in range(150):
        pair = correlations[2 * k] + correlations[2 * k + 1]
        if pair <= 0:
            break
        before = min(before, pair)
        total += before
    assert effective_steps(series) == pytest.approx(301 / (2 * total - 1))


def test_effective_steps_are_scale_free_and_between_1_and_all():
    series = autoregressive(np.random.default_rng(2), 200, 1, 0.8)[:, 0]
    assert effective_steps(1e-170 * series) == pytest.approx(effective_steps(series))
    assert effective_steps(np.full(30, 3.3)) == 30
    assert effective_steps(np.array([1.0, -1.0] * 20)) == 40
    assert 1 <= effective_steps(np.arange(50.0)) < 10
    assert effective_steps(np.array([2.0])) == 1


def test_dependent_steps_count_less_when_asked_and_fewer_columns_are_kept():
    kept = {"all": 0, "effective": 0}
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x = autoregressive(rng, 200, 100, 0.8)
        y = autoregressive(rng, 200, 1, 0.8)[:, 0]  # no column matters
        for steps in kept:
            choice = choose_by_ebic(DenseColumns(x), y, steps=steps, lambdas=40)
            kept[steps] += len(choice.columns)
    assert kept["all"] > 20
    assert kept["effective"] < kept["all"] / 4


def test_a_number_of_steps_given_enters_the_formula():
    x, y = planted(rows=60, width=50)
    choice = choose_by_ebic(DenseColumns(x), y, steps=25.0, lambdas=10, refit=False)
    row = choice.table.iloc[4]
    residual = y - choice.path.intercepts[4] - x @ choice.path.dense(4)
    expected = (
        25 * math.log(residual @ residual / 60)
        + row["kept"] * math.log(25)
        + 2 * math.log(math.comb(50, int(row["kept"])))
    )
    assert row["ebic"] == pytest.approx(expected)
    assert "with 25 of 60 steps counted" in choice.reason


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"gamma": -0.1}, r"expected gamma in \[0, 1\]"),
        ({"gamma": 1.1}, r"expected gamma in \[0, 1\]"),
        ({"steps": 0.0}, r"steps in \(0, 60\]"),
        ({"steps": 61.0}, r"steps in \(0, 60\]"),
        ({"steps": "some"}, "'all', 'effective' or a number; got 'some'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, words):
    x, y = planted(rows=60, width=20)
    with pytest.raises(ConfigurationError, match=words):
        choose_by_ebic(DenseColumns(x), y, **settings)


def test_a_constant_response_keeps_nothing():
    x, _ = planted(rows=40, width=20)
    assert len(choose_by_ebic(DenseColumns(x), np.full(40, 2.5), steps="effective").columns) == 0


def test_fits_of_as_many_columns_as_steps_are_infinitely_bad():
    bad = extended_bic(np.array([1.0, 1.0]), np.array([4, 5]), 5, 100)
    assert np.isfinite(bad[0])
    assert np.isinf(bad[1])
