"""What a screening keeps: a mask a layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from causalhyper.arrays import Flags
from causalhyper.granger.masks import Masks
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, eq=False)
class KeptEntries(Shown):
    """Masks by layer, with what the reader has to know of how they came about.

    Attributes
    ----------
    masks : mapping of str to ndarray of bool
        True where the entry is kept; in the shape of the layer (of its units).
    statistic : str
        What was ranked, by its absolute value.
    rule : str
        The rule in words.
    minimum : int
        Entries kept of each layer at least.
    collapsed : mapping of str to int
        Layers of which the rule alone kept fewer than the minimum, and how many it kept.
    tied : int
        Entries left out with the same value as one that was kept: their place decided.

    Examples
    --------
    >>> import numpy as np
    >>> kept = KeptEntries({"fc": np.array([True, False])}, "movement", "the largest", 0, {}, 0)
    >>> kept.sparsity
    0.5
    """

    masks: Mapping[str, Flags]
    statistic: str
    rule: str
    minimum: int
    collapsed: Mapping[str, int]
    tied: int

    @property
    def sparsity(self) -> float:
        """Share of the entries that is left out."""
        return Masks(self.masks).sparsity

    def counts(self) -> pd.DataFrame:
        """One row a layer: layer, entries, kept, share, collapsed."""
        frame = Masks(self.masks).counts()
        frame["share"] = frame["kept"] / frame["entries"]
        frame["collapsed"] = [name in self.collapsed for name in self.masks]
        return frame.drop(columns="sparsity")

    def to_frame(self) -> pd.DataFrame:
        """One row an entry that is kept: layer, index (row-major)."""
        return Masks(self.masks).to_frame()

    def _overview(self) -> pd.DataFrame:
        return self.counts()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the share of each layer that is kept."""
        from causalhyper.figures.kept_shares import plot_kept_shares

        counts = self.counts()
        shares = counts["kept"] / counts["entries"]
        return plot_kept_shares(counts.assign(share_kept=shares), ax=ax)

    def summary(self) -> str:
        """Say what was kept, and which layers collapsed."""
        counts = self.counts()
        entries, kept = int(counts["entries"].sum()), int(counts["kept"].sum())
        lines = [
            f"{kept} of {entries} entries kept ({self.sparsity:.2%} left out): |{self.statistic}| "
            f"{self.rule}"
        ]
        lines += [
            f"layer {name!r} collapsed: the rule alone kept {alone}, the minimum is {self.minimum}"
            for name, alone in self.collapsed.items()
        ]
        if self.tied:
            lines.append(f"{self.tied} entries left out tie with one that was kept")
        return "\n".join(lines)
