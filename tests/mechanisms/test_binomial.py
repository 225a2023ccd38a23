"""Binomial fits against statsmodels, and quantiles against scipy."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from causalhyper.mechanisms import fit_binomial, make_groups, make_term_space
from causalhyper.mechanisms.binomial import quantile


def _data(context=False):
    rng = np.random.default_rng(5)
    k = np.repeat(np.arange(10), 6)
    codes = k % 2 if context else 0 * k
    x, z = rng.normal(size=(2, 60))
    trials = rng.integers(50, 200, size=60).astype(float)
    p = 1 / (1 + np.exp(-(0.4 + x - 0.5 * z + 0.3 * x * z + 0.6 * codes)))
    y = rng.binomial(trials.astype(int), p) / trials
    groups = make_groups(k, codes)
    space = make_term_space(((0,), (1,), (0, 1)), [x, z], 1, 1, ("x", "z"))
    return fit_binomial(space, [x, z], y, trials, groups), groups, (x, z, y, trials, k, codes)


def _peer(fit, data, rows):
    _, _, y, trials, _, codes = data
    dummies = np.eye(codes.max() + 1)[codes]
    exog = np.column_stack([fit.columns, dummies])[rows]
    counts = np.column_stack([y * trials, (1 - y) * trials])[rows]
    return sm.GLM(counts, exog, family=sm.families.Binomial()).fit(tol=1e-14)


@pytest.mark.parametrize("context", [False, True])
def test_the_fit_is_that_of_statsmodels(context):
    fit, _, data = _data(context)
    peer = _peer(fit, data, np.arange(60))
    found = np.concatenate([fit.parameters.coefs[0], fit.parameters.effects[0]])
    assert fit.converged
    assert found == pytest.approx(peer.params, abs=1e-8)
    assert fit.fitted == pytest.approx(peer.fittedvalues, abs=1e-9)


def test_a_replicate_is_the_fit_to_rows_that_are_really_repeated():
    fit, groups, data = _data(context=True)
    weights = np.array([[2, 0, 1, 1, 1, 1, 0, 3, 1, 0]], dtype=float)
    rows = np.repeat(np.arange(60), weights[0][data[4]].astype(int))
    found = fit.refit(groups, weights)
    peer = _peer(fit, data, rows)
    both = np.concatenate([found.coefs[0], found.effects[0]])
    assert both == pytest.approx(peer.params, abs=1e-7)


@pytest.mark.parametrize("trials", [1, 7, 100, 2000])
def test_quantiles_are_those_of_the_binomial_distribution(trials):
    rng = np.random.default_rng(trials)
    u = np.concatenate([rng.random(400), [1e-9, 0.5, 1 - 1e-9]])
    p = np.concatenate([rng.random(400), [0.01, 0.5, 0.999]])
    assert np.array_equal(quantile(u, float(trials), p), stats.binom.ppf(u, trials, p))


def test_draws_have_the_mean_and_variance_of_the_binomial_distribution():
    fit, _, data = _data()
    trials = data[3]
    u = (np.arange(4000) + 0.5) / 4000
    inputs = [[np.full((1, 1, 1), 0.5)] * len(term) for term in fit.terms]
    contexts = np.zeros((1, 4000), dtype=int)
    drawn = fit.respond(fit.parameters, inputs, contexts, u[None, None, :], {})
    p = float(fit.mean(fit.parameters, inputs, contexts[:, :1], {})[0, 0, 0])
    n = np.median(trials)
    assert drawn.mean() == pytest.approx(p, abs=1e-3)
    assert drawn.var() == pytest.approx(p * (1 - p) / n, rel=0.01)


def test_separated_proportions_do_not_converge_and_say_so():
    x = np.repeat([0.0, 1.0], 10)
    groups = make_groups(np.arange(20) % 5, np.zeros(20, dtype=int))
    space = make_term_space(((0,),), [x], 1, 1, ("x",))
    assert not fit_binomial(space, [x], x.copy(), np.full(20, 30.0), groups).converged
