"""The answers of a study, part by part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from causalhyper.notebook import Shown
from causalhyper.queries import Analysis
from causalhyper.results import EstimateResult, to_frame
from causalhyper.scm.model import FittedModel
from causalhyper.study.parts import StudyPart
from causalhyper.study.plan import AskedQuery, StudyPlan


class QueryResult(Protocol):
    """What every verb returns: text and a table."""

    def summary(self) -> str:
        """The result as text."""

    def to_frame(self) -> pd.DataFrame:
        """The result as a table."""


@dataclass(frozen=True, slots=True)
class AnsweredQuery:
    """A query with its result."""

    asked: AskedQuery
    result: QueryResult

    @property
    def verdict(self) -> str:
        """The result in a sentence; "" where it has none."""
        found = self.result.curve if isinstance(self.result, Analysis) else self.result
        return str(getattr(found, "verdict", ""))


@dataclass(frozen=True, slots=True)
class PartResults:
    """The answers for one part of the runs."""

    part: StudyPart
    model: FittedModel
    answers: tuple[AnsweredQuery, ...]


@dataclass(frozen=True, slots=True)
class StudyResults(Shown):
    """Everything that a study's queries found.

    Attributes
    ----------
    plan : StudyPlan
    checksum : str
        SHA-256 of the runs' file.
    parts : tuple of PartResults
        One where nothing parts the runs.
    """

    plan: StudyPlan
    checksum: str
    parts: tuple[PartResults, ...]

    def to_frame(self) -> pd.DataFrame:
        """Every estimate, one row each: part, number of the query, and the columns of a result."""
        frames = [
            to_frame(answer.result.estimates).assign(
                part=found.part.name, asked=answer.asked.number
            )
            for found in self.parts
            for answer in found.answers
            if isinstance(answer.result, EstimateResult)
        ]
        whole = pd.concat(frames, ignore_index=True) if frames else to_frame(())
        first = [name for name in ("part", "asked") if name in whole.columns]
        return whole[[*first, *whole.columns.drop(first)]]

    def summary(self) -> str:
        """Every result as text, part by part."""
        texts = []
        for found in self.parts:
            texts.append(f"{found.part.name}: {found.part.protocol}")
            texts += [f"{a.asked}\n{a.result.summary()}" for a in found.answers]
        return "\n\n".join(texts)
