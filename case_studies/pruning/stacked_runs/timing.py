"""How long it will take on this device, told before it begins."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from case_studies.pruning.stacked_runs.cells import Cell
from case_studies.pruning.stacked_runs.design import methods
from collectors.batches import Batch
from collectors.ensembles.pruning import Stack, stacked_network
from collectors.ensembles.pruning.passes import train_pass
from collectors.ensembles.pruning.recording import Asked, Recording, asked_of
from collectors.ensembles.pruning.updates import AdamUpdate, SgdUpdate, Update

STEPS = 6
"""Timed, after half as many that are not."""


def plan(cells: Sequence[Cell], engines: Sequence[str]) -> Iterator[str]:
    """Measure a step of every engine, and predict the minutes of the main stage.

    Parameters
    ----------
    cells : sequence of Cell
        One a data set.
    engines : sequence of str
        Ways to convolve.

    Yields
    ------
    str
        Lines. Post-training is taken to last as long as it may; rankings are not counted.
    """
    for cell in cells:
        settings, seeds = cell.study.settings, len(cell.study.seeds)
        steps = seeds * len(cell.stack.task.train)  # type: ignore[arg-type]
        for engine in engines:
            found = measure(cell, engine)
            pruning = found.collecting * steps * settings.n_prune * settings.n_iter / 60
            training = found.training * steps * settings.n_post / 60
            yield (
                f"{cell.source.name}, {engine}: a step of {found.collected} collecting networks "
                f"{1e3 * found.collecting:.2f} ms, of {found.trained} after pruning "
                f"{1e3 * found.training:.2f} ms; {found.gigabytes:.1f} GB; {seeds} seeds: "
                f"{1.05 * pruning:.1f} + {1.1 * training:.1f} minutes"
            )


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of a step.

    Attributes
    ----------
    collected, trained : int
        Networks side by side.
    collecting, training : float
        Seconds of a step of so many; infinite where memory does not suffice.
    gigabytes : float
        Most that was held on a GPU; 0 elsewhere.
    """

    collected: int
    trained: int
    collecting: float
    training: float
    gigabytes: float


def measure(cell: Cell, engine: str) -> Measured:
    """Time a step of the main stage, while collecting and after pruning.

    Parameters
    ----------
    cell : Cell
        Its data set.
    engine : str
        Way to convolve.

    Returns
    -------
    Measured
    """
    stack = replace(cell.stack, network=stacked_network(cell.stack.task, engine))
    collected, recorded, trained = _counts(cell)
    try:
        collecting, high = _step(stack, collected, recorded)
        training, more = _step(stack, trained, None)
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return Measured(collected, trained, math.inf, math.inf, math.nan)
    return Measured(collected, trained, collecting, training, max(high, more))


def fastest(cell: Cell, engines: Sequence[str], told: Callable[[str], object]) -> str:
    """Choose the engine whose main stage is shortest.

    Parameters
    ----------
    cell : Cell
        Its data set.
    engines : sequence of str
        To choose from.
    told : callable
        Hears of every measurement.

    Returns
    -------
    str
    """
    settings, total = cell.study.settings, {}
    for engine in engines:
        found = measure(cell, engine)
        told(
            f"{cell.source.name}, {engine}: {1e3 * found.collecting:.2f} ms collecting, "
            f"{1e3 * found.training:.2f} ms after, {found.gigabytes:.1f} GB"
        )
        total[engine] = found.collecting * settings.n_prune * settings.n_iter
        total[engine] += found.training * settings.n_post
    return min(total, key=lambda engine: total[engine])


def _counts(cell: Cell) -> tuple[int, int, int]:
    """Networks that collect, how many with losses after steps, and networks after pruning."""
    rules = methods("main")
    kinds = [asked_of(m.criterion).kind for m in rules if m.collecting != "none"]
    stops = len(cell.study.ladder(cell.source).stops)
    free = {m.name for m in rules if m.free}
    single = sum(m.free or m.counts_of in free for m in rules)
    trained = (len(rules) - single) * stops + single + 1
    most = cell.stack.at_once
    return min(len(kinds), most), sum(kind == "same" for kind in kinds), min(trained, most)


def _step(stack: Stack, rows: int, recorded: int | None) -> tuple[float, float]:
    """Seconds of a step of so many networks, and gigabytes; by Adam where nothing is recorded."""
    layout, device = stack.network.layout, torch.device(stack.task.device or "cpu")
    row = layout.row(stack.task.new_model().state_dict())
    stacked = row.expand(rows, -1).clone()
    pruned = torch.rand_like(stacked) < 0.5
    collecting = recorded is not None
    recordings = [Recording(Asked("same"), slice(0, min(recorded, rows)))] if recorded else []
    rates = stacked.new_full((rows,), 1e-4)
    update: Update = SgdUpdate(1e-3) if collecting else AdamUpdate(rates, stacked)
    precision = stack.precision if collecting else stack.fast
    epoch = stack.order().epoch(stack.task.train, "timing", 0, 0)
    batches = list(itertools.islice(epoch, STEPS))

    def run(data: Sequence[Batch]) -> None:
        every = [(slice(0, rows), update)]
        train_pass(stack.network, stacked, pruned, every, iter(data), precision, recordings)

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    run(batches[: STEPS // 2])
    seconds = _timed(lambda: run(batches), device) / len(batches)
    held = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0
    return seconds, held


def _timed(work: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began
