"""Nodes that are fixed and arcs that are cut, by closed forms and brute force.

In the chain, with mu(b) = n0 + a b, m(mu) = s0 + c mu, and a bar for means over the runs,
E[C] = c0 + p mu + q m + r (mu m + c v1). Cutting N -> C alone puts N~ in place of N there, S
goes on following N: E = c0 + p n_bar + q m + r n_bar m. Cutting S -> C alone: S~ has the mean
m(n_bar) and is independent: E = c0 + p mu + q m_bar + r mu m_bar.
"""

import numpy as np
import pytest

import causalhyper.queries.experiments.preparation
from causalhyper import LINEAR, CausalHyperError, RandomiseNode, ablate, fit, mediate, shapley
from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import DirectedHypergraph, Hyperedge
from causalhyper.queries.ablations.operation_list import list_operations
from causalhyper.queries.ablations.operations import (
    CutEdge,
    CutHyperedge,
    DropInteraction,
    FixNode,
)
from tests.simulated import CHAIN, ROLES, SPLIT, Truth, draw_noise, exact_runs, respond, runs

T = Truth()
B1, B0 = 4.0, 1.0
ASKED = {"at": [B1], "baseline": B0, "draws": 100}
M = 0.4
OPERATIONS = {
    "cut arc N -> C": CutEdge("N -> C"),
    "cut arc S -> C": CutEdge("S -> C"),
    "fix S at 0.4": FixNode("S", M),
    "fix N at 2": FixNode("N", 2.0),
}


def _fit(graph, frame):
    return fit(graph, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)


@pytest.fixture(scope="module")
def exact():
    return exact_runs(T, np.random.default_rng(0), repeats=5)


def _closed(name, n_bar, v1):
    """Effect after, and E*[G | do b] at b and b0 averaged, less the natural one."""

    def m(mu):
        return T.s0 + T.c * mu

    def natural(mu):
        return T.p * mu + T.q * m(mu) + T.r * (mu * m(mu) + T.c * v1)

    worlds = {
        "cut arc N -> C": lambda mu: T.p * n_bar + T.q * m(mu) + T.r * n_bar * m(mu),
        "cut arc S -> C": lambda mu: T.p * mu + T.q * m(n_bar) + T.r * mu * m(n_bar),
        "fix S at 0.4": lambda mu: T.p * mu + T.q * M + T.r * mu * M,
        "fix N at 2": lambda mu: T.p * 2 + T.q * m(2) + T.r * 2 * m(2),
    }
    mu1, mu0 = T.n0 + T.a * B1, T.n0 + T.a * B0
    world = worlds[name]
    return {
        "after": T.g * (world(mu1) - world(mu0)),
        "change": T.g * (world(mu1) - world(mu0) - natural(mu1) + natural(mu0)),
        "level": T.g * (world(mu1) + world(mu0) - natural(mu1) - natural(mu0)) / 2,
    }


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_closed_form_of_an_operation_is_what_brute_force_gives(name):
    rng, size = np.random.default_rng(1), 2 * 10**5
    e, q = draw_noise(T, rng, size), draw_noise(T, rng, size)
    observed = respond(T, q, rng.permutation(np.resize([1.0, 2.0, 4.0], size)))

    def world(b):
        plain = respond(T, e, b)
        overruled = {
            "cut arc N -> C": {"into_c": (observed["N"], plain["S"])},
            "cut arc S -> C": {"into_c": (plain["N"], observed["S"])},
            "fix S at 0.4": {"s": np.full(size, M)},
            "fix N at 2": {"n": np.full(size, 2.0)},
        }[name]
        return respond(T, e, b, **overruled)["G"].mean(), plain["G"].mean()

    (after1, plain1), (after0, plain0) = world(B1), world(B0)
    truth = _closed(name, T.n0 + T.a * 7 / 3, T.v[0])
    assert after1 - after0 == pytest.approx(truth["after"], abs=0.03)
    level = (after1 + after0 - plain1 - plain0) / 2
    assert level == pytest.approx(truth["level"], abs=0.03)


@pytest.mark.parametrize("graph", [CHAIN, SPLIT])
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_equals_its_closed_form(name, graph, exact, monkeypatch):
    frame, e = exact
    monkeypatch.setattr(causalhyper.queries.experiments.preparation, "SIMULATED", len(frame))
    found = ablate(_fit(graph, frame), "B", "G", OPERATIONS[name], **ASKED)
    truth = _closed(name, frame.n.mean(), (e["N"] ** 2).mean())
    # the effect is exact; the level has the product of two independently permuted draws
    assert found.after[0].estimate == pytest.approx(truth["after"], abs=1e-8)
    assert found.change[0].estimate == pytest.approx(truth["change"], abs=1e-8)
    slack = 5 * abs(T.g) * T.r * frame.n.std() * frame.s.std() * 2**0.5 / len(frame) ** 0.5
    assert found.level[0].estimate == pytest.approx(truth["level"], abs=slack)


def test_cutting_the_only_cause_is_cutting_its_hyperedge_to_the_byte(exact):
    model = _fit(CHAIN, exact[0])
    edge = next(e for e in model.graph.edges if str(e) == "N -> S")
    one = ablate(model, "B", "G", CutEdge("N -> S"), **ASKED)
    other = ablate(model, "B", "G", CutHyperedge(edge), **ASKED)
    assert [e.estimate for e in one.estimates] == [e.estimate for e in other.estimates]


