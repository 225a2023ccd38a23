"""The ladder of mechanisms: sampled, functional, invertible; and what each can be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, Self, TypeVar

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.mechanisms.bases import Basis
from causalhyper.mechanisms.grouping import Groups

Capability = Literal["functional", "invertible", "decomposed"]
"""What a mechanism can do beyond being sampled:

- functional: the head is a function of its causes and a noise apart from them;
- invertible: that noise can be recovered from head and causes, so runs have counterfactuals;
- decomposed: the function is a sum over hyperedges, so one of them can be cut or made additive.
"""
Projection = tuple[Array, Array, tuple[Basis, ...]]
"""Constant, shape (r,), slopes, shape (r, k1 + ... + kq), and bases of an additive projection."""


class Parameters(Protocol):
    """What one mechanism learnt from each of r replicates."""

    def part(self, rows: slice) -> Self:
        """Some of the replicates."""
        ...


P = TypeVar("P", bound=Parameters)


class MechanismFit(Protocol[P]):
    """One mechanism fitted to data, ready to be fitted again and to respond to inputs.

    Inputs come term by term, because a hyperedge can be handed other values than the rest: one
    sequence of arrays a term, each broadcastable to shape (r, d, m) for r replicates, d doses and
    m draws. A mechanism that is not decomposed has a single term of all its causes.
    """

    @property
    def response(self) -> Array:
        """The head in the data, shape (n,)."""
        ...

    @property
    def fitted(self) -> Array:
        """Its mean given causes and context in the data, shape (n,)."""
        ...

    @property
    def terms(self) -> tuple[tuple[int, ...], ...]:
        """The inputs of each term, increasing."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the mechanism can be asked for beyond draws."""
        ...

    @property
    def size(self) -> int:
        """Number of coefficients or cells; 0 where they are not counted."""
        ...

    def enough(self, weights: Array) -> Flags:
        """Whether each set of cluster weights, shape (r, clusters), suffices for a fit."""
        ...

    def refit(self, groups: Groups, weights: Array) -> P:
        """Fit again to weighted clusters, for each set of weights, shape (r, clusters)."""
        ...

    def noise(self, parameters: P, groups: Groups, rows: Codes, u: Array) -> Array:
        """Exogenous noise of draws, shape (r, 1, m).

        `rows`, shape (r, m), are random rows of the data, `u`, shape (m,), numbers in (0, 1) in
        the same order; a mechanism uses the rows' residuals or the numbers.
        """
        ...

    def respond(
        self,
        parameters: P,
        inputs: Sequence[Sequence[Array]],
        contexts: Codes,
        noise: Array,
        projections: Mapping[int, Projection],
    ) -> Array:
        """The head given inputs, contexts of shape (r, m) and noise; shape (r, d, m).

        `projections` replaces terms by additive functions of the same bases, by position.
        """
        ...

    def mean(
        self,
        parameters: P,
        inputs: Sequence[Sequence[Array]],
        contexts: Codes | None,
        projections: Mapping[int, Projection],
    ) -> Array:
        """The head's mean given inputs and contexts; without contexts, at the average one.

        `projections` as in `respond`.
        """
        ...

    @property
    def columns(self) -> Array:
        """`tabulate` at the data, shape (n, k)."""
        ...

    def tabulate(self, inputs: Sequence[Sequence[Array]]) -> Array:
        """What the function is linear in, or its raw causes, at inputs of shape (s,) each.

        The leverage of these columns, shape (s, k), says how far inputs lie from the data.
        """
        ...


class InvertibleFit(MechanismFit[P], Protocol[P]):
    """A mechanism whose noise can be recovered."""

    def recover(
        self,
        parameters: P,
        inputs: Sequence[Sequence[Array]],
        contexts: Codes,
        values: Array,
    ) -> Array:
        """The noise with which `respond` gives these values, shape (r, d, m)."""
        ...
