"""Effects of batch size: by data set over seeds, over data sets, by learning rate, and tuned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from case_studies.batch_size.logged_grids.reading import Cells
from case_studies.batch_size.logged_grids.variance import (
    best_exponents,
    index_share,
    split_variance,
)
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
EXPONENTS = (0.0, 0.5, 1.0)
"""The rate alone, square-root scaling, linear scaling."""


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


def describe_surfaces(cells: Cells) -> pd.DataFrame:
    """Where the variance over batch size and learning rate lies, data set by data set.

    Parameters
    ----------
    cells : Cells

    Returns
    -------
    pandas.DataFrame
        One row a data set: shares of batch size, learning rate and their interaction (they sum
        to 1), shares explained by a smooth function of rate / batch ** a for each a of
        `EXPONENTS`, the exponent that explains most with its 95% t interval over seeds, and the
        share that this one explains.
    """
    rows = []
    for name, outcome in zip(cells.datasets, cells.outcome, strict=True):
        surface = outcome.mean(axis=-1)
        parts = split_variance(surface, ("batch", "rate"), 2)
        total = sum(parts.values())
        grid = cells.batch, cells.rate
        best = float(best_exponents(surface[None], *grid)[0])
        mean, half = t_interval(best_exponents(np.moveaxis(outcome, -1, 0), *grid))
        rows.append(
            {
                "dataset": name,
                "batch": parts[("batch",)] / total,
                "rate": parts[("rate",)] / total,
                "interaction": parts[("batch", "rate")] / total,
                **{f"index {a:g}": index_share(surface, *grid, a) for a in EXPONENTS},
                "exponent": mean,
                "exponent_lower": mean - half,
                "exponent_upper": mean + half,
                "index best": index_share(surface, *grid, best),
            }
        )
    return pd.DataFrame(rows)


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


def list_tuned_rates(cells: Cells) -> pd.DataFrame:
    """The best learning rate of each batch size on all seeds.

    Parameters
    ----------
    cells : Cells

    Returns
    -------
    pandas.DataFrame
        One row a data set and batch size: learning_rate, edge (whether it is the smallest or
        largest of the grid), agreed (whether all seeds left in turn choose it), outcome.
    """
    signed = cells.outcome if cells.benchmark.maximise else -cells.outcome
    best = signed.mean(axis=-1).argmax(axis=2)
    agreed = (tuned_places(cells) == best[..., None]).all(axis=-1)
    outcome = seed_outcomes(cells, PROTOCOLS[1]).mean(axis=-1)
    index = pd.MultiIndex.from_product([cells.datasets, cells.batch], names=["dataset", "batch"])
    return index.to_frame(index=False).assign(
        learning_rate=cells.rate[best].ravel(),
        edge=np.isin(best, (0, len(cells.rate) - 1)).ravel(),
        agreed=agreed.ravel(),
        outcome=outcome.ravel(),
    )


def departures(cells: Cells, degree: int = 3) -> pd.DataFrame:
    """How far each data set's curve is from a smooth one, beside the error over seeds.

    What was shared by all runs of one batch size on one data set, such as one job of the logger,
    shows in all seeds alike: seeds do not tell it from an effect, smoothness does.

    Parameters
    ----------
    cells : Cells
        At least two batch sizes more than the degree.
    degree : int
        Of the polynomial in the logarithm of the batch size.

    Returns
    -------
    pandas.DataFrame
        One row a data set: departure (root mean square with the degrees of freedom that are
        left), seed_error (root mean square of the standard errors over seeds, the level of each
        seed taken out), worst (the batch size that departs most) and its residual.
    """
    x = np.log(cells.batch)
    basis = np.polynomial.legendre.legvander((x - x.mean()) / np.ptp(x), degree)
    rows = []
    for name, outcome in zip(cells.datasets, seed_outcomes(cells, PROTOCOLS[0]), strict=True):
        curve = outcome.mean(axis=-1)
        residual = curve - basis @ np.linalg.lstsq(basis, curve, rcond=None)[0]
        centred = outcome - outcome.mean(axis=0)
        error = centred.std(axis=-1, ddof=1) / np.sqrt(outcome.shape[-1])
        worst = int(np.abs(residual).argmax())
        rows.append(
            {
                "dataset": name,
                "departure": np.sqrt((residual**2).sum() / (len(x) - degree - 1)),
                "seed_error": np.sqrt((error**2).mean()),
                "worst": cells.batch[worst],
                "residual": residual[worst],
            }
        )
    return pd.DataFrame(rows)
