"""What a flow learns from each replicate, and the distributions that follow from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Flags
from causalhyper.mechanisms.bases import Basis
from causalhyper.mechanisms.flows.likelihood import BOUND, HALF_LOG_2PI
from causalhyper.mechanisms.flows.splines import MonotoneSpline
from causalhyper.mechanisms.predictors import LinearParameters


@dataclass(frozen=True, slots=True)
class FlowParameters:
    """Coefficients of a flow in r replicates, in the response's unit.

    Attributes
    ----------
    line : LinearParameters
        Of the mean.
    level : ndarray, shape (r,)
        Intercept of the log standard deviation.
    spread : ndarray, shape (r, p)
        Its coefficients; p = 0 for equal spread.
    shape : ndarray, shape (r, K)
        Log slopes; K = 0 for normal noise.
    bend : ndarray, shape (r, K, q)
        What causes add to them; q = 0 for one shape everywhere.
    converged : ndarray of bool, shape (r,)
        Whether the likelihood's maximum was found.
    """

    line: LinearParameters
    level: Array
    spread: Array
    shape: Array
    bend: Array
    converged: Flags

    @property
    def coefs(self) -> Array:
        """Coefficients of the mean's terms, shape (r, k)."""
        return self.line.coefs

    @property
    def effects(self) -> Array:
        """Intercepts of the mean, shape (r, contexts)."""
        return self.line.effects

    def part(self, rows: slice) -> FlowParameters:
        """Some of the replicates."""
        return FlowParameters(
            self.line.part(rows),
            self.level[rows],
            self.spread[rows],
            self.shape[rows],
            self.bend[rows],
            self.converged[rows],
        )


@dataclass(frozen=True, slots=True)
class Noise:
    """How noise enters a head: spread and shape as functions of the causes.

    Beyond the range that a cause has in the data, both stay as at its end.

    Attributes
    ----------
    spreads, bends : tuple of Basis
        One a cause: functions of the log standard deviation, and of the shape.
    spline : MonotoneSpline
    """

    spreads: tuple[Basis, ...]
    bends: tuple[Basis, ...]
    spline: MonotoneSpline

    def deviation(self, parameters: FlowParameters, causes: Sequence[Array]) -> Array:
        """Standard deviation at causes, each broadcastable to (r, d, m)."""
        total = parameters.level[:, None, None]
        if parameters.spread.shape[1]:
            cuts = np.cumsum([b.size for b in self.spreads])[:-1]
            parts = np.split(parameters.spread, cuts, axis=1)
            for part, basis, x in zip(parts, self.spreads, causes, strict=True):
                total = total + basis.combine(part, inside(basis, x))
        return np.exp(total)

    def slopes(self, parameters: FlowParameters, causes: Sequence[Array]) -> Array:
        """Slopes theta at causes, broadcastable to shape (r, d, m, K)."""
        logs = parameters.shape[:, None, None, :]
        at = 0
        for basis, x in zip(self.bends, causes, strict=True) if parameters.bend.size else ():
            own = parameters.bend[:, None, :, at : at + basis.size]
            logs = logs + basis(inside(basis, x)) @ own.swapaxes(2, 3)
            at += basis.size
        return np.exp(np.clip(logs, -BOUND, BOUND))

    def push(self, parameters: FlowParameters, causes: Sequence[Array], u: Array) -> Array:
        """Standardised noise of normal u, broadcastable to shape (r, d, m)."""
        if not parameters.shape.shape[1]:
            return u
        return self.spline.push(u, self.slopes(parameters, causes))

    def pull(self, parameters: FlowParameters, causes: Sequence[Array], e: Array) -> Array:
        """The normal u behind standardised noise of shape (r, d, m)."""
        if not parameters.shape.shape[1]:
            return e
        found = np.empty_like(e)
        for r, theta in self._each(parameters, causes, e):
            found[r] = self.spline.pull(e[r].ravel(), theta).reshape(e.shape[1:])
        return found

    def log_density(self, parameters: FlowParameters, causes: Sequence[Array], e: Array) -> Array:
        """Log density of standardised noise of shape (r, d, m)."""
        if not parameters.shape.shape[1]:
            return -0.5 * e * e - HALF_LOG_2PI
        found = np.empty_like(e)
        for r, theta in self._each(parameters, causes, e):
            u = self.spline.pull(e[r].ravel(), theta)
            slope = (theta * self.spline.table(u)[1]).sum(axis=1) / self.spline.deviation(theta)
            density = -0.5 * u * u - HALF_LOG_2PI - np.log(slope)
            found[r] = density.reshape(e.shape[1:])
        return found

    def _each(
        self, parameters: FlowParameters, causes: Sequence[Array], e: Array
    ) -> Iterator[tuple[int, Array]]:
        """Slopes of one replicate after the other: shape (1, K) or (d m, K)."""
        for r in range(len(e)):
            own = [x[r : r + 1] if len(x) > 1 else x for x in causes]
            theta = self.slopes(parameters.part(slice(r, r + 1)), own)
            if theta.size > theta.shape[-1]:
                theta = np.broadcast_to(theta, (1, *e.shape[1:], theta.shape[-1]))
            yield r, theta.reshape(-1, theta.shape[-1])


def inside(basis: Basis, x: Array) -> Array:
    """Values moved to the nearest end of the data's range."""
    clipped: Array = np.clip(x, basis.knots[0], basis.knots[-1])
    return clipped


def tabulate(bases: Sequence[Basis], inputs: Sequence[Array]) -> Array:
    """Functions of all inputs side by side, shape (n, sum of sizes)."""
    n = len(inputs[0]) if inputs else 0
    tables = [basis(inside(basis, x)) for basis, x in zip(bases, inputs, strict=False)]
    return np.concatenate([np.empty((n, 0)), *tables], axis=1)
