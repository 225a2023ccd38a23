"""Maximum penalised likelihood by L-BFGS, in units of standard errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.mechanisms.flows.likelihood import Likelihood, count

ROUNDS = 100
"""Iterations at most."""
RESTARTS = 3
"""Times that a search goes on in coordinates of its own end, where it has not converged."""
CLOSE = 2e-2
"""A search that stops early has still converged within so many standard errors."""
DIFFERENCE = 1e-5
"""Step of the differences that give second derivatives, over a standard error."""
EVERY = slice(None)
"""All coefficients."""
FLOOR = 1e-3
"""Smallest curvature, over what a normal fit has."""


@dataclass(frozen=True, slots=True)
class Optimum:
    """Where a search ended.

    Attributes
    ----------
    at : ndarray
        Coefficients, flat.
    loss : float
    converged : bool
    """

    at: Array
    loss: float
    converged: bool


@dataclass(frozen=True, slots=True)
class Whitening:
    """Coordinates in which the loss bends about equally in all directions.

    Attributes
    ----------
    core : ndarray, shape (q, d)
        Of all q coefficients but the context intercepts, of which d move: one unit is about a
        standard error.
    contexts : ndarray, shape (contexts,)
        The same for each context intercept; zeros where they stay.
    moving : slice
        Which of the q coefficients move; where they are not all, context intercepts stay.
    """

    core: Array
    contexts: Array
    moving: slice

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return self.core.shape[1] + len(self.contexts)

    def out(self, z: Array) -> Array:
        """Coefficients of a point in these coordinates."""
        d = self.core.shape[1]
        return np.concatenate([self.core @ z[:d], self.contexts * z[d:]])

    def back(self, gradient: Array) -> Array:
        """The gradient in these coordinates."""
        q = len(self.core)
        return np.concatenate([gradient[:q] @ self.core, self.contexts * gradient[q:]])


def rough_whitening(likelihood: Likelihood, moving: slice = EVERY) -> Whitening:
    """Coordinates from the curvature that a normal fit of spread one has.

    Parameters
    ----------
    likelihood : Likelihood
    moving : slice
        Coefficients that are searched for.

    Returns
    -------
    Whitening
    """
    core = np.diag(1 / np.sqrt(_usual(likelihood)))[:, moving]
    return Whitening(core, _of_contexts(likelihood, moving), moving)


def whitening(likelihood: Likelihood, at: Array, moving: slice = EVERY) -> Whitening:
    """Coordinates from second derivatives at some coefficients, by differences of gradients.

    Parameters
    ----------
    likelihood : Likelihood
    at : ndarray
        Flat coefficients, near an optimum.
    moving : slice
        Coefficients that are searched for.

    Returns
    -------
    Whitening
    """
    usual = _usual(likelihood)
    which = np.arange(len(usual))[moving]
    steps = DIFFERENCE / np.sqrt(usual[which])
    hessian = np.empty((len(which), len(which)))
    for row, i, step in zip(hessian, which, steps, strict=True):
        moved = np.zeros(len(at))
        moved[i] = step
        row[:] = (likelihood(at + moved)[1] - likelihood(at - moved)[1])[which] / (2 * step)
    scale = np.sqrt(usual[which])
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2 / np.outer(scale, scale))
    core = np.zeros((len(usual), len(which)))
    core[which] = vectors / np.sqrt(np.maximum(values, FLOOR)) / scale[:, None]
    return Whitening(core, _of_contexts(likelihood, moving), moving)


def _usual(likelihood: Likelihood) -> Array:
    """Diagonal curvature of all but the context intercepts, at spread one."""
    sample, w, own = likelihood.sample, likelihood.weights, likelihood.penalties
    sizes = list(likelihood.sizes())
    total = max(float(w.sum()), 1.0)
    shape, bend = sizes[3], sizes[4]
    parts = [
        w @ sample.location**2,
        np.array([2 * total]),
        2 * (w @ sample.spread**2)[: sizes[2]] + (own.spread if sizes[2] else 0.0),
        np.full(shape, total / max(shape, 1) + 2 * (own.shape if shape else 0.0)),
        np.full(bend, total / max(shape, 1) + 2 * (own.bend if bend else 0.0)),
    ]
    return np.maximum(np.concatenate(parts), 1e-6 * total)


def _of_contexts(likelihood: Likelihood, moving: slice) -> Array:
    counts = count(likelihood.sample, likelihood.weights)
    if moving != EVERY:
        return np.zeros_like(counts)
    found: Array = 1 / np.sqrt(np.maximum(counts + likelihood.penalties.pooling, 1.0))
    return found


def maximise(likelihood: Likelihood, start: Array, by: Whitening, tolerance: float) -> Optimum:
    """Search from a start.

    Parameters
    ----------
    likelihood : Likelihood
    start : ndarray
        Flat coefficients.
    by : Whitening
    tolerance : float
        The search stops where the gradient is smaller in these coordinates, that is, about so
        many standard errors from the optimum.

    Returns
    -------
    Optimum

    Notes
    -----
    Source: Byrd, Lu, Nocedal and Zhu 1995 (L-BFGS-B, here without bounds).
    """
    from scipy.optimize import minimize

    def loss(z: Array) -> tuple[float, Array]:
        value, gradient = likelihood(start + by.out(z))
        return value, by.back(gradient)

    found = minimize(
        loss,
        np.zeros(by.size),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": ROUNDS, "maxcor": 20, "gtol": tolerance, "ftol": 0.0},
    )
    slope = float(np.abs(found.jac).max(initial=0.0))
    finite = bool(np.isfinite(found.fun))
    return Optimum(start + by.out(found.x), float(found.fun), finite and slope <= CLOSE)


def climb(likelihood: Likelihood, start: Array, by: Whitening, tolerance: float) -> Optimum:
    """Search as `maximise` does, and go on in better coordinates where it has not converged.

    Parameters
    ----------
    likelihood : Likelihood
    start : ndarray
    by : Whitening
    tolerance : float

    Returns
    -------
    Optimum
    """
    found = maximise(likelihood, start, by, tolerance)
    for _ in range(RESTARTS):
        if found.converged or not np.isfinite(found.loss):
            break
        nearer = whitening(likelihood, found.at, by.moving)
        found = maximise(likelihood, found.at, nearer, tolerance)
    return found
