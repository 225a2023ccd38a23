"""The frames of a pruning: one row an evaluation, one row a layer and iteration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from causalhyper.granger.masks.allocation import Allocation
from collectors.pruning.passes import Performance

LOG: dict[str, Any] = {
    "run_id": str, "seed": "int64", "method": str, "iteration": "int64", "stage": str,
    "epoch": "int64", "sparsity": float, "train_loss": float, "train_accuracy": float,
    "validation_loss": float, "validation_accuracy": float, "test_loss": float,
    "test_accuracy": float, "seconds": float,
}  # fmt: skip
"""Columns of the log."""
LAYERS: dict[str, Any] = {
    "run_id": str, "seed": "int64", "method": str, "iteration": "int64", "layer": str,
    "entries": "int64", "before": "int64", "kept": "int64", "sparsity": float,
    "collapsed": bool,
}  # fmt: skip
"""Columns of the layers frame."""


def measured(train: Performance, validation: Performance, test: Performance) -> dict[str, float]:
    """Name losses and accuracies as the log does, and numbers of examples.

    Parameters
    ----------
    train, validation, test : Performance
        On each data set.

    Returns
    -------
    dict of str to float
    """
    sets = {"train": train, "validation": validation, "test": test}
    return {
        f"{name}_{what}": getattr(found, what)
        for name, found in sets.items()
        for what in ("loss", "accuracy", "examples")
    }


def log_frame(
    rows: Iterable[Mapping[str, Any]], seconds: Iterable[float], run: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the log.

    Parameters
    ----------
    rows : iterable of mapping
        Each without the run's name and its duration.
    seconds : iterable of float
        Duration of each.
    run : mapping
        run_id, seed and method.

    Returns
    -------
    pandas.DataFrame
        With the columns of `LOG`.
    """
    full = [{**run, **row, "seconds": s} for row, s in zip(rows, seconds, strict=True)]
    return pd.DataFrame(full, columns=list(LOG)).astype(LOG)


def layers_frame(rows: Iterable[Mapping[str, Any]], run: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row a layer and iteration.

    Parameters
    ----------
    rows : iterable of mapping
        From `layer_rows`.
    run : mapping
        run_id, seed and method.

    Returns
    -------
    pandas.DataFrame
        With the columns of `LAYERS`.
    """
    return pd.DataFrame([{**run, **row} for row in rows], columns=list(LAYERS)).astype(LAYERS)


def layer_rows(allocation: Allocation, iteration: int) -> list[dict[str, Any]]:
    """Return the rows of one iteration.

    Parameters
    ----------
    allocation : Allocation
        What was kept.
    iteration : int
        Its number, from 1.

    Returns
    -------
    list of dict
    """
    counts = allocation.counts()
    return [
        {"iteration": iteration, **{str(key): value for key, value in row.items()}}
        for row in counts.astype(object).to_dict("records")
    ]
