"""The study's frames: the Parquet files of the data folder, told apart by their columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from case_studies.pruning.methods import owner
from case_studies.pruning.overlaps import COUNTS, pairs_of_counts
from causalhyper.arrays import Array
from causalhyper.errors import DataError
from causalhyper.frames import checksum
from causalhyper.frames.reading import read_frame
from causalhyper.granger.pruning.runs import sparsity_levels

DATA = Path(__file__).parent / "data"
CELL = ("network", "dataset", "protocol")
"""What is told apart: methods are compared within a network, data set and protocol."""
KINDS = {
    "counts": {*COUNTS, "network", "dataset"},
    "layers": {"method", "layer", "entries", "kept"},
    "overlap": {"first", "second", "both_pruned", "expected_both_pruned"},
    "surfaces": {"method", "alpha", "beta", "log_loss"},
    "flatness": {"method", "quantity", "space", "rank", "value"},
    "strips": {"method", "seed", "n_iter", "n_prune", "sparsity", "test_accuracy"},
    "runs": {"method", "seed", "sparsity", "test_accuracy"},
    "costs": {"stage", "seconds"},
}
"""Columns that say what a frame is; the first kind that fits."""
NAMES = {
    "fashion_mnist": "FashionMNIST",
    "cifar10": "CIFAR-10",
    "tiny_imagenet50": "Tiny-ImageNet (50 classes)",
    "paper": "the paper's rate, cut short",
    "ladder": "the paper's rate, many sparsities",
    "strong": "post-training tuned for each method",
}
"""Names of data sets and protocols as the paper and this page have them."""
LADDER = NAMES["ladder"]
"""Protocol of runs at many sparsities, which are made for the fall and read for it alone."""
TUNING = "tuning"
"""Protocol of runs that chose a rate, on seeds of their own; they are no part of the table."""
SHARED = {"protocol": "paper"}
"""Of frames that do not say their protocol: masks are the same under all."""


@dataclass(frozen=True, slots=True, eq=False)
class StudyFrames:
    """What the data folder holds.

    Attributes
    ----------
    runs : DataFrame
        One row a pruned network: `CELL`, method, seed, sparsity (one number a level),
        test_accuracy and whatever else was logged.
    log : DataFrame
        All rows, also those of epochs, for what they cost.
    others : mapping of str to DataFrame
        Frames of the other `KINDS` that are there, with `CELL`.
    checksums : tuple of (str, str)
        Files read, each with its SHA-256.
    emptied : DataFrame
        Final rows of networks of which the criterion left no weight: their answers do not depend
        on the image, and they are no runs.
    """

    runs: pd.DataFrame
    log: pd.DataFrame
    others: Mapping[str, pd.DataFrame]
    checksums: tuple[tuple[str, str], ...]
    emptied: pd.DataFrame = field(default_factory=pd.DataFrame)

    def cells(self) -> dict[str, pd.DataFrame]:
        """The runs of each network, data set and protocol by its name."""
        return split(self.runs)

    def ladders(self) -> set[str]:
        """Names of the cells whose protocol is `LADDER`."""
        return {cell for cell, runs in self.cells().items() if (runs["protocol"] == LADDER).all()}


def cell_name(values: tuple[object, ...]) -> str:
    """Name a cell, such as "LeNet on CIFAR-10, paper"."""
    network, dataset, protocol = map(str, values)
    return f"{network} on {dataset}, {protocol}"


def split(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rows by the name of their cell, in the order in which cells come."""
    return {
        cell_name(values): own.reset_index(drop=True)
        for values, own in frame.groupby(list(CELL), sort=False)
    }


