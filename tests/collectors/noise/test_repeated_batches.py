"""Noise of whole batches' gradients against numpy and enumeration, with batch normalisation."""

from itertools import combinations

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.noise.finite_population import minibatch_noise
from collectors.noise.per_example import per_example_noise
from collectors.noise.repeated_batches import batch_gradient_noise

from .networks import cross_entropy, make


def batch_gradients(model, data):
    rows = []
    for x, y in data:
        loss = cross_entropy(model(x), y).mean()
        found = torch.autograd.grad(loss, list(model.parameters()))
        rows.append(np.concatenate([g.numpy().ravel() for g in found]))
    return np.array(rows)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_moments_and_errors_equal_numpy_in_either_mode(mode):
    model, x, y = make("residual", n=24)
    data = [(x[i : i + 4], y[i : i + 4]) for i in range(0, 24, 4)]
    found = batch_gradient_noise(model, cross_entropy, data, mode=mode)
    model.train(mode == "train")
    g = batch_gradients(model, data)

    def estimates(g):
        trace = g.var(0, ddof=1).sum()
        return np.array([trace, (g.mean(0) ** 2).sum() - trace / len(g)])

    left = np.array([estimates(np.delete(g, i, 0)) for i in range(6)])
    errors = np.sqrt(5 / 6 * ((left - left.mean(0)) ** 2).sum(0))
    assert (found.covariance_trace, found.gradient_squared) == pytest.approx(tuple(estimates(g)))
    assert (found.covariance_trace_error, found.gradient_squared_error) == pytest.approx(
        tuple(errors)
    )
    assert (found.batch_size, found.batches, found.mode) == (4, 6, mode)


def test_the_mode_changes_the_noise_of_batch_normalisation_and_leaves_the_running_means():
    model, x, y = make("residual", n=24)
    buffers = [b.clone() for b in model.buffers()]
    data = [(x[i : i + 4], y[i : i + 4]) for i in range(0, 24, 4)]
    train = batch_gradient_noise(model, cross_entropy, data, mode="train").covariance_trace
    still = batch_gradient_noise(model, cross_entropy, data, mode="eval").covariance_trace
    assert abs(train / still - 1) > 0.05
    assert all(torch.equal(a, b) for a, b in zip(buffers, model.buffers(), strict=True))


def test_where_examples_do_not_interact_all_batches_give_the_finite_population_formula():
    model, x, y = make("mlp", n=6)
    trace = per_example_noise(model, cross_entropy, [(x, y)]).covariance_trace
    picks = [list(c) for c in combinations(range(6), 2)]
    found = batch_gradient_noise(model, cross_entropy, [(x[p], y[p]) for p in picks], mode="eval")
    # the covariance over all batches has the divisor K, the estimate K - 1
    whole = found.covariance_trace * (len(picks) - 1) / len(picks)
    assert whole == pytest.approx(minibatch_noise(trace, 2, 6), rel=1e-10)


def test_disjoint_batches_of_an_epoch_have_no_finite_population_factor():
    model, x, y = make("mlp", n=6)
    trace = per_example_noise(model, cross_entropy, [(x, y)]).covariance_trace
    found = []
    for a in combinations(range(6), 2):
        for b in combinations(sorted(set(range(6)) - set(a)), 2):
            c = sorted(set(range(6)) - set(a) - set(b))
            data = [(x[list(p)], y[list(p)]) for p in (a, b, c)]
            found.append(batch_gradient_noise(model, cross_entropy, data).covariance_trace)
    assert np.mean(found) == pytest.approx(trace / 2, rel=1e-10)


def test_with_replacement_the_factor_is_one_minus_one_in_n():
    g = np.random.default_rng(0).normal(size=(5, 3))
    pairs = [(g[i] + g[j]) / 2 for i in range(5) for j in range(5)]
    spread = np.mean([((p - g.mean(0)) ** 2).sum() for p in pairs])
    trace = g.var(0, ddof=1).sum()
    assert minibatch_noise(trace, 2, 5, replacement=True) == pytest.approx(spread, rel=1e-12)
    assert minibatch_noise(trace, 50, 5, replacement=True) == pytest.approx(trace / 50 * 0.8)
    with pytest.raises(ConfigurationError, match="at least 1; got 0 and 5"):
        minibatch_noise(trace, 0, 5, replacement=True)


def test_dropout_draws_from_the_generator_alone():
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 3)).double()
    _, x, y = make("mlp", n=12)
    data = [(x[i : i + 4], y[i : i + 4]) for i in range(0, 12, 4)]

    def trace(global_seed, seed):
        torch.manual_seed(global_seed)
        generator = torch.Generator().manual_seed(seed)
        return batch_gradient_noise(
            model, cross_entropy, data, generator=generator
        ).covariance_trace

    assert trace(1, 4) == trace(2, 4)
    assert trace(1, 4) != trace(1, 5)


def test_too_few_batches_or_uneven_ones_are_refused():
    model, x, y = make("mlp", n=12)
    with pytest.raises(ConfigurationError, match="3 or more batches of one size; got 2"):
        batch_gradient_noise(model, cross_entropy, [(x, y)] * 2)
    with pytest.raises(ConfigurationError, match="smaller one"):
        batch_gradient_noise(model, cross_entropy, [(x, y), (x, y), (x[:3], y[:3])])
