"""A path of penalised fits, with what certifies each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class LassoPath(Shown):
    r"""Minimisers of ``|y - a - X g|^2 / 2T`` plus lambda times a penalty.

    The penalty is ``sum_j w_j |g_j|`` for the lasso; `elastic_net_path` and `group_lasso_path`
    say what it is for theirs.

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
    penalty : str
        ``lasso``, ``elastic net`` or ``group lasso``.
    l1_ratio : float
        Share of the absolute values in an elastic net; one otherwise.
    edges : ndarray of int, shape (G + 1,), or None
        Group k of a group lasso has the columns ``edges[k]`` to ``edges[k + 1] - 1``.
    steps : int
        Newton steps of an elastic net or group lasso, for its last fits.

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

    def entries(self, by: str = "column") -> pd.DataFrame:
        """One row a column that enters: column, the largest lambda of the grid where it is in.

        Parameters
        ----------
        by : {"column", "group"}
            A row a group instead, where the fit has groups.

        Raises
        ------
        ConfigurationError
            If `by` is neither, or the fit has no groups.
        """
        if by not in ("column", "group"):
            raise ConfigurationError(f"entries are by column or group; got {by!r}")
        frame = self.to_frame()
        if by == "group":
            frame["group"] = self._groups(frame["column"].to_numpy())
        entry = frame.groupby(by, sort=True)["lambda"].max()
        return entry.rename("entry").reset_index()

    def _groups(self, columns: Codes) -> Codes:
        if self.edges is None:
            raise ConfigurationError(
                f"this fit ({self.penalty}) has no groups: ask for entries by column, or fit with "
                "group_lasso_path"
            )
        return np.searchsorted(self.edges, columns, side="right") - 1

    def _overview(self) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "lambda": self.lambdas,
                "kept": [len(c) for c in self.columns],
                "r_squared": self.r_squared,
                "gap": self.gaps,
                "converged": self.converged,
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the coefficients over the penalty."""
        from causalhyper.figures.coefficient_paths import plot_coefficient_paths

        return plot_coefficient_paths(self.to_frame(), penalties=self.lambdas, ax=ax)

    def regime(self) -> str:
        """Say how many columns such a fit can keep, and how many the last one keeps."""
        last, most = len(self.columns[-1]), min(self.rows, self.width)
        if self.penalty == "lasso":
            return (
                f"an exact lasso keeps at most min(T, p) = {most} columns; the last keeps {last}"
            )
        if self.edges is None:
            what = f"an elastic net can keep all {self.width} columns"
        else:
            what = f"a group lasso keeps whole groups, up to all {self.width} columns"
        beside = "more" if last > most else "no more"
        return f"{what}; the last keeps {last}, {beside} than the lasso's min(T, p) = {most}"

    def summary(self) -> str:
        """Say what was fitted, in which regime it is, and how well it is certified."""
        work = f"kinks: {self.kinks}" if self.penalty == "lasso" else f"Newton steps: {self.steps}"
        failed = int((~self.converged).sum())
        lines = [
            f"{self._name()} of {self.rows} rows on {self.width} columns, "
            f"{'standardised' if self.standardised else 'as they are'}: {len(self)} penalties "
            f"from {self.lambdas[0]:.4g} to {self.lambdas[-1]:.4g}",
            f"at the last: {self._kept()}, R2 {self.r_squared[-1]:.3f} in the sample",
            self.regime(),
            f"passes over the design: {self.passes}; columns held: {self.held}; {work}",
            f"largest relative duality gap {gap_text(self.gaps.max())}, tolerance "
            f"{self.tolerance:.2g}: " + (f"{failed} not converged" if failed else "converged"),
        ]
        return "\n".join(lines)

    def _name(self) -> str:
        name = self.penalty.capitalize()
        return f"{name} (l1_ratio {self.l1_ratio:g})" if self.penalty == "elastic net" else name

    def _kept(self) -> str:
        columns = f"{len(self.columns[-1])} columns"
        if self.edges is None:
            return columns
        groups = len(np.unique(self._groups(self.columns[-1])))
        return f"{groups} of {len(self.edges) - 1} groups, {columns}"


def gap_text(gap: float) -> str:
    """Show a relative duality gap; of those that rounding makes, only the size."""
    return f"{gap:.2g}" if gap >= 1e-12 else "below 1e-12"
