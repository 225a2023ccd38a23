"""A selection read against what rotated responses select."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = {"kept": "columns kept", "entry_lambda": "penalty at which the first column enters"}
"""Of outcomes, on axes."""


@dataclass(frozen=True, slots=True, eq=False)
class ShiftedSelection(Shown):
    """What a selection makes of the response, and of its rotations; see `shifted_selection`.

    Attributes
    ----------
    observed : mapping of str to float
        Outcomes of the response as it is, such as ``kept``, ``r2_in``, ``entry_lambda``.
    nulls : mapping of str to ndarray, shape (rotations,)
        The same of each rotation.
    columns : ndarray of int, shape (k,)
        Columns kept of the response as it is.
    counts : ndarray of int, shape (p,)
        Rotations that keep each column.
    rows : int
        T.
    moves : ndarray of int, shape (rotations, trainings)
        Steps of each rotation.
    trend, spread : str
        What stayed in place.

    Raises
    ------
    ConfigurationError
        If an outcome has not one value a rotation.
    """

    observed: Mapping[str, float]
    nulls: Mapping[str, Array]
    columns: Codes
    counts: Codes
    rows: int
    moves: Codes
    trend: str
    spread: str

    def __post_init__(self) -> None:
        for name in self.observed:
            if self.nulls[name].shape != (len(self.moves),):
                raise ConfigurationError(
                    f"outcome {name!r} needs a value for each of {len(self.moves)} rotations; got "
                    f"shape {self.nulls[name].shape}"
                )

    def to_frame(self) -> pd.DataFrame:
        """One row an outcome: outcome, n, observed, expected, q05, q50, q95, p.

        Mean and quantiles are of the rotations; ``p`` is the share of the rotations, with the
        response itself, whose outcome is as large or larger. A NaN, such as the entry penalty
        where nothing enters, counts as smaller than any number.
        """
        rows = []
        for name, value in self.observed.items():
            nulls = self.nulls[name]
            known = nulls[np.isfinite(nulls)]
            low, mid, high = np.quantile(known, [0.05, 0.5, 0.95]) if len(known) else [np.nan] * 3
            reached = np.nan_to_num(nulls, nan=-np.inf) >= value - 1e-9 * abs(value)
            rows.append(
                {
                    "outcome": name, "n": self.rows, "observed": value,
                    "expected": known.mean() if len(known) else np.nan,
                    "q05": low, "q50": mid, "q95": high,
                    "p": (1 + reached.sum()) / (1 + len(nulls)) if np.isfinite(value) else 1.0,
                }
            )  # fmt: skip
        return pd.DataFrame(rows)

    def cutoff(self, outcome: str = "entry_lambda", alpha: float = 0.05) -> float:
        """Return the value that rotations reach with probability alpha or less.

        Of ``entry_lambda`` it is the penalty above which a selection that keeps anything is
        significant for the family of all columns.

        Parameters
        ----------
        outcome : str
        alpha : float
            In (0, 1).

        Returns
        -------
        float
            Infinity where the rotations are too few.

        Raises
        ------
        ConfigurationError
            If there is no such outcome.
        """
        if outcome not in self.nulls or not 0 < alpha < 1:
            raise ConfigurationError(
                f"expected one of {', '.join(self.nulls)} and alpha in (0, 1); got {outcome!r} "
                f"and {alpha}"
            )
        nulls = np.sort(np.nan_to_num(self.nulls[outcome], nan=-np.inf))[::-1]
        most = int(np.floor(alpha * (1 + len(nulls)) + 1e-9)) - 1
        return float(nulls[most]) if most >= 0 else float("inf")

    def selected(self) -> pd.DataFrame:
        """One row a kept column: column, and the share of the rotations that keep it too."""
        return pd.DataFrame(
            {"column": self.columns, "null_frequency": self.counts[self.columns] / len(self.moves)}
        )

    def summary(self) -> str:
        """Say what rotated responses select; the last line is the verdict."""
        frame = self.to_frame()
        lines = [
            f"Selection from {len(self.counts)} columns and {self.rows} steps, rerun on "
            f"{len(self.moves)} rotations in time (in place: trend {self.trend}, spread "
            f"{self.spread})"
        ]
        lines += [
            f"{row['outcome']}: {row['observed']:.4g}; rotations {row['expected']:.4g} on "
            f"average, 5% to 95% {row['q05']:.4g} to {row['q95']:.4g}; p = {row['p']:.2g}"
            for _, row in frame.iterrows()
        ]
        beyond = frame.loc[frame["p"] <= 0.05, "outcome"].tolist()
        lines.append(
            f"Beyond 95% of the rotations: {', '.join(beyond)}."
            if beyond
            else "No outcome is beyond what rotated responses give."
        )
        return "\n".join(lines)

    def plot(self, outcome: str = "kept", ax: Axes | None = None) -> Axes:
        """Draw an outcome of the rotations, and what was observed.

        Parameters
        ----------
        outcome : str
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure otherwise.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from causalhyper.figures.rotations import plot_rotations

        cutoff = self.cutoff(outcome)
        nulls = self.nulls[outcome]
        frame = pd.DataFrame({"largest": nulls[np.isfinite(nulls)]})
        observed = self.observed[outcome]
        return plot_rotations(
            frame, observed=observed, cutoff=cutoff, label=NAMES.get(outcome, outcome), ax=ax
        )
