"""Many seeds of one small network trained at once, against one after the other.

    OMP_NUM_THREADS=1 python benchmarks/ensembles.py [--updates 100] [--turns 3]

An MLP (20-32-32-5, B = 32 of 1,024 examples) and a two-layer GCN (random graph of 500 nodes, 64
features, width 16, B = 32) by SGD with momentum, at 8, 20 and 40 seeds: plain torch loops with
torch's optimiser, and `train_ensemble`. What is printed is the ratio of CPU times in one process,
the median of turns in which both are run, and the largest relative difference of the losses.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from collectors.ensembles import Sgd, initial_model, minibatch_orders, train_ensemble
from collectors.gcn import GCN

RATE, MOMENTUM, BATCH = 0.05, 0.9, 32
Task = tuple[Callable[[], nn.Module], tuple[Tensor, ...], Callable[..., Tensor]]


def mlp_task() -> Task:
    """Classify 1,024 points of 20 features by the largest of five linear scores."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1024, 20, generator=generator)
    y = (x @ torch.randn(20, 5, generator=generator)).argmax(1)

    def make() -> nn.Module:
        layers = nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 5)
        return nn.Sequential(*layers)

    return make, (x, y), lambda network, x, y: cross_entropy(network(x), y)


def gcn_task() -> Task:
    """Classify the nodes of a random graph by the largest of five linear scores."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(500, 64, generator=generator)
    y = (x @ torch.randn(64, 5, generator=generator)).argmax(1)
    half = torch.randint(0, 500, (2, 1000), generator=generator)
    edges = torch.cat([half, half.flip(0)], dim=1)

    def loss(network: Callable[..., Tensor], nodes: Tensor) -> Tensor:
        return cross_entropy(network(x, edges)[nodes], y[nodes])

    return lambda: GCN(64, 16, 5), (torch.arange(500),), loss


def one_by_one(task: Task, seeds: Sequence[int], updates: int) -> Tensor:
    """Losses of plain torch loops, shape (updates, seeds)."""
    make, data, loss = task
    losses = torch.empty(updates, len(seeds))
    for place, seed in enumerate(seeds):
        model = initial_model(make, seed)
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
        orders = minibatch_orders([seed], len(data[0]), BATCH, updates)
        for step, (order,) in enumerate(orders):
            value = loss(model, *(tensor[order] for tensor in data))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            losses[step, place] = value.detach()
    return losses


def together(task: Task, seeds: Sequence[int], updates: int) -> Tensor:
    """The same losses by an ensemble."""
    make, data, loss = task
    options = {"batch_size": BATCH, "updates": updates, "learning_rate": RATE}
    found = train_ensemble(make, seeds, data, loss, optimizer=Sgd(momentum=MOMENTUM), **options)
    return found.losses


def timed(work: Callable[[], Tensor]) -> tuple[float, Tensor]:
    """Seconds of CPU time, and the losses."""
    began = time.process_time()
    losses = work()
    return time.process_time() - began, losses


def main() -> None:
    """Time both in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=100)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name, task in (("mlp", mlp_task()), ("gcn", gcn_task())):
        for count in (8, 20, 40):
            seeds, ratios = range(count), []
            for _ in range(options.turns):
                alone, wanted = timed(partial(one_by_one, task, seeds, options.updates))
                joint, found = timed(partial(together, task, seeds, options.updates))
                ratios.append(alone / joint)
            apart = float(((found - wanted).abs() / wanted).max())
            print(
                f"{name}, {count} seeds: {np.median(ratios):.1f} times as fast "
                f"({min(ratios):.1f} to {max(ratios):.1f}); {1e3 * joint / options.updates:.1f} "
                f"ms a step; losses differ by {apart:.0e}"
            )


if __name__ == "__main__":
    main()
