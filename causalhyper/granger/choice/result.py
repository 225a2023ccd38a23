"""The penalty that was chosen, from which others, and what it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError
from causalhyper.granger.lasso.result import LassoPath, gap_text
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TABLE = ("lambda", "kept", "gap", "r2_in", "r2_out", "se", "ebic")
"""Columns of the table of a choice."""


@dataclass(frozen=True, slots=True, eq=False)
class PenaltyChoice(Shown):
    """A penalty with its fit.

    Attributes
    ----------
    how : {"given", "count", "entry order", "cross-validation", "ebic"}
        What chose it.
    reason : str
        The same as a sentence, with its settings and numbers.
    table : DataFrame
        One row a penalty, decreasing: lambda; kept, the number of columns that are not zero; gap,
        the relative duality gap; r2_in, the share of the variance of y fitted in the sample;
        r2_out, that predicted out of it, and its standard error se (NaN but for
        cross-validation); ebic, the extended Bayesian information criterion (of the penalised
        fits with gamma 1, but for a choice by it, which says of what it is).
    path : LassoPath
        The fits of the table, to all steps.
    at : int
        The row chosen.
    columns : ndarray of int, shape (k,)
        What is kept, increasing: the columns of the fit that are not zero, or by "entry order"
        the first k that came in on the path.
    regime : str
        How many columns such a fit can keep, and what that means here.

    Raises
    ------
    ConfigurationError
        If table and path do not belong together, or the row is none of theirs.

    Examples
    --------
    >>> from causalhyper.granger.choice import choose_given
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> x = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    >>> choice = choose_given(DenseColumns(x), 3 * x[:, 0], 0.5)
    >>> choice.columns.tolist(), choice.coefficients.round(3).tolist()
    ([0], [2.293])
    """

    how: str
    reason: str
    table: pd.DataFrame
    path: LassoPath
    at: int
    columns: Codes
    regime: str

    def __post_init__(self) -> None:
        if tuple(self.table.columns) != TABLE or len(self.table) != len(self.path):
            raise ConfigurationError(
                f"the table of a choice has the columns {', '.join(TABLE)} and a row a penalty "
                f"of the path, {len(self.path)}; got {', '.join(map(str, self.table.columns))} "
                f"and {len(self.table)} rows"
            )
        if not 0 <= self.at < len(self.path):
            raise ConfigurationError(f"the path has no penalty {self.at}")

    @property
    def lambda_(self) -> float:
        """The penalty chosen."""
        return float(self.path.lambdas[self.at])

    @property
    def intercept(self) -> float:
        """Of the chosen fit."""
        return float(self.path.intercepts[self.at])

    @property
    def coefficients(self) -> Array:
        """Of the kept columns in the chosen fit; zero where only the entry order keeps one."""
        return self.path.dense(self.at)[self.columns]

    def to_frame(self) -> pd.DataFrame:
        """Return the table, with a column ``chosen``."""
        return self.table.assign(chosen=np.arange(len(self.table)) == self.at)

    def selected(self) -> pd.DataFrame:
        """One row a kept column: column, coefficient, and the largest lambda where it is in."""
        entries = self.path.entries().set_index("column")["entry"]
        return pd.DataFrame(
            {
                "column": self.columns,
                "coefficient": self.coefficients,
                "entry": entries.reindex(self.columns).to_numpy(dtype=float),
            }
        )

    def summary(self) -> str:
        """Say how the penalty was chosen and what that means; the last line is the outcome."""
        row = self.table.iloc[self.at]
        state = "converged" if self.path.converged[self.at] else "NOT converged"
        lines = [
            self.reason,
            self.regime,
            f"R2 in the sample {row['r2_in']:.3f}; relative duality gap {gap_text(row['gap'])}, "
            f"{state}",
        ]
        if np.isfinite(row["r2_out"]):
            lines[-1] += f"; R2 out of the sample {row['r2_out']:.3f} +- {row['se']:.3f}"
        lines.append(
            f"{len(self.columns)} of {self.path.width} columns are kept at lambda = "
            f"{self.lambda_:.4g}, chosen by {_BY[self.how]}."
        )
        return "\n".join(lines)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw what the choice went by over the penalties.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure otherwise.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from causalhyper.figures.penalties import plot_penalties

        quantity = {"cross-validation": "r2_out", "ebic": "ebic"}.get(self.how, "kept")
        return plot_penalties(self.table, quantity=quantity, chosen=self.lambda_, ax=ax)


_BY = {
    "given": "you",
    "count": "the number of columns asked for",
    "entry order": "the number of entries asked for",
    "cross-validation": "blocked cross-validation",
    "ebic": "the extended BIC",
}
