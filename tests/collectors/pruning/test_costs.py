"""Costs of layers, against torch's own counter, scipy's sparse matrices and files."""

import math

import numpy as np
import pytest
import scipy.sparse
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks
from collectors.networks import AlexNet, LeNet, ResNet18
from collectors.pruning.costs import network_costs
from collectors.pruning.safetensors_masks import save_masked
from collectors.pruning.speed import measure_speed
from collectors.pruning.torch_masks import apply_masks


def counted_by_torch(model, *inputs):
    """Operations by layer, as torch's counter of dispatched kernels has them."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(*inputs)
    prefix = f"{type(model).__name__}."
    found = {n.removeprefix(prefix): sum(f.values()) for n, f in counter.flop_counts.items()}
    return found, counter.get_total_flops()


NETWORKS = {
    "lenet": (lambda: LeNet(), (2, 3, 32, 32)),
    "resnet": (lambda: ResNet18(width=8), (2, 3, 32, 32)),
    "1d": (
        lambda: nn.Sequential(
            nn.Conv1d(4, 6, 5, stride=2, padding=3, dilation=2, groups=2),
            nn.ConvTranspose1d(6, 4, 3, stride=2, groups=2, bias=False),
            nn.Flatten(0, 1),
            nn.Linear(15, 4),
        ),
        (3, 4, 16),
    ),
    "2d": (
        lambda: nn.Sequential(
            nn.Conv2d(4, 8, (3, 5), stride=(1, 2), padding=2, groups=4, bias=False),
            nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1, dilation=2),
        ),
        (2, 4, 9, 11),
    ),
    "3d": (
        lambda: nn.Sequential(nn.Conv3d(2, 3, 3, dilation=2), nn.ConvTranspose3d(3, 2, 2)),
        (1, 2, 7, 8, 9),
    ),
    "sequence": (lambda: nn.Sequential(nn.Linear(5, 7), nn.Linear(7, 3)), (2, 11, 5)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_operations_are_those_that_torch_counts(name):
    make, shape = NETWORKS[name]
    torch.manual_seed(0)
    model, x = make(), torch.randn(shape)
    by_layer, total = counted_by_torch(model, x)
    costs = network_costs(model, x).set_index("layer")
    assert costs["flops"].sum() == total
    for layer, flops in costs["flops"].items():
        assert flops == by_layer[layer]
    assert costs["parameters"].sum() == sum(p.numel() for p in model.parameters())


def test_alexnet_for_imagenet_has_its_published_number_of_multiply_adds():
    # torchvision's table of models: 0.71 GFLOPS, where a multiply-add is one
    with torch.device("meta"):
        costs = network_costs(AlexNet(classes=1000), torch.empty(1, 3, 224, 224))
    assert costs["flops"].sum() / 2 == pytest.approx(0.71e9, abs=0.005e9)


def test_kept_operations_are_those_of_the_weights_that_are_not_zero():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(),
        nn.Linear(48, 4),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    masks = Masks(
        {"0.weight": rng.random((3, 2, 3, 3)) < 0.4, "4.weight": rng.random((4, 48)) < 0.1}
    )
    x = torch.randn(2, 2, 8, 8)
    costs = network_costs(model, x, masks).set_index("layer")
    conv, fc = masks.layer_counts().values()
    assert costs["kept"].tolist() == [conv + 3, 6, fc + 4]
    assert costs["kept_flops"].tolist() == [2 * conv * 2 * 16, 2 * 2 * 3 * 16, 2 * fc * 2]
    assert costs["flops"].tolist() == [2 * 54 * 2 * 16, 2 * 2 * 3 * 16, 2 * 192 * 2]
    apply_masks(model, masks)
    again = network_costs(model, x).set_index("layer")
    assert again.equals(costs)
    assert network_costs(nn.DataParallel(model), x).set_index("layer").equals(costs)


def test_bytes_are_those_of_sparse_matrices_and_of_files(tmp_path):
    model = nn.Linear(300, 200)
    masks = Masks({"weight": np.random.default_rng(0).random((200, 300)) < 0.05})
    row = network_costs(model, torch.ones(1, 300), masks).iloc[0]
    assert row["layer"] == "the network"
    assert row["bytes"] == 4 * (300 * 200 + 200)
    dense = model.weight.detach().numpy() * masks.kept["weight"]
    csr = scipy.sparse.csr_array(dense)
    parts = (csr.data, csr.indices, csr.indptr)
    assert [part.itemsize for part in parts] == [4, 4, 4]
    assert row["csr_bytes"] == sum(part.nbytes for part in parts) + 4 * 200
    save_masked(tmp_path / "net.safetensors", model, masks)
    written = (tmp_path / "net.safetensors").stat().st_size
    assert 0 < written - row["bitmask_bytes"] < 600  # the names and shapes


def test_layers_that_are_shared_or_called_twice_count_their_parameters_once():
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    model[1].weight = model[0].weight
    masks = Masks({"0.weight": np.eye(3, dtype=bool)})
    costs = network_costs(model, torch.ones(1, 3), masks)
    assert costs["parameters"].tolist() == [9, 0]
    assert costs["kept_flops"].tolist() == [6, 6]
    twice = nn.Sequential(model[0], model[0])
    costs = network_costs(twice, torch.ones(1, 3))
    assert costs["flops"].tolist() == [36]


def test_operations_that_are_not_known_are_nan_and_their_parameters_count():
    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(4))
            self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
            self.unused = nn.Linear(4, 4)
            self.out = nn.Linear(4, 2)

        def forward(self, x):
            return self.out(self.attention(x, x, x)[0] * self.scale)

    model = Attending()
    costs = network_costs(model, torch.ones(1, 3, 4)).set_index("layer")
    unknown = ["the network", "attention", "attention.out_proj", "unused"]
    assert costs.index[costs["flops"].isna()].tolist() == unknown
    assert costs.loc["out", "flops"] == 2 * 3 * 4 * 2
    assert costs["parameters"].sum() == sum(p.numel() for p in model.parameters())


def test_masks_of_another_network_are_refused():
    with pytest.raises(ConfigurationError, match="no parameter 'fc'"):
        network_costs(nn.Linear(2, 2), torch.ones(1, 2), Masks({"fc": np.ones(2, bool)}))


def test_networks_are_timed_in_turns_and_compared_with_the_first():
    # each call of a network moves the clock by a known time
    now, order = [0.0], []

    class Slow(nn.Module):
        def __init__(self, name, taken):
            super().__init__()
            self.name, self.taken = name, iter(taken)
            self.fc = nn.Linear(2, 2)

        def forward(self, x):
            now[0] += next(self.taken)
            order.append(self.name)
            return self.fc(x)

    networks = {"dense": Slow("a", [9, 2, 4, 6]), "small": Slow("b", [9, 1, 1, 3])}
    speed = measure_speed(networks, torch.ones(1, 2), rounds=3, warm_up=1, clock=lambda: now[0])
    assert "".join(order) == "baabbaab"
    assert speed["seconds"].tolist() == [4, 1]
    assert speed["seconds_low"].tolist() == [3, 1]
    assert speed["seconds_high"].tolist() == [5, 2]
    assert speed["speedup"].tolist() == [1, 2]
    assert speed["speedup_high"].tolist() == [1, 3]
    assert speed["bytes"].tolist() == [24, 24]


def test_no_network_and_no_round_are_refused():
    with pytest.raises(ConfigurationError, match="0 networks"):
        measure_speed({}, torch.ones(1))
    with pytest.raises(ConfigurationError, match="0 rounds"):
        measure_speed({"a": nn.Identity()}, torch.ones(1), rounds=0)


def test_a_sum_of_costs_leaves_out_what_is_not_known():
    costs = network_costs(nn.Sequential(nn.Embedding(3, 2), nn.Linear(2, 1)), torch.tensor([1]))
    assert math.isnan(costs["flops"][0])
    assert costs["flops"].sum() == 4
