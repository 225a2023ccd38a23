"""Minimise over blocks of columns in memory: semismooth Newton in the residual."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.granger.lasso.block_dual import SINGLE, Blocks, Level, Minimum, measure

STEPS = 60
"""Newton steps at most, for one centre."""
CENTRES = 20
"""Proximal centres at most."""
SLACK = 1e-3
"""A ridge below this share of a column's mean square is helped by a proximal term."""
FIRST, SHRINK, LEAST = 1e-2, 0.05, 1e-5
"""The proximal term over a column's mean square: at first, from centre to centre, at least."""
CLOSER, ROUNDING = 0.3, 4 * float(np.finfo(float).eps)
"""Accuracy of the residual from centre to centre, and the best that rounding allows."""
ROUGH = 1e-3
"""Accuracy around the first centre, which is only to bring the second near."""
FLAT = 0.1
"""Slope that ends a line search, as a share of the slope at its start."""


def minimise(
    blocks: Blocks, y: Array, level: Level, start: Array, residual: Array, tolerance: float
) -> Minimum:
    r"""Minimise ``|y - C h|^2 / 2T + lambda sum_b v_b |h_b| + rho |h|^2 / 2``.

    The dual in the residual t,

    .. math:: \frac{|t|^2}{2T} - \frac{y't}{T}
              + \sum_b \frac{(|C_b't/T + \pi c_b| - \lambda v_b)_+^2}{2 (\rho + \pi)},

    has a continuous slope and curvature almost everywhere: Newton steps with an exact line search
    end after a few (Li, Sun and Toh 2018; Zhang et al. 2020 for groups). Where there is little or
    no ridge, the proximal term :math:`\pi` around centres c stands in, and falls from centre to
    centre.

    Parameters
    ----------
    blocks : Blocks
    y : ndarray, shape (T,)
        Not zero.
    level : Level
    start : ndarray, shape (n,)
        Coefficients to start from.
    residual : ndarray, shape (T,)
        Theirs.
    tolerance : float
        Relative duality gap to reach.

    Returns
    -------
    Minimum
    """
    if not len(blocks.values):
        return Minimum(start, y, 0.0, 0)
    scale = float(np.einsum("ij,ij->", blocks.values, blocks.values)) / blocks.values.size
    proximal = FIRST * scale if level.ridge < SLACK * scale else 0.0
    steps, best = 0, Minimum(start, residual, np.inf, 0)
    for turn in range(CENTRES):
        accuracy = ROUGH if proximal and not turn else tolerance * CLOSER**turn
        h, taken = _newton(blocks, y, level, start, residual, proximal, accuracy)
        steps += taken
        residual = y - h @ blocks.values
        slopes = blocks.values @ residual / len(y)
        gap = measure(blocks, y, level, h, residual, slopes)
        if gap < best.gap:
            best = Minimum(h, residual, gap, steps)
        if gap <= tolerance:
            break
        start, proximal = h, max(proximal * SHRINK, LEAST * scale)
    return Minimum(best.coefficients, best.residual, best.gap, steps)


def _newton(
    blocks: Blocks,
    y: Array,
    level: Level,
    centre: Array,
    theta: Array,
    proximal: float,
    accuracy: float,
) -> tuple[Array, int]:
    """Coefficients that minimise the objective plus ``proximal |h - centre|^2 / 2``; steps."""
    values, rows, curvature = blocks.values, len(y), level.ridge + proximal
    limits = level.strength * blocks.bounds
    u = values @ theta / rows + proximal * centre
    length, size = float(np.linalg.norm(y)), float(np.linalg.norm(values))
    for step in range(STEPS + 1):
        keep = _kept(blocks, u, limits)
        active = np.flatnonzero(blocks.spread(keep))
        h = u * blocks.spread(keep) / curvature
        away = y - h[active] @ values[active] - theta
        rounding = ROUNDING * max(length, size * float(np.linalg.norm(u[active])) / curvature)
        if np.linalg.norm(away) <= max(accuracy * length, rounding) or step == STEPS:
            break
        move = _direction(blocks, u, keep, active, away, curvature)
        shift = values @ move / rows
        slope = float((theta - y) @ move) / rows
        share = _line_search(blocks, u, shift, limits, curvature, slope, move)
        if share == 0:
            break
        theta, u = theta + share * move, u + share * shift
    return h, step


