"""The penalty that keeps as many columns as are asked for, and the columns that came in first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Unpack

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.choice.assembly import assemble, limit, sum_of_squares, table_of
from causalhyper.granger.choice.penalties import LASSO, PathOptions, Penalty, check_penalty
from causalhyper.granger.choice.result import PenaltyChoice
from causalhyper.granger.lasso.arguments import check_real, check_whole
from causalhyper.granger.lasso.columns import ColumnBlocks, check_columns
from causalhyper.granger.lasso.response import checked_response
from causalhyper.granger.lasso.result import LassoPath
from causalhyper.progress import Progress, halve_progress

By = Literal["fit", "entry"]
FINE = 32
"""Penalties between two of the grid before; at least as many as columns that enter there."""
NARROW = 1e-9
"""Columns that enter within this share of the penalty enter together."""
DEEPER = 1e-2
"""How much lower a grid goes each time it has not reached the number asked for."""
LOWEST = 1e-7
"""Where it gives up, as a share of the penalty that leaves all columns out."""


class NothingVariesError(DataError):
    """No column of a design varies with the response.

    Attributes
    ----------
    choice : PenaltyChoice or None
        The choice that keeps nothing, for a layer beside others.
    """

    choice: PenaltyChoice | None = None


def first_entries(path: LassoPath, count: int) -> Codes:
    """Return the columns that came in first on a path, whether or not they stayed.

    Parameters
    ----------
    path : LassoPath
    count : int
        How many. Of columns that came in at one penalty of the grid those with lower numbers
        are taken.

    Returns
    -------
    ndarray of int, shape (count,)
        Increasing.

    Raises
    ------
    ConfigurationError
        If fewer have come in.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns, lasso_path
    >>> x = np.random.default_rng(0).normal(size=(50, 20))
    >>> path = lasso_path(DenseColumns(x), x[:, 4] + 3 * x[:, 2])
    >>> first_entries(path, 1), first_entries(path, 2)
    (array([2]), array([2, 4]))
    """
    if not isinstance(path, LassoPath):
        raise ConfigurationError(f"expected a LassoPath; got {type(path).__name__}")
    check_whole(count=count)
    entries = path.entries().sort_values(["entry", "column"], ascending=[False, True])
    if not 0 <= count <= len(entries):
        raise ConfigurationError(
            f"{len(entries)} columns came in on this path; cannot take the first {count}: let "
            "the path go to a smaller penalty"
        )
    return np.sort(entries["column"].to_numpy()[:count]).astype(np.intp)


def choose_by_count(
    columns: ColumnBlocks,
    y: Array,
    *,
    kept: int | None = None,
    sparsity: float | None = None,
    by: By = "fit",
    penalty: Penalty = LASSO,
    **options: Unpack[PathOptions],
) -> PenaltyChoice:
    """Find the penalty that keeps a number of columns.

    As the penalty falls, columns come in, and some go again, so their number does not only
    grow. By "fit" the choice is the largest penalty at which the fit keeps so many; by "entry"
    it is the largest at which so many different columns have been in, there or above, and these
    are kept, whether or not they are still in the fit: so they may be more than the steps.

    "Largest" is of a grid, which is made finer where the number is first reached, until it is
    met exactly, or until the columns that pass it enter within 1e-9 of one penalty, as those of
    a group do: then the fit keeps all of them, and the entry order those with lower numbers.

    Parameters
    ----------
    columns : ColumnBlocks
        X, of shape (T, p).
    y : array_like, shape (T,)
    kept : int, optional
        Columns to keep; at least 1.
    sparsity : float, optional
        Instead: share of the columns to leave out, in (0, 1).
    by : {"fit", "entry"}
        What is counted.
    penalty : Penalty
        What to fit.
    **options
        Keywords of the path; `lambdas` is a number, and the path goes below `ratio` if needed.

    Returns
    -------
    PenaltyChoice
        `PenaltyChoice.columns` are what is kept.

    Raises
    ------
    ConfigurationError
        If no path of this penalty can keep so many.
    NothingVariesError
        If no column varies with y; it is a DataError.

    Notes
    -----
    The number is first passed between two penalties of the grid; a number that is reached and
    lost again between two neighbours of the first grid is not seen. `lambdas` makes it finer.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(60, 500))
    >>> y = x[:, :5].sum(axis=1) + 0.1 * rng.normal(size=60)
    >>> choose_by_count(DenseColumns(x), y, kept=5).columns.tolist()
    [0, 1, 2, 3, 4]
    >>> len(choose_by_count(DenseColumns(x), y, sparsity=0.85, by="entry").columns)
    75
    """
    check_penalty(penalty, options, paths="several")
    check_columns(columns)
    rows, width = columns.shape
    wanted = _wanted(kept, sparsity, width)
    _check_reach(wanted, rows, width, by, penalty, options)
    progress = options.get("progress")
    stages = halve_progress(progress)
    response = checked_response(y, columns.shape[0])
    search = _Search(columns, response, wanted, by, penalty, options, stages)
    path, at = search.run()
    if progress is not None:
        progress(1.0)
    order = by == "entry"
    chosen = first_entries(path, wanted) if order else None
    return assemble(
        "entry order" if order else "count",
        _reason(path, at, wanted, penalty, order=order),
        path,
        at,
        table=table_of(path, sum_of_squares(response, options)),
        penalty=penalty,
        options=options,
        columns=chosen,
    )


def _wanted(kept: int | None, sparsity: float | None, width: int) -> int:
    if (kept is None) == (sparsity is None):
        raise ConfigurationError(
            f"give either kept or sparsity; got kept = {kept} and sparsity = {sparsity}"
        )
    if sparsity is not None:
        check_real(sparsity=sparsity)
    if kept is not None:
        check_whole(kept=kept)
    if sparsity is not None and not 0 < sparsity < 1:
        raise ConfigurationError(
            f"sparsity is the share of the columns to leave out, in (0, 1); got {sparsity}"
        )
    wanted = kept if kept is not None else round((1 - (sparsity or 0.0)) * width)
    if not 1 <= wanted <= width:
        raise ConfigurationError(
            f"expected to keep from 1 to {width} columns; got {wanted}"
            + ("" if kept is not None else f", which a sparsity of {sparsity} asks for")
        )
    return wanted


def _check_reach(
    wanted: int, rows: int, width: int, by: By, penalty: Penalty, options: PathOptions
) -> None:
    if by not in ("fit", "entry"):
        raise ConfigurationError(f"by must be 'fit' or 'entry'; got {by!r}")
    if not isinstance(options.get("lambdas", 100), (int, np.integer)):
        raise ConfigurationError("the search lays its own grid: let lambdas be a number")
    most = limit(rows, width, options)
    if by == "fit" and penalty.bounded and wanted > most:
        raise ConfigurationError(
            f"cannot keep {wanted} columns: an exact {penalty.name} keeps at most {most} here, "
            f"min(steps, columns) of {rows} steps (one goes to the constant, where there is one) "
            f"and {width} columns. What can keep more: the entry order of the path (by='entry'), "
            "elastic net, selection frequency under resampling, or repeated trajectories"
        )


def _reason(path: LassoPath, at: int, wanted: int, penalty: Penalty, *, order: bool) -> str:
    found = len(path.columns[at])
    if order:
        return (
            f"The first {wanted} columns by entry order on the path of the {penalty.name}; "
            f"{found} columns are in the fit at the penalty where the last of them enters."
        )
    text = f"The largest penalty at which the {penalty.name} keeps {wanted} columns."
    if found != wanted:
        text += f" Columns enter together there, so it keeps {found}."
    return text


@dataclass(frozen=True, slots=True)
class _Search:
    """Where on a path a number of columns is first reached."""

    columns: ColumnBlocks
    y: Array
    wanted: int
    by: By
    penalty: Penalty
    options: PathOptions
    stages: Iterator[Progress]

    def run(self) -> tuple[LassoPath, int]:
        """The path down to that place and its number on it."""
        path = self._long_enough()
        while True:
            counts = self._counts(path)
            at = int(np.argmax(counts >= self.wanted))
            above, below = path.lambdas[max(at - 1, 0)], path.lambdas[at]
            if counts[at] == self.wanted or above - below <= NARROW * above:
                return path, at
            fine = np.geomspace(above, below, FINE + 2)[1:]
            finer = self._path([*path.lambdas[:at].tolist(), *fine.tolist()])
            if self._counts(finer).max() < self.wanted:  # by rounding, at the lower end
                return path, at
            path = finer

    def _long_enough(self) -> LassoPath:
        """A first path, that goes as far down as is needed."""
        given = self.options.get("lambdas", 100)
        count = int(given) if isinstance(given, (int, np.integer)) else len(given)
        ratio = self.options.get("ratio", 1e-2)
        path = self._path(count, ratio)
        if path.lambdas[0] == 0:
            raise self._nothing(path)
        while self._counts(path).max() < self.wanted:
            if ratio < LOWEST or len(path) == 1:
                raise ConfigurationError(
                    f"cannot keep {self.wanted} columns: the path down to {path.lambdas[-1]:.3g}, "
                    f"{ratio:.0e} of the penalty that leaves all out, reaches "
                    f"{self._counts(path).max()}; ask for fewer"
                )
            ratio *= DEEPER
            end = path.lambdas[0] * ratio
            lower = np.geomspace(path.lambdas[-1], end, count + 1)[1:]
            path = self._path([*path.lambdas.tolist(), *lower.tolist()])
        return path

    def _nothing(self, path: LassoPath) -> NothingVariesError:
        """Say that there is nothing to keep, with the choice that keeps nothing."""
        error = NothingVariesError(
            "no column varies with y: there is nothing to keep; is y constant, or did nothing "
            "move? Leave such a layer out"
        )
        error.choice = assemble(
            "entry order" if self.by == "entry" else "count",
            "Nothing is kept: no column varies with y.",
            path,
            0,
            table=table_of(path, sum_of_squares(self.y, self.options)),
            penalty=self.penalty,
            options=self.options,
        )
        return error

    def _path(self, lambdas: list[float] | int, ratio: float | None = None) -> LassoPath:
        options: PathOptions = {**self.options, "lambdas": lambdas}
        options["progress"] = next(self.stages)
        if ratio is not None:
            options["ratio"] = ratio
        return self.penalty.path(self.columns, self.y, **options)

    def _counts(self, path: LassoPath) -> Codes:
        """Columns at each penalty: those in the fit, or those that have been in so far."""
        if self.by == "fit":
            return np.array([len(columns) for columns in path.columns], dtype=np.intp)
        entries = np.sort(path.entries()["entry"].to_numpy())
        return len(entries) - np.searchsorted(entries, path.lambdas)
