"""Linear predictors: a context's intercept plus every term, for many replicates at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.mechanisms.ladder import Projection
from causalhyper.mechanisms.terms import TermSpace, evaluate

OFFSET = 30.0
"""Straight lines are expanded around zero if their centre is fewer standard deviations away."""

Term = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LinearParameters:
    """Parameters of a linear predictor in r replicates.

    Attributes
    ----------
    coefs : ndarray, shape (r, k)
        Coefficients of the terms.
    effects : ndarray, shape (r, contexts)
        Intercept of each context.
    """

    coefs: Array
    effects: Array

    def part(self, rows: slice) -> LinearParameters:
        """Some of the replicates."""
        return LinearParameters(self.coefs[rows], self.effects[rows])

    def starts(self, contexts: Codes) -> Array:
        """Intercepts of draws with contexts of shape (r, m), shape (r, 1, m) or (r, 1, 1)."""
        if self.effects.shape[1] == 1:
            return self.effects[:, :, None]
        return np.take_along_axis(self.effects, contexts, axis=1)[:, None, :]


def predict(
    space: TermSpace,
    parameters: LinearParameters,
    inputs: Sequence[Sequence[Array]],
    start: Array,
    projections: Mapping[int, Projection],
) -> Array:
    """Start plus every term at what it receives.

    Parameters
    ----------
    space : TermSpace
    parameters : LinearParameters
    inputs : sequence of sequence of ndarray, each broadcastable to shape (r, d, m)
        One array an input of each term.
    start : ndarray, shape (r, 1, m)
    projections : mapping of int to (ndarray, ndarray, tuple of Basis)
        Terms, by position, that are replaced by a constant and slopes of their additive
        projection on some bases.

    Returns
    -------
    ndarray, broadcastable to shape (r, d, m)
    """
    total = start
    lines: dict[Term, Array] = {}
    arrays: dict[int, Array] = {}
    for at, (term, where) in enumerate(zip(space.terms, space.slices, strict=True)):
        bases, values = space.bases(term), inputs[at]
        tensor = parameters.coefs[:, where].reshape(-1, *space.shape(term))
        if at in projections:
            constant, slopes, onto = projections[at]
            cuts = np.cumsum([b.size for b in onto])[:-1]
            total = total + constant[:, None, None]
            for part, basis, x in zip(np.split(slopes, cuts, axis=1), onto, values, strict=True):
                total = _add(total, evaluate(part, (basis,), (x,)))
        elif all(b.size == 1 for b in bases) and _same(term, values, arrays):
            arrays |= dict(zip(term, values, strict=True))
            lines[term] = tensor.reshape(-1)
        else:
            total = _add(total, evaluate(tensor, bases, values))
    if not lines:
        return total
    constant, polynomial = _multilinear(space, lines, arrays)
    # the constant goes into the smaller array
    return _add(total + constant, polynomial)


def _same(term: Term, values: Sequence[Array], arrays: Mapping[int, Array]) -> bool:
    """Whether a term receives the same arrays as the terms collected so far."""
    return all(arrays.get(i, x) is x for i, x in zip(term, values, strict=True))


def _add(total: Array, part: Array) -> Array:
    """Sum in the larger array; `total` may be shared, `part` is new."""
    if part.shape == np.broadcast_shapes(total.shape, part.shape):
        part += total
        return part
    return total + part


def _multilinear(
    space: TermSpace, lines: Mapping[Term, Array], arrays: Mapping[int, Array]
) -> tuple[Array, Array]:
    """Sum of products of straight lines: its constant, and the rest as a nested polynomial."""
    constant, monomials, origins = expand_lines(space, lines)
    values = {i: arrays[i] - origin if origin else arrays[i] for i, origin in origins.items()}
    return constant, _horner(monomials, values, sorted(values))


def expand_lines(
    space: TermSpace, lines: Mapping[Term, Array]
) -> tuple[Array, dict[Term, Array], dict[int, float]]:
    """A sum of products of straight lines as monomials of its inputs.

    Parameters
    ----------
    space : TermSpace
    lines : mapping of tuple of int to ndarray, shape (r,)
        The coefficient of each product of straight lines.

    Returns
    -------
    constant : ndarray, shape (r, 1, 1)
    monomials : dict of tuple of int to ndarray, shape (r, 1, 1)
        Coefficients of products of inputs, each less its origin.
    origins : dict of int to float
        Of each input: zero, or its centre where the data lie far from zero.
    """
    origins: dict[int, float] = {}
    ends: dict[int, tuple[float, float]] = {}
    for i in dict.fromkeys(i for term in lines for i in term):
        basis = space.main[i] if space.main[i].size == 1 else space.joint[i]
        centre, slope = basis.line()
        origins[i] = 0.0 if abs(centre * slope) < OFFSET else centre
        ends[i] = (centre - origins[i], slope)
    monomials: dict[Term, Array] = {}
    for term, coef in lines.items():
        for monomial, part in _expand(term, coef, ends).items():
            monomials[monomial] = monomials.get(monomial, 0.0) + part[:, None, None]
    return monomials.pop(()), monomials, origins


def _expand(term: Term, coef: Array, ends: Mapping[int, tuple[float, float]]) -> dict[Term, Array]:
    """``coef * prod_i slope_i (x_i - centre_i)`` as monomials; all subsets of the term."""
    parts: dict[Term, Array] = {(): coef}
    for i in term:
        centre, slope = ends[i]
        grown = {(*m, i): c * slope for m, c in parts.items()}
        parts = {m: -c * (slope * centre) for m, c in parts.items()} | grown
    return parts


def _horner(
    monomials: Mapping[Term, Array], values: Mapping[int, Array], used: Sequence[int]
) -> Array:
    """A multilinear polynomial, nested from its last variable inwards; a new array.

    At least one monomial is given, and with each of several variables all its divisors but the
    constant, which may lack.
    """
    if not used:
        return monomials[()].copy()
    last, rest = used[-1], used[:-1]
    inner = {m: c for m, c in monomials.items() if last not in m}
    outer = {m[:-1]: c for m, c in monomials.items() if last in m}
    if not outer:
        return _horner(inner, values, rest)
    factor, x = _horner(outer, values, rest), values[last]
    if factor.shape == np.broadcast_shapes(factor.shape, x.shape):
        factor *= x
    else:
        factor = factor * x
    return _add(_horner(inner, values, rest), factor) if inner else factor
