"""Gradients and loss rises of a stack: each is the member's own."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from causalhyper.errors import ConfigurationError
from collectors.curvature import sam_sharpness
from collectors.ensembles.measures import stacked_gradient, stacked_loss_rise
from tests.collectors.curvature.samples import entropy
from tests.collectors.ensembles.samples import stack


@pytest.mark.parametrize("size", [24, 6])
def test_every_gradient_is_the_one_that_backward_gives_alone(size):
    stacked = stack()
    parts = list(stacked.batches(size))
    found, losses = stacked_gradient(parts, stacked.parameters)
    for k in range(4):
        model, x, y = stacked.alone(k)
        loss = cross_entropy(model(x), y)
        model.zero_grad()
        loss.backward()
        assert losses[k].item() == pytest.approx(loss.item(), rel=1e-12)
        for name, p in model.named_parameters():
            torch.testing.assert_close(found[name][k], p.grad, rtol=1e-10, atol=1e-14)


def test_the_parameters_and_their_gradients_are_left_as_they_were():
    stacked = stack()
    before = {k: p.detach().clone() for k, p in stacked.parameters.items()}
    stacked_gradient(stacked.losses, stacked.parameters)
    stacked_loss_rise(stacked.losses, stacked.parameters)
    for name, p in stacked.parameters.items():
        assert torch.equal(p, before[name])
        assert p.grad is None


@pytest.mark.parametrize("rho", [0.05, 0.5])
def test_every_rise_is_the_first_step_of_sam_sharpness(rho):
    stacked = stack()
    found = stacked_loss_rise(stacked.losses, stacked.parameters, rho=rho)
    parts = stacked_loss_rise(list(stacked.batches(8)), stacked.parameters, rho=rho)
    for k in range(4):
        model, x, y = stacked.alone(k)
        wanted = sam_sharpness(model, entropy, (x, y), radius=rho).first_order
        assert found[k].item() == pytest.approx(wanted, rel=1e-9)
        assert parts[k].item() == pytest.approx(wanted, rel=1e-9)


def test_a_diverged_member_is_nan_and_leaves_the_other_rises_bit_equal():
    stacked = stack()
    whole = stacked_loss_rise(stacked.losses, stacked.parameters)
    found = stacked_loss_rise(stacked.losses, stacked.spoiled(1))
    assert found.isnan().tolist() == [False, True, False, False]
    assert torch.equal(found[[0, 2, 3]], whole[[0, 2, 3]])


def test_a_loss_that_becomes_infinite_within_the_radius_is_nan():
    found = stacked_loss_rise(
        lambda p: -(1 - p["w"]).log(), {"w": torch.tensor([0.5, 0.0])}, rho=0.5
    )
    assert found.isnan().tolist() == [True, False]


def test_wrong_input_is_refused():
    for rho in (0.0, -1.0, torch.inf, torch.nan):
        with pytest.raises(ConfigurationError, match="rho"):
            stacked_loss_rise(lambda p: p["w"], {"w": torch.ones(2)}, rho=rho)
    with pytest.raises(ConfigurationError, match="no part"):
        stacked_gradient([], {"w": torch.ones(2)})
    for parameters in ({}, {"w": torch.ones(2), "b": torch.ones(3)}, {"w": torch.tensor(1.0)}):
        with pytest.raises(ConfigurationError, match="stacked parameters"):
            stacked_gradient(lambda p: p["w"], parameters)
    with pytest.raises(ConfigurationError, match="one number a member"):
        stacked_gradient(lambda p: p["w"].sum(), {"w": torch.ones(2)})
