"""Claims about tests of picked columns, against closed forms, brute force and statsmodels."""

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.linear_model import Lasso

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso import DenseColumns
from causalhyper.granger.significance.dependence import Dependence, estimate_dependence
from causalhyper.granger.significance.screened import (
    debiased_lasso,
    entry_differences,
    fixed_knockoffs,
    mirror_statistics,
    screen_then_test,
)
from causalhyper.granger.significance.screened.debiased import scaled_lasso
from causalhyper.granger.significance.screened.long_run import long_run_variance
from causalhyper.granger.significance.screened.parts import (
    alternate,
    held_out,
    pick_columns,
    times_of,
    unit_columns,
)
from causalhyper.granger.significance.screened.signed import (
    select_by_inclusion,
    signed_q_values,
)
from causalhyper.granger.significance.screened.whitening import remaining_dependence, whiten
from tests.granger.choice.samples import autoregressive, planted
from tests.granger.significance.simulated import discoveries


def part_of(x, y):
    """All steps, as a part to test on."""
    return held_out(x, y, np.arange(len(y)))


def test_parts_are_disjoint_with_gaps_between():
    first, second = alternate(np.array([0, 100]), 4, 3)
    assert not np.intersect1d(first, second).size
    assert np.abs(first[:, None] - second).min() == 4


def test_rows_of_two_trainings_lie_far_apart():
    times = times_of(np.arange(6), np.array([0, 2, 6]))
    assert np.diff(times).tolist() == [1, 601, 1, 1, 1]


def test_picked_columns_have_the_largest_correlations_and_none_is_like_another():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 30))
    y = 3 * x[:, 4] + 2 * x[:, 7] + x[:, 9] + 0.1 * rng.normal(size=80)
    twin = np.column_stack([x, x[:, 4] + 1e-3 * rng.normal(size=80)])
    rows = np.arange(80)
    with_twin = pick_columns(DenseColumns(twin, width=7), y, rows, 3, "correlation", 1.0)
    apart = pick_columns(DenseColumns(twin, width=7), y, rows, 3, "correlation", 0.9)
    assert {4, 30} <= set(with_twin.tolist())
    assert len({4, 30} & set(apart.tolist())) == 1
    assert {7, 9} <= set(apart.tolist())


def test_q_values_are_the_smallest_levels_that_select():
    rng = np.random.default_rng(1)
    for offset in (0, 1):
        w = np.round(rng.normal(0.5, 1, size=40), 1)
        found = signed_q_values(w, offset=offset)
        for level in (0.05, 0.1, 0.2, 0.35, 0.5):
            passing = [
                t
                for t in np.unique(np.abs(w[w != 0]))
                if (offset + (w <= -t).sum()) / max((w >= t).sum(), 1) <= level
            ]
            selected = w >= min(passing) if passing else np.zeros(40, bool)
            assert ((found <= level) == selected).all()


def test_inclusion_rates_are_left_out_up_to_the_level():
    rates = np.array([0.3, 0.3, 0.25, 0.08, 0.05, 0.02])
    assert select_by_inclusion(rates, 0.1).tolist() == [True] * 4 + [False] * 2
    assert not select_by_inclusion(0.09 * rates, 0.1).any()


def test_columns_that_every_split_selects_are_left_out_one_by_one():
    chosen = select_by_inclusion(np.full(10, 0.1), 0.2, np.arange(10.0))
    assert chosen.tolist() == [False] * 2 + [True] * 8


def test_knockoffs_have_the_products_of_their_columns_with_all_others():
    rng = np.random.default_rng(2)
    x = unit_columns(autoregressive(rng, 90, 12, 0.8))
    copies = fixed_knockoffs(x, rng)
    gram = x.T @ x
    size = min(2 * np.linalg.eigvalsh(gram)[0], 1)
    np.testing.assert_allclose(copies.T @ copies, gram, atol=1e-10)
    np.testing.assert_allclose(x.T @ copies, gram - size * np.eye(12), atol=1e-10)
    np.testing.assert_allclose(copies.sum(axis=0), 0, atol=1e-10)


