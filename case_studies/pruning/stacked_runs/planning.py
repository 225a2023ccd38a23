"""How long the stages will take on this device, told before they begin."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from case_studies.pruning.stacked_runs.cells import Cell
from case_studies.pruning.stacked_runs.design import main_methods, strong_methods
from case_studies.pruning.stacked_runs.timing import Measured, measure, networks_after
from collectors.ensembles.pruning import Method

SLOWER = {"collecting": 1.05, "training": 1.1}
"""Factors for evaluations and the ends of epochs."""


@dataclass(frozen=True, slots=True)
class Minutes:
    """Of the stages of a data set, all seeds together; post-training as long as it may last.

    Attributes
    ----------
    pruning, training : float
        Of the main stage: collecting, and after pruning.
    tuning, strong : float
        Of the strong protocol: choosing rates, and training at them.
    """

    pruning: float
    training: float
    tuning: float
    strong: float

    def __str__(self) -> str:
        main, strong = self.pruning + self.training, self.tuning + self.strong
        return (
            f"main {main:.1f} minutes ({self.pruning:.1f} + {self.training:.1f}), strong "
            f"{strong:.1f} more ({self.tuning:.1f} tuning + {self.strong:.1f})"
        )


def plan(cells: Sequence[Cell], engines: Sequence[str]) -> Iterator[str]:
    """Measure a step of every engine, and predict the minutes of the stages.

    Parameters
    ----------
    cells : sequence of Cell
        One a data set.
    engines : sequence of str
        Ways to convolve.

    Yields
    ------
    str
        Lines: of each engine, and of the best for each stage. Rankings are not counted.
    """
    totals = []
    for cell in cells:
        best: dict[str, Measured] = {}
        for engine in engines:
            found = {stage: measure(cell, engine, stage) for stage in SLOWER}
            for stage, one in found.items():
                yield f"{cell.source.name}, {engine}, {stage}: {one}"
                best[stage] = min(best.get(stage, one), one, key=lambda each: each.seconds)
            yield f"{cell.source.name}, {engine}: {minutes(cell, **found)}"
        totals.append(minutes(cell, **best))
        yield f"{cell.source.name}, the fastest of each: {totals[-1]}"
    if len(totals) > 1:
        parts = ("pruning", "training", "tuning", "strong")
        whole = Minutes(**{name: sum(getattr(t, name) for t in totals) for name in parts})
        yield f"all data sets: {whole}"


def minutes(cell: Cell, collecting: Measured, training: Measured) -> Minutes:
    """Predict the minutes of the stages from the seconds of their steps.

    Parameters
    ----------
    cell : Cell
        Its sizes.
    collecting, training : Measured
        Steps.

    Returns
    -------
    Minutes
    """
    study, settings = cell.study, cell.study.settings
    epoch = len(cell.stack.task.train) / 60  # type: ignore[arg-type]
    rules = main_methods(study)
    tuned_methods = strong_methods(rules)
    short = len(study.ladder(cell.source, tuning=True).levels)
    each = training.seconds / training.networks * SLOWER["training"] * settings.n_post * epoch
    seeds, tuned, stops = study.seeds, study.tuning_seeds, study.strong_targets(cell.source)[1:]
    iteration, tuning = (
        SLOWER["collecting"] * _collecting_steps(cell, chosen, collecting) * epoch
        for chosen in (rules, tuned_methods)
    )
    return Minutes(
        len(seeds) * settings.n_iter * iteration,
        len(seeds) * networks_after(cell) * each,
        len(tuned) * (short * tuning + (len(tuned_methods) + 1) * len(study.rates) * each),
        len(seeds) * (len(tuned_methods) * len(stops) + 1) * each,
    )


def _collecting_steps(cell: Cell, rules: Sequence[Method], collecting: Measured) -> float:
    """Seconds of a step for each epoch of an iteration, and of the epochs before, all together."""
    count = sum(m.collecting != "none" for m in rules)
    rounds = math.ceil(count / collecting.networks)
    before = sum(m.more for m in rules) * collecting.seconds / collecting.networks
    return rounds * collecting.seconds * cell.study.settings.n_prune + before
