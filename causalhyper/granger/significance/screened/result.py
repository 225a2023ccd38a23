"""What a test after screening finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.arrays import Codes
from causalhyper.errors import ConfigurationError
from causalhyper.granger.significance.screened.findings import Findings
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FRAME = ("column", "layer", "index", "feature", "statistic", "p", "q", "selected", "frequency")
"""Columns of the frame."""


@dataclass(frozen=True, slots=True, eq=False)
class ScreenedTest(Shown):
    """Columns picked by some steps and tested on others.

    Attributes
    ----------
    method : {"mirror", "knockoffs", "debiased"}
    labels : DataFrame
        One row a picked column: column, layer, index, feature.
    found : Findings
        Statistics and what they select.
    level : float
        False discovery rate asked for.
    width : int
        p of the design.
    steps : tuple of int
        Steps screened on and tested on.
    taken : str
        What was taken from both sides before.
    doubts : tuple of str
        What speaks against the level.

    Raises
    ------
    ConfigurationError
        If the parts do not belong together.
    """

    method: str
    labels: pd.DataFrame
    found: Findings
    level: float
    width: int
    steps: tuple[int, int]
    taken: str
    doubts: tuple[str, ...]

    def __post_init__(self) -> None:
        count, found = len(self.labels), self.found
        if found.statistic.shape != (count,):
            raise ConfigurationError(
                f"{count} picked columns take as many statistics; got {found.statistic.shape}"
            )
        known = np.isfinite(found.q)
        if (found.selected[known] != (found.q[known] <= self.level)).any():
            raise ConfigurationError("what is selected must be what has q at most the level")

    @property
    def columns(self) -> Codes:
        """Columns selected, increasing."""
        return self.labels["column"].to_numpy(dtype=np.intp)[self.found.selected]

    def to_frame(self) -> pd.DataFrame:
        """One row a picked column: see `FRAME`; selected ones first, by statistic."""
        found = self.found
        frame = self.labels.assign(
            statistic=found.statistic,
            p=found.p,
            q=found.q,
            selected=found.selected,
            frequency=found.frequency,
            size=np.abs(found.statistic) if self.method == "debiased" else found.statistic,
        )
        order = frame.sort_values(
            ["selected", "size", "column"], ascending=[False, False, True], kind="stable"
        )
        return order[list(FRAME)].reset_index(drop=True)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the statistics of the picked columns, the selected ones apart."""
        from causalhyper.figures.dots import plot_dots

        frame = self.to_frame()
        series = frame["selected"].map({True: "selected", False: "not selected"})
        label = [
            f"{row.layer} {row.index_} {row.feature}"
            for row in frame.rename(columns={"index": "index_"}).itertuples()
        ]
        drawn = frame.assign(label=label, value=frame["statistic"], series=series)
        return plot_dots(drawn, xlabel=f"statistic ({self.method})", ax=ax)

    def summary(self) -> str:
        """Say what was done and what its control takes; the last line is the verdict."""
        screened, tested = self.steps
        kept = int(self.found.selected.sum())
        return "\n".join(
            [
                f"{len(self.labels)} of {self.width} columns picked on {screened} steps and "
                f"tested on {tested} others",
                f"taken from both sides: {self.taken}",
                self.found.how,
                self.found.caution,
                *(f"caution: {text}" for text in self.doubts),
                f"{kept} of {len(self.labels)} picked columns are selected at a false discovery "
                f"rate of {self.level:g}.",
            ]
        )
