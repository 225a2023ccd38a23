"""Size of the gap test and coverage of intervals at 24 clusters, by simulation."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causalhyper import LINEAR, RandomiseNode, ablate, effect_curve, fit, mediate
from tests.simulated import CHAIN, ROLES, Truth, runs

pytestmark = pytest.mark.slow

T = Truth()
CLUSTERS, BLOCK_SD, DOSES = 24, 0.5, (1.0, 4.0)
SETS = 400
ASKED = {"at": [4.0], "baseline": 1.0, "draws": 199}


def _model(truth, rng):
    frame = runs(truth, rng, clusters=CLUSTERS, doses=DOSES, repeats=2, block_sd=BLOCK_SD)
    return fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)


def true_effects(t):
    """Closed forms of tests/queries/test_closed_forms.py, in the population of runs.

    Cluster effects are part of each node's noise: Var(e1) = v1 + BLOCK_SD^2. The mean of N over
    the design is n0 + a mean(DOSES); Q of the ablation is the population's.
    """
    mu1, mu0, n_bar = (t.n0 + t.a * b for b in (4.0, 1.0, np.mean(DOSES)))
    D, m0, m_bar = mu1 - mu0, t.s0 + t.c * mu0, t.s0 + t.c * n_bar
    total = t.g * ((t.p + t.q * t.c + t.r * t.s0) * D + t.r * t.c * (mu1**2 - mu0**2))

    def natural(mu):
        m = t.s0 + t.c * mu
        return t.p * mu + t.q * m + t.r * (mu * m + t.c * (t.v[0] + BLOCK_SD**2))

    def ablated(mu):
        return t.p * mu + t.q * m_bar + t.r * mu * m_bar

    return {
        "design": total,
        "graph": total,
        "direct": t.g * (t.p + t.r * m0) * D,
        "indirect": t.g * (t.q + t.r * mu1) * t.c * D,
        "change": t.g * (t.p + t.r * m_bar) * D - total,
        "level": t.g * sum(ablated(mu) - natural(mu) for mu in (mu1, mu0)) / 2,
    }


def simulate_sets(sets=SETS, truth=T):
    """Whether each interval holds the truth, and the gap test's p-value; one row a data set."""
    effects = true_effects(truth)
    held, p_values = {name: [] for name in effects}, []
    for seed in range(sets):
        model = _model(truth, np.random.default_rng(seed))
        asked = ASKED | {"seed": seed}
        curve = effect_curve(model, "B", "G", **asked)
        through = mediate(model, "B", "G", "S", **asked)
        ablated = ablate(model, "B", "G", RandomiseNode("S"), **asked)
        found = {
            "design": curve.design[0],
            "graph": curve.graph[0],
            "direct": through.direct[0],
            "indirect": through.indirect[0],
            "change": ablated.change[0],
            "level": ablated.level[0],
        }
        for name, e in found.items():
            held[name].append(e.lower <= effects[name] <= e.upper)
        p_values.append(curve.test.p_value)
    return {k: np.array(v) for k, v in held.items()}, np.array(p_values)


@pytest.fixture(scope="module")
def simulated():
    return simulate_sets()


def _bounds(chance, n=SETS):
    """Where a binomial share lies with probability 0.999."""
    return stats.binom.ppf(0.0005, n, chance) / n, stats.binom.ppf(0.9995, n, chance) / n


@pytest.mark.parametrize("name", ["design", "graph", "direct", "indirect", "change", "level"])
def test_95_percent_intervals_hold_the_truth_in_95_percent_of_data_sets(simulated, name):
    low, high = _bounds(0.95)
    assert low <= simulated[0][name].mean() <= high


def test_the_gap_test_rejects_a_right_hypergraph_in_5_percent_of_data_sets(simulated):
    low, high = _bounds(0.05)
    assert low <= (simulated[1] <= 0.05).mean() <= high


def _modified(rng):
    """A root Z, the same within a cluster, on which the effect of B depends: effect E[Z] = 1."""
    k = np.repeat(np.arange(CLUSTERS), 4)
    b = np.tile([1.0, 1.0, 2.0, 2.0], CLUSTERS)
    z = 1 + rng.normal(size=CLUSTERS)[k] + 0.3 * rng.normal(size=len(k))
    frame = pd.DataFrame({"run_id": [f"r{i}" for i in range(len(k))], "k": k, "b": b, "z": z})
    frame["g"] = b * z + z + 0.5 * rng.normal(size=len(k))
    roles = {"B": "b", "Z": "z", "G": "g"}
    return fit(
        "{B, Z} -> G",
        frame,
        roles,
        protocol="p",
        cluster="k",
        treatment="B",
        mechanisms=LINEAR,
    )


def test_intervals_know_that_the_distribution_of_an_effect_modifier_is_a_sample():
    found = []
    for seed in range(200):
        model = _modified(np.random.default_rng(seed))
        found.append(effect_curve(model, "B", "G", at=[2.0], baseline=1.0, draws=199))
    graph = [c.graph[0] for c in found]
    low, high = _bounds(0.95, 200)
    assert low <= np.mean([e.lower <= 1 <= e.upper for e in graph]) <= high
    # the gap's standard error is that of the gap; the spread of 200 has Monte Carlo error 5%
    gaps = [c.gap[0] for c in found]
    spread = np.std([e.estimate for e in gaps])
    assert np.mean([e.se for e in gaps]) == pytest.approx(spread, rel=0.2)


def test_the_gap_test_rejects_a_hypergraph_that_omits_a_direct_path():
    hidden = replace(T, direct=0.6)
    rejected = []
    for seed in range(60):
        model = _model(hidden, np.random.default_rng(seed))
        rejected.append(effect_curve(model, "B", "G", **ASKED).test.rejected)
    # the gap is 0.6 * 3 = 1.8, more than six of its standard errors
    assert np.mean(rejected) > 0.9
