"""How long the study will take on this device, told before it begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from case_studies.batch_size.text_runs.design import epoch_updates
from case_studies.batch_size.text_runs.stacks import Cell
from case_studies.batch_size.text_runs.timing import measuring_seconds, stack_seconds

CHECKS = 12
"""Evaluations of the full training loss that a trajectory is taken to need."""


def plan(cells: Sequence[Cell], arms: Sequence[str]) -> Iterator[str]:
    """Tell the seconds of an update of all seeds at once, and of each stage.

    Parameters
    ----------
    cells : sequence of Cell
    arms : sequence of str
        That are to be trained.

    Yields
    ------
    str
        Lines. An arm is taken to cost as if it were trained by itself, which is no less than
        what it costs beside others; a tuned arm as if no tuned rate were the fixed one.
    """
    whole = 0.0
    for cell in cells:
        sizes, members = cell.study.batch_sizes, len(cell.study.seeds)
        each = {size: stack_seconds(cell, "plain", size, members) for size in sizes}
        once = measuring_seconds(cell)
        stages = stage_seconds(cell, arms, each, once)
        whole += sum(stages.values())
        yield f"{cell.source.name} {cell.recipe.name}: seconds of an update of {members} members"
        yield "  " + ", ".join(f"B={size} {seconds:.4f}" for size, seconds in each.items())
        yield "  measurements: " + ", ".join(f"{k} {s:.3f}" for k, s in once.items())
        yield "  minutes: " + ", ".join(f"{k} {s / 60:.2f}" for k, s in stages.items())
    yield f"all: {whole / 60:.1f} minutes"


def stage_seconds(
    cell: Cell, arms: Sequence[str], each: dict[int, float], once: dict[str, float]
) -> dict[str, float]:
    """Predict the seconds of every stage of a cell from those of updates and measurements."""
    recipe, study = cell.recipe, cell.study
    sizes = study.batch_sizes
    budget = {size: epoch_updates(study, recipe, size) for size in sizes}
    epochs = sum(budget[size] * each[size] for size in sizes)
    end = once["scores"] + once["geometry"]
    arm = epochs + len(sizes) * (end + 3 * once["noise"])
    tuning_members = len(study.tuning_seeds) * len(recipe.rates) / len(study.seeds)
    long = sum(max(budget[size], recipe.updates) * each[size] for size in sizes)
    plain = long + len(sizes) * (3 * end + 7 * once["noise"] + CHECKS / 2 * once["scores"])
    largest = max(sizes)
    added = budget[largest] * each[largest] * study.n_train / largest + end + 3 * once["noise"]
    stages = {"plain": plain, "tuned": arm, "label_noise": arm}
    removed = budget[min(sizes)] * each[largest] + end + 3 * once["noise"]
    stages |= {"sam": arm + epochs, "noise_added": added, "noise_removed": removed}
    return {"tuning": max(tuning_members, 1) * epochs} | {a: stages[a] for a in arms}
