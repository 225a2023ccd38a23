"""Choosing the best: closed forms of normal and t distributions, and coverage by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from causalhyper.inference import cluster_weights
from causalhyper.inference.best_set import confidence_draws, select_best

MANY = 10**7
"""Degrees of freedom at which t is normal."""


def choose(estimate, replicates, *, df=MANY, level=0.95, seed=1):
    return select_best(np.array(estimate), replicates, df=df, level=level, seed=seed)


def normal(covariance, draws=200_000, seed=2):
    rng = np.random.default_rng(seed)
    return rng.multivariate_normal(np.zeros(len(covariance)), covariance, size=draws)


COVARIANCE = np.array([[1.0, 0.6, 0.2], [0.6, 1.5, 0.3], [0.2, 0.3, 0.8]])
MEANS = np.array([0.3, 0.5, -0.1])


def test_the_probability_of_being_best_of_three_is_an_orthant_of_a_bivariate_normal():
    found = choose(MEANS, normal(COVARIANCE))
    for b in range(3):
        others = [j for j in range(3) if j != b]
        contrast = np.zeros((2, 3))
        contrast[[0, 1], others] = -1
        contrast[:, b] = 1
        spread = contrast @ COVARIANCE @ contrast.T
        exact = stats.multivariate_normal(-contrast @ MEANS, spread).cdf([0, 0])
        # Monte Carlo error of a share of 200,000 is below 0.0012
        assert found.probability[b] == pytest.approx(exact, abs=0.005)


def test_with_two_values_the_probability_is_the_one_sided_p_value_of_the_paired_t_test():
    rng = np.random.default_rng(3)
    pairs = rng.normal([0.0, 0.5], size=(7, 2))
    weights = cluster_weights(np.zeros(7, dtype=int), 200_000, rng) / 7
    # normal replicates with the bootstrap's covariance: the confidence distribution is then t(6)
    replicates = normal(np.cov((weights @ pairs).T))
    found = choose(pairs.mean(axis=0), replicates, df=6)
    p = stats.ttest_rel(pairs[:, 1], pairs[:, 0], alternative="greater").pvalue
    assert found.probability[1] == pytest.approx(1 - p, abs=0.006)


@pytest.mark.parametrize("df", [5, 30])
def test_the_expected_regret_of_two_values_has_the_closed_form_of_a_truncated_t(df):
    covariance, m = COVARIANCE[:2, :2], 0.4
    found = choose([m, 0.0], normal(covariance), df=df)
    s = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    z = m / s
    # E[max(0, m + s T)] = m F(z) + s (v + z^2) / (v - 1) f(z)
    t = stats.t(df)
    tail = s * (df + z**2) / (df - 1) * t.pdf(z)
    assert found.regret[1] == pytest.approx(m * t.cdf(z) + tail, rel=0.02)
    assert found.regret[0] == pytest.approx(m * t.cdf(z) + tail - m, rel=0.03)


def test_the_upper_regret_is_the_quantile_of_a_folded_difference():
    covariance = COVARIANCE[:2, :2]
    found = choose([0.4, 0.0], normal(covariance))
    s = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert found.regret_upper[1] == pytest.approx(stats.norm.ppf(0.95, 0.4, s), rel=0.02)


def test_with_two_values_the_set_of_the_best_is_the_one_sided_test():
    covariance = np.eye(2) / 2
    for gap in (1.60, 1.69):
        kept = choose([gap, 0.0], normal(covariance)).kept
        assert kept.tolist() == [True, gap < stats.norm.ppf(0.95)]


def test_the_critical_value_is_that_of_dunnetts_one_sided_comparison():
    """Five equal independent means against each other: one-sided Dunnett, correlation 1/2."""
    found = choose(np.zeros(5), normal(np.eye(5)), df=20)
    reach = found.gap_upper / found.gap_se
    half = np.full((4, 4), 0.5) + 0.5 * np.eye(4)
    c = reach.mean()
    assert stats.multivariate_t(shape=half, df=20, seed=1).cdf(np.full(4, c)) == pytest.approx(
        0.95, abs=0.004
    )


def test_intervals_of_two_values_are_hsus():
    """lower = min(0, d - c s), upper = max(0, d + c s), both for d = the difference."""
    found = choose([0.5, 0.0], normal(np.eye(2) / 2))
    c = stats.norm.ppf(0.95)
    assert found.gap_upper == pytest.approx([0.5 + c, -0.5 + c], rel=0.02)
    assert found.gap_lower == pytest.approx([0.5 - c, -0.5 - c], rel=0.02)


def test_a_value_that_differs_from_another_by_a_known_amount_is_told_apart_without_error():
    noise = np.random.default_rng(1).normal(size=(500, 1))
    found = choose([0.0, -0.001, 0.0], np.repeat(noise, 3, axis=1))
    assert found.kept.tolist() == [True, False, True]
    assert found.probability.tolist() == pytest.approx([0.5, 0.0, 0.5])
    assert found.rank.tolist() == [1, 3, 1]
    assert found.regret == pytest.approx([0, 0.001, 0])


@given(
    arrays.arrays(float, 4, elements=st.floats(-5, 5).map(lambda x: round(x, 2))),
    st.integers(2, 30),
    st.integers(0, 99),
)
def test_invariants(estimate, df, seed):
    replicates = np.random.default_rng(seed).normal(size=(300, 4)) * [0.1, 1, 2, 0]
    found = choose(estimate, replicates, df=df, seed=seed)
    assert found.probability.sum() == pytest.approx(1)
    assert (found.gap_lower <= 0).all()
    assert (found.gap_upper >= 0).all()
    assert (found.gap_lower <= found.gap + 1e-9).all()
    assert (found.gap <= found.gap_upper + 1e-9).all()
    assert found.kept[np.argmax(estimate)]
    # the mean of the distribution is the estimate, so least regret is highest utility
    drawn = confidence_draws(estimate, replicates, df=df, seed=seed)
    np.testing.assert_allclose(
        found.regret[0] - found.regret[1], (drawn[:, 1] - drawn[:, 0]).mean(), atol=1e-9
    )
    shifted = choose(estimate + 3.0, replicates, df=df, seed=seed)
    np.testing.assert_allclose(shifted.gap_upper, found.gap_upper, atol=1e-9)
    np.testing.assert_array_equal(shifted.kept, found.kept)


def simulate(means, *, sets, clusters, seed, common=1.0, spread=(1.0, 1.0, 1.0, 1.0)):
    """Selections from clusters that share an effect and have normal noise at each value."""
    rng = np.random.default_rng(seed)
    for i in range(sets):
        y = common * rng.normal(size=(clusters, 1)) + means
        y = y + rng.normal(size=y.shape) * spread
        weights = cluster_weights(np.zeros(clusters, dtype=int), 400, rng) / clusters
        yield select_best(y.mean(axis=0), weights @ y, df=clusters - 1, level=0.95, seed=i)


def bounds(chance, n):
    return stats.binom.ppf(0.0005, n, chance) / n, stats.binom.ppf(0.9995, n, chance) / n


@pytest.mark.slow
@pytest.mark.parametrize("clusters", [8, 24])
@pytest.mark.parametrize(
    "spread", [(1.0, 1.0, 1.0, 1.0), (0.3, 0.6, 1.0, 2.0), (2.0, 1.0, 0.5, 0.2)]
)
def test_the_set_of_the_best_holds_each_of_equal_values_in_95_percent(clusters, spread):
    sets = 2000
    kept = np.array(
        [
            f.kept
            for f in simulate(np.zeros(4), sets=sets, clusters=clusters, seed=1, spread=spread)
        ]
    )
    low, high = bounds(0.95, sets)
    # the quantile of 400 replicates and of a bootstrap of few clusters is allowed 0.012 more
    assert (kept.mean(axis=0) >= low - 0.012).all(), kept.mean(axis=0)
    assert (kept.mean(axis=0) <= high + 0.012).all(), kept.mean(axis=0)


@pytest.mark.slow
def test_simultaneous_gaps_hold_the_truth_and_the_best_is_kept_when_values_differ():
    means, sets = np.array([0.0, 0.3, 0.5, 0.6]), 2000
    truth = means - np.array([0.6, 0.6, 0.6, 0.5])
    held, kept, size = [], [], []
    for f in simulate(means, sets=sets, clusters=24, seed=2):
        held.append(((f.gap_lower <= truth) & (truth <= f.gap_upper)).all())
        kept.append(f.kept[3])
        size.append(f.kept.sum())
    low = bounds(0.95, sets)[0]
    assert np.mean(held) >= low
    assert np.mean(kept) >= low
    assert np.mean(size) < 3.5  # and it does leave values out


@pytest.mark.slow
def test_expected_regret_and_the_probability_of_being_best_are_calibrated_over_flat_truths():
    """Truths drawn far wider than the errors: a confidence distribution is then a posterior."""
    rng = np.random.default_rng(5)
    claimed, came, chance, hit, below = [], [], [], [], []
    for i in range(1500):
        means = rng.normal(scale=3.0, size=2)  # errors of a difference are 0.45
        (f,) = simulate(means, sets=1, clusters=10, seed=1000 + i, spread=(1.0, 1.0))
        b = int(np.argmax(f.probability))
        claimed.append(f.regret[b])
        came.append(means.max() - means[b])
        chance.append(f.probability[b])
        hit.append(means[b] == means.max())
        below.append(means.max() - means[1] <= f.regret_upper[1])
    spread = np.std(np.array(came) - claimed) / len(came) ** 0.5
    assert np.mean(came) == pytest.approx(np.mean(claimed), abs=4 * spread)
    spread = np.std(np.array(hit) - chance) / len(hit) ** 0.5
    assert np.mean(hit) == pytest.approx(np.mean(chance), abs=4 * spread)
    assert np.mean(below) >= bounds(0.95, len(below))[0]


@pytest.mark.parametrize("unit", [1e-14, 1e12])
def test_the_unit_chooses_no_value(unit):
    draws = 0.1 * normal(COVARIANCE, draws=2000)
    one = select_best(MEANS, draws, df=20, level=0.95, seed=1)
    other = select_best(unit * MEANS, unit * draws, df=20, level=0.95, seed=1)
    for name in ("probability", "rank", "kept", "rivals"):
        assert getattr(other, name).tolist() == getattr(one, name).tolist(), name
    for name in ("regret", "gap", "gap_se", "gap_lower", "gap_upper"):
        np.testing.assert_allclose(getattr(other, name), unit * getattr(one, name), rtol=1e-9)


def test_values_that_differ_by_rounding_of_what_they_are_made_of_tie():
    found = select_best(
        np.array([1e-13, 0.0]), np.zeros((200, 2)), df=20, level=0.95, seed=1, size=1.0
    )
    assert found.rank.tolist() == [1, 1]
    assert found.kept.tolist() == [True, True]
