"""Exact gradient noise of a network against a loop over examples, for every rule and fallback."""

import math
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.noise.per_example import per_example_noise

from .networks import OTHER, RULED, cross_entropy, gradients_one_by_one, make


def assert_equals_the_loop(noise, model, x, y, rel=1e-9):
    rows = gradients_one_by_one(model, cross_entropy, x, y)
    whole = np.concatenate(list(rows.values()), axis=1)
    assert noise.examples == len(x)
    assert noise.mean_norm_squared == pytest.approx((whole.mean(0) ** 2).sum(), rel=rel)
    assert noise.covariance_trace == pytest.approx(whole.var(0, ddof=1).sum(), rel=rel)
    assert sum(layer.parameters for layer in noise.layers) == whole.shape[1]
    for layer in noise.layers:
        own = [r for k, r in rows.items() if (k.rpartition(".")[0] or k) == layer.layer]
        own = np.concatenate(own, axis=1)
        assert layer.covariance_trace == pytest.approx(own.var(0, ddof=1).sum(), rel=rel)
        assert layer.mean_norm_squared == pytest.approx((own.mean(0) ** 2).sum(), rel=rel)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("name", RULED)
def test_the_rules_equal_a_loop_over_examples(name):
    model, x, y = make(name)
    noise = per_example_noise(model, cross_entropy, [(x[:4], y[:4]), (x[4:], y[4:])])
    assert {layer.way for layer in noise.layers} == {"rule"}
    assert_equals_the_loop(noise, model, x, y)


@pytest.mark.parametrize("memory", [1, 3000])
@pytest.mark.parametrize(
    "name", ["conv2d", "wide image", "few places", "many places", "twice", "tied tokens"]
)
def test_the_memory_changes_nothing_but_the_pieces(name, memory):
    model, x, y = make(name)
    noise = per_example_noise(model, cross_entropy, [(x, y)], memory=memory)
    assert {layer.way for layer in noise.layers} == {"rule"}
    assert_equals_the_loop(noise, model, x, y)


@pytest.mark.filterwarnings("ignore:the loss of example")
@pytest.mark.parametrize("name", OTHER)
def test_what_no_rule_covers_falls_back_and_equals_the_loop(name):
    model, x, y = make(name)
    noise = per_example_noise(model, cross_entropy, [(x[:4], y[:4]), (x[4:], y[4:])])
    assert_equals_the_loop(noise, model, x, y)


def ways(name):
    model, x, y = make(name)
    noise = per_example_noise(model, cross_entropy, [(x, y)])
    return {layer.layer: layer.way for layer in noise.layers}


@pytest.mark.filterwarnings("ignore:the loss of example")
def test_the_way_of_each_layer_is_recorded():
    assert ways("hidden use") == {"shift": "vmap", "layer": "rule+vmap", "head": "rule"}
    assert ways("recurrent") == {"cell": "vmap", "head": "rule"}
    assert ways("branching") == {"layer": "loop"}


def test_rules_that_disagree_with_single_examples_are_given_up():
    # six examples and six places: the shapes fit, and only the check can tell
    assert set(ways("examples second").values()) == {"vmap"}


@pytest.mark.parametrize("way", ["vmap", "loop"])
@pytest.mark.parametrize("name", ["residual", "tied tokens", "group norm"])
def test_the_slower_ways_give_the_same(name, way):
    model, x, y = make(name)
    noise = per_example_noise(model, cross_entropy, [(x, y)], way=way, memory=5000)
    assert {layer.way for layer in noise.layers} == {way}
    assert_equals_the_loop(noise, model, x, y)


@pytest.mark.filterwarnings("ignore:the loss of example")
def test_vmap_asked_for_by_name_does_not_become_a_loop():
    model, x, y = make("branching")
    with pytest.raises(RuntimeError, match="vmap"):
        per_example_noise(model, cross_entropy, [(x, y)], way="vmap")


