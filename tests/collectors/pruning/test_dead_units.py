"""Dead units, against the outputs of a network in which each is changed by force."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks
from collectors.networks import LeNet, ResNet18
from collectors.pruning.dead_units import find_dead_units
from collectors.pruning.torch_masks import apply_masks, make_permanent


class Residual(nn.Module):
    """Shortcut, groups, strides, average pooling and a layer that is called twice; all linear."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.inner = nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.down = nn.Conv2d(4, 3, 3, stride=2, padding=1, bias=False)
        self.up = nn.ConvTranspose2d(3, 4, 2, stride=2, bias=False)
        self.again = nn.Linear(4, 4, bias=False)
        self.out = nn.Linear(4, 2, bias=False)

    def forward(self, x):
        x = self.first(x)
        x = x + self.norm(self.inner(x))
        x = self.up(self.down(x))
        x = nn.functional.avg_pool2d(x, 8).flatten(1)
        return self.out(self.again(self.again(x)))


class Chain(nn.Sequential):
    """Convolution of a map of one position, where only the kernel's centre meets an input."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(2, 4, 4, bias=False),
            nn.Conv2d(4, 5, 3, padding=1, bias=False),
            nn.Flatten(),
            nn.Linear(5, 3, bias=False),
            nn.Linear(3, 2, bias=False),
        )


def drawn(model, share, rng):
    return Masks(
        {n: rng.random(tuple(p.shape)) < share for n, p in model.named_parameters() if p.ndim > 1}
    )


def generic(model, masks):
    """The masked network with weights drawn: a sum of paths is zero only where there is none."""
    model = copy.deepcopy(model).double().eval()
    for p in model.parameters():
        p.data = torch.randn(p.shape, dtype=torch.float64)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.bias.data.zero_()
    apply_masks(model, masks)
    make_permanent(model)
    return model


def output_with(model, x, layer, unit=None, value=None):
    """Outputs, and those of a layer, where a unit gives another value."""
    seen = []

    def change(module, _, y):
        axis = -1 if isinstance(module, nn.Linear) else 1
        if unit is not None:
            y = y.clone()
            y.select(axis, unit).copy_(value if value is not None else 0)
        seen.append(y.movedim(axis, 0).flatten(1))
        return y

    hook = dict(model.named_modules())[layer].register_forward_hook(change)
    with torch.no_grad():
        out = model(x)
    hook.remove()
    return out, torch.cat(seen, 1)


@pytest.mark.parametrize("make", [Residual, Chain])
@pytest.mark.parametrize("share", [0.3, 0.4, 0.6])
def test_units_and_weights_are_dead_where_no_change_of_them_changes_the_outputs(make, share):
    torch.manual_seed(0)
    rng = np.random.default_rng(int(100 * share))
    seen = {"dead": 0, "live": 0}
    for _ in range(3):
        masks = drawn(make(), share, rng)
        size = 8 if make is Residual else 4
        x = torch.randn(3, 2, size, size, dtype=torch.float64)
        found = find_dead_units(make(), masks, x)
        model = generic(make(), masks)
        for layer in found.live.kept:
            wanted, values = output_with(model, x, layer)
            for unit, live in enumerate(found.live.kept[layer]):
                seen["live" if live else "dead"] += 1
                assert live == (not torch.equal(output_with(model, x, layer, unit)[0], wanted))
                noise = torch.randn((), dtype=torch.float64)
                changed = not torch.equal(output_with(model, x, layer, unit, noise)[0], wanted)
                assert found.read.kept[layer][unit] == changed
                assert found.reached.kept[layer][unit] == bool(values[unit].any())
        for layer, effective in found.effective.kept.items():
            weight = dict(model.named_modules())[layer].weight
            wanted = model(x)
            for index in np.ndindex(*effective.shape):
                before = weight.data[index].item()
                weight.data[index] = 0
                assert effective[index] == (not torch.equal(model(x), wanted))
                weight.data[index] = before
        assert found.connected == bool(model(x).any())
    assert min(seen.values()) > 0


def test_direct_causes_are_counted_from_the_masks_of_a_layer_and_of_its_readers():
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Conv2d(2, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 5, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(20, 4), nn.Linear(4, 2),
    )  # fmt: skip
    masks = drawn(model, 0.07, rng)
    found = find_dead_units(model, masks, torch.ones(1, 2, 10, 10))
    kept = masks.kept
    readers = {
        "0": kept["3.weight"].any((0, 2, 3)),
        "3": kept["6.weight"].reshape(4, 5, 4).any((0, 2)),
        "6": kept["7.weight"].any(0),
        "7": np.ones(2, bool),
    }
    for layer, read in readers.items():
        mask = kept[f"{layer}.weight"]
        own = ~mask.reshape(len(mask), -1).any(1)
        np.testing.assert_array_equal(found.pruned_in.kept[layer], own)
        np.testing.assert_array_equal(found.pruned_out.kept[layer], ~read)
        assert (found.live.kept[layer] <= (~own & read)).all()
    assert found.pruned_out.layer_counts()["3"] > 0
    assert found.pruned_in.layer_counts()["6"] > 0


def test_a_layer_that_keeps_nothing_has_collapsed_and_nothing_flows():
    shapes = {"0.weight": (3, 2), "2.weight": (3, 3), "4.weight": (1, 3)}
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 1))
    masks = Masks.all_kept(shapes)
    masks.kept["2.weight"][:] = False
    found = find_dead_units(model, masks, torch.ones(1, 2))
    frame = found.to_frame().set_index("layer")
    assert frame["collapsed"].all()
    assert frame["unread"].tolist() == [3, 0, 0]
    assert frame["unreached"].tolist() == [0, 3, 1]
    assert frame["pruned_in"].tolist() == [0, 3, 0]
    assert frame["pruned_out"].tolist() == [3, 0, 0]
    assert frame["effective"].tolist() == [0, 0, 0]
    assert found.summary().endswith("no path goes from the inputs to the outputs")
    dense = find_dead_units(model, Masks.all_kept(shapes), torch.ones(1, 2))
    assert dense.connected
    assert dense.to_frame()["dead"].sum() == 0


def test_a_branch_that_is_dead_leaves_the_shortcut_alive():
    model = ResNet18(width=2, normalise=True)
    shapes = {n: tuple(p.shape) for n, p in model.named_parameters() if p.ndim > 1}
    masks = Masks.all_kept(shapes)
    masks.kept["layer1.0.conv1.weight"][:] = False
    found = find_dead_units(model, masks, torch.ones(1, 3, 16, 16))
    frame = found.to_frame().set_index("layer")
    assert found.connected
    assert frame.index[frame["collapsed"]].tolist() == ["layer1.0.conv1", "layer1.0.conv2"]
    assert frame.loc["layer1.0.conv2", ["unreached", "effective"]].tolist() == [2, 0]


def test_dead_units_of_lenet_give_constants_or_are_never_looked_at():
    torch.manual_seed(0)
    rng = np.random.default_rng(1)
    model = LeNet(size=16)
    masks = drawn(model, 0.004, rng)
    x = torch.randn(5, 3, 16, 16)
    found = find_dead_units(model, masks, x)
    apply_masks(model, masks)
    make_permanent(model)
    assert found.to_frame()["dead"].min() >= 0
    checked = 0
    for layer, reached in found.reached.kept.items():
        wanted, values = output_with(model, x, layer)
        for unit in np.flatnonzero(~reached)[:5]:
            per_image = values[unit].reshape(5, -1)
            assert torch.equal(per_image, per_image[:1].expand_as(per_image))
        for unit in np.flatnonzero(~found.read.kept[layer])[:5]:
            checked += 1
            assert torch.equal(output_with(model, x, layer, unit, 3.0)[0], wanted)
    assert checked > 5


def test_a_deep_network_overflows_nothing():
    model = nn.Sequential(*[nn.Linear(100, 100, bias=False) for _ in range(200)])
    mask = np.ones((100, 100), bool)
    mask[:, 7] = False
    found = find_dead_units(model, Masks({"120.weight": mask}), torch.ones(1, 100))
    frame = found.to_frame()
    assert frame["dead"].sum() == 1
    assert frame.loc[119, "unread"] == 1


def test_what_has_no_paths_is_refused_by_name():
    masks = Masks({"0.weight": np.ones((3, 2), bool)})
    with pytest.raises(ConfigurationError, match="tanh"):
        find_dead_units(nn.Sequential(nn.Linear(2, 3), nn.Tanh()), masks, torch.ones(1, 2))
    with pytest.raises(ConfigurationError, match=r"'1\.weight' of a LayerNorm"):
        find_dead_units(nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3)), masks, torch.ones(1, 2))
    with pytest.raises(ConfigurationError, match=r"no parameter '0\.weight'"):
        find_dead_units(nn.Linear(2, 3), masks, torch.ones(1, 2))


def test_the_network_is_left_as_it_was():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).train()
    before = copy.deepcopy(model.state_dict())
    find_dead_units(model, Masks({"0.weight": np.eye(3, 2, dtype=bool)}), torch.ones(1, 2))
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())
    assert model.training
    assert not model[0]._forward_hooks
