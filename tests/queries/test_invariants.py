"""What must hold for any data: identities, seeds, recodings, contexts, refusals."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import causalhyper.scm.replicates
from causalhyper import (
    LINEAR,
    SPLINE,
    CutHyperedge,
    DirectedHypergraph,
    DropInteraction,
    RandomiseNode,
    ablate,
    analyze,
    effect_curve,
    fit,
    mediate,
    policy,
)
from causalhyper.errors import CausalHyperError, ConfigurationError
from causalhyper.queries.analysis import list_operations
from causalhyper.queries.experiments.preparation import make_experiment
from tests.simulated import CHAIN, ROLES, SPLIT, Truth, runs

ASKED = {"at": [2.0, 4.0], "baseline": 1.0, "draws": 100}
NUMBERS = ["estimate", "se", "lower", "upper"]


@pytest.fixture(scope="module")
def frame():
    return runs(Truth(), np.random.default_rng(0), clusters=10, block_sd=0.5)


def _fit(frame, graph=CHAIN, **options):
    return fit(graph, frame, ROLES, **({"protocol": "p", "cluster": "k"} | options))


def _all(model, **more):
    return analyze(model, "B", "G", **(ASKED | more))


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    graph=st.sampled_from([CHAIN, SPLIT, "B -> N; {B, N} -> S; {N, S} -> C; {B, C} -> G"]),
    mechanisms=st.sampled_from([LINEAR, SPLINE]),
)
def test_parts_of_a_mediation_sum_to_the_total_in_any_model(seed, graph, mechanisms):
    rng = np.random.default_rng(seed)
    model = _fit(runs(Truth(), rng, clusters=6), graph, mechanisms=mechanisms)
    found = mediate(model, "B", "G", "S", **(ASKED | {"seed": seed}))
    for i in range(2):
        total, direct, indirect, rest, nde, nie = (
            getattr(found, part)[i].estimate
            for part in (
                "total",
                "direct",
                "indirect",
                "remainder",
                "natural_direct",
                "natural_indirect",
            )
        )
        assert total == pytest.approx(direct + indirect + rest, abs=1e-12)
        assert total == pytest.approx(nde + nie, abs=1e-12)


def test_effect_after_an_ablation_less_the_effect_before_is_the_change(frame):
    for a in _all(_fit(frame)).ablations:
        for before, after, change in zip(a.before, a.after, a.change, strict=True):
            assert change.estimate == pytest.approx(after.estimate - before.estimate, abs=1e-12)


def test_gap_is_graph_less_design(frame):
    curve = _all(_fit(frame)).curve
    for design, graph, gap in zip(curve.design, curve.graph, curve.gap, strict=True):
        assert gap.estimate == pytest.approx(graph.estimate - design.estimate, abs=1e-12)


def test_swapping_value_and_baseline_turns_the_sign_of_the_total(frame):
    model = _fit(frame)
    there = effect_curve(model, "B", "G", at=[4.0], baseline=1.0, draws=100)
    back = effect_curve(model, "B", "G", at=[1.0], baseline=4.0, draws=100)
    for name in ("design", "graph", "gap"):
        e, f = getattr(there, name)[0], getattr(back, name)[0]
        assert (f.estimate, f.se) == pytest.approx((-e.estimate, e.se), abs=1e-10)
        assert (f.lower, f.upper) == pytest.approx((-e.upper, -e.lower), abs=1e-10)
    assert there.test.p_value == back.test.p_value


def test_asking_for_more_values_changes_no_answer(frame):
    model = _fit(frame)
    one = effect_curve(model, "B", "G", at=[4.0], baseline=1.0, draws=100)
    both = effect_curve(model, "B", "G", **ASKED)
    for name in ("design", "graph"):
        e, f = getattr(one, name)[0], getattr(both, name)[1]
        assert (e.estimate, e.lower, e.upper) == pytest.approx(
            (f.estimate, f.lower, f.upper), abs=1e-10
        )


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(frame):
    model = _fit(frame)
    first, again, other = (_all(model, seed=s).to_frame().to_csv() for s in (3, 3, 4))
    assert first == again
    assert first != other


def test_separate_queries_give_the_numbers_of_the_whole_analysis(frame):
    model = _fit(frame)
    whole = _all(model)
    assert effect_curve(model, "B", "G", **ASKED).estimates == whole.curve.estimates
    for m in whole.mediation:
        assert mediate(model, "B", "G", m.mediators, **ASKED).estimates == m.estimates
    operations = list_operations(model.graph, "B", "G")
    for a, operation in zip(whole.ablations, operations, strict=True):
        assert ablate(model, "B", "G", operation, **ASKED).estimates == a.estimates


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_the_size_of_a_chunk_changes_no_number(frame, monkeypatch, chunk):
    model = _fit(frame)
    expected = _all(model).to_frame()
    monkeypatch.setattr(causalhyper.scm.replicates, "BATCH", chunk)
    pd.testing.assert_frame_equal(_all(model).to_frame(), expected, rtol=1e-10, atol=1e-12)


def test_the_order_of_the_rows_changes_nothing_but_rounding(frame):
    expected = _all(_fit(frame)).to_frame()
    shuffled = frame.sample(frac=1, random_state=1)
    found = _all(_fit(shuffled)).to_frame()
    pd.testing.assert_frame_equal(found[NUMBERS], expected[NUMBERS], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("mechanisms", [LINEAR, SPLINE])
@pytest.mark.parametrize("column", ["n", "s", "c"])
@pytest.mark.parametrize(("slope", "shift"), [(10.0, 3.0), (-0.5, 2.0)])
def test_recoding_a_mediator_changes_no_effect_and_no_ablation(
    frame, mechanisms, column, slope, shift
):
    expected = _all(_fit(frame, mechanisms=mechanisms)).to_frame()
    recoded = frame.assign(**{column: slope * frame[column] + shift})
    found = _all(_fit(recoded, mechanisms=mechanisms)).to_frame()
    pd.testing.assert_frame_equal(found[NUMBERS], expected[NUMBERS], rtol=1e-8, atol=1e-8)


def test_recoding_the_outcome_scales_every_effect(frame):
    expected = _all(_fit(frame)).to_frame()
    found = _all(_fit(frame.assign(g=10 * frame.g + 3))).to_frame()
    pd.testing.assert_frame_equal(found[NUMBERS], 10 * expected[NUMBERS], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("unit", [1e-12, 1e12])
@pytest.mark.parametrize("interval", ["t", "bca", "studentized"])
def test_the_unit_of_the_outcome_decides_nothing(frame, unit, interval):
    scaled = frame.assign(g=unit * frame.g)
    one, other = (_all(_fit(f), interval=interval) for f in (frame, scaled))
    expected, found = unit * one.to_frame()[NUMBERS], other.to_frame()[NUMBERS]
    pd.testing.assert_frame_equal(found, expected, rtol=1e-6, atol=1e-9 * unit)
    assert other.curve.test.p_value == one.curve.test.p_value
    assert other.curve.test.statistic == pytest.approx(one.curve.test.statistic, rel=1e-6)
    for part in ("changes", "is not shown to change", "is not rejected"):
        assert (part in other.curve.verdict) == (part in one.curve.verdict)


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_the_unit_of_the_outcome_does_not_change_what_a_policy_chooses(frame, unit):
    asked = {"at": [1.0, 2.0, 4.0], "draws": 100}
    one, other = (
        policy(_fit(frame.assign(g=u * frame.g)), "B", "G", **asked).table() for u in (1, unit)
    )
    for name in ("rank", "may_be_best", "recommended", "probability_best"):
        assert other[name].tolist() == one[name].tolist(), name
    for name in ("utility", "utility_lower", "gap", "gap_lower", "expected_regret"):
        np.testing.assert_allclose(other[name], unit * one[name], rtol=1e-6, atol=1e-12 * unit)


def test_noise_in_a_small_unit_is_no_effect():
    rng = np.random.default_rng(0)
    k, b = np.repeat(np.arange(12), 3), np.tile([1.0, 2.0, 4.0], 12)
    runs = pd.DataFrame({"run_id": [f"r{i}" for i in range(36)], "k": k, "b": b})
    found = []
    for _ in range(20):
        noise = runs.assign(g=1e-12 * (1 + rng.normal(size=36) ** 2))
        model = fit("B -> G", noise, {"B": "b", "G": "g"}, protocol="p", cluster="k")
        curve = effect_curve(model, "B", "G", at=[4.0], baseline=1.0, draws=100)
        (shown,) = re.findall(r"change[s]? g: ([+-][0-9.]+)", curve.verdict)
        (design,) = curve.design
        assert float(shown) == pytest.approx(design.estimate, abs=0.05 * design.se)
        found.append("is not shown to change" in curve.verdict)
    # of 20 tests at 5%, more than 5 reject once in 3,000
    assert sum(found) >= 15


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_an_effect_without_noise_has_no_standard_error_whatever_the_unit(frame, unit):
    exact = frame.assign(g=unit * (0.1 + 0.3 * frame.b))
    model = fit("B -> G", exact, {"B": "b", "G": "g"}, protocol="p", cluster="k")
    found = effect_curve(model, "B", "G", **ASKED)
    for e in (*found.design, *found.graph):
        assert e.estimate == pytest.approx(0.3 * unit * (e.value - 1))
        assert (e.se, e.lower, e.upper) == (0, e.estimate, e.estimate)
    assert not found.test.rejected


def test_operations_that_cut_every_path_are_flagged_and_leave_exactly_nothing(frame):
    found = {a.operation: a for a in _all(_fit(frame)).ablations}
    flagged = {name for name, a in found.items() if a.tautological}
    # N is B's only child, C the outcome's only cause; S is by-passed by N
    assert flagged == {
        "randomise N",
        "randomise C",
        "cut B -> N",
        "cut {N, S} -> C",
        "cut C -> G",
    }
    for name, a in found.items():
        assert bool(a.note) == a.tautological
        values = [e.estimate for e in a.after] + [e.se for e in a.after]
        if a.tautological:
            assert values == pytest.approx([0] * 4, abs=1e-12), name
        else:
            assert min(map(abs, values)) > 1e-3, name


def test_a_root_received_from_another_run_is_independent_of_the_runs_own_value():
    rng = np.random.default_rng(0)
    frame = runs(Truth(), rng, clusters=20)
    frame = frame.assign(z=rng.normal(size=len(frame)))
    graph = "B -> C; Z -> C; {B, Z} -> C; C -> G"
    roles = {"B": "b", "Z": "z", "C": "c", "G": "g"}
    model = fit(graph, frame, roles, protocol="p", cluster="k", treatment="B")
    e = make_experiment(model, "B", "G", at=[4.0], baseline=1.0, draws=100)
    shared = e.share(e.replicates.part(slice(1)))
    edge = next(x for x in model.graph.edges if len(x.tail) == 2)
    for kind in ("joint", "product"):
        received = CutHyperedge(edge, kind).world(model, shared).receives[edge, "Z"]
        own = shared.draws.roots["Z"]
        # five standard errors of a correlation over 512 draws
        assert abs(np.corrcoef(received.ravel(), own.ravel())[0, 1]) < 5 / 512**0.5, kind


def _two_datasets(effect=0.5, shift=10.0, *, unbalanced=False):
    """Seeds that run two data sets with other intercepts; unbalanced: other batch sizes too."""
    rng = np.random.default_rng(0)
    sizes = (
        {"A": (1.0, 2.0), "Z": (2.0, 4.0)} if unbalanced else dict.fromkeys("AZ", (1.0, 2.0, 4.0))
    )
    rows = [(k, d, b) for k in range(30) for d, doses in sizes.items() for b in doses]
    out = pd.DataFrame(rows, columns=["k", "d", "b"])
    seed_effect = rng.normal(size=30)[out.k]
    out["g"] = shift * (out.d == "Z") + effect * out.b + seed_effect + rng.normal(size=len(out))
    return out.assign(run_id=[f"r{i}" for i in range(len(out))])


@pytest.mark.parametrize("unbalanced", [False, True])
@pytest.mark.parametrize("cluster", ["k", ("d", "k")])
def test_data_sets_with_other_intercepts_leave_the_effect_right(unbalanced, cluster):
    frame = _two_datasets(unbalanced=unbalanced)
    model = fit(
        "B -> G",
        frame,
        {"B": "b", "G": "g"},
        protocol="p",
        cluster=cluster,
        context="d",
        mechanisms=LINEAR,
    )
    found = effect_curve(model, "B", "G", at=[4.0], baseline=1.0, draws=400)
    for e in (found.graph[0], found.design[0]):
        assert e.se < 0.6
        assert abs(e.estimate - 1.5) < 4 * e.se, e.query
    assert not found.test.rejected


def test_a_constant_added_to_the_outcome_widens_no_interval_where_runs_are_the_clusters():
    # 3 runs a batch size: one bootstrap sample in six lacks one size altogether
    rng = np.random.default_rng(1)
    b = np.repeat([1.0, 2.0, 4.0, 8.0, 16.0], 3)
    g = rng.normal(size=15)
    frame = pd.DataFrame({"run_id": [f"r{i}" for i in range(15)], "b": b, "g": g})
    errors = []
    for shift in (0.0, 1000.0):
        model = fit(
            "B -> G",
            frame.assign(g=frame.g + shift),
            {"B": "b", "G": "g"},
            protocol="p",
            cluster="run_id",
            mechanisms=LINEAR,
        )
        curve = effect_curve(model, "B", "G", at=[16.0], baseline=1.0, draws=400)
        errors.append(curve.design[0].se)
    assert errors[1] == pytest.approx(errors[0], rel=1e-6)


def test_without_their_context_data_sets_run_at_other_values_confound_the_graph():
    frame = _two_datasets(unbalanced=True)
    roles = {"B": "b", "G": "g"}
    model = fit("B -> G", frame, roles, protocol="p", cluster="k", mechanisms=LINEAR)
    assert effect_curve(model, "B", "G", at=[4.0], baseline=1.0, draws=100).graph[0].estimate > 5


def test_a_seed_may_be_cluster_and_context_at_once(frame):
    # each seed has its own intercept: the graph "B -> G" gives the within-block slope
    model = fit(
        "B -> G",
        frame,
        {"B": "b", "G": "g"},
        protocol="p",
        cluster="k",
        context="k",
        mechanisms=LINEAR,
    )
    found = effect_curve(model, "B", "G", **ASKED)
    y = frame.g - frame.groupby("k").g.transform("mean")
    x = frame.b - frame.groupby("k").b.transform("mean")
    slope = float((x * y).sum() / (x**2).sum())
    assert [e.estimate for e in found.graph] == pytest.approx([slope, 3 * slope], abs=1e-9)
    analysis = _all(_fit(frame, context="k"))
    assert all(np.isfinite(e.estimate) for e in analysis.estimates)


def test_a_saturated_graph_at_the_designs_values_leaves_no_gap(frame):
    # three values, two spline functions: the graph's curve is the difference in means
    model = fit("B -> G", frame, {"B": "b", "G": "g"}, protocol="p", cluster="k")
    curve = effect_curve(model, "B", "G", **ASKED)
    assert [e.estimate for e in curve.gap] == pytest.approx([0, 0], abs=1e-9)
    assert not curve.test.rejected


def test_a_logarithmic_treatment_is_asked_in_its_own_unit(frame):
    logged = frame.assign(b=2**frame.b)
    model = fit(CHAIN, logged, ROLES | {"B": "log2(b)"}, protocol="p", cluster="k")
    found = effect_curve(model, "B", "G", at=[4.0, 16.0], baseline=2.0, draws=100)
    expected = effect_curve(_fit(frame), "B", "G", **ASKED)
    for e, f in zip(found.graph, expected.graph, strict=True):
        assert e.estimate == pytest.approx(f.estimate, abs=1e-9)


REFUSALS = {
    "unknown treatment": ("X", "G", {}, "X"),
    "unknown outcome": ("B", "X", {}, "X"),
    "outcome that is no effect": ("G", "B", {}, "no effect"),
    "treatment as its own outcome": ("B", "B", {}, "both ends"),
    "value beyond the runs": ("B", "G", {"at": [5.0]}, "b = 5 lies outside what was run"),
    "baseline beyond the runs": ("B", "G", {"baseline": 0.5}, "b = 0.5 lies outside"),
    "nothing to compare": ("B", "G", {"at": [1.0]}, "no value to compare"),
    "too few draws": ("B", "G", {"draws": 50}, "too few"),
    "level beyond one": ("B", "G", {"level": 95.0}, "level"),
    "negative seed": ("B", "G", {"seed": -1}, "seed"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_questions_that_do_not_fit_the_model_are_refused(frame, case):
    treatment, outcome, options, message = REFUSALS[case]
    model = _fit(frame)
    for ask in (
        lambda: effect_curve(model, treatment, outcome, **(ASKED | options)),
        lambda: mediate(model, treatment, outcome, "S", **(ASKED | options)),
        lambda: ablate(model, treatment, outcome, RandomiseNode("S"), **(ASKED | options)),
        lambda: analyze(model, treatment, outcome, **(ASKED | options)),
    ):
        with pytest.raises(CausalHyperError, match=message):
            ask()


@pytest.mark.parametrize("mediators", ["X", "B", "G", ["S", "X"], []])
def test_mediators_must_lie_between(frame, mediators):
    with pytest.raises(CausalHyperError):
        mediate(_fit(frame), "B", "G", mediators, **ASKED)


def test_operations_must_name_parts_of_the_hypergraph(frame):
    model = _fit(frame)
    single = next(e for e in model.graph.edges if str(e) == "N -> S")
    foreign = DirectedHypergraph.parse("N -> G").edges[0]
    for operation in (RandomiseNode("X"), CutHyperedge(foreign), DropInteraction(foreign)):
        with pytest.raises(CausalHyperError):
            ablate(model, "B", "G", operation, **ASKED)
    with pytest.raises(ConfigurationError, match="no interaction"):
        ablate(model, "B", "G", DropInteraction(single), **ASKED)


def test_progress_ends_at_one_and_never_falls(frame):
    seen = []
    _all(_fit(frame), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1


UNASSIGNED = {"has causes": ("N", 1.0, 2.0), "no run has b = 3": ("B", 3.0, 1.0)}


@pytest.mark.parametrize("why", UNASSIGNED)
def test_without_a_contrast_of_the_design_adjustment_holds_the_curve_to_account(frame, why):
    treatment, value, baseline = UNASSIGNED[why]
    model = _fit(frame)
    found = effect_curve(model, treatment, "G", at=[value], baseline=baseline, draws=100)
    assert found.design == ()
    assert why in found.missing[0]
    assert found.gap[0].estimate == pytest.approx(
        found.graph[0].estimate - found.adjusted[0].estimate
    )
    assert "the adjusted one" in found.test.null
    assert found.test.alpha == 0.05
    assert "by adjustment" in found.verdict
    with pytest.raises(ConfigurationError, match="against the design"):
        analyze(model, treatment, "G", at=[value], baseline=baseline, draws=100)


def test_the_level_of_the_intervals_does_not_move_the_gap_test(frame):
    one, other = (_all(_fit(frame), level=level).curve for level in (0.95, 0.5))
    assert other.test == one.test
    assert other.test.alpha == 0.05
    assert other.design[0].level == 0.5


def test_a_rejecting_gap_test_names_its_level(frame):
    wrong = frame.assign(g=frame.g + 5 * frame.b)
    test = effect_curve(_fit(wrong), "B", "G", **ASKED).test
    assert test.rejected
    assert "misses the design's at the 5% level" in test.reading


def test_a_gap_between_clusters_of_different_mixes_points_to_a_missing_context():
    rng = np.random.default_rng(3)
    mixes = {"one": [1.0] * 4 + [4.0] * 4, "two": [1.0] + [4.0] * 7}
    rows = [
        {"k": f"{d}{k}", "d": d, "b": b, "g": 0.1 * (b == 1) - (d == "two") + rng.normal(0, 0.02)}
        for d, mix in mixes.items() for k in range(10) for b in mix
    ]  # fmt: skip
    runs = pd.DataFrame(rows).assign(run_id=range(160))
    given = {"roles": {"B": "b", "G": "g"}, "protocol": "p", "cluster": "k", "mechanisms": LINEAR}
    found = [
        effect_curve(fit("B -> G", runs, context=c, **given), "B", "G", at=[1.0], baseline=4.0)
        for c in ((), "d")
    ]
    assert [curve.test.rejected for curve in found] == [True, False]
    assert "a context is missing: clusters differ in their mix of B values" in found[0].verdict
    assert "context is missing" not in found[1].verdict


@pytest.mark.parametrize("interval", ["t", "studentized"])
def test_one_effect_for_several_contexts_says_how_contexts_count(frame, interval):
    told = "contexts count by how much the treatment varies in them"
    asked = ASKED | {"interval": interval}
    halves = frame.assign(d=np.where(frame.k < 5, "one", "two"))
    for context, expected in (((), False), ("d", True)):
        curve = effect_curve(_fit(halves, context=context), "B", "G", **asked)
        for e in (*curve.design, *curve.adjusted, *curve.graph):
            assert any(told in a for a in e.assumptions) == expected, e.query


def test_in_unequal_contexts_an_effect_is_weighed_by_the_variation_of_the_treatment():
    # 8 of 10 runs at b = 1 and 5 of 10: n1 n0 / n is 1.6 and 2.5, for effects of 0 and 4
    b = np.array([1.0] * 8 + [0.0] * 2 + [1.0] * 5 + [0.0] * 5)
    d = np.repeat([0, 1], 10)
    runs = pd.DataFrame({"run_id": [f"r{i}" for i in range(20)], "d": d, "b": b})
    runs = runs.assign(y=4 * b * d + 10 * d)
    roles = {"B": "b", "Y": "y"}
    model = fit("B -> Y", runs, roles, protocol="p", cluster="run_id", context="d")
    found = effect_curve(model, "B", "Y", at=[1.0], baseline=0.0, draws=100)
    for e in (found.design[0], found.adjusted[0], found.graph[0]):
        assert e.estimate == pytest.approx(4 * 2.5 / (1.6 + 2.5)), e.query


def test_a_value_that_no_run_has_is_marked_as_interpolated(frame):
    asked = {"at": [3.0, 4.0], "baseline": 1.0, "draws": 100}
    three, four = effect_curve(_fit(frame), "B", "G", **asked).graph
    assert "no run has b = 3: interpolated" in three.assumptions
    assert not any("interpolated" in a for a in four.assumptions)


def test_values_that_are_not_asked_for_need_not_meet_the_others():
    rng = np.random.default_rng(3)
    k = np.repeat(np.arange(8), 2)
    b = np.tile([1.0, 2.0], 8)
    y = 3 * b + rng.normal(size=8)[k]
    stray = pd.DataFrame({"k": [8, 9], "b": 9.0, "y": [0.0, 1.0]})
    frame = pd.concat([pd.DataFrame({"k": k, "b": b, "y": y}), stray], ignore_index=True)
    frame = frame.assign(run_id=[f"r{i}" for i in range(len(frame))], d=frame.b == 9)
    frame["d"] = frame["d"].map({True: "late", False: "early"})
    roles = {"B": "b", "Y": "y"}
    model = fit("B -> Y", frame, roles, protocol="p", cluster="k", context="d", mechanisms=LINEAR)
    found = effect_curve(model, "B", "Y", at=[2.0], baseline=1.0, draws=100)
    assert found.design[0].estimate == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"at": "16"}, "sequence"), ({"at": 16}, "sequence"), ({"draws": 200.5}, "whole number")],
)
def test_an_argument_of_another_type_is_refused(frame, wrong, message):
    asked = {"at": [4.0], "baseline": 1.0, "draws": 100} | wrong
    with pytest.raises(ConfigurationError, match=message):
        effect_curve(_fit(frame), "B", "G", **asked)


def test_every_estimand_carries_the_matching_protocol(frame):
    model = fit(CHAIN, frame, ROLES, protocol="equal updates", cluster="k", mechanisms=LINEAR)
    found = analyze(model, "B", "G", at=[4.0], baseline=1.0, draws=100).to_frame()
    assert found["estimand"].str.endswith("; protocol: equal updates").all()
