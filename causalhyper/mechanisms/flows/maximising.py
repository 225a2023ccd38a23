"""Maximum penalised likelihood by L-BFGS, in units of standard errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.mechanisms.flows.likelihood import Coefficients, Likelihood, Penalties, count

ROUNDS = 100
"""Iterations at most."""
RESTARTS = 3
"""Times that a search goes on in coordinates of its own end, where it has not converged."""
CLOSE = 2e-2
"""A search that stops early has still converged within so many standard errors."""
DIFFERENCE = 1e-5
"""Step of the differences that give second derivatives, over a standard error."""
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
    core : ndarray, shape (q, q)
        Of all coefficients but the context intercepts: one unit is about a standard error.
    contexts : ndarray, shape (contexts,)
        The same for each context intercept.
    """

    core: Array
    contexts: Array

    def out(self, z: Array) -> Array:
        """Coefficients of a point in these coordinates."""
        q = len(self.core)
        return np.concatenate([self.core @ z[:q], self.contexts * z[q:]])

    def back(self, gradient: Array) -> Array:
        """The gradient in these coordinates."""
        q = len(self.core)
        return np.concatenate([gradient[:q] @ self.core, self.contexts * gradient[q:]])


def rough_whitening(likelihood: Likelihood) -> Whitening:
    """Coordinates from the curvature that a normal fit of spread one has.

    Parameters
    ----------
    likelihood : Likelihood

    Returns
    -------
    Whitening
    """
    return Whitening(np.diag(1 / np.sqrt(_usual(likelihood))), _of_contexts(likelihood))


def whitening(likelihood: Likelihood, at: Array) -> Whitening:
    """Coordinates from second derivatives at some coefficients, by differences of gradients.

    Parameters
    ----------
    likelihood : Likelihood
    at : ndarray
        Flat coefficients, near an optimum.

    Returns
    -------
    Whitening
    """
    usual = _usual(likelihood)
    q = len(usual)
    steps = DIFFERENCE / np.sqrt(usual)
    hessian = np.empty((q, q))
    for i, step in enumerate(steps):
        moved = np.zeros(len(at))
        moved[i] = step
        ahead, behind = likelihood(at + moved)[1][:q], likelihood(at - moved)[1][:q]
        hessian[i] = (ahead - behind) / (2 * step)
    scale = np.sqrt(np.outer(usual, usual))
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2 / scale)
    core = vectors / np.sqrt(np.maximum(values, FLOOR)) / np.sqrt(usual)[:, None]
    return Whitening(core, _of_contexts(likelihood))


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


def _of_contexts(likelihood: Likelihood) -> Array:
    counts = count(likelihood.sample, likelihood.weights)
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
        np.zeros(len(start)),
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
        found = maximise(likelihood, found.at, whitening(likelihood, found.at), tolerance)
    return found


def lift(at: Coefficients, into: Penalties, size: int, bends: int, spreads: int) -> Coefficients:
    """Coefficients with zeros where other penalties ask for more of them.

    Parameters
    ----------
    at : Coefficients
    into : Penalties
    size, bends, spreads : int
        Numbers K, q and p of all that there could be.

    Returns
    -------
    Coefficients
    """
    shaped = np.isfinite(into.shape)
    spread = _fit_into(at.spread, (spreads * np.isfinite(into.spread),))
    shape = _fit_into(at.shape, (size * shaped,))
    bent = bends * (shaped and np.isfinite(into.bend))
    bend = _fit_into(at.bend, (size * shaped, bent))
    return Coefficients(at.location, at.contexts, at.level, spread, shape, bend)


def _fit_into(coefs: Array, shape: tuple[int, ...]) -> Array:
    return coefs if coefs.shape == shape else np.zeros(shape)
