"""The parts of a study: runs that are analysed together, under one protocol."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from causalhyper.errors import DataError
from causalhyper.frames import read_runs, select_runs
from causalhyper.study.plan import StudyPlan


@dataclass(frozen=True, slots=True)
class StudyPart:
    """Runs that are analysed together.

    Attributes
    ----------
    protocol : str
    values : tuple of (str, str)
        Columns that part the runs, with their values here; empty where nothing parts them.
    runs : DataFrame
        The rows, index from 0.
    """

    protocol: str
    values: tuple[tuple[str, str], ...]
    runs: pd.DataFrame

    @property
    def name(self) -> str:
        """The values in words; "all runs" without any."""
        return ", ".join(f"{column} {value}" for column, value in self.values) or "all runs"


def split_runs(plan: StudyPlan) -> tuple[StudyPart, ...]:
    """Read a study's runs and part them by design and by every combination of `each`.

    Parameters
    ----------
    plan : StudyPlan

    Returns
    -------
    tuple of StudyPart
        Designs in the order of their sentences, then `each` in the order of its values. The
        protocol names the values of `each`, which are held equal too.

    Raises
    ------
    DataError
        If the runs cannot be read, or a run lacks a value that parts them.
    """
    frame = select_runs(read_runs(plan.data.runs), plan.data.where)
    by, each = plan.protocols.by, plan.data.each
    columns = [*dict.fromkeys(([by] if by else []) + list(each))]
    for column in columns:
        if missing := int(frame[column].isna().sum()):
            raise DataError(
                f"{missing} runs have no {column!r}, by which runs are parted: fill it in, or "
                "leave these runs out with where"
            )
    if not columns:
        return (StudyPart(plan.protocols.sentence, (), frame),)
    combined = frame[columns].drop_duplicates().sort_values(columns).astype(str)
    order = {value: i for i, value in enumerate(plan.protocols.sentences)}
    found = [tuple(zip(columns, row, strict=True)) for row in combined.to_numpy()]
    if by:
        found.sort(key=lambda values: order[dict(values)[by]])
    return tuple(_part(plan, frame, values) for values in found)


def _part(plan: StudyPlan, frame: pd.DataFrame, values: tuple[tuple[str, str], ...]) -> StudyPart:
    kept = pd.Series(True, index=frame.index)
    for column, value in values:
        kept &= frame[column].astype(str) == value
    by = plan.protocols.by
    sentence = plan.protocols.sentences[dict(values)[by]] if by else plan.protocols.sentence
    held = [f"{column} {value}" for column, value in values if column != by]
    return StudyPart("; ".join([sentence, *held]), values, frame[kept].reset_index(drop=True))
