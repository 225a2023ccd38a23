"""Claims about regressions from running sums: other programs, brute force and stacks."""

import numpy as np
import pytest
import statsmodels.api as sm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria.partial_fit import partial_fit
from causalhyper.granger.criteria.series_sums import SeriesSums, add_steps, begin_sums

NAMES = ("one", "y", "a", "b")


def sample(steps=40, features=2, width=5, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.exponential(size=(steps, features, width)) + 0.5
    series = np.column_stack([np.ones(steps), rng.normal(size=(steps, 3))])
    series[:, 2] += x[:, 0].sum(axis=1)
    series[:, 1] += x[:, 0, 1] - series[:, 2]
    return x, series


def summed(x, series, names=NAMES):
    sums = begin_sums(names, x)
    add_steps(sums, x, series)
    return sums


def test_sums_are_those_of_their_definition_however_steps_come():
    x, series = sample()
    whole, parts = summed(x, series), begin_sums(NAMES, x)
    for start, stop in ((0, 1), (1, 17), (17, 40)):
        add_steps(parts, x[start:stop], series[start:stop])
    for t in (whole, parts):
        np.testing.assert_allclose(t.products, np.einsum("ti,tj->ij", series, series))
        np.testing.assert_allclose(t.crossed, np.einsum("ti,tfk->ifk", series, x))
        np.testing.assert_allclose(t.squares, np.einsum("tfk,tgk->fgk", x, x))


@pytest.mark.parametrize("features", [1, 2, 3])
def test_coefficients_errors_and_f_are_those_of_statsmodels(features):
    x, series = sample(features=features)
    fit = partial_fit(summed(x, series), "y", ("one", "a", "b"))
    controls = series[:, [0, 2, 3]]
    alone = sm.OLS(series[:, 1], controls).fit()
    np.testing.assert_allclose(fit.controls, alone.params, rtol=1e-9)
    np.testing.assert_allclose(fit.left, alone.ssr, rtol=1e-9)
    for k in range(x.shape[2]):
        whole = sm.OLS(series[:, 1], np.column_stack([controls, x[:, :, k]])).fit()
        np.testing.assert_allclose(fit.coefficients[:, k], whole.params[3:], rtol=1e-8)
        np.testing.assert_allclose(fit.f_statistics[k], whole.compare_f_test(alone)[0], rtol=1e-7)
        np.testing.assert_allclose(fit.share[k], 1 - whole.ssr / alone.ssr, rtol=1e-7)
        assert fit.degrees == whole.df_resid
        if features == 1:
            np.testing.assert_allclose(fit.errors[k], whole.bse[3], rtol=1e-8)


@given(seed=st.integers(0, 10**6), scale=st.sampled_from([1e-18, 1e-6, 1.0, 1e6]))
@settings(max_examples=20, deadline=None)
def test_the_unit_of_the_movements_changes_only_the_unit_of_the_slopes(seed, scale):
    x, series = sample(seed=seed)
    plain = partial_fit(summed(x, series), "y", ("one", "a"))
    other = partial_fit(summed(scale * x, series), "y", ("one", "a"))
    np.testing.assert_allclose(other.coefficients * scale, plain.coefficients, rtol=1e-6)
    np.testing.assert_allclose(other.f_statistics, plain.f_statistics, rtol=1e-6)


def test_networks_side_by_side_have_the_fits_of_each_alone_in_numpy_and_torch():
    alone = [sample(seed=seed) for seed in range(6)]
    whole = [np.stack(parts) for parts in zip(*alone, strict=True)]
    x, series = (parts.reshape(2, 3, *parts.shape[1:]) for parts in whole)
    found = partial_fit(summed(x, series), "y", ("one", "a"))
    tensors = partial_fit(summed(torch.tensor(x), torch.tensor(series)), "y", ("one", "a"))
    assert isinstance(tensors.coefficients, torch.Tensor)
    for at, one in enumerate(alone):
        wanted = partial_fit(summed(*one), "y", ("one", "a"))
        place = divmod(at, 3)
        for field in ("coefficients", "explained", "left", "controls", "f_statistics"):
            value = getattr(wanted, field)
            np.testing.assert_allclose(getattr(found, field)[place], value, rtol=1e-8)
            np.testing.assert_allclose(getattr(tensors, field)[place].numpy(), value, rtol=1e-8)


def test_features_can_be_chosen_and_sums_stay_as_they_are():
    x, series = sample()
    sums = summed(x, series)
    before = [a.copy() for a in (sums.products, sums.crossed, sums.squares)]
    first = partial_fit(sums, "y", ("one", "a"), features=(0,))
    alone = partial_fit(summed(x[:, :1], series), "y", ("one", "a"))
    np.testing.assert_allclose(first.coefficients, alone.coefficients)
    for a, b in zip(before, (sums.products, sums.crossed, sums.squares), strict=True):
        assert (a == b).all()
    with pytest.raises(ConfigurationError, match="errors are of one feature"):
        partial_fit(sums, "y").errors  # noqa: B018


def test_what_controls_or_other_features_explain_has_no_slope():
    x, series = sample()
    x[:, 0, 2] = 3.0
    x[:, 0, 3] = 2 + series[:, 3]
    x[:, 0, 4] = 0.0
    x[:, 1, 1] = 2 * x[:, 0, 1]
    fit = partial_fit(summed(x, series), "y", ("one", "b"))
    assert not fit.coefficients[0, 2:].any()
    assert fit.coefficients[1, 2:].all()
    own = partial_fit(summed(x[:, :1], series), "y", ("one", "b"))
    np.testing.assert_allclose(fit.coefficients[:, 1], [own.coefficients[0, 1], 0])
    assert np.isfinite(fit.f_statistics).all()


def test_a_response_that_controls_explain_leaves_nothing():
    x, series = sample(features=1)
    series[:, 1] = 4 * series[:, 2] - 1
    fit = partial_fit(summed(x, series), "y", ("one", "a"))
    np.testing.assert_allclose(fit.controls, [-1, 4])
    assert (np.abs(fit.coefficients) < 1e-9).all()


def test_sums_say_what_they_lack():
    x, series = sample()
    sums = summed(x, series)
    with pytest.raises(ConfigurationError, match=r"'z' was not summed; there are one, y, a, b"):
        partial_fit(sums, "z")
    with pytest.raises(ConfigurationError, match="'y' is the response and a control"):
        partial_fit(sums, "y", ("one", "y"))
    with pytest.raises(ConfigurationError, match="need more than 4 steps"):
        partial_fit(summed(x[:4], series[:4]), "y", ("one", "a"))
    with pytest.raises(ConfigurationError, match=r"need series of shape \(40, 4\)"):
        add_steps(sums, x, series[:, :2])
    with pytest.raises(ConfigurationError, match="names of their own"):
        begin_sums(("y", "y"), x)
    assert isinstance(sums, SeriesSums)
