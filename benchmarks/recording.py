"""What recording adds to a training step, beside the second forward pass that it needs.

    OMP_NUM_THREADS=1 python benchmarks/recording.py [--steps 40] [--turns 5] [--batch 64]

A LeNet of 657,080 parameters is trained with plain SGD on random images of 32 × 32 with three
channels. In every turn a block of steps is trained in each way, one after the other in one
process: plainly; with a second forward pass written by hand; and recorded in several ways. The
store is written into a temporary folder of the disk that holds the current one. What is printed is
the time of the process (all threads, writer included) and the wall time of a step, and the share
that recording adds to a step with the second pass: medians over turns, with their range.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from collectors.recording import StepAccumulators, record

Way = Callable[[nn.Module, torch.optim.Optimizer, list[tuple[torch.Tensor, torch.Tensor]]], None]


def lenet() -> nn.Module:
    """20 and 50 filters of 5 × 5, 500 hidden units, 10 classes."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 20, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(1250, 500), nn.ReLU(), nn.Linear(500, 10),
    )  # fmt: skip


def plain(model, optimizer, batches) -> None:
    """Train without recording."""
    for x, y in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()


def twice(model, optimizer, batches) -> None:
    """Train, and compute each loss once more after the step."""
    for x, y in batches:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            float(nn.functional.cross_entropy(model(x), y) - loss)


def recorded(to: Callable[[], object]) -> Way:
    """Train and record to a place that is made anew each time."""

    def way(model, optimizer, batches) -> None:
        with record(model, optimizer, to()) as recorder:
            for x, y in batches:
                optimizer.zero_grad()
                loss = recorder.loss(lambda x=x, y=y: nn.functional.cross_entropy(model(x), y))
                loss.backward()
                optimizer.step()

    return way


def ways(folder: Path) -> dict[str, Way]:
    """Every way to train that is timed."""
    number = iter(range(10**6))

    def new() -> Path:
        for old in folder.iterdir():
            shutil.rmtree(old)
        return folder / str(next(number))

    return {
        "plain": plain,
        "second pass by hand": twice,
        "steps frame alone": recorded(lambda: None),
        "store": recorded(new),
        "sums": recorded(lambda: StepAccumulators()),
        "sums, 4 lags": recorded(lambda: StepAccumulators([1, 10, 20, 30])),
        "sums, momentum": recorded(lambda: StepAccumulators(momentum=True)),
    }


def measure(way: Way, steps: int, size: int) -> tuple[float, float]:
    """Milliseconds a step: of the process, and of the wall clock."""
    model = lenet()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(size, 3, 32, 32, generator=generator)
    y = torch.randint(10, (size,), generator=generator)
    batches = [(x, y)] * steps
    way(model, optimizer, batches[:2])
    began, wall = time.process_time(), time.perf_counter()
    way(model, optimizer, batches)
    scale = 1e3 / steps
    return (time.process_time() - began) * scale, (time.perf_counter() - wall) * scale


def main() -> None:
    """Time all ways in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=".") as folder:
        timed = ways(Path(folder))
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in timed}
        for _ in range(options.turns):
            for name, way in timed.items():
                found[name].append(measure(way, options.steps, options.batch))
    base = np.array(found["second pass by hand"])
    for name, times in found.items():
        cpu, wall = np.median(times, axis=0)
        share = 100 * (np.array(times) / base - 1)
        middle, low, high = np.median(share[:, 0]), share[:, 0].min(), share[:, 0].max()
        print(
            f"{name:20} {cpu:7.2f} ms of the process, {wall:7.2f} ms of wall; process "
            f"{middle:+6.1f}% ({low:+.1f} to {high:+.1f}), wall {np.median(share[:, 1]):+6.1f}%"
        )


if __name__ == "__main__":
    main()
