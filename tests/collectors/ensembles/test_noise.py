"""Noise of a stack: unbiased over all partitions, and what the existing estimators give."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from causalhyper.errors import ConfigurationError
from collectors.ensembles.measures import stacked_noise
from collectors.noise.joint_losses import gradient_moments
from collectors.noise.minibatch_pairs import pair_estimates
from tests.collectors.ensembles.samples import stack

RNG = np.random.default_rng(0)


def linear(gradients, size):
    """Batches of losses whose per-example gradients are given, shape (members, n, p)."""
    for start in range(0, gradients.shape[1], size):
        mean = gradients[:, start : start + size].mean(1)
        yield lambda p, mean=mean: (p["w"] * mean).sum(1)


def at(gradients):
    return {"w": torch.zeros(gradients.shape[0], gradients.shape[2], dtype=gradients.dtype)}


def moments(gradients):
    """Trace of the sample covariance and squared mean of gradients (n, p), by numpy."""
    return np.cov(gradients.T).trace(), (gradients.mean(0) ** 2).sum()


@pytest.mark.parametrize(("size", "batches"), [(2, 3), (3, 2), (2, 2), (1, 4), (1, 6)])
def test_over_all_partitions_of_six_examples_the_means_are_exact(size, batches):
    gradients = RNG.normal(loc=[1, 0, -2], size=(6, 3))
    orders = list(itertools.permutations(range(6)))
    each = torch.tensor(gradients)[torch.tensor(orders)][:, : size * batches]
    found = stacked_noise(linear(each, size), at(each), size, examples=6)
    trace, squared = moments(gradients)
    assert found.example_noise.mean().item() == pytest.approx(trace, rel=1e-12)
    assert found.mean_gradient_squared.mean().item() == pytest.approx(squared, rel=1e-12)
    if size * batches < 6 or size > 1:
        assert found.example_noise.std() > 0.1


def test_minibatches_that_cover_the_examples_give_the_squared_gradient_exactly():
    gradients = torch.tensor(RNG.normal(size=(3, 12, 4)))
    found = stacked_noise(linear(gradients, 4), at(gradients), 4)
    wanted = gradients.mean(1).square().sum(1)
    torch.testing.assert_close(found.mean_gradient_squared, wanted, rtol=1e-12, atol=0)
    torch.testing.assert_close(found.noise_scale, found.example_noise / wanted, rtol=1e-12, atol=0)


def test_batches_of_one_give_the_moments_of_the_per_example_gradients():
    stacked = stack()
    found = stacked_noise(stacked.batches(1), stacked.parameters, 1)
    for k in range(4):
        model, x, y = stacked.alone(k)
        losses = cross_entropy(model(x), y, reduction="none")
        wanted = gradient_moments(losses, tuple(model.parameters()))
        assert found.example_noise[k].item() == pytest.approx(wanted.covariance_trace, rel=1e-10)
        assert found.mean_gradient_squared[k].item() == pytest.approx(
            wanted.mean_norm_squared, rel=1e-10
        )


def test_larger_batches_give_what_the_analysis_of_variance_gives_alone():
    stacked = stack()
    found = stacked_noise(stacked.batches(6), stacked.parameters, 6)
    for k in range(4):
        model, x, y = stacked.alone(k)

        def squared(rows, model=model, x=x, y=y):
            loss = cross_entropy(model(x[rows]), y[rows])
            return sum(
                g.square().sum().item()
                for g in torch.autograd.grad(loss, tuple(model.parameters()))
            )

        parts = [squared(slice(i, i + 6)) for i in range(0, 24, 6)]
        trace, _ = pair_estimates(parts, [6] * 4, squared(slice(None)))
        assert found.example_noise[k].item() == pytest.approx(trace, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(1, 4))
def test_the_formula_holds_for_any_gradients(seed, batches, size):
    gradients = np.random.default_rng(seed).normal(size=(2, batches * size, 3))
    found = stacked_noise(linear(torch.tensor(gradients), size), at(torch.tensor(gradients)), size)
    for k in range(2):
        means = gradients[k].reshape(batches, size, 3).mean(1)
        trace = size * np.cov(means.T).trace()
        assert found.example_noise[k].item() == pytest.approx(trace, rel=1e-9)


def test_noise_far_below_the_gradient_survives():
    noise = torch.tensor(RNG.normal(size=(2, 8, 3)))
    found = stacked_noise(linear(1e6 + noise, 2), at(noise), 2)
    wanted = stacked_noise(linear(noise, 2), at(noise), 2)
    torch.testing.assert_close(found.example_noise, wanted.example_noise, rtol=1e-8, atol=0)


def test_single_precision_agrees_with_double():
    found = [
        stacked_noise(s.batches(4), s.parameters, 4).example_noise
        for s in (stack(dtype=dtype) for dtype in (torch.float32, torch.float64))
    ]
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=0)


def test_a_diverged_member_is_nan_and_leaves_the_others_bit_equal():
    stacked = stack()
    whole = stacked_noise(stacked.batches(6), stacked.parameters, 6)
    found = stacked_noise(stacked.batches(6), stacked.spoiled(0), 6)
    for name in ("example_noise", "mean_gradient_squared", "noise_scale"):
        assert getattr(found, name)[0].isnan()
        assert torch.equal(getattr(found, name)[1:], getattr(whole, name)[1:])


def test_an_infinite_loss_at_one_minibatch_is_nan():
    def batch(p):
        return p["w"] + torch.tensor([0.0, torch.inf])

    found = stacked_noise([batch, lambda p: 2 * p["w"]], {"w": torch.ones(2)}, 1)
    assert found.example_noise.isnan().tolist() == [False, True]
    assert found.mean_gradient_squared.isnan().tolist() == [False, True]


def test_a_gradient_that_noise_hides_has_no_scale():
    gradients = torch.tensor([[[1.0], [-1.0]]])
    found = stacked_noise(linear(gradients, 1), at(gradients), 1, examples=100)
    assert found.mean_gradient_squared.item() == pytest.approx(-0.98)
    assert found.noise_scale.isnan().all()


def test_wrong_input_is_refused():
    batches, point = [lambda p: p["w"]] * 3, {"w": torch.ones(2)}
    with pytest.raises(ConfigurationError, match="batch_size"):
        stacked_noise(batches, point, 0)
    with pytest.raises(ConfigurationError, match="two minibatches"):
        stacked_noise(batches[:1], point, 4)
    with pytest.raises(ConfigurationError, match="training set of 11"):
        stacked_noise(batches, point, 4, examples=11)
    with pytest.raises(ConfigurationError, match="two minibatches"):
        stacked_noise([], point, 4)
