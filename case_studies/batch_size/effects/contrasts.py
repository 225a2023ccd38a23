"""Paired contrasts between two settings of the study, with t intervals over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from case_studies.batch_size.runs import CELL, SHORT, name_of
from causalhyper.errors import DataError
from causalhyper.inference.intervals import t_quantile
from causalhyper.results import Estimate, adjust_estimates

ASSUMED = (
    "batch size and arm were assigned, not chosen",
    "seeds are independent; runs of one seed share split, first weights and order of examples",
)
COLUMNS = [
    *("unit", "dataset", "model", "design", "outcome", "contrast", "left", "right", "estimate"),
    *("se", "df", "lower", "upper", "p_value", "adjusted_p_value", "seeds", "models"),
]
"""Columns of every table of contrasts: means of both settings, their difference, its interval."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What was set for some runs of the study.

    Attributes
    ----------
    design : str
        Protocol.
    batch_size : int
    arm : str
    noise_of : int or None
        Batch size whose gradient noise the updates have; None for the batch's own.
    """

    design: str
    batch_size: int
    arm: str = "plain"
    noise_of: int | None = None

    def __str__(self) -> str:
        arm = "" if self.arm == "plain" else f"{self.arm.replace('_', ' ')} "
        other = self.noise_of not in (None, self.batch_size)
        return f"{arm}B = {self.batch_size}" + f", noise of {self.noise_of}" * other

    def of(self, runs: pd.DataFrame) -> pd.DataFrame:
        """The runs that have it."""
        noise = self.batch_size if self.noise_of is None else self.noise_of
        there = (runs["design"] == self.design) & (runs["arm"] == self.arm)
        there &= (runs["batch_size"] == self.batch_size) & (runs["noise_of"] == noise)
        return runs[there]


@dataclass(frozen=True, slots=True)
class Contrast:
    """Left less right, or that less the same of a second pair.

    Attributes
    ----------
    name : str
    left, right : Setting
    less : tuple of Setting
        The second pair, for a difference of differences; empty without.
    """

    name: str
    left: Setting
    right: Setting
    less: tuple[Setting, ...] = ()

    @property
    def pair(self) -> tuple[Setting, Setting]:
        """Left and right."""
        return self.left, self.right

    @property
    def signed(self) -> tuple[tuple[int, Setting], ...]:
        """Every setting with its sign."""
        second = zip((-1, 1), self.less, strict=bool(self.less))
        return ((1, self.left), (-1, self.right), *second)


def by_seed(
    runs: pd.DataFrame, contrast: Contrast, outcome: str, *, average: bool = False
) -> pd.DataFrame:
    """Both settings' outcomes and the contrast for every seed of every cell or data set.

    Parameters
    ----------
    runs : DataFrame
    contrast : Contrast
    outcome : str
        Column.
    average : bool
        Whether models are averaged within seed, so that a row is a seed of a data set. Only
        seeds that all models of the data set have are kept.

    Returns
    -------
    DataFrame
        Index dataset, model (absent if averaged), seed; columns left, right, difference, models.
    """
    index = [*CELL, "seed"]
    runs = runs[[*index, "design", "arm", "batch_size", "noise_of", outcome]]
    sides = [s.of(runs).set_index(index)[outcome] for _, s in contrast.signed]
    table = pd.concat(sides, axis=1, join="inner", keys=range(len(sides)), sort=False)
    table = table.dropna()
    signs = np.array([sign for sign, _ in contrast.signed], dtype=float)
    found = pd.DataFrame({"left": table[0], "right": table[1]})
    found["difference"] = table.to_numpy(dtype=float) @ signs
    if not average:
        return found.assign(models=1)
    groups = found.groupby(["dataset", "seed"], sort=False)
    means = groups.mean().assign(models=groups.size())
    most = means.groupby("dataset")["models"].transform("max")
    return means[means["models"] == most]


def t_estimate(differences: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Mean, its standard error, and half the t interval.

    Parameters
    ----------
    differences : sequence of float, shape (n,)
        One a seed, at least two.
    level : float

    Returns
    -------
    tuple of float

    Raises
    ------
    DataError
        For fewer than two seeds.

    Examples
    --------
    >>> [round(x, 3) for x in t_estimate([1.0, 2.0, 3.0])]
    [2.0, 0.577, 2.484]
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2:
        raise DataError(f"an interval over seeds needs two of them; got {len(values)}")
    se = float(values.std(ddof=1) / np.sqrt(len(values)))
    half = float(t_quantile(np.array([len(values) - 1.0]), level)[0]) * se
    return float(values.mean()), se, half


def compare(
    runs: pd.DataFrame,
    contrasts: Sequence[Contrast],
    outcome: str = "test_accuracy",
    *,
    average: bool = False,
    adjust: str = "holm",
) -> pd.DataFrame:
    """Every contrast in every cell (or data set) in which both of its settings were run.

    Parameters
    ----------
    runs : DataFrame
    contrasts : sequence of Contrast
    outcome : str
    average : bool
        Whether a row is a data set, with its models averaged within seed.
    adjust : {"holm", "bh", "by"}
        For the p-values of one contrast over the cells.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; empty if nothing was run.
    """
    parts = [_one(runs, contrast, outcome, average, adjust) for contrast in contrasts]
    there = [part for part in parts if len(part)]
    return pd.concat(there, ignore_index=True) if there else pd.DataFrame(columns=COLUMNS)


def _one(
    runs: pd.DataFrame, contrast: Contrast, outcome: str, average: bool, adjust: str
) -> pd.DataFrame:
    """One contrast over the cells, its p-values adjusted for their number."""
    pairs = by_seed(runs, contrast, outcome, average=average)
    unit = ["dataset"] if average else CELL
    rows, estimates = [], []
    for key, part in pairs.groupby(unit, sort=False):
        if len(part) < 2:
            continue
        names = dict(zip(unit, key, strict=True))
        found = estimate_of(contrast, part["difference"].to_numpy(), outcome, name_of(*key))
        estimates.append(found)
        means = {"left": part["left"].mean(), "right": part["right"].mean()}
        rows.append(
            {"unit": name_of(*key), "model": "all", "design": contrast.left.design}
            | names
            | {"outcome": outcome, "contrast": contrast.name, "seeds": len(part)}
            | means
            | {name: getattr(found, name) for name in ("estimate", "se", "df", "lower", "upper")}
            | {"models": int(part["models"].max())}
        )
    if not rows:
        return pd.DataFrame(columns=COLUMNS)
    tests = adjust_estimates(estimates, adjust)
    frame = pd.DataFrame(rows)
    for name in ("p_value", "adjusted_p_value"):
        frame[name] = tests[name].to_numpy()
    return frame[COLUMNS]


def estimate_of(
    contrast: Contrast, differences: Sequence[float], outcome: str, unit: str
) -> Estimate:
    """The estimate of one contrast in one cell, with what it rests on.

    Parameters
    ----------
    contrast : Contrast
    differences : sequence of float
        One a seed.
    outcome, unit : str

    Returns
    -------
    Estimate
    """
    mean, se, half = t_estimate(differences)
    design = SHORT[contrast.left.design]
    second = f" - ({contrast.less[0]} - {contrast.less[1]})" if contrast.less else ""
    return Estimate(
        query="study.paired",
        treatment="B",
        value=float(contrast.left.batch_size),
        baseline=float(contrast.right.batch_size),
        estimand=f"E[{outcome} | {contrast.left}] - E[{outcome} | {contrast.right}]{second}",
        estimate=mean,
        se=se,
        lower=mean - half,
        upper=mean + half,
        level=0.95,
        method="mean of differences paired by seed; t interval",
        n=len(differences),
        clusters=len(differences),
        assumptions=(f"{design}; {ASSUMED[0]}", ASSUMED[1]),
        seed=0,
        subject=f"{unit}; {design}; {contrast.name}",
        df=float(len(differences) - 1),
    )
