"""What a hypergraph without a true arc or interaction says, in closed form.

Runs are complete factorials of small whole numbers: doses 1, 2, 3 and noises -1, 0, 1, each
combination once. Noises are then uncorrelated with all that precedes them, every third central
moment is zero, and least squares has the closed forms of omitted variables.
"""

from itertools import product

import pandas as pd
import pytest

from causalhyper import LINEAR, effect_curve, fit
from causalhyper.queries.refits.query import marginalise, refit_without

ASKED = {"at": [3.0], "baseline": 1.0, "draws": 100}
D = 2.0
V = 2 / 3
"""Variance of -1, 0, 1 and of the doses."""
A, C, K, Q = 2.0, -1.5, 0.75, 0.5


def _frame(respond, noises):
    rows = [
        respond(b, *e) | {"b": b, "k": e[-1]}
        for b, *e in product((1, 2, 3), *[(-1, 0, 1)] * noises)
    ]
    frame = pd.DataFrame(rows).astype(float)
    return frame.assign(run_id=[f"r{i:03d}" for i in range(len(frame))])


def _fit(graph, frame, nodes):
    roles = {v: v.lower() for v in nodes}
    asked = {"protocol": "p", "cluster": "k", "mechanisms": LINEAR, "outcome_range": (-1e6, 1e6)}
    return fit(graph, frame, roles, **asked)


def _confounded(b, e1, e2):
    """N = 1 + A b + e1 and G = C N + K b + e2."""
    n = 1 + A * b + e1
    return {"n": n, "g": C * n + K * b + e2}


# slope of B on N: what N tells of B
SLOPE = A * V / (A**2 * V + V)


def test_the_gap_of_a_missing_direct_arc_is_what_the_mediator_does_not_tell_of_the_treatment():
    found = effect_curve(_fit("B -> N -> G", _frame(_confounded, 2), "BNG"), "B", "G", **ASKED)
    assert found.design[0].estimate == pytest.approx((A * C + K) * D, abs=1e-10)
    assert found.graph[0].estimate == pytest.approx((C + K * SLOPE) * A * D, abs=1e-10)
    assert found.gap[0].estimate == pytest.approx(K * (A * SLOPE - 1) * D, abs=1e-10)


def test_the_gap_of_the_right_hypergraph_is_zero():
    graph = "B -> N; B -> G; N -> G"
    found = effect_curve(_fit(graph, _frame(_confounded, 2), "BNG"), "B", "G", **ASKED)
    assert found.graph[0].estimate == pytest.approx((A * C + K) * D, abs=1e-10)
    assert found.gap[0].estimate == pytest.approx(0, abs=1e-10)


def test_leaving_an_arc_out_changes_the_effect_by_the_bias_of_the_omitted_variable():
    model = _fit("B -> N; B -> G; N -> G", _frame(_confounded, 2), "BNG")
    found = refit_without(model, "B", "G", "B -> G", **ASKED)
    assert found.before[0].estimate == pytest.approx((A * C + K) * D, abs=1e-10)
    assert found.after[0].estimate == pytest.approx((C + K * SLOPE) * A * D, abs=1e-10)
    assert found.change[0].estimate == pytest.approx(K * (A * SLOPE - 1) * D, abs=1e-10)
    through = refit_without(model, "B", "G", "N -> G", **ASKED)
    assert through.change[0].estimate == pytest.approx(0, abs=1e-10)


def _interacting(b, e1, e2, e3):
    """N = 1 + A b + e1, S = 2 + C N + e2, G = K N + Q S + N S / 2 + e3."""
    n = 1 + A * b + e1
    s = 2 + C * n + e2
    return {"n": n, "s": s, "g": K * n + Q * s + n * s / 2 + e3}


def test_leaving_an_interaction_out_leaves_the_slopes_at_the_means():
    graph = "B -> N; N -> S; N -> G; S -> G; {N, S} -> G"
    found = refit_without(
        _fit(graph, _frame(_interacting, 3), "BNSG"), "B", "G", "{N, S} -> G", **ASKED
    )
    n_bar = 1 + A * 2
    s_bar = 2 + C * n_bar

    def mean(b):
        mu = 1 + A * b
        return K * mu + Q * (2 + C * mu) + (mu * (2 + C * mu) + C * V) / 2

    # (N - n)(S - s) is uncorrelated with N and S: third moments are zero
    after = ((K + s_bar / 2) + (Q + n_bar / 2) * C) * A * D
    assert found.before[0].estimate == pytest.approx(mean(3) - mean(1), abs=1e-9)
    assert found.after[0].estimate == pytest.approx(after, abs=1e-9)
    assert found.change[0].estimate == pytest.approx(after - mean(3) + mean(1), abs=1e-9)


def test_marginalising_a_mediator_with_an_interaction_keeps_the_effect_of_a_straight_line():
    # in S alone: G on N is a parabola, whose straight line has the slope at the mean of N,
    # because the third moment of N is zero
    graph = "B -> N; N -> S; {N, S} -> G"
    found = marginalise(_fit(graph, _frame(_interacting, 3), "BNSG"), "B", "G", "S", **ASKED)
    assert str(found.graph) == "B -> N; N -> G"
    n_bar = 1 + A * 2
    slope = K + Q * C + (2 + 2 * C * n_bar) / 2
    assert found.after[0].estimate == pytest.approx(slope * A * D, abs=1e-9)
