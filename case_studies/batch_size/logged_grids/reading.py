"""From the files of the logs to tidy runs, and to a factorial array."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from case_studies.batch_size.logged_grids.benchmarks import Benchmark
from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError


@dataclass(frozen=True, slots=True)
class Factorial:
    """All runs of a benchmark, one cell a configuration.

    Attributes
    ----------
    benchmark : Benchmark
    levels : dict of str to ndarray
        Sorted values of the data set and of every factor, in the order of the axes.
    outcome : ndarray, shape (data sets, levels of each factor..., seeds)
    seconds : ndarray, shape (data sets, levels of each factor...)
        Mean over seeds, as the benchmark logged it.
    """

    benchmark: Benchmark
    levels: dict[str, NDArray[np.generic]]
    outcome: Array
    seconds: Array


def read_logged_runs(folder: str | Path, benchmark: Benchmark) -> pd.DataFrame:
    """Read the runs of a benchmark, one row a configuration and seed.

    Parameters
    ----------
    folder : str or Path
        Holds the benchmark's file: CSV, one row a data set and configuration, with a column of
        scores for each seed and ``train_time_mean``.
    benchmark : Benchmark

    Returns
    -------
    pandas.DataFrame
        Columns `Benchmark.columns`; texts are categories, numbers have short types.

    Raises
    ------
    ConfigurationError
        If the folder lacks the file.
    DataError
        If the file cannot be read, lacks a column, or has a score that is missing or whose
        logarithm does not exist.
    """
    wide = _read_file(Path(folder) / benchmark.file, benchmark)
    scores = wide[[f"{benchmark.scores}{s}" for s in range(benchmark.seeds)]].to_numpy(np.float64)
    wrong = ~np.isfinite(scores) | (benchmark.log & (scores <= 0))
    if wrong.any():
        row, seed = (int(i[0]) for i in np.nonzero(wrong))
        wanted = "a loss above 0" if benchmark.log else "a finite score"
        raise DataError(
            f"{benchmark.file} needs {wanted} in each of the columns {benchmark.scores}*; got "
            f"{scores[row, seed]} in row {row} ({int(wrong.sum())} in all)"
        )
    again = np.repeat(np.arange(len(wide)), benchmark.seeds)
    runs = wide[["dataset", *benchmark.factors]].iloc[again].reset_index(drop=True)
    runs["seed"] = np.tile(np.arange(benchmark.seeds, dtype=np.int8), len(wide))
    values = np.log(scores) if benchmark.log else scores
    runs[benchmark.outcome] = values.ravel().astype(np.float32)
    runs["seconds"] = wide["train_time_mean"].to_numpy(np.float32)[again]
    return runs


def _read_file(path: Path, benchmark: Benchmark) -> pd.DataFrame:
    """Read the file, its factors in short types."""
    if not path.is_file():
        raise ConfigurationError(
            f"there is no file {str(path)!r}: name the folder that holds {benchmark.file}; "
            "docs/logged-grids.md says where it comes from"
        )
    try:
        wide = pd.read_csv(path).rename(columns=dict(benchmark.names))
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"cannot read {str(path)!r}: {error}") from error
    scores = [f"{benchmark.scores}{s}" for s in range(benchmark.seeds)]
    wanted = ["dataset", *benchmark.factors, *scores, "train_time_mean"]
    missing = [c for c in wanted if c not in wide.columns]
    if missing:
        raise DataError(
            f"{str(path)!r} lacks the columns {', '.join(missing)}: is it another file?"
        )
    return wide.assign(**{c: _short(wide[c]) for c in ("dataset", *benchmark.factors)})


def _short(column: pd.Series) -> pd.Series:
    """The same labels or numbers in less room."""
    if column.dtype.kind == "i":
        return pd.to_numeric(column, downcast="integer")
    return column.astype(np.float32) if column.dtype.kind == "f" else column.astype("category")


def to_factorial(runs: pd.DataFrame, benchmark: Benchmark) -> Factorial:
    """Lay the runs of a full factorial out as an array.

    Parameters
    ----------
    runs : pandas.DataFrame
        As `read_logged_runs` returns them, rows in any order.
    benchmark : Benchmark

    Returns
    -------
    Factorial

    Raises
    ------
    DataError
        If a combination of data set, factors and seed is missing or there twice.
    """
    levels: dict[str, NDArray[np.generic]] = {}
    place = np.zeros(len(runs), dtype=np.int64)
    for name in ("dataset", *benchmark.factors, "seed"):
        column = runs[name]
        values = column.astype(str) if isinstance(column.dtype, pd.CategoricalDtype) else column
        codes, found = pd.factorize(values.to_numpy(), sort=True)
        levels[name] = np.asarray(found)
        place = place * len(found) + codes
    shape = tuple(len(v) for v in levels.values())
    counts = np.bincount(place, minlength=prod(shape))
    if (counts != 1).any():
        raise DataError(
            f"{benchmark.name} is no full factorial: of {prod(shape)} combinations of data set, "
            f"{', '.join(benchmark.factors)} and seed {int((counts == 0).sum())} are missing and "
            f"{int((counts > 1).sum())} occur more than once"
        )
    outcome, seconds = np.empty(len(runs)), np.empty(len(runs))
    outcome[place] = runs[benchmark.outcome]
    seconds[place] = runs["seconds"]
    levels.pop("seed")
    cells = seconds.reshape(shape).mean(axis=-1)
    return Factorial(benchmark, levels, outcome.reshape(shape), cells)
