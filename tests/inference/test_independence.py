"""Partial correlations against statsmodels, formulas and enumeration."""

from itertools import product

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from causalhyper.errors import ConfigurationError
from causalhyper.inference import partial_correlation, variation_left
from causalhyper.inference.flips import kept_ranges, sign_flips
from causalhyper.inference.smoothing import (
    add_intercepts,
    centre,
    cluster_products,
    regression_root,
    residuals,
)
from causalhyper.mechanisms import make_groups


def draw(clusters=12, rows=6, contexts="one", slope=0.3, seed=0):
    """x, y and z with cluster effects in each."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(clusters), rows)
    x, y, z = rng.normal(size=(3, clusters))[:, codes] + rng.normal(size=(3, len(codes)))
    y = y + z + slope * x
    kinds = {"one": 0 * codes, "own": codes, "halves": codes * 2 // clusters}
    return x, y, z, make_groups(codes, kinds[contexts])


def correlate(x, y, given, groups, **options):
    return partial_correlation(x, y, given, groups, rng=np.random.default_rng(1), **options)


@pytest.mark.parametrize("contexts", ["one", "own", "halves"])
def test_the_estimate_is_the_partial_correlation_of_least_squares(contexts):
    x, y, z, groups = draw(contexts=contexts)
    dummies = np.eye(groups.context_count)[groups.contexts]
    fitted = sm.OLS(y, np.column_stack([x, z, dummies])).fit()
    t = fitted.tvalues[0]
    expected = t / (t**2 + fitted.df_resid) ** 0.5
    assert correlate(x, y, [z], groups, df=1).estimate == pytest.approx(expected, rel=1e-10)


def test_the_statistic_is_the_cluster_robust_t_of_statsmodels():
    # own contexts: centring fits no cluster at another's expense, so nothing is corrected
    x, y, _, groups = draw(contexts="own")
    dummies = np.eye(groups.context_count)[groups.contexts]
    u, v = sm.OLS(x, dummies).fit().resid, sm.OLS(y, dummies).fit().resid
    options = {"cov_type": "cluster", "cov_kwds": {"groups": groups.clusters}}
    expected = sm.OLS(u * v, np.ones(len(u))).fit(**options).tvalues[0]
    assert correlate(x, y, [], groups).statistic == pytest.approx(expected, rel=1e-10)


def test_in_one_stratum_the_statistic_is_the_one_sample_t_of_the_clusters_terms():
    x, y, z, groups = draw(contexts="own")
    root = regression_root([z], 3, groups)
    u, v = (residuals(centre(w[:, None], groups), root) for w in (x, y))
    terms = cluster_products(u, v, add_intercepts(root, groups), groups.clusters)[:, 0, 0]
    spread = terms.std(ddof=1) * len(terms) ** 0.5
    found = correlate(x, y, [z], groups).statistic
    assert found == pytest.approx((u.T @ v).item() / spread, rel=1e-9)


def brute_p(a, d, total, n, r):
    """Share of all sign flips that reach the total, by enumeration.

    Flips of so little that the corrected d are no smaller count as reaching it at every r.
    """
    reached = [
        abs(np.dot(e, d)) >= n or abs(np.dot(e, a - r * d)) >= abs(total - r * n) - 1e-9
        for e in product([-1.0, 1.0], repeat=len(a))
        if len(set(e)) > 1
    ]
    return (2 + sum(reached)) / 2 ** len(a)


@pytest.mark.parametrize("contexts", ["one", "own"])
@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_p_value_and_interval_are_those_of_trying_every_flip(contexts, slope):
    x, y, z, groups = draw(clusters=9, contexts=contexts, slope=slope, seed=3)
    found = correlate(x, y, [z], groups)
    assert found.flips == 2**8 - 1
    root = regression_root([z], 3, groups)
    left = residuals(centre(np.column_stack([x, y]), groups), root)
    left /= np.sqrt((left**2).mean(axis=0))
    terms = cluster_products(left, left, add_intercepts(root, groups), groups.clusters)
    a, d = terms[:, 0, 1], (terms[:, 0, 0] + terms[:, 1, 1]) / 2
    parts = a, d, left[:, 0] @ left[:, 1], len(x)
    assert found.p_value == pytest.approx(brute_p(*parts, 0.0))
    for end, out in ((found.lower, -1e-6), (found.upper, 1e-6)):
        assert brute_p(*parts, end - out) > 0.05 >= brute_p(*parts, end + out)


@pytest.mark.parametrize("seed", range(20))
def test_the_interval_leaves_zero_out_where_the_test_rejects(seed):
    x, y, z, groups = draw(clusters=15, slope=0.15, seed=seed)
    found = correlate(x, y, [z], groups, level=0.9, flips=199)
    assert -1 <= found.lower <= found.estimate <= found.upper <= 1
    assert (found.p_value <= 0.1) == (found.lower > 0 or found.upper < 0)


def test_the_order_of_the_two_variables_does_not_matter_nor_do_their_units():
    x, y, z, groups = draw()
    found = correlate(x, y, [z], groups)
    other = correlate(y * 3 - 1, x / 7, [z * 5], groups)
    for name in ("estimate", "lower", "upper", "statistic", "p_value"):
        assert getattr(found, name) == pytest.approx(getattr(other, name), rel=1e-8)


def test_of_many_independent_rows_the_interval_is_that_of_fisher():
    rng = np.random.default_rng(5)
    n = 2000
    x = rng.normal(size=n)
    y = 0.4 * x + rng.normal(size=n)
    groups = make_groups(np.arange(n), np.zeros(n, dtype=int))
    found = correlate(x, y, [], groups)
    truth = stats.pearsonr(x, y).confidence_interval()
    assert found.lower == pytest.approx(truth.low, abs=0.006)
    assert found.upper == pytest.approx(truth.high, abs=0.006)


def test_a_curved_common_cause_passes_for_dependence_only_without_curves():
    rng = np.random.default_rng(6)
    z, e, f = rng.normal(size=(3, 300))
    groups = make_groups(np.arange(300) // 10, np.zeros(300, dtype=int))
    x, y = z**2 + e, z**2 + f
    assert correlate(x, y, [z], groups, df=1).p_value < 0.01
    assert correlate(x, y, [z], groups, df=3).p_value > 0.05


def test_a_product_of_two_common_causes_is_not_mistaken_for_dependence():
    rng = np.random.default_rng(7)
    z, w, e, f = rng.normal(size=(4, 300))
    groups = make_groups(np.arange(300) // 10, np.zeros(300, dtype=int))
    assert correlate(z * w + e, z * w + f, [z, w], groups).p_value > 0.1


def test_perfect_dependence_is_a_correlation_of_one():
    x, _, _, groups = draw()
    found = correlate(x, 2 * x, [], groups)
    assert (found.estimate, found.lower, found.upper) == pytest.approx((1, 1, 1))


def test_with_four_clusters_nothing_can_be_rejected_and_the_interval_says_so():
    x, y, _, groups = draw(clusters=4, slope=5.0)
    found = correlate(x, y, [], groups)
    assert found.p_value >= 1 / 8
    assert (found.lower, found.upper) == (-1, 1)


def test_the_same_generator_gives_the_same_numbers():
    x, y, z, groups = draw(clusters=30)
    assert correlate(x, y, [z], groups) == correlate(x, y, [z], groups)


def test_all_flips_are_tried_where_they_are_few_and_each_once():
    signs = sign_flips(6, 99, np.random.default_rng(0))
    rows = {tuple(row) for row in signs.tolist()}
    assert rows == {(1.0, *e) for e in product([-1.0, 1.0], repeat=5)} - {(1.0,) * 6}
    assert sign_flips(60, 50, np.random.default_rng(0)).shape == (50, 60)


def test_a_flip_that_reaches_beyond_the_sum_of_squares_keeps_every_ratio():
    low, high = kept_ranges(1.0, 4.0, np.array([0.5]), np.array([4.2]))
    assert (low[0], high[0]) == (-1, 1)


def test_variation_left_is_one_minus_the_share_explained():
    x, y, z, groups = draw(contexts="own")
    (within,), (beside,) = variation_left(y[:, None], [x, z], groups, df=1)
    dummies = np.eye(groups.context_count)[groups.contexts]
    total = ((y - y.mean()) ** 2).sum()
    assert within == pytest.approx(sm.OLS(y, dummies).fit().ssr / total)
    X = np.column_stack([x, z, x * z, dummies])
    assert beside == pytest.approx(sm.OLS(y, X).fit().ssr / total)


@pytest.mark.parametrize("which", ["first", "second"])
@pytest.mark.parametrize("why", ["constant", "by context", "function of what is given"])
def test_a_variable_of_which_nothing_is_left_is_refused(which, why):
    x, y, z, groups = draw(contexts="own")
    flat = {"constant": 0 * x + 3, "by context": groups.contexts * 1.0}.get(why, 2 * z - 1)
    pair = (flat, y) if which == "first" else (x, flat)
    with pytest.raises(ConfigurationError, match=f"nothing is left of the {which} variable"):
        correlate(*pair, [z], groups)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"df": 0}, "df >= 1"),
        ({"level": 1.0}, "level must lie between 0 and 1"),
        ({"flips": 9}, "at least 19 sign flips"),
    ],
)
def test_a_wrong_option_is_refused_with_what_to_do(options, said):
    x, y, z, groups = draw()
    with pytest.raises(ConfigurationError, match=said):
        correlate(x, y, [z], groups, **options)
