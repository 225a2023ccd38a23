"""Differences between methods, paired by seed, with their tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.granger.pruning.paired_numbers import tell_p
from causalhyper.results import Estimate, EstimateResult, decimals, to_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EVERY_RUN = "all runs"
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
"""Columns beside those of estimates: the method; where, `EVERY_RUN` if `by` is empty; its seeds;
p-values of Student's t, of it adjusted by Holm, of sign flips, of the maximum over the family by
the same flips; and the standard deviation that a test set of that size adds."""


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
        lines = [self._heading()]
        wide = max(map(len, self.tests["compared"]))
        for e, row in zip(self.differences, self.tests.to_dict("records"), strict=True):
            noise = row["binomial_sd"]
            beside = "" if np.isnan(noise) else f"; test set sd {noise:.{digits}f}"
            where = "" if row["place"] == EVERY_RUN else f" {row['place']:>16}"
            lines.append(
                f"{row['compared']:<{wide}}{where}  {e.interval(digits)}  "
                f"{tell_p(row['adjusted_p_value'], row['joint_flip_p_value'])} "
                f"({e.clusters} seeds{beside})"
            )
        lines += [f"left out: {said}" for said in self.left_out]
        return "\n".join([*lines, *self._verdict()])

    def _heading(self) -> str:
        """Say what is subtracted from what, and what the columns are."""
        first = self.differences[0]
        if first.against != first.value:
            how = "before pruning, "
        else:
            how = "at equal sparsity, " if any(e.value for e in self.differences) else ""
        noise = self.tests["binomial_sd"].notna().any()
        return (
            f"{self.outcome} minus that of {self.baseline}, {how}paired by seed; "
            f"{100 * first.level:g}% t intervals; p by t adjusted by Holm, and exact by sign "
            "flips, jointly"
            + ("; test set sd: what another test set as large would add" if noise else "")
        )

    def _verdict(self) -> list[str]:
        """Say which differences the joint intervals leave zero out of, and whether flips agree."""
        apart: dict[str, list[str]] = {}
        flips = []
        for e, row in zip(self.differences, self.tests.to_dict("records"), strict=True):
            if e.se > 0 and ((e.joint_lower or 0.0) > 0 or (e.joint_upper or 0.0) < 0):
                side = "above" if e.estimate > 0 else "below"
                apart.setdefault(f"{row['compared']} is {side}", []).append(row["place"])
                flips.append(row["joint_flip_p_value"])
        level = self.differences[0].level
        joint = f"joint {100 * level:g}% t intervals (Bonferroni{self._families()})"
        seeds = max(e.clusters for e in self.differences)
        least = f"With {seeds} seeds no p-value of sign flips is below {2.0 ** (1 - seeds):.3g}"
        if not apart:
            fixed = sum(e.se == 0 and e.estimate != 0 for e in self.differences)
            if fixed:
                return [
                    f"{least}.",
                    f"{fixed} differences are the same in every seed: no interval tells whether "
                    f"these methods are apart from {self.baseline}.",
                ]
            return [
                f"{least}.",
                f"All {joint} hold zero: no method is told apart from {self.baseline}, which is "
                "no proof that they are equal.",
            ]
        said = "; ".join(
            who if places == [EVERY_RUN] else f"{who} at {', '.join(places)}"
            for who, places in apart.items()
        )
        if min(flips) > 1 - level:
            least += ": what is said below rests on normal differences"
        return [f"{least}.", f"Apart from {self.baseline} by {joint}: {said}."]

    def _families(self) -> str:
        """How many differences each joint level is shared by."""
        means = sum(e.query == "paired_differences.mean" for e in self.differences)
        rest = f", {len(self.differences) - means} differences"
        return rest + (f"; {means} means over levels apart" if means else "")

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw every difference with its interval, level by level."""
        from causalhyper.figures import plot_forest

        ends = self.to_frame()[["estimate", "lower", "upper"]]
        named = self.tests.rename(columns={"compared": "label", "place": "group"})
        frame = pd.concat([named[["label", "group"]], ends], axis=1)
        frame["group"] = [
            g if "mean" in g or g == EVERY_RUN else f"{g} pruned" for g in frame["group"]
        ]
        # rows of one level stand together
        order = pd.Categorical(frame["group"], list(dict.fromkeys(frame["group"])), ordered=True)
        frame = frame.iloc[np.argsort(order.codes, kind="stable")]
        xlabel = f"{self.outcome}: difference from {self.baseline}"
        return plot_forest(frame.reset_index(drop=True), xlabel=xlabel, ax=ax)
