"""A network that units were removed from comes back from a file, without a pickle."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks
from collectors.networks import LeNet, ResNet18
from collectors.pruning.removal import remove_units
from collectors.pruning.smaller import load_smaller


class Transposed(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3, groups=6), nn.BatchNorm2d(6), nn.PReLU(6),
            nn.ConvTranspose2d(6, 4, 3), nn.InstanceNorm2d(4, affine=True), nn.ReLU(),
            nn.ConvTranspose2d(4, 2, 3),
        )  # fmt: skip


MASKS = {
    LeNet: {"conv1": 20, "conv2": 50, "fc1": 500},
    ResNet18: {"layer1.0.conv1": 64, "layer3.1.conv1": 256},
    Transposed: {"0": 6, "4": 4},
}


@pytest.mark.parametrize("make", MASKS)
def test_a_smaller_network_comes_back_from_a_file(tmp_path, make):
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    x = torch.randn(2, 3, 32, 32)
    options = {"normalise": True} if make is ResNet18 else {}
    masks = Masks(
        {name: rng.permutation(units) < units // 3 for name, units in MASKS[make].items()}
    )
    small = remove_units(make(**options), masks, x).eval()
    save_file(small.state_dict(), tmp_path / "small.safetensors")
    found = load_smaller(make(**options), load_file(tmp_path / "small.safetensors")).eval()
    with torch.no_grad():
        assert torch.equal(found(x), small(x))
    assert str(found) == str(small)


def test_a_state_of_another_network_is_refused():
    with pytest.raises(ConfigurationError, match=r"another network: bias"):
        load_smaller(nn.Linear(3, 2, bias=False), nn.Linear(3, 2).state_dict())
    with pytest.raises(ConfigurationError, match=r"'weight' has shape \(2, 4\).*and \(2, 3\)"):
        load_smaller(nn.Linear(3, 2), nn.Linear(4, 2).state_dict())
