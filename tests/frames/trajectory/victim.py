"""A process that records steps until it is killed, telling after each flush what it holds."""

import sys
from itertools import count
from pathlib import Path

import numpy as np

from causalhyper.frames.trajectory import Layer, TrajectoryWriter

LAYERS = [Layer("w", (40, 50)), Layer("b", (50,))]


def change(row):
    """The change of a step: depends on nothing but its row."""
    rng = np.random.default_rng(row)
    return {layer.name: np.float32(rng.normal(size=layer.shape)) for layer in LAYERS}


def record(folder, stop, tell=lambda steps: None):
    """Record the steps up to `stop`, going on where a store ends."""
    if (Path(folder) / "manifest.json").exists():
        writer = TrajectoryWriter.resume(folder, layers=LAYERS)
    else:
        options = {"block_steps": 8, "block_columns": 300, "run_id": "r"}
        writer = TrajectoryWriter.create(folder, layers=LAYERS, **options)
    with writer:
        for row in count(writer.steps):
            if stop is not None and row >= stop:
                break
            writer.append(change(row), step=row, loss=1 / (row + 1))
            if row % 5 == 2:
                writer.flush()
                tell(writer.steps)


if __name__ == "__main__":
    record(sys.argv[1], None, lambda steps: sys.stdout.write(f"{steps}\n") and sys.stdout.flush())
