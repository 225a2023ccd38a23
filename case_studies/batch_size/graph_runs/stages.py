"""The stages of a cell: tuning, the trainings, and those of sharpness-aware minimisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd

from case_studies.batch_size.graph_runs import design as trajectories
from case_studies.batch_size.graph_runs.beginnings import Beginning, begin
from case_studies.batch_size.graph_runs.design import Design, Trajectory
from case_studies.batch_size.graph_runs.objectives import objective_of
from case_studies.batch_size.graph_runs.rows import (
    RUNS,
    TUNING,
    frame_of,
    run_rows,
    tuning_rows,
)
from case_studies.batch_size.graph_runs.scores import Whole, measure, score
from case_studies.batch_size.graph_runs.snapshots import Course
from case_studies.batch_size.graph_runs.training import Problem, problem_of, train
from causalhyper.errors import DataError
from collectors.ensembles.graphs import Neighbourhoods
from collectors.graphs import Graph

STAGES = ("tuning", "runs", "sam")
Told = Callable[[int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A data set and a model.

    Attributes
    ----------
    graph : Graph
    model : str
    design : Design
    device : str
    at_once : int
        Trajectories trained side by side, all seeds of each; fewer need less memory.
    """

    graph: Graph
    model: str
    design: Design
    device: str
    at_once: int = 64

    @property
    def names(self) -> tuple[str, str]:
        """Data set and model."""
        return self.graph.name, self.model

    def problem(self, seeds: Sequence[int]) -> tuple[Problem, Whole, list[Beginning]]:
        """Draw and prepare all that some seeds need; the last is kept."""
        return _prepared(self, tuple(seeds))


@lru_cache(maxsize=1)
def _prepared(cell: Cell, seeds: tuple[int, ...]) -> tuple[Problem, Whole, list[Beginning]]:
    graph, design = cell.graph, cell.design
    near = Neighbourhoods.of(graph, cell.device)
    beginnings = [begin(seed, graph, design) for seed in seeds]
    objective = objective_of(cell.model, near, beginnings, design)
    problem = problem_of(objective, beginnings, graph.labels, design, cell.device)
    return problem, Whole.of(near, objective, graph.labels), beginnings


def tune(cell: Cell, seeds: Sequence[int], told: Told | None = None) -> pd.DataFrame:
    """Train at all rates and batch sizes; return the tuning frame."""
    problem, whole, beginnings = cell.problem(seeds)
    planned = trajectories.tuning(cell.design)
    course = _trained(cell, problem, planned, noise=False, told=told)
    rows = []
    for snapshot in course.snapshots:
        columns = score(problem, whole, beginnings, snapshot)
        rows += tuning_rows(cell.names, beginnings, snapshot, columns)
    frame = frame_of(rows, TUNING)
    return frame.sort_values(["batch_size", "learning_rate", "seed"], ignore_index=True)


def loss_target(frame: pd.DataFrame, design: Design) -> float:
    """Mean training loss of the largest batch at the fixed rate, after its budget."""
    rate = frame["learning_rate"].sub(design.rate).abs() < 1e-6
    chosen = frame.loc[rate & (frame["batch_size"] == design.largest), "train_loss"]
    if chosen.empty or not chosen.notna().all():
        raise DataError(
            f"no loss target: {len(chosen)} tuning runs at the fixed rate, some without a loss"
        )
    return float(chosen.astype(float).mean())


def tuned_rates(frame: pd.DataFrame, design: Design) -> tuple[dict[int, float], dict[int, bool]]:
    """The rate of the best mean validation accuracy a batch size, and whether it is an edge.

    Of equal ones the smallest rate is taken.
    """
    exact = frame.astype({"validation_accuracy": float})
    means = exact.groupby(["batch_size", "learning_rate"])["validation_accuracy"].mean()
    rates, edges = {}, {}
    for size in design.batch_sizes:
        own = means.loc[size].sort_index()
        if len(own) != len(design.rates):
            raise DataError(
                f"{len(own)} rates were tried at batch size {size}, the grid has "
                f"{len(design.rates)}: tune with the same grid"
            )
        place = int(own.to_numpy().argmax())
        rates[size] = sorted(design.rates)[place]
        edges[size] = place in (0, len(own) - 1)
    return rates, edges


def run(
    cell: Cell, seeds: Sequence[int], tuning: pd.DataFrame, stage: str, told: Told | None = None
) -> pd.DataFrame:
    """Train and measure a stage; return its part of the runs frame.

    Parameters
    ----------
    cell : Cell
    seeds : sequence of int
    tuning : DataFrame
        Of the same cell.
    stage : {"runs", "sam"}
    told : callable, optional
        Called with the number of members after each update.
    """
    rates, edges = tuned_rates(tuning, cell.design)
    problem, whole, beginnings = cell.problem(seeds)
    planned = planned_of(cell.design, stage, rates)
    target = loss_target(tuning, cell.design)
    course = _trained(cell, problem, planned, target=target, told=told)
    measured = measure(problem, beginnings, course.snapshots)
    rows = []
    for snapshot, columns in zip(course.snapshots, measured, strict=True):
        columns |= score(problem, whole, beginnings, snapshot)
        rows += run_rows(cell.names, cell.design, beginnings, course, snapshot, columns, edges)
    frame = frame_of(rows, RUNS)
    order = ["design", "arm", "batch_size", "noise_of", "seed"]
    return frame.sort_values(order, ignore_index=True)


def _trained(
    cell: Cell, problem: Problem, planned: Sequence[Trajectory], **options: Any
) -> Course:
    """Train in stacks of trajectories of like length."""
    ordered = sorted(planned, key=lambda t: -t.end)
    course = Course(problem.initial)
    for first in range(0, len(ordered), cell.at_once):
        part = train(problem, ordered[first : first + cell.at_once], **options)
        course.snapshots += part.snapshots
        course.moments |= part.moments
    return course


def planned_of(design: Design, stage: str, rates: dict[int, float]) -> list[Trajectory]:
    """Trajectories of a stage."""
    if stage == "sam":
        return trajectories.sharpness_aware(design)
    return trajectories.intervened(design, rates)
