import dataclasses

import numpy as np
import pandas as pd
import pytest

from causalhyper import LINEAR, SPLINE, DirectedHypergraph, effect_curve, fit
from causalhyper.errors import ConfigurationError
from causalhyper.scm.exports import node_values, to_gcm
from tests.simulated import CHAIN, ROLES, Truth, runs

gcm = pytest.importorskip("dowhy.gcm")

DRAWS = 60_000


@pytest.fixture(autouse=True)
def _seeded():
    gcm.util.general.set_random_seed(7)
    gcm.config.disable_progress_bars()


def make_model(graph=CHAIN, mechanisms=SPLINE, roles=ROLES):
    frame = runs(Truth(r=0.5, h=0.3, d=0.4), np.random.default_rng(5))
    return fit(graph, frame, roles, protocol="p", cluster="k", mechanisms=mechanisms)


def make_model_with_products():
    """Y causes S, so the order of the causes of C is not that of the alphabet."""
    roles = {"B": "b", "Y": "n", "S": "s", "C": "c", "G": "g"}
    return make_model("B -> Y; {B, Y} -> S; {Y, S} -> C; C -> G", LINEAR, roles)


def make_model_with_contexts():
    """Two roots whose values depend on the context, as do the intercepts."""
    rng = np.random.default_rng(9)
    n = 240
    place = np.arange(n) % 3
    frame = pd.DataFrame({"run_id": [f"r{i:03d}" for i in range(n)], "k": np.arange(n) // 6})
    frame["place"] = np.array(["a", "b", "c"])[place]
    frame["b"] = rng.choice([1.0, 2.0, 4.0], size=n)
    frame["w"] = 3.0 * place + rng.exponential(size=n)
    frame["n"] = 2.0 * place + frame["b"] * frame["w"] + rng.normal(size=n)
    frame["g"] = np.sin(frame["n"] / 4) - place + rng.normal(size=n)
    roles = {"B": "b", "W": "w", "N": "n", "G": "g"}
    return fit(
        "{B, W} -> N; N -> G",
        frame,
        roles,
        protocol="p",
        cluster="k",
        context="place",
        treatment="B",
    )


def mean_under(causal, node, dose):
    drawn = gcm.interventional_samples(causal, {"B": lambda x: dose}, num_samples_to_draw=DRAWS)[
        node
    ]
    return drawn.mean(), drawn.std() / DRAWS**0.5


MODELS = {
    "splines": make_model,
    "products": make_model_with_products,
    "contexts": make_model_with_contexts,
}


@pytest.mark.parametrize("name", MODELS)
def test_interventional_means_of_gcm_are_the_effect_curve(name):
    model = MODELS[name]()
    causal = to_gcm(model)
    curve = effect_curve(model, "B", "G", at=[2, 4], baseline=1, draws=100)
    low, low_error = mean_under(causal, "G", 1.0)
    for e in curve.graph:
        high, high_error = mean_under(causal, "G", e.value)
        assert e.estimate == pytest.approx(high - low, abs=4 * np.hypot(low_error, high_error))


@pytest.mark.parametrize("name", MODELS)
def test_every_mechanism_gives_back_the_observed_runs(name):
    model = MODELS[name]()
    causal, observed = to_gcm(model), node_values(model)
    for node in model.graph.order():
        parents = sorted(causal.graph.predecessors(node))
        if parents:
            mechanism = causal.causal_mechanism(node)
            inputs, values = observed[parents].to_numpy(float), observed[node].to_numpy()
            noise = mechanism.estimate_noise(values, inputs)
            assert mechanism.evaluate(inputs, noise)[:, 0] == pytest.approx(values, abs=1e-9)
            if node in model.mechanisms:
                assert noise.mean() == pytest.approx(0, abs=1e-9)


def test_the_coefficients_are_those_of_least_squares_on_the_runs():
    model = make_model("B -> N; N -> S; N -> C; S -> C; C -> G", LINEAR)
    regression = to_gcm(model).causal_mechanism("C").prediction_model
    data = node_values(model)
    design = np.column_stack([np.ones(len(data)), data["N"], data["S"]])
    expected = design @ np.linalg.lstsq(design, data["C"].to_numpy())[0]
    assert regression.predict(data[["N", "S"]].to_numpy())[:, 0] == pytest.approx(expected)


@pytest.mark.parametrize("name", MODELS)
def test_fitting_gcm_to_the_models_own_runs_changes_nothing(name):
    model = MODELS[name]()
    causal, again, data = to_gcm(model), to_gcm(model), node_values(model)
    gcm.fit(again, data)
    for node in model.mechanisms:
        parents = data[sorted(causal.graph.predecessors(node))].to_numpy(float)
        one, other = (c.causal_mechanism(node).prediction_model for c in (causal, again))
        assert other.predict(parents) == pytest.approx(one.predict(parents), abs=1e-8)


def test_a_counterfactual_of_gcm_is_abduction_action_prediction_by_hand():
    model = make_model("B -> N; N -> S; N -> C; S -> C; C -> G", LINEAR)
    data = node_values(model)
    found = gcm.counterfactual_samples(
        to_gcm(model), {"B": lambda b: b + 1}, observed_data=data.iloc[:5]
    )

    def slopes(head, *causes):
        design = np.column_stack([np.ones(len(data)), *(data[c] for c in causes)])
        return np.linalg.lstsq(design, data[head].to_numpy())[0][1:]

    to_n, to_s = slopes("N", "B")[0], slopes("S", "N")[0]
    from_n, from_s = slopes("C", "N", "S")
    change = slopes("G", "C")[0] * (from_n + from_s * to_s) * to_n
    assert (found["G"] - data["G"][:5]).to_numpy() == pytest.approx(np.full(5, change))


def test_roots_are_drawn_from_their_own_context():
    model = make_model_with_contexts()
    drawn = gcm.draw_samples(to_gcm(model), 5000)
    observed = node_values(model)
    for code, part in drawn.groupby("context"):
        seen = observed.loc[observed["context"] == code, "W"]
        assert set(part["W"]) <= set(seen)
        assert part["W"].mean() == pytest.approx(
            seen.mean(), abs=5 * seen.std() / len(part) ** 0.5
        )


def test_clones_ask_to_be_fitted():
    model = make_model_with_contexts()
    causal = to_gcm(model).clone()
    with pytest.raises(ConfigurationError, match="not fitted"):
        causal.causal_mechanism("N").prediction_model.predict(np.zeros((1, 3)))
    with pytest.raises(ConfigurationError, match="no run of context 0 was fitted"):
        causal.causal_mechanism("W").evaluate(np.zeros((1, 1)), np.zeros((1, 1)))
    gcm.fit(causal, node_values(model))
    assert gcm.draw_samples(causal, 10).shape == (10, 5)


def test_what_gcm_cannot_carry_is_refused():
    model = make_model_with_contexts()
    with pytest.raises(ConfigurationError, match="'W' is a node already"):
        to_gcm(model, context="W")
    confounded = DirectedHypergraph(model.graph.edges, model.graph.nodes, (("N", "G"),))
    with pytest.raises(ConfigurationError, match="latent common cause G <-> N cannot be exported"):
        to_gcm(dataclasses.replace(model, graph=confounded))
    root = to_gcm(model).causal_mechanism("W")
    with pytest.raises(ConfigurationError, match="99 is no value of a run of context 0"):
        root.estimate_noise(np.array([[99.0]]), np.array([[0.0]]))
    with pytest.raises(ConfigurationError, match=r"3 is no context: .* from 0 to 2"):
        root.evaluate(np.array([[3.0]]), np.array([[0.5]]))
