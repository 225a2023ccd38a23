"""Counterfactuals against the structural equations with the known noise, and a slow reference."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

import causalhyper.scm.replicates
from causalhyper import LINEAR, SPLINE, adjust_estimates, effect_curve, fit
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.queries.counterfactuals.query import counterfactual
from causalhyper.queries.experiments.resampling import resample_model
from causalhyper.scm.options import Binomial, Regressor, Table
from tests.simulated import CHAIN, ROLES, SPLIT, TWO_WAYS, Truth, exact_runs, respond, runs

T = Truth()
ASKED = {"draws": 100}


def _fit(frame, graph=CHAIN, **options):
    given = {"protocol": "p", "cluster": "k", "mechanisms": LINEAR} | options
    return fit(graph, frame, ROLES, **given)


MODELS = {"chain": (CHAIN, T), "two ways": (TWO_WAYS, replace(T, d=0.4, h=-0.35))}
ACTIONS = {
    "treatment": ({"B": 4.0}, lambda t, e, b: respond(t, e, 4.0)),
    "mediator": ({"S": 1.5}, lambda t, e, b: respond(t, e, b, s=np.full(len(b), 1.5))),
    "first mediator": ({"N": 2.0}, lambda t, e, b: respond(t, e, b, n=np.full(len(b), 2.0))),
    "both": (
        {"B": 1.0, "S": 1.5},
        lambda t, e, b: respond(t, e, 1.0, s=np.full(len(b), 1.5)),
    ),
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("name", MODELS)
def test_counterfactuals_of_every_run_are_those_of_the_true_equations_and_noise(name, action):
    graph, t = MODELS[name]
    frame, e = exact_runs(t, np.random.default_rng(0), repeats=5)
    setting, world = ACTIONS[action]
    found = counterfactual(_fit(frame, graph), setting, "G", **ASKED).by_run()
    expected = pd.Series(world(t, e, frame.b.to_numpy())["G"], index=frame.run_id)
    found = found.set_index("run_id").loc[frame.run_id]
    np.testing.assert_allclose(found.factual, frame.g, atol=1e-12)
    np.testing.assert_allclose(found.counterfactual, expected, atol=1e-8)
    np.testing.assert_allclose(found.difference, expected - frame.g.to_numpy(), atol=1e-8)


def test_the_outcome_of_a_mediator_can_be_asked_for_too():
    frame, e = exact_runs(T, np.random.default_rng(1), repeats=5)
    found = counterfactual(_fit(frame), {"B": 1.0}, "S", **ASKED).by_run().set_index("run_id")
    expected = respond(T, e, 1.0)["S"]
    np.testing.assert_allclose(found.counterfactual.loc[frame.run_id], expected, atol=1e-8)


GRAPHS = [CHAIN, SPLIT, "B -> N; {B, N} -> S; {N, S} -> C; {B, C} -> G"]


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    graph=st.sampled_from(GRAPHS),
    mechanisms=st.sampled_from([LINEAR, SPLINE]),
    context=st.sampled_from([(), "k", "d"]),
    dose=st.sampled_from([1.0, 2.0, 4.0]),
)
def test_a_run_set_to_what_it_had_keeps_what_was_observed_in_every_replicate(
    seed, graph, mechanisms, context, dose
):
    rng = np.random.default_rng(seed)
    frame = runs(T, rng, clusters=6, block_sd=0.5).assign(d=rng.permutation(36) % 2)
    model = _fit(frame, graph, mechanisms=mechanisms, context=context)
    found = counterfactual(model, {"B": dose}, "G", draws=100, seed=seed)
    had = frame.set_index("run_id").loc[list(found.run_ids)]
    own = (had.b == dose).to_numpy()
    table = found.by_run()
    for column in ("counterfactual", "lower", "upper"):
        assert (table[column][own].to_numpy() == had.g[own].to_numpy()).all()
    assert (table.se[own] == 0).all()
    assert (table.se[~own] > 0).all()


def test_setting_what_a_run_had_at_two_nodes_also_keeps_it():
    frame = runs(T, np.random.default_rng(2), clusters=6)
    row = frame.iloc[7]
    setting = {"B": row.b, "N": row.n}
    found = counterfactual(_fit(frame), setting, "G", runs=row.run_id, **ASKED)
    assert (found.average.estimate, found.average.se) == (0.0, 0.0)
    # N alone set to what it had is no change either, though B leads to G through it
    found = counterfactual(_fit(frame), {"N": row.n}, "G", runs=row.run_id, **ASKED)
    assert (found.average.estimate, found.average.se) == (0.0, 0.0)


def test_a_logarithmic_treatment_set_to_what_a_run_had_keeps_what_was_observed():
    frame = runs(T, np.random.default_rng(3), clusters=6)
    frame = frame.assign(b=frame.b.map({1.0: 48.0, 2.0: 96.0, 4.0: 333.0}))
    model = fit(CHAIN, frame, ROLES | {"B": "log10(b)"}, protocol="p", cluster="k")
    for value in (333.0, 333.0 * (1 + 1e-12)):
        found = counterfactual(model, {"B": value}, "G", runs=frame[frame.b == 333], **ASKED)
        assert {(d.estimate, d.se) for d in found.differences} == {(0.0, 0.0)}
    assert found.differences[0].baseline == pytest.approx(333.0)


def test_in_a_linear_model_every_difference_is_the_product_of_the_slopes():
    t = replace(T, p=0.0, r=0.0)
    frame, _ = exact_runs(t, np.random.default_rng(4), repeats=5)
    model = _fit(frame, "B -> N; N -> S; S -> C; C -> G")
    found = counterfactual(model, {"B": 4.0}, "G", **ASKED)
    slope = t.a * t.c * t.q * t.g
    table = found.by_run().set_index("run_id").loc[frame.run_id]
    np.testing.assert_allclose(table.difference, slope * (4.0 - frame.b), atol=1e-8)


@pytest.mark.parametrize("context", [(), "k"])
def test_with_linear_mechanisms_the_average_over_treated_runs_is_the_effect_curve(context):
    frame = runs(T, np.random.default_rng(5), clusters=10, block_sd=0.5)
    model = _fit(frame, "B -> N; N -> S; N -> C; S -> C; C -> G", context=context)
    found = counterfactual(model, {"B": 4.0}, "G", runs=frame[frame.b == 1.0], draws=200, seed=5)
    asked = {"at": [4.0], "baseline": 1.0, "draws": 200, "seed": 5, "interval": "bootstrap"}
    curve = effect_curve(model, "B", "G", **asked).graph[0]
    e = found.average
    assert (e.value, e.baseline) == (4.0, 1.0)
    assert (e.estimate, e.se, e.lower, e.upper) == pytest.approx(
        (curve.estimate, curve.se, curve.lower, curve.upper), abs=1e-9
    )


def _reference(frame, weights, setting, row):
    """One run's counterfactual for one set of weights: weighted least squares node by node."""
    b, n, s, c, g = (frame[v].to_numpy() for v in "bnscg")
    one, w = np.ones(len(frame)), np.sqrt(weights[frame.k])

    def regress(y, *columns):
        X = np.column_stack([one, *columns])
        return np.linalg.lstsq(w[:, None] * X, w * y, rcond=None)[0]

    onto_n, onto_s, onto_g = regress(n, b), regress(s, n), regress(g, c)
    onto_c = regress(c, n, s, n * s)

    def at(coefs, *inputs):
        return coefs[0] + sum(k * x for k, x in zip(coefs[1:], inputs, strict=True))

    i = row
    noise = {
        "n": n[i] - at(onto_n, b[i]),
        "s": s[i] - at(onto_s, n[i]),
        "c": c[i] - at(onto_c, n[i], s[i], n[i] * s[i]),
        "g": g[i] - at(onto_g, c[i]),
    }
    there = {"b": b[i]} | setting
    there.setdefault("n", at(onto_n, there["b"]) + noise["n"])
    there.setdefault("s", at(onto_s, there["n"]) + noise["s"])
    product = there["n"] * there["s"]
    there["c"] = at(onto_c, there["n"], there["s"], product) + noise["c"]
    return at(onto_g, there["c"]) + noise["g"]


