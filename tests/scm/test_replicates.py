"""Resampled parameters and the draws that all worlds share."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper import LINEAR, fit
from causalhyper.errors import ConfigurationError
from causalhyper.inference import lay_out_rows, pick_rows
from causalhyper.scm.draws import make_sampler
from causalhyper.scm.replicates import resample
from tests.simulated import CHAIN, ROLES, Truth, runs


def _model(context=(), **more):
    frame = runs(Truth(), np.random.default_rng(0), clusters=8)
    frame = frame.assign(d=frame.index % 2, nested=frame.k // 4, **more)
    return frame, fit(
        CHAIN, frame, ROLES, protocol="p", cluster="k", context=context, mechanisms=LINEAR
    )


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=4, max_size=20),
    st.lists(st.integers(0, 3), min_size=4, max_size=4),
    st.integers(0, 2**31),
)
def test_picked_rows_are_the_inverse_distribution_function_of_explicitly_repeated_rows(
    labels, counts, seed
):
    clusters = np.unique(labels, return_inverse=True)[1]
    weights = np.array(counts[: clusters.max() + 1], dtype=float)
    if weights.sum() == 0:
        weights[0] = 1
    u = np.random.default_rng(seed).random(50)
    # rows stand cluster by cluster; within a cluster each row is repeated in place
    repeated = np.concatenate(
        [np.repeat(np.flatnonzero(clusters == c), int(w)) for c, w in enumerate(weights)]
    )
    expected = repeated[np.floor(u * len(repeated)).astype(int)]
    assert pick_rows(lay_out_rows(clusters), weights[None], u)[0].tolist() == expected.tolist()


def test_picking_for_many_replicates_at_once_is_picking_for_each():
    rng = np.random.default_rng(1)
    clusters = rng.integers(0, 6, size=40)
    clusters[:6] = np.arange(6)
    weights = rng.multinomial(6, np.full(6, 1 / 6), size=80).astype(float)
    u = (np.arange(512) + 0.5) / 512
    together = pick_rows(lay_out_rows(clusters), weights, u)
    alone = [pick_rows(lay_out_rows(clusters), w[None], u)[0] for w in weights]
    assert together.tolist() == np.array(alone).tolist()


def test_rows_come_as_often_as_their_clusters_weigh():
    clusters = np.repeat(np.arange(4), [3, 1, 5, 2])
    weights = np.array([[2.0, 0.0, 1.0, 1.0]])
    total = int((weights[0] * [3, 1, 5, 2]).sum())
    u = (np.arange(100 * total) + 0.5) / (100 * total)
    counts = np.bincount(pick_rows(lay_out_rows(clusters), weights, u)[0], minlength=11)
    assert counts.tolist() == (100 * weights[0][clusters]).tolist()


def test_every_replicate_is_statsmodels_fit_to_the_drawn_clusters():
    frame, model = _model(context="d")
    replicates = resample(model, 100, np.random.default_rng(3))
    assert len(replicates) == 101
    assert (replicates.weights[0] == 1).all()
    basis = model.mechanisms["S"].fit.space.main[0]
    slope = basis(np.array([1.0]))[0, 0] - basis(np.array([0.0]))[0, 0]
    for r in (0, 1, 57):
        drawn = pd.concat(
            [
                frame[frame.k == c]
                for c, w in enumerate(replicates.weights[r])
                for _ in range(int(w))
            ]
        )
        expected = smf.ols("s ~ n + C(d)", drawn).fit().params["n"]
        assert replicates.parameters["S"].coefs[r, 0] * slope == pytest.approx(expected, abs=1e-9)


def test_fewer_than_100_replicates_are_refused():
    with pytest.raises(ConfigurationError, match="too few"):
        resample(_model()[1], 99, np.random.default_rng(0))


@pytest.mark.parametrize("context", [(), "d", "nested"])
def test_noise_is_the_residual_of_rows_drawn_in_that_replicate(context):
    _, model = _model(context=context)
    replicates = resample(model, 100, np.random.default_rng(0))
    draws = make_sampler(model, 64, np.random.default_rng(1)).draw(model, replicates)
    codes = model.groups.contexts
    for r in (0, 5, 80):
        w = replicates.weights[r][model.groups.clusters]
        fit_c = model.mechanisms["C"].fit
        fitted = (
            fit_c.columns @ replicates.parameters["C"].coefs[r]
            + replicates.parameters["C"].effects[r][codes]
        )
        allowed = (fit_c.response - fitted)[w > 0]
        drawn = draws.noise["C"][r, 0]
        assert drawn.mean() == pytest.approx(0, abs=1e-12)
        # residuals of that replicate, all moved by the one number that makes their mean zero
        moved = [
            np.abs((drawn - drawn[0] + first)[:, None] - allowed).min(axis=1).max()
            for first in allowed
        ]
        assert min(moved) < 1e-10


@pytest.mark.parametrize("context", [(), "d", "nested"])
def test_roots_and_references_are_drawn_from_the_rows_of_that_replicate(context):
    # otherwise intervals leave out that the observed distribution of a cause is a sample
    _, model = _model(context=context)
    replicates = resample(model, 100, np.random.default_rng(0))
    draws = make_sampler(model, 64, np.random.default_rng(1)).draw(model, replicates)
    for rows in draws.partners.values():
        weights = np.take_along_axis(replicates.weights, model.groups.clusters[rows], axis=1)
        assert (weights > 0).all()


def test_with_as_many_draws_as_rows_the_fitted_model_uses_each_residual_once():
    _, model = _model()
    replicates = resample(model, 100, np.random.default_rng(0))
    draws = make_sampler(model, model.n, np.random.default_rng(1)).draw(model, replicates)
    fit_g = model.mechanisms["G"].fit
    X = np.column_stack([np.ones(model.n), fit_g.columns])
    residuals = fit_g.response - X @ np.linalg.lstsq(X, fit_g.response, rcond=None)[0]
    assert np.sort(draws.noise["G"][0, 0]) == pytest.approx(np.sort(residuals), abs=1e-10)
    for rows in draws.partners.values():
        assert sorted(rows[0].tolist()) == list(range(model.n))


def test_partners_are_runs_of_the_same_context():
    _, model = _model(context="d")
    replicates = resample(model, 100, np.random.default_rng(0))
    draws = make_sampler(model, 128, np.random.default_rng(1)).draw(model, replicates)
    for rows in draws.partners.values():
        assert (model.groups.contexts[rows] == draws.contexts).all()


def test_two_samplers_share_their_contexts_but_not_their_noise():
    _, model = _model(context="d")
    replicates = resample(model, 100, np.random.default_rng(0))
    first, second = (
        make_sampler(model, 128, np.random.default_rng(s)).draw(model, replicates) for s in (1, 2)
    )
    assert np.array_equal(first.contexts, second.contexts)
    assert abs(np.corrcoef(first.noise["C"][0, 0], second.noise["C"][0, 0])[0, 1]) < 0.5
