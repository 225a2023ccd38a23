"""Train and measure the study's runs on graphs.

    python -m case_studies.batch_size.graph_runs --data FOLDER --out FOLDER [--device cuda]

The first FOLDER holds cora.npz, citeseer.npz and pubmed.npz. Each stage of a data set and a model
is written when it is finished; the same command goes on with what is missing, and then joins all
in graphs.parquet and graph_tuning.parquet.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from case_studies.batch_size.graph_runs.costs import alone, predicted
from case_studies.batch_size.graph_runs.design import DATASETS, MODELS, Design, tuning
from case_studies.batch_size.graph_runs.rows import RUNS, TUNING, frame_of
from case_studies.batch_size.graph_runs.stages import STAGES, Cell, planned_of, run, tune
from causalhyper.errors import CausalHyperError, ConfigurationError
from causalhyper.frames.writing import write_frame
from collectors.graphs import load_planetoid

TUNING_SEEDS = range(1000, 1008)
REMOVED = "noise_removed"


def main() -> None:
    """Parse the command line and do what it asks for."""
    options = _parser().parse_args()
    if options.seeds < 1 or options.at_once < 1:
        raise ConfigurationError(
            "expected at least 1 seed and 1 trajectory at once; got "
            f"{options.seeds} and {options.at_once}"
        )
    torch.set_float32_matmul_precision("highest")
    design = Design(rates=tuple(options.rates)) if options.rates else Design()
    if options.measure:
        tell_costs(list(_cells(options, design)), options.seeds)
        return
    if not options.join:
        for cell in _cells(options, design):
            collect(cell, options.out, range(options.seeds), TUNING_SEEDS)
    join(options.out, design)


def collect(cell: Cell, out: Path, seeds: range, tuning_seeds: range) -> None:
    """Do the stages of a cell that are missing in a folder.

    Parameters
    ----------
    cell : Cell
    out : Path
        Folder; each stage is a file of it.
    seeds, tuning_seeds : range
        They have none in common.

    Raises
    ------
    ConfigurationError
        If a file in the folder is of other seeds.
    """
    if set(seeds) & set(tuning_seeds):
        raise ConfigurationError("seeds of the study must not be among those of the tuning")
    for stage in STAGES:
        file = stage_file(out, cell.names, stage)
        wanted = tuning_seeds if stage == "tuning" else seeds
        if file.exists():
            _check_seeds(file, wanted)
            continue
        with _Bar(cell, stage, len(wanted)) as told:
            if stage == "tuning":
                frame = tune(cell, wanted, told)
            else:
                known = pd.read_parquet(stage_file(out, cell.names, "tuning"))
                frame = run(cell, wanted, known, stage, told)
        write_frame(file, frame)
        _free(cell.device)
    costs = stage_file(out, cell.names, "costs")
    if not costs.exists():
        write_frame(costs, alone(cell))


def join(out: Path, design: Design) -> None:
    """Join the stages of all cells in a folder in graphs.parquet and graph_tuning.parquet.

    A run's seconds are its updates times the cost of one; an update whose noise was removed
    accumulates as many minibatches as make the largest batch.
    """
    parts = {
        stage: [pd.read_parquet(file) for file in sorted(out.glob(f"*-*-{stage}.parquet"))]
        for stage in (*STAGES, "costs")
    }
    if not all(parts.values()):
        raise ConfigurationError(f"no finished stages in {str(out)!r}: collect them first")
    runs = pd.concat(parts["runs"] + parts["sam"], ignore_index=True).drop(columns="seconds")
    runs["sam"] = runs["arm"] == "sam"
    keys = ["dataset", "model", "batch_size", "sam"]
    costs = pd.concat(parts["costs"], ignore_index=True)
    runs = runs.merge(costs, "left", on=keys, validate="many_to_one")
    repeats = (runs["arm"] == REMOVED) * (design.largest // design.smallest - 1) + 1
    runs["seconds"] *= runs["updates"] * repeats
    runs["model"] = runs["model"].replace(MODELS)
    write_frame(out / "graphs.parquet", frame_of(runs.to_dict("records"), RUNS))
    tuned = pd.concat(parts["tuning"], ignore_index=True)
    tuned["model"] = tuned["model"].replace(MODELS)
    write_frame(out / "graph_tuning.parquet", tuned[TUNING])


def tell_costs(cells: list[Cell], seeds: int) -> None:
    """Print what each cell will take, and all of them."""
    total = 0.0
    for cell in cells:
        found = predicted(cell, seeds, len(TUNING_SEEDS))
        total += found["minutes"]
        line = f"{found['microseconds']:.1f} us a member-step, {found['minutes']:.2f} min"
        sys.stdout.write(f"{' '.join(cell.names)}: {line}{_peak(cell.device)}\n")
        sys.stdout.flush()
        _free(cell.device)
    sys.stdout.write(f"in all: {total:.1f} min\n")


def stage_file(out: Path, names: tuple[str, str], stage: str) -> Path:
    """Where a stage of a cell is kept."""
    return out / f"{'-'.join(names)}-{stage}.parquet"


def _check_seeds(file: Path, wanted: range) -> None:
    found = sorted(set(pd.read_parquet(file, columns=["seed"])["seed"]))
    if found != list(wanted):
        raise ConfigurationError(
            f"{str(file)!r} holds seeds {found[0]} to {found[-1]}, {len(found)} in all; expected "
            f"{wanted[0]} to {wanted[-1]}: name another folder, or remove the file"
        )


def _cells(options: argparse.Namespace, design: Design) -> Iterator[Cell]:
    for name in options.datasets:
        graph = load_planetoid(name, options.data)
        for model in options.models:
            yield Cell(graph, model, design, options.device, options.at_once)


class _Bar:
    """A progress bar of a stage; it gives what is called after each update."""

    def __init__(self, cell: Cell, stage: str, seeds: int) -> None:
        fixed = dict.fromkeys(cell.design.batch_sizes, cell.design.rate)
        plan = tuning(cell.design) if stage == "tuning" else planned_of(cell.design, stage, fixed)
        columns = (BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self._progress = Progress(TextColumn("{task.description}"), *columns)
        name = f"{' '.join(cell.names)} {stage}"
        self._task = self._progress.add_task(name, total=seeds * sum(t.end for t in plan))

    def __enter__(self) -> Callable[[int], None]:
        self._progress.start()
        return lambda members: self._progress.advance(self._task, members)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _peak(device: str) -> str:
    if not device.startswith("cuda"):
        return ""
    return f", {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB with 120 members"


def _free(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m case_studies.batch_size.graph_runs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the graphs")
    parser.add_argument("--out", type=Path, required=True, help="folder of the frames")
    parser.add_argument("--seeds", type=int, default=20, help="seeds of the study, from 0")
    parser.add_argument("--device", default="cpu", help="where to train")
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=DATASETS)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--rates", nargs="+", type=float, help="grid of rates, 0.01 among them")
    parser.add_argument(
        "--at-once", type=int, default=64, help="trajectories side by side: fewer need less memory"
    )
    parser.add_argument("--measure", action="store_true", help="only print what it will take")
    parser.add_argument("--join", action="store_true", help="only join what is finished")
    return parser


if __name__ == "__main__":
    try:
        main()
    except CausalHyperError as error:
        sys.exit(f"graph_runs: {error}")
