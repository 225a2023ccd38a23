"""A whole selection rerun on rotated responses: what a meaningless response has selected."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from causalhyper.arrays import Array, Codes
from causalhyper.errors import CausalHyperError, ConfigurationError
from causalhyper.granger.choice.layers import LARGEST
from causalhyper.granger.choice.result import PenaltyChoice
from causalhyper.granger.design import GrangerDesign
from causalhyper.granger.lasso.arguments import check_generator
from causalhyper.granger.lasso.columns import ColumnBlocks
from causalhyper.granger.lasso.result import LassoPath
from causalhyper.granger.significance.shifts.rotation import choose_rotations
from causalhyper.granger.significance.shifts.selection_result import ShiftedSelection
from causalhyper.granger.significance.shifts.sources import find_sources
from causalhyper.granger.significance.shifts.stationary import Spread, Trend, take_apart
from causalhyper.parallel import Engine, Place, Reply, replies
from causalhyper.parallel.packing import TooLargeError, pack
from causalhyper.progress import Progress, track

Selected = PenaltyChoice | LassoPath | Mapping[str, float] | Codes
"""A choice, a path, numbers by name, or the numbers of the columns kept."""
Select = Callable[[ColumnBlocks, Array], Selected]
Outcome = tuple[dict[str, float], Codes]
"""Numbers by name, and the columns kept."""


class ShiftFailedError(CausalHyperError):
    """A selection raised an error, or its worker died; the message says for which rotation."""


def shifted_selection(
    design: GrangerDesign | ColumnBlocks,
    select: Select,
    y: ArrayLike | None = None,
    *,
    shifts: int | None = 99,
    min_shift: int = 1,
    trend: Trend = "smooth",
    spread: Spread = "smooth",
    degrees: int = 8,
    edges: ArrayLike | None = None,
    rng: np.random.Generator | None = None,
    workers: int | None = None,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> ShiftedSelection:
    """Rerun a selection on the response rotated in time.

    A rotated response has the trend of y where it was, and the remainder of y at other steps. So
    what is selected for the trend alone is part of what is expected.

    Parameters
    ----------
    design : GrangerDesign or ColumnBlocks
        X of T rows.
    select : callable
        Called with columns and a response; returns a `PenaltyChoice` (any of the ways to choose),
        a `LassoPath`, numbers by name, or the numbers of the columns that it keeps.
    y : array_like, shape (T,), optional
        That of a `GrangerDesign` unless given.
    shifts : int, optional
        Rotations; None for all of one training.
    min_shift, trend, spread, degrees, edges
        As `shift_test` takes them; here the trend is kept in place, not partialled out.
    rng : numpy.random.Generator, optional
        Draws the rotations where not all are used.
    workers : int, optional
        Selections at once, each in a process with one thread. With 1 and no engine, or None, they
        are made in this process.
    engine : {"processes", "loky", "joblib", "dask", "ray"}, optional
        As in `fit_layers`.
    progress : callable, optional
        Called with the share of the selections made.

    Returns
    -------
    ShiftedSelection

    Raises
    ------
    ConfigurationError
        If shapes or numbers do not fit, a design of more than 64 MB would have to travel (map it
        from a file), or `select` returns something else.
    ShiftFailedError
        If a selection fails; the others are ended.

    Examples
    --------
    >>> from functools import partial
    >>> from causalhyper.granger.choice import choose_given
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(100, 30))
    >>> y = x[:, 3] + rng.normal(size=100)
    >>> found = shifted_selection(
    ...     DenseColumns(x), partial(choose_given, lambda_=0.5), y, shifts=19, rng=rng
    ... )
    >>> found.to_frame().set_index("outcome").loc["kept", ["observed", "p"]].tolist()
    [1.0, 0.05]
    """
    check_generator(rng)
    sources = find_sources(design, y, None, edges)
    columns = design.columns if isinstance(design, GrangerDesign) else design
    moves = choose_rotations(sources.edges, shifts, min_shift, rng)
    remainder = take_apart(sources.y, sources.edges, trend, spread, degrees)
    responses = [sources.y, *(remainder.response(each) for each in moves)]
    place = Place(engine, workers)
    there = columns if place.is_here else _packed(columns)
    tasks = [(there, select, response) for response in responses]
    found: dict[int, Outcome] = {}
    with closing(replies(_select, tasks, place)) as outcomes:
        for number, reply in track(outcomes, len(tasks), progress):
            found[number] = _settle(number, reply)
    return _assemble([found[k] for k in range(len(tasks))], columns.shape, moves, trend, spread)


def outcome_of(selected: Selected) -> Outcome:
    """Return the numbers that a selection is read by, and the columns that it keeps.

    Parameters
    ----------
    selected : PenaltyChoice, LassoPath, mapping or ndarray
        Of a path: columns kept and R² at its last penalty; and the largest penalty of its grid
        at which a column is in (NaN where none is).

    Returns
    -------
    numbers : dict of str to float
    columns : ndarray of int
        Empty where only numbers are given.

    Raises
    ------
    ConfigurationError
        If it is nothing of the kind.

    Examples
    --------
    >>> outcome_of(np.array([4, 7]))[0]
    {'kept': 2.0}
    """
    if isinstance(selected, PenaltyChoice):
        row = selected.table.iloc[selected.at]
        numbers = {"kept": len(selected.columns), "lambda": row["lambda"], "r2_in": row["r2_in"]}
        if np.isfinite(row["r2_out"]):
            numbers["r2_out"] = row["r2_out"]
        return _floats(numbers | {"entry_lambda": _entry(selected.path)}), selected.columns
    if isinstance(selected, LassoPath):
        kept = selected.columns[-1]
        numbers = {"kept": len(kept), "r2_in": selected.r_squared[-1]}
        return _floats(numbers | {"entry_lambda": _entry(selected)}), kept
    if isinstance(selected, Mapping):
        return _floats(selected), np.empty(0, dtype=np.intp)
    kept = np.asarray(selected)
    if kept.ndim != 1 or (kept.size and kept.dtype.kind not in "iu"):
        raise ConfigurationError(
            "select must return a PenaltyChoice, a LassoPath, numbers by name or the numbers of "
            f"the columns kept; got {type(selected).__name__}"
        )
    return {"kept": float(len(kept))}, kept.astype(np.intp)


def _floats(numbers: Mapping[str, float]) -> dict[str, float]:
    return {str(name): float(value) for name, value in numbers.items()}


def _entry(path: LassoPath) -> float:
    inside = [float(at) for at, k in zip(path.lambdas, path.columns, strict=True) if len(k)]
    return max(inside, default=float("nan"))


def _packed(columns: ColumnBlocks) -> bytes:
    try:
        return pack(columns, at_most=LARGEST)
    except TooLargeError as error:
        raise ConfigurationError(
            f"the design holds more than {LARGEST >> 20} MB, too much to send to another process: "
            "map it from a file (numpy.load with mmap_mode='r')"
        ) from error


def _select(columns: ColumnBlocks | bytes, select: Select, response: Array) -> Outcome:
    opened = pickle.loads(columns) if isinstance(columns, bytes) else columns
    return outcome_of(select(opened, response))


def _settle(number: int, reply: Reply) -> Outcome:
    if reply.error is not None:
        which = f"rotation {number}" if number else "the response as it is"
        advice = ": was memory short?" if reply.died else ""
        raise ShiftFailedError(
            f"the selection for {which} failed: {reply.error}{advice}"
        ) from reply.cause
    return cast(Outcome, reply.value)


def _assemble(
    outcomes: list[Outcome], shape: tuple[int, int], moves: Codes, trend: str, spread: str
) -> ShiftedSelection:
    (observed, kept), *rotated = outcomes
    for numbers, _ in rotated:
        if numbers.keys() != observed.keys():
            raise ConfigurationError(
                f"select returned {', '.join(observed)} for the response and "
                f"{', '.join(numbers)} for a rotation: return the same numbers each time"
            )
    counts = np.zeros(shape[1], dtype=np.intp)
    for _, columns in rotated:
        counts[columns] += 1
    return ShiftedSelection(
        observed=observed,
        nulls={k: np.array([numbers[k] for numbers, _ in rotated]) for k in observed},
        columns=kept,
        counts=counts,
        rows=shape[0],
        moves=moves,
        trend=trend,
        spread=spread,
    )
