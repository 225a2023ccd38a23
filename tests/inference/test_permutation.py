"""Randomisation tests against enumeration by brute force."""

from itertools import permutations, product

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from causalhyper.inference import (
    Assignment,
    assignments,
    compare_all,
    compare_pair,
    count_assignments,
)

RNG = np.random.default_rng


def _rows(doses, blocks, clusters=None):
    """Each row assigned by itself."""
    doses, blocks = np.asarray(doses), np.asarray(blocks)
    clusters = blocks if clusters is None else np.asarray(clusters)
    return Assignment(np.arange(len(doses)), doses, blocks, blocks, clusters)


def _every(doses, blocks):
    """All distinct assignments, by permuting every block in every way."""
    members = [np.flatnonzero(blocks == b) for b in np.unique(blocks)]
    found = set()
    for orders in product(*(permutations(m) for m in members)):
        dealt = np.array(doses)
        for m, order in zip(members, orders, strict=True):
            dealt[m] = doses[list(order)]
        found.add(tuple(dealt.tolist()))
    return sorted(found)


DOSES = np.array([0, 1, 2, 1, 0, 0, 1, 2, 2])
BLOCKS = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])


def test_all_assignments_are_listed_once():
    every = _every(DOSES, BLOCKS)
    listed = np.concatenate(list(assignments(DOSES, BLOCKS, 9999, RNG(0))))
    assert sorted(map(tuple, listed.tolist())) == every
    assert count_assignments(DOSES, BLOCKS) == len(every) == 6 * 3 * 3


def test_blocks_that_are_not_in_order_are_listed_too():
    shuffled = RNG(1).permutation(9)
    doses, blocks = DOSES[shuffled], BLOCKS[shuffled]
    listed = np.concatenate(list(assignments(doses, blocks, 9999, RNG(0))))
    assert sorted(map(tuple, listed.tolist())) == _every(doses, blocks)


def test_sampled_assignments_are_uniform():
    drawn = np.concatenate(list(assignments(DOSES, BLOCKS, 53, RNG(0))))
    assert drawn.shape == (53, 9)
    many = np.concatenate(
        [np.concatenate(list(assignments(DOSES, BLOCKS, 53, RNG(s)))) for s in range(100)]
    )
    counts = np.unique(many, axis=0, return_counts=True)[1]
    assert len(counts) == 54
    assert stats.chisquare(counts).pvalue > 1e-4


def _t(y, d, blocks, clusters):
    """Cluster-robust t of OLS with block dummies; CR1 without the factor of rows and columns."""
    X = np.column_stack([d, np.eye(blocks.max() + 1)[blocks]])
    fitted = sm.OLS(y, X).fit(
        cov_type="cluster",
        cov_kwds={"groups": clusters, "use_correction": False},
        use_t=True,
    )
    return fitted.params[0], fitted.bse[0]


def test_a_pair_is_compared_as_by_ols_refitted_to_every_assignment():
    rng = RNG(5)
    blocks = np.repeat(np.arange(4), [2, 3, 3, 2])
    d = np.array([0, 1, 0, 0, 1, 1, 1, 0, 1, 0])
    y = rng.normal(size=10) + blocks + 1.2 * d
    found = compare_pair(y, _rows(d, blocks), draws=9999, level=0.95, rng=rng)
    slope, se = _t(y, d, blocks, blocks)
    assert found.exact
    assert found.assignments == 2 * 3 * 3 * 2
    assert found.estimate == pytest.approx(slope, rel=1e-10)
    assert found.se == pytest.approx(se * (4 / 3) ** 0.5, rel=1e-10)
    reached = [
        np.abs(np.divide(*_t(y, np.array(a), blocks, blocks))) >= abs(slope / se) * (1 - 1e-9)
        for a in _every(d, blocks)
    ]
    assert found.p_value == np.mean(reached)


def test_the_interval_holds_the_constant_effects_that_are_not_rejected():
    rng = RNG(6)
    blocks, d = np.repeat(np.arange(6), 2), np.tile([0, 1], 6)
    y = rng.normal(size=12) + 2 * d
    given = _rows(d, blocks)
    found = compare_pair(y, given, draws=9999, level=0.9, rng=rng)
    for end, inward in ((found.lower, 1e-4), (found.upper, -1e-4)):
        for move, rejected in ((inward, False), (-inward, True)):
            moved = y - (end + move) * d
            p = compare_pair(moved, given, draws=9999, level=0.9, rng=rng).p_value
            assert (p <= 0.1) is rejected


