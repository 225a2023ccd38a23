"""The penalised likelihood of a conditional flow, with its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.mechanisms.flows.splines import MonotoneSpline

BOUND = 15.0
"""Log scales and log slopes count as this large at most, whatever a search tries."""
HALF_LOG_2PI = 0.5 * float(np.log(2 * np.pi))


@dataclass(frozen=True, slots=True)
class Penalties:
    """Ridge penalties of what bends a flow away from normal noise of equal spread.

    Attributes
    ----------
    spread : float
        On the coefficients of the log standard deviation, with functions of mean square one;
        infinite for equal spread.
    shape : float
        On differences between neighbouring log slopes; infinite for normal noise.
    bend : float
        On the same differences of what each cause adds to the log slopes; infinite for one
        shape everywhere.
    pooling : float
        On deviations of context intercepts from their mean; 0 for fixed effects.
    """

    spread: float = np.inf
    shape: float = np.inf
    bend: float = np.inf
    pooling: float = 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What the likelihood is made of.

    Attributes
    ----------
    y : ndarray, shape (n,)
    location : ndarray, shape (n, k)
        Columns of the mean.
    spread : ndarray, shape (n, p)
        Columns of the log standard deviation, beside its intercept.
    bend : ndarray, shape (n, q)
        Columns on which the shape depends.
    contexts : ndarray of int, shape (n,)
    count : int
        Number of contexts; 0 where their intercepts were removed by centring within contexts.
    """

    y: Array
    location: Array
    spread: Array
    bend: Array
    contexts: Codes
    count: int

    def part(self, rows: Codes) -> Sample:
        """Some of the rows."""
        return Sample(
            self.y.take(rows),
            self.location.take(rows, axis=0),
            self.spread.take(rows, axis=0),
            self.bend.take(rows, axis=0),
            self.contexts.take(rows),
            self.count,
        )


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Coefficients of one flow, or their gradient.

    Attributes
    ----------
    location : ndarray, shape (k,)
    contexts : ndarray, shape (contexts,)
        Intercepts of the mean.
    level : ndarray, shape (1,)
        Intercept of the log standard deviation.
    spread : ndarray, shape (p,)
    shape : ndarray, shape (K,)
        Log slopes.
    bend : ndarray, shape (K, q)
    """

    location: Array
    contexts: Array
    level: Array
    spread: Array
    shape: Array
    bend: Array

    def flat(self) -> Array:
        """All of them, the context intercepts last."""
        parts = (self.location, self.level, self.spread, self.shape, self.bend, self.contexts)
        return np.concatenate([p.ravel() for p in parts])


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Minus the penalised log-likelihood of a flow ``y = m(x) + exp(s(x)) R(u; x)``.

    Attributes
    ----------
    sample : Sample
    weights : ndarray, shape (n,)
        How often each row counts.
    spline : MonotoneSpline
    penalties : Penalties
        What has an infinite penalty has no coefficients.
    """

    sample: Sample
    weights: Array
    spline: MonotoneSpline
    penalties: Penalties
    roughness: Array = field(init=False)

    def __post_init__(self) -> None:
        steps = np.diff(np.eye(self.spline.size), axis=0)
        object.__setattr__(self, "roughness", steps.T @ steps)

    def sizes(self) -> Iterator[int]:
        """Numbers of coefficients, in the order of `Coefficients.flat`."""
        own = self.penalties
        shaped = np.isfinite(own.shape)
        yield self.sample.location.shape[1]
        yield 1
        yield self.sample.spread.shape[1] * np.isfinite(own.spread)
        yield self.spline.size * shaped
        yield self.spline.size * self.sample.bend.shape[1] * (shaped and np.isfinite(own.bend))
        yield self.sample.count

    def unpack(self, flat: Array) -> Coefficients:
        """Coefficients from one array; what is penalised infinitely is empty."""
        cuts = np.cumsum(list(self.sizes()))[:-1]
        location, level, spread, shape, bend, contexts = np.split(flat, cuts)
        q = bend.size // max(shape.size, 1)
        return Coefficients(location, contexts, level, spread, shape, bend.reshape(shape.size, q))

    def located(self, at: Coefficients) -> Array:
        """Means of the rows, shape (n,)."""
        mean: Array = self.sample.location @ at.location
        if self.sample.count:
            mean += at.contexts[self.sample.contexts]
        return mean

    def rows(self, at: Coefficients, mean: Array | None = None) -> tuple[Array, ...]:
        """Log density of each row, and its derivatives by mean, log sd and log slopes.

        Parameters
        ----------
        at : Coefficients
        mean : ndarray, shape (n,), optional
            In place of the mean that the coefficients give.

        Returns
        -------
        density, by_mean, by_spread : ndarray, shape (n,)
        by_shape : ndarray, shape (n, K)
            Empty where the noise is normal.

        Notes
        -----
        With ``e = (y - m) / exp(s)``, ``F(u) = sum_k theta_k C_k(u)`` and ``F(u) = sd e``, the
        log density is ``log phi(u) - log F'(u) + log sd - s``; u follows from the rest by the
        implicit function theorem.
        """
        log_sd = at.level + (self.sample.spread @ at.spread if at.spread.size else 0.0)
        scale = np.exp(np.clip(log_sd, -BOUND, BOUND))
        e = (self.sample.y - (self.located(at) if mean is None else mean)) / scale
        if not at.shape.size:
            density = -0.5 * e * e - log_sd - HALF_LOG_2PI
            return density, e / scale, e * e - 1.0, np.empty((len(e), 0))
        theta = slopes(at.shape, at.bend, self.sample.bend)
        sd = self.spline.deviation(theta)
        u = self.spline.pull(e, theta)
        values, bumps, bends = self.spline.table(u)
        slope = (theta * bumps).sum(axis=1)
        density = -0.5 * u * u - np.log(slope / sd) - log_sd - HALF_LOG_2PI
        a = -(u + (theta * bends).sum(axis=1) / slope) / slope
        by_shape = ((a * e + 1.0 / sd) / sd)[:, None] * (theta @ self.spline.gram)
        by_shape -= a[:, None] * values
        by_shape -= bumps / slope[:, None]
        by_shape *= theta
        push = -a * sd
        return density, push / scale, push * e - 1.0, by_shape

    def __call__(self, flat: Array) -> tuple[float, Array]:
        """Loss and gradient."""
        at, w, sample = self.unpack(flat), self.weights, self.sample
        density, by_mean, by_spread, by_shape = self.rows(at)
        by_mean, by_spread = w * by_mean, w * by_spread
        by_shape *= w[:, None]
        gradient = Coefficients(
            -(by_mean @ sample.location),
            -count(sample, by_mean),
            np.array([-by_spread.sum()]),
            -(by_spread @ sample.spread) if at.spread.size else at.spread,
            -by_shape.sum(axis=0),
            -(by_shape.T @ sample.bend) if at.bend.size else at.bend,
        )
        penalty, pull = self._penalise(at)
        return penalty - float(w @ density), gradient.flat() + pull.flat()

    def _penalise(self, at: Coefficients) -> tuple[float, Coefficients]:
        """Penalty and its gradient."""
        own = self.penalties
        zero = [np.zeros_like(x) for x in (at.location, at.level)]
        away = at.contexts - (at.contexts.mean() if self.sample.count else 0.0)
        spread = own.spread * at.spread if at.spread.size else at.spread
        # the mean log slope has no effect: a pull to zero settles it
        shape = self._rough(at.shape, own.shape)
        bend = self._rough(at.bend, own.bend)
        pull = Coefficients(zero[0], own.pooling * away, zero[1], spread, shape, bend)
        twice = at.spread @ spread + at.shape @ shape + (at.bend * bend).sum()
        return 0.5 * float(twice + own.pooling * (away @ away)), pull

    def _rough(self, coefs: Array, penalty: float) -> Array:
        """Gradient of the roughness penalty on coefficients of shape (K, ...)."""
        if not coefs.size:
            return coefs
        return penalty * (self.roughness @ coefs) + coefs.mean(axis=0)

    def on(self, rows: Codes, weights: Array) -> Likelihood:
        """The same for some rows with other weights, shape (len(rows),)."""
        return replace(self, sample=self.sample.part(rows), weights=weights)


def slopes(shape: Array, bend: Array, columns: Array) -> Array:
    """Slopes theta at rows of columns: shape (1, K), or (n, K) where causes bend them."""
    logs = shape[None, :]
    if bend.size:
        logs = logs + columns @ bend.T
    return np.exp(np.clip(logs, -BOUND, BOUND))


def count(sample: Sample, values: Array) -> Array:
    """Sums over the rows of each context, shape (contexts,)."""
    if not sample.count:
        return np.empty(0)
    return np.bincount(sample.contexts, values, sample.count).astype(np.float64)
