"""Values as polynomials in what is drawn: their means need a few moments, not every value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from causalhyper.arrays import Array
from causalhyper.mechanisms.predictors import LinearParameters
from causalhyper.mechanisms.terms import TermSpace

Symbol = tuple[int, str]
"""What is drawn for one node: from which set of draws, and the node."""
Monomial = tuple[Symbol, ...]
"""A product of what is drawn, in order, with repetition; the empty one is the constant."""


@dataclass(frozen=True, slots=True)
class Polynomial:
    """Values of shape (r, d, m), ``sum_k coefs_k * monomial_k``.

    The noise of a run is the same at every dose. With straight lines and their products a value
    is therefore a polynomial in what is drawn, of shape (r, m), and its coefficients are all that
    depends on the dose.

    Attributes
    ----------
    coefs : mapping of Monomial to ndarray, broadcastable to shape (r, d)
    """

    coefs: Mapping[Monomial, Array]

    def __getitem__(self, at: tuple[slice, slice]) -> Polynomial:
        """Some replicates and doses, as of an array."""
        return Polynomial({m: c[at] for m, c in self.coefs.items()})

    def plus(self, other: Polynomial) -> Polynomial:
        """Sum of two."""
        total = dict(self.coefs)
        for m, c in other.coefs.items():
            total[m] = total[m] + c if m in total else c
        return Polynomial(total)

    def times(self, other: Polynomial) -> Polynomial:
        """Product of two."""
        total: dict[Monomial, Array] = {}
        for one, a in self.coefs.items():
            for two, b in other.coefs.items():
                m = tuple(sorted(one + two))
                total[m] = total[m] + a * b if m in total else a * b
        return Polynomial(total)

    def mean(self, moment: Callable[[Monomial], Array | float]) -> Array:
        """Means over draws, broadcastable to shape (r, d), from each monomial's, shape (r, 1)."""
        parts = [c * moment(m) if m else c for m, c in self.coefs.items()]
        total: Array = sum(parts[1:], parts[0])
        return total


def constant(value: Array) -> Polynomial:
    """What is the same in every draw, broadcastable to shape (r, d)."""
    return Polynomial({(): value})


def drawn(symbol: Symbol) -> Polynomial:
    """What is drawn itself."""
    return Polynomial({(symbol,): np.ones((1, 1))})


def multilinear(space: TermSpace) -> bool:
    """Whether every term is a product of straight lines."""
    return all(basis.size == 1 for term in space.terms for basis in space.bases(term))


def predict_polynomial(
    space: TermSpace,
    parameters: LinearParameters,
    inputs: Sequence[Sequence[Polynomial]],
    start: Polynomial,
) -> Polynomial:
    """Start plus every term at what it receives; what `predict` gives, up to rounding.

    Parameters
    ----------
    space : TermSpace
        `multilinear`.
    parameters : LinearParameters
    inputs : sequence of sequence of Polynomial
        One an input of each term.
    start : Polynomial

    Returns
    -------
    Polynomial
    """
    total = start
    for term, where, values in zip(space.terms, space.slices, inputs, strict=True):
        product = constant(parameters.coefs[:, where])
        for basis, x in zip(space.bases(term), values, strict=True):
            centre, slope = basis.line()
            line = x.plus(constant(np.full((1, 1), -centre)))
            product = product.times(line).times(constant(np.full((1, 1), slope)))
        total = total.plus(product)
    return total


def expand_support(
    terms: Sequence[tuple[int, ...]], inputs: Sequence[frozenset[Any]], most: int
) -> frozenset[Monomial] | None:
    """Monomials that some products of inputs can have, given those of the inputs.

    Parameters
    ----------
    terms : sequence of tuple of int
    inputs : sequence of frozenset of Monomial
    most : int

    Returns
    -------
    frozenset of Monomial, or None
        None beyond `most`.
    """
    found: set[Monomial] = {()}
    for term in terms:
        product: set[Monomial] = {()}
        for i in term:
            product = {tuple(sorted(a + b)) for a in product for b in {(), *inputs[i]}}
            if len(product) > most:
                return None
        found |= product
        if len(found) > most:
            return None
    return frozenset(found)
