"""A pruning by several processes: ``python -m`` this, a folder, a rank, their number, a port."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from causalhyper.errors import DataError
from collectors.pruning import PruningTask, prune
from collectors.pruning.processes import OtherProcessError
from tests.collectors.pruning.problems import SHORT, Movement, Probe, batched, examples

DEEP = replace(SHORT, n_post=5)
EXCITED = replace(SHORT, excitation_noise=2.0, excitation_spread=3.0, n_more=1)


def network():
    return nn.Sequential(nn.Linear(6, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 3))


def plain_network():
    return nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 3))


class Failing(Movement):
    """Raises where its sums are, in the first process alone."""

    def scores(self, evidence):
        raise DataError("nothing to rank")


def share(data, rank, size):
    """Every process takes its part of each minibatch."""
    return [(x[rank::size], y[rank::size]) for x, y in data]


def task(rank=0, size=1, make=plain_network):
    parts = [batched(*examples(n, seed=s)) for n, s in ((96, 0), (60, 1), (60, 2))]
    train, validation, test = (share(part, rank, size) for part in parts)
    return PruningTask(make, train=train, validation=validation, test=test)


def prune_all(folder, rank, size):
    given = {"criterion": Movement(), "sparsity": 0.6, "seed": 2, "settings": DEEP, "quiet": True}
    found = prune(task(rank, size), out=folder / "run", **given)
    torch.save(
        {"model": found.model.state_dict(), "masks": {k: torch.from_numpy(v) for k, v in
         found.masks.kept.items()}, "log": found.log.filter(regex="loss|accuracy").to_numpy()},
        folder / f"{rank}.pt",
    )  # fmt: skip
    again = prune(task(rank, size), out=folder / "run", resume=True, **given)
    assert all(
        torch.equal(a, b)
        for a, b in zip(
            again.model.state_dict().values(), found.model.state_dict().values(), strict=True
        )
    )
    normed = prune(task(rank, size, network), **given)
    tensors = [t.double().sum() for t in normed.model.state_dict().values()]
    (folder / f"{rank}.txt").write_text(repr([t.item() for t in tensors]))
    probe = Probe()
    excited = prune(task(rank, size), **(given | {"criterion": probe, "settings": EXCITED}))
    shared = [evidence.attribution for evidence in probe.given]
    torch.save((shared, excited.model.state_dict()), folder / f"{rank}.attribution.pt")
    try:
        prune(task(rank, size), **(given | {"criterion": Failing()}))
    except (DataError, OtherProcessError) as error:
        (folder / f"{rank}.error").write_text(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    place, number, count, port = sys.argv[1:]
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    dist.init_process_group("gloo", rank=int(number), world_size=int(count))
    prune_all(Path(place), int(number), int(count))
    dist.destroy_process_group()