def test_exchanging_a_column_with_its_knockoff_changes_the_sign_of_its_statistic():
    rng = np.random.default_rng(3)
    x = unit_columns(rng.normal(size=(70, 6)))
    copies, y = fixed_knockoffs(x, rng), x[:, 1] - x[:, 4] + 0.3 * rng.normal(size=70)
    y = y - y.mean()
    before = entry_differences(x, copies, y)
    swapped, others = x.copy(), copies.copy()
    swapped[:, [1, 2]], others[:, [1, 2]] = copies[:, [1, 2]], x[:, [1, 2]]
    after = entry_differences(swapped, others, y)
    signs = np.array([1, -1, -1, 1, 1, 1])
    np.testing.assert_allclose(after, signs * before, rtol=1e-6)


def test_the_first_to_enter_is_the_column_with_the_largest_product():
    rng = np.random.default_rng(4)
    x = unit_columns(rng.normal(size=(60, 5)))
    copies, y = fixed_knockoffs(x, rng), 5 * x[:, 3]
    y = y - y.mean()
    found = entry_differences(x, copies, y)
    products = np.abs(np.column_stack([x, copies]).T @ y) / np.sqrt(60)
    assert products.argmax() == 3
    # a grid of 300 penalties to a thousandth: a step is a factor of 0.977
    assert 0.976 * products.max() <= found[3] <= products.max()


def test_knockoffs_take_twice_as_many_steps_as_columns_and_no_combination():
    rng = np.random.default_rng(5)
    x = unit_columns(rng.normal(size=(20, 10)))
    with pytest.raises(DataError, match="take 21 steps"):
        fixed_knockoffs(x, rng)
    with pytest.raises(DataError, match="combination"):
        fixed_knockoffs(x[:, [0, 1, 1]], rng)


def test_the_long_run_variance_is_that_of_statsmodels():
    rng = np.random.default_rng(6)
    x, e = autoregressive(rng, 150, 1, 0.7).ravel(), autoregressive(rng, 150, 1, 0.6).ravel()
    x, e = x - x.mean(), e - e.mean()
    e = e - x * (x @ e) / (x @ x)
    for lags in (0, 3, 7):
        fit = sm.OLS(e, x).fit()
        robust = fit.get_robustcov_results("HAC", maxlags=lags, use_correction=False)
        variance, _ = long_run_variance(x * e, np.arange(150), lags)
        assert variance / (x @ x) ** 2 == pytest.approx(robust.cov_params()[0, 0], rel=1e-10)


def test_lags_do_not_reach_over_gaps():
    scores = np.random.default_rng(7).normal(size=20)
    times = np.concatenate([np.arange(10), np.arange(50, 60)])
    whole, _ = long_run_variance(scores, times, 3)
    parts = [long_run_variance(scores[a : a + 10], np.arange(10), 3)[0] for a in (0, 10)]
    assert whole == pytest.approx(sum(parts))


def test_the_bandwidth_is_that_of_andrews():
    scores = autoregressive(np.random.default_rng(8), 400, 1, 0.5).ravel()
    rho = float(scores[:-1] @ scores[1:] / (scores[:-1] @ scores[:-1]))
    expected = 1.1447 * (4 * rho**2 / (1 - rho**2) ** 2 * 400) ** (1 / 3)
    assert long_run_variance(scores, np.arange(400))[1] + 1 == pytest.approx(expected)


def test_a_scaled_lasso_is_a_lasso_at_its_own_residual_spread():
    x, y = planted(rows=100, width=30, count=3)
    x = np.sqrt(100) * unit_columns(x)
    y = y - y.mean()
    coefficients, residual, kept = scaled_lasso(x, y)
    spread = np.sqrt((residual**2).mean())
    # the grid has forty penalties to a hundredth: a step is a factor of 0.89
    penalty = spread * np.sqrt(2 * np.log(30) / 100)
    exact = Lasso(penalty, fit_intercept=False, tol=1e-10).fit(x, y).coef_
    assert np.abs(coefficients - exact).max() < 0.13 * penalty
    assert kept == (coefficients != 0).sum()


