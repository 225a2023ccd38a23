"""Rows drawn when one cluster is left out: right in distribution, and as few new as can be."""

import numpy as np
import pytest

from causalhyper.inference import lay_out_rows, leave_one_out, pick_rows

CLUSTERS = np.repeat(np.arange(6), 4)
CONTEXTS = np.tile([0, 0, 1, 1], 6)


def _grid(m):
    return (np.arange(m) + 0.5) / m


@pytest.mark.parametrize("m", [24, 240])
def test_without_a_cluster_the_other_rows_stay_and_its_draws_go_to_them_evenly(m):
    layout = lay_out_rows(CLUSTERS)
    ones = np.ones((1, 6))
    _, weights = leave_one_out(np.zeros(6, dtype=int), ones)
    base = np.ones_like(weights)
    before = pick_rows(layout, ones, _grid(m))[0]
    after = pick_rows(layout, weights, _grid(m), base=base)
    for gone in range(6):
        kept = CLUSTERS[before] != gone
        assert (after[gone][kept] == before[kept]).all()
        assert (CLUSTERS[after[gone]] != gone).all()
        counts = np.bincount(after[gone], minlength=24)[gone != CLUSTERS]
        # m / 24 each, and m / 6 draws dealt evenly to 20 rows
        assert counts.min() >= m // 24
        assert counts.max() - counts.min() <= 1


def test_within_contexts_the_context_of_every_draw_stays():
    layout = lay_out_rows(CLUSTERS, CONTEXTS)
    _, weights = leave_one_out(np.zeros(6, dtype=int), np.ones((1, 6)))
    contexts = np.tile(np.repeat([0, 1], 60), (6, 1))
    order = np.random.default_rng(0).permutation(120)
    rows = pick_rows(layout, weights, _grid(120)[order], contexts, np.ones_like(weights))
    assert (CONTEXTS[rows] == contexts).all()
    for gone in range(6):
        assert (CLUSTERS[rows[gone]] != gone).all()


def test_unequal_clusters_are_drawn_in_the_proportions_of_the_weights():
    clusters = np.repeat(np.arange(5), [1, 2, 3, 10, 4])
    weights = np.array([[0.5, 2.0, 0.0, 1.0, 1.5], [1.0, 1.0, 1.0, 0.0, 3.0]])
    rows = pick_rows(lay_out_rows(clusters), weights, _grid(20_000), base=np.ones((2, 5)))
    for r, w in enumerate(weights):
        expected = w[clusters] / w[clusters].sum()
        found = np.bincount(rows[r], minlength=20) / 20_000
        assert np.abs(found - expected).max() < 1e-3


def test_equal_weights_draw_the_same_rows_as_without_a_base():
    weights = np.random.default_rng(0).multinomial(6, np.full(6, 1 / 6), size=9).astype(float)
    layout = lay_out_rows(CLUSTERS)
    alone = pick_rows(layout, weights, _grid(100))
    assert np.array_equal(alone, pick_rows(layout, weights, _grid(100), base=weights))
