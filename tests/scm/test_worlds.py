"""Simulated worlds against the structural equations, and their shortcuts against none."""

import numpy as np
import pytest

from causalhyper import LINEAR, SPLINE, DirectedHypergraph, fit
from causalhyper.mechanisms import make_basis
from causalhyper.scm.draws import Draws, make_sampler
from causalhyper.scm.replicates import resample
from causalhyper.scm.worlds import World, extrapolation, simulate
from tests.simulated import CHAIN, ROLES, SPLIT, Truth, exact_runs, respond, runs

DOSES = np.array([1.0, 4.0])[None, :, None]


def _setting(graph=CHAIN, mechanisms=SPLINE, context=(), draws=64):
    frame = runs(Truth(), np.random.default_rng(0), clusters=8)
    frame = frame.assign(d=frame.index % 2)
    model = fit(
        graph, frame, ROLES, protocol="p", cluster="k", context=context, mechanisms=mechanisms
    )
    replicates = resample(model, 100, np.random.default_rng(1)).part(slice(0, 7))
    return (
        model,
        replicates,
        make_sampler(model, draws, np.random.default_rng(2)).draw(model, replicates),
    )


def _edge(graph, text):
    return next(e for e in DirectedHypergraph.parse(graph).edges if str(e) == text)


def _worlds(graph, model, draws):
    x = {v: model.values[v][draws.partners[v]][:, None, :] for v in "NSC"}
    do = {"B": DOSES}
    joint, single = _edge(graph, "{N, S} -> C"), _edge(graph, "N -> S")
    return {
        "do only": World(do=do),
        "node set": World(do=do | {"S": x["S"]}),
        "two nodes set": World(do=do | {"S": x["S"], "N": np.ones((1, 1, 1))}),
        "outcome's parent set": World(do=do | {"C": x["C"]}),
        "edge cut": World(do=do, receives={(single, "N"): x["N"]}),
        "joint edge cut": World(do=do, receives={(joint, "N"): x["N"], (joint, "S"): x["S"]}),
        "half a joint edge cut": World(do=do, receives={(joint, "S"): x["S"]}),
        "interaction dropped, product": World(do=do, additive={joint: "product"}),
        "interaction dropped, joint": World(do=do, additive={joint: "joint"}),
        "all at once": World(
            do=do | {"N": x["N"]}, receives={(joint, "S"): x["S"]}, additive={joint: "joint"}
        ),
    }


@pytest.mark.parametrize("graph", [CHAIN, SPLIT])
@pytest.mark.parametrize("context", [(), "d"])
def test_starting_from_a_base_world_gives_what_starting_from_nothing_gives(graph, context):
    model, replicates, draws = _setting(graph, context=context)
    base = simulate(model, replicates, draws, World(do={"B": DOSES}))
    for name, world in _worlds(graph, model, draws).items():
        world = World({**world.do, "B": base["B"]}, world.receives, world.additive)
        short = simulate(model, replicates, draws, world, base)
        full = simulate(model, replicates, draws, world)
        for v in full:
            shape = np.broadcast_shapes(short[v].shape, full[v].shape)
            assert np.array_equal(
                np.broadcast_to(short[v], shape), np.broadcast_to(full[v], shape)
            ), (name, v)


@pytest.mark.parametrize("graph", [CHAIN, SPLIT])
def test_linear_worlds_follow_the_structural_equations_run_by_run(graph):
    # exact_runs makes the fitted coefficients the true ones, so each simulated run is checked
    t = Truth()
    frame, _ = exact_runs(t, np.random.default_rng(3), clusters=6, repeats=5)
    model = fit(graph, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)
    replicates = resample(model, 100, np.random.default_rng(0)).part(slice(1))
    draws = make_sampler(model, 50, np.random.default_rng(4)).draw(model, replicates)
    e = {v: draws.noise[v][0] for v in "NSCG"}
    b = DOSES[0]
    worlds = _worlds(graph, model, draws)
    x = {v: model.values[v][draws.partners[v]] for v in "NS"}
    centre = (frame.n.mean(), frame.s.mean())
    natural = respond(t, e, b)
    cut = {"into_c": (x["N"], x["S"])} if graph == CHAIN else {"product": (x["N"], x["S"])}
    half = (
        {"into_c": (natural["N"], x["S"])}
        if graph == CHAIN
        else {"product": (natural["N"], x["S"])}
    )
    expected = {
        "do only": natural,
        "node set": respond(t, e, b, s=x["S"]),
        "two nodes set": respond(t, e, b, s=x["S"], n=np.ones((1, 1))),
        "edge cut": respond(t, e, b, n_into_s=x["N"]),
        "joint edge cut": respond(t, e, b, centre=centre, **cut),
        "half a joint edge cut": respond(t, e, b, centre=centre, **half),
        "interaction dropped, product": respond(t, e, b, centre=centre, product_value=0.0),
    }
    for name, truth in expected.items():
        found = simulate(model, replicates, draws, worlds[name])
        for v in "CG":
            shape = (2, 50)
            assert np.broadcast_to(found[v][0], shape) == pytest.approx(
                np.broadcast_to(truth[v], shape), abs=1e-9
            ), (name, v)


