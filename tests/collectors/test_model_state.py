"""Claims about measuring without a trace."""

import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.model_state import measuring


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))


def snapshot(model):
    return (
        [m.training for m in model.modules()],
        [b.clone() for b in model.buffers()],
        [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        [p.requires_grad for p in model.parameters()],
        torch.get_rng_state(),
    )


def assert_same(before, after):
    assert before[0] == after[0]
    assert before[3] == after[3]
    assert all(torch.equal(a, b) for a, b in zip(before[1], after[1], strict=True))
    for a, b in zip(before[2], after[2], strict=True):
        assert (a is None) == (b is None)
        assert a is None or torch.equal(a, b)
    assert torch.equal(before[4], after[4])


@pytest.mark.parametrize("mode", ["eval", "train", "as_found"])
def test_mode_buffers_gradients_and_random_state_are_left_as_found(mode):
    model = network().train()
    model[1].eval()
    model[3].weight.requires_grad_(False)
    model(torch.randn(5, 3)).sum().backward()
    before = snapshot(model)
    with measuring(model, mode):
        model.requires_grad_(True)
        model(torch.randn(5, 3)).sum().backward()
        model.zero_grad()
    assert_same(before, snapshot(model))


def test_the_state_is_restored_after_an_error():
    model = network().train()
    before = snapshot(model)
    with pytest.raises(RuntimeError, match="shape"), measuring(model, "eval"):
        model(torch.rand(3, 7))
    assert_same(before, snapshot(model))


def test_gradients_accumulated_in_place_are_taken_back():
    model = network().eval()
    model(torch.ones(2, 3)).sum().backward()
    grad = model[0].weight.grad
    value = grad.clone()
    with measuring(model):
        model(torch.ones(2, 3)).sum().backward()
    assert model[0].weight.grad is grad
    assert torch.equal(grad, value)


def test_dropout_draws_from_the_generator_alone():
    model = network()
    x = torch.ones(8, 3)

    def outputs(global_seed, seed):
        torch.manual_seed(global_seed)
        with measuring(model, "train", generator=torch.Generator().manual_seed(seed)):
            return model(x)

    assert torch.equal(outputs(1, 7), outputs(2, 7))
    assert not torch.equal(outputs(1, 7), outputs(1, 8))


def test_an_unknown_mode_is_refused():
    with pytest.raises(ConfigurationError, match="'eval', 'train' or 'as_found'; got 'test'"):
        measuring(network(), "test").__enter__()
