"""The study's frames: read, checked, and cut into cells, protocols and arms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from causalhyper.errors import DataError
from causalhyper.frames import checksum, read_runs

DATA = Path(__file__).parent / "data"
FILES, GRIDS = ("graphs", "text"), ("graph_tuning", "text_tuning")
BATCH_SIZES = (16, 32, 64, 128, 256, 512)
SMALL, LARGE = BATCH_SIZES[0], BATCH_SIZES[-1]
CELL = ["dataset", "model"]
"""Columns that tell one world from another."""

PROTOCOLS = {
    "equal_epochs": "equal epochs ({epochs}), fixed learning rate ({optimizer}, {rate})",
    "equal_updates": "equal updates ({updates}), fixed learning rate ({optimizer}, {rate})",
    "equal_loss": (
        "equal training loss (stopped at the first update that reaches a target set on other "
        "seeds, at most {most} updates), fixed learning rate ({optimizer}, {rate})"
    ),
    "tuned": (
        "equal epochs ({epochs}), learning rate tuned for each batch size on the validation "
        "accuracy of other seeds ({optimizer})"
    ),
}
"""What was held equal while the batch size varied, filled in from the runs of a cell."""
SHORT = {
    "equal_epochs": "equal epochs",
    "equal_updates": "equal updates",
    "equal_loss": "equal training loss",
    "tuned": "equal epochs, tuned rate",
}
ARMS = ("plain", "sam", "label_noise", "noise_added", "noise_removed")
GRAPH = "B -> N; N -> S; {N, S} -> C; C -> G"
"""The papers' hypergraph."""
ROLES = {
    "B": "log2(batch_size)",
    "N": "log10(grad_noise)",
    "S": "log10(sharpness)",
    "C": "weight_norm",
    "G": "test_accuracy",
}
NAMES = {
    "cora": "Cora",
    "citeseer": "CiteSeer",
    "pubmed": "PubMed (graph)",
    "amazon": "Amazon",
    "nicta_piboso": "NICTA-PIBOSO",
}
"""Data sets in the order of the tables, as they are written."""
MODELS = {"gcn": "GCN", "gat": "GAT", "pignn": "PI-GNN"}
"""Models that are written otherwise than they are named."""
NEEDED = [
    *("run_id", *CELL, "domain", "design", "arm", "seed", "batch_size", "noise_of", "optimizer"),
    *("learning_rate", "rate_at_edge", "updates", "epochs", "reached", "grad_noise", "sharpness"),
    *("weight_norm", "train_loss", "test_accuracy", "test_precision", "diverged"),
]
_LABELS = ["run_id", *CELL, "domain", "design", "arm"]


@dataclass(frozen=True, slots=True)
class Frames:
    """What the study rests on.

    Attributes
    ----------
    runs : DataFrame
        A row a trajectory and stopping time, graphs first.
    tuning : DataFrame
        A row a run of the tuning grid; empty where none is shipped.
    checksums : tuple of (str, str)
        Name and SHA-256 of every file that was read.
    """

    runs: pd.DataFrame
    tuning: pd.DataFrame
    checksums: tuple[tuple[str, str], ...]

    @property
    def plain(self) -> pd.DataFrame:
        """Runs on which nothing but batch size, stopping time and rate was set."""
        return self.runs[self.runs["arm"] == "plain"]


def is_collected(folder: Path = DATA) -> bool:
    """Whether any of the study's frames lies in a folder."""
    return any((folder / f"{name}.parquet").exists() for name in FILES)


def read_study(folder: Path = DATA) -> Frames:
    """Read and check the frames that are in a folder.

    Parameters
    ----------
    folder : Path
        Holds `graphs.parquet`, `text.parquet` or both, and the tuning grids beside them.

    Returns
    -------
    Frames

    Raises
    ------
    DataError
        If a column is missing, a run stands twice, an outcome is missing, or a seed of the study
        was tuned on.
    """
    paths = [p for name in FILES if (p := folder / f"{name}.parquet").exists()]
    tuned = [p for name in GRIDS if (p := folder / f"{name}.parquet").exists()]
    if not paths:
        raise DataError(f"no frame of the study in {str(folder)!r}: expected graphs.parquet")
    runs = pd.concat([_widen(read_runs(path)) for path in paths], ignore_index=True)
    grids = [_widen(read_runs(path)) for path in tuned]
    tuning = (
        pd.concat(grids, ignore_index=True) if grids else pd.DataFrame(columns=[*CELL, "seed"])
    )
    check_study(runs, tuning)
    sums = tuple((path.name, checksum(path)) for path in (*paths, *tuned))
    return Frames(_in_order(runs), tuning, sums)


