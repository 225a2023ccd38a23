"""A model fitted again is the one that fitting the changed frame gives."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from causalhyper import LINEAR, SPLINE, Binomial, ConfigurationError, Regressor, fit
from causalhyper.scm.refitting import refit_model, select_rows

GRAPH = "B -> N; N -> G; B <-> G"
ROLES = {"B": "b", "N": "n", "G": "g"}
RUNGS = {
    "linear": LINEAR,
    "spline": SPLINE,
    "binomial": {"N": LINEAR, "G": Binomial(df=1)},
    "regressor": {"N": Regressor(LinearRegression()), "G": LINEAR},
}


def _frame(seed=0, clusters=16):
    rng = np.random.default_rng(seed)
    k = np.repeat(np.arange(clusters), 6)
    frame = pd.DataFrame({"run_id": [f"r{i:03d}" for i in range(len(k))]})
    frame["k"] = [f"s{i:02d}" for i in k]
    frame["b"] = np.tile([1.0, 2.0, 4.0], 2 * clusters)
    frame["n"] = frame.b + rng.normal(size=len(k))
    frame["n_test"] = rng.integers(50, 400, len(k))
    share = 1 / (1 + np.exp(1 - 0.3 * frame.n))
    frame["g"] = rng.binomial(frame.n_test, share) / frame.n_test
    return frame


def _fit(frame, options=LINEAR, context=(), graph=GRAPH, roles=ROLES):
    return fit(
        graph,
        frame,
        roles,
        protocol="p",
        cluster="k",
        context=context,
        mechanisms=options,
        treatment="B",
        outcome="G",
    )


def _assert_same(found, expected):
    assert found.graph == expected.graph
    assert found.summary() == expected.summary()
    np.testing.assert_array_equal(found.run_ids, expected.run_ids)
    assert found.labels.keys() == expected.labels.keys()
    for name, label in expected.labels.items():
        np.testing.assert_array_equal(found.labels[name], label)
    np.testing.assert_array_equal(found.groups.clusters, expected.groups.clusters)
    np.testing.assert_array_equal(found.groups.contexts, expected.groups.contexts)
    for node, x in expected.values.items():
        np.testing.assert_array_equal(found.values[node], x)
    weights = np.random.default_rng(3).multinomial(
        expected.clusters, np.full(expected.clusters, 1 / expected.clusters), size=3
    )
    for node, m in expected.mechanisms.items():
        own = found.mechanisms[node]
        np.testing.assert_allclose(own.fit.fitted, m.fit.fitted, rtol=1e-9)
        effects = [x.fit.refit(expected.groups, weights.astype(float)).effects for x in (own, m)]
        np.testing.assert_allclose(*effects, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("context", [(), "k"])
def test_with_fewer_runs_it_is_the_fit_to_these_alone(rung, context):
    frame = _frame()
    kept = ~frame.k.isin(["s02", "s05", "s11"]).to_numpy()
    kept[::7] = False
    found = refit_model(_fit(frame, RUNGS[rung], context), rows=kept)
    _assert_same(found, _fit(frame[kept], RUNGS[rung], context))


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("node", ["B", "N", "G"])
def test_with_other_values_it_is_the_fit_to_these(rung, node):
    frame = _frame()
    model = _fit(frame, RUNGS[rung])
    column = ROLES[node]
    other = np.random.default_rng(5).permutation(frame[column])
    found = refit_model(model, values={node: other})
    _assert_same(found, _fit(frame.assign(**{column: other}), RUNGS[rung]))
    unmoved = [v for v, m in model.mechanisms.items() if node not in {v, *m.parents}]
    assert all(found.mechanisms[v] is model.mechanisms[v] for v in unmoved)


@pytest.mark.parametrize("rung", RUNGS)
def test_a_further_cause_enters_every_mechanism_and_latent_causes_stay(rung):
    frame = _frame()
    frame["z"] = np.random.default_rng(6).normal(size=len(frame))
    roles = {**ROLES, "z": "z"}
    graph = "B -> N; N -> G; z -> N; z -> G; B <-> G"
    found = refit_model(_fit(frame, RUNGS[rung]), causes={"z": frame.z.to_numpy()})
    _assert_same(found, _fit(frame, RUNGS[rung], graph=graph, roles=roles))
    assert found.graph.latent == (("B", "G"),)
    assert dict(found.roles)["z"].column == "z"


def test_everything_may_change_at_once():
    frame = _frame()
    frame["z"] = np.random.default_rng(6).normal(size=len(frame))
    kept = (frame.k < "s12").to_numpy()
    other = np.random.default_rng(5).permutation(frame.n)
    model = _fit(frame, RUNGS["binomial"], graph="{B, N} -> G; B -> N")
    found = refit_model(
        model,
        graph=_fit(frame).graph,
        values={"N": other},
        rows=kept,
        causes={"z": frame.z.to_numpy()},
    )
    expected = _fit(
        frame.assign(n=other)[kept],
        RUNGS["binomial"],
        graph="B -> N; N -> G; z -> N; z -> G; B <-> G",
        roles={**ROLES, "z": "z"},
    )
    _assert_same(found, expected)


@pytest.mark.parametrize("rung", RUNGS)
def test_without_a_change_every_mechanism_is_the_same(rung):
    model = _fit(_frame(), RUNGS[rung])
    for found in (refit_model(model), refit_model(model, rows=np.ones(model.n, dtype=bool))):
        assert all(found.mechanisms[v] is m for v, m in model.mechanisms.items())


def test_too_few_runs_and_taken_names_are_refused():
    frame = _frame()
    model = _fit(frame)
    with pytest.raises(ConfigurationError, match="fewer than two clusters"):
        refit_model(model, rows=(frame.k == "s00").to_numpy())
    with pytest.raises(ConfigurationError, match="no run is left"):
        refit_model(model, rows=np.zeros(model.n, dtype=bool))
    with pytest.raises(ConfigurationError, match="N is in the model already"):
        refit_model(model, causes={"N": np.zeros(model.n)})


def test_selected_runs_keep_their_names_and_labels():
    frame = _frame()
    kept = frame.k.isin(["s03", "s09"]).to_numpy()
    found = select_rows(_fit(frame), kept)
    assert found.n == 12
    assert found.run_ids.tolist() == frame.run_id[kept].tolist()
    assert found.labels["k"].tolist() == frame.k[kept].tolist()


@pytest.mark.parametrize("part", ["values", "run_ids", "labels", "groups"])
def test_a_model_refuses_parts_of_unequal_length(part):
    model = _fit(_frame())
    short = select_rows(model, np.arange(model.n) >= 6)
    with pytest.raises(ConfigurationError, match="other numbers of rows"):
        replace(model, **{part: getattr(short, part)})
