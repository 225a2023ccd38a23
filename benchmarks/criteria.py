"""Seconds and memory of every pruning criterion on the paper's LeNet.

    OMP_NUM_THREADS=1 python benchmarks/criteria.py [--steps 1000] [--names causal lamp] [--memory]

A trajectory of 657,080 parameters (LeNet for CIFAR-10, weights and biases) is drawn and stored in
a temporary folder (2.6 GB for 1,000 steps), with its streaming sums and 100 minibatch gradients.
CPU seconds of each criterion, in units of one sort of 657,080 numbers, and of the allocation of
its scores. With ``--memory`` the peak that Python allocates while a criterion works, beside what
it is given; it slows the many small steps of some, so that seconds are taken without it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from causalhyper.frames import LayerSums, StepSums
from causalhyper.frames.trajectory import Layer, TrajectoryWriter, read_trajectory
from causalhyper.granger.criteria import CRITERIA, Evidence, named
from causalhyper.granger.design import granger_design
from causalhyper.granger.masks import Masks, allocate

LENET = {
    "conv1.weight": (20, 3, 5, 5), "conv1.bias": (20,),
    "conv2.weight": (50, 20, 5, 5), "conv2.bias": (50,),
    "fc1.weight": (500, 1250), "fc1.bias": (500,),
    "fc2.weight": (10, 500), "fc2.bias": (10,),
}  # fmt: skip
RATE, LAG, MINIBATCHES = 1e-3, 100, 100


def store_trajectory(folder: Path, steps: int, rng: np.random.Generator) -> None:
    """Draw changes whose sizes differ by parameter and fall over the steps, and their losses."""
    sizes = {
        n: np.exp(rng.normal(size=s)).astype(np.float32) * np.float32(1e-6)
        for n, s in LENET.items()
    }
    speed = np.exp(-np.linspace(0, 1, steps)) * np.exp(0.2 * rng.normal(size=steps))
    layers = [Layer(name, shape) for name, shape in LENET.items()]
    with TrajectoryWriter.create(folder, layers=layers) as writer:
        for t in range(steps):
            changes = {
                name: np.float32(speed[t]) * size * rng.standard_normal(size.shape, np.float32)
                for name, size in sizes.items()
            }
            moved = sum(float((c.astype(float) ** 2).sum()) for c in changes.values())
            loss = 2.0 * speed[t]
            after = loss - moved / RATE * (1 + 0.05 * rng.normal())
            writer.append(changes, step=t, loss=loss, loss_after=after)


def step_sums(folder: Path) -> StepSums:
    """Sums at lags 0 and 100, from one reading of the store."""
    layers = []
    for name, design in granger_design(folder).items():
        y, rows = design.y, design.shape[0]
        found = {key: np.empty((2, 1, design.shape[1])) for key in ("x", "xx", "xy")}
        for start, block in design.columns.blocks():
            there = slice(start, start + block.shape[1])
            values = block.astype(np.float64) * design.columns.unit
            for at, lag in enumerate((0, LAG)):
                x, shifted = values[lag:], y[: rows - lag]
                found["x"][at, 0, there] = x.sum(axis=0)
                found["xx"][at, 0, there] = np.einsum("ij,ij->j", x, x)
                found["xy"][at, 0, there] = shifted @ x
        shape = LENET[name]
        moved = {"displacement": np.zeros(design.shape[1]), "movement": found["x"][0, 0]}
        layers.append(LayerSums(name, shape, **found, **moved))
    return StepSums(tuple(layers), (0, LAG), False, (y,), {"response": "same"})


def evidence_of(folder: Path, rng: np.random.Generator) -> Evidence:
    """All that any criterion needs."""
    weights = {name: 0.1 * rng.standard_normal(shape, np.float32) for name, shape in LENET.items()}

    def gradients(count: int):
        own = np.random.default_rng(1)
        for _ in range(count):
            yield {n: own.standard_normal(s, np.float32) for n, s in LENET.items()}

    return Evidence(
        weights=weights,
        collected=weights,
        masks=Masks.all_kept(LENET),
        rng=rng,
        sums=step_sums(folder),
        trajectory=read_trajectory(folder),
        gradients=gradients,
    )


def seconds(work: Callable[[], object], times: int = 1) -> float:
    """Median CPU seconds of some calls."""
    spent = []
    for _ in range(times):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return float(np.median(spent))


def peak(work: Callable[[], object]) -> float:
    """Largest number of bytes that a call holds beside what there was."""
    tracemalloc.start()
    work()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def report(name: str, evidence: Evidence, sort: float, memory: bool) -> None:
    """Print a line for a criterion."""
    options = {"l1": 1e-18} if name == "causal-published" else {}
    criterion = named(name, **options)
    if memory:
        print(f"{name:20s}  {peak(lambda: criterion.scores(evidence)) / 2**20:10.0f} MiB")
        return
    found = {}
    spent = seconds(lambda: found.update(criterion.scores(evidence)))
    placed = seconds(lambda: allocate(found, sparsity=0.97))
    print(f"{name:20s}  {spent:8.2f} s  {spent / sort:8.1f}  {placed / sort:10.1f}", flush=True)


def main() -> None:
    """Time the criteria named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--names", nargs="*", choices=list(CRITERIA), default=list(CRITERIA))
    parser.add_argument("--memory", action="store_true")
    o = parser.parse_args()
    warnings.simplefilter("ignore", RuntimeWarning)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        store_trajectory(Path(folder) / "store", o.steps, rng)
        evidence = evidence_of(Path(folder) / "store", rng)
        size = sum(mask.size for mask in evidence.masks.kept.values())
        numbers = rng.random(size)
        sort = seconds(lambda: np.sort(numbers), 9)
        print(f"{size} parameters, {o.steps} steps; a sort takes {sort:.3f} s")
        print(
            "criterion              peak"
            if o.memory
            else f"{'criterion':20s}   seconds     sorts  allocation in sorts"
        )
        for name in o.names:
            report(name, evidence, sort, o.memory)


if __name__ == "__main__":
    main()
