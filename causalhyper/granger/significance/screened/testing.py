"""Columns are picked by some steps and tested on other steps."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from causalhyper.arrays import Codes
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso.arguments import check_generator
from causalhyper.granger.lasso.columns import ColumnBlocks
from causalhyper.granger.significance.screened.findings import (
    Findings,
    by_debiased_lasso,
    by_knockoffs,
    by_mirror_statistics,
)
from causalhyper.granger.significance.screened.parts import (
    HeldOutPart,
    alternate,
    pick_columns,
    span_trend,
    take,
    unit_columns,
)
from causalhyper.granger.significance.screened.preparation import (
    part_of,
    prepare,
    screening_response,
)
from causalhyper.granger.significance.screened.result import ScreenedTest
from causalhyper.granger.significance.shifts.stationary import (
    Remainder,
    Spread,
    Trend,
    take_apart,
)
from causalhyper.granger.significance.stability.frequency import Design, label_columns, sides_of

Method = Literal["mirror", "knockoffs", "debiased"]
METHODS: tuple[Method, ...] = ("mirror", "knockoffs", "debiased")
MOST = 2000
"""Columns that are tested at most."""


def screen_then_test(
    design: Design,
    y: ArrayLike | None = None,
    *,
    rng: np.random.Generator,
    method: Method = "mirror",
    level: float = 0.1,
    most: int | None = None,
    statistic: str = "correlation",
    apart: float = 0.9,
    blocks: int = 8,
    gap: int | None = None,
    splits: int = 50,
    trend: Trend = "smooth",
    spread: Spread = "smooth",
    degrees: int = 8,
    prewhiten: bool = True,
    adjust: str = "bh",
    lags: float | None = None,
) -> ScreenedTest:
    """Pick columns by half of the steps, and test them on the others.

    Parameters
    ----------
    design : GrangerDesign or ColumnBlocks
        Columns alone take y.
    y : array_like, shape (T,), optional
    rng : numpy.random.Generator
    method : {"mirror", "knockoffs", "debiased"}
        Mirror statistics of splits of the steps; fixed-X knockoffs; or the debiased lasso.
    level : float
        False discovery rate to control among the picked columns, in (0, 1).
    most : int, optional
        Columns to pick, 2,000 at most; a quarter of the steps tested on unless given.
    statistic : str
        Of `Screening`, which picks.
    apart : float
        Columns with a larger absolute correlation with one already picked are not picked: it
        stands for them. In (0, 1].
    blocks : int
        Even; in turn to pick and to test on.
    gap : int, optional
        Steps left out between blocks; a tenth of a block, and 1 at least, unless given.
    splits : int
        Of mirror statistics; with 1 every column has a q.
    trend : {"none", "linear", "smooth"}
        What is partialled out of both sides, in each training: a mean, a straight line, or a
        cubic spline over the steps.
    spread : {"constant", "smooth"}
        "smooth": rows of both sides are divided by the spread of the response around its trend,
        the logarithm of which is a spline.
    degrees : int
        Degrees of freedom of the trend in each training, and twice those of the spread.
    prewhiten : bool
        Whether the dependence of the errors, an autoregression plus noise, is estimated by
        restricted likelihood in the steps tested on and taken from both sides.
    adjust : {"bh", "by", "holm"}
        How p-values of the debiased lasso are adjusted; "holm" controls any false selection.
    lags : float, optional
        Bandwidth of its standard errors; Andrews' rule unless given.

    Returns
    -------
    ScreenedTest

    Raises
    ------
    ConfigurationError
        If a number means nothing.
    DataError
        If there are too few steps for the columns picked.

    Notes
    -----
    All speak of the picked columns in a regression on these: a column whose influence goes
    through one that was not picked counts as having one.

    All are made for independent errors of one variance, so trend, spread and the dependence of the
    errors are taken from both sides first. Without that, at a level of 0.2 and errors
    autoregressive by 0.84, knockoffs had false discovery rates of 0.39 to 0.53 and the debiased
    lasso 0.30 to 0.44. With it, on trainings of other shapes where nothing acts, rates are 0.03 to
    0.08; where ten columns act the debiased lasso has 0.08 to 0.09 and mirror statistics 0.02 to
    0.07 with power 0.5 to 0.9, but **knockoffs 0.26 to 0.27 in three of four shapes**: read theirs
    as approximate. `ScreenedTest.doubts` tells where errors are still dependent.

    Source: Wasserman and Roeder 2009 for screening on other steps; see `mirror_statistics`,
    `fixed_knockoffs` and `debiased_lasso` for the methods.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(400, 500))
    >>> y = x[:, :8].sum(axis=1) + rng.normal(size=400)
    >>> found = screen_then_test(DenseColumns(x), y, rng=rng, method="debiased")
    >>> found.columns[:8].tolist()
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    columns, response, edges = sides_of(design, y)
    if method not in METHODS or not 0 < level < 1 or not 0 < apart <= 1 or splits < 1:
        raise ConfigurationError(
            f"expected a method of {', '.join(METHODS)}, a level in (0, 1), apart in (0, 1] and "
            f"a split at least; got {method!r}, {level:g}, {apart:g} and {splits}"
        )
    check_generator(rng, needed=True)
    between = max(1, len(response) // (10 * blocks)) if gap is None else gap
    screened, tested = alternate(edges, blocks, between)
    count = len(tested) // 4 if most is None else most
    if not 0 < count <= MOST:
        raise ConfigurationError(f"expected 1 to {MOST} columns to test; got {count}")
    remainder = take_apart(response, edges, trend, spread, degrees)
    target = screening_response(remainder, screened, edges, prewhiten)
    picked = pick_columns(columns, target, screened, count, statistic, apart)
    picked, seen, part = _parts(columns, remainder, edges, picked, screened, tested)
    ready = prepare(part, seen, prewhiten)
    found: Findings
    if method == "mirror":
        found = by_mirror_statistics(ready.part, level=level, splits=splits, gap=between, rng=rng)
    elif method == "knockoffs":
        found = by_knockoffs(ready.part, level=level, rng=rng)
    else:
        found = by_debiased_lasso(ready.part, level=level, adjust=adjust, lags=lags)
    return ScreenedTest(
        method=method,
        labels=label_columns(design, picked),
        found=found,
        level=level,
        width=columns.shape[1],
        steps=(len(screened), len(tested)),
        taken=f"trend {trend}, spread {spread}, {ready.taken}",
        doubts=ready.doubts,
    )


def _parts(
    columns: ColumnBlocks,
    remainder: Remainder,
    edges: Codes,
    picked: Codes,
    screened: Codes,
    tested: Codes,
) -> tuple[Codes, HeldOutPart, HeldOutPart]:
    """Picked columns that vary where they are tested, and both parts of the steps."""
    values = take(columns, picked)
    basis = span_trend(len(tested), remainder.basis[tested])
    varying = unit_columns(remainder.weights[tested, None] * values[tested], basis).any(axis=0)
    if not varying.any():
        raise DataError(
            "no picked column varies in the steps to test on: use more blocks, so that both parts "
            "have steps of all times"
        )
    seen, part = (
        part_of(values[rows][:, varying], remainder, rows, edges) for rows in (screened, tested)
    )
    return picked[varying], seen, part