def check_study(runs: pd.DataFrame, tuning: pd.DataFrame) -> None:
    """Refuse frames that the analysis would misread.

    Parameters
    ----------
    runs, tuning : DataFrame

    Raises
    ------
    DataError
        With the first thing that is wrong.
    """
    if missing := [name for name in NEEDED if name not in runs.columns]:
        raise DataError(f"the study's runs lack the columns {', '.join(missing)}: collect again")
    if strange := set(runs["arm"]) - set(ARMS) | set(runs["design"]) - set(PROTOCOLS):
        raise DataError(f"unknown arms or designs {sorted(strange)}; expected {ARMS}, {[*SHORT]}")
    world = [*CELL, "design", "arm", "batch_size", "noise_of", "seed"]
    if (twice := runs[world].duplicated()).any():
        found = dict(runs.loc[twice, world].iloc[0])
        raise DataError(f"a run stands twice in the study: {found}; keep one of them")
    if (lost := ~np.isfinite(runs["test_accuracy"].to_numpy(dtype=float))).any():
        raise DataError(
            f"{lost.sum()} runs have no test accuracy, such as {runs['run_id'][lost].iloc[0]!r}: "
            "a diverged run keeps the accuracy that it has"
        )
    for key, part in runs.groupby(CELL):
        tuned_on = tuning[(tuning[CELL] == list(key)).all(axis=1)]["seed"]
        if both := set(part["seed"]) & set(tuned_on):
            raise DataError(
                f"seeds {sorted(both)} of {key} chose the learning rate: leave them out"
            )


def protocol_of(rows: pd.DataFrame) -> str:
    """The matching protocol of the runs of one cell and design, in words.

    Parameters
    ----------
    rows : DataFrame
        At least one run; all of one cell and one design.

    Returns
    -------
    str
        Part of every estimand.
    """
    return PROTOCOLS[rows["design"].iloc[0]].format(
        epochs=_range(rows["epochs"]),
        updates=_range(rows["updates"]),
        most=f"{rows['updates'].max():,.0f}",
        optimizer=rows["optimizer"].iloc[0],
        rate=_range(rows["learning_rate"]),
    )


def name_of(dataset: str, model: str = "") -> str:
    """A cell or data set as it is written, such as "Cora, GCN"."""
    written = NAMES.get(dataset, dataset)
    return f"{written}, {MODELS.get(model, model)}" if model else written


def _range(values: pd.Series) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:,.6g}" if np.isclose(low, high) else f"{low:,.6g} to {high:,.6g}"


def _widen(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers as float64 or int64 and labels as text, whatever they were stored as."""
    frame = frame.copy()
    for name, column in frame.items():
        if name in _LABELS or isinstance(column.dtype, pd.CategoricalDtype):
            frame[name] = column.astype(str)
        elif column.dtype.kind == "f":
            frame[name] = column.astype(np.float64)
        elif column.dtype.kind in "iu":
            frame[name] = column.astype(np.int64)
    return frame


def _in_order(runs: pd.DataFrame) -> pd.DataFrame:
    """Data sets as the tables list them, then models as they first come, then as given."""
    place = {name: i for i, name in enumerate(NAMES)}
    ranks = runs["dataset"].map(lambda name: place.get(name, len(place)))
    models = runs["model"].map({name: i for i, name in enumerate(runs["model"].unique())})
    order = pd.DataFrame({"d": ranks, "m": models}).sort_values(["d", "m"], kind="stable").index
    return runs.loc[order].reset_index(drop=True)
