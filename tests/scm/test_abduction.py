"""Abduction gives back the noise, and replaying it gives back the runs."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

from causalhyper import LINEAR, SPLINE, fit
from causalhyper.errors import ConfigurationError
from causalhyper.scm.abduction import abduct, observe, replay, require, responding
from causalhyper.scm.options import Regressor
from causalhyper.scm.replicates import resample
from causalhyper.scm.worlds import World, simulate
from tests.simulated import CHAIN, ROLES, Truth, exact_runs, runs

SIDE = "B -> N; N -> S; B -> Z; {N, S} -> G"
"""Z is an effect of B that does not lead to G."""


def _model(frame, graph=CHAIN, roles=ROLES, **options):
    given = {"protocol": "p", "cluster": "k", "mechanisms": LINEAR} | options
    return fit(graph, frame, roles, **given)


def test_the_noise_of_exact_runs_is_the_true_noise():
    frame, e = exact_runs(Truth(), np.random.default_rng(0), repeats=5)
    model = _model(frame)
    replicates = resample(model, 100, np.random.default_rng(1)).part(slice(1))
    rows = np.arange(0, model.n, 7)
    noise = abduct(model, replicates, "NSCG", rows)
    places = frame.reset_index().set_index("run_id")["index"].loc[model.run_ids[rows]]
    for node in "NSCG":
        assert noise[node].shape == (1, 1, len(rows))
        np.testing.assert_allclose(noise[node][0, 0], e[node][places], atol=1e-9)


@pytest.mark.parametrize("mechanisms", [LINEAR, SPLINE])
@pytest.mark.parametrize("context", [(), "k", "d"])
def test_abducted_noise_in_the_runs_own_worlds_gives_the_runs_in_every_replicate(
    mechanisms, context
):
    frame = runs(Truth(), np.random.default_rng(2), clusters=6, block_sd=0.5)
    model = _model(frame.assign(d=frame.index % 2), mechanisms=mechanisms, context=context)
    replicates = resample(model, 100, np.random.default_rng(3))
    rows = np.array([4, 0, 31])
    noise = abduct(model, replicates, "NSCG", rows)
    assert all(x.shape == (101, 1, 3) and x.std(axis=0).max() > 0 for x in noise.values())
    there = replay(model, replicates, noise, {"B": 2.0}, rows)
    values = simulate(model, replicates, there.draws, World(do={"B": observe(model, rows)["B"]}))
    for node in "NSCG":
        np.testing.assert_allclose(values[node], observe(model, rows)[node] + 0 * values[node])


def test_noise_need_not_be_known_of_what_does_not_lead_to_the_outcome():
    rng = np.random.default_rng(4)
    frame = runs(Truth(), rng, clusters=6)
    frame = frame.assign(z=frame.b + rng.normal(size=len(frame)))
    roles = {v: v.lower() for v in "BNSZG"}
    model = _model(frame, SIDE, roles)
    nodes = responding(model, ("B",), "G")
    assert nodes == ("N", "S", "G")
    replicates = resample(model, 100, np.random.default_rng(5))
    rows = np.arange(model.n)
    there = replay(model, replicates, abduct(model, replicates, nodes, rows), {"B": 4.0}, rows)
    np.testing.assert_array_equal(there.values["Z"][0, 0], model.values["Z"])
    assert np.abs(there.values["G"][0, 0] - model.values["G"]).max() > 0.1


@pytest.mark.parametrize(
    ("nodes", "outcome", "expected"),
    [
        (("B",), "G", "NSCG"),
        (("B",), "S", "NS"),
        (("N",), "G", "SCG"),
        (("S",), "G", "CG"),
        (("B", "S"), "G", "NCG"),
        (("C",), "G", "G"),
    ],
)
def test_mechanisms_between_what_is_set_and_the_outcome_respond(nodes, outcome, expected):
    model = _model(runs(Truth(), np.random.default_rng(6), clusters=4))
    assert responding(model, nodes, outcome) == tuple(expected)


def test_additive_mechanisms_are_invertible_and_roots_need_no_mechanism():
    model = _model(runs(Truth(), np.random.default_rng(7), clusters=4))
    for capability in ("functional", "invertible", "decomposed"):
        assert capability in model.mechanisms["C"].fit.capabilities
        require(model, capability, model.graph.nodes)


@pytest.mark.parametrize(
    ("capability", "remedy"),
    [("functional", "do"), ("invertible", "SPLINE"), ("decomposed", "randomise a node")],
)
def test_every_mechanism_that_lacks_a_capability_is_named_with_a_remedy(capability, remedy):
    model = _model(runs(Truth(), np.random.default_rng(8), clusters=4))
    mute = SimpleNamespace(fit=SimpleNamespace(capabilities=frozenset()))
    model = replace(model, mechanisms=model.mechanisms | {"N": mute, "S": mute})
    require(model, capability, ["B", "C", "G"])
    with pytest.raises(ConfigurationError, match=f"of N, S is not {capability}, and .*{remedy}"):
        require(model, capability, model.graph.order())


@pytest.mark.parametrize("bins", [1, 3])
def test_a_regressors_noise_is_its_residual_over_the_spread_at_the_fitted_value(bins):
    rng = np.random.default_rng(9)
    frame = runs(Truth(), rng, clusters=12)
    frame["g"] = frame.b + frame.b * rng.normal(size=len(frame))
    forest = RandomForestRegressor(8, max_depth=3, random_state=0)
    roles = {"B": "b", "G": "g"}
    model = _model(frame, "B -> G", roles, mechanisms=Regressor(forest, bins))
    replicates = resample(model, 100, rng).part(slice(0, 4))
    rows = np.arange(model.n)
    noise = abduct(model, replicates, ("G",), rows)
    there = replay(model, replicates, noise, {"B": 4.0}, rows).values["G"][:, 0]
    fitted, learnt = model.mechanisms["G"].fit, replicates.parameters["G"]
    had, observed = model.values["B"], model.values["G"]
    for r, (forest, effects) in enumerate(zip(learnt.models, learnt.effects, strict=True)):
        before = forest.predict(had[:, None]) + effects[0]
        after = forest.predict([[4.0]])[0] + effects[0]
        spreads = learnt.spreads[r][np.searchsorted(fitted.edges, before)]
        spread = learnt.spreads[r][np.searchsorted(fitted.edges, after)]
        np.testing.assert_allclose(noise["G"][r, 0], (observed - before) / spreads, atol=1e-9)
        expected = after + spread * (observed - before) / spreads
        np.testing.assert_allclose(there[r], np.where(had == 4.0, observed, expected), atol=1e-9)
