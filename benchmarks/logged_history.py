"""Histories of logged metrics, read here and with the loggers' own clients.

    OMP_NUM_THREADS=1 python benchmarks/logged_history.py [--runs 20] [--steps 1000]

MLflow: `MlflowClient.search_runs` and `get_metric_history` for each metric of each run, against
`read_logged`, from the default SQLite store. TensorBoard: an `EventAccumulator` a run that keeps
every value, against `read_logged`. Both ways' values are compared first. What is printed is the
ratio of CPU times in one process, over turns.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Metric
from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from causalhyper.frames.logged import read_logged

METRICS = ("loss", "grad_norm")
Histories = dict[str, dict[str, list[float]]]


def values_of(steps: int, run: int) -> np.ndarray:
    """What one run logs of one metric."""
    return 1 / (1 + np.arange(steps) / 100) + 0.01 * run


def write_mlflow(folder: Path, runs: int, steps: int) -> str:
    """Write runs to a new database; return its tracking URI."""
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(uri)
    for run in range(runs):
        run_id = client.create_run("0").info.run_id
        for name in METRICS:
            logged = [Metric(name, v, s, s) for s, v in enumerate(values_of(steps, run).tolist())]
            for first in range(0, steps, 1000):
                client.log_batch(run_id, logged[first : first + 1000])
        client.set_terminated(run_id)
    return uri


def write_events(folder: Path, runs: int, steps: int) -> None:
    """Write runs to event files."""
    for run in range(runs):
        with SummaryWriter(folder / f"run{run}") as writer:
            for step, value in enumerate(values_of(steps, run).tolist()):
                for name in METRICS:
                    writer.add_scalar(name, value, step)


def client_loop(uri: str) -> Histories:
    """Every history by MLflow's client."""
    client = MlflowClient(uri)
    runs = client.search_runs(["0"], max_results=10_000)
    return {
        run.info.run_id: {
            name: [m.value for m in client.get_metric_history(run.info.run_id, name)]
            for name in run.data.metrics
        }
        for run in runs
    }


def accumulator_loop(folder: Path) -> Histories:
    """Every history by TensorBoard's accumulator."""
    found = {}
    for path in folder.iterdir():
        accumulator = EventAccumulator(str(path), size_guidance={SCALARS: 0})
        accumulator.Reload()
        found[path.name] = {
            name: [e.value for e in accumulator.Scalars(name)]
            for name in accumulator.Tags()[SCALARS]
        }
    return found


def ours(place: str | Path) -> Histories:
    """Every history by `read_logged`."""
    steps = read_logged(place).steps
    return {
        str(run): {name: group[name].tolist() for name in METRICS}
        for run, group in steps.groupby("run_id", sort=False)
    }


def seconds(work: Callable[[], Histories]) -> float:
    """Seconds of CPU time."""
    began = time.process_time()
    work()
    return time.process_time() - began


def compare(
    name: str, mine: Callable[[], Histories], theirs: Callable[[], Histories], turns: int
) -> None:
    """Hold both ways against each other, then time them in turns."""
    if mine() != theirs():
        raise SystemExit(f"{name}: the two ways differ")
    ratios = []
    for turn in range(turns):
        here, there = seconds(mine), seconds(theirs)
        ratios.append(there / here)
        print(f"{name}, turn {turn}: {here:.3f} s here, {there:.2f} s with its client")
    print(f"{name}: ratio, median {np.median(ratios):.1f}, {min(ratios):.1f} to {max(ratios):.1f}")


def main() -> None:
    """Write logs, then time both ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        uri = write_mlflow(Path(folder), options.runs, options.steps)
        events = Path(folder, "events")
        write_events(events, options.runs, options.steps)
        size = options.runs * options.steps * len(METRICS)
        print(f"{size} values of {options.runs} runs")
        compare("MLflow", lambda: ours(uri), lambda: client_loop(uri), options.turns)
        compare(
            "TensorBoard", lambda: ours(events), lambda: accumulator_loop(events), options.turns
        )


if __name__ == "__main__":
    main()
