"""Pruned weights stay exactly zero, whatever the optimiser does."""

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks
from collectors.pruning import keep_pruned
from tests.collectors.pruning.problems import examples, fixed_network

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum, decay": lambda p: torch.optim.SGD(
        p, lr=0.1, momentum=0.9, weight_decay=0.1, nesterov=True
    ),
    "adam": lambda p: torch.optim.Adam(p, lr=0.05, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.1, amsgrad=True),
    "adamw, foreach": lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.1, foreach=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.9, centered=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.05, initial_accumulator_value=0.1),
    "lbfgs": lambda p: torch.optim.LBFGS(p, lr=0.5, max_iter=4, line_search_fn="strong_wolfe"),
}
NAMES = sorted(OPTIMIZERS)


def masks(model, seed=0):
    rng = np.random.default_rng(seed)
    return Masks({n: rng.random(p.shape) < 0.4 for n, p in model.named_parameters() if p.ndim > 1})


def steps(model, optimizer, count, *, closure=True):
    x, y = examples()

    def compute():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        return loss

    for _ in range(count):
        if closure:
            optimizer.step(compute)
        else:
            compute()
            optimizer.step()


def pruned_values(model, kept):
    named = dict(model.named_parameters())
    return torch.cat([named[n][~torch.from_numpy(m)] for n, m in kept.kept.items()])


@pytest.mark.parametrize("name", NAMES)
def test_pruned_weights_are_exactly_zero_after_every_step(name):
    model = fixed_network()
    optimizer = OPTIMIZERS[name](model.parameters())
    kept = masks(model)
    with keep_pruned(model, optimizer, kept):
        for _ in range(5):
            steps(model, optimizer, 1)
            assert pruned_values(model, kept).eq(0).all()
    assert all(p.ne(0).any() for p in model.parameters())


@pytest.mark.parametrize("name", [n for n in NAMES if n != "lbfgs"])
def test_steps_without_a_closure_are_those_with_one(name):
    ends = []
    for closure in (True, False):
        model = fixed_network()
        optimizer = OPTIMIZERS[name](model.parameters())
        with keep_pruned(model, optimizer, masks(model)):
            steps(model, optimizer, 4, closure=closure)
        ends.append(model.state_dict())
    assert all(torch.equal(ends[0][k], ends[1][k]) for k in ends[0])


@pytest.mark.parametrize("closure", [True, False])
def test_pruned_weights_have_no_gradient_and_no_moments_in_the_step(closure):
    # what records a step, or takes its norm, sees nothing of them
    model = fixed_network()
    optimizer = torch.optim.Adam(model.parameters())
    kept = masks(model)
    with keep_pruned(model, optimizer, kept):
        steps(model, optimizer, 2, closure=closure)
    for name, parameter in model.named_parameters():
        if name in kept.kept:
            pruned = ~torch.from_numpy(kept.kept[name])
            for values in (parameter.grad, optimizer.state[parameter]["exp_avg"]):
                assert values[pruned].eq(0).all()
                assert values[~pruned].ne(0).any()


@pytest.mark.parametrize("name", NAMES)
def test_momentum_from_before_pruning_revives_nothing(name):
    model = fixed_network()
    optimizer = OPTIMIZERS[name](model.parameters())
    steps(model, optimizer, 3)
    kept = masks(model)
    with keep_pruned(model, optimizer, kept):
        assert pruned_values(model, kept).eq(0).all()
        for key, mask in kept.kept.items():
            pruned = ~torch.from_numpy(mask)
            state = optimizer.state[dict(model.named_parameters())[key]].values()
            shaped = (v for v in state if torch.is_tensor(v) and v.shape == pruned.shape)
            assert all(moments[pruned].eq(0).all() for moments in shaped)
        steps(model, optimizer, 1)
        assert pruned_values(model, kept).eq(0).all()


@pytest.mark.parametrize("name", ["momentum, decay", "adamw", "rmsprop"])
def test_an_optimizer_state_that_is_loaded_later_is_cleared_where_pruned(name):
    other = fixed_network()
    full = OPTIMIZERS[name](other.parameters())
    steps(other, full, 3)
    model = fixed_network()
    optimizer = OPTIMIZERS[name](model.parameters())
    kept = masks(model)
    with keep_pruned(model, optimizer, kept):
        optimizer.load_state_dict(full.state_dict())
        for key, parameter in model.named_parameters():
            if key in kept.kept:
                pruned = ~torch.from_numpy(kept.kept[key])
                moments = [
                    v for v in optimizer.state[parameter].values() if v.shape == pruned.shape
                ]
                assert moments
                assert all(m[pruned].eq(0).all() and m[~pruned].ne(0).any() for m in moments)
        steps(model, optimizer, 2)
    assert pruned_values(model, kept).eq(0).all()


def test_what_is_kept_moves_as_under_a_network_that_multiplies_by_its_mask():
    model, plain = fixed_network(), fixed_network()
    kept = masks(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    with keep_pruned(model, optimizer, kept):
        steps(model, optimizer, 6)
    x, y = examples()
    other = torch.optim.Adam(plain.parameters(), lr=0.05)
    named = dict(plain.named_parameters())
    for _ in range(6):
        other.zero_grad()
        hidden = nn.functional.linear(
            x, named["0.weight"] * torch.from_numpy(kept.kept["0.weight"]), named["0.bias"]
        )
        outputs = nn.functional.linear(
            hidden.relu(), named["2.weight"] * torch.from_numpy(kept.kept["2.weight"]),
            named["2.bias"],
        )  # fmt: skip
        nn.functional.cross_entropy(outputs, y).backward()
        other.step()
    for name, parameter in model.named_parameters():
        mask = torch.from_numpy(kept.kept[name]) if name in kept.kept else 1
        torch.testing.assert_close(parameter, named[name] * mask, rtol=1e-6, atol=1e-7)


def test_after_closing_weights_train_again():
    model = fixed_network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    kept = masks(model)
    guard = keep_pruned(model, optimizer, kept)
    guard.close()
    steps(model, optimizer, 1)
    assert pruned_values(model, kept).ne(0).any()


def test_a_mask_of_another_shape_is_refused_with_both_shapes():
    model = fixed_network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ConfigurationError, match=r"'0.weight' of shape \(2,\).*\(12, 6\)"):
        keep_pruned(model, optimizer, Masks({"0.weight": np.array([True, False])}))


def test_scores_and_an_optimizer_of_another_model_are_refused():
    model, other = fixed_network(), fixed_network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for scores in (torch.full((12, 6), 0.01), np.ones((12, 6)), [[True] * 6] * 12):
        with pytest.raises(ConfigurationError, match="must be of truth values"):
            keep_pruned(model, optimizer, {"0.weight": scores})
    with pytest.raises(ConfigurationError, match=r"trains none of .*0.weight, 2.weight"):
        keep_pruned(other, optimizer, masks(other))
    first, second = (torch.optim.SGD([layer.weight], lr=0.1) for layer in (model[0], model[2]))
    with keep_pruned(model, first, masks(model)), keep_pruned(model, second, masks(model)):
        x, y = examples()
        nn.functional.cross_entropy(model(x), y).backward()
        first.step()
        second.step()
    for name, kept in masks(model).kept.items():
        assert not dict(model.named_parameters())[name].detach().numpy()[~kept].any()
    other[0].weight.requires_grad_(False)  # what does not train needs no steps to stay zero
    keep_pruned(other, optimizer, {"0.weight": masks(other).kept["0.weight"]}).close()
