"""How often a column is selected when half of the steps are looked at."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from contextlib import closing
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from causalhyper.arrays import Array, Codes
from causalhyper.errors import CausalHyperError, ConfigurationError
from causalhyper.granger.choice.rows import RowsOf
from causalhyper.granger.design import GrangerDesign
from causalhyper.granger.lasso.arguments import check_generator
from causalhyper.granger.lasso.columns import ColumnBlocks
from causalhyper.granger.lasso.response import checked_response
from causalhyper.granger.significance.stability.agreement import jaccard
from causalhyper.granger.significance.stability.half_samples import Pair, cut_blocks, draw_pairs
from causalhyper.granger.significance.stability.result import SelectionFrequencies
from causalhyper.granger.significance.stability.selectors import Selector, selected_columns
from causalhyper.parallel import Engine, Place, Reply, replies
from causalhyper.parallel.packing import TooLargeError, pack
from causalhyper.progress import Progress, track

Design = GrangerDesign | ColumnBlocks
"""Columns with labels and a response, or columns alone."""
Selected = list[tuple[Codes, Codes]]
"""What the halves of some pairs select."""
LARGEST = 64 * 2**20
"""Bytes of a design that travels to a worker."""


class SelectionFailedError(CausalHyperError):
    """The selector raised an error on a half sample, or its worker died."""


def selection_frequency(
    design: Design,
    y: ArrayLike | None = None,
    *,
    select: Selector,
    rng: np.random.Generator,
    blocks: int = 20,
    gap: int = 0,
    pairs: int = 50,
    threshold: float = 0.75,
    workers: int | None = None,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> SelectionFrequencies:
    """Select columns in many complementary halves of the steps, and count.

    Each half is a random half of the blocks, so that neighbouring steps, which are dependent,
    stay together.

    Parameters
    ----------
    design : GrangerDesign or ColumnBlocks
        Columns alone take y. No block lies in two trainings of a GrangerDesign.
    y : array_like, shape (T,), optional
        In time.
    select : callable
        Given columns and response of a half: the columns to keep, or a `PenaltyChoice`. Such are
        `select_by_penalty`, `select_by_screening` and all ``choose_`` functions, with their
        settings by `functools.partial`.
    rng : numpy.random.Generator
        Draws the halves.
    blocks : int
        Even, 4 at least. They should be much longer than the dependence of the steps lasts.
    gap : int
        Steps left out between neighbouring blocks; 1 at least for a momentum design.
    pairs : int
        B, 2 at least.
    threshold : float
        Frequency that selects, in (1/2, 1].
    workers, engine : optional
        As in `fit_layers`; the bytes of the result do not depend on them.
    progress : callable, optional
        Called with the share of the work done.

    Returns
    -------
    SelectionFrequencies

    Raises
    ------
    ConfigurationError
        If a number means nothing, y is missing or given twice, or a large design would have to
        travel to a worker.
    SelectionFailedError
        If the selector fails.

    Notes
    -----
    The bounds of the source are of independent observations. Of blocks they hold as nearly as
    blocks are independent and alike: a simulation in the tests shows how nearly. A training
    whose steps change over time has halves that are alike only because blocks of all times are
    in both.

    Source: Shah and Samworth 2013; blocks for dependent steps as in Politis, Romano and Wolf
    1999, chapter 3.

    Examples
    --------
    >>> from functools import partial
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 300))
    >>> y = x[:, 5] - x[:, 8] + 0.5 * rng.normal(size=200)
    >>> from causalhyper.granger.significance.stability import select_by_screening
    >>> select = partial(select_by_screening, kept=6)
    >>> found = selection_frequency(DenseColumns(x), y, select=select, rng=rng, pairs=10)
    >>> found.selected.tolist()
    [5, 8]
    """
    check_generator(rng, needed=True)
    columns, response, edges = sides_of(design, y)
    if pairs < 2 or not 0.5 < threshold <= 1:
        raise ConfigurationError(
            f"expected 2 pairs at least and a threshold in (1/2, 1]; got {pairs} and {threshold:g}"
        )
    cut = cut_blocks(edges, blocks, gap=gap)
    drawn = draw_pairs(cut, pairs, rng)
    found = _select_all(columns, response, drawn, select, Place(engine, workers), progress)
    return _counted(design, columns.shape[1], found, cut, threshold)


def sides_of(design: Design, y: ArrayLike | None) -> tuple[ColumnBlocks, Array, Codes]:
    """Return columns, response and the edges of trainings.

    Parameters
    ----------
    design : GrangerDesign or ColumnBlocks
    y : array_like, optional
        With columns alone.

    Returns
    -------
    tuple of ColumnBlocks, ndarray and ndarray of int

    Raises
    ------
    ConfigurationError
        If y is missing or given twice.
    """
    labelled = isinstance(design, GrangerDesign)
    if labelled == (y is not None):
        raise ConfigurationError(
            "a GrangerDesign brings its own response: give no y with it, and a y with columns"
        )
    if isinstance(design, GrangerDesign):
        return design.columns, design.y, design.edges
    rows = design.shape[0]
    return design, checked_response(np.asarray(y), rows), np.array([0, rows])


def _select_all(
    columns: ColumnBlocks,
    y: Array,
    pairs: Sequence[Pair],
    select: Selector,
    place: Place,
    progress: Progress | None,
) -> Selected:
    """Select in every half; a worker gets the design a few times, and not once a pair."""
    size = 1 if place.is_here else -(-len(pairs) // min(len(pairs), 2 * place.width))
    parts = [pairs[at : at + size] for at in range(0, len(pairs), size)]
    given = (columns, y) if place.is_here else _packed(columns, y)
    found: dict[int, Selected] = {}
    tasks = [(given, part, select) for part in parts]
    with closing(replies(_select_part, tasks, place)) as outcomes:
        for number, reply in track(outcomes, len(tasks), progress):
            found[number] = _settled(reply)
    return [halves for number in range(len(tasks)) for halves in found[number]]


def _packed(columns: ColumnBlocks, y: Array) -> bytes:
    try:
        return pack((columns, y), at_most=LARGEST)
    except TooLargeError as error:
        raise ConfigurationError(
            f"the design holds more than {LARGEST >> 20} MB, too much to send to another "
            "process: map it from a file (numpy.load with mmap_mode='r'), or use one worker"
        ) from error


def _select_part(
    given: tuple[ColumnBlocks, Array] | bytes, pairs: Sequence[Pair], select: Selector
) -> Selected:
    columns, y = pickle.loads(given) if isinstance(given, bytes) else given

    def of(rows: Codes) -> Codes:
        return selected_columns(select, RowsOf(columns, rows), y[rows])

    return [(of(first), of(second)) for first, second in pairs]


def _settled(reply: Reply) -> Selected:
    if reply.error is not None:
        advice = ": was memory short?" if reply.died else ""
        cause = reply.cause
        if cause is None and reply.trace:
            cause = SelectionFailedError(f"in the worker process:\n{reply.trace}")
        raise SelectionFailedError(
            f"selecting in a half sample failed: {reply.error}{advice}"
        ) from cause
    return cast(Selected, reply.value)


def _counted(
    design: Design, width: int, found: Selected, cut: Sequence[Codes], threshold: float
) -> SelectionFrequencies:
    everything = [half for pair in found for half in pair]
    columns, times = np.unique(np.concatenate(everything), return_counts=True)
    twice = [np.intersect1d(a, b, assume_unique=True) for a, b in found]
    at = np.searchsorted(columns, np.concatenate(twice))
    lengths = [len(block) for block in cut]
    return SelectionFrequencies(
        labels=label_columns(design, columns),
        times=times,
        together=np.bincount(at, minlength=len(columns)),
        sizes=np.array([len(half) for half in everything]),
        agreements=np.array([jaccard(a, b) for a, b in found]),
        width=width,
        blocks=len(cut),
        lengths=(min(lengths), max(lengths)),
        threshold=threshold,
    )


def label_columns(design: Design, columns: Codes) -> pd.DataFrame:
    """Say what columns stand for; without labels by their numbers.

    Parameters
    ----------
    design : GrangerDesign or ColumnBlocks
    columns : ndarray of int

    Returns
    -------
    DataFrame
        column, layer, index, feature.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> label_columns(DenseColumns(np.ones((2, 9))), np.array([7])).to_dict("records")
    [{'column': 7, 'layer': 'design', 'index': 7, 'feature': ''}]
    """
    if isinstance(design, GrangerDesign):
        return design.labels(columns)
    numbers = np.asarray(columns, dtype=np.intp)
    return pd.DataFrame({"column": numbers, "layer": "design", "index": numbers, "feature": ""})
