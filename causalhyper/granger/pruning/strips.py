"""How an outcome depends on hyper-parameters: run by run, in the mean, and all else equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.foreign import as_pandas
from causalhyper.granger.lasso.arguments import check_generator
from causalhyper.granger.pruning.paired_numbers import flip_generator, paired_numbers
from causalhyper.granger.pruning.strips_result import COLUMNS, HyperparameterStrips
from causalhyper.inference.intervals import t_quantile


def hyperparameter_strips(
    frame: pd.DataFrame,
    *,
    parameters: Sequence[str] = ("N_iter", "N_prune", "L1_coeff"),
    outcomes: Sequence[str] = ("test_accuracy", "sparsity"),
    seed: str = "seed",
    reference: Mapping[str, float] | None = None,
    level: float = 0.95,
    flips: int = 9999,
    rng: np.random.Generator | None = None,
) -> HyperparameterStrips:
    """Compare the values of each hyper-parameter, paired by seed and by all the others.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a pruned network that was evaluated.
    parameters, outcomes : sequence of str
        Columns of numbers.
    seed : str
        Column of the seed.
    reference : mapping of str to float, optional
        The value of a hyper-parameter that its others are compared with; by default the one with
        most runs, of several the smallest.
    level : float
        Of the intervals.
    flips : int
        Sign flips of seeds; all where there are at most so many.
    rng : numpy.random.Generator, optional
        For the flips where there are more.

    Returns
    -------
    HyperparameterStrips

    Raises
    ------
    DataError
        For absent columns or values, or a run that is there twice.
    ConfigurationError
        For a reference that no run has, a level out of range, or a missing generator.

    Notes
    -----
    A mean over all runs of one value mixes what the others were set to; a contrast does not: it
    compares runs of the same seed that differ in this hyper-parameter alone, seed by seed.
    p-values are adjusted by Holm over the values of one hyper-parameter.

    Source: the strips: Shah et al., "A Granger-causal perspective on gradient descent with
    application to pruning", figure 2.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {
    ...         "N_iter": [5, 5, 5, 10, 10, 10],
    ...         "seed": [0, 1, 2] * 2,
    ...         "test_accuracy": [0.66, 0.67, 0.65, 0.68, 0.67, 0.67],
    ...     }
    ... )
    >>> found = hyperparameter_strips(
    ...     frame, parameters=["N_iter"], outcomes=["test_accuracy"], reference={"N_iter": 5}
    ... )
    >>> found.to_frame()[["value", "mean", "difference"]].round(4).to_numpy().tolist()
    [[5.0, 0.66, nan], [10.0, 0.6733, 0.0133]]
    """
    for what, names in (("parameters", parameters), ("outcomes", outcomes)):
        if isinstance(names, str):
            raise ConfigurationError(
                f"{what} takes several columns: give {what}=[{names!r}], got {names!r}"
            )
    check_generator(rng)
    runs = _read(frame, [*parameters], [*outcomes], seed)
    if not 0 < level < 1:
        raise ConfigurationError(f"level must be in (0, 1), got {level}")
    chosen = {name: _reference(runs, name, reference or {}) for name in parameters}
    rng = flip_generator(runs["seed"].nunique(), flips, rng)
    rows = []
    for name, outcome in product(parameters, outcomes):
        others = ["seed", *(p for p in parameters if p != name)]
        pairs = _pair(runs, name, outcome, others, chosen[name])
        rows += _describe(runs, name, outcome, chosen[name], level)
        _contrast(rows[-runs[name].nunique() :], pairs, level, flips, rng)
    return HyperparameterStrips(pd.DataFrame(rows, columns=list(COLUMNS)), runs, level)


def _read(
    frame: pd.DataFrame, parameters: list[str], outcomes: list[str], seed: str
) -> pd.DataFrame:
    frame = as_pandas(frame)
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"strips need a pandas DataFrame, a row a run; got {type(frame).__name__}")
    needed = [seed, *parameters, *outcomes]
    if twice := sorted({name for name in needed if needed.count(name) > 1}):
        raise ConfigurationError(
            f"each column has one part, seed, hyper-parameter or outcome; {', '.join(twice)} has "
            "several: leave it out of one, such as outcomes=['test_accuracy']"
        )
    absent = [name for name in needed if name not in frame.columns]
    if absent or not len(frame) or not parameters or not outcomes:
        raise DataError(
            "strips need rows, hyper-parameters and outcomes; missing columns: "
            f"{', '.join(absent) or 'none'}; rows: {len(frame)}"
        )
    runs = frame[needed].rename(columns={seed: "seed"})
    runs["seed"] = runs["seed"].astype(str)
    numbers = runs.drop(columns="seed").apply(pd.to_numeric, errors="coerce")
    wrong = [str(n) for n in numbers if not np.isfinite(numbers[n].to_numpy(np.float64)).all()]
    if wrong:
        raise DataError(
            f"these columns must hold finite numbers in every row: {', '.join(wrong)}; of "
            'a log of all epochs take one row a run, frame[frame["stage"] == "final"]'
        )
    repeated = int(runs.duplicated(["seed", *parameters]).sum())
    if repeated:
        raise DataError(
            f"{repeated} rows repeat a seed with the same {', '.join(parameters)}: keep one "
            "evaluation of each run, and one method"
        )
    return runs.assign(**{str(n): numbers[n].astype(np.float64) for n in numbers})


def _reference(runs: pd.DataFrame, name: str, given: Mapping[str, float]) -> float:
    counts = runs[name].value_counts().sort_index()
    if name not in given:
        return float(counts.index[int(np.argmax(counts.to_numpy()))])
    if given[name] not in counts.index:
        values = ", ".join(f"{v:g}" for v in counts.index)
        raise ConfigurationError(f"no run has {name} = {given[name]:g}; its values are {values}")
    return float(given[name])


def _pair(
    runs: pd.DataFrame, name: str, outcome: str, others: list[str], reference: float
) -> pd.DataFrame:
    """Differences from the reference: one row a pair of runs alike in all else."""
    own = runs[[*others, name, outcome]]
    base = own[own[name] == reference].drop(columns=name)
    pairs = own[own[name] != reference].merge(base, on=others, suffixes=("", "_base"))
    return pairs.assign(difference=pairs[outcome] - pairs[f"{outcome}_base"])


def _describe(
    runs: pd.DataFrame, name: str, outcome: str, reference: float, level: float
) -> list[dict[str, object]]:
    """One row a value: runs, seeds, mean and median, and the interval of the seeds' means."""
    rows: list[dict[str, object]] = []
    for value, own in runs.groupby(name, sort=True):
        means = own.groupby("seed")[outcome].mean().to_numpy(dtype=np.float64)
        half = np.nan
        if len(means) > 1:
            se = float(means.std(ddof=1)) / np.sqrt(len(means))
            half = float(t_quantile(np.array(len(means) - 1.0), level)) * se
        middle = float(means.mean())
        row: dict[str, object] = dict.fromkeys(COLUMNS, np.nan)
        row |= {"parameter": name, "value": value, "outcome": outcome, "runs": len(own)}
        row |= {"seeds": len(means), "mean": middle, "median": float(own[outcome].median())}
        row |= {"lower": middle - half, "upper": middle + half, "reference": reference}
        row |= {"pairs": 0, "reason": "the reference" if value == reference else ""}
        rows.append(row)
    return rows


