"""Minimise over groups of columns in memory: Newton steps on the groups that are in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.granger.lasso import newton
from causalhyper.granger.lasso.block_dual import SINGLE, Blocks, Level, Minimum, measure

STEPS, IDLE = 30, 8
"""Newton steps at most, and how many without half the gap show that they lead nowhere."""
DAMPING = 1e-9
"""Added to the curvature, over a column's mean square: groups may repeat each other."""
FOREMOST = 0.5
"""Blocks come in whose excess is more than this share of the largest."""
HALVINGS, ROUNDING = 40, 16 * float(np.finfo(float).eps)
"""Of a step at most, and the share by which an objective may rise by rounding."""
LEAST = 1e-10
"""A group that a step leaves no larger share of itself is out."""


def minimise(
    blocks: Blocks, y: Array, level: Level, start: Array, residual: Array, tolerance: float
) -> Minimum:
    r"""Minimise ``|y - C h|^2 / 2T + lambda sum_b v_b |h_b|``.

    Where no block is zero the objective is smooth, with the curvature

    .. math:: C'C / T + \mathrm{diag}_b \, \frac{\lambda v_b}{|h_b|} (I - u_b u_b'),
              \qquad u_b = h_b / |h_b|,

    so Newton steps over the blocks that are in converge quadratically. A block is out once a step
    turns it around; the blocks whose slope exceeds their bound come in together, with the step
    along a proximal gradient that lowers the objective most. No step raises the objective.

    Steps lead nowhere where many blocks change at a time or depend on each other: the dual, which
    takes more steps but always converges, then takes over.

    Parameters
    ----------
    blocks : Blocks
    y : ndarray, shape (T,)
        Not zero.
    level : Level
        Without a ridge.
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
    limits, h, first = level.strength * blocks.bounds, start, residual
    best, idle = Minimum(start, residual, np.inf, 0), 0
    for step in range(STEPS + 1):
        slopes = blocks.values @ residual / len(y)
        gap = measure(blocks, y, level, h, residual, slopes)
        idle = 0 if gap < best.gap / 2 else idle + 1
        if gap < best.gap:
            best = Minimum(h, residual, gap, step)
        if gap <= tolerance or idle > IDLE or step == STEPS:
            break
        h, residual = _with_new(blocks, limits, h, residual, slopes)
        active = _Active.of(blocks, limits, h)
        if active is None:
            break
        moved, residual = _moved(active, y, residual)
        h = np.zeros(len(h))
        h[active.at] = moved
    if best.gap <= tolerance:
        return Minimum(best.coefficients, best.residual, best.gap, step)
    other = newton.minimise(blocks, y, level, start, first, tolerance)
    found = min(best, other, key=lambda minimum: minimum.gap)
    return Minimum(found.coefficients, found.residual, found.gap, step + other.steps)


@dataclass(frozen=True, slots=True)
class _Active:
    """Blocks that are in: positions and values of their columns, coefficients, directions.

    `bends` has ``lambda v_b / |h_b|`` of each column's block.
    """

    at: Codes
    values: Array
    starts: Codes
    sizes: Codes
    limits: Array
    h: Array
    units: Array
    bends: Array

    @classmethod
    def of(cls, blocks: Blocks, limits: Array, h: Array) -> _Active | None:
        """Those with a coefficient; None if there is none."""
        lengths = blocks.norms(h)
        inside = lengths > 0
        if not inside.any():
            return None
        at, sizes = np.flatnonzero(blocks.spread(inside)), blocks.sizes[inside]
        lengths, limits, here = lengths[inside], limits[inside], h[at]
        units, bends = here / np.repeat(lengths, sizes), np.repeat(limits / lengths, sizes)
        starts = np.cumsum(sizes) - sizes
        return cls(at, blocks.values[at], starts, sizes, limits, here, units, bends)

    def sums(self, x: Array) -> Array:
        """Of each block."""
        return np.add.reduceat(x, self.starts)

    def cost(self, h: Array) -> float:
        """Penalty on some coefficients."""
        return float(self.limits @ np.sqrt(self.sums(h * h)))


def _with_new(
    blocks: Blocks, limits: Array, h: Array, residual: Array, slopes: Array
) -> tuple[Array, Array]:
    """Coefficients and residual with the blocks that have to come in."""
    lengths = blocks.norms(slopes)
    over = np.where(blocks.norms(h) == 0, lengths / limits - 1, 0.0)
    new = over > FOREMOST * max(over.max(), 0.0)
    at = np.flatnonzero(blocks.spread(new))
    sizes, chosen = blocks.sizes[new], blocks.values[at]
    starts = np.cumsum(sizes) - sizes
    squares = np.einsum("ij,ij->i", chosen, chosen)
    if not squares.any():
        return h, residual
    step = (1 - limits[new] / lengths[new]) / np.add.reduceat(squares, starts)
    towards = slopes[at] * np.repeat(step, sizes)
    fall = float(slopes[at] @ towards) - float(limits[new] @ (step * lengths[new]))
    change = towards @ chosen
    share = fall / (float(change @ change) / len(residual))
    h = h.copy()
    h[at] = share * towards
    return h, residual - share * change


def _moved(active: _Active, y: Array, residual: Array) -> tuple[Array, Array]:
    """Coefficients and residual after a Newton step, halved until the objective does not rise."""
    rows, h = len(y), active.h
    slope = active.values @ residual / rows - np.repeat(active.limits, active.sizes) * active.units
    move = _direction(active, slope, rows)
    before = float(residual @ residual) / (2 * rows) + active.cost(h)
    lengths = active.sums(active.units * h)
    for _ in range(HALVINGS):
        there = h + move
        stays = active.sums(active.units * there) > LEAST * lengths
        there *= np.repeat(stays, active.sizes)
        left = y - there @ active.values
        after = float(left @ left) / (2 * rows) + active.cost(there)
        if after <= before * (1 + ROUNDING):
            return there, left
        move = move / 2
    return h, residual


def _direction(active: _Active, slope: Array, rows: int) -> Array:
    """Newton step, through a system in the columns or in the rows, whichever is smaller."""
    square = float(np.einsum("ij,ij->", active.values, active.values)) / active.values.size
    damping = DAMPING * square
    if len(active.at) > rows:
        return _through_rows(active, slope, rows, damping)
    return _through_columns(active, slope, rows, damping)


def _through_columns(active: _Active, slope: Array, rows: int, damping: float) -> Array:
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    values, units, bends = active.values, active.units, active.bends
    matrix = values @ values.T / rows
    np.einsum("ii->i", matrix)[:] += bends + damping
    for start, size in zip(active.starts.tolist(), active.sizes.tolist(), strict=True):
        part = slice(start, start + size)
        matrix[part, part] -= bends[start] * np.multiply.outer(units[part], units[part])
    try:
        factor = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError:
        return _through_columns(active, slope, rows, 100 * damping)
    found: Array = cho_solve(factor, slope, check_finite=False)
    return found


def _through_rows(active: _Active, slope: Array, rows: int, damping: float) -> Array:
    r"""Invert ``D + C'C / T`` by way of ``I + C D^-1 C' / T``, D being the block-diagonal part."""
    from scipy.linalg import cho_factor, cho_solve

    values, units = active.values, active.units
    across = 1 / (active.bends + damping)
    along = 1 / damping - across

    def over(x: Array) -> Array:
        shares = np.repeat(active.sums(units * x), active.sizes)
        return across * x + along * shares * units

    trace = float(across @ np.einsum("ij,ij->i", values, values)) / rows
    part = np.empty(values.shape, np.float32 if trace < SINGLE else np.float64)
    np.multiply(values, np.sqrt(across)[:, None], out=part, casting="same_kind")
    matrix = (part.T @ part).astype(np.float64)
    cuts = zip(active.starts.tolist(), active.sizes.tolist(), strict=True)
    lines = np.array([units[a : a + size] @ values[a : a + size] for a, size in cuts])
    lines *= np.sqrt(along[active.starts])[:, None]
    matrix += lines.T @ lines
    matrix /= rows
    np.einsum("ii->i", matrix)[:] += 1
    factor = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
    shift = cho_solve(factor, over(slope) @ values, check_finite=False)
    return over(slope - values @ shift / rows)