def read_frames(folder: Path = DATA) -> StudyFrames:
    """Read every Parquet file of a folder.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    StudyFrames

    Raises
    ------
    DataError
        If a file is of no known kind, no file is of runs, or a run is there twice.
    """
    found: dict[str, list[pd.DataFrame]] = {kind: [] for kind in KINDS}
    paths = sorted(folder.glob("*.parquet"))
    for path in paths:
        frame = read_frame(path, "row")
        kind = _kind(path, frame)
        if kind == "runs" and "target" not in frame:
            # runs that do not say it were asked for what they have
            frame = frame.assign(target=frame["sparsity"])
        found[kind].append(_named(path, frame))
    if not found["runs"]:
        raise DataError(
            f"{str(folder)!r} has no frame of prunings, columns {', '.join(sorted(KINDS['runs']))}"
        )
    log = pd.concat(found.pop("runs"), ignore_index=True)
    if counts := found.pop("counts"):
        found["overlap"].append(pairs_of_counts(pd.concat(counts, ignore_index=True)))
    others = {kind: pd.concat(fs, ignore_index=True) for kind, fs in found.items() if fs}
    sums = tuple((path.name, checksum(path)) for path in paths)
    runs, emptied = final_rows(log)
    if runs.empty:
        raise DataError(
            f"{str(folder)!r} has no final row of a network that has weights; {len(emptied)} rows "
            "are of networks without"
        )
    return StudyFrames(runs, log, others, sums, emptied)


def final_rows(log: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The row of each pruning that says what came of it, with one number a level of sparsity.

    A rule that left no weight in some seed, and its controls, are compared in none: those seeds
    in which it left some would speak for it.

    Parameters
    ----------
    log : DataFrame
        A row a run, or an evaluation with the stage "final" for the last one.

    Returns
    -------
    runs, emptied : DataFrame
        Of what is compared, and of networks without a weight.
    """
    last = log.get("stage", pd.Series("final", index=log.index)).fillna("final") == "final"
    rows = log[last & (log["protocol"] != TUNING)]
    rows = rows.dropna(subset=["test_accuracy"])
    empty = rows["sparsity"] >= 1
    emptied = rows[empty].reset_index(drop=True)
    lost = set(_places(emptied))
    compared = [place not in lost for place in _places(rows)]
    rows = rows[compared].reset_index(drop=True)
    dense = (rows["sparsity"] == 0).to_numpy()
    levels = np.zeros(len(rows))
    levels[~dense] = _short(sparsity_levels(rows["sparsity"].to_numpy()[~dense]))
    rows = _own_levels(rows.assign(sparsity=levels))
    keys = [*CELL, "method", "sparsity", "seed"]
    if rows.duplicated(keys).any():
        twice = rows[rows.duplicated(keys)].iloc[0]
        raise DataError(f"a run is there twice: {', '.join(f'{k} {twice[k]}' for k in keys)}")
    return rows, emptied


def _short(sparsity: Array) -> Array:
    """Round shares pruned to four digits, or two of the share kept: 99.995 is not 99.998%."""
    scale = 10 ** np.maximum(4, 1 + np.ceil(-np.log10(1 - sparsity)))
    return np.round(sparsity * scale) / scale


def _places(rows: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    """Cell and rule of each row; a control's rule is that whose counts it has."""
    whose = [owner(method) for method in rows["method"]]
    yield from zip(*(rows[name] for name in CELL), whose, strict=True)


def _own_levels(rows: pd.DataFrame) -> pd.DataFrame:
    """Give runs whose criterion chose the sparsity, and their controls, one level a criterion.

    Their target is missing. Each seed has a sparsity of its own, equal to that of its controls;
    the level is the median over seeds.
    """
    if "target" not in rows:
        return rows
    free = rows["target"].isna() & (rows["sparsity"] > 0)
    whose = [owner(method) for method in rows["method"]]
    keys = [*(rows[name] for name in CELL), pd.Series(whose, index=rows.index)]
    median = rows["sparsity"].groupby(keys).transform(lambda s: s[free[s.index]].median())
    return rows.assign(sparsity=rows["sparsity"].where(~free, _short(median.to_numpy())))


def _kind(path: Path, frame: pd.DataFrame) -> str:
    for kind, columns in KINDS.items():
        if columns <= set(frame.columns):
            return kind
    raise DataError(
        f"{path.name} is no frame of this study: it has the columns "
        f"{', '.join(map(str, frame.columns))}; expected those of one of {', '.join(KINDS)}"
    )


def _named(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the columns of `CELL` in full names."""
    missing = [name for name in CELL if name not in frame]
    if unknown := [name for name in missing if name not in SHARED]:
        raise DataError(f"{path.name} does not say its {' and '.join(unknown)}: add the columns")
    frame = frame.assign(**{name: SHARED[name] for name in missing})
    return frame.replace({"dataset": NAMES, "protocol": NAMES})
