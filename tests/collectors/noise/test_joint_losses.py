"""Gradient moments against a loop, a closed form and brute-force enumeration of minibatches."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch

from causalhyper.errors import ConfigurationError
from collectors.noise.finite_population import minibatch_noise
from collectors.noise.joint_losses import gradient_moments


def small_net(n=13, seed=0):
    """A network of two layers in float64, and the per-example losses on random data."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    x, y = draw(n, 4), torch.randint(3, (n,), generator=generator)
    parameters = [draw(4, 5).requires_grad_(), draw(5).requires_grad_(), draw(5, 3)]
    parameters[2].requires_grad_()

    def losses():
        first, bias, second = parameters
        logits = torch.tanh(x @ first + bias) @ second
        return torch.nn.functional.cross_entropy(logits, y, reduction="none")

    return losses, parameters


def gradients_one_by_one(losses, parameters):
    rows = []
    for i in range(len(losses())):
        grads = torch.autograd.grad(losses()[i], parameters)
        rows.append(np.concatenate([g.numpy().ravel() for g in grads]))
    return np.array(rows)


@pytest.mark.parametrize("chunk", [1, 5, 13, 128])
def test_the_moments_equal_a_loop_over_examples_whatever_the_chunk(chunk):
    losses, parameters = small_net()
    g = gradients_one_by_one(losses, parameters)
    moments = gradient_moments(losses(), parameters, chunk=chunk)
    assert moments.examples == 13
    assert moments.mean_norm_squared == pytest.approx((g.mean(0) ** 2).sum(), rel=1e-12)
    assert moments.covariance_trace == pytest.approx(np.trace(np.cov(g.T)), rel=1e-12)


def test_the_moments_of_linear_regression_equal_their_closed_form():
    # loss 0.5 (x w - y)^2 has the gradient x (x w - y)
    rng = np.random.default_rng(1)
    x, y, w = rng.normal(size=(20, 3)), rng.normal(size=20), rng.normal(size=3)
    g = x * (x @ w - y)[:, None]
    weight = torch.tensor(w, requires_grad=True)
    moments = gradient_moments(0.5 * (torch.tensor(x) @ weight - torch.tensor(y)) ** 2, [weight])
    assert moments.mean_norm_squared == pytest.approx((g.mean(0) ** 2).sum(), rel=1e-12)
    assert moments.covariance_trace == pytest.approx(g.var(0, ddof=1).sum(), rel=1e-12)


def test_the_covariance_trace_is_unbiased_for_the_population_of_examples():
    # the mean over independent samples of 4 is within 4 standard errors of the population trace;
    # the divisor n would be a quarter too low, some 25 standard errors
    rng = np.random.default_rng(2)
    variances = np.array([1.0, 4.0, 0.25])
    weight = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    traces = []
    for _ in range(3000):
        sample = torch.tensor(rng.normal(size=(4, 3)) * np.sqrt(variances))
        traces.append(gradient_moments(sample @ weight, [weight]).covariance_trace)
    error = np.std(traces, ddof=1) / math.sqrt(len(traces))
    assert abs(np.mean(traces) - variances.sum()) < 4 * error
    assert abs(0.75 * np.mean(traces) - variances.sum()) > 10 * error


def test_the_mean_trace_over_all_subsets_is_the_trace_of_the_whole():
    losses, parameters = small_net(7)
    whole = np.trace(np.cov(gradients_one_by_one(losses, parameters).T))
    subsets = [list(c) for c in combinations(range(7), 3)]
    traces = [gradient_moments(losses()[s], parameters).covariance_trace for s in subsets]
    assert np.mean(traces) == pytest.approx(whole, rel=1e-10)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 8])
def test_minibatch_noise_is_the_mean_over_all_minibatches_of_the_squared_deviation(batch_size):
    losses, parameters = small_net(8)
    g = gradients_one_by_one(losses, parameters)
    deviations = [
        ((g[list(batch)].mean(0) - g.mean(0)) ** 2).sum()
        for batch in combinations(range(8), batch_size)
    ]
    trace = np.trace(np.cov(g.T))
    assert minibatch_noise(trace, batch_size, 8) == pytest.approx(np.mean(deviations), abs=1e-12)


def test_equal_gradients_have_no_noise():
    weight = torch.ones(3, requires_grad=True)
    moments = gradient_moments(torch.stack([weight.sum()] * 5), [weight])
    assert (moments.mean_norm_squared, moments.covariance_trace) == (3.0, 0.0)


def test_a_parameter_that_the_losses_ignore_adds_nothing():
    losses, parameters = small_net()
    idle = torch.ones(4, dtype=torch.float64, requires_grad=True)
    assert gradient_moments(losses(), [idle, *parameters]) == gradient_moments(
        losses(), parameters
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_the_moments_of_losses_that_are_not_finite_are_unknown_and_not_zero(bad):
    weight = torch.ones(2, requires_grad=True)
    losses = weight.sum() * torch.tensor([1.0, bad, 2.0])
    moments = gradient_moments(losses, [weight])
    assert math.isnan(moments.mean_norm_squared)
    assert math.isnan(moments.covariance_trace)
    assert math.isnan(minibatch_noise(moments.covariance_trace, 2, 3))


def test_the_moments_of_finite_losses_with_infinite_gradients_are_unknown():
    weight = torch.zeros(1, requires_grad=True)
    moments = gradient_moments(torch.sqrt(weight.expand(3)), [weight])
    assert math.isnan(moments.mean_norm_squared)
    assert math.isnan(moments.covariance_trace)


def test_calls_that_cannot_be_answered_are_refused():
    weight = torch.ones(2, requires_grad=True)
    with pytest.raises(ConfigurationError, match="reduction='none'"):
        gradient_moments(weight.sum(), [weight])
    with pytest.raises(ConfigurationError, match="at least 2"):
        gradient_moments(weight[:1] * 2, [weight])
    with pytest.raises(ConfigurationError, match="no parameters"):
        gradient_moments(weight * 2, [])
    with pytest.raises(ConfigurationError, match="chunk must be at least 1"):
        gradient_moments(weight * 2, [weight], chunk=0)
    for batch_size in (0, 9):
        with pytest.raises(ConfigurationError, match=f"from 1 to 8.*got {batch_size}"):
            minibatch_noise(1.0, batch_size, 8)
