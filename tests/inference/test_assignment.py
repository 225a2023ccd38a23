"""A treatment is drawn anew as the design assigned it."""

import numpy as np

from causalhyper.inference.assignment import find_assignment

RNG = np.random.default_rng(0)


def test_runs_of_a_block_swap_values_with_one_another_alone():
    clusters = np.repeat(np.arange(5), 6)
    contexts = np.tile(np.repeat([0, 1], 3), 5)
    dose = np.tile([1.0, 2, 4, 1, 1, 2], 5)
    found = find_assignment(dose, clusters, contexts)
    drawn = np.stack([found.draw(RNG) for _ in range(50)])
    for c in range(5):
        for t in (0, 1):
            own = (clusters == c) & (contexts == t)
            np.testing.assert_array_equal(
                np.sort(drawn[:, own]), np.tile(np.sort(dose[own]), (50, 1))
            )
    assert len(np.unique(drawn, axis=0)) == 50


def test_every_order_of_a_block_is_equally_likely():
    found = find_assignment(np.array([1.0, 2, 4]), np.zeros(3, int), np.zeros(3, int))
    drawn = np.stack([found.draw(RNG) for _ in range(6000)])
    counts = np.unique(drawn, axis=0, return_counts=True)[1]
    assert len(counts) == 6
    # binomial sd 29 about 1000
    assert np.abs(counts - 1000).max() < 130


def test_clusters_of_a_single_value_swap_within_the_same_contexts():
    clusters = np.repeat(np.arange(8), 3)
    contexts = np.repeat([0, 1], 12)
    dose = np.repeat([1.0, 1, 2, 2, 5, 5, 6, 6], 3)
    found = find_assignment(dose, clusters, contexts)
    drawn = np.stack([found.draw(RNG) for _ in range(40)]).reshape(40, 8, 3)
    assert (drawn == drawn[:, :, :1]).all()
    np.testing.assert_array_equal(np.sort(drawn[:, :4, 0]), np.tile([1, 1, 2, 2], (40, 1)))
    np.testing.assert_array_equal(np.sort(drawn[:, 4:, 0]), np.tile([5, 5, 6, 6], (40, 1)))


def test_nothing_is_drawn_where_values_follow_contexts():
    clusters, contexts = np.repeat(np.arange(6), 4), np.tile([0, 0, 1, 1], 6)
    assert find_assignment(np.where(contexts == 0, 1.0, 2.0), clusters, contexts) is None
    lone = np.repeat([0, 1], 12)
    assert find_assignment(np.repeat([1.0, 2.0], 12), lone, lone) is None
