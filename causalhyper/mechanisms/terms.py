"""Terms of a functional ANOVA: tensor products of bases, and their additive projection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import prod

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms.bases import Basis, make_basis

ADDITIVE = 6
"""Functions an input of the additive projection under a joint distribution."""


@dataclass(frozen=True, slots=True)
class TermSpace:
    """Terms of several inputs: each a tensor product of centred bases.

    Because each basis has mean zero in the data, a term integrates to zero over each of its
    inputs, given the others, under the product of the observed margins: the terms are the
    functional ANOVA decomposition with that reference.

    Attributes
    ----------
    terms : tuple of tuple of int
        The inputs of each term, increasing.
    main, joint : tuple of Basis
        One a term input: for terms of one input, and for terms of several.
    """

    terms: tuple[tuple[int, ...], ...]
    main: tuple[Basis, ...]
    joint: tuple[Basis, ...]

    def bases(self, term: tuple[int, ...]) -> tuple[Basis, ...]:
        """The basis of each input of `term`."""
        pool = self.main if len(term) == 1 else self.joint
        return tuple(pool[i] for i in term)

    def shape(self, term: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the coefficients of `term`."""
        return tuple(b.size for b in self.bases(term))

    @property
    def slices(self) -> tuple[slice, ...]:
        """Where each term's coefficients stand in the coefficient vector."""
        return _slices(tuple(prod(self.shape(t)) for t in self.terms))

    @property
    def size(self) -> int:
        """Number of coefficients."""
        return self.slices[-1].stop if self.terms else 0

    @property
    def used(self) -> tuple[int, ...]:
        """Inputs of some term."""
        return tuple(sorted({i for term in self.terms for i in term}))

    def columns(self, inputs: Sequence[Array], rows: int | None = None) -> Array:
        """Design columns, shape ``(n, size)``, at inputs of shape (n,) each.

        Without terms the number of rows must be given.
        """
        if not self.terms:
            return np.empty((0 if rows is None else rows, 0))
        return self.tabulate([[inputs[i] for i in term] for term in self.terms])

    def tabulate(self, inputs: Sequence[Sequence[Array]]) -> Array:
        """Design columns, shape ``(n, size)``, where each term has inputs of its own."""
        table = np.empty((len(inputs[0][0]), self.size))
        for term, values, where in zip(self.terms, inputs, self.slices, strict=True):
            tables = [basis(x) for basis, x in zip(self.bases(term), values, strict=True)]
            block = tables[0]
            for other in tables[1:]:
                block = (block[:, :, None] * other[:, None, :]).reshape(len(block), -1)
            table[:, where] = block
        return table


@lru_cache
def _slices(sizes: tuple[int, ...]) -> tuple[slice, ...]:
    """Consecutive slices of some sizes."""
    ends = [0, *accumulate(sizes)]
    return tuple(map(slice, ends[:-1], ends[1:]))


def make_term_space(
    terms: Sequence[tuple[int, ...]],
    inputs: Sequence[Array],
    df: int,
    joint_df: int,
    names: Sequence[str],
) -> TermSpace:
    """Build the bases of all inputs from the data.

    Parameters
    ----------
    terms : sequence of tuple of int
    inputs : sequence of ndarray, shape (n,) each
    df, joint_df : int
        Functions an input in terms of one input, and in terms of several.
    names : sequence of str
        Names of the inputs, for errors.

    Returns
    -------
    TermSpace
    """
    main = tuple(make_basis(x, df, name=n) for x, n in zip(inputs, names, strict=True))
    joint = tuple(make_basis(x, joint_df, name=n) for x, n in zip(inputs, names, strict=True))
    return TermSpace(tuple(terms), main, joint)


def evaluate(coefs: Array, bases: Sequence[Basis], inputs: Sequence[Array]) -> Array:
    """Values of one term for a batch of coefficient sets.

    Parameters
    ----------
    coefs : ndarray, shape (r, k1, ..., kq)
        One coefficient tensor a replicate.
    bases : sequence of q Basis
    inputs : sequence of q ndarray, each broadcastable to shape (r, d, m)

    Returns
    -------
    ndarray, broadcastable to shape (r, d, m)
        A new array.
    """
    if len(bases) == 1:
        return bases[0].combine(coefs, inputs[0])
    rotated = coefs
    for axis, basis in enumerate(bases, start=1):
        rotated = np.moveaxis(np.tensordot(rotated, basis.rotation, axes=(axis, 1)), -1, axis)
    functions = [b.centred(x) for b, x in zip(bases, inputs, strict=True)]
    return _nested_sum(rotated, functions)


