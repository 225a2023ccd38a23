"""Additive mechanisms: head = context effect + sum of terms + noise, by least squares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.mechanisms.grams import ClusterGrams, cluster_grams, solve
from causalhyper.mechanisms.grouping import Groups, context_means, grouped_grams
from causalhyper.mechanisms.ladder import Capability, Projection
from causalhyper.mechanisms.predictors import LinearParameters, predict
from causalhyper.mechanisms.terms import TermSpace

Inputs = Sequence[Sequence[Array]]

ROWS = 2**16
"""Rows whose columns are made at a time."""


@dataclass(frozen=True, slots=True)
class AdditiveFit:
    """A fitted additive mechanism, with what refitting it needs.

    Attributes
    ----------
    space : TermSpace
    inputs : tuple of ndarray, shape (n,)
        The causes in the data; columns are made of them when needed, as they take more memory.
    response : ndarray, shape (n,)
        The head in the data.
    contexts : ndarray of int, shape (n,)
    grams : ClusterGrams
        Of the columns with their intercepts: centred within contexts, or beside dummies.
    penalty : ndarray, shape (width,)
        Added to the diagonal of the Gram matrix: zeros, but for context effects that are pooled.
    parameters : LinearParameters
        As fitted, with r = 1.
    rank, width : int
        Rank found and number of columns in the regression.
    """

    space: TermSpace
    inputs: tuple[Array, ...]
    response: Array
    contexts: Codes
    grams: ClusterGrams
    penalty: Array
    parameters: LinearParameters
    rank: int
    width: int

    @property
    def coefs(self) -> Array:
        """Coefficients of the terms, shape (k,)."""
        return self.parameters.coefs[0]

    @property
    def columns(self) -> Array:
        """Term columns at the data, shape (n, k)."""
        return self.space.columns(self.inputs, len(self.response))

    @property
    def fitted(self) -> Array:
        """The head's mean given causes and context, shape (n,)."""
        fitted: Array = self.columns @ self.coefs
        fitted += self.parameters.effects[0][self.contexts]
        return fitted

    @property
    def terms(self) -> tuple[tuple[int, ...], ...]:
        """The inputs of each term."""
        return self.space.terms

    @property
    def size(self) -> int:
        """Number of coefficients."""
        return self.space.size

    @property
    def capabilities(self) -> frozenset[Capability]:
        """All: noise is a residual, and the function a sum of terms."""
        return frozenset(("functional", "invertible", "decomposed"))

    def enough(self, weights: Array) -> Flags:
        """Whether no replicate loses rank."""
        found: Flags = solve(self.grams, weights, self.penalty)[1] == self.width
        return found

    def refit(self, groups: Groups, weights: Array) -> LinearParameters:
        """Solve the mechanism again for many sets of cluster weights.

        Parameters
        ----------
        groups : Groups
        weights : ndarray, shape (r, clusters)

        Returns
        -------
        LinearParameters
        """
        return self.learn(groups, weights)[0]

    def inflation(self, groups: Groups) -> float:
        """What residuals are too small by for the coefficients spent: sqrt(n / (n - spent)).

        Pooled context effects count in part.
        """
        n, sizes = len(self.response), np.bincount(groups.contexts)
        shrinkage = float(self.penalty.max(initial=0.0))
        contexts = float((sizes / (sizes + shrinkage)).sum()) + (shrinkage > 0)
        return float(np.sqrt(n / max(n - self.space.size - contexts, 1.0)))

    def learn(self, groups: Groups, weights: Array) -> tuple[LinearParameters, Flags]:
        """What `refit` and `enough` say of the same weights, from one solution."""
        solved, ranks = solve(self.grams, weights, self.penalty)
        full: Flags = ranks == self.width
        k = self.space.size
        if self.width == k + groups.context_count:
            return LinearParameters(solved[:, :k], solved[:, k:]), full
        if self.width > k:
            return LinearParameters(solved[:, :k], solved[:, k : k + 1] + solved[:, k + 1 :]), full
        means = context_means(np.column_stack([self.response, self.columns]), groups)
        return LinearParameters(solved, means[:, 0] - solved @ means[:, 1:].T), full

    def noise(self, parameters: LinearParameters, groups: Groups, rows: Codes, u: Array) -> Array:
        """Residuals of the rows in each replicate, centred, shape (r, 1, m)."""
        if len(self.response) <= rows.shape[1]:
            first = len(self.response) * np.arange(len(rows))[:, None]
            residuals = self._residuals(parameters, groups).ravel().take(rows + first)
        else:
            received = {i: self.inputs[i].take(rows)[:, None] for i in self.space.used}
            inputs = [[received[i] for i in term] for term in self.terms]
            contexts = rows if groups.context_count == 1 else groups.contexts.take(rows)
            residuals = self.response.take(rows)
            residuals -= self.mean(parameters, inputs, contexts, {})[:, 0]
        residuals -= residuals.mean(axis=1, keepdims=True)
        return residuals[:, None, :]

    def _residuals(self, parameters: LinearParameters, groups: Groups) -> Array:
        """Residuals of all runs in each replicate, shape (r, n)."""
        fitted = parameters.coefs @ self.columns.T
        fitted += parameters.starts(groups.contexts[None, :])[:, 0]
        return np.subtract(self.response, fitted, out=fitted)

    def respond(
        self,
        parameters: LinearParameters,
        inputs: Inputs,
        contexts: Codes,
        noise: Array,
        projections: Mapping[int, Projection],
    ) -> Array:
        """Intercept, noise and every term at what it receives."""
        start = parameters.starts(contexts) + noise
        return predict(self.space, parameters, inputs, start, projections)

    def recover(
        self, parameters: LinearParameters, inputs: Inputs, contexts: Codes, values: Array
    ) -> Array:
        """Residuals of the values."""
        residuals: Array = values - self.mean(parameters, inputs, contexts, {})
        return residuals

    def mean(
        self,
        parameters: LinearParameters,
        inputs: Inputs,
        contexts: Codes | None,
        projections: Mapping[int, Projection],
    ) -> Array:
        """Intercept and every term; without contexts, their average intercept."""
        return predict(self.space, parameters, inputs, level(parameters, contexts), projections)

    def tabulate(self, inputs: Inputs) -> Array:
        """Term columns at inputs of shape (s,) each."""
        return self.space.tabulate(inputs)


