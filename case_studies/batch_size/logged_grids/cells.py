"""Means of a factorial's cells, as a small frame and as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from case_studies.batch_size.logged_grids.benchmarks import Benchmark
from case_studies.batch_size.logged_grids.reading import Factorial
from causalhyper.arrays import Array
from causalhyper.errors import DataError

CELLS = ("benchmark", "dataset", "batch_size", "learning_rate", "seed", "outcome", "seconds")
"""Columns of the means of cells."""
BEST = ("benchmark", "dataset", "batch_size", "seed", "outcome")
"""Columns of the outcomes with every factor tuned."""


def average_cells(factorial: Factorial) -> pd.DataFrame:
    """Average over every factor but batch size and learning rate.

    Parameters
    ----------
    factorial : Factorial

    Returns
    -------
    pandas.DataFrame
        Columns `CELLS`; one row a data set, batch size, rate and seed, sorted.
    """
    names = list(factorial.levels)
    axes = tuple(range(3, len(names)))
    outcome, seconds = factorial.outcome.mean(axis=axes), factorial.seconds.mean(axis=axes)
    seeds = outcome.shape[-1]
    index = pd.MultiIndex.from_product(
        [*(factorial.levels[n] for n in ("dataset", "batch_size", "learning_rate")), range(seeds)],
        names=CELLS[1:5],
    )
    frame = index.to_frame(index=False)
    frame.insert(0, "benchmark", factorial.benchmark.name)
    frame["outcome"] = outcome.ravel().astype(np.float32)
    frame["seconds"] = np.repeat(seconds.ravel(), seeds).astype(np.float32)
    return frame.astype({"batch_size": np.int16, "learning_rate": np.float32, "seed": np.int8})


def tune_everything(factorial: Factorial) -> pd.DataFrame:
    """Outcome of each batch size at the best of all its configurations.

    Parameters
    ----------
    factorial : Factorial

    Returns
    -------
    pandas.DataFrame
        Columns `BEST`; one row a data set, batch size and seed, sorted. The configuration is the
        best on the mean of the other seeds.
    """
    outcome = factorial.outcome
    flat = outcome.reshape(*outcome.shape[:2], -1, outcome.shape[-1])
    signed = flat if factorial.benchmark.maximise else -flat
    chosen = (signed.sum(axis=-1, keepdims=True) - signed).argmax(axis=2)
    best = np.take_along_axis(flat, chosen[:, :, None], axis=2)[:, :, 0]
    levels = (factorial.levels["dataset"], factorial.levels["batch_size"])
    index = pd.MultiIndex.from_product([*levels, range(best.shape[-1])], names=BEST[1:4])
    frame = index.to_frame(index=False)
    frame.insert(0, "benchmark", factorial.benchmark.name)
    frame["outcome"] = best.ravel().astype(np.float32)
    return frame.astype({"batch_size": np.int16, "seed": np.int8})


@dataclass(frozen=True, slots=True)
class Cells:
    """Means of cells as arrays.

    Attributes
    ----------
    benchmark : Benchmark
    datasets : tuple of str
    batch, rate : ndarray, shape (b,) and (l,)
        Sorted batch sizes and learning rates.
    outcome : ndarray, shape (data sets, b, l, seeds)
    seconds : ndarray, shape (data sets, b, l)
    """

    benchmark: Benchmark
    datasets: tuple[str, ...]
    batch: Array
    rate: Array
    outcome: Array
    seconds: Array


def read_cells(frame: pd.DataFrame, benchmark: Benchmark) -> Cells:
    """Lay the means of one benchmark's cells out as arrays.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `CELLS`, of one benchmark or more.
    benchmark : Benchmark

    Returns
    -------
    Cells

    Raises
    ------
    DataError
        If a cell is missing or there twice.
    """
    (datasets, batch, rate, _), (outcome, seconds) = _to_arrays(
        frame, benchmark, CELLS[1:5], ("outcome", "seconds")
    )
    return Cells(
        benchmark,
        tuple(map(str, datasets)),
        batch.astype(np.float64),
        rate.astype(np.float64),
        outcome,
        seconds[..., 0],
    )


def read_best(frame: pd.DataFrame, benchmark: Benchmark) -> Array:
    """Lay the outcomes of one benchmark with every factor tuned out as an array.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `BEST`, of one benchmark or more.
    benchmark : Benchmark

    Returns
    -------
    ndarray, shape (data sets, b, seeds)

    Raises
    ------
    DataError
        If a combination is missing or there twice.
    """
    return _to_arrays(frame, benchmark, BEST[1:4], ("outcome",))[1][0]


def _to_arrays(
    frame: pd.DataFrame, benchmark: Benchmark, keys: tuple[str, ...], columns: tuple[str, ...]
) -> tuple[list[NDArray[np.generic]], list[Array]]:
    """Sorted levels of the keys, and each column over their full grid."""
    part = frame[frame["benchmark"] == benchmark.name].sort_values(list(keys))
    levels = [np.unique(part[c].to_numpy()) for c in keys]
    shape = tuple(len(v) for v in levels)
    if len(part) != prod(shape) or part.duplicated(list(keys)).any() or not len(part):
        raise DataError(
            f"the frame of {benchmark.name} is no full grid of {', '.join(keys)}: expected "
            f"{prod(shape)} different rows, got {len(part)}"
        )
    return levels, [part[c].to_numpy(np.float64).reshape(shape) for c in columns]
