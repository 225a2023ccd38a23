"""Regressors of scikit-learn as mechanisms."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms import fit_additive, fit_regressor, make_groups, make_term_space


def _data(contexts=False, spread=False):
    rng = np.random.default_rng(4)
    k = np.repeat(np.arange(12), 20)
    codes = k % 3 if contexts else 0 * k
    x, z = rng.normal(size=(2, 240))
    noise = rng.normal(size=240) * (np.exp(0.8 * x) if spread else 1.0)
    y = 2 * x - z + 3 * codes + noise
    return x, z, y, make_groups(k, codes)


@pytest.mark.parametrize("contexts", [False, True])
def test_linear_regression_gives_the_additive_mechanism(contexts):
    x, z, y, groups = _data(contexts)
    mine = fit_regressor(LinearRegression(), [x, z], y, groups, bins=1)
    space = make_term_space(((0,), (1,)), [x, z], 1, 1, ("x", "z"))
    theirs = fit_additive(space, [x, z], y, groups)
    assert mine.fitted == pytest.approx(theirs.fitted, abs=5e-3)
    weights = np.array([[1, 2, 0, 1, 1, 1, 3, 1, 0, 1, 1, 0.0]])
    inputs = [x[None, None, :], z[None, None, :]]
    codes = groups.contexts[None]
    a = mine.mean(mine.refit(groups, weights), [inputs], codes, {})
    b = theirs.mean(theirs.refit(groups, weights), [[v] for v in inputs], codes, {})
    assert a == pytest.approx(b, abs=1e-2 if contexts else 1e-9)


def test_responding_to_the_data_with_its_own_noise_gives_the_data_back():
    x, z, y, groups = _data(contexts=True, spread=True)
    fit = fit_regressor(RandomForestRegressor(20), [x, z], y, groups, bins=4)
    location = fit.fitted
    spread = fit.parameters.spreads[0][np.searchsorted(fit.edges, location)]
    noise = ((y - location) / spread)[None, None, :]
    inputs = [[x[None, None, :], z[None, None, :]]]
    back = fit.respond(fit.parameters, inputs, groups.contexts[None], noise, {})
    assert back[0, 0] == pytest.approx(y, abs=1e-9)


def test_noise_in_bins_follows_a_spread_that_depends_on_the_fitted_value():
    x, z, y, groups = _data(spread=True)
    model = make_pipeline(PolynomialFeatures(1), LinearRegression())
    spreads = fit_regressor(model, [x, z], y, groups, bins=4).parameters.spreads[0]
    assert spreads[-1] > 2 * spreads[0]


def test_a_forest_that_learns_its_data_by_heart_still_has_noise_of_the_right_size():
    x, z, y, groups = _data()
    fit = fit_regressor(RandomForestRegressor(50), [x, z], y, groups, bins=1)
    rows = np.arange(240)[None]
    drawn = fit.noise(fit.parameters, groups, rows, (np.arange(240) + 0.5) / 240)
    assert fit.inflation > 1.5
    # true noise has sd 1; what the forest misses of the lines comes on top
    assert 0.9 < drawn.std() * fit.parameters.spreads[0, 0] < 1.5


def test_equal_calls_give_equal_bytes_and_leave_the_template_alone():
    x, z, y, groups = _data()
    template = RandomForestRegressor(5)
    fits = [fit_regressor(template, [x, z], y, groups, bins=1) for _ in range(2)]
    assert fits[0].fitted.tobytes() == fits[1].fitted.tobytes()
    assert template.random_state is None
    assert not hasattr(template, "estimators_")


def test_what_is_no_regressor_is_refused():
    x, z, y, groups = _data()
    with pytest.raises(ConfigurationError, match="no regressor"):
        fit_regressor(object(), [x, z], y, groups, bins=1)
