"""The curve along which accuracy falls as more is pruned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import special

from causalhyper.arrays import Array

Scale = Literal["kept", "pruned"]
REACH = float(np.log(9))
"""How many widths of the logistic lie between its half and its 90% or 10%."""
_MIDDLES, _WIDTHS = 61, 31


@dataclass(frozen=True, slots=True, eq=False)
class TransitionCurve:
    """``floor + (top - floor) / (1 + exp((x - middle) / width))``.

    Attributes
    ----------
    top, floor : float
        Accuracy before and after the fall.
    middle, width : float
        Where it has fallen by half, and the logistic's scale, both in units of x.
    rss : float
        Weighted sum of squared residuals.
    falling : tuple of ndarray
        Levels, and the weighted means there made monotone, from first to last: no curve's shape is
        in them.
    """

    top: float
    floor: float
    middle: float
    width: float
    rss: float
    falling: tuple[Array, Array]

    def fallen(self, share: float) -> float:
        """Where the monotone means, joined by straight lines, have fallen by a share of their way.

        The way is from the mean of the first level to the floor; NaN where they do not fall so
        far, or not at all.
        """
        x, means = self.falling
        goal = means[0] - share * (means[0] - self.floor)
        below = np.flatnonzero(means <= goal)
        if not below.size or below[0] == 0:
            return np.nan
        ends = slice(below[0] - 1, below[0] + 1)
        return float(np.interp(-goal, -means[ends], x[ends]))

    @property
    def ends(self) -> tuple[float, float]:
        """Between which x accuracy falls from 90% to 10% of its way."""
        return self.middle - REACH * self.width, self.middle + REACH * self.width

    def __call__(self, x: Array) -> Array:
        """Accuracy at x."""
        share: Array = special.expit((self.middle - x) / self.width)
        return self.floor + (self.top - self.floor) * share


def to_x(sparsity: Array, scale: Scale) -> Array:
    """Put shares pruned on the scale of the curve.

    Parameters
    ----------
    sparsity : ndarray, shape (n,)
        In [0, 1).
    scale : {"kept", "pruned"}
        Decades by which the share kept has shrunk, ``-log10(1 - sparsity)``; or the share pruned.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> to_x(np.array([0.0, 0.9, 0.99]), "kept").round(6).tolist()
    [0.0, 1.0, 2.0]
    """
    x: Array = -np.log10(1 - sparsity) if scale == "kept" else np.asarray(sparsity)
    return x + 0.0


def to_sparsity(x: Array, scale: Scale) -> Array:
    """Undo `to_x`.

    Parameters
    ----------
    x : ndarray, shape (n,)
    scale : {"kept", "pruned"}

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> to_sparsity(np.array([1.0, 2.0]), "kept").round(6).tolist()
    [0.9, 0.99]
    """
    sparsity: Array = 1 - 10.0**-x if scale == "kept" else np.asarray(x)
    return sparsity


def fit_transition(
    x: Array, y: Array, weights: Array, floor: float | None = None
) -> TransitionCurve:
    """Fit the curve by weighted least squares.

    Parameters
    ----------
    x, y, weights : ndarray, shape (n,)
        At least four distinct x, three with a floor.
    floor : float, optional
        Known, such as the accuracy of guessing; fitted otherwise.

    Returns
    -------
    TransitionCurve
        The best of a grid over middles and widths, in which top and floor are solved for, made
        exact by Levenberg and Marquardt's method. It never rises.

    Notes
    -----
    Source: on the scale of the share kept it is the four-parameter log-logistic (Hill) curve of
    dose-response analysis: Ritz, Baty, Streibig and Gerhard 2015, "Dose-response analysis using
    R", model LL.4. Profiling out what is linear: Golub and Pereyra 1973.

    Examples
    --------
    >>> x = np.array([0.5, 1.0, 1.3, 1.6, 2.0, 3.0])
    >>> y = 0.1 + 0.6 / (1 + np.exp((x - 1.5) / 0.2))
    >>> curve = fit_transition(x, y, np.ones(6))
    >>> [round(value, 6) for value in (curve.top, curve.floor, curve.middle, curve.width)]
    [0.7, 0.1, 1.5, 0.2]
    """
    from scipy.optimize import isotonic_regression

    levels, place = np.unique(x, return_inverse=True)
    held = np.bincount(place, weights).astype(np.float64)
    live = held > 0
    held, levels = held[live], levels[live]
    means = np.bincount(place, weights * y)[live] / held
    start = _search(levels, means, held, floor)
    top, low, middle, width = _polish(levels, means, held, start, floor)
    falling = isotonic_regression(means, weights=held, increasing=False).x
    curve = TransitionCurve(top, low, middle, width, 0.0, (levels, falling))
    return replace(curve, rss=float((weights * (y - curve(x)) ** 2).sum()))


def _spacing(x: Array) -> tuple[float, float]:
    """How far x reaches, and its smallest gap that is one between levels."""
    span = float(np.ptp(x))
    return span, max(float(np.diff(x).min()), span / 200)


def _search(x: Array, y: Array, weights: Array, floor: float | None) -> Array:
    """The best of a grid: fall, floor, middle and logarithm of the width."""
    span, gap = _spacing(x)
    middles = np.linspace(x[0] - span / 2, x[-1] + span / 2, _MIDDLES)
    logs = np.linspace(np.log(gap / 10), np.log(span), _WIDTHS)
    middle, log = (grid.ravel() for grid in np.meshgrid(middles, logs))
    share = special.expit((middle[:, None] - x) / np.exp(log)[:, None])
    w = weights / weights.sum()
    own, mean = (0.0, 0.0) if floor is not None else (share @ w, float(y @ w))
    centred = share - np.asarray(own)[..., None]
    out = y - (mean if floor is None else floor)
    square = (centred**2) @ w
    fall = np.maximum((centred * out) @ w / np.maximum(square, 1e-12), 0.0)
    rss = ((out - fall[:, None] * centred) ** 2) @ w
    best = int(rss.argmin())
    low = mean - fall[best] * np.asarray(own)[best] if floor is None else floor
    return np.array([fall[best], low, middle[best], log[best]])


def _polish(
    x: Array, y: Array, weights: Array, start: Array, floor: float | None
) -> tuple[float, float, float, float]:
    """Least squares from a start; the start itself where that is no better."""
    from scipy.optimize import least_squares

    root = np.sqrt(weights / weights.sum())
    free = np.array([True, floor is None, True, True])
    # far narrower than the gaps, or wider than the levels, nothing changes any more
    span, gap = _spacing(x)
    lowest, highest = np.log(gap / 100), np.log(100 * span)

    def parts(p: Array) -> tuple[Array, Array, float]:
        whole = start.copy()
        whole[free] = p
        whole[3] = np.clip(whole[3], lowest, highest)
        width = float(np.exp(whole[3]))
        return whole, special.expit((whole[2] - x) / width), width

    def residuals(p: Array) -> Array:
        whole, share, _ = parts(p)
        left: Array = root * (whole[1] + whole[0] * share - y)
        return left

    def slopes(p: Array) -> Array:
        whole, share, width = parts(p)
        steep = whole[0] * share * (1 - share)
        each = [share, np.ones_like(x), steep / width, -steep * (whole[2] - x) / width]
        return np.stack([root * part for part in each], axis=1)[:, free]

    found = least_squares(
        residuals, start[free], slopes, method="lm", xtol=1e-12, ftol=1e-14, gtol=1e-14
    )
    better = float((found.fun**2).sum()) <= float((residuals(start[free]) ** 2).sum())
    whole, _, width = parts(found.x if better and np.isfinite(found.x).all() else start[free])
    fall, low, middle = (float(value) for value in whole[:3])
    return (low + fall, low, middle, width) if fall >= 0 else (low, low, middle, width)
