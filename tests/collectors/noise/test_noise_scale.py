"""The noise scale against numpy, its errors against a jackknife by hand and simulation."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.noise.noise_scale import noise_scale
from collectors.noise.projection import project

from .networks import cross_entropy, gradients_one_by_one, make


def estimates(g):
    trace = g.var(0, ddof=1).sum()
    squared = (g.mean(0) ** 2).sum() - trace / len(g)
    return np.array([trace, squared])


def rows_of(model, x, y):
    return np.concatenate(list(gradients_one_by_one(model, cross_entropy, x, y).values()), axis=1)


@pytest.mark.parametrize("name", ["mlp", "residual", "tied tokens", "attention"])
def test_estimates_and_errors_equal_a_jackknife_by_hand(name):
    model, x, y = make(name, n=9)
    g = rows_of(model, x, y)
    found = noise_scale(model, cross_entropy, [(x[:5], y[:5]), (x[5:], y[5:])])
    left = np.array([estimates(np.delete(g, i, 0)) for i in range(9)])
    errors = np.sqrt(8 / 9 * ((left - left.mean(0)) ** 2).sum(0))
    assert (found.covariance_trace, found.gradient_squared) == pytest.approx(tuple(estimates(g)))
    assert (found.covariance_trace_error, found.gradient_squared_error) == pytest.approx(
        tuple(errors)
    )


def test_the_squared_gradient_is_the_mean_over_pairs_of_inner_products():
    model, x, y = make("mlp", n=7)
    g = rows_of(model, x, y)
    pairs = [g[i] @ g[j] for i in range(7) for j in range(7) if i != j]
    found = noise_scale(model, cross_entropy, [(x, y)])
    assert found.gradient_squared == pytest.approx(np.mean(pairs))


def linear(outputs, targets):
    return outputs[:, 0]


def scale_of(g):
    """The noise scale of given gradients: those of a linear loss are its inputs."""
    model = nn.Linear(g.shape[1], 1, bias=False, dtype=torch.float64)
    return noise_scale(model, linear, [(torch.tensor(g), None)])


@pytest.mark.slow
def test_the_standard_errors_match_the_spread_over_samples():
    rng = np.random.default_rng(0)
    spread = np.array([1.0, 2.0, 0.5])
    found = [scale_of(rng.normal(1.0, spread, size=(150, 3))) for _ in range(300)]
    for name in ("covariance_trace", "gradient_squared", "noise_scale"):
        values = [getattr(f, name) for f in found]
        errors = [getattr(f, name + "_error") for f in found]
        assert np.mean(errors) == pytest.approx(np.std(values, ddof=1), rel=0.15)
    traces = [f.covariance_trace for f in found]
    squares = [f.gradient_squared for f in found]
    assert abs(np.mean(traces) - 5.25) < 4 * np.std(traces) / math.sqrt(300)
    assert abs(np.mean(squares) - 3.0) < 4 * np.std(squares) / math.sqrt(300)


def test_a_gradient_below_the_noise_has_no_scale():
    g = np.array([[1.0], [-1.0], [2.0], [-2.0]])
    found = scale_of(g)
    assert found.gradient_squared < 0
    assert math.isnan(found.noise_scale)
    assert "does not rise above the noise" in found.summary()


@pytest.mark.parametrize("name", ["mlp", "residual", "tied tokens"])
def test_projections_equal_inner_products_with_the_gradients_either_way(name):
    model, x, y = make(name)
    rows = gradients_one_by_one(model, cross_entropy, x, y)
    torch.manual_seed(3)
    direction = {k: torch.randn_like(p) for k, p in model.named_parameters()}
    expected = sum(rows[k] @ direction[k].numpy().ravel() for k in rows)
    for forward in (True, False) if name != "tied tokens" else (False,):
        found = project(model, cross_entropy, x, y, direction, forward=forward)
        assert found.numpy() == pytest.approx(expected)


def test_data_that_change_between_the_passes_are_refused():
    model, x, y = make("mlp", n=8)

    class Shuffled:
        turn = 0

        def __iter__(self):
            self.turn += 1
            yield x[: 9 - self.turn] * self.turn, y[: 9 - self.turn]

    for data in (Shuffled(), iter([(x, y)])):
        with pytest.raises(ConfigurationError, match="iterates alike twice"):
            noise_scale(model, cross_entropy, data)


def test_active_dropout_and_too_few_examples_are_refused():
    model, x, y = make("mlp")
    with pytest.raises(ConfigurationError, match="different masks"):
        noise_scale(nn.Sequential(nn.Dropout(), model), cross_entropy, [(x, y)], mode="train")
    with pytest.raises(ConfigurationError, match="at least 3 examples; got 2"):
        noise_scale(model, cross_entropy, [(x[:2], y[:2])])
