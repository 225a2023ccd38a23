"""Monotone splines of a standard normal variable, of mean zero and variance one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from causalhyper.arrays import Array, Codes

EDGE = 2.5
"""The slope varies between -EDGE and EDGE, in standard deviations; beyond, it is constant."""
FAR = 12.0
"""Where integrals over the normal distribution end."""
NODES = 24
"""Gauss-Legendre nodes a panel; integrands are polynomials times the normal density."""
ROUNDS = 60
"""Newton steps of the inverse at most; bisection alone would need about as many."""
STEP = 1e-9
"""The inverse stops after a smaller step: the next would be about its square."""


@dataclass(frozen=True, slots=True)
class MonotoneSpline:
    """Increasing functions ``R(u) = sum_k theta_k C_k(u) / sd`` of a normal variable u.

    The slope of each is a sum of K bumps (quadratic B-splines) that add up to one, with
    positive coefficients theta; it is constant beyond the outer knots. So R maps the line onto
    the line, has two continuous derivatives, and a density of its image follows. C_k is the
    integral of bump k less its mean, and sd^2 = theta' V theta, so R(u) has mean zero and
    variance one for every theta; equal coefficients make it the identity.

    Attributes
    ----------
    knots : ndarray, shape (bins + 1,)
        Equally spaced.
    bumps : ndarray, shape (3, bins, K)
        Coefficients of 1, v, v^2 of each bump in each bin, where v runs from 0 to 1 in the bin.
    integrals : ndarray, shape (4, bins, K)
        Coefficients of 1, v, v^2, v^3 of each C_k.
    gram : ndarray, shape (K, K)
        V: the covariances of C_k(u).
    """

    knots: Array
    bumps: Array
    integrals: Array
    gram: Array

    @property
    def size(self) -> int:
        """Number of coefficients, K."""
        return len(self.gram)

    @property
    def width(self) -> float:
        """Width of a bin."""
        return float(self.knots[1] - self.knots[0])

    def _locate(self, u: Array) -> tuple[Codes, Array, Array]:
        """Bin, place in it in [0, 1], and what is left over beyond the outer knots."""
        bins = len(self.knots) - 1
        steps = (u - self.knots[0]) / self.width
        bin_ = np.clip(np.floor(steps), 0, bins - 1).astype(np.intp)
        v = np.clip(steps - bin_, 0.0, 1.0)
        return bin_, v, (steps - bin_ - v) * self.width

    def values(self, u: Array) -> Array:
        """Each C_k at u, shape ``u.shape + (K,)``."""
        bin_, v, beyond = self._locate(u)
        return self._integrated(bin_, v, beyond)

    def _integrated(self, bin_: Codes, v: Array, beyond: Array) -> Array:
        found = _horner(self.integrals, bin_, v)
        found[..., 0] += np.minimum(beyond, 0.0)
        found[..., -1] += np.maximum(beyond, 0.0)
        return found

    def table(self, u: Array) -> tuple[Array, Array, Array]:
        """C_k, its slope (bump k), and the slope's slope at u; each ``u.shape + (K,)``."""
        bin_, v, beyond = self._locate(u)
        bumps = _horner(self.bumps, bin_, v)
        bends = self.bumps[1].take(bin_, axis=0)
        bends += (2.0 * v)[..., None] * self.bumps[2].take(bin_, axis=0)
        bends *= np.where(beyond == 0.0, 1.0 / self.width, 0.0)[..., None]
        return self._integrated(bin_, v, beyond), bumps, bends

    def deviation(self, theta: Array) -> Array:
        """Standard deviation of ``sum_k theta_k C_k``; theta of shape (..., K)."""
        found: Array = np.sqrt(((theta @ self.gram) * theta).sum(axis=-1))
        return found

    def push(self, u: Array, theta: Array) -> Array:
        """R(u): theta of shape (..., K) broadcastable to ``u.shape + (K,)``."""
        summed: Array = (self.values(u) * theta).sum(axis=-1)
        return summed / self.deviation(theta)

    def pull(self, e: Array, theta: Array) -> Array:
        """The u with R(u) = e.

        Parameters
        ----------
        e : ndarray, shape (n,)
        theta : ndarray, shape (1, K) or (n, K)
            Positive.

        Returns
        -------
        ndarray, shape (n,)
            Exact up to rounding: by Newton's method, kept inside a bracket that shrinks.
        """
        target = e * self.deviation(theta)
        pieces = np.moveaxis(self.integrals @ theta.T, 2, 0)
        ends = pieces.sum(axis=1)
        above = target[:, None] >= ends[:, :-1]
        bin_ = above.sum(axis=1)
        row = np.arange(len(target)) if len(theta) > 1 else np.zeros(len(target), dtype=np.intp)
        c0, c1, c2, c3 = pieces[row, :, bin_].T
        v = _solve(c1, c2, c3, target - c0, np.maximum(c1 + c2 + c3, np.finfo(float).tiny))
        u = self.knots[bin_] + self.width * v
        low, high = target - pieces[row, 0, 0], target - ends[row, -1]
        u = np.where(low < 0, self.knots[0] + low / theta[row, 0], u)
        return np.where(high > 0, self.knots[-1] + high / theta[row, -1], u)


