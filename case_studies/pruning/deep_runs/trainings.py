"""What is trained after pruning in each stage, at which rates."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from case_studies.pruning.deep_runs.cells import Cell, keep_or_refuse
from case_studies.pruning.deep_runs.design import DENSE
from case_studies.pruning.stacked_runs.design import strong_methods
from case_studies.pruning.tuned_rates import best_rates
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.reading import read_frame

STAGES = ("main", "tuning", "strong")
"""In their order: the paper's rate; rates tried on seeds of their own; the best of them.

Where the best is the paper's, its network is not trained again."""
PROTOCOLS = {"main": "paper", "tuning": "tuning", "strong": "strong"}
"""Of the stages, in the frames."""


@dataclass(frozen=True, slots=True)
class Training:
    """A network to be trained after pruning.

    Attributes
    ----------
    stage : {"main", "tuning", "strong"}
        Of which it is.
    method : str
        What pruned it; `DENSE` for the whole.
    target : float or None
        Share pruned; None where the criterion chose.
    rate : float
        Of the optimiser.
    """

    stage: str
    method: str
    target: float | None
    rate: float

    @property
    def name(self) -> str:
        """Distinguishes it from the others of a seed."""
        share = "auto" if self.target is None else str(self.target)
        before = "" if self.stage == "main" else f"{self.stage}-"
        after = f"-rate{self.rate:g}" if self.stage == "tuning" else ""
        return f"{before}{self.method}-{share}{after}"

    def log(self, cell: Cell, seed: int) -> Path:
        """Return the file of its log, which is written last."""
        return cell.file(seed, f"{self.name}-log.parquet")


def trainings(cell: Cell, stage: str) -> list[Training]:
    """List what is trained of every seed of a stage, the least pruned first.

    Parameters
    ----------
    cell : Cell
        Its methods and sparsities.
    stage : {"main", "tuning", "strong"}
        Controls of layer counts, and rules that choose their sparsity, are in the first alone:
        they ask about masks.

    Returns
    -------
    list of Training

    Raises
    ------
    DataError
        If rates are to be the best, and the tuning is not whole.
    """
    study, usual = cell.study, cell.subject.settings.learning_rate
    rates: dict[str, tuple[float, ...]] = {}
    names = [*([DENSE] if cell.dense else []), *(cell.methods if stage == "main" else tuned(cell))]
    if stage == "tuning":
        rates = dict.fromkeys(names, study.rates)
    elif stage == "strong":
        rates = {name: (rate,) for name, rate in tuned_rates(cell, names).items()}
    found = []
    for target in (0.0, *cell.ladder.stops, None):
        if stage == "tuning" and target not in (0.0, study.tuned_at):
            continue
        for name in names:
            if target in ((0.0,) if name == DENSE else cell.targets(name)):
                found += [Training(stage, name, target, r) for r in rates.get(name, (usual,))]
    return found


def tuned(cell: Cell) -> list[str]:
    """Name the methods whose rates are tuned."""
    return [method.name for method in strong_methods(tuple(cell.methods.values()))]


def check_tuning(cell: Cell, seed: int, stage: str) -> None:
    """Write down which seeds and rates are the tuning's, or refuse others.

    Parameters
    ----------
    cell : Cell
        Whose rates are tuned.
    seed : int
        Of what is to be done.
    stage : {"main", "tuning", "strong"}
        What is to be done.

    Raises
    ------
    ConfigurationError
        If the tuning was another, or a seed is to be both of the table and of the tuning.
    """
    path, study = cell.out / f"{cell.name}-tuning.json", cell.study
    if stage != "main":
        names = "tuning_seeds", "rates", "tuned_at"
        own = {name: getattr(study, name) for name in names}
        keep_or_refuse(path, json.loads(json.dumps(own)))
    there = json.loads(path.read_text("utf-8"))["tuning_seeds"] if path.exists() else []
    told = any(training.log(cell, seed).exists() for training in trainings(cell, "main"))
    if (stage == "tuning" and told) or (stage != "tuning" and seed in there):
        raise ConfigurationError(
            f"seed {seed} of {cell.name} is both one of the table and of the tuning in "
            f"{str(cell.out)!r}: name other seeds, or another folder"
        )


def tuned_rates(cell: Cell, names: list[str]) -> dict[str, float]:
    """Choose the rate of each method with the best validation accuracy over the tuning seeds.

    Parameters
    ----------
    cell : Cell
        Its tuning must be whole.
    names : list of str
        Methods.

    Returns
    -------
    dict of str to float
        By method; of equals the smaller rate.

    Raises
    ------
    DataError
        If a training of the tuning is missing.
    """
    frames = []
    for seed in cell.study.tuning_seeds:
        for each in trainings(cell, "tuning"):
            if each.method not in names:
                continue
            path = each.log(cell, seed)
            if not path.exists():
                raise DataError(f"{str(path)!r} is missing: run the stage tuning first")
            frames.append(read_frame(path, "log"))
    return best_rates(pd.concat(frames, ignore_index=True))
