"""Shapley shares: the formula, closed forms of coalitions, what is said of tautologies."""

from itertools import permutations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import causalhyper.queries.experiments.preparation
from causalhyper import (
    LINEAR,
    CausalHyperError,
    CutHyperedge,
    DropInteraction,
    RandomiseNode,
    ablate,
    fit,
)
from causalhyper.queries.ablations.operations import CutEdge, FixNode
from causalhyper.queries.paths.query import path_effects
from causalhyper.queries.shares.query import shapley, share_out
from tests.simulated import CHAIN, ROLES, TWO_WAYS, Truth, exact_runs, runs

T = Truth()
B1, B0 = 4.0, 1.0
ASKED = {"at": [B1], "baseline": B0, "draws": 100}


def _fit(graph, frame):
    return fit(graph, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)


@pytest.fixture(scope="module")
def exact():
    return exact_runs(T, np.random.default_rng(0), repeats=5)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 5), seed=st.integers(0, 10**6))
def test_shares_are_contributions_averaged_over_all_orders(n, seed):
    rng, players = np.random.default_rng(seed), "abcde"[:n]
    subsets = [frozenset(c for i, c in enumerate(players) if k >> i & 1) for k in range(2**n)]
    values = {s: rng.normal(size=2) for s in subsets}
    expected = {p: np.zeros(2) for p in players}
    for order in permutations(players):
        for i, player in enumerate(order):
            before = frozenset(order[:i])
            expected[player] += (values[before | {player}] - values[before]) / factorial(n)
    found = share_out(players, values)
    for player in players:
        np.testing.assert_allclose(found[player], expected[player], atol=1e-12)


def test_shares_of_two_cut_arcs_equal_their_closed_form(exact, monkeypatch):
    frame, _ = exact
    monkeypatch.setattr(causalhyper.queries.experiments.preparation, "SIMULATED", len(frame))
    players = [CutEdge("N -> C"), CutEdge("S -> C")]
    found = shapley(_fit(CHAIN, frame), "B", "G", players, **ASKED)
    D, n_bar = T.a * (B1 - B0), frame.n.mean()
    mu1, mu0 = T.n0 + T.a * B1, T.n0 + T.a * B0
    m_bar = T.s0 + T.c * n_bar
    # effects left with: both arcs, N -> C alone, S -> C alone, none
    both = T.g * ((T.p + T.q * T.c + T.r * T.s0) * D + T.r * T.c * (mu1**2 - mu0**2))
    direct = T.g * (T.p + T.r * m_bar) * D
    through = T.g * (T.q + T.r * n_bar) * T.c * D
    truth = [(direct + both - through) / 2, (through + both - direct) / 2]
    assert [e[0].estimate for e in found.shares] == pytest.approx(truth, abs=1e-8)
    assert found.rest[0].estimate == pytest.approx(0, abs=1e-12)
    assert found.alone == ()


def test_shares_of_randomised_mediators_equal_their_closed_form(exact, monkeypatch):
    frame, _ = exact
    monkeypatch.setattr(causalhyper.queries.experiments.preparation, "SIMULATED", len(frame))
    found = shapley(_fit(CHAIN, frame), "B", "G", **ASKED)
    D, m_bar = T.a * (B1 - B0), T.s0 + T.c * frame.n.mean()
    mu1, mu0 = T.n0 + T.a * B1, T.n0 + T.a * B0
    whole = T.g * ((T.p + T.q * T.c + T.r * T.s0) * D + T.r * T.c * (mu1**2 - mu0**2))
    without_s = T.g * (T.p + T.r * m_bar) * D
    # only coalitions with N and C have a value: {N, C} without_s, {N, S, C} whole
    s = (whole - without_s) / 3
    n = c = without_s / 6 + whole / 3
    assert [e[0].estimate for e in found.shares] == pytest.approx([n, s, c], abs=1e-8)
    assert found.alone == ("randomise N", "randomise C")
    assert "vanish by construction" in found.summary()


def test_shares_and_rest_sum_to_the_total_with_one_set_of_replicates():
    model = _fit(TWO_WAYS, runs(T, np.random.default_rng(1), clusters=10))
    for players in ("mediators", "hyperedges", "paths", [RandomiseNode("S")]):
        found = shapley(model, "B", "G", players, **ASKED)
        parts = [e[0].estimate for e in (*found.shares, found.rest)]
        assert found.total[0].estimate == pytest.approx(sum(parts), abs=1e-12)


def test_one_player_gets_what_its_ablation_takes(exact):
    model = _fit(CHAIN, exact[0])
    for operation in (RandomiseNode("S"), CutEdge("N -> C"), FixNode("S", 0.4)):
        share = shapley(model, "B", "G", [operation], **ASKED)
        ablated = ablate(model, "B", "G", operation, **ASKED)
        assert share.shares[0][0].estimate == pytest.approx(-ablated.change[0].estimate, abs=1e-12)
        assert share.shares[0][0].se == pytest.approx(ablated.change[0].se, rel=1e-9)
        assert share.rest[0].estimate == pytest.approx(ablated.after[0].estimate, abs=1e-12)


def test_of_two_paths_each_gets_its_own_effect_and_half_of_the_interaction(exact):
    model = _fit(CHAIN, exact[0])
    shares = shapley(model, "B", "G", "paths", **ASKED)
    alone = path_effects(model, "B", "G", **ASKED)
    half = alone.remainder[0].estimate / 2
    for share, own in zip(shares.shares, alone.along, strict=True):
        assert share[0].estimate == pytest.approx(own[0].estimate + half, abs=1e-10)
    assert any("recanting witness" in a for a in shares.shares[0][0].assumptions)
    assert shares.rest[0].estimate == pytest.approx(0, abs=1e-12)


def test_a_player_that_no_path_needs_gets_nothing(exact):
    frame = exact[0].assign(z=np.random.default_rng(2).normal(size=len(exact[0])))
    model = fit(
        "B -> N; N -> G; N -> Z",
        frame,
        {"B": "b", "N": "n", "G": "g", "Z": "z"},
        protocol="p",
        cluster="k",
        mechanisms=LINEAR,
        outcome="G",
    )
    found = shapley(model, "B", "G", [RandomiseNode("N"), RandomiseNode("Z")], **ASKED)
    assert found.shares[1][0].estimate == 0
    assert found.shares[0][0].estimate == pytest.approx(found.total[0].estimate, abs=1e-12)


def test_players_that_are_none_too_many_or_on_the_same_part_are_refused(exact):
    model = _fit(CHAIN, exact[0])
    edge = next(e for e in model.graph.edges if len(e.tail) == 2)
    for players, message in (
        ([], "0 players"),
        ("nodes", "unknown players"),
        ([RandomiseNode("S"), RandomiseNode("S")], "named twice"),
        ([RandomiseNode("S"), FixNode("S", 0.4)], "act on the same part"),
        ([CutHyperedge(edge), CutEdge("N -> C")], "act on the same part"),
        ([RandomiseNode("B")], "is the treatment"),
        ([FixNode("S", i / 10) for i in range(11)], "11 players"),
    ):
        with pytest.raises(CausalHyperError, match=message):
            shapley(model, "B", "G", players, **ASKED)
    # different parts of one hyperedge go together
    shapley(model, "B", "G", [DropInteraction(edge, "product"), CutEdge("N -> C")], **ASKED)
