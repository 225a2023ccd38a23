"""Coverage by kind of interval where strata differ, by simulation (tests/coverage.py)."""

import numpy as np
import pytest
from scipy import stats

from tests.coverage import AT, NAMES, Population, simulate

pytestmark = pytest.mark.slow
SETS = 150


@pytest.fixture(scope="module")
def unequal():
    return simulate(Population(24, "unequal"), SETS, seed=11, kinds=("t", "bootstrap"), draws=149)


@pytest.mark.parametrize("name", NAMES)
def test_with_strata_of_unequal_size_and_noise_95_percent_intervals_hold_the_truth(unequal, name):
    low, high = (stats.binom.ppf(q, SETS, 0.95) / SETS for q in (0.0005, 0.9995))
    assert low <= unequal["coverage"]["t"][name] <= high


def test_welch_and_the_jackknife_cover_more_there_than_clusters_less_strata(unequal):
    mean = {k: np.mean(list(c.values())) for k, c in unequal["coverage"].items()}
    assert mean["t"] > mean["bootstrap"] + 0.01


def test_the_gap_test_keeps_its_size_there(unequal):
    assert unequal["gap_test"]["t"] <= stats.binom.ppf(0.9995, SETS, 0.05) / SETS


def test_the_truth_of_the_simulation_is_that_of_a_large_sample():
    population = Population(3000, "unequal")
    runs = population.runs(np.random.default_rng(0))
    for b in AT:
        effects = population.effects(b)
        raw = runs[runs["b"] == b]["g"].mean() - runs[runs["b"] == 1.0]["g"].mean()
        assert raw == pytest.approx(effects["design"], abs=0.15)
