"""Estimates in two stages: mean and spread as if noise were normal, then the noise's shape.

The first stage is a quasi-likelihood: whatever the shape of the noise, its maximum is consistent
for the mean, and the mean is consistent even where the spread has another form. The joint
likelihood would let a tail that the spline cannot follow move the mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from causalhyper.arrays import Array
from causalhyper.mechanisms.flows.likelihood import Coefficients, Likelihood
from causalhyper.mechanisms.flows.maximising import (
    Optimum,
    Whitening,
    climb,
    rough_whitening,
    whitening,
)

SKEWS = (0.0, 1.0, -1.0)
"""Starts of a new shape: log slopes that differ so much between the two tails."""


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Coordinates of both stages.

    Attributes
    ----------
    first : Whitening
        Of mean and spread.
    second : Whitening or None
        Of the shape; None where noise is normal.
    """

    first: Whitening
    second: Whitening | None


def rough_coordinates(likelihood: Likelihood) -> Coordinates:
    """Coordinates that need no fit."""
    shaped = np.isfinite(likelihood.penalties.shape)
    second = rough_whitening(likelihood, _shape(likelihood)) if shaped else None
    return Coordinates(rough_whitening(without_shape(likelihood)), second)


def coordinates(likelihood: Likelihood, at: Array) -> Coordinates:
    """Coordinates from second derivatives at flat coefficients."""
    shaped = np.isfinite(likelihood.penalties.shape)
    second = whitening(likelihood, at, _shape(likelihood)) if shaped else None
    flat = _normal_part(likelihood.unpack(at)).flat()
    return Coordinates(whitening(without_shape(likelihood), flat), second)


def estimate(
    likelihood: Likelihood, start: Coefficients, by: Coordinates, tolerance: float
) -> tuple[Coefficients, bool]:
    """Mean and spread by normal quasi-likelihood, then the shape by likelihood.

    Parameters
    ----------
    likelihood : Likelihood
    start : Coefficients
        Those that the likelihood has none of are left away, those that lack start at zero; a
        shape that lacks starts from several skews.
    by : Coordinates
    tolerance : float
        In standard errors.

    Returns
    -------
    at : Coefficients
    converged : bool

    Notes
    -----
    Source of the first stage: Gourieroux, Monfort and Trognon 1984, "Pseudo maximum likelihood
    methods: theory".
    """
    size, spreads = likelihood.spline.size, likelihood.sample.spread.shape[1]
    shaped = bool(np.isfinite(likelihood.penalties.shape))
    p = spreads * bool(np.isfinite(likelihood.penalties.spread))
    first = replace(_normal_part(start), spread=_fit_into(start.spread, (p,)))
    normal = without_shape(likelihood)
    found = climb(normal, first.flat(), by.first, tolerance)
    if not shaped or by.second is None:
        return normal.unpack(found.at), found.converged
    bent = likelihood.sample.bend.shape[1] * bool(np.isfinite(likelihood.penalties.bend))
    shape, bend = _fit_into(start.shape, (size,)), _fit_into(start.bend, (size, bent))
    skews = (0.0,) if start.shape.size else SKEWS
    begun = replace(normal.unpack(found.at), shape=shape, bend=bend)
    ends = [climb(likelihood, _skewed(begun, skew).flat(), by.second, tolerance) for skew in skews]
    best: Optimum = min(ends, key=lambda o: o.loss)
    return likelihood.unpack(best.at), found.converged and best.converged


def without_shape(likelihood: Likelihood) -> Likelihood:
    """The same with normal noise."""
    penalties = replace(likelihood.penalties, shape=np.inf, bend=np.inf)
    return replace(likelihood, penalties=penalties)


def _normal_part(at: Coefficients) -> Coefficients:
    return replace(at, shape=np.empty(0), bend=np.empty((0, 0)))


def _shape(likelihood: Likelihood) -> slice:
    """Where shape and bend stand among the coefficients."""
    k, one, p, size, bend, _ = likelihood.sizes()
    return slice(k + one + p, k + one + p + size + bend)


def _skewed(at: Coefficients, skew: float) -> Coefficients:
    return replace(at, shape=at.shape + np.linspace(-skew / 2, skew / 2, len(at.shape)))


def _fit_into(coefs: Array, shape: tuple[int, ...]) -> Array:
    return coefs if coefs.shape == shape else np.zeros(shape)
