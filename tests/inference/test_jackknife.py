"""The delete-one-cluster jackknife against textbook formulas, Welch and explicit refits."""

import numpy as np
import pytest
from scipy import stats

from causalhyper.inference import (
    acceleration,
    cluster_weights,
    jackknife_variances,
    leave_one_out,
    satterthwaite_df,
)

STRATA = np.repeat([0, 1, 2, 3], [5, 3, 9, 1])


def _sample(seed=0):
    return np.random.default_rng(seed).normal(size=(len(STRATA), 2)) * (1 + STRATA)[:, None]


def _of_sample():
    return leave_one_out(STRATA, np.ones((1, len(STRATA))))


def test_what_is_left_keeps_the_total_of_each_stratum_and_drops_one_cluster():
    left, weights = _of_sample()
    # the single cluster of the last stratum cannot be left out
    assert left.clusters.tolist() == list(range(17))
    assert (weights[np.arange(17), left.clusters] == 0).all()
    for stratum in range(4):
        inside = stratum == STRATA
        assert weights[:, inside].sum(axis=1) == pytest.approx(np.full(17, inside.sum()))
    others = weights[left.strata == 0][:, STRATA != 0]
    assert (others == 1).all()


def test_the_jackknife_variance_of_a_stratified_mean_is_the_textbook_one():
    y = _sample()
    left, weights = _of_sample()
    found = jackknife_variances(left, weights @ y / len(y), 4, 1)[0]
    for h in range(3):
        part = y[h == STRATA]
        expected = (len(part) / len(y)) ** 2 * part.var(axis=0, ddof=1) / len(part)
        assert found[h] == pytest.approx(expected, rel=1e-12)
    assert (found[3] == 0).all()


def _copies(weights, stratum):
    """The units of a resample, written out one by one."""
    members = np.flatnonzero(stratum == STRATA)
    n = len(members)
    counts = np.rint(weights[members] * (n - 1) / n).astype(int)
    return np.repeat(members, counts)


def test_the_jackknife_of_a_resample_leaves_out_its_copies_one_at_a_time():
    y = _sample(1)[:, :1]
    drawn = cluster_weights(STRATA, 40, np.random.default_rng(2))
    weights = np.concatenate([np.ones((1, len(STRATA))), drawn])
    left, reduced = leave_one_out(STRATA, weights)

    def ratio(w):  # not linear in the weights
        return (w @ y) ** 2 / np.sum(w * (1 + np.arange(len(STRATA))))

    values = np.array([ratio(w) for w in reduced])
    found = jackknife_variances(left, values, 4, 41)
    for r in (1, 7, 40):
        for h in range(3):
            units = _copies(weights[r], h)
            m = len(units)
            assert m == (h == STRATA).sum() - 1
            thetas = []
            for i in range(m):
                w = weights[r].copy()
                w[h == STRATA] = 0
                for unit in np.delete(units, i):
                    w[unit] += (h == STRATA).sum() / (m - 1)
                thetas.append(ratio(w)[0])
            expected = (m - 1) * np.var(thetas)
            assert found[r, h, 0] == pytest.approx(expected, rel=1e-9)


def test_a_copy_that_was_not_evaluated_is_replaced_by_the_mean_of_the_others():
    y = _sample()
    left, weights = _of_sample()
    values = weights @ y
    full = jackknife_variances(left, values, 4, 1)[0, 2]
    kept = np.flatnonzero(left.clusters != 10)
    found = jackknife_variances(left.part(kept), values[kept], 4, 1)[0, 2]
    expected = 8 * values[kept][left.strata[kept] == 2].var(axis=0)
    assert found == pytest.approx(expected)
    assert found != pytest.approx(full)


def test_degrees_of_freedom_are_those_of_welchs_t_test():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=5), 4 * rng.normal(size=14)
    parts = np.array([[a.var(ddof=1) / 5], [b.var(ddof=1) / 14]])
    found = satterthwaite_df(parts, np.array([5.0, 14.0]))
    assert found[0] == pytest.approx(stats.ttest_ind(a, b, equal_var=False).df, rel=1e-12)


def test_one_stratum_has_a_degree_less_than_clusters_and_no_variation_has_all():
    assert satterthwaite_df(np.array([[2.0, 0.0]]), np.array([8.0])).tolist() == [7, 7]
    zero = satterthwaite_df(np.zeros((2, 1)), np.array([3.0, 5.0]))
    assert zero.tolist() == [6]


def test_the_acceleration_of_a_mean_is_a_sixth_of_its_skewness():
    y = np.random.default_rng(0).exponential(size=(12, 1))
    left, weights = leave_one_out(np.zeros(12, dtype=int), np.ones((1, 12)))
    expected = stats.skew(y[:, 0]) / 6 / 12**0.5
    assert acceleration(left, weights @ y / 12)[0] == pytest.approx(expected, rel=1e-10)
    assert acceleration(left, np.ones((12, 1))).tolist() == [0]
    small = 1e-14 * (weights @ y / 12)
    assert acceleration(left, small)[0] == pytest.approx(expected, rel=1e-10)
    assert acceleration(left, small, size=1.0).tolist() == [0]
