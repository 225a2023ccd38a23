"""Values at doses and draws as sums of products: means over draws without an array of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from causalhyper.arrays import Array
from causalhyper.mechanisms.predictors import LinearParameters, Term, expand_lines
from causalhyper.mechanisms.terms import TermSpace


@dataclass(frozen=True, slots=True)
class Separable:
    """Values of shape (r, d, m), ``dose + sum_k left_k * right_k``.

    The noise of a run is the same at every dose, so with straight lines and their products no
    value depends on dose and draw but through a few such sums.

    Attributes
    ----------
    dose : ndarray, broadcastable to shape (r, d, 1)
        What depends on the dose alone.
    products : tuple of (ndarray, ndarray), broadcastable to shapes (r, d, 1) and (r, 1, m)
        Pairs of what depends on the dose, and what on the draw.
    """

    dose: Array = field(default_factory=lambda: np.zeros((1, 1, 1)))
    products: tuple[tuple[Array, Array], ...] = ()

    def plus(self, other: Separable) -> Separable:
        """Sum of two."""
        return Separable(self.dose + other.dose, self.products + other.products)

    def times(self, other: Separable) -> Separable:
        """Product of two, part by part."""
        one, two = (
            (self.fold(), other.fold()) if self.products and other.products else (self, other)
        )
        pairs = [(a * b, x * y) for a, x in one.products for b, y in two.products]
        crossed = [(a * two.dose, x) for a, x in one.products]
        crossed += [(b * one.dose, y) for b, y in two.products]
        return Separable(one.dose * two.dose, (*pairs, *crossed))

    def fold(self) -> Separable:
        """The same with all that is alike at every dose in a single product."""
        alike = [(a, x) for a, x in self.products if a.shape[1] == 1]
        if len(alike) < 2:
            return self
        varying = [(a, x) for a, x in self.products if a.shape[1] > 1]
        (first, x), *others = alike
        total = first * x
        for a, x in others:
            total = total + a * x
        return Separable(self.dose, ((np.ones((1, 1, 1)), total), *varying))

    def mean(self) -> Array:
        """Means over draws, broadcastable to shape (r, d)."""
        total = self.dose[:, :, 0]
        for left, right in self.products:
            total = total + left[:, :, 0] * right.mean(axis=2)
        return total

    def values(self) -> Array:
        """All values, broadcastable to shape (r, d, m)."""
        total = self.dose
        for left, right in self.products:
            total = total + left * right
        return total


def varying_with_draws(values: Array) -> Separable:
    """What is the same at every dose, from an array of shape (r, 1, m)."""
    return Separable(products=((np.ones((1, 1, 1)), values),))


def separates(space: TermSpace) -> bool:
    """Whether every term is a product of straight lines."""
    return all(basis.size == 1 for term in space.terms for basis in space.bases(term))


def predict_separable(
    space: TermSpace, parameters: LinearParameters, inputs: Sequence[Separable], start: Separable
) -> Separable:
    """Start plus every term; the same numbers as `predict` up to rounding.

    Parameters
    ----------
    space : TermSpace
        Of straight lines and their products.
    parameters : LinearParameters
    inputs : sequence of Separable
        One an input of the space.
    start : Separable

    Returns
    -------
    Separable
    """
    coefs = {
        t: parameters.coefs[:, at.start] for t, at in zip(space.terms, space.slices, strict=True)
    }
    if not coefs:
        return start
    constant, monomials, origins = expand_lines(space, coefs)
    moved = {
        i: inputs[i].plus(Separable(np.full((1, 1, 1), -origin))) if origin else inputs[i]
        for i, origin in origins.items()
    }
    polynomial = _nest(monomials, moved, sorted(moved))
    return start.plus(Separable(dose=constant)).plus(polynomial)


def _nest(
    monomials: Mapping[Term, Array], inputs: Mapping[int, Separable], used: Sequence[int]
) -> Separable:
    """A multilinear polynomial, nested from its last variable inwards."""
    if not used:
        return Separable(dose=monomials[()])
    last, rest = used[-1], used[:-1]
    inner = {m: c for m, c in monomials.items() if last not in m}
    outer = {m[:-1]: c for m, c in monomials.items() if last in m}
    if not outer:
        return _nest(inner, inputs, rest)
    factor = _nest(outer, inputs, rest).times(inputs[last])
    return _nest(inner, inputs, rest).plus(factor) if inner else factor
