"""What a path is asked for, checked, and a warning where it is not reached."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.lasso.arguments import (
    check_flags,
    check_progress,
    check_real,
    check_whole,
)
from causalhyper.granger.lasso.columns import ColumnBlocks, check_columns
from causalhyper.granger.lasso.response import checked_response
from causalhyper.progress import Progress


@dataclass(frozen=True, slots=True)
class PathRequest:
    """A path over a design.

    Attributes
    ----------
    columns : ColumnBlocks
    y : array_like, shape (T,)
    lambdas : sequence of float, or int
    ratio : float
    standardise, intercept : bool
    tolerance : float
    max_passes : int
    progress : callable or None
    least_passes : int
        Readings without which nothing can be certified.

    Raises
    ------
    ConfigurationError
        If a number means nothing, y is not one real number a row of the design, or the design is
        none that is read in blocks.
    DataError
        If a value of y is masked, missing or not finite.
    """

    columns: ColumnBlocks
    y: Array
    lambdas: Sequence[float] | Array | int
    ratio: float
    standardise: bool
    intercept: bool
    tolerance: float
    max_passes: int
    progress: Progress | None
    least_passes: int = 2

    def __post_init__(self) -> None:
        check_columns(self.columns)
        check_flags(standardise=self.standardise, intercept=self.intercept)
        check_real(ratio=self.ratio, tolerance=self.tolerance)
        check_whole(max_passes=self.max_passes)
        check_progress(self.progress)
        object.__setattr__(self, "y", checked_response(self.y, self.columns.shape[0]))
        self._check_penalties()
        if not 0 < self.tolerance < 1 or self.max_passes < self.least_passes:
            raise ConfigurationError(
                f"expected a tolerance in (0, 1) and {self.least_passes} passes at least; got "
                f"{self.tolerance:g} and {self.max_passes}"
            )

    def _check_penalties(self) -> None:
        if isinstance(self.lambdas, (int, np.integer)) and not isinstance(self.lambdas, bool):
            if self.lambdas < 1 or not 0 < self.ratio < 1:
                raise ConfigurationError(
                    "expected one penalty at least and a ratio in (0, 1); got "
                    f"{self.lambdas} and {self.ratio:g}"
                )
            return
        try:
            given = np.asarray(self.lambdas)
        except (TypeError, ValueError, RuntimeError):  # lists of several lengths, live tensors
            given = np.empty(0, object)
        if given.ndim != 1 or not len(given) or given.dtype.kind not in "iuf":
            raise ConfigurationError(
                "lambdas is a whole number of penalties, or a list of them (of one: [0.1]); got "
                f"{self.lambdas!r:.60}"
            )
        bad = given[~((given > 0) & (given < np.inf))]
        if len(bad):
            raise ConfigurationError(
                f"penalties must be above zero and finite; got {bad[0]:g} among {len(given)}"
            )

    def penalties(self, largest: float) -> Array:
        """Decreasing; from `largest`, where their number was given."""
        if isinstance(self.lambdas, (int, np.integer)):
            grid = np.geomspace(1, self.ratio, self.lambdas) if self.lambdas > 1 else np.ones(1)
            return largest * grid
        return np.sort(np.asarray(self.lambdas, dtype=np.float64))[::-1]

    @property
    def scale(self) -> float:
        """Standard deviation of y (root mean square without an intercept); one if it is zero."""
        away = self.y - self.y.mean() if self.intercept else self.y
        largest = float(np.abs(away).max())
        return largest * float(np.sqrt(np.mean((away / largest) ** 2))) if largest > 0 else 1.0


def warn_of_gaps(gaps: Array, tolerance: float, passes: int, depth: int) -> None:
    """Warn the caller of a function so many calls up if a gap is above the tolerance."""
    if (gaps > tolerance).any():
        warnings.warn(
            f"{int((gaps > tolerance).sum())} of {len(gaps)} penalties have a relative duality "
            f"gap above {tolerance:g} after {passes} passes (largest {gaps.max():.2g}): "
            "raise max_passes, or use fewer or larger penalties",
            RuntimeWarning,
            stacklevel=depth + 2,
        )
