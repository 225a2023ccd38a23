"""Seconds of updates: what a run would cost alone, and what all runs will take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

import pandas as pd
import torch

from case_studies.batch_size.graph_runs.design import (
    Design,
    Trajectory,
    intervened,
    sharpness_aware,
    tuning,
)
from case_studies.batch_size.graph_runs.stages import Cell
from case_studies.batch_size.graph_runs.training import Problem, Stack

UPDATES = 50
"""Whose median is the cost of one."""


def alone(cell: Cell) -> pd.DataFrame:
    """Seconds of an update of one network alone, by batch size and whether it is SAM's."""
    problem, _, _ = cell.problem([0])
    rows = [
        {"batch_size": t.batch_size, "sam": t.arm == "sam", "seconds": seconds(problem, [t])}
        for t in [*_plain(cell.design), *sharpness_aware(cell.design)]
    ]
    dataset, model = cell.names
    return pd.DataFrame(rows).assign(dataset=dataset, model=model)


def seconds(problem: Problem, trajectories: Sequence[Trajectory], updates: int = UPDATES) -> float:
    """Median seconds of an update of some trajectories side by side, all seeds."""
    stack = Stack(problem, trajectories, None)
    times = []
    for _ in range(3 + updates):
        stack.done = 0
        _wait(stack)
        start = time.perf_counter()
        stack.update(*stack.forward())
        _wait(stack)
        times.append(time.perf_counter() - start)
    return median(times[3:])


def predicted(cell: Cell, seeds: int, tuning_seeds: int) -> dict[str, float]:
    """Microseconds of a member's update among 120, and minutes of all stages.

    Measurements are taken to be a quarter of the training; no run seeks its loss to the cap.
    """
    problem, _, _ = cell.problem(range(20))
    plain = seconds(problem, _plain(cell.design), 5) / 120
    step = seconds(cell.problem([0])[0], _plain(cell.design)[:1], 20)
    design = cell.design
    planned = [
        (tuning(design), tuning_seeds, 1),
        (intervened(design, dict.fromkeys(design.batch_sizes, design.rates[0])), seeds, 1),
        (sharpness_aware(design), seeds, 2),
    ]
    total = 0.0
    for trajectories, count, passes in planned:
        ends = sorted(t.end for t in trajectories)
        before = 0
        for place, end in enumerate(ends):
            members = (len(ends) - place) * count
            total += (end - before) * passes * max(members * plain, step)
            before = end
    return {"microseconds": 1e6 * plain, "minutes": 1.25 * total / 60}


def _plain(design: Design) -> list[Trajectory]:
    return [
        Trajectory("plain", size, design.rate, (), noise_of=size) for size in design.batch_sizes
    ]


def _wait(stack: Stack) -> None:
    if stack.flat.is_cuda:
        torch.cuda.synchronize()
