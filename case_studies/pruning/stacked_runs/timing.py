"""How long it will take on this device, told before it begins."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import torch

from case_studies.pruning.stacked_runs.cells import Cell
from case_studies.pruning.stacked_runs.design import methods
from collectors.ensembles.pruning import stacked_network
from collectors.ensembles.pruning.chains import Stack
from collectors.ensembles.pruning.passes import train_pass
from collectors.ensembles.pruning.recording import Asked, Recording, asked_of
from collectors.ensembles.pruning.updates import AdamUpdate, SgdUpdate

STEPS = 6
"""Timed, after half as many that are not."""


def plan(cells: Sequence[Cell], engines: Sequence[str]) -> Iterator[str]:
    """Measure a step of every engine, and predict the minutes of every stage.

    Parameters
    ----------
    cells : sequence of Cell
        One a data set.
    engines : sequence of str
        Ways to convolve.

    Yields
    ------
    str
        Lines. Post-training is taken to last as long as it may; the lasso's fits are left out.
    """
    for engine in engines:
        whole = 0.0
        for cell in cells:
            network = stacked_network(cell.stack.task, engine)
            stack = _with_network(cell.stack, network)
            counts = _counts(cell)
            steps = len(cell.stack.task.train)  # type: ignore[arg-type]
            rows = counts["collected"]
            after = counts["recorded"]
            collecting, high = _step(stack, rows, after, stack.precision, adam=False)
            training, more = _step(stack, counts["trained"], 0, stack.fast, adam=True)
            settings, seeds = cell.study.settings, len(cell.study.seeds)
            epochs = {
                "pruning": collecting * settings.n_prune * settings.n_iter * 1.1,
                "post-training": training * settings.n_post * 1.1,
            }
            minutes = {k: seeds * steps * seconds / 60 for k, seconds in epochs.items()}
            whole += sum(minutes.values())
            yield (
                f"{cell.source.name}, {engine}: a step of {rows} collecting networks "
                f"{1e3 * collecting:.2f} ms ({high:.1f} GB), of {counts['trained']} after pruning "
                f"{1e3 * training:.2f} ms ({more:.1f} GB); minutes of {seeds} seeds: "
                + ", ".join(f"{k} {v:.1f}" for k, v in minutes.items())
            )
        yield f"{engine}: stage main takes {whole:.1f} minutes, each pass of all networks at once"


def _counts(cell: Cell) -> dict[str, int]:
    rules = methods("main")
    kinds = [asked_of(m.criterion).kind for m in rules if m.collecting != "none"]
    stops = len(cell.study.ladder(cell.source).stops)
    free = {m.name for m in rules if m.free}
    single = sum(m.free or m.counts_of in free for m in rules)
    return {
        "collected": len(kinds),
        "recorded": sum(kind == "same" for kind in kinds),
        "trained": min((len(rules) - single) * stops + single + 1, cell.stack.at_once),
    }


def _with_network(stack: Stack, network: object) -> Stack:
    from dataclasses import replace

    return replace(stack, network=network)  # type: ignore[arg-type]


def _step(stack: Stack, rows: int, recorded: int, precision: object, *, adam: bool) -> tuple[float, float]:
    """Seconds of a step of so many networks, and gigabytes."""
    layout, device = stack.network.layout, torch.device(stack.task.device or "cpu")
    row = layout.row(stack.task.new_model().state_dict())
    stacked = row.expand(rows, -1).clone()
    pruned = torch.rand_like(stacked) < 0.5
    update = AdamUpdate(stacked.new_full((rows,), 1e-4), stacked) if adam else SgdUpdate(1e-3)
    recordings = [Recording(Asked("same"), slice(0, recorded))] if recorded else []
    batches = list(_some(stack))

    def run(data: list) -> None:
        args = stack.network, stacked, pruned, [(slice(0, rows), update)], iter(data), precision
        train_pass(*args, recordings)  # type: ignore[arg-type]

    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    run(batches[: STEPS // 2])
    seconds = _timed(lambda: run(batches[:STEPS]), device) / len(batches[:STEPS])
    held = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0
    return seconds, held


def _some(stack: Stack) -> Iterator[tuple]:
    for at, batch in enumerate(stack.order().epoch(stack.task.train, "timing", 0, 0)):
        if at == STEPS:
            return
        yield batch


def _timed(work: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began
