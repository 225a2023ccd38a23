"""What is left to do, in files of one data set, seed and stage, each written whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch

from case_studies.pruning.kept_weights import ENDING, KeptNetwork, write_weights
from case_studies.pruning.stacked_runs.cells import (
    NETWORK,
    Cell,
    read_prunings,
    read_row,
    write_prunings,
    write_row,
    write_rows,
)
from case_studies.pruning.stacked_runs.design import (
    SETS,
    chosen_methods,
    methods,
    strong_methods,
)
from case_studies.pruning.stacked_runs.overlaps import overlap_rows
from case_studies.pruning.tuned_rates import best_rates
from causalhyper.errors import DataError
from causalhyper.frames.reading import read_frame
from collectors.ensembles.pruning import (
    Pruning,
    Stack,
    posttrain_rows,
    pretrain_row,
    prune_chains,
)
from collectors.pruning.frames import LAYERS, LOG

STAGES = ("pretrain", "main", "lasso", "overlaps", "tuning", "strong")
"""In their order: all seeds of a stage before the next."""
Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do, once; it leaves its files.

    Attributes
    ----------
    name : str
        For the progress bar.
    epochs : int
        At most.
    run : callable
        Does it.
    """

    name: str
    epochs: int
    run: Callable[[Told], None]


def jobs(cells: Sequence[Cell], stages: Sequence[str]) -> Iterator[Job]:
    """List what is missing, seed by seed, so that what there is when time ends is paired.

    Parameters
    ----------
    cells : sequence of Cell
        One a data set.
    stages : sequence of str
        Among `STAGES`.

    Yields
    ------
    Job
        One whose files are missing; whether they are is looked at when it is asked for.
    """
    study = cells[0].study
    for stage in [s for s in STAGES if s in stages]:
        seeds = study.tuning_seeds if stage == "tuning" else study.seeds
        if stage == "pretrain":
            seeds = (*seeds, *(study.tuning_seeds if "tuning" in stages else ()))
        for seed in seeds:
            for cell in cells:
                yield from _of_seed(cell, seed, stage)


def _of_seed(cell: Cell, seed: int, stage: str) -> Iterator[Job]:
    settings, name = cell.study.settings, f"{cell.source.name} seed {seed}"
    if cell.file(seed, f"{stage}-log.parquet").exists():
        return
    if not cell.file(seed, "pretrained.npz").exists():
        yield Job(f"{name} pretrain", settings.n_pre, lambda told: _pretrain(cell, seed, told))
    if stage == "pretrain":
        return
    if stage == "overlaps":
        yield Job(f"{name} overlaps", 0, lambda told: _compare(cell, seed))
        return
    chosen = "lasso" if stage == "lasso" else "main"
    tuning = stage == "tuning"
    if not cell.file(seed, f"{chosen}-masks.npz").exists():
        more = max(m.more for m in methods(chosen))
        each = settings.n_prune + more
        steps = len(cell.study.ladder(cell.source, tuning=tuning).levels) * each
        run = lambda told: _prune(cell, seed, chosen, told, tuning=tuning)  # noqa: E731
        yield Job(f"{name} {chosen}: pruning", steps, run)
    run = lambda told: _train(cell, seed, chosen, stage, told)  # noqa: E731
    yield Job(f"{name} {stage}: post-training", settings.n_post, run)


def _pretrain(cell: Cell, seed: int, told: Told) -> None:
    row, log = pretrain_row(cell.of_seed(seed), told)
    write_row(cell.file(seed, "pretrained.npz"), row, log)


def _prune(cell: Cell, seed: int, chosen: str, told: Told, *, tuning: bool) -> None:
    stack, watch = cell.of_seed(seed, collecting=True), Watch(cell.stack)
    origin, _ = _origin(cell, seed)
    ladder = cell.study.ladder(cell.source, tuning=tuning)
    every = chosen_methods(methods(chosen), cell.study.chosen if chosen == "main" else ())
    rules = strong_methods(every) if tuning else every
    found = list(prune_chains(stack, rules, ladder, origin, told))
    names = {"dataset": cell.source.name, "network": NETWORK, "seed": seed}
    seconds = watch.row(f"{'tuning' if tuning else chosen}: pruning", len(rules))
    write_rows(cell.file(seed, f"{chosen}-seconds.parquet"), [names | seconds])
    write_prunings(cell.file(seed, f"{chosen}-masks.npz"), found)


def _compare(cell: Cell, seed: int) -> None:
    """Count what the masks of all sets that there are have in common; made anew every time.

    A single mask has nothing in common with another, and leaves no file.
    """
    paths = [cell.file(seed, f"{chosen}-masks.npz") for chosen in SETS]
    found = [p for path in paths if path.exists() for p in read_prunings(path, "cpu")]
    names = {"dataset": cell.source.name, "network": NETWORK, "seed": seed}
    rows = [names | row for row in overlap_rows(cell.stack.network.layout, found)]
    if rows:
        write_rows(cell.file(seed, "overlaps.parquet"), rows)


