"""Coverage of levels under do, and of single runs' counterfactuals, by simulation."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import causalhyper.queries.interventions.query
from causalhyper import LINEAR, fit
from causalhyper.queries.counterfactuals.query import counterfactual
from causalhyper.queries.interventions.query import do
from tests.simulated import CHAIN, ROLES, Truth, as_frame, design, draw_noise, respond, runs

pytestmark = pytest.mark.slow

BLOCK_SD, DOSES = 0.5, (1.0, 4.0)
STRAIGHT = replace(Truth(), r=0.0)
SETS, LEVEL_SETS = 200, 150


def _bounds(chance, n):
    """Where a binomial share lies with probability 0.999."""
    return stats.binom.ppf(0.0005, n, chance) / n, stats.binom.ppf(0.9995, n, chance) / n


def _law(t, b):
    """G under do(b) where there is no product: normal, cluster effects being part of the noise."""
    v1, v2, v3, v4 = (v + BLOCK_SD**2 for v in t.v)
    mu = t.n0 + t.a * b
    mean = t.g0 + t.g * (t.c0 + t.p * mu + t.q * (t.s0 + t.c * mu))
    variance = t.g**2 * ((t.p + t.q * t.c) ** 2 * v1 + t.q**2 * v2 + v3) + v4
    return stats.norm(mean, variance**0.5)


@pytest.fixture(scope="module")
def levels():
    """Whether each interval holds the truth in each data set, by quantity."""
    patch = pytest.MonkeyPatch()
    patch.setattr(causalhyper.queries.interventions.query, "PRECISE", 2**12)
    patch.setattr(causalhyper.queries.interventions.query, "COARSE", 512)
    law, held = _law(STRAIGHT, 4.0), {}
    graph = "B -> N; N -> S; N -> C; S -> C; C -> G"
    for seed in range(LEVEL_SETS):
        rng = np.random.default_rng(seed)
        frame = runs(STRAIGHT, rng, clusters=24, doses=DOSES, repeats=2, block_sd=BLOCK_SD)
        model = fit(graph, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)
        asked = {"quantiles": [0.1, 0.5, 0.9], "above": 0.5, "density": [0.0]}
        found = do(model, {"B": 4.0}, "G", draws=199, seed=seed, **asked)
        smooth = stats.norm(law.mean(), (law.var() + found.bandwidth**2) ** 0.5)
        truths = [law.mean(), law.std(), *law.ppf([0.1, 0.5, 0.9]), law.sf(0.5), smooth.pdf(0.0)]
        for e, truth in zip(found.estimates, truths, strict=True):
            held.setdefault(f"{e.query} {e.subject}", []).append(e.lower <= truth <= e.upper)
    patch.undo()
    return {k: np.mean(v) for k, v in held.items()}


@pytest.mark.parametrize(
    "quantity",
    [
        "do.mean ",
        "do.sd ",
        "do.quantile quantile 0.1",
        "do.quantile quantile 0.5",
        "do.quantile quantile 0.9",
        "do.above above 0.5",
        "do.density at 0",
    ],
)
def test_95_percent_intervals_of_levels_hold_the_truth_in_95_percent_of_data_sets(
    levels, quantity
):
    low, high = _bounds(0.95, LEVEL_SETS)
    assert low <= levels[quantity] <= high


def _experiment(t, rng, clusters):
    """Runs of the true model, and their noise with its cluster effects."""
    k, b = design(clusters, DOSES, 2)
    e = draw_noise(t, rng, len(b))
    e = {v: x + rng.normal(scale=BLOCK_SD, size=clusters)[k] for v, x in e.items()}
    return as_frame(k, b, respond(t, e, b)), e


@pytest.mark.parametrize("clusters", [24, 48])
def test_95_percent_intervals_of_one_runs_counterfactual_hold_what_it_would_have_had(clusters):
    t = Truth()
    low, high = _bounds(0.95, SETS)
    single, average = [], []
    for seed in range(SETS):
        frame, e = _experiment(t, np.random.default_rng(seed), clusters)
        model = fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)
        low_dose = frame[frame.b == 1.0]
        found = counterfactual(model, {"B": 4.0}, "G", runs=low_dose, draws=199, seed=seed)
        truth = respond(t, e, 4.0)["G"][low_dose.index]
        first = found.by_run().iloc[0]
        single.append(first.lower <= truth[0] <= first.upper)
        change = (truth - low_dose.g).mean()
        average.append(found.average.lower <= change <= found.average.upper)
    assert low <= np.mean(single) <= high
    assert low <= np.mean(average) <= high
