"""Small factorials in the layout of the logs, with outcomes that a formula gives."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from case_studies.batch_size.logged_grids.benchmarks import Benchmark
from case_studies.batch_size.logged_grids.cells import Cells

SMALL = Benchmark(
    name="small",
    file="small.csv.gz",
    factors=("batch_size", "learning_rate", "width"),
    names={"lr": "learning_rate"},
    scores="score_s",
    seeds=3,
    outcome="score",
    log=False,
    maximise=True,
    protocol="equal epochs",
    sampled=(8, 16, 32),
    width="width",
    contexts=("dataset",),
    usual=(("usual", 16, 0.01),),
    price=0.1,
)
BATCHES, RATES, WIDTHS = (8, 16, 32), (0.001, 0.01, 0.1, 1.0), (4, 8, 16)
DATASETS = ("a", "b")


def write_logs(
    folder: Path,
    outcome: Callable[[str, int, float, int, int], float],
    benchmark: Benchmark = SMALL,
) -> Path:
    """Write a full factorial in a shuffled order; outcome takes data set, B, rate, width, seed."""
    rows = [
        {
            "dataset": d,
            "batch_size": b,
            "lr": r,
            "width": w,
            **{f"score_s{s}": outcome(d, b, r, w, s) for s in range(benchmark.seeds)},
            "train_time_mean": 100.0 / b,
        }
        for d, b, r, w in product(DATASETS, BATCHES, RATES, WIDTHS)
    ]
    frame = pd.DataFrame(rows).sample(frac=1, random_state=1)
    frame.to_csv(folder / benchmark.file, index=False)
    return folder


def cells_of(outcome: np.ndarray, *, maximise: bool = True, seconds: np.ndarray | None = None):
    """Cells over powers of two and of ten from an array (data sets, b, l, seeds)."""
    count, batches, rates, seeds = outcome.shape
    batch = 2.0 ** np.arange(3, 3 + batches)
    benchmark = replace(
        SMALL, maximise=maximise, seeds=seeds, sampled=tuple(int(b) for b in batch)
    )
    if seconds is None:
        seconds = np.broadcast_to((1000 / batch)[:, None], (count, batches, rates))
    names = tuple(f"set {i}" for i in range(count))
    rate = 10.0 ** np.arange(-3, rates - 3)
    return Cells(benchmark, names, batch, rate, outcome, seconds)
