"""Two mediators side by side that interact, and a direct arc: closed forms of every split.

    N = n0 + a B + e1,  S = s0 + d B + e2,  Y = c + k B + p N + q S + r N S + e3.

The noises are -1, 0 and 1 in every combination with each other and the dose, so least squares is
exact, and e1 and e2 are uncorrelated: E[N(b') S(b'')] = mu(b') m(b''). Draws of e1 e2 are the same
in all compared worlds and cancel. No mediator is an effect of the other, so no witness recants.
"""

from itertools import combinations, product
from math import factorial

import numpy as np
import pandas as pd
import pytest

from causalhyper import LINEAR, RandomiseNode, ablate, fit, mediate
from causalhyper.queries.ablations.operations import CutEdge
from causalhyper.queries.counterfactuals.query import counterfactual
from causalhyper.queries.interventions.query import do
from causalhyper.queries.paths.query import path_effects
from causalhyper.queries.shares.query import shapley

N0, A, S0, D, C, K, P, Q, R = 0.5, 1.5, -1.0, 0.8, 2.0, -0.6, 0.7, -1.1, 0.4
B1, B0 = 3.0, 1.0
NM, SM = 2.0, 0.5
ASKED = {"at": [B1], "baseline": B0, "draws": 100}
GRAPH = "B -> N; B -> S; B -> Y; {N, S} -> Y"


def mean(b, b_of_n, b_of_s):
    """E[Y(b, N(b_of_n), S(b_of_s))]."""
    mu, m = N0 + A * b_of_n, S0 + D * b_of_s
    return C + K * b + P * mu + Q * m + R * mu * m


def _world(b, e1, e2, e3, n=None, s=None):
    n = N0 + A * b + e1 if n is None else n
    s = S0 + D * b + e2 if s is None else s
    return {"n": n, "s": s, "y": C + K * b + P * n + Q * s + R * n * s + e3}


@pytest.fixture(scope="module")
def model():
    rows = [
        _world(b, *e) | {"b": b, "k": e[2]}
        for b, *e in product((1.0, 2.0, 3.0), *[(-1, 0, 1)] * 3)
    ]
    frame = pd.DataFrame(rows).assign(run_id=[f"r{i:02d}" for i in range(81)])
    roles = {v: v.lower() for v in "BNSY"}
    return fit(GRAPH, frame, roles, protocol="p", cluster="k", mechanisms=LINEAR)


@pytest.mark.parametrize("mediators", [("N",), ("S",), ("N", "S")])
def test_every_effect_of_a_mediation_equals_its_closed_form(model, mediators):
    held = {"N": NM, "S": SM}
    controlled = {v: held[v] for v in mediators}
    found = mediate(model, "B", "Y", mediators, controlled=controlled, **ASKED)

    def nested(b, b_of_mediators):
        at = {v: b_of_mediators if v in mediators else b for v in "NS"}
        return mean(b, at["N"], at["S"])

    def fixed(b):
        mu, m = N0 + A * b, S0 + D * b
        n, s = (controlled.get(v, x) for v, x in (("N", mu), ("S", m)))
        return C + K * b + P * n + Q * s + R * n * s

    y11, y10, y01, y00 = (nested(b, x) for b in (B1, B0) for x in (B1, B0))
    expected = {
        "total": y11 - y00,
        "direct": y10 - y00,
        "indirect": y11 - y10,
        "remainder": 0.0,
        "natural_direct": y10 - y00,
        "natural_indirect": y11 - y10,
        "natural_direct_total": y11 - y01,
        "natural_indirect_pure": y01 - y00,
        "mediated_interaction": y11 - y10 - y01 + y00,
        "controlled_direct": fixed(B1) - fixed(B0),
        "reference_interaction": y10 - y00 - fixed(B1) + fixed(B0),
    }
    for part, value in expected.items():
        assert getattr(found, part)[0].estimate == pytest.approx(value, abs=1e-9), part
    assert found.witnesses == ()
    assert found.natural_coupling == ()


PATHS = {"B -> Y": (0,), "B -> N -> Y": (1,), "B -> S -> Y": (2,)}


def _reached(active):
    return mean(*(B1 if i in active else B0 for i in range(3))) - mean(B0, B0, B0)


def test_every_path_equals_its_closed_form(model):
    found = path_effects(model, "B", "Y", **ASKED)
    for path, e in zip(found.paths, found.along, strict=True):
        assert e[0].estimate == pytest.approx(_reached(PATHS[path]), abs=1e-9), path
    # the only interaction is that of the two mediators
    rest = R * A * D * (B1 - B0) ** 2
    assert found.remainder[0].estimate == pytest.approx(rest, abs=1e-9)
    assert found.coupling_shift == ()


def test_shapley_shares_of_the_paths_split_their_interaction_in_halves(model):
    found = shapley(model, "B", "Y", "paths", **ASKED)
    expected = np.zeros(3)
    for i in range(3):
        others = [j for j in range(3) if j != i]
        for size in range(3):
            weight = factorial(size) * factorial(2 - size) / factorial(3)
            for before in combinations(others, size):
                expected[i] += weight * (_reached((*before, i)) - _reached(before))
    shares = {e[0].subject: e[0].estimate for e in found.shares}
    for path, (i,) in PATHS.items():
        assert shares[path] == pytest.approx(expected[i], abs=1e-9), path
    half = R * A * D * (B1 - B0) ** 2 / 2
    assert shares["B -> N -> Y"] == pytest.approx(_reached((1,)) + half, abs=1e-9)


def test_ablations_leave_what_their_closed_forms_say(model):
    m_bar, mu_bar = S0 + D * 2, N0 + A * 2
    step = B1 - B0
    # an independent draw keeps its mean, and the other mediator its slope there
    without_s = (K + (P + R * m_bar) * A) * step
    without_n = (K + (Q + R * mu_bar) * D) * step
    total = mean(B1, B1, B1) - mean(B0, B0, B0)
    for operation, after in (
        (RandomiseNode("S"), without_s),
        (CutEdge("S -> Y"), without_s),
        (CutEdge("B -> S"), without_s),
        (RandomiseNode("N"), without_n),
        (CutEdge("B -> Y"), total - K * step),
    ):
        found = ablate(model, "B", "Y", operation, **ASKED)
        assert found.after[0].estimate == pytest.approx(after, abs=1e-9), str(operation)
        assert found.change[0].estimate == pytest.approx(after - total, abs=1e-9)


def test_levels_and_counterfactuals_equal_their_closed_forms(model):
    found = do(model, {"B": [B0, B1], "N": NM}, "Y", draws=100).mean
    for b, e in zip((B0, B1), found, strict=True):
        m = S0 + D * b
        assert e.estimate == pytest.approx(C + K * b + P * NM + Q * m + R * NM * m, abs=1e-9)
    runs = counterfactual(model, {"B": B1, "S": SM}, "Y", draws=100).by_run()
    noises = dict(
        zip(
            [f"r{i:02d}" for i in range(81)],
            (e for _, *e in product(range(3), *[(-1, 0, 1)] * 3)),
            strict=True,
        )
    )
    for row in runs.itertuples():
        there = _world(B1, *noises[row.run_id], s=SM)["y"]
        assert row.counterfactual == pytest.approx(there, abs=1e-9)