def _runs_alike(seeds: int) -> str:
    if seeds == 1:
        return "1 seed has a run that differs in nothing else"
    return f"{seeds} seeds have a run that differs in nothing else"


def _contrast(
    rows: list[dict[str, object]],
    pairs: pd.DataFrame,
    level: float,
    flips: int,
    rng: np.random.Generator,
) -> None:
    """Add to the rows of one hyper-parameter what its pairs say."""
    family, columns = [], []
    for row in rows:
        if row["reason"]:
            continue
        own = pairs[pairs[str(row["parameter"])] == row["value"]]
        seeds = own.groupby("seed")["difference"].mean()
        row["pairs"] = len(own)
        if len(seeds) < 2:
            row["reason"] = f"{_runs_alike(len(seeds))}: two are needed"
            continue
        family.append(row)
        columns.append(seeds)
    if not family:
        return
    table: Array = pd.concat(columns, axis=1).to_numpy(dtype=np.float64)
    found = paired_numbers(table, level=level, flips=flips, rng=rng)
    for i, row in enumerate(family):
        row |= {"difference": found.mean[i], "difference_lower": found.lower[i]}
        row |= {"difference_upper": found.upper[i], "p_value": found.p_value[i]}
        row |= {"adjusted_p_value": found.adjusted[i], "flip_p_value": found.flip_p_value[i]}
