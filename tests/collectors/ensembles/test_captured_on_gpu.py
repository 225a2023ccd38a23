"""On a GPU: captured steps train and record as those that are not captured."""

import pytest
import torch

from collectors.ensembles.pruning import passes, stacked_network
from collectors.ensembles.pruning.captured import CapturedNetwork
from collectors.ensembles.pruning.recording import Asked, Recording
from collectors.ensembles.pruning.updates import SgdUpdate
from collectors.networks import LeNet
from collectors.pruning import PruningTask

STEPS = 12


@pytest.mark.parametrize("count", [3, 6, 13, 15])
@pytest.mark.parametrize(("precision", "exact"), [("bfloat16", "tf32"), ("tf32", "tf32")])
@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32)])
def test_captured_collecting_is_collecting_to_the_bit(
    count: int, precision: str, exact: str, channels: int, size: int
):
    torch.manual_seed(0)
    images = torch.randn(64, channels, size, size, device="cuda")
    classes = torch.arange(64, device="cuda") % 10
    data = [(images.roll(i, 0), classes.roll(i, 0)) for i in range(STEPS)]
    task = PruningTask(lambda: LeNet(channels=channels, size=size), data, device="cuda")
    network = stacked_network(task, "fused")
    first = 0.05 * torch.randn(count, network.layout.width, device="cuda")
    pruned = torch.rand_like(first) < 0.3
    first[pruned] = 0
    found = []
    for is_captured in (False, True):
        rows = first.clone()
        trained = CapturedNetwork(network, rows) if is_captured else network
        same, fresh = slice(0, count // 3), slice(count // 3, count // 3 + 1)
        recordings = [Recording(Asked("same"), same), Recording(Asked("fresh"), fresh)]
        updates = [(slice(0, count), SgdUpdate(1e-2))]
        args = trained, rows, pruned, updates, iter(data), precision, recordings
        passes.train_pass(*args, exact=exact)
        responses = torch.stack([recordings[0].of_row(i).responses for i in range(same.stop)])
        found.append((rows, responses, recordings[1].of_row(0).sums["fresh"]))
    for plain, other in zip(*found, strict=True):
        assert torch.equal(plain, other)
