"""Tables against pandas, and their draws against their probabilities."""

import numpy as np
import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms import fit_table, make_groups


def _data(n=400):
    rng = np.random.default_rng(2)
    a, b = rng.choice([0.0, 2.0], size=n), rng.choice([1.0, 3.0, 9.0], size=n)
    y = rng.choice([-1.0, 0.0, 4.0], size=n, p=[0.2, 0.5, 0.3]) + (a > 0) * (b > 2)
    k = np.arange(n) % 8
    return a, b, y, make_groups(k, np.zeros(n, dtype=int))


def _fit(prior=0.0):
    a, b, y, groups = _data()
    return fit_table([a, b], y, groups, prior=prior, names=("a", "b", "y")), (a, b, y, groups)


def test_probabilities_are_the_shares_of_runs():
    fit, (a, b, y, _) = _fit()
    shares = pd.crosstab([a, b], y, normalize="index").to_numpy()
    assert fit.parameters.probabilities[0] == pytest.approx(shares)


def test_a_replicate_counts_runs_as_often_as_their_cluster():
    fit, (a, b, y, groups) = _fit()
    weights = np.array([[0, 2, 1, 1, 0, 3, 1, 0.0]])
    rows = np.repeat(np.arange(400), weights[0][groups.clusters].astype(int))
    shares = pd.crosstab([a[rows], b[rows]], y[rows]).reindex(columns=fit.states, fill_value=0)
    expected = shares.to_numpy() / shares.to_numpy().sum(axis=1, keepdims=True)
    assert fit.refit(groups, weights).probabilities[0] == pytest.approx(expected)


def test_a_prior_adds_so_many_runs_spread_as_the_head_is():
    fit, (a, b, y, _) = _fit(prior=2.0)
    counts = pd.crosstab([a, b], y).to_numpy()
    overall = counts.sum(axis=0) / counts.sum()
    expected = (counts + 2 * overall) / (counts.sum(axis=1, keepdims=True) + 2)
    assert fit.parameters.probabilities[0] == pytest.approx(expected)


def test_draws_occur_as_often_as_the_table_says():
    fit, _ = _fit()
    u = (np.arange(10_000) + 0.5) / 10_000
    inputs = [[np.full((1, 1, 1), 2.0), np.array([1.0, 9.0])[None, :, None]]]
    contexts = np.zeros((1, 10_000), dtype=int)
    drawn = fit.respond(fit.parameters, inputs, contexts, u[None, None, :], {})
    for d, cell in enumerate((3, 5)):
        shares = [(drawn[0, d] == s).mean() for s in fit.states]
        assert shares == pytest.approx(fit.parameters.probabilities[0, cell], abs=2e-4)
    mean = fit.mean(fit.parameters, inputs, contexts, {})
    assert drawn.mean(axis=2)[0] == pytest.approx(mean[0, :, 0], abs=2e-3)


def test_an_empty_cell_needs_a_prior():
    a, b = np.array([0.0, 0, 1, 1]), np.array([0.0, 1, 0, 0])
    groups = make_groups(np.arange(4) % 2, np.zeros(4, dtype=int))
    with pytest.raises(ConfigurationError, match=r"no run has a = 1, b = 1.*\(1 such"):
        fit_table([a, b], a, groups, prior=0.0, names=("a", "b", "y"))
    fit = fit_table([a, b], a, groups, prior=1.0, names=("a", "b", "y"))
    assert fit.parameters.probabilities[0, 3] == pytest.approx([0.5, 0.5])


def test_a_continuous_node_and_contexts_are_refused():
    rng = np.random.default_rng(0)
    x, k = rng.normal(size=100), np.arange(100) % 5
    with pytest.raises(ConfigurationError, match="100 different values"):
        fit_table([x], x > 0, make_groups(k, 0 * k), prior=0.0, names=("x", "y"))
    with pytest.raises(ConfigurationError, match="no intercept for contexts"):
        fit_table([k * 1.0], x > 0, make_groups(k, k % 2), prior=0.0, names=("k", "y"))