def level(parameters: LinearParameters, contexts: Codes | None) -> Array:
    """Intercepts of contexts, or the average one, shape (r, 1, m) or (r, 1, 1)."""
    if contexts is None:
        return parameters.effects.mean(axis=1)[:, None, None]
    return parameters.starts(contexts)


def fit_additive(
    space: TermSpace,
    inputs: Sequence[Array],
    response: Array,
    groups: Groups,
    shrinkage: float | None = None,
) -> AdditiveFit:
    """Fit one head by least squares with an effect for each context.

    Parameters
    ----------
    space : TermSpace
    inputs : sequence of ndarray, shape (n,)
        Causes, in the order of the space's inputs.
    response : ndarray, shape (n,)
    groups : Groups
    shrinkage : float, optional
        Variance of the noise over that of the context effects, which are then pooled towards
        their mean (best linear unbiased prediction); by default they are fixed effects.

    Returns
    -------
    AdditiveFit
    """
    k = space.size
    pooled = shrinkage is not None
    grams = _sum_grams(space, inputs, response, groups, pooled=pooled)
    penalty = np.zeros(grams.xy.shape[1])
    if shrinkage is not None:
        penalty[k + 1 :] = shrinkage
    one = np.ones((1, groups.cluster_count))
    rank = int(solve(grams, one, penalty)[1][0])
    blank = LinearParameters(np.zeros((1, k)), np.zeros((1, groups.context_count)))
    found = AdditiveFit(
        space, tuple(inputs), response, groups.contexts, grams, penalty, blank, rank, len(penalty)
    )
    return replace(found, parameters=found.refit(groups, one))


def _sum_grams(
    space: TermSpace, inputs: Sequence[Array], response: Array, groups: Groups, *, pooled: bool
) -> ClusterGrams:
    """Gram matrices of the columns with their intercepts."""
    if groups.absorbed and not pooled:
        return grouped_grams(space.columns(inputs, len(response)), response, groups)
    contexts, width = groups.context_count, space.size + pooled + groups.context_count
    xx = np.zeros((groups.cluster_count, width, width))
    xy = np.zeros((groups.cluster_count, width))
    # some rows at a time, because columns take much memory
    for start in range(0, len(response), ROWS):
        rows = slice(start, start + ROWS)
        y, codes = response[rows], groups.clusters[rows]
        columns = space.columns([x[rows] for x in inputs], len(y))
        if pooled:
            columns = np.concatenate([columns, np.ones((len(y), 1))], axis=1)
        first, last = int(codes.min()), int(codes.max())
        marks = (groups.contexts[rows], contexts)
        part = cluster_grams(columns, y, codes - first, last - first + 1, marks)
        xx[first : last + 1] += part.xx
        xy[first : last + 1] += part.xy
    return ClusterGrams(xx, xy)
