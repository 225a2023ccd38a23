"""The smaller network computes what the masked one computes; what cannot go is told."""

import copy
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import relu

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks
from collectors.networks import LeNet, ResNet18
from collectors.pruning.removal import mask_units, plan_removal, remove_units
from collectors.pruning.torch_masks import apply_masks


def drawn(units, keep=0.5, seed=0):
    """Unit masks that keep the first unit of each layer, and each other one with a chance."""
    rng = np.random.default_rng(seed)
    masks = {name: rng.random(count) < keep for name, count in units.items()}
    for mask in masks.values():
        mask[0] = True
    return Masks(masks)


def shaken(model, inputs):
    """The network in double precision, its normalisations far from their beginnings."""
    generator = torch.Generator().manual_seed(0)
    model = model.double()
    model.train()(inputs)
    for p in model.parameters():
        p.data += 0.1 * torch.randn(p.shape, generator=generator, dtype=p.dtype)
    return model.eval()


def images(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def count(model):
    return sum(p.numel() for p in model.parameters())


def assert_same_function(found, wanted, inputs):
    fresh = torch.randn_like(inputs)
    with torch.no_grad():
        scale = wanted(fresh).abs().max()
        assert scale > 0
        assert (found(fresh) - wanted(fresh)).abs().max() < 1e-6 * scale


def zero_by_hand(model, names):
    """A copy with these units' weights, biases and normalisations zero: ((layer, norm), units)."""
    model = copy.deepcopy(model)
    for (layer, norm), units in names:
        modules = dict(model.named_modules())
        for name in filter(None, (layer, norm)):
            modules[name].weight.data[units] = 0
            if modules[name].bias is not None:
                modules[name].bias.data[units] = 0
    return model


def test_lenet_without_half_of_its_units_computes_what_it_computes_with_them_zero():
    x = images(3, 3, 32, 32)
    model = shaken(LeNet(), x)
    masks = drawn({"conv1.weight": 20, "conv2.weight": 50, "fc1.weight": 500})
    small = remove_units(model, masks, x)
    a, b, c = masks.layer_counts().values()
    assert count(small) == (75 * a + a) + (25 * a * b + b) + (25 * b * c + c) + (10 * c + 10)
    by_hand = zero_by_hand(
        model, [((name.removesuffix(".weight"), None), ~m) for name, m in masks.kept.items()]
    )
    assert_same_function(small, by_hand, x)
    assert_same_function(mask_units(model, masks, x), by_hand, x)
    assert count(model) == 657_080


def test_a_network_with_batch_normalisation_loses_its_normalisations_units_too():
    x = images(6, 2, 8, 8)
    model = shaken(
        nn.Sequential(
            nn.Conv2d(2, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(54, 7), nn.ReLU(), nn.BatchNorm1d(7), nn.Linear(7, 3),
        ),
        x,
    )  # fmt: skip
    masks = drawn({"0.weight": 6, "5.weight": 7})
    small = remove_units(model, masks, x)
    by_hand = zero_by_hand(
        model, [(("0", "1"), ~masks.kept["0.weight"]), (("5", "7"), ~masks.kept["5.weight"])]
    )
    assert_same_function(small, by_hand, x)
    a, b = masks.layer_counts().values()
    assert (small[1].num_features, small[7].num_features) == (a, b)
    assert count(small) == 18 * a + 2 * a + 9 * a * b + b + 2 * b + 3 * b + 3
    # weights alone at zero do not do: the normalisation turns zero into its shift
    weights_only = copy.deepcopy(model)
    weights_only[0].weight.data[~masks.kept["0.weight"]] = 0
    assert not torch.allclose(weights_only(x), by_hand(x))


@pytest.mark.parametrize("normalise", [False, True])
def test_a_residual_network_keeps_its_function_and_its_coupled_channels(normalise):
    x = images(2, 3, 16, 16)
    model = shaken(ResNet18(width=4, normalise=normalise), x)
    model.requires_grad_(False)
    inner = {f"layer{s}.{b}.conv1.weight": 4 * 2 ** (s - 1) for s in (1, 2, 3, 4) for b in (0, 1)}
    outer = {f"layer{s}.{b}.conv2.weight": 4 * 2 ** (s - 1) for s in (1, 2, 3, 4) for b in (0, 1)}
    stem = {"conv1.weight": 4}
    masks = drawn(stem | inner | outer)
    # the stem and both blocks of the first stage are added up: one channel goes from all
    for name in ("conv1", "layer1.0.conv2", "layer1.1.conv2"):
        masks.kept[f"{name}.weight"][3] = False
    masks.kept["conv1.weight"][1] = True
    masks.kept["layer1.0.conv2.weight"][1] = False
    plan = plan_removal(model, masks, x)
    assert not plan.kept.kept["conv1.weight"][3]
    assert plan.held["layer1.0.conv2.weight"][1].startswith("coupled with what")
    # no mask names the shortcuts' convolutions, so what is added to them stays
    assert plan.kept.kept["layer3.0.conv2.weight"].all()
    for name in inner:
        np.testing.assert_array_equal(plan.kept.kept[name], masks.kept[name])
    small = remove_units(model, masks, x)
    assert_same_function(small, mask_units(model, masks, x), x)
    norms = {layer: layer.replace("conv", "bn") if normalise else None for layer in (
        name.removesuffix(".weight") for name in masks.kept)}  # fmt: skip
    by_hand = zero_by_hand(
        model, [(pair, ~masks.kept[f"{pair[0]}.weight"]) for pair in norms.items()]
    )
    assert_same_function(small, by_hand, x)
    assert small.conv1.out_channels == plan.kept.kept["conv1.weight"].sum() <= 3
    assert small.layer1[1].conv2.out_channels == small.conv1.out_channels


def test_all_channels_that_are_added_up_go_together_when_all_are_masked():
    x = images(2, 3, 8, 8)
    model = shaken(ResNet18(width=4, normalise=True), x)
    mask = np.array([True, False, True, False])
    wide = np.repeat(mask, 2)
    masks = Masks(
        {
            "conv1.weight": mask,
            "layer1.0.conv2.weight": mask,
            "layer1.1.conv2.weight": mask,
            "layer2.0.conv2": wide,
            "layer2.0.downsample.0": wide,
            "layer2.1.conv2": wide,
        }
    )
    small = remove_units(model, masks, x)
    assert plan_removal(model, masks, x).held == {}
    assert small.conv1.out_channels == small.layer1[0].conv1.in_channels == 2
    assert small.layer2[0].downsample[0].out_channels == 4
    assert_same_function(small, mask_units(model, masks, x), x)


def test_a_depthwise_convolution_follows_the_one_before_it():
    x = images(2, 3, 8, 8)
    model = shaken(
        nn.Sequential(
            nn.Conv2d(3, 6, 1), nn.ReLU(), nn.Conv2d(6, 6, 3, groups=6), nn.BatchNorm2d(6),
            nn.ReLU(), nn.Conv2d(6, 4, 1), nn.Flatten(), nn.Linear(144, 2),
        ),
        x,
    )  # fmt: skip
    masks = drawn({"0.weight": 6, "5.weight": 4})
    small = remove_units(model, masks, x)
    assert small[2].groups == small[2].in_channels == masks.layer_counts()["0.weight"]
    assert_same_function(small, mask_units(model, masks, x), x)
    alone = Masks({"2.weight": masks.kept["0.weight"]})
    assert plan_removal(model, alone, x).kept.kept["2.weight"].all()


class Joined(nn.Module):
    """Two convolutions side by side, added to a third."""

    def __init__(self):
        super().__init__()
        self.p = nn.Conv2d(2, 4, 3, padding=1)
        self.q = nn.Conv2d(2, 3, 3, padding=1)
        self.r = nn.Conv2d(2, 7, 3, padding=1)
        self.out = nn.Conv2d(7, 2, 3)

    def forward(self, x):
        return self.out(torch.cat([self.p(x), relu(self.q(x))], 1) + self.r(x))


@pytest.mark.parametrize("order", ["pqr", "rqp", "qrp"])
def test_units_that_are_coupled_in_part_are_removed_in_any_order(order):
    x = images(2, 2, 8, 8)
    model = shaken(Joined(), x)
    units = {
        "p": np.array([0, 0, 1, 1], bool),
        "q": np.array([0, 1, 1], bool),
        "r": np.array([0, 1, 0, 1, 0, 1, 1], bool),
    }
    plan = plan_removal(model, Masks({name: units[name] for name in order}), x)
    assert {n: sorted(units) for n, units in plan.held.items()} == {"p": [1], "r": [2]}
    small = remove_units(model, Masks({name: units[name] for name in order}), x)
    assert [m.out_channels for m in (small.p, small.q, small.r)] == [3, 2, 5]
    masked = mask_units(model, Masks({name: units[name] for name in order}), x)
    assert_same_function(small, masked, x)
    assert_same_function(
        small, zero_by_hand(model, [((n, None), ~m) for n, m in units.items()]), x
    )


class Halves(nn.Module):
    """Two halves of one convolution, each with a reader of its own."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(2, 8, 3)
        self.c = nn.Conv2d(4, 2, 3)
        self.d = nn.Conv2d(4, 2, 3)

    def forward(self, x):
        first, second = relu(self.a(x)).chunk(2, 1)
        return self.c(first) + self.d(second)


def test_a_network_that_torch_pruning_misreads_is_never_returned():
    # its graph knows the halves of a split, and not always in which order they are read
    x = images(2, 2, 8, 8)
    model = shaken(Halves(), x)
    masks = Masks({"a": np.array([1, 0, 1, 0, 1, 0, 1, 1], bool)})
    with pytest.raises(ConfigurationError, match=r"misreads|cannot be called"):
        remove_units(model, masks, x)


def test_transposed_convolutions_lose_their_channels():
    x = images(2, 3, 4, 4)
    model = shaken(
        nn.Sequential(
            nn.ConvTranspose2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Conv2d(5, 2, 3)
        ),
        x,
    )
    masks = drawn({"0.weight": 5})
    small = remove_units(model, masks, x)
    assert small[0].out_channels == masks.layer_counts()["0.weight"]
    assert_same_function(small, mask_units(model, masks, x), x)


def test_outputs_of_the_network_and_channels_normalised_together_are_held():
    x = images(2, 4, 6, 6)
    model = shaken(
        nn.Sequential(
            nn.Conv2d(4, 6, 3), nn.GroupNorm(2, 6), nn.ReLU(), nn.Conv2d(6, 4, 3, groups=2),
            nn.Conv2d(4, 3, 1),
        ),
        x,
    )  # fmt: skip
    masks = drawn({"0.weight": 6, "3.weight": 4, "4.weight": 3}, keep=0)
    plan = plan_removal(model, masks, x)
    assert plan.held["0.weight"][1] == "mixed with others by 1"
    assert plan.held["3.weight"][1] == "mixed with others by 3"
    assert plan.held["4.weight"][2] == "an output of the network"
    assert plan.to_frame()["held"].tolist() == [5, 3, 2]
    assert "held, an output of the network: 1, 2" in plan.summary()
    assert count(remove_units(model, masks, x)) == count(model)


def test_a_layer_of_which_nothing_would_be_left_is_refused():
    x = images(2, 3, 32, 32)
    model = LeNet().double()
    masks = Masks({"conv1": np.ones(20, bool), "conv2.weight": np.zeros(50, bool)})
    with pytest.raises(ConfigurationError, match=r"all 50 units of 'conv2.weight'"):
        remove_units(model, masks, x)


def test_a_function_that_turns_zero_into_something_else_is_refused():
    x = images(4, 3)
    model = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 1)).double()
    with pytest.raises(ConfigurationError, match="turns zero into something else"):
        remove_units(model, Masks({"0": np.array([True, False, True, True])}), x)


def test_a_forward_with_its_shapes_written_out_is_refused():
    class Written(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(1, 4, 3), nn.Linear(64, 2)

        def forward(self, x):
            return self.fc(self.conv(x).view(-1, 64))

    with pytest.raises(ConfigurationError, match="cannot be called"):
        remove_units(Written().double(), Masks({"conv": np.arange(4) > 0}), images(2, 1, 6, 6))


def test_a_network_that_prune_has_masked_is_made_smaller():
    x = images(2, 3, 16, 16)
    model = LeNet(size=16).double().train()
    model(x).sum().backward()
    masks = Masks({"fc1.weight": np.random.default_rng(0).random((500, 50)) < 0.3})
    apply_masks(model, masks)
    model(x)
    units = drawn({"conv1": 20, "fc1": 500})
    small = remove_units(nn.DataParallel(model), units, x)
    assert type(small) is LeNet
    assert_same_function(small.eval(), mask_units(model, units, x).eval(), x)
    zeros = int((small.fc1.weight == 0).sum())
    assert zeros == int((~masks.kept["fc1.weight"][units.kept["fc1"]]).sum())


def test_the_network_is_left_as_it_was_and_the_smaller_one_trains():
    x = images(4, 3, 16, 16)
    model = ResNet18(width=4, normalise=True).double().train()
    model.layer1.eval()
    model.layer2.requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    modes = [m.training for m in model.modules()]
    small = remove_units(model, drawn({"layer2.0.conv1": 8, "layer1.1.conv1": 4}), x)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert [m.training for m in model.modules()] == modes
    assert [m.training for m in small.modules()] == modes
    assert not small.layer2[1].conv1.weight.requires_grad
    small(x).sum().backward()
    assert small.layer1[1].conv1.weight.grad.abs().sum() > 0


def test_masks_of_other_layers_or_units_are_refused():
    x, model = images(1, 3, 16, 16), LeNet(size=16).double()
    with pytest.raises(
        ConfigurationError, match=r"no convolution or linear layer 'fc9'; it has conv1"
    ):
        plan_removal(model, Masks({"fc9": np.ones(2, bool)}), x)
    with pytest.raises(ConfigurationError, match=r"shape \(19,\); expected \(20,\)"):
        plan_removal(model, Masks({"conv1": np.ones(19, bool)}), x)
    model.unused = nn.Linear(2, 2)
    with pytest.raises(ConfigurationError, match="'unused' was not used"):
        plan_removal(model, Masks({"unused": np.ones(2, bool)}), x)


def test_without_torch_pruning_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_pruning", None)
    with pytest.raises(
        ConfigurationError, match=r"torch-pruning.*pip install 'causalhyper\[pruning\]'"
    ):
        plan_removal(LeNet(), drawn({"conv1": 20}), torch.zeros(1, 3, 32, 32))