def test_float32_agrees_with_float64():
    model, x, y = make("residual", n=20)
    exact = per_example_noise(model, cross_entropy, [(x, y)])
    rough = per_example_noise(model.float(), cross_entropy, [(x.float(), y)])
    assert {layer.way for layer in rough.layers} == {"rule"}
    assert rough.covariance_trace == pytest.approx(exact.covariance_trace, rel=1e-5)
    assert rough.mean_norm_squared == pytest.approx(exact.mean_norm_squared, rel=1e-5)


def test_inputs_may_be_a_tuple_or_a_mapping():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 3, dtype=torch.float64)

        def forward(self, left, right):
            return self.layer(left * right)

    _, x, y = make("mlp")
    torch.manual_seed(0)
    model = Two()
    plain = per_example_noise(model.layer, cross_entropy, [(x * x, y)])
    for inputs in ((x, x), {"left": x, "right": x}):
        for way in ("auto", "vmap", "loop"):
            noise = per_example_noise(model, cross_entropy, [(inputs, y)], way=way)
            assert noise.covariance_trace == pytest.approx(plain.covariance_trace, rel=1e-12)


def test_frozen_parameters_are_left_out():
    model, x, y = make("mlp")
    model[0].weight.requires_grad_(False)
    noise = per_example_noise(model, cross_entropy, [(x, y)])
    assert [layer.parameters for layer in noise.layers] == [5, 15]
    assert_equals_the_loop(noise, model, x, y)


def test_parameters_that_the_loss_does_not_use_have_no_noise():
    model, x, y = make("mlp")
    model.idle = nn.Linear(3, 3, dtype=torch.float64)
    first = lambda outputs, targets: cross_entropy(outputs, targets)  # noqa: E731

    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = model[:3], nn.Linear(3, 3, dtype=torch.float64)

        def forward(self, x):
            return self.used(x)

    noise = per_example_noise(Head(), first, [(x, y)])
    assert noise.layers[-1].covariance_trace == noise.layers[-1].mean_norm_squared == 0.0


def test_mode_gradients_buffers_and_random_state_are_left_as_found():
    model, x, y = make("residual")
    model.train()
    model.head.eval()
    model(x).sum().backward()
    before = [p.grad.clone() for p in model.parameters()]
    buffers, state = [b.clone() for b in model.buffers()], torch.get_rng_state()
    per_example_noise(model, cross_entropy, [(x, y)])
    assert model.training
    assert not model.head.training
    assert all(torch.equal(a, p.grad) for a, p in zip(before, model.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(buffers, model.buffers(), strict=True))
    assert torch.equal(state, torch.get_rng_state())
    assert not any(m._forward_hooks for m in model.modules())


def dropout_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Dropout(0.5), nn.Linear(1, 1, bias=False)).double()


def linear_loss(outputs, targets):
    return outputs[:, 0]


@pytest.mark.parametrize("way", ["auto", "vmap", "loop"])
def test_dropout_in_train_mode_adds_the_variance_of_its_masks(way):
    # the gradient is x mask / keep: for x = 1 its variance is (1 - keep) / keep = 1, in eval 0
    model, x = dropout_net(), torch.ones(2000, 1, dtype=torch.float64)
    data = [(x, x)]
    generator = torch.Generator().manual_seed(1)
    train = per_example_noise(model, linear_loss, data, mode="train", generator=generator, way=way)
    assert train.mode == "train"
    assert train.covariance_trace == pytest.approx(1.0, abs=0.02)
    assert train.layers[0].way == ("rule" if way == "auto" else way)
    still = per_example_noise(model, linear_loss, data, mode="eval", way=way)
    assert (still.mode, still.covariance_trace) == ("eval", pytest.approx(0.0, abs=1e-20))


