"""Rows of the frames."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from case_studies.batch_size.graph_runs.beginnings import Beginning
from case_studies.batch_size.graph_runs.design import Design
from case_studies.batch_size.graph_runs.scores import Columns
from case_studies.batch_size.graph_runs.snapshots import Course, Snapshot

NOISE_AT = (0.25, 0.5, 0.75)
"""Where gradient noise is taken, as shares of a row's updates."""
RUNS = (
    "run_id dataset model domain design arm seed batch_size noise_of optimizer learning_rate "
    "learning_rate_rule rate_at_edge updates epochs reached order n_train n_validation n_test "
    "grad_noise example_noise noise_scale sharpness sharpness_residual sharpness_adjusted "
    "sam_sharpness weight_norm distance spectral_product margin train_loss train_accuracy "
    "validation_loss validation_accuracy test_loss test_accuracy test_precision "
    "generalization_gap diverged seconds"
).split()
TUNING = (
    "dataset model seed batch_size learning_rate updates validation_loss validation_accuracy "
    "train_loss test_accuracy diverged"
).split()
SHORT = dict.fromkeys(("seed", "batch_size", "noise_of", "updates", "order"), "int16")
REMOVED = {"removed_epochs": "equal_epochs", "removed_updates": "equal_updates"}


def run_rows(
    cell: tuple[str, str],
    design: Design,
    beginnings: Sequence[Beginning],
    course: Course,
    snapshot: Snapshot,
    columns: Columns,
    edges: Mapping[int, bool],
) -> list[dict[str, object]]:
    """Rows of a snapshot: one for each seed and design.

    Parameters
    ----------
    cell : tuple of str
        Data set and model.
    design : Design
    beginnings : sequence of Beginning
    course : Course
        The training that the snapshot is of.
    snapshot : Snapshot
    columns : dict
        Measurements, each of shape (seeds,).
    edges : mapping of int to bool
        Of the batch sizes: whether the tuned rate is the smallest or the largest of the grid.
    """
    rows = []
    for name in snapshot.designs:
        for place, beginning in enumerate(beginnings):
            row = _configuration(cell, design, beginning, snapshot, name, edges)
            row["updates"] = updates = int(snapshot.updates[place])
            row["epochs"] = updates * snapshot.trajectory.batch_size / design.n_train
            row["reached"] = bool(snapshot.reached[place])
            row |= _noise(course, design, snapshot, place, updates)
            row |= {key: _plain(values[place]) for key, values in columns.items()}
            rows.append(row)
    return rows


def _configuration(
    cell: tuple[str, str],
    design: Design,
    beginning: Beginning,
    snapshot: Snapshot,
    name: str,
    edges: Mapping[int, bool],
) -> dict[str, object]:
    """Columns that are known before training."""
    trajectory = snapshot.trajectory
    removed, tuned = name in REMOVED, name == "tuned"
    arm = "noise_removed" if removed else trajectory.arm
    size = design.smallest if removed else trajectory.batch_size
    protocol = REMOVED.get(name, name)
    run_id = (
        f"{'-'.join(cell)}-{protocol}-{arm}-b{size:03d}-n{trajectory.noise_of:03d}"
        f"-s{beginning.seed:03d}"
    )
    return {
        "run_id": run_id,
        "dataset": cell[0],
        "model": cell[1],
        "domain": "graph",
        "design": protocol,
        "arm": arm,
        "seed": beginning.seed,
        "batch_size": size,
        "noise_of": trajectory.noise_of,
        "optimizer": "adam",
        "learning_rate": trajectory.rate,
        "learning_rate_rule": "tuned" if tuned else "fixed",
        "rate_at_edge": edges[trajectory.batch_size] if tuned else False,
        "order": 0,
        "n_train": design.n_train,
        "n_validation": len(beginning.split.validation),
        "n_test": len(beginning.split.test),
    }


def _noise(
    course: Course, design: Design, snapshot: Snapshot, place: int, updates: int
) -> dict[str, float]:
    """Gradient noise at the points of the grid nearest to `NOISE_AT`."""
    known = [at for at in design.grid if (snapshot.trajectory, at) in course.moments]
    if not known:
        return dict.fromkeys(("grad_noise", "example_noise", "noise_scale"), math.nan)
    points = [min(known, key=lambda at: abs(at - share * updates)) for share in NOISE_AT]
    found = [course.moments[snapshot.trajectory, at] for at in points]
    trace, squared, made = (float(np.mean([f[k][place] for f in found])) for k in range(3))
    scale = trace / squared if squared > 0 else math.nan
    return {"grad_noise": made, "example_noise": trace, "noise_scale": scale}


def tuning_rows(
    cell: tuple[str, str], beginnings: Sequence[Beginning], snapshot: Snapshot, columns: Columns
) -> list[dict[str, object]]:
    """Rows of the tuning frame: one a seed."""
    trajectory = snapshot.trajectory
    return [
        {
            "dataset": cell[0],
            "model": cell[1],
            "seed": beginning.seed,
            "batch_size": trajectory.batch_size,
            "learning_rate": trajectory.rate,
            "updates": int(snapshot.updates[place]),
        }
        | {key: _plain(values[place]) for key, values in columns.items() if key in TUNING}
        for place, beginning in enumerate(beginnings)
    ]


def frame_of(rows: Sequence[Mapping[str, object]], names: Sequence[str]) -> pd.DataFrame:
    """A frame of given columns in short types; whole numbers and float32."""
    frame = pd.DataFrame(list(rows)).reindex(columns=list(names))
    for name in names:
        if frame[name].dtype == np.float64:
            frame[name] = frame[name].astype(np.float32)
        elif frame[name].dtype == np.int64:
            frame[name] = frame[name].astype(SHORT.get(name, "int32"))
    return frame


def _plain(value: np.generic) -> object:
    """A plain number; infinity is what could not be measured."""
    found = value.item()
    return math.nan if isinstance(found, float) and not math.isfinite(found) else found
