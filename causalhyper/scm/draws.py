"""The noise of simulated runs, shared by all compared worlds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from causalhyper.inference import lay_out_rows, pick_rows
from causalhyper.mechanisms.bases import Array
from causalhyper.mechanisms.grams import Codes
from causalhyper.scm.model import FittedModel
from causalhyper.scm.replicates import Replicates


@dataclass(frozen=True, slots=True)
class Draws:
    """What is exogenous in m simulated runs of each replicate.

    Everything is drawn from that replicate's resampled runs, so that its uncertainty is part of
    every interval.

    Attributes
    ----------
    contexts : ndarray of int, shape (r, m)
        The context of each draw.
    noise : mapping of str to ndarray, shape (r, 1, m)
        Residuals of each mechanism, of mean zero.
    roots : mapping of str to ndarray, shape (r, 1, m)
        Values of the nodes without causes, of random runs of the same context.
    partners : mapping of str to ndarray of int, shape (r, m)
        For each node another random run of the same context: what a reference distribution
        draws from.
    """

    contexts: Codes
    noise: Mapping[str, Array]
    roots: Mapping[str, Array]
    partners: Mapping[str, Codes]


@dataclass(frozen=True, slots=True)
class Sampler:
    """Uniform numbers behind the draws, the same in every replicate and every world.

    Each node has stratified samples of the unit interval in random order (a Latin hypercube).

    Attributes
    ----------
    contexts : ndarray, shape (m,)
    own, partners : mapping of str to ndarray, shape (m,)
        For the noise or the root value of each node, and for its partner.
    """

    contexts: Array
    own: Mapping[str, Array]
    partners: Mapping[str, Array]

    def draw(self, model: FittedModel, replicates: Replicates) -> Draws:
        """Turn the uniform numbers into draws for some replicates."""
        groups, weights = model.groups, replicates.weights
        layout = lay_out_rows(groups.clusters, groups.contexts)
        contexts = groups.contexts[pick_rows(layout, weights, self.contexts)]
        partners = {v: pick_rows(layout, weights, u, contexts) for v, u in self.partners.items()}
        noise, roots = {}, {}
        for v, u in self.own.items():
            if v not in model.mechanisms:
                rows = pick_rows(layout, weights, u, contexts)
                roots[v] = model.values[v][rows][:, None, :]
                continue
            rows = pick_rows(layout, weights, u)
            fit = model.mechanisms[v].fit
            fitted = np.einsum("rmk,rk->rm", fit.columns[rows], replicates.coefs[v])
            fitted += np.take_along_axis(replicates.effects[v], groups.contexts[rows], axis=1)
            residuals = fit.response[rows] - fitted
            noise[v] = (residuals - residuals.mean(axis=1, keepdims=True))[:, None, :]
        return Draws(contexts, noise, roots, partners)


def make_sampler(model: FittedModel, draws: int, rng: np.random.Generator) -> Sampler:
    """Draw the uniform numbers for `draws` simulated runs of each replicate."""
    grid = (np.arange(draws) + 0.5) / draws
    nodes = model.graph.order()
    return Sampler(
        grid,
        {v: rng.permutation(grid) for v in nodes},
        {v: rng.permutation(grid) for v in nodes},
    )