def test_without_a_penalty_to_speak_of_debiasing_is_least_squares():
    # orthogonal columns: z_j is x_j, so the correction is exact
    rng = np.random.default_rng(9)
    x = np.linalg.qr(np.column_stack([np.ones(64), rng.normal(size=(64, 5))]))[0][:, 1:]
    y = x @ np.array([3.0, 0, 0, -2, 0]) + 0.1 * rng.normal(size=64)
    found = debiased_lasso(part_of(x, y), lags=0.0)
    fit = sm.OLS(y - y.mean(), np.sqrt(64) * x).fit()
    np.testing.assert_allclose(found.estimates, fit.params, rtol=1e-8, atol=1e-10)
    assert (found.p_values[[0, 3]] < 1e-10).all()


@pytest.mark.slow
def test_debiased_intervals_cover_where_errors_are_independent():
    rng, inside = np.random.default_rng(10), []
    for _ in range(25):
        x = rng.normal(size=(120, 20))
        x = x - x.mean(axis=0)
        spreads = x.std(axis=0)
        y = x[:, 0] + 0.5 * x[:, 1] + rng.normal(size=120)
        found = debiased_lasso(part_of(x, y))
        truth = np.zeros(20)
        truth[:2] = 1.0, 0.5
        inside.append(np.abs(found.estimates - truth * spreads) < 1.96 * found.errors)
    # 500 intervals; standard error of a share of 0.95: 0.01
    assert 0.90 < np.mean(inside) < 0.98


def correlations(dependence, times):
    """The matrix that a dependence stands for."""
    lags = np.abs(times[:, None] - times)
    found = dependence.share * dependence.decay ** lags.astype(float)
    np.fill_diagonal(found, 1.0)
    return found


def test_whitening_is_the_inverse_of_the_cholesky_factor_of_the_correlations():
    times = np.concatenate([[0, 1, 2, 7, 8], np.arange(300, 420), np.arange(425, 440)])
    for dependence in (Dependence(0.8, 1.0), Dependence(0.9, 0.6), Dependence(0.5, 0.0)):
        white, determinant = dependence.whiten(np.eye(len(times)), times)
        matrix = correlations(dependence, times)
        expected = np.linalg.inv(np.linalg.cholesky(matrix))
        np.testing.assert_allclose(white, expected, atol=1e-10)
        assert determinant == pytest.approx(np.linalg.slogdet(matrix)[1], abs=1e-10)


def test_restricted_likelihood_is_where_a_dense_one_is_largest():
    rng = np.random.default_rng(11)
    times = np.delete(np.arange(150), slice(60, 75))
    fixed = np.column_stack([np.ones(135), autoregressive(rng, 135, 25, 0.8)])
    errors = autoregressive(rng, 150, 1, 0.85)[times].ravel() + 0.4 * rng.normal(size=135)
    found = estimate_dependence(fixed, errors, times)

    def loss(decay, share):
        inverse = np.linalg.inv(correlations(Dependence(decay, share), times))
        inner = fixed.T @ inverse @ fixed
        residual = errors - fixed @ np.linalg.solve(inner, fixed.T @ inverse @ errors)
        quadratic = (135 - 26) * np.log(residual @ inverse @ residual)
        return 0.5 * (np.linalg.slogdet(inner)[1] - np.linalg.slogdet(inverse)[1] + quadratic)

    grid = [(r, s) for r in np.linspace(0.05, 0.99, 24) for s in np.linspace(0.05, 1, 20)]
    assert loss(found.decay, found.share) <= min(loss(*place) for place in grid) + 0.02


def test_restricted_likelihood_is_not_biased_by_many_columns():
    rng, found = np.random.default_rng(12), []
    for _ in range(10):
        x, e = autoregressive(rng, 200, 50, 0.84), autoregressive(rng, 200, 1, 0.84).ravel()
        dependence = estimate_dependence(x, e, np.arange(200))
        found.append(dependence.decay * dependence.share)
        left = e - x @ np.linalg.lstsq(x, e, rcond=None)[0]
        assert left[1:] @ left[:-1] < 0.75 * (left @ left)
    assert np.mean(found) == pytest.approx(0.84, abs=4 * np.std(found) / np.sqrt(10) + 0.01)


