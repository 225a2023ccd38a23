"""Flows as mechanisms: means of least squares, noise of any shape, exact inverses."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import lognorm

from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms import fit_additive, fit_flow, make_basis, make_groups, make_term_space
from causalhyper.mechanisms.flows import maximising
from causalhyper.mechanisms.flows.stages import without_shape

TERMS = ((0,), (1,), (0, 1))


def _normal(rng, x):
    return rng.normal(size=len(x))


def _unequal(rng, x):
    return np.exp(0.5 * x) * rng.normal(size=len(x))


def _skewed(rng, x):
    return np.exp(0.3 * x) * (np.exp(0.6 * rng.normal(size=len(x))) - np.exp(0.18))


def _fit(noise, n=400, clusters=20, seed=0, context=None, shrinkage=None, **options):
    rng = np.random.default_rng(seed)
    inputs, k = list(rng.normal(size=(2, n))), np.arange(n) % clusters
    x, z = inputs
    codes = {None: 0 * k, "within": k, "across": np.arange(n) // 7 % 3}[context]
    y = 1 + 2 * x - z + 0.5 * x * z + 0.3 * codes + noise(rng, x)
    groups, space = make_groups(k, codes), make_term_space(TERMS, inputs, 1, 1, "xz")
    asked = {"slopes": 6, "folds": 5, "seed": 1, "shrinkage": shrinkage} | options
    spreads, bends = ([make_basis(v, df) for v in inputs] for df in (2, 1))
    return fit_flow(space, spreads, bends, inputs, y, groups, **asked), inputs, groups


def _received(inputs):
    return [[inputs[i][None, None, :] for i in term] for term in TERMS]


@pytest.mark.parametrize("context", [None, "within", "across"])
def test_normal_noise_of_equal_spread_gives_least_squares_and_its_unbiased_variance(context):
    fit, inputs, groups = _fit(_normal, seed=1, context=context)
    theirs = fit_additive(fit.space, inputs, fit.response, groups)
    dummies = np.eye(groups.context_count)[groups.contexts]
    X = np.column_stack([theirs.columns, dummies])
    beta, rss = np.linalg.lstsq(X, fit.response)[:2]
    assert fit.plain
    assert fit.coefs == pytest.approx(beta[:3], abs=1e-9)
    assert fit.parameters.effects[0] == pytest.approx(beta[3:], abs=1e-9)
    sigma = np.sqrt(rss[0] / (len(X) - X.shape[1]))
    assert np.exp(fit.parameters.level[0]) == pytest.approx(sigma, rel=1e-9)
    rng = np.random.default_rng(0)
    weights = rng.multinomial(20, np.ones(20) / 20, size=5).astype(float)
    mine, own = fit.refit(groups, weights), theirs.refit(groups, weights)
    assert mine.coefs == pytest.approx(own.coefs)
    assert mine.effects == pytest.approx(own.effects)


def test_a_spread_that_grows_with_a_cause_is_found():
    fit, _, _ = _fit(_unequal, n=2000)
    x = np.array([-1.5, 0.0, 1.5])[None, None]
    found = np.log(fit.model.deviation(fit.parameters, [x, 0 * x]))[0, 0]
    # three standard errors of a slope of the log sd of 2000 runs are 0.05
    assert found == pytest.approx([-0.75, 0.0, 0.75], abs=0.1)


def test_quantiles_of_skewed_noise_are_those_of_the_lognormal_distribution():
    fit, _, groups = _fit(_skewed, n=6000)
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    x, z = (np.full(5, v)[None, None] for v in (0.5, -0.5))
    noise = fit.noise(fit.parameters, groups, np.zeros((1, 5), dtype=int), levels)
    found = fit.respond(
        fit.parameters, [[x], [z], [x, z]], np.zeros((1, 5), dtype=int), noise, {}
    )[0, 0]
    mean = 1 + 2 * 0.5 + 0.5 - 0.5 * 0.25
    expected = mean + np.exp(0.15) * (lognorm(0.6).ppf(levels) - np.exp(0.18))
    assert found == pytest.approx(expected, abs=0.1)


def _both_stages(likelihood, start):
    """Coefficients by another search: normal quasi-likelihood, then the shape alone."""
    normal = without_shape(likelihood)
    sizes = list(likelihood.sizes())
    head, shape = sum(sizes[:3]), sizes[3] + sizes[4]
    begun = np.concatenate([start[:head], start[head + shape :]])
    first = minimize(lambda at: normal(at)[0], begun, method="BFGS", tol=1e-6).x

    def whole(logs):
        return np.concatenate([first[:head], logs, first[head:]])

    ends = [
        minimize(
            lambda logs: likelihood(whole(logs))[0],
            np.r_[np.linspace(-skew, skew, sizes[3]), np.zeros(sizes[4])],
            method="BFGS",
            tol=1e-6,
        )
        for skew in (0.0, 0.5)
    ]
    return whole(min(ends, key=lambda end: end.fun).x)


def test_the_fit_is_where_another_search_from_elsewhere_ends():
    fit, _, _ = _fit(_skewed, n=300)
    assert np.isfinite([fit.penalties.spread, fit.penalties.shape]).all()
    found = _both_stages(fit.likelihood, 0.1 + 0 * fit.at.flat())
    assert fit.at.flat() == pytest.approx(found, abs=2e-3)
    assert fit.likelihood(fit.at.flat())[0] == pytest.approx(fit.likelihood(found)[0], abs=1e-5)


def test_a_replicate_is_the_optimum_of_its_repeated_runs():
    fit, _, groups = _fit(_skewed, n=300)
    weight = np.random.default_rng(6).multinomial(20, np.ones(20) / 20).astype(float)
    found = fit.refit(groups, weight[None])
    rows = np.repeat(np.arange(300), weight[groups.clusters].astype(int))
    repeated = fit.likelihood.on(rows, np.ones(len(rows)))
    best = repeated.unpack(_both_stages(repeated, fit.at.flat()))
    se = fit.unit / np.sqrt(300)
    assert found.coefs[0] == pytest.approx(fit.unit * best.location, abs=0.05 * se)
    assert found.spread[0] == pytest.approx(best.spread, abs=0.05 / np.sqrt(300))
    assert found.shape[0] == pytest.approx(best.shape, abs=0.02)
    assert found.converged.all()


def test_the_mean_is_unmoved_by_a_tail_that_the_shape_cannot_follow():
    def heavy(rng, x):
        return np.exp(1.2 * rng.normal(size=len(x))) - np.exp(0.72)

    fit, inputs, groups = _fit(heavy, n=400)
    assert np.isfinite(fit.penalties.shape)
    assert not np.isfinite(fit.penalties.spread)
    line = fit_additive(fit.space, inputs, fit.response, groups)
    assert fit.coefs == pytest.approx(line.coefs, abs=1e-6)


@pytest.mark.parametrize("noise", [_normal, _unequal, _skewed])
@pytest.mark.parametrize("context", [None, "within", "across"])
def test_recovered_noise_gives_the_runs_back_in_every_replicate(noise, context):
    fit, inputs, groups = _fit(noise, n=240, context=context)
    weights = np.random.default_rng(7).multinomial(20, np.ones(20) / 20, size=4).astype(float)
    learnt = fit.refit(groups, weights)
    contexts = np.tile(groups.contexts, (4, 1))
    received, y = _received(inputs), fit.response[None, None]
    u = fit.recover(learnt, received, contexts, y)
    back = fit.respond(learnt, received, contexts, u, {})
    assert u.shape == back.shape == (4, 1, 240)
    assert np.abs(back - y).max() < 1e-10 * np.abs(y).max()
    again = fit.recover(learnt, received, contexts, back)
    assert np.abs(again - u).max() < 1e-10


def test_recovered_noise_is_standard_normal():
    fit, inputs, groups = _fit(_skewed, n=3000)
    u = fit.recover(fit.parameters, _received(inputs), groups.contexts[None], fit.response)
    u = np.sort(u[0, 0])
    grid = (np.arange(3000) + 0.5) / 3000
    from scipy.stats import norm

    # Kolmogorov's 99% bound
    assert np.abs(norm.cdf(u) - grid).max() < 1.63 / np.sqrt(3000)


def test_the_density_is_the_slope_of_the_distribution_function():
    fit, _, _ = _fit(_skewed, n=500)
    assert np.isfinite(fit.penalties.shape)
    y = fit.fitted[0] + np.linspace(-1.0, 3.0, 41)
    where = [np.full(41, v)[None, None] for v in (0.4, -0.2)]
    received, codes = [[where[i] for i in t] for t in TERMS], np.zeros((1, 41), dtype=int)
    from scipy.stats import norm

    def below(at):
        return norm.cdf(fit.recover(fit.parameters, received, codes, at[None, None])[0, 0])

    slope = (below(y + 1e-5) - below(y - 1e-5)) / 2e-5
    density = np.exp(fit.log_density(fit.parameters, received, codes, y[None, None])[0, 0])
    assert density == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_means_of_draws_are_the_conditional_mean():
    fit, inputs, groups = _fit(_skewed, n=300)
    levels = (np.arange(20_000) + 0.5) / 20_000
    rows = np.zeros((1, 20_000), dtype=int)
    noise = fit.noise(fit.parameters, groups, rows, levels)
    received = [[np.full((1, 1, 1), inputs[i][3]) for i in term] for term in TERMS]
    drawn = fit.respond(fit.parameters, received, rows, noise, {})
    assert drawn.mean() == pytest.approx(fit.fitted[3], abs=2e-4)


@pytest.mark.parametrize("seed", range(3))
def test_few_runs_and_causes_far_away_give_bounded_spread(seed):
    fit, inputs, groups = _fit(_skewed, n=120, seed=seed)
    weights = np.random.default_rng(8).multinomial(20, np.ones(20) / 20, size=40).astype(float)
    learnt = fit.refit(groups, weights)
    assert learnt.converged.all()
    inside = fit.model.deviation(learnt, [v[None, None] for v in inputs])
    ends = [np.array([-1e6, v.min(), v.max(), 1e6])[None, None] for v in inputs]
    beyond = fit.model.deviation(learnt, ends)
    beyond = np.broadcast_to(beyond, (40, 1, 4))
    assert beyond[..., 0] == pytest.approx(beyond[..., 1])
    assert beyond[..., 3] == pytest.approx(beyond[..., 2])
    assert inside.max() < 50 * fit.response.std()


def test_pooled_contexts_lie_between_fixed_ones_and_their_mean():
    fixed, _, groups = _fit(_skewed, context="across")
    pooled, _, _ = _fit(_skewed, context="across", shrinkage=200.0)
    spread = [np.ptp(f.parameters.effects[0]) for f in (fixed, pooled)]
    assert 0.05 * spread[0] < spread[1] < 0.9 * spread[0]
    assert groups.context_count == 3


def test_intercepts_of_contexts_within_clusters_leave_residuals_of_mean_zero():
    fit, _, groups = _fit(_skewed, context="within")
    left = np.bincount(groups.contexts, fit.response - fit.fitted)
    assert left == pytest.approx(np.zeros(20), abs=1e-9)


def test_equal_calls_give_equal_bytes():
    a, b = (_fit(_skewed, n=240)[0] for _ in range(2))
    assert a.at.flat().tobytes() == b.at.flat().tobytes()
    assert a.penalties == b.penalties


def test_a_head_without_noise_is_refused():
    with pytest.raises(ConfigurationError, match="a flow needs noise"):
        _fit(lambda rng, x: 0 * x)


def test_searches_that_do_not_converge_are_counted_in_a_warning(monkeypatch):
    fit, _, groups = _fit(_skewed, n=240)
    weights = np.random.default_rng(9).multinomial(20, np.ones(20) / 20, size=6).astype(float)
    monkeypatch.setattr(maximising, "ROUNDS", 1)
    monkeypatch.setattr(maximising, "RESTARTS", 0)
    with pytest.warns(RuntimeWarning, match="in 6 of 6 refits"):
        learnt = fit.refit(groups, weights)
    assert not learnt.converged.any()
