"""Rotations of the loss: the cost of a family-wise null in plain matrix products of its shape.

    OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/rotations.py [--columns 51200] [--steps 500]
        [--rotations 115] [--turns 7]

One product is that of float32 columns with the response and all its rotations, whole and in
blocks of columns; the test does that, and the lengths, the trend, counts, means, maxima and sums
of squares. Figures are medians, over turns in one process, of CPU time; ratios are to the product
in blocks of the same turn.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from causalhyper.granger.lasso import DenseColumns, SquaredChanges
from causalhyper.granger.significance.shifts import shift_test

BLOCK = 1024


def multiply(sides: np.ndarray, x: np.ndarray, width: int) -> None:
    """Products with blocks of columns."""
    for start in range(0, x.shape[1], width):
        sides @ x[:, start : start + width]


def timed(work: Callable[[], object]) -> float:
    """CPU seconds."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--columns", type=int, default=51_200)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--rotations", type=int, default=115)
    parser.add_argument("--turns", type=int, default=7)
    o = parser.parse_args()
    rng = np.random.default_rng(0)
    speed = np.exp(-2 * np.arange(o.steps) / o.steps)[:, None]
    changes = (1e-3 * speed * rng.normal(size=(o.steps, o.columns))).astype(np.float32)
    x, y = changes**2, speed.ravel() * rng.normal(size=o.steps)
    sides = rng.normal(size=(o.rotations + 1, o.steps)).astype(np.float32)
    test = partial(shift_test, y=y, shifts=o.rotations)
    plain = {"trend": "none", "spread": "constant"}
    work: dict[str, Callable[[], object]] = {
        f"product in blocks of {BLOCK}": partial(multiply, sides, x, BLOCK),
        "product, whole": partial(multiply, sides, x, o.columns),
        "shift_test, no trend": lambda: test(
            DenseColumns(x), rng=np.random.default_rng(1), **plain
        ),
        "shift_test": lambda: test(DenseColumns(x), rng=np.random.default_rng(1)),
        "shift_test of changes": lambda: test(
            SquaredChanges(changes), rng=np.random.default_rng(1)
        ),
    }
    turns = [{name: timed(each) for name, each in work.items()} for _ in range(o.turns)]
    base = next(iter(work))
    print(f"{o.columns} columns, {o.steps} steps, {o.rotations} rotations, float32")
    for name in work:
        seconds = np.median([turn[name] for turn in turns])
        ratio = np.median([turn[name] / turn[base] for turn in turns])
        print(f"{name:32s} {seconds:.3f} s  {ratio:.2f}")


if __name__ == "__main__":
    main()
