"""What every result that holds estimates can do: become a frame, a forest plot, lines of text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from causalhyper.notebook import Shown
from causalhyper.results.estimate import Estimate, decimals, forest_frame, to_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FOLDED = ("estimand", "method", "assumptions", "seed")
"""Columns of estimates that a notebook folds below their table, or leaves to `to_frame`."""


class EstimateResult(Shown, ABC):
    """A result made of estimates."""

    __slots__ = ()

    @property
    @abstractmethod
    def estimates(self) -> tuple[Estimate, ...]:
        """All estimates in reading order."""

    @abstractmethod
    def summary(self) -> str:
        """The result as text."""

    def to_frame(self) -> pd.DataFrame:
        """One row an estimate; columns `causalhyper.results.COLUMNS`."""
        return to_frame(self.estimates)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw every estimate with its interval, grouped by treatment value."""
        from causalhyper.figures import plot_forest

        outcome = getattr(self, "outcome", "")
        xlabel = f"effect on {outcome}" if outcome else "effect"
        return plot_forest(forest_frame(self.estimates), xlabel=xlabel, ax=ax)

    def _overview(self) -> pd.DataFrame:
        """The frame without the texts that `_notes` folds."""
        return self.to_frame().drop(columns=[*FOLDED], errors="ignore")

    def _notes(self) -> Mapping[str, Sequence[str]]:
        """What the estimates are of, how they were made, and what they assume."""
        found = {
            "Estimands": [e.estimand for e in self.estimates],
            "Methods": [e.method for e in self.estimates],
            "Assumes": [text for e in self.estimates for text in e.assumptions],
        }
        own = {name: tuple(dict.fromkeys(texts)) for name, texts in found.items()}
        return {name: texts for name, texts in own.items() if texts} | dict(super()._notes())

    def _lines(self) -> list[str]:
        """One line of text an estimate."""
        digits = decimals(e.se for e in self.estimates)
        width = max((len(e.query) for e in self.estimates), default=0)
        return [f"{e.value:>10g}  {e.query:<{width}} {e.interval(digits)}" for e in self.estimates]