def test_dropping_an_interaction_under_the_joint_reference_leaves_least_squares_on_curves():
    # the additive projection of the fitted C in L2 of the sample: its regression on curves
    frame, _ = exact_runs(Truth(), np.random.default_rng(5), clusters=6, repeats=5)
    model = fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)
    replicates = resample(model, 100, np.random.default_rng(0)).part(slice(1))
    draws = make_sampler(model, 50, np.random.default_rng(4)).draw(model, replicates)
    world = _worlds(CHAIN, model, draws)["interaction dropped, joint"]
    found = simulate(model, replicates, draws, world)
    curves = [make_basis(model.values[v], 6) for v in "NS"]

    def columns(n, s):
        return np.column_stack([np.ones(n.size), curves[0](n.ravel()), curves[1](s.ravel())])

    X = columns(model.values["N"], model.values["S"])
    w = np.linalg.lstsq(X, model.mechanisms["C"].fit.fitted, rcond=None)[0]
    shape = np.broadcast_shapes(found["N"].shape, found["S"].shape)
    n, s = (np.broadcast_to(found[v], shape) for v in "NS")
    expected = (columns(n, s) @ w).reshape(shape) + draws.noise["C"]
    assert found["C"] == pytest.approx(expected, abs=1e-7)


def test_the_observed_runs_are_no_extrapolation_and_far_values_are():
    model, *_ = _setting(context="d")
    observed = {v: x[None, None, :] for v, x in model.values.items()}
    draws = Draws(model.groups.contexts[None, :], {}, {}, {})
    assert extrapolation(model, World(), observed, draws) == 0.0
    far = observed | {"N": observed["N"] + 100.0}
    assert extrapolation(model, World(), far, draws) == 1.0


def test_extrapolation_finds_a_combination_that_no_run_had():
    # N and S nearly collinear: within the range of each, yet off the diagonal
    rng = np.random.default_rng(0)
    frame = runs(Truth(), rng)
    frame = frame.assign(s=frame.n + 0.05 * rng.normal(size=len(frame)))
    model = fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)
    low, high = np.quantile(frame.n, [0.05, 0.95])
    values = {v: np.full((1, 1, 1), x.mean()) for v, x in model.values.items()}
    hidden = values | {"N": np.full((1, 1, 1), low), "S": np.full((1, 1, 1), high)}
    draws = Draws(np.zeros((1, 1), dtype=np.intp), {}, {}, {})
    assert extrapolation(model, World(), values, draws) == 0.0
    assert extrapolation(model, World(), hidden, draws) == 1.0


def test_a_mechanism_that_is_overruled_cannot_be_extrapolated():
    model, *_ = _setting()
    values = {v: x[None, None, :] for v, x in model.values.items()}
    far = values | {"N": values["N"] + 100.0}
    draws = Draws(model.groups.contexts[None, :], {}, {}, {})
    world = World(do={"S": values["S"], "C": values["C"]})
    assert extrapolation(model, world, far, draws) == 0.0


def test_a_projection_under_the_product_counts_combinations_that_no_run_had():
    rng = np.random.default_rng(0)
    frame = runs(Truth(), rng)
    frame = frame.assign(s=frame.n + 0.05 * rng.normal(size=len(frame)))
    model = fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)
    edge = model.graph.into("C")[0]
    replicates = resample(model, 100, rng).part(slice(1))
    draws = make_sampler(model, len(frame), rng).draw(model, replicates)
    observed = {v: x[None, None, :] for v, x in model.values.items()}
    assert extrapolation(model, World(additive={edge: "joint"}), observed, draws) == 0.0
    assert extrapolation(model, World(additive={edge: "product"}), observed, draws) > 0.5