def _nested_sum(coefs: Array, functions: Sequence[Sequence[Array]]) -> Array:
    """``sum_ab.. coefs[:, a, b, ..] * functions[0][a] * functions[1][b] ..``, by Horner."""
    if not functions:
        return coefs[:, None, None]
    total: Array | None = None
    for a, function in enumerate(functions[0]):
        part = function * _nested_sum(coefs[:, a], functions[1:])
        total = part if total is None else total + part
    assert total is not None
    return total


def project_additive(
    coefs: Array, bases: Sequence[Basis], sample: Sequence[Array], weights: Array, *, joint: bool
) -> tuple[Array, Array, tuple[Basis, ...]]:
    """Additive projection of one term in L2 of a weighted reference sample.

    Parameters
    ----------
    coefs : ndarray, shape (r, k1, ..., kq)
    bases : sequence of q Basis
    sample : sequence of q ndarray, shape (s,)
        Values of the inputs.
    weights : ndarray, shape (r, s)
        How often each value counts in each replicate.
    joint : bool
        Whether Q is the joint distribution of the sample, or the product of its margins. With
        the product the projection is ``sum_i E[f | x_i] - (q - 1) E[f]`` in closed form, within
        the same bases; with the joint distribution it bends even where f is a product of straight
        lines, and is least squares on natural splines with `ADDITIVE` functions an input.

    Returns
    -------
    constant : ndarray, shape (r,)
    slopes : ndarray, shape (r, k1 + ... + kq)
        Coefficients of the concatenated bases.
    onto : tuple of Basis
        Those bases.

    Raises
    ------
    ConfigurationError
        If the sample cannot tell the inputs apart (joint only).
    """
    tables = [b(x) for b, x in zip(bases, sample, strict=True)]
    shares = weights / weights.sum(axis=1, keepdims=True)
    if joint:
        onto = tuple(make_basis(x, ADDITIVE) for x in sample)
        return (*_project_joint(coefs, tables, sample, onto, shares), onto)
    means = [shares @ table for table in tables]
    slopes = [_contract(coefs, means, keep=i) for i in range(len(bases))]
    constant = (1 - len(bases)) * _contract(coefs, means, keep=None)[:, 0]
    return constant, np.concatenate(slopes, axis=1), tuple(bases)


def _contract(coefs: Array, means: Sequence[Array], keep: int | None) -> Array:
    """Average a coefficient tensor over all inputs but one; shape (r, k) or (r, 1)."""
    out = coefs
    for axis in reversed(range(len(means))):
        if axis != keep:
            out = np.einsum("r...k,rk->r...", np.moveaxis(out, axis + 1, -1), means[axis])
    return out.reshape(len(coefs), -1)


def _project_joint(
    coefs: Array,
    tables: Sequence[Array],
    sample: Sequence[Array],
    onto: Sequence[Basis],
    shares: Array,
) -> tuple[Array, Array]:
    columns = np.ones((len(tables[0]), 1))
    for table in tables:
        columns = (columns[:, :, None] * table[:, None, :]).reshape(len(columns), -1)
    curves = [b(x) for b, x in zip(onto, sample, strict=True)]
    additive = np.concatenate([np.ones((len(columns), 1)), *curves], axis=1)
    if np.linalg.matrix_rank(additive) < additive.shape[1]:
        raise ConfigurationError(
            "the reference sample does not tell the inputs of the joint term apart, so its "
            "additive part is not defined: use the product of the margins as reference"
        )
    values = columns @ coefs.reshape(len(coefs), -1).T
    gram = np.einsum("rs,sa,sb->rab", shares, additive, additive, optimize=True)
    moment = np.einsum("rs,sa,sr->ra", shares, additive, values, optimize=True)
    projected = np.einsum("rab,rb->ra", np.linalg.pinv(gram, hermitian=True), moment)
    return projected[:, 0], projected[:, 1:]
