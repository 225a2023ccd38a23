"""Additive mechanisms: head = context effect + sum of terms + noise, by least squares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from causalhyper.mechanisms.bases import Array
from causalhyper.mechanisms.grams import ClusterGrams, Codes, solve
from causalhyper.mechanisms.grouping import Groups, context_means, grouped_grams
from causalhyper.mechanisms.ladder import Capability, Flags, Projection
from causalhyper.mechanisms.predictors import LinearParameters, predict
from causalhyper.mechanisms.terms import TermSpace

Inputs = Sequence[Sequence[Array]]


@dataclass(frozen=True, slots=True)
class AdditiveFit:
    """A fitted additive mechanism, with what refitting it needs.

    Attributes
    ----------
    space : TermSpace
    columns : ndarray, shape (n, k)
        Term columns at the data.
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
    columns: Array
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
        return centred_residuals(self.response, self.columns, parameters, groups, rows)

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


def centred_residuals(
    response: Array, columns: Array, parameters: LinearParameters, groups: Groups, rows: Codes
) -> Array:
    """Residuals of some rows in each replicate, less their mean, shape (r, 1, m)."""
    single = parameters.effects.shape[1] == 1
    if len(response) <= rows.shape[1]:
        everywhere = parameters.coefs @ columns.T
        everywhere += parameters.effects if single else parameters.effects[:, groups.contexts]
        np.subtract(response, everywhere, out=everywhere)
        first = len(response) * np.arange(len(rows))[:, None]
        residuals: Array = everywhere.ravel().take(rows + first)
    else:
        fitted = (columns.take(rows, axis=0) @ parameters.coefs[:, :, None])[:, :, 0]
        effects = parameters.effects
        fitted += effects if single else np.take_along_axis(effects, groups.contexts[rows], 1)
        residuals = response.take(rows) - fitted
    residuals -= residuals.mean(axis=1, keepdims=True)
    return residuals[:, None, :]


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
    columns = space.columns(inputs) if space.terms else np.zeros((len(response), 0))
    k = space.size
    if shrinkage is None:
        grams = grouped_grams(columns, response, groups)
        penalty = np.zeros(grams.xy.shape[1])
    else:
        beside = np.concatenate([columns, np.ones((len(columns), 1))], axis=1)
        grams = grouped_grams(beside, response, replace(groups, absorbed=False))
        penalty = np.r_[np.zeros(k + 1), np.full(groups.context_count, shrinkage)]
    one = np.ones((1, groups.cluster_count))
    rank = int(solve(grams, one, penalty)[1][0])
    blank = LinearParameters(np.zeros((1, k)), np.zeros((1, groups.context_count)))
    found = AdditiveFit(
        space, columns, response, groups.contexts, grams, penalty, blank, rank, len(penalty)
    )
    return replace(found, parameters=found.refit(groups, one))
