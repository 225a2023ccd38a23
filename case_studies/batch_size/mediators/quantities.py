"""Estimates that keep what each seed adds to their error, so that arithmetic keeps the pairing."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalhyper.arrays import Array
from causalhyper.errors import DataError
from causalhyper.inference.intervals import t_quantile
from causalhyper.queries.experiments.experiment import ROUNDING, Experiment

LEVEL = 0.95
NUMBERS = ("estimate", "se", "df", "lower", "upper", "seeds")
"""Columns that a quantity fills in a table."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """An estimate, and the part of its error that each seed brings.

    Differences of quantities, and their means over cells, keep every correlation that comes from
    sharing seeds.

    Attributes
    ----------
    estimate : float
    errors : Series
        Indexed by seed, at least two. The root of the sum of their squares is the standard error.

    Raises
    ------
    DataError
        For fewer than two seeds.
    """

    estimate: float
    errors: pd.Series

    def __post_init__(self) -> None:
        if len(self.errors) < 2:
            raise DataError(f"an interval over seeds needs two of them; got {len(self.errors)}")

    @property
    def se(self) -> float:
        """Standard error."""
        errors = self.errors.to_numpy(dtype=float)
        return float(np.sqrt(errors @ errors))

    @property
    def df(self) -> int:
        """Degrees of freedom: seeds less one."""
        return len(self.errors) - 1

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the t interval."""
        half = float(t_quantile(np.array([float(self.df)]), LEVEL)[0]) * self.se
        return self.estimate - half, self.estimate + half

    def __sub__(self, other: Quantity) -> Quantity:
        """The difference, paired by seed."""
        if self.errors.index.equals(other.errors.index):
            errors = self.errors - other.errors
        else:
            errors = self.errors.sub(other.errors, fill_value=0.0)
        return Quantity(self.estimate - other.estimate, errors)

    def numbers(self) -> dict[str, float]:
        """What a table shows, with the columns `NUMBERS`."""
        lower, upper = self.interval
        values = (self.estimate, self.se, self.df, lower, upper, len(self.errors))
        return dict(zip(NUMBERS, values, strict=True))


def points(estimate: float, lower: float, upper: float, digits: int = 2) -> str:
    """An estimate of an accuracy and its interval in percentage points.

    Examples
    --------
    >>> points(0.004, -0.0015, 0.0094)
    '+0.40 [-0.15, +0.94]'
    """
    low, high = f"{100 * lower:+.{digits}f}", f"{100 * upper:+.{digits}f}"
    return f"{100 * estimate:+.{digits}f} [{low}, {high}]"


def from_seeds(values: pd.Series) -> Quantity:
    """The mean of one value a seed.

    Parameters
    ----------
    values : Series
        Indexed by seed; missing ones are left out.

    Returns
    -------
    Quantity
        Its standard error is that of a mean of independent values.

    Examples
    --------
    >>> found = from_seeds(pd.Series([1.0, 2.0, 3.0]))
    >>> found.estimate, round(found.se, 3)
    (2.0, 0.577)
    """
    kept = values.dropna().astype(float)
    count = max(len(kept), 2)
    return Quantity(float(kept.mean()), (kept - kept.mean()) / np.sqrt(count * (count - 1)))


def from_replicates(experiment: Experiment, values: Array) -> Quantity:
    """A number of a fitted model, with its leave-one-seed-out jackknife.

    Parameters
    ----------
    experiment : Experiment
        Of a model whose clusters are seeds.
    values : ndarray, shape (replicates,)
        As fitted first; with single seeds left out last.

    Returns
    -------
    Quantity
        Seeds without which the model cannot be fitted bring no error of their own; those of the
        others are scaled up for them.
    """
    model, left = experiment.model, experiment.replicates.left
    assert left is not None, "the experiment was made without a jackknife"
    own = left.parents == 0
    largest = float(np.abs(model.values[experiment.outcome]).max())
    if np.abs(values).max() <= ROUNDING * largest:
        values = np.zeros_like(values)
    without = values[len(values) - len(left) :][own]
    seeds = np.unique(model.labels[model.cluster[0]])
    count, kept = len(seeds), int(own.sum())
    errors = (without.mean() - without) * np.sqrt((count - 1) / kept)
    return Quantity(float(values[0]), pd.Series(errors, seeds[left.clusters[own]]))