def test_an_arc_is_cut_in_every_hyperedge_that_carries_it(exact):
    # in SPLIT both N -> C and {N, S} -> C hold N: cutting one of them alone leaves the other
    model = _fit(SPLIT, exact[0])
    alone = [e for e in model.graph.edges if str(e) == "N -> C"]
    arc = ablate(model, "B", "G", CutEdge("N -> C"), **ASKED).after[0].estimate
    one = ablate(model, "B", "G", CutHyperedge(alone[0]), **ASKED).after[0].estimate
    assert abs(arc - one) > 0.05


def test_the_effect_left_when_s_is_fixed_is_the_controlled_direct_effect(exact):
    model = _fit(CHAIN, exact[0])
    fixed = ablate(model, "B", "G", FixNode("S", M), **ASKED).after[0]
    controlled = mediate(model, "B", "G", "S", controlled={"S": M}, **ASKED).controlled_direct[0]
    assert (fixed.estimate, fixed.se) == (controlled.estimate, controlled.se)


@pytest.mark.parametrize(
    ("operation", "graph", "cut"),
    [
        (FixNode("N", 2.0), CHAIN, True),
        (FixNode("S", M), CHAIN, False),
        (CutEdge("B -> N"), CHAIN, True),
        (CutEdge("C -> G"), CHAIN, True),
        (CutEdge("N -> C"), CHAIN, False),
        (CutEdge("N -> C"), "B -> N; N -> C; C -> G; S -> C", True),
    ],
)
def test_what_cuts_every_path_is_flagged_and_leaves_exactly_nothing(exact, operation, graph, cut):
    found = ablate(
        fit(graph, exact[0], ROLES, protocol="p", cluster="k", treatment="B", mechanisms=LINEAR),
        "B",
        "G",
        operation,
        **ASKED,
    )
    assert found.tautological == cut == bool(found.note)
    assert (abs(found.after[0].estimate) < 1e-12) == cut


def test_arcs_are_listed_only_where_their_cut_is_no_other_operation():
    def arcs(text):
        listed = list_operations(DirectedHypergraph.parse(text), "B", "G")
        return [str(o) for o in listed if isinstance(o, CutEdge)]

    assert arcs(CHAIN) == ["cut arc N -> C"]
    assert arcs("B -> N; {B, N} -> G") == ["cut arc B -> G"]
    assert arcs("B -> N; N -> G; B -> G") == []
    assert arcs(SPLIT) == ["cut arc N -> C"]


def test_operations_that_do_not_fit_are_refused(exact):
    model = _fit(CHAIN, exact[0])
    for operation, message in (
        (CutEdge("N -> G"), "no arc N -> G"),
        (FixNode("S", 99.0), "outside what was run"),
        (FixNode("X", 1.0), "no node 'X'"),
        (FixNode("B", 2.0), "B is the treatment"),
        (RandomiseNode("B"), "B is the treatment"),
    ):
        with pytest.raises(CausalHyperError, match=message):
            ablate(model, "B", "G", operation, **ASKED)
    for arc in ("N", "N -> S -> C", "-> C", ("N",)):
        with pytest.raises(ConfigurationError, match="a cause and a head"):
            CutEdge(arc)


def test_a_cut_arc_works_in_contexts_and_draws_from_the_same_one():
    rng = np.random.default_rng(2)
    frame = runs(T, rng, clusters=12).assign(d=lambda f: f.k % 2)
    frame["n"] += 50.0 * frame.d
    frame["s"] += 25.0 * frame.d
    frame["c"] = 0.2 * frame.n + 0.4 * frame.s + rng.normal(size=len(frame))
    model = fit(CHAIN, frame, ROLES, protocol="p", cluster="k", context="d", mechanisms=LINEAR)
    # N~ of the other context would lie 50 away; from the same one the level hardly moves
    found = ablate(model, "B", "C", CutEdge("N -> C"), **ASKED)
    assert abs(found.level[0].estimate) < 2.0


@pytest.mark.parametrize("operation", [CutHyperedge, DropInteraction])
@pytest.mark.parametrize("kind", ["Joint", "foo", None, ["joint"]])
def test_an_unknown_reference_is_refused(operation, kind):
    with pytest.raises(ConfigurationError, match=r"one of \('joint', 'product'\)"):
        operation(Hyperedge(("N", "S"), "C"), kind)


@pytest.mark.parametrize("operation", [CutHyperedge, DropInteraction])
def test_a_hyperedge_may_be_given_as_its_text(operation):
    assert operation("{N, S} -> C") == operation(Hyperedge(("S", "N"), "C"))
    for wrong in ("N -> S -> C", "N", 3, None, ("N", "C")):
        with pytest.raises(ConfigurationError, match="expected one Hyperedge, or its text"):
            operation(wrong)


def test_an_operation_given_as_a_text_names_the_operations(exact):
    model = _fit(CHAIN, exact[0])
    for wrong in ("N -> S", None, CutEdge):
        with pytest.raises(ConfigurationError, match=r"give RandomiseNode\('S'\)"):
            ablate(model, "B", "G", wrong, **ASKED)
    with pytest.raises(ConfigurationError, match="'N -> S' is no operation"):
        shapley(model, "B", "G", players=["N -> S"], **ASKED)
    with pytest.raises(ConfigurationError, match="unknown players None"):
        shapley(model, "B", "G", players=None, **ASKED)


@pytest.mark.parametrize("value", ["a", None, [1.0, 2.0], float("nan")])
def test_a_node_is_fixed_at_a_number(value):
    with pytest.raises(ConfigurationError, match="to fix a node at must be a"):
        FixNode("N", value)


@pytest.mark.parametrize("arc", [5, None, (1, 2)])
def test_an_arc_is_two_names(arc):
    with pytest.raises(ConfigurationError, match="an arc is a cause and a head"):
        CutEdge(arc)
