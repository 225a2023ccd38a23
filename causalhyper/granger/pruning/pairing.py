"""Runs of methods paired with those of a baseline, by seed, where both prune the same share."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import cast

import numpy as np
import pandas as pd

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.pruning.paired_result import EVERY_RUN
from causalhyper.granger.pruning.runs import sparsity_gaps

Place = tuple[float | str, ...]
"""Values of the columns within which methods are compared: texts, and the share pruned."""
EVERYWHERE: Place = (EVERY_RUN,)
"""The one place where methods are compared within no column."""


@dataclass(frozen=True, slots=True, eq=False)
class SeedPairs:
    """One method against the baseline at one place.

    Attributes
    ----------
    method : str
    place : tuple
        () for the mean over places.
    sparsity : float
        Mean share pruned; NaN over places.
    differences : Series
        By seed.
    noise : float
        Binomial standard deviation; NaN where no test size is given.
    """

    method: str
    place: Place
    sparsity: float
    differences: pd.Series[float]
    noise: float


def pair_runs(
    runs: pd.DataFrame,
    baseline: str,
    keys: list[str],
    tolerance: float | None,
    size: int | None,
) -> tuple[list[SeedPairs], list[str]]:
    """Pair the runs of every method and place with the baseline's.

    Parameters
    ----------
    runs : pandas.DataFrame
        From `read_runs`, with the columns `keys`.
    baseline : str
    keys : list of str
        Columns of the place.
    tolerance : float, optional
        By how much shares pruned may differ, see `sparsity_gaps`.
    size : int or None
        Test examples.

    Returns
    -------
    pairs : list of SeedPairs
        Of two seeds or more.
    left_out : list of str
        What is missing.

    Raises
    ------
    DataError
        For a place without the baseline, unequal sparsities, or nothing to compare.
    """
    places = {str(name): _split(own, keys) for name, own in runs.groupby("method", sort=False)}
    base = places.pop(baseline)
    found, left_out = [], []
    for name, own in places.items():
        if lone := [place for place in own if place not in base]:
            raise DataError(_no_baseline(_name_where(name, lone[0]), base, baseline))
        for place, rows in base.items():
            where = _name_where(name, place)
            if place not in own:
                left_out.append(f"{where}: no run")
                continue
            both = own[place].merge(rows, on="seed", how="outer", suffixes=("", "_base"))
            paired = both.dropna(subset=["outcome", "outcome_base"])
            if single := both.loc[~both.index.isin(paired.index), "seed"].tolist():
                left_out.append(f"{where}: no pair of seed {', '.join(single)}")
            _check_equal(paired, where, tolerance)
            if len(paired) < 2:
                left_out.append(f"{where}: {_count_seeds(len(paired))} paired, two are needed")
            else:
                found.append(_make_pairs(name, place, paired, size))
    if not found:
        raise DataError(f"nothing can be compared with {baseline}: {'; '.join(left_out)}")
    return found, left_out


def _split(runs: pd.DataFrame, keys: list[str]) -> dict[Place, pd.DataFrame]:
    """Runs by place, in order; one place without keys."""
    if not keys:
        return {EVERYWHERE: runs}
    return {
        tuple(
            cast("float", v) if key == "at" else str(v) for key, v in zip(keys, place, strict=True)
        ): rows
        for place, rows in runs.groupby(keys, sort=True)
    }


def _name_where(method: str, place: Place) -> str:
    return method if place == EVERYWHERE else f"{method} at {name_place(place)}"


def _count_seeds(count: int) -> str:
    return f"{count} seed{'s' if count != 1 else ''}"


def _no_baseline(where: str, base: dict[Place, pd.DataFrame], baseline: str) -> str:
    return (
        f"{where}: {baseline} has no run there, but at {'; '.join(map(name_place, base))}. "
        "Methods are compared at equal sparsity: prune to the same share, or raise tolerance"
    )


def _make_pairs(method: str, place: Place, paired: pd.DataFrame, size: int | None) -> SeedPairs:
    gaps = (paired["outcome"] - paired["outcome_base"]).to_numpy(dtype=np.float64)
    means = paired[["outcome", "outcome_base"]].mean().to_numpy(dtype=np.float64)
    series = pd.Series(gaps, index=paired["seed"].to_numpy())
    return SeedPairs(method, place, float(paired["sparsity"].mean()), series, _noise(means, size))


def _check_equal(paired: pd.DataFrame, where: str, tolerance: float | None) -> None:
    apart = (paired["sparsity"] - paired["sparsity_base"]).abs().to_numpy(dtype=np.float64)
    less = paired[["sparsity", "sparsity_base"]].min(axis="columns").to_numpy(dtype=np.float64)
    allowed = sparsity_gaps(less, tolerance)
    if (apart > allowed * (1 + 1e-9)).any():
        worst = int((apart - allowed).argmax())
        seed, own, base = paired[["seed", "sparsity", "sparsity_base"]].iloc[worst]
        raise DataError(
            f"{where}: seed {seed} prunes {own:.4g}, the baseline {base:.4g}; methods are "
            f"compared at equal sparsity, here within {allowed[worst]:g}: prune to the same "
            "share, or raise tolerance"
        )


def _noise(accuracies: Array, size: int | None) -> float:
    """Standard deviation of a difference of two accuracies, each on test examples of its own."""
    if size is None:
        return np.nan
    if ((accuracies < 0) | (accuracies > 1)).any():
        raise ConfigurationError(
            f"binomial noise is that of accuracies in [0, 1], got {accuracies.max():g}: leave "
            "test_size out"
        )
    return sqrt(float((accuracies * (1 - accuracies)).sum()) / size)


def pairs_over_places(found: list[SeedPairs], left_out: list[str]) -> list[SeedPairs]:
    """Each seed's mean over all places of a method.

    Parameters
    ----------
    found : list of SeedPairs
    left_out : list of str
        To which seeds are added that are not at every place.

    Returns
    -------
    list of SeedPairs
        One a method with two places and two such seeds, or more.
    """
    means = []
    for name in dict.fromkeys(c.method for c in found):
        own = [c for c in found if c.method == name]
        table = pd.concat([c.differences for c in own], axis=1)
        whole = table.dropna()
        if len(own) < 2 or len(whole) < 2:
            continue
        if len(whole) < len(table):
            lone = ", ".join(map(str, table.index.difference(whole.index)))
            left_out.append(f"{name} over levels: seed {lone} not at every level")
        # the test examples are the same at every level, so that their noise does not average out
        noise = float(np.mean([c.noise for c in own]))
        means.append(SeedPairs(name, (), np.nan, whole.mean(axis=1), noise))
    return means


def name_place(place: Place) -> str:
    """Name a place in words: shares pruned in percent.

    Parameters
    ----------
    place : tuple

    Returns
    -------
    str

    Examples
    --------
    >>> name_place(("CIFAR-10", 0.95))
    'CIFAR-10, 95%'
    """
    words = [f"{100 * value:.4g}%" if isinstance(value, float) else str(value) for value in place]
    return ", ".join(words)
