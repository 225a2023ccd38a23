"""What one part of a report's page rests on: a model, its runs, and what was asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from causalhyper.queries import Analysis, EffectCurve
from causalhyper.results import Estimate, EstimateResult
from causalhyper.scm.model import FittedModel


class Analysed(Protocol):
    """What tables of runs and model are made from: an `Analysis`, or a part of a page."""

    @property
    def model(self) -> FittedModel:
        """The fitted model."""

    @property
    def treatment(self) -> str:
        """A node."""

    @property
    def outcome(self) -> str:
        """A node."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A result, and what was asked.

    Attributes
    ----------
    asked : str
        In words, such as ``query 2: mediate, mediators N``; "" where the page needs none.
    result : result of a query
    """

    asked: str
    result: object


@dataclass(frozen=True, slots=True)
class ReportPart:
    """Answers that one fitted model gave.

    Attributes
    ----------
    name : str
        Such as "design equal_epochs"; "" where there is one part.
    model : FittedModel
    treatment, outcome : str
        Nodes.
    runs : DataFrame
        The rows that were analysed.
    answers : tuple of Answer
        In the order in which they are shown.
    at : tuple of float
        Treatment values compared with `baseline`; empty without any.
    baseline : float or None
    """

    name: str
    model: FittedModel
    treatment: str
    outcome: str
    runs: pd.DataFrame
    answers: tuple[Answer, ...]
    at: tuple[float, ...] = ()
    baseline: float | None = None

    @property
    def results(self) -> tuple[object, ...]:
        """The results alone."""
        return tuple(answer.result for answer in self.answers)

    @property
    def curve(self) -> EffectCurve | None:
        """The first effect curve; None without any."""
        return next(iter(curves_of(self.results)), None)

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """All estimates in reading order."""
        found = (r.estimates for r in self.results if isinstance(r, EstimateResult))
        return tuple(e for estimates in found for e in estimates)


def curves_of(results: Sequence[object]) -> tuple[EffectCurve, ...]:
    """The effect curves among some results, and those within analyses."""
    found = (r.curve if isinstance(r, Analysis) else r for r in results)
    return tuple(r for r in found if isinstance(r, EffectCurve))


def part_of(analysis: Analysis, runs: pd.DataFrame) -> ReportPart:
    """The part of a page that shows one analysis.

    Parameters
    ----------
    analysis : Analysis
    runs : DataFrame
        The rows that were analysed.

    Returns
    -------
    ReportPart
    """
    first = next(iter(analysis.curve.by_estimator.values()))
    return ReportPart(
        name="",
        model=analysis.model,
        treatment=analysis.treatment,
        outcome=analysis.outcome,
        runs=runs,
        answers=(Answer("", analysis),),
        at=tuple(e.value for e in first),
        baseline=analysis.curve.baseline,
    )
