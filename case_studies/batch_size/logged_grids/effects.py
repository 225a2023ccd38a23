"""Effects of batch size: by data set over seeds, over data sets, by learning rate, and tuned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from case_studies.batch_size.logged_grids.cells import Cells
from causalhyper import fit, wild_contrasts
from causalhyper.arrays import Array, Codes
from causalhyper.inference.intervals import t_quantile
from causalhyper.queries.effects.query import effect_curve
from causalhyper.results import Estimate, to_frame

DRAWS = 200
SEED = 1
PROTOCOLS = ("all rates alike", "rate tuned per batch size", "everything tuned per batch size")
"""Averaged over the learning rates of the grid, or each batch size at the best of them, other
hyper-parameters averaged over; or each batch size at the best of all its configurations."""


def tuned_places(cells: Cells) -> Codes:
    """Place of the best learning rate of each batch size, chosen on all seeds but one.

    Parameters
    ----------
    cells : Cells

    Returns
    -------
    ndarray of int, shape (data sets, b, seeds)
        For each seed the choice of the others, so that no seed judges a rate that it chose.
    """
    signed = cells.outcome if cells.benchmark.maximise else -cells.outcome
    others = signed.sum(axis=-1, keepdims=True) - signed
    found: Codes = others.argmax(axis=2)
    return found


def seed_outcomes(cells: Cells, protocol: str) -> Array:
    """Outcome of each seed at each batch size, shape (data sets, b, seeds).

    Parameters
    ----------
    cells : Cells
    protocol : str
        One of the first two of `PROTOCOLS`, which means of cells can tell.

    Returns
    -------
    ndarray
    """
    if protocol == PROTOCOLS[0]:
        return cells.outcome.mean(axis=2)
    picked = np.take_along_axis(cells.outcome, tuned_places(cells)[:, :, None], axis=2)
    return picked[:, :, 0]


def estimate_effects(cells: Cells, best: Array) -> pd.DataFrame:
    """Effect of each batch size against the largest, by protocol, in and over data sets.

    Parameters
    ----------
    cells : Cells
    best : ndarray, shape (data sets, b, seeds)
        Outcomes with everything tuned.

    Returns
    -------
    pandas.DataFrame
        The columns of every table of estimates, before them protocol and dataset ("" for the
        mean over data sets, whose clusters are the data sets; otherwise seeds are), after them
        the p-value of the restricted wild cluster bootstrap (over data sets alone).
    """
    parts = []
    for protocol in PROTOCOLS:
        outcome = best if protocol == PROTOCOLS[2] else seed_outcomes(cells, protocol)
        found = ask_design(cells, outcome.mean(axis=-1).T, protocol, tests=True)
        parts.append(found.assign(protocol=protocol, dataset=""))
        for name, own in zip(cells.datasets, outcome, strict=True):
            parts.append(ask_design(cells, own, protocol).assign(protocol=protocol, dataset=name))
    frame = pd.concat(parts, ignore_index=True)
    first = ["protocol", "dataset"]
    return frame[[*first, *(c for c in frame.columns if c not in first)]]


def estimate_by_rate(cells: Cells) -> pd.DataFrame:
    """Effect of the smallest batch size against the largest at each learning rate.

    Parameters
    ----------
    cells : Cells

    Returns
    -------
    pandas.DataFrame
        The columns of every table of estimates after learning_rate; data sets are clusters.
    """
    means = cells.outcome.mean(axis=-1)
    parts = [
        ask_design(cells, means[:, :, i].T, f"rate {rate:.2g}").assign(learning_rate=rate)
        for i, rate in enumerate(cells.rate)
    ]
    frame = pd.concat(parts, ignore_index=True)
    return frame[frame["value"] == cells.batch[0]].reset_index(drop=True)


def ask_design(
    cells: Cells, outcome: Array, protocol: str, *, tests: bool = False
) -> pd.DataFrame:
    """Ask the project's verbs for the contrasts of complete blocks.

    Parameters
    ----------
    cells : Cells
        For batch sizes and the benchmark's protocol.
    outcome : ndarray, shape (b, blocks)
        One block a cluster.
    protocol : str
        How the learning rate was set.
    tests : bool
        Whether the wild cluster bootstrap is asked as well.

    Returns
    -------
    pandas.DataFrame
        One row a contrast with the largest batch size.
    """
    batches, blocks = outcome.shape
    frame = pd.DataFrame(
        {
            "run_id": np.arange(batches * blocks),
            "block": np.tile(np.arange(blocks), batches),
            "batch_size": np.repeat(cells.batch, blocks),
            "outcome": outcome.ravel(),
        }
    )
    model = fit(
        "B -> G",
        frame,
        {"B": "log2(batch_size)", "G": "outcome"},
        protocol=f"{cells.benchmark.protocol}; {protocol}",
        cluster="block",
        context="block",
    )
    *at, baseline = cells.batch.tolist()
    curve = effect_curve(model, "B", "G", at=at, baseline=baseline, draws=DRAWS, seed=SEED)
    found: list[Estimate] = [replace(e, subject=protocol) for e in curve.design]
    table = to_frame(found)
    if not tests:
        return table
    wild = wild_contrasts(model, "B", "G", at=at, baseline=baseline, seed=SEED)
    return table.assign(wild_p=[t.p_value for t in wild.tests])


def t_interval(values: Array, level: float = 0.95) -> tuple[float, float]:
    """Mean of independent values and half the width of its t interval.

    Parameters
    ----------
    values : ndarray, shape (n,)
        n at least 2.
    level : float

    Returns
    -------
    mean, half : float

    Examples
    --------
    >>> t_interval(np.array([1.0, 3.0]))[0]
    2.0
    """
    error = values.std(ddof=1) / np.sqrt(len(values))
    quantile = t_quantile(np.array(float(len(values) - 1)), level)
    return float(values.mean()), float(quantile * error)