@pytest.mark.parametrize("setting", [{"B": 4.0}, {"S": 1.0}, {"B": 2.0, "S": 1.0}])
def test_value_and_standard_error_are_those_of_a_slow_reference(setting):
    frame = runs(T, np.random.default_rng(6), clusters=8, block_sd=0.5)
    model = _fit(frame)
    asked = {"draws": 100, "seed": 7, "level": 0.9, "interval": "bootstrap"}
    found = counterfactual(model, setting, "G", runs=[5, 20], **asked)
    weights = resample_model(model, **asked).replicates.weights
    small = {v.lower(): x for v, x in setting.items()}
    for name, e in zip(found.run_ids, found.differences, strict=True):
        row = int(np.flatnonzero(frame.run_id == name)[0])
        slow = [_reference(frame, w, small, row) - frame.g[row] for w in weights]
        assert e.estimate == pytest.approx(slow[0], abs=1e-9)
        assert e.se == pytest.approx(np.std(slow[1:], ddof=1), rel=1e-8)


@pytest.fixture(scope="module")
def frame():
    return runs(T, np.random.default_rng(8), clusters=8, block_sd=0.5)


def test_the_average_is_the_mean_of_the_differences_of_its_runs(frame):
    found = counterfactual(_fit(frame), {"B": 2.0}, "G", **ASKED)
    assert found.average.estimate == pytest.approx(found.by_run().difference.mean(), abs=1e-12)
    assert np.isnan(found.average.baseline)
    assert found.average.subject == "48 runs"


