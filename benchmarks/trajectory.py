"""What recording a trajectory costs a training step.

    OMP_NUM_THREADS=1 python benchmarks/trajectory.py [--folder FOLDER] [--steps 320]

The net has 657,080 parameters: LeNet for 32 × 32 colour images (convolutions 3 to 20 to 50, linear
1250 to 500 to 10), trained by SGD on minibatches of 64. A step is the training step with the
second forward pass that the loss after it needs. What recording adds is measured step by step, in
the thread that trains (the mean, as every 32nd step hands over a block) against the median step,
and the processor time of the thread that writes is printed beside it.
`trajectory_reads.py` measures reading. torch is in the collect extra.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from causalhyper.frames.trajectory import Layer, TrajectoryWriter

RATE, BATCH, BLOCK = 0.01, 64, 32


def make_net() -> nn.Module:
    """LeNet for colour images, with exactly 657,080 parameters."""
    torch.manual_seed(0)
    pooled = [nn.ReLU(), nn.MaxPool2d(2)]
    net = nn.Sequential()
    for name, part in {
        "conv1": nn.Conv2d(3, 20, 5),
        "pool1": nn.Sequential(*pooled),
        "conv2": nn.Conv2d(20, 50, 5),
        "pool2": nn.Sequential(*pooled),
        "flat": nn.Flatten(),
        "fc1": nn.Linear(1250, 500),
        "relu": nn.ReLU(),
        "fc2": nn.Linear(500, 10),
    }.items():
        net.add_module(name, part)
    assert sum(p.numel() for p in net.parameters()) == 657_080
    return net


def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Draw minibatches without end."""
    generator = torch.Generator().manual_seed(0)
    while True:
        images = torch.randn(BATCH, 3, 32, 32, generator=generator)
        yield images, torch.randint(10, (BATCH,), generator=generator)


class Training:
    """The net with its optimiser; `step` takes one step and returns both losses."""

    def __init__(self) -> None:
        self.net = make_net()
        self.optimizer = torch.optim.SGD(self.net.parameters(), RATE)
        self.batches = batches()

    def step(self) -> tuple[float, float]:
        """Train on a minibatch, and run it forward once more."""
        images, labels = next(self.batches)
        self.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self.net(images), labels)
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            after = nn.functional.cross_entropy(self.net(images), labels)
        return loss.item(), after.item()

    def gradients(self) -> dict[str, np.ndarray]:
        """Return the gradients of the last step; minus the rate times them it added."""
        return {name: p.grad.numpy() for name, p in self.net.named_parameters()}


class Clock:
    """Now: wall time, and processor time of this thread."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.thread_time()

    def __sub__(self, before: Clock) -> tuple[float, float]:
        return self.wall - before.wall, self.cpu - before.cpu


def make_writer(folder: Path, training: Training, dtype: str) -> TrajectoryWriter:
    """Begin a store for the net."""
    named = training.net.named_parameters()
    layers = [Layer(name, tuple(parameter.shape)) for name, parameter in named]
    settings = {"optimizer": "SGD", "learning_rate": RATE, "batch_size": BATCH, "seed": 0}
    return TrajectoryWriter.create(folder, layers=layers, settings=settings, dtype=dtype)


def measure_writing(folder: Path, steps: int, dtype: str) -> None:
    """Print what recording adds to a step, as a share of it."""
    training = Training()
    stepping, recording = [], []
    with make_writer(folder, training, dtype) as writer:
        for step in range(steps + BLOCK):
            if step == BLOCK:
                wall, cpu, own = time.perf_counter(), time.process_time(), time.thread_time()
            began = Clock()
            before, after = training.step()
            middle = Clock()
            losses = {"loss": before, "loss_after": after}
            writer.append(training.gradients(), step=step, factor=-RATE, **losses)
            stepping.append(middle - began)
            recording.append(Clock() - middle)
        thread = time.process_time() - cpu - (time.thread_time() - own)
        wall = time.perf_counter() - wall
    step_wall, step_cpu = np.median(stepping[BLOCK:], axis=0)
    added_wall, added_cpu = np.mean(recording[BLOCK:], axis=0)
    shares = added_cpu / step_cpu, added_wall / step_wall, thread / steps / step_cpu
    added, waited, beside = (f"{100 * share:.1f}%" for share in shares)
    print(
        f"writing {dtype}: a step takes {step_cpu * 1e3:.1f} ms of processor time, "
        f"{step_wall * 1e3:.1f} ms in all; recording adds {added} and {waited} in that thread; "
        f"the writing thread takes {beside} of processor time beside it ({wall:.0f} s in all)"
    )


def main() -> None:
    """Measure writing, type by type."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where to write, on a real disk")
    parser.add_argument("--steps", type=int, default=320)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for dtype in ("float32", "float16", "bfloat16"):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            measure_writing(Path(folder, "store"), options.steps, dtype)


if __name__ == "__main__":
    main()
