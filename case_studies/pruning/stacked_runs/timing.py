"""Seconds of a step of the stages on this device, by each engine."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from case_studies.pruning.stacked_runs.cells import Cell
from case_studies.pruning.stacked_runs.design import main_methods
from collectors.batches import Batch
from collectors.ensembles.pruning import Stack, stacked_network
from collectors.ensembles.pruning.captured import captured
from collectors.ensembles.pruning.collecting import place_of, recordings_of
from collectors.ensembles.pruning.networks import StackedNetwork
from collectors.ensembles.pruning.passes import train_pass
from collectors.ensembles.pruning.updates import AdamUpdate, SgdUpdate, Update

STEPS = 8
"""Timed, after half as many that are not."""
APART = 0.2
"""Share by which an engine's gradients may differ from exact ones: a wrong one's are off by 1."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of a step.

    Attributes
    ----------
    networks : int
        Side by side.
    seconds : float
        Of a step of so many; infinite where it cannot be computed here.
    gigabytes : float
        Most that was held on a GPU; 0 elsewhere.
    ready : float
        Seconds until it was compiled, compared with torch and captured.
    failure : str
        Why it cannot be computed; empty where it can.
    """

    networks: int
    seconds: float
    gigabytes: float = math.nan
    ready: float = math.nan
    failure: str = ""

    def __str__(self) -> str:
        if self.failure:
            return self.failure
        each = 1e3 * self.seconds / self.networks
        return (
            f"{1e3 * self.seconds:.2f} ms of {self.networks} ({each:.3f} each), "
            f"{self.gigabytes:.1f} GB, ready in {self.ready:.1f} s"
        )


def measure(cell: Cell, engine: str, stage: str) -> Measured:
    """Time a step of the main stage by an engine, after a look at what it computes.

    Parameters
    ----------
    cell : Cell
        Its data set.
    engine : str
        Way to convolve.
    stage : {"collecting", "training"}
        Which.

    Returns
    -------
    Measured
    """
    device = torch.device(cell.stack.task.device or "cpu")
    count = (
        min(networks_after(cell), cell.stack.at_once) if stage == "training" else collected(cell)
    )
    began = time.perf_counter()
    try:
        stack = replace(cell.stack, network=stacked_network(cell.stack.task, engine))
        used = {stack.fast} if stage == "training" else {stack.precision, stack.descending}
        for away in (apart(stack, precision) for precision in sorted(used)):
            if not away < APART:
                return Measured(count, math.inf, failure=f"its gradients are off by {away:.2g}")
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        run, data = stage_steps(cell, stack.network, stage)
        _timed(lambda: run(data[: STEPS // 2]), device)
        ready = time.perf_counter() - began
        seconds = _timed(lambda: run(data), device) / len(data)
    except Exception as error:  # whatever a compiler or a driver says: the next engine's turn
        if device.type == "cuda":
            torch.cuda.empty_cache()
        words = " ".join(f"{type(error).__name__}: {error}".split())
        return Measured(count, math.inf, failure=f"failed: {words:.300}")
    held = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0
    return Measured(count, seconds, held, ready)


def apart(stack: Stack, precision: str) -> float:
    """Distance of an engine's gradients from those of torch in float32, as a share of these.

    Parameters
    ----------
    stack : Stack
        With the engine.
    precision : {"float32", "tf32", "bfloat16"}
        Of its products.

    Returns
    -------
    float
        For two networks and one minibatch; NaN where a gradient is.
    """
    inputs, targets = next(stack.order().epoch(stack.task.train, "timing", 0, 0))
    rows = _rows(stack, 2)
    exact = stacked_network(stack.task, "conv-loop")
    expected = exact.gradients(rows, inputs, targets, "float32")[0]
    found = stack.network.gradients(rows, inputs, targets, precision)[0]  # type: ignore[arg-type]
    return float((found - expected).norm() / expected.norm())


def collected(cell: Cell) -> int:
    """Count the networks of a seed that collect side by side."""
    return min(sum(m.collecting != "none" for m in main_methods(cell.study)), cell.stack.at_once)


def networks_after(cell: Cell) -> int:
    """Count the networks of a seed that are trained after pruning, in the main stage."""
    rules = main_methods(cell.study)
    free = {m.name for m in rules if m.free}
    single = sum(m.free or m.counts_of in free for m in rules)
    return (len(rules) - single) * len(cell.study.ladder(cell.source).stops) + single + 1


def stage_steps(
    cell: Cell, network: StackedNetwork, stage: str
) -> tuple[Callable[[Sequence[Batch]], object], list[Batch]]:
    """Prepare steps of a stage, with as many networks and records as it has.

    Parameters
    ----------
    cell : Cell
        Its data set.
    network : StackedNetwork
        Its engine.
    stage : {"pretraining", "collecting", "training"}
        Which.

    Returns
    -------
    run : callable
        Does a step with each of some minibatches.
    data : list of (inputs, targets)
        Minibatches.
    """
    stack, settings = cell.stack, cell.study.settings
    collecting = stage == "collecting"
    usual = (m for m in main_methods(cell.study) if m.collecting != "none")
    places = sorted(place_of(m) for m in usual)[: stack.at_once] if collecting else []
    count = {
        "pretraining": 1,
        "collecting": len(places),
        "training": min(networks_after(cell), stack.at_once),
    }[stage]
    rows = _rows(stack, count)
    pruned = torch.rand_like(rows) < (0.97 if stage == "training" else 0.5)
    rows[pruned] = 0
    plain = sum(not place[0] for place in places)
    rates = rows.new_full((count - plain,), settings.learning_rate)
    updates: list[tuple[slice, Update]] = [
        (slice(0, plain), SgdUpdate(settings.collecting_rate)),
        (slice(plain, count), AdamUpdate(rates, rows[plain:])),
    ]
    updates = [(part, update) for part, update in updates if part.stop > part.start]
    trained = captured(network, rows)
    precision = stack.descending if collecting else stack.fast
    recordings = recordings_of(places)
    epoch = stack.order().epoch(stack.task.train, "timing", 0, 0)
    data = list(itertools.islice(epoch, STEPS))

    def run(part: Sequence[Batch]) -> object:
        args = trained, rows, pruned, updates, iter(part), precision, recordings
        return train_pass(*args, exact=stack.precision if collecting else None)

    return run, data


def _rows(stack: Stack, count: int) -> Tensor:
    row = stack.network.layout.row(stack.task.new_model().state_dict())
    return row.expand(count, -1).clone()


def _timed(work: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began
