"""Whether a Krylov space of a random start can have left an eigenvalue out.

A small residual tells that *an* eigenvalue is near a Ritz value. It does not tell that none lies
further out: where the start holds little of that one's eigenvector, the next converges first. But
a start of uniform direction holds too little with a small probability only, which is known.

Source: van Dorsselaer, Hochstenbach and van der Vorst 2001, "Computing probabilistic bounds for
extreme eigenvalues of symmetric matrices with the Lanczos method", SIAM Journal on Matrix Analysis
and Applications 22, 837-852.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import LinAlgError, solve_banded
from scipy.special import betaincinv

MISSED = 1e-3
"""Probability, over starts, that the outermost eigenvalue is left out though it seems found."""


def least_share(size: int, starts: int = 1, missed: float = MISSED) -> float:
    """Give the length that a unit eigenvector has in the span of the starts, but seldom less.

    Parameters
    ----------
    size : int
        p, the dimension.
    starts : int
        Random start vectors, of independent normal entries or uniform direction.
    missed : float
        Probability that the length is less.

    Returns
    -------
    float
        Between 0 and 1; its square is a quantile of the beta distribution of starts / 2 and
        (p - starts) / 2. For one start it is about missed / sqrt(2 p / pi).

    Examples
    --------
    >>> round(least_share(10_000) * math.sqrt(2 * 10_000 / math.pi), 6)
    0.001
    """
    if starts >= size:
        return 1.0
    return math.sqrt(float(betaincinv(starts / 2, (size - starts) / 2, missed)))


def none_above(
    alphas: np.ndarray, betas: np.ndarray, heights: np.ndarray, size: int
) -> np.ndarray:
    r"""Say where an eigenvalue above a height would have been seen by Lanczos from one start.

    With chi the monic polynomial whose roots are the Ritz values, an eigenvector of an eigenvalue
    x has in the last Lanczos vector chi(x) over the product of the betas of its share in the
    start, and no more than 1 of it:

    .. math:: |u^\top s| \le \prod_i \beta_i \,/\, |\chi(x)|

    Parameters
    ----------
    alphas, betas : ndarray, shape (matrices, m)
        Diagonals of the tridiagonal matrices, and what stands beside them, the last being the
        length of the remainder.
    heights : ndarray, shape (matrices,)
        Above the Ritz values.
    size : int
        p, the dimension.

    Returns
    -------
    ndarray of bool, shape (matrices,)
        Whether, but with probability 0.001, no eigenvalue lies above the height.

    Notes
    -----
    chi grows above the Ritz values, so what holds at the height holds above it. The probability is
    that of a start with too little of the largest eigenvalue's vector, so it does not add up over
    the steps at which one asks. All in exact arithmetic. chi is taken from the pivots of the
    shifted matrix, by logarithms.

    Examples
    --------
    >>> alphas, betas = np.array([[1.0, 1.0]]), np.array([[0.1, 1e-6]])
    >>> [bool(none_above(alphas, betas, np.array([x]), 100)[0]) for x in (1.1001, 2.0)]
    [False, True]
    """
    pivot, log = np.ones(len(heights)), np.zeros(len(heights))
    before = np.zeros(len(heights))
    with np.errstate(divide="ignore", invalid="ignore"):
        for alpha, beta in zip(alphas.T, betas.T, strict=True):
            pivot = heights - alpha - before**2 / pivot
            log += np.log(pivot) - np.log(beta)
            before = beta
    return log >= -math.log(least_share(size))


def hidden_share(
    projected: np.ndarray, remainder: np.ndarray, starts: int, height: float
) -> float:
    r"""Bound the length that an eigenvector of a given eigenvalue can have in the starts' span.

    With T the projected matrix, R the remainder, and E the columns of the identity that belong to
    the first and the last block, the eigenvector's coordinates c solve c' (x - T) = d' R E_last'
    for a vector d of length 1 at the most, so that

    .. math:: |c_{\mathrm{first}}| \le \|E_{\mathrm{first}}^\top (x - T)^{-1}
              E_{\mathrm{last}} R^\top\|_2

    Parameters
    ----------
    projected : ndarray, shape (m, m)
        T, block tridiagonal; rounding outside its band is left out.
    remainder : ndarray, shape (r, b)
        R, what the matrix times the last b rows has outside the space.
    starts : int
        Rows of the first block, at least b.
    height : float
        The eigenvalue x.

    Returns
    -------
    float
        The bound, infinite at a Ritz value. With one start it is that of `none_above`.

    Notes
    -----
    With one start the bound has one valley between two neighbouring Ritz values and falls outside
    of all, so that over a stretch without a Ritz value it is largest at an end. With several
    starts that is what one sees, but is not proved.

    Examples
    --------
    >>> T = np.array([[1.0, 0.1], [0.1, 1.0]])
    >>> round(hidden_share(T, np.array([[0.01]]), 1, 2.0), 6)  # 0.1 * 0.01 / (1 - 0.01)
    0.00101
    """
    m, width = len(projected), min(2 * starts - 1, len(projected) - 1)
    band = np.zeros((2 * width + 1, m))
    for j in range(-width, width + 1):
        band[width - j, max(j, 0) : m + min(j, 0)] = -np.diagonal(projected, j)
    band[width] += height
    sides = np.zeros((m, len(remainder)))
    sides[-remainder.shape[1] :] = remainder.T
    try:
        return float(np.linalg.norm(solve_banded((width, width), band, sides)[:starts], 2))
    except LinAlgError:
        return math.inf
