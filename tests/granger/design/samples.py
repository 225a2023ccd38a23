"""Small trajectories to make designs from."""

import numpy as np
import pandas as pd

from causalhyper.frames.trajectory import Layer, TrajectoryWriter, read_trajectory


def changes_of(shapes, rows=12, seed=0):
    """Changes of layers by name, shape (rows, *shape), exact in two-byte floats."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.integers(-120, 121, size=(rows, *shape)) / 2.0**20
        for name, shape in shapes.items()
    }


def losses(rows, seed=0):
    """A steps frame with losses and learning rates."""
    rng = np.random.default_rng(seed)
    before = 2 - 0.1 * np.arange(rows) + rng.normal(size=rows)
    rates = 0.1 / (1 + np.arange(rows))
    return pd.DataFrame(
        {"loss": before, "loss_after": before - rng.random(rows), "learning_rate": rates}
    )


def store(
    folder, changes, frame, *, dtype="float32", steps=None, settings=None, blocks=(4, 8), **options
):
    """Write changes into a store, and open it."""
    layers = [Layer(name, array.shape[1:]) for name, array in changes.items()]
    shape = {"block_steps": blocks[0], "block_columns": blocks[1]}
    writer = TrajectoryWriter.create(folder, layers, settings, dtype=dtype, **shape, **options)
    with writer:
        for row, columns in enumerate(frame.to_dict("records")):
            number = row if steps is None else steps[row]
            step = {name: array[row] for name, array in changes.items()}
            writer.append(step, step=number, **columns)
    return read_trajectory(folder)


def matrix(columns):
    """All columns, in the design's unit, in float64."""
    rows, count = columns.shape
    full = np.full((rows, count), np.nan)
    end = 0
    for start, block in columns.blocks():
        assert start == end, "blocks come left to right without gaps"
        assert block.dtype == columns.dtype
        end = start + block.shape[1]
        full[:, start:end] = block * np.float64(columns.unit)
    assert end == count
    return full
