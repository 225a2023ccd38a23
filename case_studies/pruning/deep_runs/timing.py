"""How long it will take on this device, told before it begins."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from case_studies.pruning.deep_runs.cells import Cell, device_name
from case_studies.pruning.deep_runs.design import parameters_of
from case_studies.pruning.deep_runs.trainings import tuned
from collectors.batches import Batch
from collectors.deep_pruning.chains import asked_for, together
from collectors.deep_pruning.passes import train_pass
from collectors.deep_pruning.subjects import Subject
from collectors.ensembles.pruning import Method
from collectors.ensembles.pruning.recording import Asked, Recording
from collectors.pruning.masked_training import keep_pruned

STEPS = 6
"""Timed, after half as many that are not."""
TRAIN, FIRST = "train", "first"
"""Kinds of step beside those of `Asked`: by Adam, and of the first iteration, which all share."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds on this device.

    Attributes
    ----------
    steps : dict of str to float
        Of a step, by what is recorded of it, or `TRAIN` or `FIRST`.
    judging : float
        Of an evaluation on the validation data.
    gigabytes : float
        Most that was held on a GPU; 0 elsewhere.
    """

    steps: dict[str, float]
    judging: float
    gigabytes: float


@dataclass(frozen=True, slots=True)
class Planned:
    """Seconds of one seed.

    Attributes
    ----------
    shared : float
        Pre-training and the first iteration.
    pruning : dict of str to float
        By method, all further iterations.
    training : float
        Of one network after pruning, as long as it may.
    networks : int
        That are trained after pruning.
    tuning_networks, strong_networks : int
        That are trained in the tuning, of one of its seeds; and at the tuned rates, but for those
        whose rate is the paper's.
    tuning_pruning : float
        All before post-training, of a seed of the tuning.
    """

    shared: float
    pruning: dict[str, float]
    training: float
    networks: int
    tuning_networks: int
    strong_networks: int
    tuning_pruning: float

    @property
    def total(self) -> float:
        """Of the seed, at the paper's rate."""
        return self.shared + sum(self.pruning.values()) + self.networks * self.training


def plan(cells: Iterator[Cell]) -> Iterator[str]:
    """Measure steps, and predict the minutes of every cell.

    Parameters
    ----------
    cells : iterator of Cell
        Opened one after another.

    Yields
    ------
    str
        Lines. Post-training is taken to last as long as it may; rankings are not counted.
    """
    total = 0.0
    for cell in cells:
        measured = measure(cell)
        planned = predict(cell, measured)
        seeds = len(cell.study.seeds)
        total += seeds * planned.total
        steps = ", ".join(f"{kind} {1e3 * s:.2f}" for kind, s in measured.steps.items())
        yield (
            f"{cell.name}, {parameters_of(cell.subject.model):,} parameters, on "
            f"{device_name(cell.subject.device)}: ms a step: {steps}; validation "
            f"{1e3 * measured.judging:.0f} ms; {measured.gigabytes:.1f} GB; {cell.steps} steps an "
            "epoch"
        )
        yield (
            f"  minutes a seed: {planned.shared / 60:.2f} before and in the first iteration, "
            f"{planned.training / 60:.2f} each of {planned.networks} networks after pruning"
        )
        for name, seconds in planned.pruning.items():
            whole = seconds + len(cell.targets(name)) * planned.training
            yield f"    {name}: {seconds / 60:.2f} pruning, {whole / 60:.2f} in all"
        yield f"  {planned.total / 60:.1f} minutes a seed, {seeds * planned.total / 60:.1f} in all"
        tuning = planned.tuning_pruning + planned.tuning_networks * planned.training
        yield (
            f"  beside that, if asked for: tuning {tuning / 60:.1f} minutes a seed of its own, "
            f"strong at most {planned.strong_networks * planned.training / 60:.1f} a seed"
        )
    yield f"all cells: {total / 60:.1f} minutes"


def measure(cell: Cell) -> Measured:
    """Time a step of every kind that the methods take, and an evaluation.

    Parameters
    ----------
    cell : Cell
        Its network and data set.

    Returns
    -------
    Measured
    """
    subject, device = cell.of_seed(0), cell.subject.device
    data = list(itertools.islice(subject.epoch("timing", 0, 0, subject.task.train), STEPS))
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    subject.load(subject.first_state())
    shared = [asked_for(m) for m in cell.methods.values() if m.collecting == "sgd"]
    kinds: dict[str, Sequence[Asked]] = {TRAIN: (), "none": ()}
    kinds |= {each.kind: (Asked(each.kind),) for each in shared if each.kind != "none"}
    kinds |= {FIRST: together(shared)}
    steps = {kind: _step(subject, kind, asked, data) for kind, asked in kinds.items()}
    subject.judged("validation", subject.fast)
    judging = _timed(lambda: subject.judged("validation", subject.fast), device)
    held = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0
    return Measured(steps, judging, held)


def predict(cell: Cell, measured: Measured) -> Planned:
    """Add up the steps of one seed.

    Parameters
    ----------
    cell : Cell
        Its methods and lengths.
    measured : Measured
        From `measure`.

    Returns
    -------
    Planned
    """
    settings, times = cell.subject.settings, measured.steps
    epoch = cell.steps * times[TRAIN]
    collecting = [m for m in cell.methods.values() if m.collecting == "sgd"]
    shared = settings.n_pre * epoch
    shared += settings.n_prune * cell.steps * times[FIRST] * bool(collecting)
    shared += cell.study.later * epoch * any(m.collecting == "adam" for m in cell.methods.values())
    pruning = {n: _iteration(cell, m, measured) for n, m in cell.methods.items()}
    further = len(cell.ladder.levels) - 1
    networks = sum(len(cell.targets(name)) for name in cell.methods) + cell.dense
    training = settings.n_post * (epoch + measured.judging)
    names, stops = tuned(cell), cell.ladder.stops
    tried = (len(names) + cell.dense) * len(cell.study.rates)
    short = shared + sum(pruning[n] for n in names) * (stops.get(cell.study.tuned_at, 1) - 1)
    return Planned(
        shared,
        {name: further * seconds for name, seconds in pruning.items()},
        training,
        networks,
        tried,
        len(names) * len(stops) + cell.dense,
        short,
    )


def _iteration(cell: Cell, method: Method, measured: Measured) -> float:
    """Seconds of one iteration of a method alone."""
    steps, times = cell.steps, measured.steps
    seconds = 3 * measured.judging
    if method.collecting == "adam":
        seconds += cell.study.later * steps * times[TRAIN]
    elif method.collecting == "sgd":
        kind = asked_for(method).kind
        seconds += cell.subject.settings.n_prune * steps * times[kind]
    return seconds + method.criterion.needs.gradients * times["none"]


def _step(subject: Subject, kind: str, asked: Sequence[Asked], data: list[Batch]) -> float:
    trained = list(subject.model.parameters())
    optimizer: torch.optim.Optimizer = torch.optim.SGD(trained, lr=1e-6)
    precision = subject.precision
    if kind == TRAIN:
        optimizer, precision = subject.adam(1e-6), subject.fast
    recordings = [Recording(each, slice(0, 1)) for each in asked]
    pruned = torch.rand(subject.layout.width, device=subject.device) < 0.1
    with keep_pruned(subject.model, optimizer, subject.masks(~pruned)):

        def run(batches: list[Batch]) -> None:
            draws = np.random.default_rng(0)
            train_pass(subject, optimizer, batches, precision, recordings, draws)

        run(data[: STEPS // 2])
        return _timed(lambda: run(data), subject.device) / len(data)


def _timed(work: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began