def mean_of(quantities: Sequence[Quantity]) -> Quantity:
    """The plain mean over cells; seeds that cells share make their errors dependent."""
    estimate = float(np.mean([q.estimate for q in quantities]))
    return Quantity(estimate, _side_by_side(quantities).sum(axis=1) / len(quantities))


def _side_by_side(quantities: Sequence[Quantity]) -> pd.DataFrame:
    """Errors by seed (rows) and quantity (columns); a seed that one lacks brings it none."""
    first = quantities[0].errors.index
    if all(q.errors.index.equals(first) for q in quantities):
        return pd.DataFrame(np.column_stack([q.errors.to_numpy() for q in quantities]), first)
    return pd.concat([q.errors for q in quantities], axis=1).fillna(0.0)


def confidence_draws(
    quantities: Sequence[Quantity], draws: int, rng: np.random.Generator
) -> Array:
    """Draws of several quantities together: a multiplier bootstrap over seeds.

    Every seed's errors are multiplied by one normal number, and every draw divided by
    ``sqrt(chi2 / df)`` for the few seeds, so that the share of draws beyond zero of any one
    quantity is the one-sided p-value of its t test.

    Parameters
    ----------
    quantities : sequence of Quantity
    draws : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (draws, len(quantities))

    Notes
    -----
    Source: Mammen 1993, "Bootstrap and wild bootstrap for high dimensional linear models";
    Schweder and Hjort 2016, chapter 7 (confidence distributions).
    """
    errors = _side_by_side(quantities).to_numpy()
    df = min(q.df for q in quantities)
    normal = rng.normal(size=(draws, len(errors)))
    scale = np.sqrt(rng.chisquare(df, size=(draws, 1)) / df)
    return np.array([q.estimate for q in quantities]) + normal @ errors / scale


@dataclass(frozen=True, slots=True)
class Entry:
    """A quantity and where it belongs.

    Attributes
    ----------
    labels : mapping of str to object
        Such as domain, data set, model, design and the quantity's name.
    quantity : Quantity
    """

    labels: Mapping[str, Hashable]
    quantity: Quantity


CELL_LABELS = ("dataset", "model")


def tabulate(entries: Iterable[Entry]) -> pd.DataFrame:
    """One row an entry: its labels, then the columns `NUMBERS`."""
    return pd.DataFrame([{**e.labels, **e.quantity.numbers()} for e in entries])


def pool_cells(entries: Iterable[Entry]) -> pd.DataFrame:
    """Means over cells of the entries that agree in every other label.

    Parameters
    ----------
    entries : iterable of Entry

    Returns
    -------
    DataFrame
        The labels without `CELL_LABELS`; `NUMBERS` of the mean over these very cells, whose
        interval is that of the seeds; cells; spread, the standard deviation of the cells'
        estimates, least and most; cells_lower and cells_upper, the t interval over cells, which
        speaks of cells like these (NaN for a single one); above and below, the numbers of cells
        whose own interval leaves zero out on that side.
    """
    groups: dict[tuple[tuple[str, Hashable], ...], list[Quantity]] = {}
    for entry in entries:
        key = tuple((k, x) for k, x in entry.labels.items() if k not in CELL_LABELS)
        groups.setdefault(key, []).append(entry.quantity)
    return pd.DataFrame([dict(key) | _pool(found) for key, found in groups.items()])


def _pool(found: Sequence[Quantity]) -> dict[str, float]:
    estimates = np.array([q.estimate for q in found])
    count = len(found)
    spread = float(estimates.std(ddof=1)) if count > 1 else np.nan
    reach = float(t_quantile(np.array([count - 1.0]), LEVEL)[0]) if count > 1 else np.nan
    half = reach * spread / np.sqrt(count)
    return mean_of(found).numbers() | {
        "cells": count,
        "spread": spread,
        "least": float(estimates.min()),
        "most": float(estimates.max()),
        "cells_lower": float(estimates.mean() - half),
        "cells_upper": float(estimates.mean() + half),
        "above": sum(q.interval[0] > 0 for q in found),
        "below": sum(q.interval[1] < 0 for q in found),
    }
