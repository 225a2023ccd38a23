"""Frequencies of selection, and what they promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError
from causalhyper.granger.significance.stability.agreement import stability_index
from causalhyper.granger.significance.stability.bounds import (
    SelectionBounds,
    bound_selections,
    times_needed,
)
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FRAME = ("column", "layer", "index", "feature", "frequency", "together", "selected")
"""Columns of the frame."""
POOR, GOOD = 0.4, 0.75
"""Stability below the one is poor, from the other on good (Nogueira et al. 2018, section 4.3)."""


@dataclass(frozen=True, slots=True, eq=False)
class SelectionFrequencies(Shown):
    """How often columns are selected in complementary halves of the steps.

    Attributes
    ----------
    labels : DataFrame
        One row a column that was ever selected: column, layer, index, feature.
    times : ndarray of int, shape (k,)
        Half samples, of 2B, in which each was selected.
    together : ndarray of int, shape (k,)
        Pairs, of B, in both halves of which it was.
    sizes : ndarray of int, shape (2B,)
        Columns selected in each half sample.
    agreements : ndarray, shape (B,)
        Jaccard index of the two selections of each pair; NaN where both are empty.
    width : int
        p.
    blocks : int
        That the steps were cut into.
    lengths : tuple of int
        Rows of the shortest and the longest block.
    threshold : float
        Frequency that selects, in (1/2, 1].

    Raises
    ------
    ConfigurationError
        If the parts do not belong together.
    """

    labels: pd.DataFrame
    times: Codes
    together: Codes
    sizes: Codes
    agreements: Array
    width: int
    blocks: int
    lengths: tuple[int, int]
    threshold: float

    def __post_init__(self) -> None:
        if int(self.times.sum()) != int(self.sizes.sum()) or (self.times < 1).any():
            raise ConfigurationError(
                f"columns selected {int(self.times.sum())} times do not make half samples of "
                f"{int(self.sizes.sum())} columns in all"
            )
        if len(self.times) != len(self.labels) or (2 * self.together > self.times).any():
            raise ConfigurationError("every column selected needs a label and its counts")
        if len(self.sizes) != 2 * self.pairs or not 0.5 < self.threshold <= 1:
            raise ConfigurationError(
                f"expected two half samples a pair and a threshold in (1/2, 1]; got "
                f"{len(self.sizes)}, {self.pairs} and {self.threshold:g}"
            )

    @property
    def pairs(self) -> int:
        """B."""
        return len(self.agreements)

    @property
    def frequency(self) -> Array:
        """Share of the half samples that select each column ever selected."""
        return self.times / (2 * self.pairs)

    @property
    def selected(self) -> Codes:
        """Columns whose frequency reaches the threshold, increasing."""
        enough = self.times >= times_needed(self.threshold, self.pairs)
        return self.labels["column"].to_numpy(dtype=np.intp)[enough]

    @property
    def mean_size(self) -> float:
        """Mean number of columns that half of the steps select: q."""
        return float(self.sizes.mean())

    @property
    def jaccard(self) -> float:
        """Mean Jaccard index of complementary selections; NaN where all are empty."""
        known = self.agreements[np.isfinite(self.agreements)]
        return float(known.mean()) if len(known) else float("nan")

    @property
    def stability(self) -> float:
        """Nogueira's index of all half samples (`stability_index`)."""
        return stability_index(self.times, 2 * self.pairs, self.width)

    def bounds(self, threshold: float | None = None) -> SelectionBounds:
        """Bound the expected number of unlikely columns among the selected.

        Parameters
        ----------
        threshold : float, optional
            Another one.

        Returns
        -------
        SelectionBounds

        Raises
        ------
        ConfigurationError
            If nothing was ever selected, or the threshold is not in (1/2, 1].
        """
        return bound_selections(
            self.width, self.mean_size, threshold or self.threshold, self.pairs
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a column ever selected, the most frequent first.

        Columns are column, layer, index, feature, frequency, together (share of the pairs that
        select it twice) and selected.
        """
        frame = self.labels.assign(
            frequency=self.frequency,
            together=self.together / self.pairs,
            selected=self.labels["column"].isin(self.selected),
        )
        order = frame.sort_values(["frequency", "column"], ascending=[False, True])
        return order[list(FRAME)].reset_index(drop=True)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the frequencies of the columns selected most often, and the threshold."""
        from causalhyper.figures.dots import plot_dots

        frame = self.to_frame()
        label = [
            f"{row.layer} {row.index_} {row.feature}"
            for row in frame.rename(columns={"index": "index_"}).itertuples()
        ]
        drawn = frame.assign(label=label, value=frame["frequency"])
        marks = [(self.threshold, f"threshold {self.threshold:g}")]
        xlabel = f"share of {2 * self.pairs} half samples that select the column"
        return plot_dots(drawn, xlabel=xlabel, marks=marks, ax=ax)

    def summary(self) -> str:
        """Say how often columns are selected, and what bounds it; the last line is the verdict."""
        shortest, longest = self.lengths
        steps = f"{shortest}" if shortest == longest else f"{shortest} to {longest}"
        lines = [
            f"Selection frequency in {self.pairs} complementary pairs of half samples of "
            f"{self.blocks} blocks of {steps} steps; {self.width} columns, "
            f"{self.mean_size:.4g} selected in the mean",
            f"agreement of the two halves (Jaccard): {self.jaccard:.2f}; stability index "
            f"{self.stability:.2f} (1 all the same, 0 chance): {self._stable()}",
        ]
        if self.sizes.any():
            b = self.bounds()
            unimodal = f"{b.unimodal:.3g}" if np.isfinite(b.unimodal) else "does not apply"
            lines.append(
                f"expected at most, of columns that half of the steps select with probability "
                f"{b.share:.3g} or less: {b.worst_case:.3g} (no assumption), {unimodal} "
                f"(unimodal), {b.r_concave:.3g} (r-concave); Meinshausen and Buehlmann's bound "
                f"of columns without influence: {b.meinshausen_buehlmann:.3g}"
            )
        lines.append(
            "the bounds hold for independent blocks; they speak of what is rarely selected, not "
            "of what has no influence"
        )
        lines.append(self._verdict())
        return "\n".join(lines)

    def _stable(self) -> str:
        if not np.isfinite(self.stability):
            return "nothing to compare"
        if self.stability < POOR:
            return "the selection is unstable"
        return "the selection is stable" if self.stability >= GOOD else "partly stable"

    def _verdict(self) -> str:
        kept = len(self.selected)
        text = (
            f"{kept} of {self.width} columns are selected in at least {self.threshold:.0%} of "
            f"{2 * self.pairs} half samples"
        )
        if not self.sizes.any():
            return text + "; no half sample selects any."
        bound = self.bounds().worst_case
        text += f"; at most {bound:.3g} unlikely ones are expected among them"
        return text + ("." if bound < max(kept, 1) else ", so the number says nothing.")