def _horner(coefs: Array, bin_: Codes, v: Array) -> Array:
    """Polynomials in v whose coefficients depend on the bin, lowest power first."""
    found: Array = coefs[-1].take(bin_, axis=0)
    for coef in coefs[-2::-1]:
        found *= v[..., None]
        found += coef.take(bin_, axis=0)
    return found


def _solve(c1: Array, c2: Array, c3: Array, target: Array, rise: Array) -> Array:
    """Where increasing cubics without a constant reach their target, in [0, 1]."""
    low, high = np.zeros_like(target), np.ones_like(target)
    v = np.clip(target / rise, 0.0, 1.0)
    for _ in range(ROUNDS):
        error = ((c3 * v + c2) * v + c1) * v - target
        low, high = np.where(error <= 0, v, low), np.where(error >= 0, v, high)
        slope = (3 * c3 * v + 2 * c2) * v + c1
        moved = v - error / np.maximum(slope, np.finfo(float).tiny)
        # a step that leaves the bracket is replaced by its middle
        moved = np.where((moved >= low) & (moved <= high), moved, (low + high) / 2)
        step = np.abs(moved - v).max(initial=0.0)
        v = moved
        if step < STEP:
            break
    return v


@lru_cache
def make_monotone_spline(size: int) -> MonotoneSpline:
    """Build the functions C_k and their covariances under the standard normal distribution.

    Parameters
    ----------
    size : int
        K, the number of slopes, at least 2.

    Returns
    -------
    MonotoneSpline

    Examples
    --------
    >>> spline = make_monotone_spline(4)
    >>> spline.push(np.array([-3.0, 0.5]), np.ones(4)).round(12)
    array([-3. ,  0.5])
    """
    knots = np.linspace(-EDGE, EDGE, size + 1)
    width = float(knots[1] - knots[0])
    bumps = _bumps(knots)
    integrals = np.zeros((4, *bumps.shape[1:]))
    integrals[1:] = width * bumps / np.array([1.0, 2.0, 3.0])[:, None, None]
    integrals[0, 1:] = np.cumsum(integrals.sum(axis=0), axis=0)[:-1]
    raw = MonotoneSpline(knots, bumps, integrals, np.eye(size))
    u, density = _normal_quadrature(knots)
    integrals[0] -= density @ raw.values(u)
    centred = MonotoneSpline(knots, bumps, integrals, np.eye(size)).values(u)
    return MonotoneSpline(knots, bumps, integrals, (centred * density[:, None]).T @ centred)


def _bumps(knots: Array) -> Array:
    """Quadratic B-splines; the outermost two at either end are one, whose slope ends at zero."""
    from scipy.interpolate import BSpline

    bins = len(knots) - 1
    padded = np.concatenate([knots[:1].repeat(2), knots, knots[-1:].repeat(2)])
    start, middle, end = (
        BSpline(padded, np.eye(bins + 2), 2)(x)
        for x in (knots[:-1], (knots[:-1] + knots[1:]) / 2, knots[1:])
    )
    all_ = np.stack(
        [start, -3 * start + 4 * middle - end, 2 * start - 4 * middle + 2 * end]
    ).astype(np.float64)
    first, last = all_[..., :2].sum(axis=-1), all_[..., -2:].sum(axis=-1)
    return np.concatenate([first[..., None], all_[..., 2:-2], last[..., None]], axis=-1)


def _normal_quadrature(knots: Array) -> tuple[Array, Array]:
    """Nodes between -FAR and FAR with no knot inside a panel, and the normal weights there."""
    x, w = np.polynomial.legendre.leggauss(NODES)
    tail = np.linspace(EDGE, FAR, 20)
    ends = np.concatenate([-tail[::-1], knots[1:-1], tail])
    half = np.diff(ends)[:, None] / 2
    u = (ends[:-1, None] + half + half * x).ravel()
    density = (half * w).ravel() * np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)
    return u, density / density.sum()
