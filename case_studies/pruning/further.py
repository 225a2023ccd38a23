"""What else is asked of the runs: phase shift, cost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from case_studies.pruning.contrasts import FEWEST, LEVEL
from case_studies.pruning.logs import CELL, StudyFrames, cell_name
from case_studies.pruning.methods import DENSE, MAGNITUDE, role, shown_criteria
from causalhyper.errors import CausalHyperError
from causalhyper.granger.pruning import PhaseShift, phase_shift

CHANCE = {"FashionMNIST": 0.1, "CIFAR-10": 0.1, "Tiny-ImageNet (50 classes)": 0.02}
"""Accuracy of guessing."""
DRAWN, FEW = 6, 2
"""Methods in one picture of curves, and in how many pictures; four methods each in more."""
STAGES = ("pretraining", "training", "collecting", "fitting", "pruned", "posttraining", "final")


def phase_shifts(frames: StudyFrames) -> dict[str, PhaseShift | str]:
    """The fall of accuracy in every cell, against magnitude; or why there is none.

    Parameters
    ----------
    frames : StudyFrames

    Returns
    -------
    dict of str to PhaseShift or str
        By cell.
    """
    return {cell: _shift(runs) for cell, runs in frames.cells().items()}


def _shift(runs: pd.DataFrame) -> PhaseShift | str:
    if (seeds := runs["seed"].nunique()) < FEWEST:
        return f"{seeds} seeds, which give no interval"
    free = runs["target"].isna() if "target" in runs else np.zeros(len(runs), dtype=bool)
    controls = runs["method"].map(role) == "own counts"
    runs = runs[~controls & ~free]
    floor = CHANCE.get(str(runs["dataset"].iloc[0]))
    baseline = MAGNITUDE if (runs["method"] == MAGNITUDE).any() else None
    try:
        return phase_shift(runs, baseline=baseline, floor=floor, level=LEVEL)
    except CausalHyperError as error:
        return str(error)


def drawn_methods(runs: pd.DataFrame, pictures: int = 1) -> list[str]:
    """Methods for a picture: magnitude, the criteria that are judged, then the best others."""
    means = runs[runs["sparsity"] > 0].groupby("method")["test_accuracy"].mean()
    order = means.sort_values(ascending=False, kind="stable").index
    wanted = [MAGNITUDE, *shown_criteria(runs), *(m for m in order if role(m) == "baseline")]
    count = DRAWN if pictures <= FEW else 4
    return [m for m in dict.fromkeys(wanted) if m in means.index][:count]


def shift_table(shifts: Mapping[str, PhaseShift | str]) -> pd.DataFrame:
    """Points, widths and contrasts of all cells, with the cell's name.

    Parameters
    ----------
    shifts : mapping of str to PhaseShift or str

    Returns
    -------
    DataFrame
    """
    parts = [
        found.to_frame().assign(cell=cell)
        for cell, found in shifts.items()
        if isinstance(found, PhaseShift)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def stage_costs(costs: pd.DataFrame) -> pd.DataFrame:
    """Seconds and gigabytes of the stages that were measured apart, means over seeds.

    Parameters
    ----------
    costs : DataFrame
        Columns `CELL`, stage and seconds; optionally networks, side by side, and gigabytes.

    Returns
    -------
    DataFrame
        Columns network, dataset, stage, runs, seconds, and networks, seconds_each and gigabytes
        (the most) where they are known.
    """
    costs = costs.assign(runs=1)
    sums = {"runs": "sum", "seconds": "mean", "networks": "mean", "gigabytes": "max"}
    there = {name: how for name, how in sums.items() if name in costs}
    found = costs.groupby(["network", "dataset", "stage"], sort=False, as_index=False).agg(there)
    if "networks" in found:
        found = found.assign(seconds_each=found["seconds"] / found["networks"])
    return found


def cost_table(frames: StudyFrames) -> pd.DataFrame:
    """Seconds of a run by method and stage, and times those of training without pruning.

    Parameters
    ----------
    frames : StudyFrames

    Returns
    -------
    DataFrame
        Columns cell, method, one a stage (mean seconds a run), total, times_dense; empty where no
        log has durations.
    """
    log = frames.log
    if "seconds" not in log or "stage" not in log:
        return pd.DataFrame()
    log = log.dropna(subset=["seconds", "stage"])
    if log.empty:
        return pd.DataFrame()
    keys = [*CELL, "method", "run_id"]
    runs = log.pivot_table(index=keys, columns="stage", values="seconds", aggfunc="sum")
    means = runs.fillna(0.0).groupby(level=[*CELL, "method"], sort=False).mean()
    there = [stage for stage in STAGES if stage in means] + [
        stage for stage in means if stage not in STAGES
    ]
    means = means[there].assign(total=means.sum(axis="columns")).reset_index()
    names = [tuple(row) for row in means[list(CELL)].to_numpy()]
    dense = means[means["method"] == DENSE].set_index(list(CELL))["total"].to_dict()
    times = means["total"] / [dense.get(name, np.nan) for name in names]
    means = means.assign(cell=[cell_name(name) for name in names], times_dense=times)
    return means[["cell", "method", *there, "total", "times_dense"]]