def test_dependence_that_is_left_is_told_and_independence_is_not():
    rng, p = np.random.default_rng(13), []
    for _ in range(60):
        x, e = autoregressive(rng, 160, 40, 0.84), rng.normal(size=160)
        p.append(remaining_dependence(part_of(x, e))[1])
    assert np.mean(np.array(p) < 0.1) < 0.3
    errors = autoregressive(rng, 160, 1, 0.6).ravel()
    assert remaining_dependence(part_of(x, errors))[1] < 0.001
    part = part_of(x, errors)
    assert remaining_dependence(whiten(part, Dependence(0.6, 1.0)))[1] > 0.01


def test_mirror_statistics_are_products_of_a_lasso_and_least_squares():
    rng = np.random.default_rng(13)
    x = rng.normal(size=(80, 10))
    y = 2 * x[:, 0] - x[:, 1] + 0.5 * rng.normal(size=80)
    first, second = np.arange(40), np.arange(40, 80)
    found = mirror_statistics(x, y, first, second)
    members = np.flatnonzero(found)
    theirs = unit_columns(x[second])[:, members]
    estimate = np.linalg.lstsq(theirs, y[second] - y[second].mean(), rcond=None)[0]
    spread = np.sqrt(np.diag(np.linalg.inv(theirs.T @ theirs)))
    ratio = found[members] / (estimate / spread)
    # what is left are coefficients of a lasso: signs of the truth, and zero elsewhere
    assert set(members.tolist()) >= {0, 1}
    assert ratio[members == 0] > 0
    assert ratio[members == 1] < 0
    assert len(members) <= 8
    lasso = ours_by_scikit(unit_columns(x[first]), y[first], members, ratio)
    np.testing.assert_allclose(ratio, lasso, rtol=1e-3, atol=1e-3)


def ours_by_scikit(x, y, members, coefficients):
    """The lasso of scikit-learn at the penalty that the coefficients stand for."""
    residual = y - y.mean() - x[:, members] @ coefficients
    penalty = np.abs(x.T @ residual).max() / len(y)
    fit = Lasso(penalty, tol=1e-10, max_iter=100_000).fit(x, y)
    return fit.coef_[members]


def test_a_trend_is_taken_from_both_halves_of_a_mirror_statistic():
    rng = np.random.default_rng(21)
    x, trend = rng.normal(size=(100, 12)), np.linspace(1, 0, 100)[:, None] ** np.arange(1, 4)
    y = 2 * x[:, 3] + 0.5 * rng.normal(size=100)
    halves = np.arange(50), np.arange(50, 100)
    plain = mirror_statistics(x, y, *halves, trend)
    moved = mirror_statistics(
        x + trend @ rng.normal(size=(3, 12)), y + trend @ [9, -5, 7], *halves, trend
    )
    np.testing.assert_allclose(moved, plain, rtol=1e-6, atol=1e-9)


def test_knockoffs_are_orthogonal_to_the_trend():
    rng = np.random.default_rng(22)
    part = held_out(
        rng.normal(size=(60, 5)), rng.normal(size=60), np.arange(60), rng.normal(size=(60, 4))
    )
    copies = fixed_knockoffs(part.x, rng, part.trend)
    np.testing.assert_allclose(part.trend.T @ copies, 0, atol=1e-12)
    np.testing.assert_allclose(copies.T @ copies, part.x.T @ part.x, atol=1e-12)


def test_errors_that_stay_dependent_are_told():
    rng = np.random.default_rng(23)
    x, e = autoregressive(rng, 300, 60, 0.9), autoregressive(rng, 300, 1, 0.9).ravel()
    said, silent = (
        screen_then_test(
            DenseColumns(x), e, rng=rng, method="knockoffs", prewhiten=prewhiten
        ).summary()
        for prewhiten in (False, True)
    )
    assert "caution: errors are still dependent" in said
    assert "caution" not in silent