def test_the_generator_alone_decides_the_masks():
    model, x = dropout_net(), torch.ones(50, 1, dtype=torch.float64)

    def trace(global_seed, seed):
        torch.manual_seed(global_seed)
        return per_example_noise(
            model,
            linear_loss,
            [(x, x)],
            mode="train",
            generator=torch.Generator().manual_seed(seed),
        ).covariance_trace

    assert trace(1, 5) == trace(2, 5)
    assert len({trace(1, seed) for seed in range(5)}) > 1


@pytest.mark.parametrize("norm", [nn.BatchNorm1d(5), nn.BatchNorm1d(5, track_running_stats=False)])
def test_normalisation_by_the_batch_is_refused(norm):
    model = nn.Sequential(nn.Linear(4, 5), norm, nn.Linear(5, 3))
    x, y = torch.randn(6, 4), torch.zeros(6, dtype=torch.int64)
    with pytest.raises(ConfigurationError, match=r"'1' \(BatchNorm1d\) normalises by the batch"):
        per_example_noise(model, cross_entropy, [(x, y)], mode="train")
    if norm.track_running_stats:
        per_example_noise(model, cross_entropy, [(x, y)], mode="eval")
    else:
        with pytest.raises(ConfigurationError, match="batch_gradient_noise"):
            per_example_noise(model, cross_entropy, [(x, y)], mode="eval")


class Centred(nn.Module):
    """A linear layer of inputs less their mean over the batch."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x - x.mean(0))


def test_examples_that_depend_on_their_batch_are_told():
    x = torch.randn(40, 4, generator=torch.Generator().manual_seed(0)) + 3
    y = torch.arange(40) % 3
    with pytest.warns(RuntimeWarning, match=r"example 0 is .* alone and .* in its batch"):
        per_example_noise(Centred(), cross_entropy, (x, y))
    with warnings.catch_warnings(action="error"):  # large losses may round
        per_example_noise(Centred().layer, cross_entropy, (1e4 * x, y))


class Drawing(nn.Module):
    """A linear layer with noise of its own, in any mode."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x) + 10 * torch.randn(len(x), 3)


def test_a_network_that_draws_is_not_taken_for_one_whose_examples_share_a_pass():
    x, y = torch.ones(6, 4), torch.arange(6) % 3
    per_example_noise(Drawing(), cross_entropy, (x, y), way="loop")


def test_a_diverged_network_has_unknown_noise():
    model, x, y = make("mlp")
    x[2] = math.inf
    noise = per_example_noise(model, cross_entropy, [(x, y)])
    assert all(math.isnan(layer.covariance_trace) for layer in noise.layers)
    assert math.isnan(noise.covariance_trace)
    assert math.isnan(noise.noise_scale)


def test_calls_that_cannot_be_answered_are_refused():
    model, x, y = make("mlp")
    mean = nn.CrossEntropyLoss()
    with pytest.raises(ConfigurationError, match=r"shape \(6,\); got \(\): use reduction='none'"):
        per_example_noise(model, mean, [(x, y)])
    with pytest.raises(ConfigurationError, match="at least 2 examples; got 1"):
        per_example_noise(model, cross_entropy, [(x[:1], y[:1])])
    with pytest.raises(ConfigurationError, match="used up"):
        per_example_noise(model, cross_entropy, iter([]))
    with pytest.raises(ConfigurationError, match="way 'auto'"):
        per_example_noise(model, cross_entropy, [(x, y)], way="fast")
    with pytest.raises(ConfigurationError, match="no parameters to differentiate by"):
        per_example_noise(model.requires_grad_(False), cross_entropy, [(x, y)])


def test_the_result_reads_as_a_frame_and_in_words():
    model, x, y = make("mlp")
    noise = per_example_noise(model, cross_entropy, [(x, y)])
    frame = noise.to_frame()
    assert list(frame["layer"]) == ["0", "2"]
    assert frame["covariance_trace"].sum() == pytest.approx(noise.covariance_trace)
    assert noise.at(6) == pytest.approx(0.0)
    assert noise.at(2) == pytest.approx(noise.covariance_trace / 2 * (1 - 2 / 6))
    assert "in eval mode" in noise.summary()