def test_the_interval_is_the_counterfactuals_around_what_was_observed(frame):
    found = counterfactual(_fit(frame), {"B": 2.0}, "G", **ASKED)
    table = found.by_run()
    assert list(table) == [
        "run_id",
        "k",
        "factual",
        "counterfactual",
        "difference",
        "se",
        "lower",
        "upper",
    ]
    for row, e in zip(table.itertuples(), found.differences, strict=True):
        assert e.subject == f"run {row.run_id}"
        assert (row.lower - row.factual, row.upper - row.factual) == pytest.approx(
            (e.lower, e.upper), abs=1e-12
        )


def test_asking_about_fewer_runs_changes_no_answer(frame):
    model = _fit(frame)
    everyone = counterfactual(model, {"B": 4.0}, "G", **ASKED)
    rows = [3, 11, 40]
    some = counterfactual(model, {"B": 4.0}, "G", runs=rows, **ASKED)
    for i, e in zip(rows, some.differences, strict=True):
        f = everyone.differences[i]
        assert e.subject == f.subject
        assert (e.estimate, e.lower, e.upper) == pytest.approx(
            (f.estimate, f.lower, f.upper), abs=1e-12
        )


@pytest.mark.parametrize("batch", [1, 10**9])
def test_the_size_of_a_batch_changes_no_number(frame, monkeypatch, batch):
    model = _fit(frame)
    expected = counterfactual(model, {"B": 4.0}, "G", **ASKED).by_run()
    monkeypatch.setattr(causalhyper.scm.replicates, "BATCH", batch)
    found = counterfactual(model, {"B": 4.0}, "G", **ASKED).by_run()
    pd.testing.assert_frame_equal(found, expected, rtol=1e-10, atol=1e-12)


def test_the_order_of_the_rows_changes_no_runs_answer(frame):
    expected = counterfactual(_fit(frame), {"B": 4.0}, "G", **ASKED).by_run()
    shuffled = frame.sample(frac=1, random_state=1)
    found = counterfactual(_fit(shuffled), {"B": 4.0}, "G", **ASKED).by_run()
    pd.testing.assert_frame_equal(found, expected, rtol=1e-8, atol=1e-9)


def test_runs_are_named_by_name_frame_or_position(frame):
    model = _fit(frame)
    names = frame.run_id.iloc[[4, 2]].tolist()
    places = [model.run_ids.tolist().index(name) for name in names]
    wanted = [names, frame.iloc[[4, 2]], places, np.array(places), tuple(names), [*names, *names]]
    for given_runs in wanted:
        found = counterfactual(model, {"B": 4.0}, "G", runs=given_runs, **ASKED)
        assert found.run_ids == tuple(names)
    assert counterfactual(model, {"B": 4.0}, "G", runs=names[0], **ASKED).run_ids == (names[0],)
    numbered = _fit(frame.assign(run_id=np.arange(48) + 100))
    found = counterfactual(numbered, {"B": 4.0}, "G", runs=[140, 101], **ASKED)
    assert found.run_ids == (140, 101)


def test_contexts_and_clusters_of_each_run_stand_beside_it(frame):
    model = _fit(frame.assign(d=frame.index % 2), context="d")
    table = counterfactual(model, {"B": 4.0}, "G", **ASKED).by_run()
    whole = frame.assign(d=frame.index % 2).set_index("run_id").loc[table.run_id]
    assert table.k.tolist() == whole.k.tolist()
    assert table.d.tolist() == whole.d.tolist()


def test_a_single_run_is_told_in_a_sentence_and_several_in_another(frame):
    model = _fit(frame)
    one = counterfactual(model, {"B": 4.0}, "G", runs="run00003", **ASKED)
    row = frame.iloc[3]
    assert f"Run run00003 (k {row.k}) had b {row.b:g} and g {row.g:.1f}" in one.summary()
    assert "no data can check it for a single run" in one.verdict
    several = counterfactual(model, {"B": 4.0}, "G", **ASKED)
    assert several.verdict.startswith("Had 48 runs had b=4, g would have changed by")
    assert "and 36 more" in several.summary()


