"""Metric histories as flat arrays, and the wide steps frame that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalhyper.arrays import Array

Points = Mapping[str, tuple[NDArray[np.int64], Array]]
"""Steps and values of each metric of one run."""
Number = TypeVar("Number", np.int64, np.float64)


@dataclass(frozen=True, slots=True)
class History:
    """What some runs logged, one entry a value, in the order in which later ones count.

    Parameters
    ----------
    runs, metrics : tuple of str
        Names of runs and metrics.
    run, metric : ndarray of int, shape (entries,)
        Which run and which metric an entry belongs to.
    step : ndarray of int, shape (entries,)
        Its step.
    value : ndarray of float, shape (entries,)
        What was logged, NaN and infinities as they were.

    Examples
    --------
    >>> one = {"loss": (np.array([0, 1]), np.array([0.5, 0.4]))}
    >>> History.join({"a": one}).frame().to_dict("records")
    [{'run_id': 'a', 'step': 0, 'loss': 0.5}, {'run_id': 'a', 'step': 1, 'loss': 0.4}]
    """

    runs: tuple[str, ...]
    metrics: tuple[str, ...]
    run: NDArray[np.int64]
    metric: NDArray[np.int64]
    step: NDArray[np.int64]
    value: Array

    @classmethod
    def join(cls, points: Mapping[str, Points]) -> History:
        """Make one history of each run's own.

        Parameters
        ----------
        points : mapping
            For each run, steps and values of each metric.

        Returns
        -------
        History
            In the order of runs and metrics given.
        """
        metrics = tuple(dict.fromkeys(name for run in points.values() for name in run))
        code = {name: i for i, name in enumerate(metrics)}
        pieces = [
            (i, code[name], steps, values)
            for i, run in enumerate(points.values())
            for name, (steps, values) in run.items()
        ]
        sizes = [len(steps) for _, _, steps, _ in pieces]
        return cls(
            tuple(points),
            metrics,
            np.repeat(np.array([i for i, *_ in pieces], dtype=np.int64), sizes),
            np.repeat(np.array([m for _, m, *_ in pieces], dtype=np.int64), sizes),
            _joined([steps for _, _, steps, _ in pieces], np.int64),
            _joined([values for *_, values in pieces], np.float64),
        )

    def frame(self) -> pd.DataFrame:
        """Return one row for each run and step at which something was logged.

        Returns
        -------
        pandas.DataFrame
            Columns ``run_id``, ``step``, and one for each metric, NaN where it was not logged;
            of several values at one step the last one. Runs in their order, steps ascending.
        """
        order = np.lexsort((self.step, self.run))
        run, step = self.run[order], self.step[order]
        new = np.ones(len(order), dtype=bool)
        new[1:] = (np.diff(run) != 0) | (np.diff(step) != 0)
        row = np.empty(len(order), dtype=np.int64)
        row[order] = np.cumsum(new) - 1
        table = np.full((len(self.metrics), int(new.sum())), np.nan)
        table[self.metric, row] = self.value
        names = pd.Series(self.runs, dtype=str).take(run[new]).reset_index(drop=True)
        columns: dict[str, object] = {"run_id": names, "step": step[new]}
        return pd.DataFrame(columns | dict(zip(self.metrics, table, strict=True)))

    def last(self) -> dict[str, dict[str, float]]:
        """Return, for each run, each metric's value at its greatest step, the last one logged.

        Returns
        -------
        dict of dict of float
            Runs without any entry have an empty one.
        """
        found: dict[str, dict[str, float]] = {name: {} for name in self.runs}
        order = np.lexsort((self.step, self.metric, self.run))
        group = self.run[order] * max(len(self.metrics), 1) + self.metric[order]
        ends = np.flatnonzero(np.diff(group, append=-1))
        for entry in order[ends]:
            name = self.metrics[self.metric[entry]]
            found[self.runs[self.run[entry]]][name] = float(self.value[entry])
        return found

    def repeats(self) -> bool:
        """Tell whether a run has several values of one metric at one step."""
        order = np.lexsort((self.step, self.metric, self.run))
        keys = np.stack([self.run[order], self.metric[order], self.step[order]])
        return bool((np.diff(keys) == 0).all(axis=0).any())

    def broken(self) -> dict[str, int]:
        """Return, for each run, how many logged values are NaN or infinite."""
        counts = np.bincount(self.run[~np.isfinite(self.value)], minlength=len(self.runs))
        return dict(zip(self.runs, counts.tolist(), strict=True))


def points_of(rows: Sequence[Mapping[str, float]], steps: Sequence[int]) -> Points:
    """Turn records of one run into steps and values of each metric.

    Parameters
    ----------
    rows : sequence of mapping
        What was logged together, by metric.
    steps : sequence of int
        The step of each record.

    Returns
    -------
    mapping
        For each metric its steps and values, in the order of the records.

    Examples
    --------
    >>> points_of([{"loss": 0.5}, {"loss": 0.4}], [0, 10])["loss"][0].tolist()
    [0, 10]
    """
    gathered: dict[str, tuple[list[int], list[float]]] = {}
    for step, row in zip(steps, rows, strict=True):
        for name, value in row.items():
            at, values = gathered.setdefault(name, ([], []))
            at.append(step)
            values.append(value)
    return {
        name: (np.array(at, dtype=np.int64), np.array(values, dtype=np.float64))
        for name, (at, values) in gathered.items()
    }


def _joined(pieces: Sequence[NDArray[Number]], dtype: type[Number]) -> NDArray[Number]:
    return np.concatenate(pieces) if pieces else np.empty(0, dtype=dtype)
