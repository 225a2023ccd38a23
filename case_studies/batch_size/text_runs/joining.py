"""The parts that were written, put together to the study's two frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from case_studies.batch_size.text_runs.design import ARMS
from case_studies.batch_size.text_runs.jobs import part_file
from case_studies.batch_size.text_runs.stacks import Cell
from causalhyper.errors import DataError
from causalhyper.frames.reading import read_frame
from causalhyper.frames.writing import write_frame

COLUMNS = """
run_id dataset model domain design arm seed batch_size noise_of optimizer learning_rate
learning_rate_rule rate_at_edge updates epochs reached order n_train n_validation n_test grad_noise
example_noise noise_scale sharpness sharpness_residual sharpness_adjusted sam_sharpness weight_norm
distance spectral_product margin train_loss train_accuracy validation_loss validation_accuracy
test_loss test_accuracy test_precision generalization_gap diverged seconds""".split()
COUNTS = "seed batch_size noise_of updates order n_train n_validation n_test".split()


def join(cells: Sequence[Cell], out: Path) -> tuple[Path, Path]:
    """Write ``text.parquet`` and ``text_tuning.parquet`` from the parts of some cells.

    Parameters
    ----------
    cells : sequence of Cell
        Whose parts there are; arms may be missing.
    out : Path
        Folder of the parts, and of the two files.

    Returns
    -------
    tuple of Path
        The two files.

    Raises
    ------
    DataError
        If a cell has no run, or its seconds are missing.
    """
    runs = pd.concat([cell_runs(cell, out) for cell in cells], ignore_index=True)
    tuning = pd.concat(
        [_read(cell, out, "tuning") for cell in cells], ignore_index=True
    ).sort_values(["dataset", "model", "batch_size", "learning_rate", "seed"])
    paths = out / "text.parquet", out / "text_tuning.parquet"
    for path, frame in zip(paths, (runs, tuning), strict=True):
        write_frame(path, small(frame))
    return paths


def cell_runs(cell: Cell, out: Path) -> pd.DataFrame:
    """All rows of a cell in the study's columns, those of noise removed among them."""
    runs = pd.concat([_read(cell, out, arm) for arm in ARMS], ignore_index=True)
    if runs.empty or not part_file(out, cell, "seconds").exists():
        raise DataError(
            f"{cell.source.name} {cell.recipe.name} is not whole in {str(out)!r}: run the same "
            "command without --join first"
        )
    runs = pd.concat([runs, noise_removed_at_equal_updates(cell, runs)], ignore_index=True)
    seconds = read_frame(part_file(out, cell, "seconds"), "rows")
    table = seconds.set_index(["arm", "batch_size"])["update_seconds"]
    kinds = runs["arm"].replace({"label_noise": "plain", "noise_removed": "plain"})
    sizes = runs["batch_size"].where(runs["arm"] != "noise_removed", runs["noise_of"])
    each = [table[kind, size] for kind, size in zip(kinds, sizes, strict=True)]
    names = runs[["dataset", "model", "arm", "design"]].agg("-".join, axis=1)
    ids = names + "-B" + runs["batch_size"].astype(str) + "-s" + runs["seed"].astype(str)
    runs = runs.assign(run_id=ids, seconds=runs["updates"] * each)
    ordered = runs.sort_values(["arm", "design", "batch_size", "seed"], kind="stable")
    return ordered[COLUMNS]


def noise_removed_at_equal_updates(cell: Cell, runs: pd.DataFrame) -> pd.DataFrame:
    """What needs no training of its own.

    Gradients of the smallest batch accumulated to the size of the largest are the largest's: at
    equal updates the rows are those of the largest batch, renamed.
    """
    small_size, large = min(cell.study.batch_sizes), max(cell.study.batch_sizes)
    same = runs[
        (runs["arm"] == "plain")
        & (runs["design"] == "equal_updates")
        & (runs["batch_size"] == large)
    ]
    return same.assign(arm="noise_removed", batch_size=small_size, noise_of=large)


def small(frame: pd.DataFrame) -> pd.DataFrame:
    """The same in short types: counts in int32, other numbers in float32."""
    types = {name: "int32" for name in COUNTS if name in frame}
    types |= {name: "float32" for name in frame.select_dtypes("float64") if name not in types}
    return frame.astype(types).reset_index(drop=True)


def _read(cell: Cell, out: Path, stage: str) -> pd.DataFrame:
    paths = [part_file(out, cell, stage, size) for size in cell.study.batch_sizes]
    frames = [read_frame(path, "rows") for path in paths if path.exists()]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