@pytest.mark.parametrize("options", [Binomial(1), Table(2)])
def test_a_mechanism_that_hides_its_noise_is_named_with_what_to_use_instead(options):
    # the noise of a count, or of a cell, is not to be had
    rng = np.random.default_rng(9)
    frame = runs(T, rng, clusters=8).assign(n_test=50)
    if isinstance(options, Binomial):
        frame["g"] = rng.binomial(50, 1 / (1 + np.exp(-frame.c / 4))) / 50
    else:
        frame["c"] = (frame.n > frame.n.median()).astype(float)
        frame["g"] = (frame.c + rng.normal(size=len(frame)) > 0.5).astype(float)
    given = {"protocol": "p", "cluster": "k", "mechanisms": {"G": options, "N": LINEAR}}
    model = fit("B -> N; N -> C; C -> G", frame, {v: ROLES[v] for v in "BNCG"}, **given)
    with pytest.raises(ConfigurationError, match="mechanism of G is not invertible") as e:
        counterfactual(model, {"B": 4.0}, "G", **ASKED)
    assert "with do" in str(e.value)
    # what comes before it still has counterfactuals
    assert counterfactual(model, {"B": 4.0}, "C", **ASKED).average.se > 0


def test_a_linear_regressor_gives_the_counterfactuals_of_straight_lines():
    frame = runs(T, np.random.default_rng(10), clusters=24)
    graph = "B -> N; N -> S; S -> C; C -> G"
    lines = counterfactual(_fit(frame, graph), {"B": 4.0}, "G", **ASKED)
    regressor = Regressor(LinearRegression())
    found = counterfactual(_fit(frame, graph, mechanisms=regressor), {"B": 4.0}, "G", **ASKED)
    columns = ["factual", "counterfactual", "lower", "upper"]
    pd.testing.assert_frame_equal(found.by_run()[columns], lines.by_run()[columns], rtol=1e-6)


REFUSALS = {
    "unknown node": ({"X": 1.0}, {}, "X"),
    "outcome set": ({"G": 1.0}, {}, "both ends of the effect are 'G'"),
    "several values": ({"B": [1.0, 2.0]}, {}, "one value a node"),
    "beyond the runs": ({"B": 5.0}, {}, "lies outside what was run"),
    "unknown run": ({"B": 1.0}, {"runs": ["run00001", "x"]}, "no run of the model is named 'x'"),
    "position beyond the runs": ({"B": 1.0}, {"runs": [48]}, "no run of the model is named 48"),
    "flags": ({"B": 1.0}, {"runs": [True, False]}, r"true and false.*frame\[mask\]"),
    "no run": ({"B": 1.0}, {"runs": []}, "no run to ask about"),
    "frame without names": ({"B": 1.0}, {"runs": pd.DataFrame({"b": [1]})}, "run_id"),
    "too few draws": ({"B": 1.0}, {"draws": 50}, "too few"),
}


def test_rows_with_other_values_than_the_fitted_ones_are_refused(frame):
    model, rows = _fit(frame), frame.iloc[[4, 2]]
    for column in ("b", "s", "g"):
        with pytest.raises(DataError, match=f"'{column}' of this frame is not what the model"):
            counterfactual(model, {"B": 4.0}, "G", runs=rows.assign(**{column: 3.5}), **ASKED)
    found = counterfactual(model, {"B": 4.0}, "G", runs=rows[["run_id"]], **ASKED)
    assert found.run_ids == tuple(rows.run_id)


@pytest.mark.parametrize("case", REFUSALS)
def test_questions_that_do_not_fit_are_refused(frame, case):
    setting, options, message = REFUSALS[case]
    with pytest.raises(ConfigurationError, match=message):
        counterfactual(_fit(frame), setting, "G", **(ASKED | options))


def test_the_plot_leads_from_what_each_run_had_to_what_it_would_have_had(frame):
    found = counterfactual(_fit(frame), {"B": 4.0}, "G", runs=[1, 2, 3], **ASKED)
    marks = {line.get_label(): line.get_xdata() for line in found.plot().get_lines()}
    table = found.by_run().sort_values("factual")
    np.testing.assert_array_equal(marks["observed"], table.factual)
    np.testing.assert_array_equal(marks["counterfactual"], table.counterfactual)


def test_each_difference_is_tested_by_its_own_t_interval(frame):
    found = counterfactual(_fit(frame), {"B": 2.0}, "G", **ASKED)
    assert {e.df for e in found.estimates} == {7.0}
    table = adjust_estimates(found)
    assert len(table) == 49
    excludes = np.array([e.lower > 0 or e.upper < 0 for e in found.estimates])
    live = np.array([e.se > 0 for e in found.estimates])
    assert (table["p_value"].isna() == ~live).all()
    assert ((table["p_value"] < 0.05)[live] == excludes[live]).all()
    assert excludes.any()
    assert not excludes[live].all()
