"""What recording a trajectory costs a training step, and how fast columns read back.

    OMP_NUM_THREADS=1 python benchmarks/trajectory.py [--folder FOLDER] [--steps 320]

The net has 657,080 parameters: LeNet for 32 × 32 colour images (convolutions 3 to 20 to 50, linear
1250 to 500 to 10), trained by SGD on minibatches of 64. A step is the training step with the
second forward pass that the loss after it needs. What recording adds is measured step by step, in
the thread that trains (the mean, as every 32nd step hands over a block) against the median step,
and the processor time of the thread that writes is printed beside it. Reading
is of 320 steps × 8,192 columns of the largest layer, from the store and from its peers on the same
disk: cold (pages dropped by posix_fadvise) and warm, in turns, all checked to give equal values.
torch is in the collect extra; zarr is timed where it is installed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from causalhyper.frames.trajectory import Layer, TrajectoryWriter, read_trajectory

RATE, BATCH, WIDTH, BLOCK = 0.01, 64, 8192, 32
READ = "fc1.weight"


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


def seconds_of(work: Callable[[], object]) -> float:
    """Return wall seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


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


def write_peers(folder: Path, steps: int) -> dict[str, Callable[[int], np.ndarray]]:
    """Record one training in every way; return how each reads a block of columns."""
    training = Training()
    size = dict(training.net.named_parameters())[READ].numel()
    (folder / "files").mkdir()
    rows = np.lib.format.open_memmap(folder / "rows.npy", "w+", np.float32, (steps, size))
    with make_writer(folder / "store", training, "float32") as writer:
        for step in range(steps):
            before, after = training.step()
            changes = {name: g * np.float32(-RATE) for name, g in training.gradients().items()}
            writer.append(changes, step=step, loss=before, loss_after=after)
            rows[step] = changes[READ].ravel()
            tensors = {name: torch.from_numpy(each) for name, each in changes.items()}
            torch.save(tensors, folder / "files" / f"{step:05}.pt")
    rows.flush()
    os.sync()
    peers = {
        "store": lambda start: read_store(folder / "store", start),
        "a file a step": lambda start: read_files(folder / "files", start),
        "row-major, memmap": lambda start: read_memmap(folder / "rows.npy", start),
        "row-major, pread": lambda start: read_rows(folder / "rows.npy", start, size, steps),
    }
    try:
        import zarr
    except ImportError:
        return peers
    array = zarr.open(folder / "x.zarr", mode="w", shape=rows.shape, chunks=(BLOCK, WIDTH))
    array[:] = rows
    peers["zarr"] = lambda start: zarr.open(folder / "x.zarr")[:, start : start + WIDTH]
    return peers


def read_store(path: Path, start: int) -> np.ndarray:
    """Open the store and read a block."""
    return read_trajectory(path).columns(READ, start, start + WIDTH)


def read_files(path: Path, start: int) -> np.ndarray:
    """Load every step's file, and take the columns out."""
    found = [
        torch.load(file, weights_only=True)[READ].reshape(-1)[start : start + WIDTH].numpy()
        for file in sorted(path.iterdir())
    ]
    return np.stack(found)


def read_memmap(path: Path, start: int) -> np.ndarray:
    """Copy the columns out of a memory map."""
    return np.array(np.load(path, mmap_mode="r")[:, start : start + WIDTH])


def read_rows(path: Path, start: int, size: int, steps: int) -> np.ndarray:
    """Read the columns of each row by one call."""
    out = np.empty((steps, WIDTH), np.float32)
    header = path.stat().st_size - steps * size * 4
    descriptor = os.open(path, os.O_RDONLY)
    for row in range(steps):
        os.preadv(descriptor, [out[row]], header + (row * size + start) * 4)
    os.close(descriptor)
    return out


def drop_pages(folder: Path) -> None:
    """Let the system forget the content of all files."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def measure_reading(folder: Path, steps: int, turns: int) -> None:
    """Print what a block of columns takes, and as a multiple of the store's time."""
    readers = write_peers(folder, steps)
    truth = readers["store"](0)
    assert all(np.array_equal(read(0), truth) for read in readers.values())
    opened = seconds_of(lambda: read_trajectory(folder / "store"))
    print(
        f"reading {steps} steps x {WIDTH} columns; opening the store takes {opened * 1e3:.0f} ms"
    )
    starts = np.random.default_rng(0).permutation(70)[:turns] * WIDTH
    kept = read_trajectory(folder / "store")
    readers["store, opened before"] = lambda at: kept.columns(READ, at, at + WIDTH)
    for kind in ("cold", "warm"):
        seconds: dict[str, list[float]] = {name: [] for name in readers}
        for start in starts[:turns]:
            for name, read in readers.items():
                if kind == "cold":
                    drop_pages(folder)
                else:
                    read(int(start))
                seconds[name].append(seconds_of(partial(read, int(start))))
        own = seconds["store"]
        for name, found in seconds.items():
            ratios = [b / a for a, b in zip(own, found, strict=True)]
            low, high = min(ratios), max(ratios)
            print(
                f"{kind}, {name}: {statistics.median(found) * 1e3:.1f} ms, "
                f"{statistics.median(ratios):.2f} times the store ({low:.2f} to {high:.2f})"
            )


def main() -> None:
    """Measure writing, then reading."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where to write, on a real disk")
    parser.add_argument("--steps", type=int, default=320)
    parser.add_argument("--turns", type=int, default=5, help="of reading")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for dtype in ("float32", "float16", "bfloat16"):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            measure_writing(Path(folder, "store"), options.steps, dtype)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        measure_reading(Path(folder), options.steps, options.turns)


if __name__ == "__main__":
    main()
