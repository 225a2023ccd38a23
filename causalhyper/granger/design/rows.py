"""Which recorded steps make the rows of a design."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType

import numpy as np

from causalhyper.arrays import Codes
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.design.records import StepRecord, check_finite_changes, name_of
from causalhyper.granger.lasso.columns import Matrix


@dataclass(frozen=True, slots=True, eq=False)
class RunRows:
    """Rows of a design that come from one training.

    Parameters
    ----------
    record : StepRecord
        The training.
    rows : range
        Rows of its steps frame, increasing, one a row of the design.
    lead : int
        Steps that are read before the first row: 1 where a feature needs the step before.
    """

    record: StepRecord
    rows: range
    lead: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def span(self) -> range:
        """The rows to be read, without those between left out."""
        return range(self.rows[0] - self.lead, self.rows[-1] + 1)

    @property
    def numbers(self) -> Codes:
        """Numbers of the steps, one a row of the design."""
        return np.asarray(self.record.steps["step"], dtype=np.intp)[np.asarray(self.rows)]

    def now(self, read: Matrix) -> Matrix:
        """Take the rows of the design out of those read."""
        return read[self.lead :: self.rows.step]

    def before(self, read: Matrix) -> Matrix:
        """Take the row before each, where `lead` is 1."""
        return read[: len(read) - 1 : self.rows.step]


def choose_rows(record: StepRecord, steps: slice, *, momentum: bool, following: bool) -> RunRows:
    """Choose the recorded steps that have all features and a response.

    Parameters
    ----------
    record : StepRecord
        The training.
    steps : slice
        Steps that are wanted, as of a list of the recorded ones.
    momentum : bool
        Whether features need the step before.
    following : bool
        Whether the response needs the step after.

    Returns
    -------
    RunRows
        The steps wanted, but the first recorded one with `momentum`, the last one with
        `following`.

    Raises
    ------
    ConfigurationError
        If `steps` is no slice that goes forward, or a step before or after was not recorded.
    DataError
        If no step is left, or a change is not finite.
    """
    whole = isinstance(steps, slice) and all(
        isinstance(each, (int, np.integer, NoneType))
        for each in (steps.start, steps.stop, steps.step)
    )
    if not whole or (steps.step is not None and steps.step < 1):
        raise ConfigurationError(
            "expected steps as a slice of the recorded steps that goes forward, such as "
            f"slice(100, None, 2); got {steps!r}"
        )
    count = record.n_steps
    rows = range(*steps.indices(count))
    if momentum and len(rows) and rows[0] == 0:
        rows = rows[1:]
    if following and len(rows) and rows[-1] == count - 1:
        rows = rows[:-1]
    if not len(rows):
        raise DataError(
            f"run {name_of(record)!r} of {count} recorded steps has no row for this design: "
            "record more steps, or take more of them"
        )
    numbers = record.steps["step"].to_numpy()
    if momentum:
        _check_neighbours(record, numbers, np.asarray(rows) - 1, "momentum features need")
    if following:
        _check_neighbours(record, numbers, np.asarray(rows), "the next minibatch's loss needs")
    found = RunRows(record, rows, int(momentum))
    check_finite_changes(record, found.span)
    return found


def _check_neighbours(record: StepRecord, numbers: Codes, rows: Codes, why: str) -> None:
    """Refuse rows that are not followed by the very next step."""
    gaps = np.flatnonzero(numbers[rows + 1] - numbers[rows] != 1)
    if len(gaps):
        at = rows[gaps[0]]
        raise ConfigurationError(
            f"{why} consecutive steps; run {name_of(record)!r} has step {numbers[at + 1]} after "
            f"step {numbers[at]}: record every step (every=1), or take steps from a part of the "
            "run without gaps"
        )
