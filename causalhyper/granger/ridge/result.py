"""A path of ridge fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.lasso.arguments import check_whole
from causalhyper.granger.lasso.columns import ColumnBlocks, check_columns, host_blocks
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, eq=False)
class RidgePath(Shown):
    r"""Ridge fits for a grid of penalties.

    They minimise :math:`\frac{1}{2T} \|y - Z b - X \gamma\|^2 + \frac{\lambda}{2} \|\gamma\|^2`
    with Z not penalised: the elastic net of the lasso package with ``l1_ratio`` zero.

    Attributes
    ----------
    lambdas : ndarray, shape (L,)
        Penalties, falling.
    degrees : ndarray, shape (L,)
        Degrees of freedom: the trace of the matrix that takes y to the fit.
    fitted : ndarray, shape (T, L)
    dual : ndarray, shape (T, L)
        Weights of the rows.
    r2_in : ndarray, shape (L,)
        Explained share of the sum of squares about the mean (about zero without intercept).
    gcv, cv : ndarray, shape (L,)
        Generalised cross-validation error; mean squared error of blocks of steps, each predicted
        from other steps.
    at : int
        The penalty chosen.
    choice : str
        "gcv" or "cv".
    scales : ndarray, shape (p,)
        What each column was divided by.
    width : int
        p.
    """

    lambdas: Array
    degrees: Array
    fitted: Array
    dual: Array
    r2_in: Array
    gcv: Array
    cv: Array
    at: int
    choice: str
    scales: Array

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.scales)

    def coefficients(self, columns: ColumnBlocks, at: int | None = None) -> Array:
        """Return the coefficients of a fit, in one more reading of the design.

        Parameters
        ----------
        columns : ColumnBlocks
            The design that was fitted.
        at : int, optional
            Which penalty; the chosen one unless given.

        Returns
        -------
        ndarray, shape (p,)
            In the unit of y over that of X; 0 for a column that does not vary.

        Raises
        ------
        ConfigurationError
            If the design has another shape, or there is no such penalty.
        """
        check_columns(columns)
        if columns.shape != (len(self.dual), self.width):
            raise ConfigurationError(
                f"the fit is of a design of shape {(len(self.dual), self.width)}; got "
                f"{columns.shape}"
            )
        chosen = self.at if at is None else at
        check_whole(at=chosen)
        if not -len(self.lambdas) <= chosen < len(self.lambdas):
            raise ConfigurationError(
                f"the fit has {len(self.lambdas)} penalties, counted from 0; got {chosen}"
            )
        weights = self.dual[:, chosen]
        found = np.empty(self.width)
        for start, block in host_blocks(columns):
            there = slice(start, start + block.shape[1])
            found[there] = (weights @ block.astype(np.float64)) * columns.unit
        return np.asarray(found / self.scales / self.scales)

    def to_frame(self) -> pd.DataFrame:
        """One row a penalty: lambda, degrees, r2_in, gcv, cv, chosen."""
        return pd.DataFrame(
            {
                "lambda": self.lambdas,
                "degrees": self.degrees,
                "r2_in": self.r2_in,
                "gcv": self.gcv,
                "cv": self.cv,
                "chosen": np.arange(len(self.lambdas)) == self.at,
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the error that the penalty was chosen by, over the penalties."""
        from causalhyper.figures.penalties import plot_penalties

        chosen = float(self.lambdas[self.at])
        return plot_penalties(self.to_frame(), quantity=self.choice, chosen=chosen, ax=ax)

    def summary(self) -> str:
        """Say what was fitted and which penalty was chosen."""
        rows, count = self.fitted.shape
        edge = " It is at the edge of the grid." if self.at in (0, count - 1) else ""
        return (
            f"Ridge of {rows} rows and {self.width} columns, {count} penalties\n"
            f"chosen by {self.choice}: lambda = {self.lambdas[self.at]:.4g}, "
            f"{self.degrees[self.at]:.1f} degrees of freedom, in-sample R2 "
            f"{self.r2_in[self.at]:.4f}.{edge}"
        )
