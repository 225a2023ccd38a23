"""Cluster weights: sums, reproducibility and moments."""

import numpy as np
import pytest

from causalhyper.inference import (
    cluster_weights,
    lay_out_rows,
    leave_one_out,
    pick_rows,
    spread_rows,
    thin_rows,
)

STRATA = np.array([0, 1, 0, 1, 1, 2, 2, 0, 2, 2])


def test_the_weights_of_a_replicate_sum_to_the_number_of_clusters_stratum_by_stratum():
    weights = cluster_weights(STRATA, 500, np.random.default_rng(0))
    assert weights.shape == (500, 10)
    for stratum in range(3):
        inside = stratum == STRATA
        assert weights[:, inside].sum(axis=1) == pytest.approx(np.full(500, inside.sum()))


def test_weights_have_the_moments_that_make_the_variance_of_a_mean_unbiased():
    # Var = 1, Cov = -1/(n - 1) within a stratum of n clusters, 0 between strata; then the
    # variance of sum_k w_k y_k / n is s^2 / n with the divisor n - 1
    R = 40_000
    weights = cluster_weights(STRATA, R, np.random.default_rng(1))
    sizes = np.bincount(STRATA)[STRATA]
    same = STRATA[:, None] == STRATA[None, :]
    expected = np.where(same, -1.0 / (sizes[:, None] - 1), 0.0)
    np.fill_diagonal(expected, 1.0)
    assert np.abs(weights.mean(axis=0) - 1).max() < 5 * R**-0.5
    assert np.abs(np.cov(weights.T) - expected).max() < 5 * 2 * R**-0.5


def test_the_same_generator_gives_the_same_draws_and_another_gives_others():
    first, again, other = (
        cluster_weights(STRATA, 20, np.random.default_rng(s)) for s in (4, 4, 5)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_stratum_of_one_cluster_is_always_drawn_once():
    weights = cluster_weights(np.array([0, 1, 1]), 50, np.random.default_rng(0))
    assert weights[:, 0] == pytest.approx(np.ones(50))


@pytest.mark.parametrize(("rows", "clusters"), [(60, 7), (700, 7), (700, 300)])
def test_spread_rows_are_the_rows_picked_at_midpoints(rows, clusters):
    # more rows than draws or fewer, more cells than draws or fewer; unequal clusters
    rng = np.random.default_rng(rows)
    codes = np.sort(np.r_[np.arange(clusters), rng.integers(0, clusters, rows - clusters)])
    layout = lay_out_rows(codes, codes % 3)
    weights = cluster_weights(np.zeros(clusters, dtype=int), 20, rng)
    # shifted off ties, at which rounding decides
    weights *= rng.uniform(0.9, 1.1, size=weights.shape)
    found = spread_rows(layout, weights, 211)
    assert np.array_equal(found, pick_rows(layout, weights, (np.arange(211) + 0.5) / 211))


def test_what_a_replicate_picks_does_not_depend_on_those_picked_beside_it():
    # midpoints fall on edges of cells where clusters of like weight are left out
    rng = np.random.default_rng(0)
    codes = np.r_[np.arange(15), rng.choice(15, 285, p=rng.dirichlet(np.full(15, 0.6)))]
    layout = lay_out_rows(codes, rng.integers(0, 3, 300))
    parents = cluster_weights(np.zeros(15, dtype=int), 120, rng)
    left, weights = leave_one_out(np.zeros(15, dtype=int), parents)
    base = parents[left.parents]
    together = pick_rows(layout, weights, _GRID, base=base)
    apart = [
        pick_rows(layout, w[None], _GRID, base=b[None]) for w, b in zip(weights, base, strict=True)
    ]
    assert np.array_equal(together, np.concatenate(apart))
    # and none is of the cluster that is left out
    assert (weights[np.arange(len(weights))[:, None], codes[together]] > 0).all()


def test_a_thinned_layout_keeps_rows_of_every_cell_and_each_cells_share():
    rng = np.random.default_rng(8)
    codes = rng.permutation(np.repeat(np.arange(9), rng.integers(20, 900, 9)))
    layout = lay_out_rows(codes, (codes % 2).astype(np.intp))
    thin, rows = thin_rows(layout, 500, rng)
    assert len(rows) == thin.rows
    assert len(np.unique(rows)) > 0.95 * len(rows)
    assert np.array_equal(codes[rows], np.repeat(thin.clusters, thin.held))
    weights = cluster_weights(np.zeros(9, dtype=int), 20, rng)
    for found in (spread_rows(thin, weights, 400), pick_rows(thin, weights, _MIDPOINTS)):
        everywhere = spread_rows(layout, weights, 400)
        assert np.array_equal(codes[rows[found]], codes[everywhere])


def test_every_row_is_as_likely_as_another_to_be_kept():
    layout = lay_out_rows(np.repeat([0, 1], [30, 70]))
    rng = np.random.default_rng(9)
    kept = np.bincount(np.concatenate([thin_rows(layout, 10, rng)[1] for _ in range(4000)]))
    expected, spread = 400, np.sqrt(4000 * 0.1 * 0.9)
    assert np.abs(kept - expected).max() < 5 * spread


_GRID = (np.arange(600) + 0.5) / 600
_MIDPOINTS = (np.arange(400) + 0.5) / 400
