"""Effects along directed paths, by closed forms, products of coefficients and brute force."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

import causalhyper.queries.experiments.preparation
from causalhyper import (
    LINEAR,
    CausalHyperError,
    DirectedHypergraph,
    Regressor,
    effect_curve,
    fit,
    mediate,
)
from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import between, directed_paths, recanting_witnesses
from causalhyper.queries.paths.nested import find_routes
from causalhyper.queries.paths.query import path_effects
from tests.hypergraph.strategies import hypergraphs
from tests.queries.nested_truth import mean
from tests.simulated import CHAIN, ROLES, TWO_WAYS, Truth, exact_runs, runs

B1, B0 = 4.0, 1.0
ASKED = {"at": [B1], "baseline": B0, "draws": 100}
T = replace(Truth(), d=0.4, h=-0.35)
INTO_C, THROUGH_S, PAST_N = (
    "B -> N -> C -> G",
    "B -> N -> S -> C -> G",
    "B -> S -> C -> G",
)
PATHS = (INTO_C, THROUGH_S, PAST_N)


def _fit(graph, frame, roles=ROLES):
    return fit(graph, frame, roles, protocol="p", cluster="k", mechanisms=LINEAR)


@pytest.fixture(scope="module")
def exact():
    frame, e = exact_runs(T, np.random.default_rng(3), repeats=5)
    return _fit(TWO_WAYS, frame), (e["N"] ** 2).mean()


@pytest.fixture
def all_rows(monkeypatch):
    monkeypatch.setattr(causalhyper.queries.experiments.preparation, "SIMULATED", 40 * 15)


def _along(paths, v1, coupling="shared"):
    """E[G] with b along some of PATHS and b0 along the others, less E[G] at b0."""
    b = [B1 if path in paths else B0 for path in PATHS]
    return mean(T, *b, v1=v1, coupling=coupling) - mean(T, B0, B0, B0, v1=v1)


@pytest.mark.usefixtures("all_rows")
def test_each_path_alone_equals_its_closed_form_and_the_rest_is_interaction(exact):
    model, v1 = exact
    found = path_effects(model, "B", "G", **ASKED)
    assert found.paths == PATHS
    alone = [_along((path,), v1) for path in PATHS]
    assert [e[0].estimate for e in found.along] == pytest.approx(alone, abs=1e-8)
    total = _along(PATHS, v1)
    assert found.total[0].estimate == pytest.approx(total, abs=1e-8)
    assert found.remainder[0].estimate == pytest.approx(total - sum(alone), abs=1e-8)


@pytest.mark.usefixtures("all_rows")
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_paths_switched_on_in_order_equal_closed_forms_and_sum_to_the_total(exact, order):
    model, v1 = exact
    asked = [PATHS[i] for i in order]
    found = path_effects(model, "B", "G", asked, sequential=True, **ASKED)
    reached = [_along(asked[:k], v1) for k in range(4)]
    assert [e[0].estimate for e in found.along] == pytest.approx(np.diff(reached), abs=1e-8)
    assert found.remainder == ()


@pytest.mark.usefixtures("all_rows")
def test_a_group_of_paths_is_one_effect_and_the_others_another(exact):
    model, v1 = exact
    found = path_effects(model, "B", "G", [f"{THROUGH_S}; {PAST_N}"], **ASKED)
    assert found.paths == (f"{THROUGH_S}; {PAST_N}", "all other paths")
    truth = [_along((THROUGH_S, PAST_N), v1), _along((INTO_C,), v1)]
    assert [e[0].estimate for e in found.along] == pytest.approx(truth, abs=1e-8)


def test_all_paths_through_a_mediator_together_are_its_pure_natural_indirect_effect(exact):
    model, _ = exact
    found = path_effects(model, "B", "G", [f"{THROUGH_S}; {PAST_N}"], **ASKED)
    through = mediate(model, "B", "G", "S", **ASKED)
    pairs = [
        (found.along[0][0], through.natural_indirect_pure[0]),
        (found.along[1][0], through.natural_direct[0]),
        (found.remainder[0], through.mediated_interaction[0]),
    ]
    for path, natural in pairs:
        for name in ("estimate", "se", "lower", "upper"):
            assert getattr(path, name) == pytest.approx(getattr(natural, name), abs=1e-10)


@pytest.mark.usefixtures("all_rows")
@pytest.mark.parametrize("coupling", ["shared", "independent"])
def test_the_other_coupling_shifts_a_path_by_the_covariance_that_it_takes_or_gives(
    exact, coupling
):
    model, v1 = exact
    other = "independent" if coupling == "shared" else "shared"
    found = path_effects(model, "B", "G", coupling=coupling, **ASKED)
    assert found.witnesses == (("N",), ("N",), ())
    shifts = {e[0].subject: e[0].estimate for e in found.coupling_shift}
    assert set(shifts) == {INTO_C, THROUGH_S}
    slack = 5 * abs(T.g * T.r) * v1 / 600**0.5
    for path, shift in shifts.items():
        truth = _along((path,), v1, other) - _along((path,), v1, coupling)
        assert shift == pytest.approx(truth, abs=slack), path


def test_a_path_without_a_witness_does_not_depend_on_the_coupling(exact):
    found = {
        c: path_effects(exact[0], "B", "G", coupling=c, **ASKED).along[2][0].estimate
        for c in ("shared", "independent", "antithetic")
    }
    assert len(set(found.values())) == 1


def _linear_runs(graph, rng):
    """Runs of a linear model of any graph, from random slopes."""
    order, k = graph.order(), np.repeat(np.arange(6), 12)
    frame = pd.DataFrame({"run_id": [f"r{i}" for i in range(72)], "k": k})
    for v in order:
        x = rng.normal(size=72)
        for cause in graph.parents(v):
            x = x + rng.normal() * frame[cause]
        frame[v] = x
    return frame


@settings(max_examples=8, deadline=None)
@given(graph=hypergraphs(min_nodes=3, max_nodes=5), seed=st.integers(0, 10**6))
def test_in_a_linear_model_a_path_carries_the_product_of_its_slopes(graph, seed):
    rng = np.random.default_rng(seed)
    # single causes alone: no products
    arcs = DirectedHypergraph.parse("; ".join(f"{a} -> {b}" for a, b in graph.arcs) or "B -> N")
    start, *_ = arcs.order()
    ends = [v for v in arcs.order() if v != start and directed_paths(arcs, start, v)]
    if not ends:
        return
    end = ends[-1]
    frame = _linear_runs(arcs, rng)
    roles = {v: v for v in arcs.nodes}
    model = fit(
        arcs,
        frame,
        roles,
        protocol="p",
        cluster="k",
        mechanisms=LINEAR,
        treatment=start,
        outcome=end,
    )
    slopes = {}
    for v in arcs.order():
        causes = arcs.parents(v)
        X = np.column_stack([np.ones(72), *(frame[c] for c in causes)])
        found = np.linalg.lstsq(X, frame[v], rcond=None)[0][1:]
        slopes |= {(c, v): x for c, x in zip(causes, found, strict=True)}
    low, high = np.quantile(frame[start], [0.2, 0.8])
    found = path_effects(model, start, end, at=[high], baseline=low, draws=100)
    for path, (e,) in zip(directed_paths(arcs, start, end), found.along, strict=True):
        product = np.prod([slopes[arc] for arc in pairwise(path)])
        assert e.estimate == pytest.approx(product * (high - low), abs=1e-8)
    assert found.remainder[0].estimate == pytest.approx(0, abs=1e-8)


@settings(max_examples=40, deadline=None)
@given(graph=hypergraphs(min_nodes=3), data=st.data())
def test_an_effect_along_paths_has_a_witness_unless_it_is_told_by_the_first_arcs(graph, data):
    """Avin, Shpitser and Pearl 2005, Theorem 5: paths with one first arc go together."""
    start, end = graph.order()[0], graph.order()[-1]
    whole = directed_paths(graph, start, end) if start != end else []
    if not whole:
        return
    chosen = frozenset(data.draw(st.lists(st.sampled_from(whole), min_size=1, unique=True)))
    firsts = {path[1] for path in chosen}
    together = chosen == {path for path in whole if path[1] in firsts}
    assert bool(find_routes(graph, start, end, chosen).witnesses) != together


@settings(max_examples=40, deadline=None)
@given(graph=hypergraphs(min_nodes=3), data=st.data())
def test_witnesses_of_all_paths_through_some_mediators_are_those_of_the_mediation(graph, data):
    start, end = graph.order()[0], graph.order()[-1]
    inside = between(graph, start, end)
    if not inside:
        return
    mediators = set(data.draw(st.lists(st.sampled_from(inside), min_size=1, unique=True)))
    through = frozenset(p for p in directed_paths(graph, start, end) if mediators & set(p))
    found = find_routes(graph, start, end, through).witnesses
    assert set(found) - mediators == set(recanting_witnesses(graph, start, mediators, end))


def test_a_treatment_with_causes_splits_by_paths_without_a_witness():
    frame, _ = exact_runs(Truth(), np.random.default_rng(4), repeats=5)
    found = path_effects(_fit(CHAIN, frame), "N", "G", at=[3.0], baseline=1.0, draws=100)
    t, (n1, n0) = Truth(), (3.0, 1.0)
    s_at_n0 = t.s0 + t.c * n0
    truth = {
        "N -> C -> G": t.g * (t.p + t.r * s_at_n0) * (n1 - n0),
        "N -> S -> C -> G": t.g * (t.q + t.r * n0) * t.c * (n1 - n0),
    }
    assert {p: e[0].estimate for p, e in zip(found.paths, found.along, strict=True)} == (
        pytest.approx(truth, abs=1e-8)
    )
    assert found.remainder[0].estimate == pytest.approx(t.g * t.r * t.c * 4, abs=1e-8)
    assert found.witnesses == ((), ())
    assert "No path has a recanting witness" in found.summary()


def test_the_total_is_that_of_the_effect_curve_up_to_rounding(exact):
    total = path_effects(exact[0], "B", "G", **ASKED).total[0]
    curve = effect_curve(exact[0], "B", "G", **ASKED).graph[0]
    assert total.estimate == pytest.approx(curve.estimate, rel=1e-12)
    assert total.lower == pytest.approx(curve.lower, rel=1e-12)


@pytest.mark.parametrize("coupling", ["shared", "independent"])
def test_a_mechanism_that_is_no_sum_over_hyperedges_carries_paths_as_well(coupling):
    frame = runs(Truth(), np.random.default_rng(12), clusters=8)
    asked = ASKED | {"coupling": coupling}
    added = _fit("B -> N; N -> S; N -> C; S -> C; C -> G", frame)
    opaque = fit(
        CHAIN,
        frame,
        ROLES,
        protocol="p",
        cluster="k",
        mechanisms=dict.fromkeys("NSG", LINEAR) | {"C": Regressor(LinearRegression())},
    )
    found, expected = (path_effects(m, "B", "G", **asked) for m in (opaque, added))
    for one, other in zip(found.along, expected.along, strict=True):
        assert one[0].estimate == pytest.approx(other[0].estimate, abs=1e-8)


def test_a_plot_names_each_path(exact):
    found = path_effects(exact[0], "B", "G", **ASKED)
    labels = [label.get_text() for label in found.plot().get_yticklabels()]
    assert any(INTO_C in label for label in labels)
    assert any(PAST_N in label for label in labels)


def test_paths_that_are_none_or_come_twice_are_refused(exact):
    for paths, message in (
        (["B -> S -> N -> G"], "is no directed path"),
        ([INTO_C, INTO_C], "given twice"),
        ([], "no path given"),
        (INTO_C, "sequence"),
        ([("B", "G")], "is no directed path from B to G; there are"),
    ):
        with pytest.raises(CausalHyperError, match=message):
            path_effects(exact[0], "B", "G", paths, **ASKED)
    with pytest.raises(ConfigurationError, match="unknown coupling"):
        path_effects(exact[0], "B", "G", coupling="none", **ASKED)


def test_opposing_paths_are_said_to_oppose_and_unidentified_ones_named():
    model = _fit(CHAIN, runs(Truth(p=-1.5, r=0.0), np.random.default_rng(11), clusters=20))
    said = path_effects(model, "B", "G", **(ASKED | {"draws": 200})).verdict
    assert "Paths oppose one another: up B -> N -> C -> G; down B -> N -> S -> C -> G." in said
    assert "recanting witness N" in said
