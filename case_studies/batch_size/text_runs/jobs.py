"""What is left to train, in files of one arm and one batch size, each written whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from case_studies.batch_size.text_runs.design import LARGEST_ALONE, drawn_order
from case_studies.batch_size.text_runs.stacks import Cell, Stack, study_stack, tuning_stack
from case_studies.batch_size.text_runs.timing import update_seconds
from case_studies.batch_size.text_runs.trajectories import Told, Trajectory
from causalhyper.frames.reading import read_frame
from causalhyper.frames.writing import write_frame

TOGETHER = ("plain", "tuned", "label_noise")
"""Arms that differ in nothing but rate, labels and length: one stack."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do, once; it leaves its files.

    Attributes
    ----------
    name : str
        For the progress bar.
    size : int
        Example gradients of its training.
    run : callable
        Does it.
    """

    name: str
    size: int
    run: Callable[[Told], None]


def part_file(out: Path, cell: Cell, stage: str, batch_size: int | None = None) -> Path:
    """File of one stage or arm of a cell at one batch size."""
    end = "" if batch_size is None else f"-B{batch_size}"
    return out / f"{cell.source.name}-{cell.recipe.name}-{stage}{end}.parquet"


def tuning_jobs(cell: Cell, out: Path) -> Iterator[Job]:
    """The tuning that is missing."""
    for batch_size in _in_order(cell, 0):
        path = part_file(out, cell, "tuning", batch_size)
        if path.exists():
            continue
        stack = tuning_stack(cell, batch_size)

        def run(told: Told, stack: Stack = stack, path: Path = path) -> None:
            write_frame(
                path, tuning_frame(cell, stack, Trajectory(cell, stack).final_scores(told))
            )

        yield Job(f"{cell.source.name} {cell.recipe.name} tuning", _size(cell, stack), run)


def study_jobs(cell: Cell, out: Path, arms: Sequence[str]) -> Iterator[Job]:
    """What is missing of the study; the cell's tuning must be whole."""
    rates, target = tuned_rates(cell, out)
    for batch_size, place in _in_order(cell, 1).items():
        for group in _groups(arms):
            if group[0] in LARGEST_ALONE and batch_size != max(cell.study.batch_sizes):
                continue
            waits = [a for a in group if not part_file(out, cell, a, batch_size).exists()]
            if not waits:
                continue
            yield _study_job(cell, out, tuple(waits), batch_size, place, rates[batch_size], target)
    path = part_file(out, cell, "seconds")
    if not path.exists():
        yield Job(
            f"{cell.source.name} {cell.recipe.name} seconds",
            1,
            lambda told: write_frame(path, update_seconds(cell, rates)),
        )


def _study_job(
    cell: Cell,
    out: Path,
    arms: tuple[str, ...],
    batch_size: int,
    place: int,
    tuned: tuple[float, bool],
    target: float,
) -> Job:
    trained = tuple(a for a in arms if a != "tuned" or tuned[0] != cell.recipe.rate)
    stack = study_stack(cell, trained, batch_size, tuned, target) if trained else None

    def run(told: Told) -> None:
        rows = Trajectory(cell, stack).rows(told) if stack is not None else []
        made = pd.DataFrame([row | {"order": place} for row in rows])
        for arm in sorted(arms, key=lambda a: a == "tuned"):
            chosen = (
                made[(made["arm"] == arm) & (made["design"] != "tuned")]
                if arm != "tuned"
                else _tuned_rows(out, cell, batch_size, made, tuned)
            )
            write_frame(part_file(out, cell, arm, batch_size), chosen)

    name = f"{cell.source.name} {cell.recipe.name} B={batch_size} {'+'.join(arms)}"
    return Job(name, _size(cell, stack) if stack is not None else 1, run)


