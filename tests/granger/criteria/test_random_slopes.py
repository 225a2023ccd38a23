"""Claims about joint slopes: the dense likelihood, ridge regression, sketches and the bound."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.linear_model import Ridge

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.criteria.random_slopes import random_slopes
from causalhyper.granger.criteria.shrinkage import shrink_slopes
from causalhyper.granger.criteria.sketches import draw_sketch


def sample(steps=50, width=80, noise=1.0, seed=0, signal=1.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(steps, width))
    slopes = signal * rng.normal(size=width)
    fixed = np.column_stack([np.ones(steps), rng.normal(size=steps)])
    y = x @ slopes + fixed @ [3.0, -2.0] + noise * rng.normal(size=steps) * np.sqrt(width)
    return x, y, fixed, slopes


def dense_likelihood(kernel, y, fixed, ratio):
    """Restricted log-likelihood, from its definition, the scale profiled."""
    v = kernel / ratio + np.eye(len(y))
    inverse = np.linalg.inv(v)
    middle = fixed.T @ inverse @ fixed
    p = inverse - inverse @ fixed @ np.linalg.solve(middle, fixed.T @ inverse)
    freedom = len(y) - fixed.shape[1]
    return -0.5 * (
        np.linalg.slogdet(v)[1] + np.linalg.slogdet(middle)[1] + freedom * np.log(y @ p @ y)
    )


@pytest.mark.parametrize("width", [20, 80])
def test_the_ratio_is_where_the_dense_restricted_likelihood_is_largest(width):
    x, y, fixed, _ = sample(width=width)
    kernel = x @ x.T
    found = random_slopes(x, y, fixed)
    best = minimize_scalar(
        lambda log: -dense_likelihood(kernel, y, fixed, np.exp(log)),
        bounds=(-5, 12), method="bounded", options={"xatol": 1e-10},
    )  # fmt: skip
    assert found.ratio == pytest.approx(np.exp(best.x), rel=1e-4)
    none = dense_likelihood(kernel, y, fixed, 1e14)
    assert found.evidence == pytest.approx(2 * (-best.fun - none), rel=1e-5)


@pytest.mark.parametrize("width", [20, 80])
def test_slopes_are_those_of_ridge_regression_at_that_ratio(width):
    x, y, fixed, _ = sample(width=width)
    found = random_slopes(x, y, fixed)
    project = np.eye(len(y)) - fixed @ np.linalg.pinv(fixed)
    model = Ridge(alpha=found.ratio, fit_intercept=False).fit(project @ x, project @ y)
    np.testing.assert_allclose(found.slopes, model.coef_, rtol=1e-6, atol=1e-9)
    common = np.linalg.lstsq(fixed, y - x @ model.coef_, rcond=None)[0]
    np.testing.assert_allclose(found.fixed, common, rtol=1e-6)


def test_equal_eigenvalues_shrink_by_the_closed_form():
    """With X X' = c I the likelihood is flat in nothing but the total: no ratio is told."""
    rng = np.random.default_rng(1)
    y = rng.normal(size=30)
    found = random_slopes(2.0 * np.eye(30), y, np.ones((30, 1)))
    assert found.evidence == pytest.approx(0, abs=1e-9)


def test_units_of_the_series_change_only_units_of_the_slopes():
    x, y, fixed, _ = sample()
    plain = random_slopes(x, y, fixed)
    other = random_slopes(1e-18 * x, 1e-6 * y, fixed)
    np.testing.assert_allclose(other.slopes, 1e12 * plain.slopes, rtol=1e-5)
    assert other.evidence == pytest.approx(plain.evidence, rel=1e-6)


@pytest.mark.slow
def test_where_there_is_nothing_slopes_are_zero_in_half_the_cases_and_the_gain_is_rarely_large():
    """The ratio statistic is zero with chance about 1/2 and else chi-squared with one degree."""
    gains = np.array(
        [
            random_slopes(x, y, fixed).evidence
            for x, y, fixed, _ in (sample(signal=0.0, seed=s) for s in range(600))
        ]
    )
    assert 0.35 < (gains == 0).mean() < 0.75
    assert (gains > 2.706).mean() < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)


