"""Adjustment for a back-door set: a regression that needs no other part of the hypergraph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from causalhyper.arrays import Array, Flags
from causalhyper.identification import minimal_adjustment_sets, optimal_adjustment_set
from causalhyper.mechanisms import (
    AdditiveFit,
    Groups,
    TermSpace,
    fit_additive,
    make_term_space,
)
from causalhyper.mechanisms.bases import saturated_basis
from causalhyper.queries.experiments.questions import Question
from causalhyper.scm.model import FittedModel

FUNCTIONS = 3
"""Spline functions of a variable with many values."""
SATURATED = 9
"""A treatment with at most so many values has a mean for each."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A regression of the outcome on treatment and a back-door set, ready for any resample.

    Attributes
    ----------
    given : tuple of str
        The back-door set.
    fit : AdditiveFit
        Curves of treatment and set, and products of the treatment with each member.
    steps : ndarray, shape (clusters, values, k)
        Change of the regression's columns from the baseline to each value, summed over the runs
        of each cluster, the members of the set kept.
    sizes : ndarray, shape (clusters,)
        Runs in each cluster.
    """

    given: tuple[str, ...]
    fit: AdditiveFit
    steps: Array
    sizes: Array

    def __str__(self) -> str:
        return f"{{{', '.join(self.given)}}}" if self.given else "the empty set"

    def enough(self, weights: Array) -> Flags:
        """Whether the regression can be fitted to each resample."""
        return self.fit.enough(weights)

    def contrasts(self, model: FittedModel, weights: Array) -> Array:
        """Mean change from the baseline over the runs of each resample, shape (r, values)."""
        coefs = self.fit.refit(model.groups, weights).coefs
        summed = np.tensordot(weights, self.steps, axes=1)
        changes = np.einsum("rvk,rk->rv", summed, coefs)
        return changes / (weights @ self.sizes)[:, None]


def find_adjustment(model: FittedModel, question: Question) -> Adjustment | str:
    """Find a back-door set and fit its regression.

    Parameters
    ----------
    model : FittedModel
    question : Question

    Returns
    -------
    Adjustment or str
        The optimal set where nothing is latent, otherwise the first of the smallest; or why
        there is no such estimate.

    Notes
    -----
    Source: Robins 1986 (g-computation); Henckel, Perkovic and Maathuis 2022 (optimal sets).
    """
    treatment, outcome = question.treatment, question.outcome
    given = _choose(model, treatment, outcome)
    if given is None:
        return f"no set of nodes closes every back-door path from {treatment} to {outcome}"
    names = (treatment, *given)
    inputs = [model.values[v] for v in names]
    terms = [(i,) for i in range(len(names))] + [(0, i) for i in range(1, len(names))]
    space = make_term_space(terms, inputs, FUNCTIONS, 1, names)
    if len(np.unique(inputs[0])) <= SATURATED:
        space = replace(space, main=(saturated_basis(inputs[0]), *space.main[1:]))
    fit = fit_additive(space, inputs, model.values[outcome], model.groups)
    if fit.rank < fit.width:
        beside = " beside contexts" if model.groups.context_count > 1 else ""
        return f"these runs do not tell {', '.join(names)} apart{beside}"
    steps = _steps(space, question.grid(model), inputs, model.groups)
    return Adjustment(given, fit, steps, np.bincount(model.groups.clusters).astype(float))


def _steps(space: TermSpace, grid: Array, inputs: Sequence[Array], groups: Groups) -> Array:
    """Change of the columns from the first of a grid, summed over clusters, the rest kept.

    A term of the treatment changes by the same in all runs; its product with a member of the set
    by a multiple of that member's own functions.
    """
    count = groups.cluster_count
    steps = np.zeros((count, len(grid) - 1, space.size))
    for term, where in zip(space.terms, space.slices, strict=True):
        if 0 in term:
            treatment, *others = space.bases(term)
            change = treatment(grid[1:]) - treatment(grid[:1])
            held = np.ones((len(groups.clusters), 1))
            for i, basis in zip(term[1:], others, strict=True):
                held = (held[:, :, None] * basis(inputs[i])[:, None, :]).reshape(len(held), -1)
            sums = np.stack([np.bincount(groups.clusters, x, count) for x in held.T], axis=-1)
            block = change[None, :, :, None] * sums[:, None, None, :]
            steps[:, :, where] = block.reshape(count, len(change), -1)
    return steps


def _choose(model: FittedModel, treatment: str, outcome: str) -> tuple[str, ...] | None:
    if not model.graph.latent:
        return optimal_adjustment_set(model.graph, treatment, outcome)
    found = minimal_adjustment_sets(model.graph, treatment, outcome)
    return min(found, key=len, default=None)