@pytest.mark.slow
def test_mirror_statistics_of_noise_are_as_often_positive_as_negative():
    rng, signs = np.random.default_rng(14), []
    for _ in range(150):
        x, e = autoregressive(rng, 120, 15, 0.84), autoregressive(rng, 120, 1, 0.84).ravel()
        w = mirror_statistics(x, e, np.arange(50), np.arange(70, 120))
        signs.append(np.sign(w[w != 0]).mean())
    assert abs(np.mean(signs)) < 3 * np.std(signs) / np.sqrt(150)


@pytest.mark.parametrize("method", ["mirror", "knockoffs", "debiased"])
def test_planted_columns_are_found_on_other_steps(method):
    x, y = planted(rows=400, width=300, count=12, noise=0.5)
    rng = np.random.default_rng(0)
    design = DenseColumns(1e-12 * x)
    found = screen_then_test(
        design, 1e-6 * y, rng=rng, method=method, level=0.2, most=40, splits=10
    )
    least = 9 if method == "mirror" else 11
    assert len(set(range(12)) & set(found.columns.tolist())) >= least
    # an active column that was not picked is noise four times as strong as the errors
    assert len(found.columns) <= (25 if method == "knockoffs" else 20)
    frame = found.to_frame()
    assert frame["selected"].sum() == len(found.columns)
    verdict = found.summary().splitlines()[-1]
    assert verdict.endswith("picked columns are selected at a false discovery rate of 0.2.")


def test_the_same_seed_gives_the_same_frame():
    x, y = planted(rows=200, width=100)
    runs = [
        screen_then_test(DenseColumns(x), y, rng=np.random.default_rng(3), splits=5).to_frame()
        for _ in range(2)
    ]
    assert runs[0].to_csv() == runs[1].to_csv()


def test_one_split_gives_q_values_and_many_give_inclusion_rates():
    x, y = planted(rows=300, width=100, count=12)
    one, many = (
        screen_then_test(DenseColumns(x), y, rng=np.random.default_rng(0), splits=splits)
        for splits in (1, 6)
    )
    assert np.isfinite(one.found.q).all()
    assert np.isnan(many.found.q).all()
    assert many.found.statistic.sum() <= 1 + 1e-12


@pytest.mark.parametrize(
    "bad", [{"method": "magic"}, {"level": 0}, {"apart": 0}, {"most": 2001}, {"blocks": 3}]
)
def test_meaningless_settings_are_refused(bad):
    x, y = planted(rows=100, width=50)
    with pytest.raises(ConfigurationError):
        screen_then_test(DenseColumns(x), y, rng=np.random.default_rng(0), **bad)


def test_a_seed_is_no_generator():
    x, y = planted(rows=100, width=50)
    with pytest.raises(ConfigurationError, match="rng must be a Generator"):
        screen_then_test(DenseColumns(x), y, rng=0)


LEVEL = 0.2


def false_discovery_rate(repetitions, dependence, strength, **settings):
    """The mean false share, its standard error, and the mean power."""
    runs = np.array(
        [
            discoveries(np.random.default_rng(s), dependence, strength, level=LEVEL, **settings)
            for s in range(repetitions)
        ]
    )
    return runs[:, 0].mean(), runs[:, 0].std() / np.sqrt(repetitions), runs[:, 1].mean()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dependence", "strength", "least_power"), [(0.0, 0.4, 0.7), (0.84, 1.0, 0.2), (0.84, 0, 0)]
)
def test_mirror_statistics_hold_their_level_with_and_without_dependence(
    dependence, strength, least_power
):
    settings = {"method": "mirror", "splits": 20}
    rate, error, power = false_discovery_rate(40, dependence, strength, **settings)
    assert rate <= LEVEL + 2.5 * error
    assert power >= least_power


@pytest.mark.slow
@pytest.mark.parametrize("method", ["knockoffs", "debiased"])
def test_knockoffs_and_the_debiased_lasso_hold_their_level_for_independent_errors(method):
    settings = {"method": method, "most": 40, "prewhiten": False}
    rate, error, power = false_discovery_rate(50, 0.0, 0.4, **settings)
    assert rate <= LEVEL + 2.5 * error
    assert power > 0.7
