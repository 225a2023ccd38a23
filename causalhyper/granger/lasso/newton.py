"""Minimise an elastic net over columns in memory: semismooth Newton in the residual."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array
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
    r"""Minimise ``|y - C h|^2 / 2T + lambda sum_j v_j |h_j| + rho |h|^2 / 2``.

    The dual in the residual t,

    .. math:: \frac{|t|^2}{2T} - \frac{y't}{T}
              + \sum_j \frac{(|C_j't/T + \pi c_j| - \lambda v_j)_+^2}{2 (\rho + \pi)},

    has a continuous slope and curvature almost everywhere: Newton steps with an exact line search
    end after a few (Li, Sun and Toh 2018). Where there is little or no ridge, the proximal term
    :math:`\pi` around centres c stands in, and falls from centre to centre.

    Parameters
    ----------
    blocks : Blocks
        One column each.
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
    values = blocks.values
    if not len(values):
        return Minimum(start, y, 0.0, 0)
    scale = float(np.einsum("ij,ij->", values, values)) / values.size
    proximal = FIRST * scale if level.ridge < SLACK * scale else 0.0
    steps, best = 0, Minimum(start, residual, np.inf, 0)
    for turn in range(CENTRES):
        accuracy = ROUGH if proximal and not turn else tolerance * CLOSER**turn
        h, taken = _newton(blocks, y, level, start, residual, proximal, accuracy)
        steps += taken
        residual = y - h @ values
        gap = measure(blocks, y, level, h, residual, values @ residual / len(y))
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
        h = _shrunk(u, limits) / curvature
        active = np.flatnonzero(h)
        chosen = values[active]
        away = y - h[active] @ chosen - theta
        rounding = ROUNDING * max(length, size * float(np.linalg.norm(u[active])) / curvature)
        if np.linalg.norm(away) <= max(accuracy * length, rounding) or step == STEPS:
            break
        move = _direction(chosen, away, curvature)
        shift = values @ move / rows
        slope = float((theta - y) @ move) / rows
        share = _line_search(u, shift, limits, curvature, slope, float(move @ move) / rows)
        if share == 0:
            break
        theta, u = theta + share * move, u + share * shift
    return h, step


def _shrunk(u: Array, limits: Array) -> Array:
    """Each number, nearer to zero by its limit."""
    return u - np.clip(u, -limits, limits)


def _direction(chosen: Array, away: Array, curvature: float) -> Array:
    """Newton step in the residual, through a system in the active columns or in the rows."""
    from scipy.linalg import cho_factor, cho_solve

    rows = len(away)
    if float(np.einsum("ij,ij->", chosen, chosen)) < SINGLE * rows * curvature:
        chosen = chosen.astype(np.float32)
    in_rows = len(chosen) > rows
    matrix = chosen.T @ chosen if in_rows else chosen @ chosen.T
    np.einsum("ii->i", matrix)[:] += rows * curvature
    factor = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
    if in_rows:
        found: Array = rows * curvature * cho_solve(factor, away, check_finite=False)
        return found
    return away - cho_solve(factor, chosen @ away, check_finite=False) @ chosen


def _line_search(
    u: Array, shift: Array, limits: Array, curvature: float, slope: float, bend: float
) -> float:
    """Multiple of a step where the dual is lowest, nearly."""

    def at(length: float) -> float:
        kept = _shrunk(u + length * shift, limits)
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
