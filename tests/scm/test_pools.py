"""Draws from a pool of runs are draws from all runs."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from causalhyper import LINEAR, SPLINE, fit
from causalhyper.queries.experiments.experiment import natural_world
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.scm import pools
from causalhyper.scm.draws import make_sampler

CLUSTERS = 12


@pytest.fixture(scope="module", params=[LINEAR, SPLINE], ids=["lines", "splines"])
def model(request):
    rng = np.random.default_rng(3)
    n = 40_000
    frame = pd.DataFrame({"seed": np.arange(n) // 2 % CLUSTERS, "run_id": np.arange(n)})
    frame["B"] = np.tile([1.0, 2.0], n // 2)
    frame["N"] = frame["B"] + rng.standard_gamma(2.0, n) + 0.2 * frame["seed"]
    frame["G"] = frame["N"] ** 2 + rng.normal(size=n)
    frame["lab"] = frame["seed"] % 2
    return fit(
        "B -> N; {B, N} -> G",
        frame,
        {v: v for v in "BNG"},
        protocol="p",
        cluster="seed",
        context="lab",
        mechanisms=request.param,
    )


def test_a_sample_of_moderate_size_has_no_pool(model):
    assert pools.make_pool(model, 2048)[1] is None
    assert pools.make_pool(model, 512)[1] is not None


def test_a_draw_from_the_pool_is_of_a_run_in_it_with_its_own_residual(model):
    experiment = make_experiment(model, "B", "G", at=[2], baseline=1, draws=100)
    chunk = experiment.replicates.part(slice(3))
    sampler = make_sampler(model, 300, np.random.default_rng(0))
    rows = sampler.pool.rows[sampler.rows(chunk)]
    drawn = sampler.draw(model, chunk)
    assert np.array_equal(drawn.contexts, model.groups.contexts[rows])
    for v in ("N", "G"):
        mechanism, learnt = model.mechanisms[v], chunk.parameters[v]
        fit, k = mechanism.fit, model.groups.contexts
        residuals = fit.response - learnt.coefs @ fit.columns.T - learnt.effects[:, k]
        picked = np.take_along_axis(residuals, rows, axis=1)
        picked -= picked.mean(axis=1, keepdims=True)
        assert np.allclose(drawn.noise[v][:, 0], picked[:, sampler.own[v]])
    partners = drawn.partners["N"]
    assert np.isin(partners, sampler.pool.rows).all()
    assert np.array_equal(model.groups.contexts[partners], drawn.contexts)


def test_means_over_a_pool_are_those_over_all_runs_up_to_its_share_of_the_noise(model):
    experiment = make_experiment(model, "B", "G", at=[2], baseline=1, draws=100)
    assert experiment.sampler.pool is None
    few = make_sampler(model, 500, np.random.default_rng(1))
    everyone = replace(few, layout=experiment.sampler.layout, pool=None)
    means = [
        replace(experiment, sampler=s).means({"w": natural_world}, alone=True)["w"]
        for s in (few, everyone)
    ]
    # of a square of a gamma noise; 500 stratified draws, of which a pool of 32,000 differs little
    spread = np.std(np.square(model.values["N"])) / np.sqrt(500)
    gap = means[0] - means[1]
    assert 0 < np.abs(gap).max() < 3 * spread
    assert abs(gap.mean()) < 0.5 * spread


def test_another_model_of_the_same_runs_draws_its_own_residuals(model):
    sampler = make_sampler(model, 300, np.random.default_rng(0))
    fit_n = model.mechanisms["N"]
    shifted = replace(fit_n.fit, response=fit_n.fit.response[::-1].copy())
    other = replace(model, mechanisms={**model.mechanisms, "N": replace(fit_n, fit=shifted)})
    experiment = make_experiment(model, "B", "G", at=[2], baseline=1, draws=100)
    chunk = experiment.replicates.part(slice(1))
    own, theirs = (sampler.draw(m, chunk).noise["N"] for m in (model, other))
    assert not np.allclose(own, theirs)


@pytest.mark.parametrize("draws", [400, 12_000, 24_000])
def test_runs_written_down_in_loops_are_drawn_in_their_shares(draws):
    # one loop as long as the distance of two draws, with a pool and without
    n = 48_000
    loop = n // draws
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"A": np.arange(n) // max(1, loop // 2) % 2, "run_id": np.arange(n)})
    frame["B"] = rng.permutation(np.tile([1.0, 2.0], n // 2))
    frame["G"] = frame["B"] * (1 + 2 * frame["A"]) + rng.normal(size=n)
    frame["seed"] = np.arange(n) // (n // 10)
    model = fit(
        "{A, B} -> G",
        frame,
        {v: v for v in "ABG"},
        protocol="p",
        cluster="seed",
        mechanisms=LINEAR,
    )
    fitted = make_experiment(model, "B", "G", at=[2], baseline=1, draws=100).replicates
    sampler = make_sampler(model, draws, rng)
    assert (sampler.pool is None) == (draws > n // pools.POOL)
    drawn = sampler.draw(model, fitted.part(slice(1)))
    share = 5 * 0.5 / np.sqrt(draws)
    assert drawn.roots["A"].mean() == pytest.approx(frame["A"].mean(), abs=share)
    partners = model.values["A"][drawn.partners["B"]]
    assert partners.mean() == pytest.approx(frame["A"].mean(), abs=share)
