"""Seconds of an update: of one network alone for the frame, of a stack for the plan."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from case_studies.batch_size.text_runs.ends import geometry, gradient_moments, scores
from case_studies.batch_size.text_runs.networks import initial_parameters, weighted_gradients
from case_studies.batch_size.text_runs.stacks import (
    Cell,
    Stack,
    minibatches,
    noise_partition,
    study_stack,
)
from case_studies.batch_size.text_runs.texts import draw_parts
from case_studies.batch_size.text_runs.updates import StackedAdamW, update

WARM_UP, TIMED = 3, 9
"""Updates before the timed ones, and the timed ones, of which the median is taken."""


def update_seconds(cell: Cell, rates: Mapping[int, tuple[float, bool]]) -> pd.DataFrame:
    """Time one network's update at every batch size, plain, by SAM, and with noise added.

    Parameters
    ----------
    cell : Cell
        Its first seed is trained.
    rates : mapping
        Of the batch sizes; their keys are timed.

    Returns
    -------
    DataFrame
        Columns arm, batch_size, update_seconds.
    """
    rows = []
    for arm in ("plain", "sam", "noise_added"):
        for size in rates:
            if arm == "noise_added" and size != max(rates):
                continue
            rows.append((arm, size, stack_seconds(cell, arm, size, members=1)))
    return pd.DataFrame(rows, columns=["arm", "batch_size", "update_seconds"])


def stack_seconds(cell: Cell, arm: str, batch_size: int, members: int) -> float:
    """Median seconds of one update of a stack of members."""
    study = replace(cell.study, seeds=tuple(range(members)))
    cell = replace(cell, study=study)
    stack = study_stack(cell, (arm,), batch_size, (cell.recipe.rate, False), 0.0)
    parts = draw_parts(cell.texts, study, stack.seeds, [False] * members)
    parameters = initial_parameters(cell.recipe, cell.texts, cell.encoder, stack.seeds)
    optimizer = StackedAdamW(parameters, [cell.recipe.rate] * members, weight_decay=0.01)
    again = _for_ever(stack, study.n_train)

    def step() -> None:
        order, weights = next(again)
        gradients = weighted_gradients(cell.training, parts.batch, order, weights, study.together)
        update(parameters, gradients, optimizer, stack.rho)

    return median_seconds(step, cell.texts.ids.device)


def measuring_seconds(cell: Cell) -> dict[str, float]:
    """Seconds of the measurements of one stack of all seeds: scores, geometry, noise."""
    seeds = list(cell.study.seeds)
    stack = study_stack(
        cell, ("plain",), max(cell.study.batch_sizes), (cell.recipe.rate, False), 0
    )
    parts = draw_parts(cell.texts, cell.study, seeds, [False] * len(seeds))
    parameters = initial_parameters(cell.recipe, cell.texts, cell.encoder, seeds)
    partition = noise_partition(stack, len(seeds), cell.study, 1)
    device = cell.texts.ids.device
    once = {
        "scores": lambda: scores(cell, parts, parameters),
        "geometry": lambda: geometry(cell, parts, parameters, parameters, seeds),
        "noise": lambda: gradient_moments(cell, parts, parameters, partition),
    }
    return {name: median_seconds(f, device, warm_up=1, timed=1) for name, f in once.items()}


def median_seconds(
    work: Callable[[], object],
    device: torch.device,
    *,
    warm_up: int = WARM_UP,
    timed: int = TIMED,
) -> float:
    """Median seconds of a piece of work, the device waited for each time."""
    seconds = []
    for turn in range(warm_up + timed):
        _wait(device)
        begin = time.perf_counter()
        work()
        _wait(device)
        if turn >= warm_up:
            seconds.append(time.perf_counter() - begin)
    return float(np.median(seconds))


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _for_ever(stack: Stack, n: int) -> Iterator[tuple[Tensor, Tensor | None]]:
    while True:
        yield from minibatches(stack, n)