def _kept(blocks: Blocks, u: Array, limits: Array) -> Array:
    """Share of each block that shrinking it by its limit leaves."""
    lengths = blocks.norms(u)
    over = lengths > limits
    return np.where(over, 1 - limits / np.where(over, lengths, 1), 0.0)


def _direction(
    blocks: Blocks, u: Array, keep: Array, active: Codes, away: Array, curvature: float
) -> Array:
    """Newton step in the residual, through a system in the active columns or in the rows."""
    if not len(active):
        return away
    chosen = blocks.values[active]
    units = u / blocks.spread(np.maximum(blocks.norms(u), np.finfo(float).tiny))
    inside = np.flatnonzero(keep)
    sizes = blocks.sizes[inside]
    if (
        blocks.single
        and float(np.einsum("ij,ij->", chosen, chosen)) < SINGLE * len(away) * curvature
    ):
        chosen = chosen.astype(np.float32)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    if len(active) > len(away):
        return _in_rows(chosen, units[active], keep[inside], starts, sizes, away, curvature)
    return _in_columns(chosen, units[active], keep[inside], starts, sizes, away, curvature)


def _in_columns(
    chosen: Array,
    units: Array,
    keep: Array,
    starts: Codes,
    sizes: Codes,
    away: Array,
    curvature: float,
) -> Array:
    from scipy.linalg import cho_factor, cho_solve

    rows = len(away)
    matrix = chosen @ chosen.T / rows
    diagonal = np.einsum("ii->i", matrix)
    if len(starts) == len(chosen):
        diagonal += curvature
    else:
        across = curvature / np.maximum(keep, 1e-8)
        diagonal += np.repeat(across, sizes)
        for start, size, less in zip(starts, sizes, across - curvature, strict=True):
            part = slice(start, start + size)
            matrix[part, part] -= less * np.multiply.outer(units[part], units[part])
    solved = cho_solve(
        cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False),
        chosen @ away / rows,
        check_finite=False,
    )
    return away - solved @ chosen


def _in_rows(
    chosen: Array,
    units: Array,
    keep: Array,
    starts: Codes,
    sizes: Codes,
    away: Array,
    curvature: float,
) -> Array:
    from scipy.linalg import cho_factor, cho_solve

    rows = len(away)
    if len(starts) == len(chosen):
        matrix = chosen.T @ chosen
    else:
        across = chosen * np.sqrt(np.repeat(keep, sizes))[:, None]
        along = chosen * (units * np.sqrt(np.repeat(1 - keep, sizes)))[:, None]
        along = np.add.reduceat(along, starts, axis=0)
        matrix = across.T @ across + along.T @ along
    matrix /= rows * curvature
    np.einsum("ii->i", matrix)[:] += 1
    factor = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
    found: Array = cho_solve(factor, away, check_finite=False)
    return found


def _line_search(
    blocks: Blocks,
    u: Array,
    shift: Array,
    limits: Array,
    curvature: float,
    slope: float,
    move: Array,
) -> float:
    """Multiple of a step where the dual is lowest, nearly."""
    bend = float(move @ move) / blocks.rows

    def at(length: float) -> float:
        here = u + length * shift
        kept = here * blocks.spread(_kept(blocks, here, limits))
        return slope + length * bend + float(kept @ shift) / curvature

    first, low, high = at(0.0), 0.0, 1.0
    if first >= 0:
        return 0.0
    below, above = first, at(high)
    while above < FLAT * first and high < 1e6:
        low, below, high = high, above, 2 * high
        above = at(high)
    length, value = high, above
    for turn in range(60):
        if abs(value) <= -FLAT * first:
            break
        secant = low - below * (high - low) / (above - below)
        length = secant if turn % 3 else (low + high) / 2
        value = at(length)
        if value < 0:
            low, below = length, value
        else:
            high, above = length, value
    return length
