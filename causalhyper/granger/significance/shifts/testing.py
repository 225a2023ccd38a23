"""Tests of every column against the same response rotated in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError
from causalhyper.granger.lasso.arguments import check_generator
from causalhyper.granger.screening.response import autocorrelation
from causalhyper.granger.significance.shifts.layer import LayerShifts
from causalhyper.granger.significance.shifts.reading import Reading
from causalhyper.granger.significance.shifts.restoration import restore
from causalhyper.granger.significance.shifts.result import ShiftTest
from causalhyper.granger.significance.shifts.rotation import choose_rotations
from causalhyper.granger.significance.shifts.sources import Designs, Sources, find_sources
from causalhyper.granger.significance.shifts.stationary import (
    Remainder,
    Spread,
    Trend,
    spread_ratio,
    take_apart,
    trend_share,
)
from causalhyper.granger.significance.shifts.statistics import (
    Statistic,
    check_statistic,
    make_products,
)
from causalhyper.granger.significance.shifts.tally import Tally, family_p
from causalhyper.inference.multiplicity import adjust_p_values
from causalhyper.progress import Progress

HELD = 1000
"""Entries whose stepdown p-values are computed; beyond, those of a single step stand."""


def shift_test(
    design: Designs,
    y: ArrayLike | None = None,
    *,
    statistic: Statistic = "correlation",
    trend: Trend = "smooth",
    spread: Spread = "smooth",
    degrees: int = 8,
    shifts: int | None = None,
    min_shift: int = 1,
    groups: int | None = None,
    edges: ArrayLike | None = None,
    units: Mapping[str, ArrayLike] | None = None,
    alpha: float = 0.05,
    rng: np.random.Generator | None = None,
    progress: Progress | None = None,
) -> ShiftTest:
    r"""Test whether columns go with the response at the step where they stand, and no other.

    The remainder of the response after its trend is rotated in time: its values move by s steps,
    and those that leave at the end come in at the beginning. Its distribution and its
    autocorrelation stay, and what it had to do with the columns is gone. All statistics are
    computed again for every rotation, in one reading of the design.

    Parameters
    ----------
    design : GrangerDesign, ColumnBlocks, or mapping of str to either
        X of T rows; of a mapping, one design a layer.
    y : array_like, shape (T,), optional
        Change of the loss; that of a `GrangerDesign` unless given.
    statistic : {"correlation", "covariance", "marginal"}
        Absolute correlation (of an entry of several columns the multiple correlation), absolute
        covariance, or :math:`|\frac1T \sum x y|`, not centred (with `trend` "none").
    trend : {"none", "linear", "smooth"}
        What is partialled out of both sides, in each training: a mean, a straight line, or a
        cubic spline over the steps. A trend that stays in y makes rotations invalid.
    spread : {"constant", "smooth"}
        "smooth": rows of both sides are divided by the spread of the remainder, as weighted least
        squares does, where its logarithm is a spline. A spread that decays on both sides makes
        rotations invalid.
    degrees : int
        Degrees of freedom of the trend in each training, and twice those of the spread.
    shifts : int, optional
        Rotations; all T - 1 of one training unless given, or 999 where there are more.
    min_shift : int
        Steps of a rotation at least. More than 1 gives power where the statistic changes slowly
        with the rotation, and loses the exact level.
    groups : int, optional
        Columns of an entry, side by side; known of a `GrangerDesign`.
    edges : array_like of int, optional
        Rows where trainings begin, and T; known of a `GrangerDesign`. Each training is rotated
        within itself.
    units : mapping of str to array_like of int, optional
        Unit of each entry by layer (its channel, say), from 0; layers are tested as a whole, and
        units too. Layers without units are one unit.
    alpha : float
        Level of the tests, in (0, 1).
    rng : numpy.random.Generator, optional
        Draws the rotations where not all are used, and what the trend took from the remainder; of
        seed 0 for the latter unless given.
    progress : callable, optional
        Called with the share of the columns that are read.

    Returns
    -------
    ShiftTest

    Raises
    ------
    ConfigurationError
        If shapes, names or numbers do not fit.
    DataError
        If a value is not finite, or y is nothing but its trend.

    Notes
    -----
    With the response rotated by s = 0, s_1, ..., s_S the p-value is
    :math:`(1 + \#\{s: stat_s \ge stat_0\}) / (1 + S)`, and the family-wise one has the largest
    statistic of rotation s in the place of :math:`stat_s`; in steps down it leaves out entries
    with larger statistics (Westfall and Young 1993, *Resampling-Based Multiple Testing*). With all
    rotations, or some drawn at random, they are exact where the remainder has the same
    distribution given X for every rotation: stationary, and joined end to start. Estimated trends
    and the join make it an approximation.
    A trend takes the slow part of the remainder, too. Rotated and freed of the trend again, it
    would have lost that twice, and vary less than the response it is compared with. So what was
    lost is drawn from its conditional distribution before the remainder is rotated; see `restore`.
    The null hypothesis is of a y that has nothing to do with X: a column that is not in the model
    but moves with one that is will be found.
    Source: Freedman and Lane 1983, *A nonstochastic interpretation of reported significance
    levels*, for the trend.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 50))
    >>> found = shift_test(DenseColumns(x), x[:, 7] + rng.normal(size=200))
    >>> frame = found.to_frame()
    >>> frame.loc[frame["p_family"] <= 0.05, "index"].tolist()
    [7]
    """
    check_generator(rng)
    if not 0 < alpha < 1:
        raise ConfigurationError(f"alpha must be in (0, 1); got {alpha}")
    sources = find_sources(design, y, groups, edges)
    check_statistic(statistic, sources.groups, trend, spread)
    moves = choose_rotations(sources.edges, shifts, min_shift, rng)
    remainder = take_apart(
        sources.y, sources.edges, trend, spread, degrees, centre=statistic != "marginal"
    )
    whole = restore(remainder, np.random.default_rng(0) if rng is None else rng)
    labels, counts = _units(sources, units)
    tally, unit = _read(
        sources, remainder, remainder.targets(moves, whole), statistic, labels, counts, progress
    )
    reading = Reading(
        statistic=statistic if sources.groups == 1 else "multiple correlation",
        rows=len(sources.y),
        rotations=len(moves),
        min_shift=min_shift,
        trend=trend,
        spread=spread,
        alpha=alpha,
        trend_share=trend_share(sources.y, sources.edges, degrees),
        spread_ratio=spread_ratio(remainder.values, sources.edges),
        autocorrelation=autocorrelation(remainder.values),
        scale=float(np.sqrt(np.mean(remainder.values**2))),
    )
    return _result(sources, tally, counts, unit, reading)


def _units(sources: Sources, units: Mapping[str, ArrayLike] | None) -> tuple[list[Codes], Codes]:
    """Unit of each entry by layer, and the number of units of each layer."""
    given = dict(units or {})
    unknown = [name for name in given if name not in sources.layers]
    if unknown:
        raise ConfigurationError(f"units of {unknown[0]!r}: no such layer is tested")
    labels = []
    for name, size in zip(sources.layers, sources.sizes, strict=True):
        codes = np.asarray(given.get(name, np.zeros(size, dtype=np.intp)))
        if codes.shape != (size,) or codes.dtype.kind not in "iu" or codes.min(initial=0) < 0:
            raise ConfigurationError(
                f"layer {name!r} needs a unit, 0 or more, for each of {size} entries; got shape "
                f"{codes.shape} of {codes.dtype}"
            )
        labels.append(codes.astype(np.intp))
    return labels, np.array([int(codes.max()) + 1 for codes in labels])


def _read(
    sources: Sources,
    remainder: Remainder,
    targets: Array,
    statistic: Statistic,
    labels: list[Codes],
    counts: Codes,
    progress: Progress | None,
) -> tuple[Tally, float]:
    """Read all columns once; also return the unit of the statistics."""
    largest = max(columns.unit for columns, _ in sources.parts)
    size = sum(sources.sizes)
    kinds = sorted((columns.dtype for columns, _ in sources.parts), key=lambda kind: kind.itemsize)
    dtype, finest = kinds[0], kinds[-1]
    products = make_products(remainder, targets, statistic, sources.groups, largest, finest)
    units, held = int(counts.sum()), min(HELD, size)
    tally = Tally.empty(size, units, targets.shape[1], held, dtype, len(sources.y))
    starts = np.cumsum([0, *counts])
    for tile in sources.tiles():
        if not products.standardised and tile.unit != largest:
            tile = replace(tile, values=tile.values * tile.values.dtype.type(tile.unit / largest))
        found, sizes, flat = products.of(tile)
        own = labels[tile.layer][tile.offset : tile.offset + len(flat)]
        tally.take(tile.first, found, sizes, flat, starts[tile.layer] + own)
        if progress is not None:
            progress((tile.first + len(flat)) / size)
    return tally, products.unit


def _result(
    sources: Sources, tally: Tally, counts: Codes, unit: float, reading: Reading
) -> ShiftTest:
    draws = reading.rotations + 1
    maxima = tally.leaders.maxima()
    p = (1 + tally.counts) / draws
    family = family_p(tally.bounds, maxima[1:])
    stepdown = family.copy()
    stepdown[tally.leaders.entries] = tally.leaders.stepdown(tally.bounds[tally.leaders.entries])
    q = adjust_p_values(p, "bh")
    layers = []
    ends, unit_ends = np.cumsum([0, *sources.sizes]), np.cumsum([0, *counts])
    for k, name in enumerate(sources.layers):
        own, units = slice(ends[k], ends[k + 1]), slice(unit_ends[k], unit_ends[k + 1])
        layers.append(
            LayerShifts(
                name=name,
                statistic=unit * tally.observed[own],
                p=p[own],
                p_family=family[own],
                p_stepdown=stepdown[own],
                q=q[own],
                expected=unit * tally.expected[own],
                flat=int(tally.flat[own].sum()),
                maxima=unit * tally.maxima[units].astype(np.float64),
                squares=unit**2 * tally.squares[units],
            )
        )
    return ShiftTest(tuple(layers), unit * maxima.astype(np.float64), reading)