@pytest.mark.slow
def test_one_number_a_step_tells_a_share_of_steps_over_parameters_and_no_more():
    shares = []
    for seed in range(40):
        x, y, fixed, slopes = sample(steps=50, width=500, noise=0.0, seed=seed)
        found = random_slopes(x, y, fixed).slopes
        length = np.linalg.norm(found) or 1.0
        shares.append((found @ slopes / length / np.linalg.norm(slopes)) ** 2)
    assert 0.05 < np.mean(shares) < 50 / 500 + 3 * np.std(shares) / np.sqrt(40)


def test_wrong_shapes_and_values_are_refused():
    x, y, fixed, _ = sample()
    with pytest.raises(ConfigurationError, match=r"movements of shape \(50, G\)"):
        random_slopes(x.T, y, fixed)
    with pytest.raises(ConfigurationError, match="49 controls need more than 50 steps"):
        random_slopes(x, y, np.ones((50, 49)))
    y[3] = np.nan
    with pytest.raises(DataError, match="finite"):
        random_slopes(x, y, fixed)


def test_slopes_that_vary_no_more_than_their_errors_are_all_zero():
    assert not shrink_slopes(np.array([0.5, -0.9, 0.1]), np.ones(3)).any()
    assert not shrink_slopes(np.array([2.0, 3.0]), np.zeros(2)).any()
    found = shrink_slopes(np.array([2.0, 3.0, 7.0]), np.array([1.0, 1.0, 0.0]))
    np.testing.assert_allclose(found, [2 * 5.5 / 6.5, 3 * 5.5 / 6.5, 0])


@pytest.mark.slow
def test_shrunk_slopes_have_the_error_of_the_best_linear_ones():
    rng = np.random.default_rng(0)
    errors = rng.uniform(0.5, 3, size=20_000)
    truth = 1.5 * rng.normal(size=20_000)
    seen = truth + errors * rng.normal(size=20_000)
    best = seen * 1.5**2 / (1.5**2 + errors**2)
    found = shrink_slopes(seen, errors)
    wanted = ((best - truth) ** 2).mean()
    assert ((found - truth) ** 2).mean() == pytest.approx(wanted, rel=0.01)
    assert ((seen - truth) ** 2).mean() > 2 * wanted


# sketches


def test_every_parameter_is_in_one_group_of_each_repeat():
    sketch = draw_sketch(np.random.default_rng(0), 23, width=5, repeats=3)
    matrix = np.zeros((15, 23))
    for g in range(15):
        for member, sign in zip(sketch.members[g], sketch.signs[g], strict=True):
            matrix[g, member] += sign
    assert (np.abs(matrix).reshape(3, 5, 23).sum(axis=1) == 1).all()
    sizes = np.abs(matrix).sum(axis=1)
    assert set(sizes) == {4.0, 5.0}
    x = np.random.default_rng(1).normal(size=(2, 7, 23))
    np.testing.assert_allclose(sketch.project(x), x @ matrix.T)
    coefficients = np.random.default_rng(2).normal(size=15)
    np.testing.assert_allclose(sketch.spread(coefficients), matrix.T @ coefficients / 3)
    with pytest.raises(ConfigurationError, match="1 to 4 groups"):
        draw_sketch(np.random.default_rng(0), 4, width=5)


@pytest.mark.slow
def test_the_mean_of_many_sketches_is_the_regression_without_a_sketch():
    x, y, fixed, _ = sample()
    sketch = draw_sketch(np.random.default_rng(0), 80, width=20, repeats=4000)
    z = sketch.project(x) / np.sqrt(4000)
    plain, found = random_slopes(x, y, fixed), random_slopes(z, y, fixed)
    spread = sketch.spread(found.slopes) * np.sqrt(4000)
    wanted = plain.slopes
    assert np.abs(spread - wanted).max() < 0.1 * np.abs(wanted).max()