def _tuned_rows(
    out: Path, cell: Cell, batch_size: int, made: pd.DataFrame, tuned: tuple[float, bool]
) -> pd.DataFrame:
    """The rows at the tuned rate: those of the fixed rate where that was the best."""
    if tuned[0] != cell.recipe.rate:
        return made[made["design"] == "tuned"]
    plain = read_frame(part_file(out, cell, "plain", batch_size), "runs")
    same = plain[plain["design"] == "equal_epochs"]
    return same.assign(design="tuned", learning_rate_rule="tuned", rate_at_edge=tuned[1])


def tuned_rates(cell: Cell, out: Path) -> tuple[dict[int, tuple[float, bool]], float]:
    """Choose the rate of each batch size, and the training loss of "equal_loss".

    Parameters
    ----------
    cell : Cell
    out : Path
        Folder of the tuning's frames.

    Returns
    -------
    rates : dict of int to (float, bool)
        By batch size: the rate with the highest mean validation accuracy, of equal ones that of
        the lowest mean validation loss; and whether it is at the edge of the grid.
    target : float
        Mean training loss of the largest batch at the fixed rate after equal epochs.
    """
    sizes = cell.study.batch_sizes
    tuning = pd.concat(
        [read_frame(part_file(out, cell, "tuning", size), "runs") for size in sizes]
    )
    grid, rates = cell.recipe.rates, {}
    for size, runs in tuning.groupby("batch_size"):
        means = runs.groupby("learning_rate")[["validation_accuracy", "validation_loss"]].mean()
        ranked = means.assign(loss=-means["validation_loss"]).sort_values(
            ["validation_accuracy", "loss"], ascending=False
        )
        best = float(ranked.index[0])
        rates[int(size)] = (best, best in (grid[0], grid[-1]))
    fixed = tuning[
        (tuning["batch_size"] == max(sizes))
        & np.isclose(tuning["learning_rate"], cell.recipe.rate)
    ]
    return rates, float(fixed["train_loss"].mean())


def tuning_frame(cell: Cell, stack: Stack, found: dict[str, np.ndarray]) -> pd.DataFrame:
    """Rows of the tuning, one a seed and rate."""
    measured = "validation_loss validation_accuracy train_loss test_accuracy diverged".split()
    return pd.DataFrame(
        {
            "dataset": cell.source.name,
            "model": cell.recipe.name,
            "seed": stack.seeds,
            "batch_size": stack.batch_size,
            "learning_rate": [member.rate for member in stack.members],
            "updates": stack.updates,
            **{name: found[name] for name in measured},
        }
    )


def _groups(arms: Sequence[str]) -> list[tuple[str, ...]]:
    groups = [tuple(a for a in TOGETHER if a in arms), *((a,) for a in ("sam", *LARGEST_ALONE))]
    return [group for group in groups if group and set(group) <= set(arms)]


def _in_order(cell: Cell, stage: int) -> dict[int, int]:
    """Batch sizes with their places in time, first to last."""
    words = (stage, *f"{cell.source.name}/{cell.recipe.name}".encode())
    places = drawn_order(cell.study.batch_sizes, *words)
    return dict(sorted(places.items(), key=lambda item: item[1]))


def _size(cell: Cell, stack: Stack) -> int:
    """Example gradients of a stack's training."""
    each = cell.study.n_train if stack.noise_of != stack.batch_size else stack.batch_size
    passes = 1 if stack.rho is None else 2
    return passes * each * sum(member.updates for member in stack.members)


def total_size(cell: Cell, arms: Sequence[str]) -> int:
    """Example gradients of a whole cell, where no tuned rate is the fixed one."""
    sizes = cell.study.batch_sizes
    stacks = [tuning_stack(cell, size) for size in sizes]
    for size in sizes:
        for group in _groups(arms):
            if group[0] not in LARGEST_ALONE or size == max(sizes):
                stacks.append(study_stack(cell, group, size, (cell.recipe.rate, False), 0.0))
    return sum(_size(cell, stack) for stack in stacks)
