"""Standard deviations of the columns of a block, however skewed or small its values are."""

from __future__ import annotations

from array_api_compat import array_namespace

from causalhyper.granger.lasso.backend import Block, squared_lengths

CERTAIN = 0.5
"""Of a mean square more of which is the squared mean, the difference loses digits."""


def spreads_of(away: Block, mean: Block, *, intercept: bool) -> tuple[Block, Block]:
    """Return mean squares and spreads of columns, from one reading of most of them.

    A column that is small, or far from its first value most of the time, is computed afresh in
    float64: of a column that moved in its first step above all, the difference of mean square and
    squared mean would be rounding, and the squares of values below 1e-19 are no longer numbers of
    float32.

    Parameters
    ----------
    away : array, shape (rows, w)
        The columns less their first values, or as they are without an intercept.
    mean : array, shape (w,)
        Of `away`.
    intercept : bool
        Whether spreads are around the mean, or around zero.

    Returns
    -------
    square : array, shape (w,)
        Mean squares of `away`; not finite where a value or its square is not.
    spreads : array, shape (w,)
        Divisor `rows`. Infinite where the column does not vary: where its spread is below the
        smallest normal number of its precision.
    """
    xp = array_namespace(away)
    square = squared_lengths(away) / away.shape[0]
    variance = square - mean * mean if intercept else square
    limits = xp.finfo(square.dtype)
    small = square <= away.shape[0] * float(limits.tiny) / float(limits.eps)
    doubtful = xp.nonzero(small | (variance < (1 - CERTAIN) * square))[0]
    spreads = xp.sqrt(xp.abs(variance))
    if len(doubtful):
        spreads[doubtful] = _afresh(away[:, doubtful], intercept=intercept)
    return square, xp.where(spreads < float(limits.tiny), xp.inf, spreads)


def _afresh(away: Block, *, intercept: bool) -> Block:
    """Spreads by way of float64, of numbers near one."""
    xp = array_namespace(away)
    peaks = xp.max(xp.abs(away), axis=0)
    spreads = xp.zeros_like(peaks)
    alive = xp.nonzero(peaks > 0)[0]
    if len(alive):
        top = xp.astype(peaks[alive], xp.float64)
        values = xp.astype(away[:, alive], xp.float64) / top
        if intercept:
            values -= xp.mean(values, axis=0)
        exact = xp.sqrt(squared_lengths(values) / away.shape[0]) * top
        spreads[alive] = xp.astype(exact, peaks.dtype)
    return spreads
