"""What the assignment alone says of a total effect: tests, effects, words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalhyper.results import COLUMNS as ESTIMATE_COLUMNS
from causalhyper.results import Estimate, EstimateResult, HypothesisTest, decimals

COLUMNS = ("name", "null", "statistic", "p_value", *ESTIMATE_COLUMNS)
"""Columns of the table of tests, in order."""


@dataclass(frozen=True, slots=True)
class RandomisationTests(EstimateResult):
    """What the assignment alone says of the treatment's total effect.

    Attributes
    ----------
    protocol : str
    assigned : str
        What exchanged treatment values, in words.
    omnibus : HypothesisTest
        That no run's outcome depends on the treatment.
    values : tuple of float
        Of the treatment's column, compared with the baseline.
    tests : tuple of HypothesisTest
        For each value that it has the baseline's effect on every run.
    effects : tuple of Estimate
        For each value the constant effect with the values that the test does not reject; only
        those whose interval is finite.
    note : str
        Which intervals are not, and why; "" where all are.
    outcome : str
        Its label on the scale that was analysed; "" where nobody says.
    """

    protocol: str
    assigned: str
    omnibus: HypothesisTest
    values: tuple[float, ...]
    tests: tuple[HypothesisTest, ...]
    effects: tuple[Estimate, ...]
    note: str
    outcome: str = ""

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """The constant effects."""
        return self.effects

    def to_frame(self) -> pd.DataFrame:
        """One row a test, the omnibus test first; columns `COLUMNS`.

        Those of the effect are empty where there is none: beside the omnibus test, and where no
        interval is finite.
        """
        tests = (self.omnibus, *self.tests)
        rows = [(t.name, t.null, t.statistic, t.p_value) for t in tests]
        effects = {e.value: i for i, e in enumerate(self.effects)}
        places = [-1, *(effects.get(value, -1) for value in self.values)]
        # the plain `super()` of a slotted dataclass refers to the class before it had slots
        found = EstimateResult.to_frame(self).reindex(places).reset_index(drop=True)
        own = pd.DataFrame(rows, columns=list(COLUMNS[:4]))
        return pd.concat([own, found.assign(value=[np.nan, *self.values])], axis=1)

    def summary(self) -> str:
        """The tests as text."""
        lines = [f"randomisation inference: {self.assigned} exchange values ({self.protocol})"]
        lines += [f"  {t.name}: p = {t.p_value:.4g}" for t in (self.omnibus, *self.tests)]
        digits = decimals(e.se for e in self.effects)
        lines += [f"{e.value:>10g}  constant effect {e.interval(digits)}" for e in self.effects]
        return "\n".join([*lines, *([self.note] if self.note else []), self.omnibus.reading])
