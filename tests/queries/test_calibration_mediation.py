"""Coverage of natural and controlled effects, cut arcs and shares at 24 clusters.

Path-specific effects of this graph are natural effects, by tests/queries/test_path_effects.py.
"""

import numpy as np
import pytest
from scipy import stats

from causalhyper import LINEAR, ablate, fit, mediate
from causalhyper.queries.ablations.operations import CutEdge
from causalhyper.queries.shares.query import shapley
from tests.queries.nested_truth import mean
from tests.simulated import CHAIN, ROLES, Truth, runs

pytestmark = pytest.mark.slow

T = Truth()
CLUSTERS, BLOCK_SD, DOSES = 24, 0.5, (1.0, 4.0)
SETS = 120
M = 0.5
ASKED = {"at": [4.0], "baseline": 1.0, "draws": 199}


def true_effects():
    """In the population of runs: cluster effects are part of each node's noise."""
    v1, n_bar = T.v[0] + BLOCK_SD**2, T.n0 + T.a * np.mean(DOSES)

    def world(b_direct, b_through, s=None):
        return mean(T, b_direct, b_through, b_through, v1=v1, s=s)

    y11, y10, y01, y00 = world(4, 4), world(4, 1), world(1, 4), world(1, 1)
    controlled = world(4, 4, M) - world(1, 1, M)
    step, m_bar = T.a * 3, T.s0 + T.c * n_bar
    through = T.g * (T.q + T.r * n_bar) * T.c * step
    direct = T.g * (T.p + T.r * m_bar) * step
    return {
        "natural_direct": y10 - y00,
        "natural_direct_total": y11 - y01,
        "natural_indirect_pure": y01 - y00,
        "mediated_interaction": y11 - y10 - y01 + y00,
        "controlled_direct": controlled,
        "reference_interaction": y10 - y00 - controlled,
        "natural_coupling": -T.g * T.r * T.c * v1,
        "cut": through - (y11 - y00),
        # N and C are needed by every coalition, so S gets a third of what it adds to them
        "share": (y11 - y00 - direct) / 3,
    }


def _found(model, seed):
    asked = ASKED | {"seed": seed}
    through = mediate(model, "B", "G", "S", controlled={"S": M}, **asked)
    cut = ablate(model, "B", "G", CutEdge("N -> C"), **asked)
    shares = shapley(model, "B", "G", **asked)
    own = {"cut": cut.change[0], "share": shares.shares[1][0]}
    return {name: getattr(through, name)[0] for name in true_effects() if name not in own} | own


@pytest.fixture(scope="module")
def held():
    truth = true_effects()
    out = {name: [] for name in truth}
    for seed in range(SETS):
        rng = np.random.default_rng(seed)
        frame = runs(T, rng, clusters=CLUSTERS, doses=DOSES, repeats=2, block_sd=BLOCK_SD)
        model = fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)
        for name, e in _found(model, seed).items():
            out[name].append(e.lower <= truth[name] <= e.upper)
    return {name: float(np.mean(x)) for name, x in out.items()}


@pytest.mark.parametrize("name", sorted(set(true_effects()) - {"natural_coupling"}))
def test_95_percent_intervals_hold_the_truth_in_95_percent_of_data_sets(held, name):
    """Within the bounds of a binomial share with probability 0.999."""
    low, high = stats.binom.ppf([0.0005, 0.9995], SETS, 0.95) / SETS
    assert low <= held[name] <= high


def test_the_shift_by_another_coupling_is_covered_less_often_as_it_is_a_variance(held):
    """Residual variances are not corrected for degrees of freedom: it comes out 7% too small."""
    assert 0.8 <= held["natural_coupling"] <= 0.97
