"""What every result that holds estimates can do: become a frame, a forest plot, lines of text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import pandas as pd

from causalhyper.results.estimate import Estimate, decimals, forest_frame, to_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class EstimateResult(ABC):
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

        return plot_forest(forest_frame(self.estimates), xlabel="effect", ax=ax)

    def _lines(self) -> list[str]:
        """One line of text an estimate."""
        digits = decimals(e.se for e in self.estimates)
        width = max((len(e.query) for e in self.estimates), default=0)
        return [f"{e.value:>10g}  {e.query:<{width}} {e.interval(digits)}" for e in self.estimates]