def test_whole_clusters_exchange_doses_where_they_were_assigned_to_clusters():
    clusters = np.repeat(np.arange(6), [2, 3, 1, 2, 2, 4])
    dealt = np.array([0, 1, 0, 1, 1, 0])
    y = RNG(8).normal(size=14) + dealt[clusters]
    one = np.zeros(14, dtype=int)
    given = Assignment(clusters, dealt, np.zeros(6, dtype=int), one, clusters)
    found = compare_pair(y, given, draws=9999, level=0.5, rng=RNG(0))
    assert found.assignments == 20
    slope, se = _t(y, dealt[clusters], one, clusters)
    reached = [
        np.abs(np.divide(*_t(y, np.array(a)[clusters], one, clusters)))
        >= abs(slope / se) * (1 - 1e-9)
        for a in _every(dealt, np.zeros(6, dtype=int))
    ]
    assert found.p_value == np.mean(reached)


def test_the_f_statistic_and_its_p_value_are_those_of_refits():
    rng = RNG(2)
    y = rng.normal(size=9) + DOSES
    found = compare_all(y, _rows(DOSES, BLOCKS), draws=9999, rng=rng)

    def f(doses):
        dummies = np.eye(3)[BLOCKS]
        full = sm.OLS(y, np.column_stack([np.eye(3)[np.array(doses)][:, 1:], dummies])).fit()
        return full.compare_f_test(sm.OLS(y, dummies).fit())[0]

    seen = f(DOSES)
    assert found.f == pytest.approx(seen, rel=1e-9)
    reached = [f(a) >= seen * (1 - 1e-9) for a in _every(DOSES, BLOCKS)]
    assert found.p_value == np.mean(reached)


def test_a_sampled_p_value_is_near_the_exact_one_and_never_zero():
    rng = RNG(3)
    blocks, d = np.repeat(np.arange(10), 2), np.tile([0, 1], 10)
    y = rng.normal(size=20) + 0.4 * d
    exact = compare_pair(y, _rows(d, blocks), draws=1024, level=0.9, rng=RNG(0))
    drawn = compare_pair(y, _rows(d, blocks), draws=1023, level=0.9, rng=RNG(0))
    assert exact.exact
    assert not drawn.exact
    error = (exact.p_value * (1 - exact.p_value) / 1023) ** 0.5
    assert abs(drawn.p_value - exact.p_value) < 4 * error + 1e-3
    strong = compare_pair(y + 100 * d, _rows(d, blocks), draws=200, level=0.9, rng=RNG(0))
    assert strong.p_value >= 1 / 201


def test_a_response_that_is_constant_is_no_evidence():
    d, blocks = np.tile([0, 1], 4), np.repeat(np.arange(4), 2)
    found = compare_pair(np.ones(8), _rows(d, blocks), draws=99, level=0.9, rng=RNG(0))
    assert found.p_value == 1
    assert compare_all(np.ones(8), _rows(d, blocks), draws=99, rng=RNG(0)).p_value == 1


@pytest.mark.slow
def test_under_the_sharp_null_exact_and_sampled_tests_keep_their_size():
    rng = RNG(0)
    blocks, base = np.repeat(np.arange(8), 3), np.tile([0, 1, 2], 8)
    y = rng.standard_t(2, size=24) + rng.normal(size=8)[blocks]
    p_pair, p_all = [], []
    for seed in range(1000):
        dealt = next(assignments(base, blocks, 1, RNG(seed)))[0]
        kept = dealt < 2
        pair = _rows(dealt[kept], blocks[kept])
        p_pair.append(compare_pair(y[kept], pair, draws=999, level=0.9, rng=RNG(1)).p_value)
        p_all.append(compare_all(y, _rows(dealt, blocks), draws=199, rng=RNG(seed)).p_value)
    for alpha in (0.05, 0.2):
        for p in (p_pair, p_all):
            low, high = (stats.binom.ppf(q, 1000, alpha) / 1000 for q in (0.0005, 0.9995))
            # discrete: an exact test may reject less
            assert low - 0.02 <= np.mean(np.array(p) <= alpha) <= high
