"""On a GPU: captured steps train and record as those that are not captured."""

import pytest
import torch

from collectors.ensembles.pruning import stacked_network
from collectors.ensembles.pruning.captured import CapturedNetwork
from collectors.ensembles.pruning.networks import Precision
from collectors.ensembles.pruning.passes import train_pass
from collectors.ensembles.pruning.recording import Asked, Kind, Recording
from collectors.ensembles.pruning.updates import AdamUpdate, SgdUpdate
from collectors.networks import LeNet
from collectors.pruning import PruningTask

KINDS: tuple[Kind, ...] = ("same", "next", "moves", "fresh")
"""In the order in which rows stand; the last row is trained by Adam."""


@pytest.mark.parametrize("shares", [(1, 1, 1, 1, 1), (3, 0, 2, 1, 7), (3, 2, 2, 1, 7)])
@pytest.mark.parametrize("precision", ["bfloat16", "tf32"])
@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32)])
def test_captured_collecting_is_collecting_to_the_bit(
    shares: tuple[int, ...], precision: Precision, channels: int, size: int
):
    """Epochs of two sizes of minibatch, which are captured at different times."""
    torch.manual_seed(0)
    images = torch.randn(512, channels, size, size, device="cuda")
    classes = torch.arange(512, device="cuda") % 10
    epoch = [(images.roll(i, 0), classes.roll(i, 0)) for i in range(4)]
    epoch.append((images[:64], classes[:64]))
    task = PruningTask(lambda: LeNet(channels=channels, size=size), epoch, device="cuda")
    network, count = stacked_network(task, "fused"), sum(shares)
    first = 0.05 * torch.randn(count, network.layout.width, device="cuda")
    pruned = torch.rand_like(first) < 0.3
    first[pruned] = 0
    found = []
    for is_captured in (False, True):
        rows = first.clone()
        trained = CapturedNetwork(network, rows) if is_captured else network
        recordings, start = [], 0
        for kind, share in zip(KINDS, shares, strict=False):
            if share:
                recordings.append(Recording(Asked(kind), slice(start, start + share)))
            start += share
        rates = rows.new_full((1,), 5e-4)
        adam = AdamUpdate(rates, rows[count - 1 :])
        updates = [(slice(0, count - 1), SgdUpdate(1e-2)), (slice(count - 1, count), adam)]
        for _ in range(4):
            args = trained, rows, pruned, updates, iter(epoch), precision, recordings
            train_pass(*args, exact="tf32")
        if is_captured:
            assert {what for (what, _), *_ in trained._steps} == {"gradients", "losses"}
            assert all(step is not None for step in trained._steps.values())
            assert {shape[0] for *_, shape in trained._steps} == {512, 64}
        records = [r.of_row(at) for r in recordings for at in range(r.rows.stop - r.rows.start)]
        sums = [total for record in records for total in record.sums.values()]
        responses = [r.responses for r in records if r.responses is not None]
        found.append([rows, *sums, *responses])
    assert torch.isfinite(found[0][0]).all()
    for plain, other in zip(*found, strict=True):
        assert torch.equal(plain, other)
