"""A path of lasso fits, with what certifies each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalhyper.arrays import Array, Codes, Flags


@dataclass(frozen=True, slots=True)
class LassoPath:
    r"""Minimisers of ``|y - a - X g|^2 / 2T + lambda sum_j w_j |g_j|``.

    Attributes
    ----------
    lambdas : ndarray, shape (k,)
        Penalties, decreasing, in the unit of y (of y over X where columns are not standardised).
    intercepts : ndarray, shape (k,)
        a; zeros where none was fitted.
    columns : tuple of ndarray of int
        For each penalty the numbers, increasing, of the columns that are not zero.
    coefficients : tuple of ndarray
        Their coefficients, in the unit of y over that of X.
    gaps : ndarray, shape (k,)
        Relative duality gaps: no g has an objective lower than this one's by more than
        ``gap |y|^2 / 2T``.
    r_squared : ndarray, shape (k,)
        Share of the sum of squares of y that is fitted, in the sample.
    converged : ndarray of bool, shape (k,)
        Whether the gap is within `tolerance`.
    tolerance : float
    passes : int
        Readings of the whole design.
    kinks : int
        Changes of the set of nonzero columns along the path, as last followed.
    held : int
        Columns held in memory in the end.
    rows, width : int
        T and p.
    standardised : bool
        Whether w_j is the standard deviation of column j, or one.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns, lasso_path
    >>> x = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    >>> path = lasso_path(DenseColumns(x), 3 * x[:, 0], lambdas=[0.5])
    >>> path.to_frame().round(3).to_dict("records")[0]["coefficient"]
    2.293
    """

    lambdas: Array
    intercepts: Array
    columns: tuple[Codes, ...]
    coefficients: tuple[Array, ...]
    gaps: Array
    r_squared: Array
    converged: Flags
    tolerance: float
    passes: int
    kinks: int
    held: int
    rows: int
    width: int
    standardised: bool
    penalty: str = "lasso"
    l1_ratio: float = 1.0
    edges: Codes | None = None
    steps: int = 0

    def __len__(self) -> int:
        return len(self.lambdas)

    def dense(self, at: int) -> Array:
        """Coefficients of all columns at one penalty, shape (p,)."""
        full = np.zeros(self.width)
        full[self.columns[at]] = self.coefficients[at]
        return full

    def to_frame(self) -> pd.DataFrame:
        """One row a nonzero coefficient: lambda, column, coefficient."""
        counts = [len(c) for c in self.columns]
        nothing: list[Array] = [np.empty(0)]
        return pd.DataFrame(
            {
                "lambda": np.repeat(self.lambdas, counts),
                "column": np.concatenate([np.empty(0, np.intp), *self.columns]),
                "coefficient": np.concatenate([*nothing, *self.coefficients]),
            }
        )

    def entries(self) -> pd.DataFrame:
        """One row a column that enters: column, the largest lambda of the grid where it is in."""
        frame = self.to_frame().groupby("column", sort=True)["lambda"].max()
        return frame.rename("entry").reset_index()

    def summary(self) -> str:
        """Say what was fitted, and how well it is certified."""
        last = len(self.columns[-1])
        lines = [
            f"Lasso of {self.rows} rows on {self.width} columns, "
            f"{'standardised' if self.standardised else 'as they are'}: {len(self)} penalties "
            f"from {self.lambdas[0]:.4g} to {self.lambdas[-1]:.4g}",
            f"at the last: {last} columns, R2 {self.r_squared[-1]:.3f} in the sample",
            f"passes over the design: {self.passes}; columns held: {self.held}; kinks: "
            f"{self.kinks}",
            f"largest relative duality gap {self.gaps.max():.2g}, tolerance {self.tolerance:.2g}: "
            + (
                "converged" if self.converged.all() else f"{(~self.converged).sum()} not converged"
            ),
        ]
        return "\n".join(lines)
