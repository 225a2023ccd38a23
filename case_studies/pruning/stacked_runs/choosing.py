"""The engines that are fastest on this device."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from case_studies.pruning.stacked_runs.cells import Cell
from case_studies.pruning.stacked_runs.timing import (
    Measured,
    collected,
    measure,
    networks_after,
)
from causalhyper.errors import ConfigurationError
from collectors.ensembles.pruning import stacked_network

HALVES = (2, 4)
"""Fractions of the networks a pass that are tried too."""
GAIN = 1.03
"""Factor by which fewer a pass must be faster."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is fastest.

    Attributes
    ----------
    collecting, training : str
        Engines while collecting, and before and after.
    at_once : int
        Networks a pass after pruning.
    """

    collecting: str
    training: str
    at_once: int


def chosen_cell(cell: Cell, choice: Choice) -> Cell:
    """Return a cell with a choice of engines; no more networks a pass than it has."""
    network, trainer = (
        stacked_network(cell.stack.task, engine) for engine in (choice.collecting, choice.training)
    )
    at_once = min(choice.at_once, cell.stack.at_once)
    stack = replace(cell.stack, network=network, at_once=at_once)
    return replace(cell, stack=stack, trainer=trainer)


def fastest(cell: Cell, engines: Sequence[str], told: Callable[[str], object]) -> Choice:
    """Choose the engines of both stages, and how many networks are trained at once.

    Parameters
    ----------
    cell : Cell
        Its data set.
    engines : sequence of str
        To choose from; those that fail here, or compute something else, are passed over.
    told : callable
        Hears of every measurement.

    Returns
    -------
    Choice

    Raises
    ------
    ConfigurationError
        If none works.
    """
    found: dict[tuple[str, str], Measured] = {}
    for engine in engines:
        for stage in ("collecting", "training"):
            found[stage, engine] = measured = measure(cell, engine, stage)
            told(f"{cell.source.name}, {engine}, {stage}: {measured}")
    best = {
        stage: min(engines, key=lambda engine: found[stage, engine].seconds)
        for stage in ("collecting", "training")
    }
    if math.isinf(max(found[stage, engine].seconds for stage, engine in best.items())):
        raise ConfigurationError(f"none of the engines {', '.join(engines)} works here")
    most = cell.stack.at_once
    sizes = {most: found["training", best["training"]]}
    for fewer in [most // part for part in HALVES]:
        if collected(cell) <= fewer < networks_after(cell):
            smaller = replace(cell, stack=replace(cell.stack, at_once=fewer))
            sizes[fewer] = measure(smaller, best["training"], "training")
            told(f"{cell.source.name}, {best['training']}, training: {sizes[fewer]}")
    shares = {n: one.seconds / one.networks for n, one in sizes.items()}
    at_once = min(sizes, key=lambda n: shares[n] * (1 if n == most else GAIN))
    return Choice(best["collecting"], best["training"], at_once)
