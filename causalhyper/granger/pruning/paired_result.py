"""Differences between methods, paired by seed, with their tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.results import Estimate, EstimateResult, decimals, to_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TESTS = (
    "compared",
    "place",
    "seeds",
    "p_value",
    "adjusted_p_value",
    "flip_p_value",
    "joint_flip_p_value",
    "binomial_sd",
)
"""Columns beside those of estimates: the method; where; its seeds; p-values of Student's t, of
it adjusted by Holm, of sign flips, of the maximum over the family by the same flips; and the
standard deviation that a test set of that size adds."""


@dataclass(frozen=True, slots=True, eq=False)
class PairedDifferences(EstimateResult):
    """Outcomes of methods against a baseline's at equal sparsity; see `paired_differences`.

    Attributes
    ----------
    differences : tuple of Estimate
        One a method and level, then one a method for its mean over levels.
    tests : DataFrame
        One row an estimate, columns `TESTS`.
    baseline, outcome : str
    left_out : tuple of str
        What could not be compared, and why.

    Raises
    ------
    ConfigurationError
        If estimates and tests do not belong together.
    """

    differences: tuple[Estimate, ...]
    tests: pd.DataFrame
    baseline: str
    outcome: str
    left_out: tuple[str, ...]

    def __post_init__(self) -> None:
        if tuple(self.tests.columns) != TESTS or len(self.tests) != len(self.differences):
            raise ConfigurationError(f"each difference needs a row of tests, columns {TESTS}")

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """All differences in reading order."""
        return self.differences

    def to_frame(self) -> pd.DataFrame:
        """One row a difference; columns `causalhyper.results.COLUMNS` and `TESTS`."""
        return pd.concat([to_frame(self.differences), self.tests], axis=1)

    def summary(self) -> str:
        """Say each difference with its interval and p-values, and what was left out."""
        digits = decimals(e.se for e in self.differences)
        seeds = max(e.clusters for e in self.differences)
        level = f"{100 * self.differences[0].level:g}%"
        lines = [
            f"{self.outcome} minus that of {self.baseline} at equal sparsity, paired by seed; "
            f"{level} t intervals; p by t adjusted by Holm, and exact by sign flips, jointly"
        ]
        wide = max(map(len, self.tests["compared"]))
        for e, row in zip(self.differences, self.tests.to_dict("records"), strict=True):
            noise = row["binomial_sd"]
            beside = "" if np.isnan(noise) else f"; test set sd {noise:.{digits}f}"
            lines.append(
                f"{row['compared']:<{wide}} {row['place']:>16}  {e.interval(digits)}  "
                f"p = {row['adjusted_p_value']:.2g}, {row['joint_flip_p_value']:.2g} "
                f"({e.clusters} seeds{beside})"
            )
        least = 2.0 ** (1 - seeds)
        lines.append(f"With {seeds} seeds no p-value of sign flips is below {least:.3g}")
        lines += [f"left out: {said}" for said in self.left_out]
        return "\n".join([*lines, self._verdict()])

    def _verdict(self) -> str:
        """Say which differences the joint intervals leave zero out of."""
        apart: dict[str, list[str]] = {}
        for e, row in zip(self.differences, self.tests.to_dict("records"), strict=True):
            if e.se > 0 and ((e.joint_lower or 0.0) > 0 or (e.joint_upper or 0.0) < 0):
                side = "above" if e.estimate > 0 else "below"
                apart.setdefault(f"{row['compared']} is {side} at", []).append(row["place"])
        if apart:
            said = "; ".join(f"{who} {', '.join(places)}" for who, places in apart.items())
            return f"Apart from {self.baseline}, all levels counted: {said}."
        return f"No method is apart from {self.baseline} once all levels are counted."

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw every difference with its interval, level by level."""
        from causalhyper.figures import plot_forest

        ends = self.to_frame()[["estimate", "lower", "upper"]]
        named = self.tests.rename(columns={"compared": "label", "place": "group"})
        frame = pd.concat([named[["label", "group"]], ends], axis=1)
        frame["group"] = [g if "mean" in g else f"{g} pruned" for g in frame["group"]]
        # rows of one level stand together
        order = pd.Categorical(frame["group"], list(dict.fromkeys(frame["group"])), ordered=True)
        frame = frame.iloc[np.argsort(order.codes, kind="stable")]
        xlabel = f"{self.outcome}: difference from {self.baseline}"
        return plot_forest(frame.reset_index(drop=True), xlabel=xlabel, ax=ax)
