"""What stochastic descent came to, and how far that is from the lasso."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.granger.stochastic.schedule import Schedule
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, eq=False)
class StochasticPath(Shown):
    """Coefficients of stochastic descent at one or more penalties; `LassoPath` is read alike.

    Attributes
    ----------
    lambdas : ndarray, shape (k,)
        Penalties, decreasing: L1_coeff on the published scale, in the unit of y times x.
    columns : tuple of ndarray of int
        For each penalty the numbers, increasing, of the columns that are not zero.
    coefficients : tuple of ndarray
        Their coefficients, in the unit of y over that of x.
    gaps : ndarray, shape (k,)
        Relative duality gaps to the lasso without intercept on columns as they are: no g has an
        objective lower than this one's by more than ``gap |y|^2 / 2T``.
    fitted : ndarray, shape (k,)
        Norm of the fitted values over the norm of y. Where it is near 0 the descent has hardly
        begun, and the columns kept are those of marginal screening.
    r_squared : ndarray, shape (k,)
        Share of the sum of squares of y that is fitted, in the sample.
    converged : ndarray of bool, shape (k,)
        Whether the gap is within `tolerance`.
    tolerance : float
    form : str
        "joint" or "decoupled".
    schedule : Schedule
        Epochs, and the learning rates.
    relative : bool
        Whether the rate is in units of one over the largest squared norm of a row.
    rates : ndarray, shape (T,)
        Sum of the learning rates that each row had.
    published : bool
        Whether this is the reproduction of the published behaviour.
    rows, width : int
        T and p.
    """

    lambdas: Array
    columns: tuple[Codes, ...]
    coefficients: tuple[Array, ...]
    gaps: Array
    fitted: Array
    r_squared: Array
    converged: Flags
    tolerance: float
    form: str
    schedule: Schedule
    relative: bool
    rates: Array
    published: bool
    rows: int
    width: int

    def __len__(self) -> int:
        return len(self.lambdas)

    @property
    def kept(self) -> Codes:
        """Number of columns that are not zero, for each penalty."""
        return np.array([len(c) for c in self.columns], dtype=np.intp)

    def dense(self, at: int) -> Array:
        """Coefficients of all columns at one penalty, shape (p,)."""
        full = np.zeros(self.width)
        full[self.columns[at]] = self.coefficients[at]
        return full

    def to_frame(self) -> pd.DataFrame:
        """One row a nonzero coefficient: lambda, column, coefficient."""
        return pd.DataFrame(
            {
                "lambda": np.repeat(self.lambdas, self.kept),
                "column": np.concatenate(self.columns),
                "coefficient": np.concatenate(self.coefficients),
            }
        )

    def entries(self) -> pd.DataFrame:
        """One row a column that enters: column, the largest lambda of the grid where it is in."""
        frame = self.to_frame().groupby("column", sort=True)["lambda"].max()
        return frame.rename("entry").reset_index()

    def _overview(self) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "lambda": self.lambdas,
                "kept": self.kept,
                "r_squared": self.r_squared,
                "fitted": self.fitted,
                "gap": self.gaps,
                "converged": self.converged,
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the coefficients over the penalty."""
        from causalhyper.figures.coefficient_paths import plot_coefficient_paths

        return plot_coefficient_paths(self.to_frame(), penalties=self.lambdas, ax=ax)

    def summary(self) -> str:
        """Say what was run, what it kept, and how far from the lasso it stopped."""
        unit = " over the largest squared row norm" if self.relative else ""
        lines = [
            f"Stochastic l1 descent with cumulative penalty, {self.form} form, of {self.rows} "
            f"rows on {self.width} columns as they are: {self.schedule.epochs} epochs, learning "
            f"rate {self.schedule.rate:g}{unit} / t^{self.schedule.decay:g}"
        ]
        if self.published:
            lines.append(
                "reproduction of the published behaviour: three epochs, columns not scaled; its "
                "y is the loss of the next minibatch less that of this one"
            )
        for at, penalty in enumerate(self.lambdas):
            state = "converged" if self.converged[at] else "not the lasso"
            lines.append(
                f"l1 {penalty:.4g}: {len(self.columns[at])} columns kept, relative duality gap "
                f"{self.gaps[at]:.2g} ({state}), |fitted| / |y| {self.fitted[at]:.2g}"
            )
        if (self.kept > self.rows).any():
            lines.append(
                f"a lasso keeps {min(self.rows, self.width)} columns at most: what is kept beyond "
                "that is the descent's early end"
            )
        return "\n".join(lines)