def _train(cell: Cell, seed: int, chosen: str, stage: str, told: Told) -> None:
    stack, study, watch = cell.of_seed(seed), cell.study, Watch(cell.stack)
    origin, before = _origin(cell, seed)
    prunings = read_prunings(cell.file(seed, f"{chosen}-masks.npz"), str(origin.device))
    if chosen == "main":
        whole = torch.ones_like(origin, dtype=torch.bool)
        prunings.insert(0, Pruning("dense", 0.0, whole))
    pairs = _pairs(cell, stage, prunings)
    trained = posttrain_rows(
        stack,
        origin,
        [p.kept for p, _ in pairs],
        [_iterations(p) for p, _ in pairs],
        [rate for _, rate in pairs],
        stop_on=study.stop_on,  # type: ignore[arg-type]
        told=told,
    )
    rows: list[dict[str, Any]] = []
    layers: list[dict[str, Any]] = []
    weights: list[KeptNetwork] = []
    for (pruning, rate), one in zip(pairs, trained, strict=True):
        names = _names(cell, seed, stage, pruning, rate)
        if study.keeps(cell.source, seed, pruning.method, pruning.target):
            named = names | {"validation": study.validation}
            weights.append(KeptNetwork(named, stack.network.layout, pruning.kept, one.best))
        early = [] if stage == "tuning" else [*before, *pruning.log]
        rows += [names | row for row in [*early, *one.log]]
        layers += [names | row for row in pruning.layers]
    seconds = watch.row(f"{stage}: post-training", len(pairs))
    names = {"dataset": cell.source.name, "network": NETWORK, "seed": seed}
    write_rows(cell.file(seed, f"{stage}-trained-seconds.parquet"), [names | seconds])
    if stage in ("main", "lasso"):
        write_rows(cell.file(seed, f"{stage}-layers.parquet"), layers)
    if weights:
        write_weights(cell.file(seed, f"{stage}{ENDING}"), weights)
    head = ["dataset", "network", "protocol", "target", "rate"]
    frame = pd.DataFrame(rows)[[*head, *LOG]].astype(LOG)
    write_rows(cell.file(seed, f"{stage}-log.parquet"), frame.to_dict("records"))


def _pairs(cell: Cell, stage: str, prunings: list[Pruning]) -> list[tuple[Pruning, float]]:
    """Return what is trained, at which rates."""
    usual = cell.study.settings.learning_rate
    if stage == "tuning":
        at = [p for p in prunings if p.target in (0.0, cell.study.tuned_at)]
        return [(p, rate) for p in at for rate in cell.study.rates]
    if stage == "strong":
        rates, targets = tuned_rates(cell), cell.study.strong_targets(cell.source)
        names = {"dense", *(m.name for m in strong_methods(methods("main")))}
        chosen = [p for p in prunings if p.method in names and p.target in targets]
        if untuned := {p.method for p in chosen} - set(rates):
            raise DataError(
                f"no rate was tuned for {', '.join(sorted(untuned))}: the tuning is of other "
                "methods; delete its files, *-tuning-*, and run it again"
            )
        return [(p, rates[p.method]) for p in chosen]
    return [(p, usual) for p in prunings]


def tuned_rates(cell: Cell) -> dict[str, float]:
    """Choose each method's rate by the best validation accuracy, on average over tuning seeds.

    Parameters
    ----------
    cell : Cell
        Its tuning must be whole.

    Returns
    -------
    dict of str to float
        By method; of equals the smaller rate.

    Raises
    ------
    DataError
        If the tuning of a seed is missing.
    """
    paths = [cell.file(seed, "tuning-log.parquet") for seed in cell.study.tuning_seeds]
    if missing := [path for path in paths if not path.exists()]:
        raise DataError(f"{str(missing[0])!r} is missing: run the stage tuning first")
    return best_rates(pd.concat([read_frame(path, "log") for path in paths]))


def _names(cell: Cell, seed: int, stage: str, pruning: Pruning, rate: float) -> dict[str, Any]:
    protocol = cell.study.protocol if stage in SETS else stage
    shown = "auto" if pruning.target is None else pruning.target
    tuned = f"-rate{rate:g}" if stage == "tuning" else ""
    return {
        "dataset": cell.source.name,
        "network": NETWORK,
        "protocol": protocol,
        "target": float("nan") if pruning.target is None else pruning.target,
        "rate": rate,
        "run_id": f"{cell.source.name}-{protocol}-{pruning.method}-{shown}{tuned}-seed{seed}",
        "seed": seed,
        "method": pruning.method,
    }


def _iterations(pruning: Pruning) -> int:
    return max((row["iteration"] for row in pruning.layers), default=0)


def _origin(cell: Cell, seed: int) -> tuple[torch.Tensor, list[dict[str, Any]]]:
    device = str(cell.stack.task.device)
    return read_row(cell.file(seed, "pretrained.npz"), device)


class Watch:
    """Measures a stage: its seconds, and its memory on a GPU."""

    def __init__(self, stack: Stack) -> None:
        self._device = torch.device(stack.task.device or "cpu")
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        self._began = time.perf_counter()

    def row(self, stage: str, networks: int) -> dict[str, Any]:
        """Return stage, networks, seconds, gigabytes (NaN where it is unknown)."""
        gigabytes = float("nan")
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
            gigabytes = torch.cuda.max_memory_allocated(self._device) / 1e9
        seconds = time.perf_counter() - self._began
        row = {"stage": stage, "networks": networks, "seconds": seconds, "gigabytes": gigabytes}
        return row | {"device": _device_name(self._device)}


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


LAYER_COLUMNS = ["dataset", "network", "protocol", "target", *LAYERS]
