"""Partial pooling against statsmodels' mixed models."""

import numpy as np
import pytest
import statsmodels.api as sm

from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms import fit_additive, make_groups, make_term_space, variance_ratio
from causalhyper.mechanisms.pooling import LARGEST


def _data(sd):
    rng = np.random.default_rng(8)
    k = np.repeat(np.arange(20), 6)
    x = rng.normal(size=120)
    y = 1 + 2 * x + sd * rng.normal(size=20)[k] + rng.normal(size=120)
    return k, x, y


@pytest.mark.parametrize("clusters", ["contexts", "across"])
def test_slope_and_context_effects_are_those_of_the_mixed_model(clusters):
    k, x, y = _data(1.5)
    groups = make_groups(k if clusters == "contexts" else np.arange(120) % 6, k)
    space = make_term_space(((0,),), [x], 1, 1, ("x",))
    ratio = variance_ratio(space.columns([x]), y, k)
    fit = fit_additive(space, [x], y, groups, ratio)
    peer = sm.MixedLM(y, sm.add_constant(space.columns([x])), groups=k).fit(reml=True)
    assert ratio == pytest.approx(peer.scale / peer.cov_re[0, 0], rel=1e-3)
    assert fit.coefs[0] == pytest.approx(peer.fe_params[1], rel=1e-4)
    blups = np.array([float(np.asarray(v)[0]) for v in peer.random_effects.values()])
    expected = peer.fe_params[0] + blups
    assert fit.parameters.effects[0] == pytest.approx(expected, abs=2e-3)


def test_without_variance_between_contexts_they_share_one_intercept():
    rng = np.random.default_rng(1)
    k = np.repeat(np.arange(10), 4)
    x = rng.normal(size=40)
    y = x + np.tile([1.0, -1.0, 1.0, -1.0], 10)
    ratio = variance_ratio(x[:, None], y, k)
    assert ratio == pytest.approx(LARGEST)
    space = make_term_space(((0,),), [x], 1, 1, ("x",))
    fit = fit_additive(space, [x], y, make_groups(k, k), ratio)
    assert np.ptp(fit.parameters.effects[0]) < 1e-6
    ols = sm.OLS(y, sm.add_constant(space.columns([x]))).fit()
    assert fit.coefs[0] == pytest.approx(ols.params[1], abs=1e-6)


def test_a_single_context_has_nothing_to_pool():
    with pytest.raises(ConfigurationError, match="one context only"):
        variance_ratio(np.ones((4, 1)), np.ones(4), np.zeros(4, dtype=int))
