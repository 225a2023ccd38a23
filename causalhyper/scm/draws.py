"""The noise of simulated runs, shared by all compared worlds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.inference import RowLayout, pick_rows, spread_rows
from causalhyper.mechanisms import AdditiveFit
from causalhyper.scm.model import FittedModel
from causalhyper.scm.pools import Pool, make_pool
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
    noise : mapping of str to ndarray, broadcastable to shape (r, 1, m)
        What each mechanism takes as noise: residuals of mean zero, numbers in (0, 1), or
        standard normal numbers.
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

    Each node has stratified samples of the unit interval in random order (a Latin hypercube):
    the midpoints of m equal parts, permuted.

    Attributes
    ----------
    count : int
        m, the number of draws.
    layout : RowLayout
        Of the observed runs by context and cluster.
    own, partners : mapping of str to ndarray of int, shape (m,)
        Permutations for the noise or the root value of each node, and for its partner.
    pool : Pool or None
        The runs that `layout` is of; None for all.
    """

    count: int
    layout: RowLayout
    own: Mapping[str, Codes]
    partners: Mapping[str, Codes]
    pool: Pool | None = None

    def rows(self, replicates: Replicates) -> Codes:
        """Rows of each replicate at the midpoints of equal parts, in order; shape (r, m).

        They are rows of the pool, where there is one.
        """
        if replicates.base is None:
            return spread_rows(self.layout, replicates.weights, self.count)
        grid = (np.arange(self.count) + 0.5) / self.count
        return pick_rows(self.layout, replicates.weights, grid, base=replicates.base)

    def draw(
        self,
        model: FittedModel,
        replicates: Replicates,
        *,
        partners: bool = True,
        fixed: Collection[str] = (),
        averaged: str | None = None,
        rows: Codes | None = None,
    ) -> Draws:
        """Turn the uniform numbers into draws for some replicates.

        Parameters
        ----------
        model : FittedModel
        replicates : Replicates
        partners : bool
            Whether partners are needed.
        fixed : collection of str
            Nodes that need no draw of their own: every world sets them, say.
        averaged : str, optional
            A node without effects of which means alone are asked: noise of mean zero that is
            added to it is left away.
        rows : ndarray of int, shape (r, m), optional
            What `rows` returned for these replicates, where it is at hand.

        Returns
        -------
        Draws
        """
        model = model if self.pool is None else self.pool.of(model)
        groups, layout, weights = model.groups, self.layout, replicates.weights
        base = replicates.base
        grid = (np.arange(self.count) + 0.5) / self.count
        # one search in order; a permuted node takes its draws from there
        rows = self.rows(replicates) if rows is None else rows
        single = groups.context_count == 1
        contexts = (
            np.broadcast_to(np.intp(0), rows.shape) if single else groups.contexts.take(rows)
        )

        def nearby(order: Codes) -> Codes:
            if single:
                return rows.take(order, axis=1)
            return pick_rows(layout, weights, grid[order], contexts, base)

        noise, roots = {}, {}
        for v, order in self.own.items():
            if v in fixed:
                continue
            if v in model.mechanisms:
                fit, learnt = model.mechanisms[v].fit, replicates.parameters[v]
                if v == averaged and isinstance(fit, AdditiveFit):
                    noise[v] = np.zeros((1, 1, 1))
                    continue
                noise[v] = fit.noise(learnt, groups, rows, grid).take(order, axis=2)
            else:
                roots[v] = model.values[v].take(nearby(order))[:, None, :]
        others = {v: nearby(order) for v, order in self.partners.items()} if partners else {}
        if self.pool is not None:
            others = {v: self.pool.rows.take(found) for v, found in others.items()}
        return Draws(contexts, noise, roots, others)


def make_sampler(
    model: FittedModel, draws: int, rng: np.random.Generator, like: Sampler | None = None
) -> Sampler:
    """Draw the permutations for `draws` simulated runs of each replicate.

    Another sampler of the same model and size may lend its layout.
    """
    nodes = model.graph.order()
    layout, pool = (like.layout, like.pool) if like else make_pool(model, draws)
    own = {v: rng.permutation(draws) for v in nodes}
    return Sampler(draws, layout, own, {v: rng.permutation(draws) for v in nodes}, pool)
