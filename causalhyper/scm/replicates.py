"""Bootstrap replicates of a model, and the noise that all compared worlds share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from causalhyper.errors import ConfigurationError
from causalhyper.inference import cluster_weights
from causalhyper.mechanisms import refit
from causalhyper.mechanisms.bases import Array
from causalhyper.mechanisms.grams import Codes
from causalhyper.scm.model import FittedModel

CHUNK = 25
"""Replicates worked on at a time: bounds memory, changes no number."""


@dataclass(frozen=True, slots=True)
class Replicates:
    """Parameters of a model in many bootstrap replicates; the first row is the fit itself.

    Attributes
    ----------
    weights : ndarray, shape (r, clusters)
        How often each cluster counts; ones in row 0.
    coefs : mapping of str to ndarray, shape (r, k)
        Term coefficients of each mechanism.
    effects : mapping of str to ndarray, shape (r, contexts)
        Context intercepts of each mechanism.
    """

    weights: Array
    coefs: Mapping[str, Array]
    effects: Mapping[str, Array]

    def __len__(self) -> int:
        return len(self.weights)

    def part(self, rows: slice) -> Replicates:
        """Some of the replicates; ``part(slice(1))`` is the model as fitted."""
        return Replicates(
            self.weights[rows],
            {v: c[rows] for v, c in self.coefs.items()},
            {v: e[rows] for v, e in self.effects.items()},
        )

    def chunks(self) -> Iterator[Replicates]:
        """Cut into pieces of at most `CHUNK` replicates."""
        for start in range(0, len(self), CHUNK):
            yield self.part(slice(start, start + CHUNK))


def resample(model: FittedModel, draws: int, rng: np.random.Generator) -> Replicates:
    """Refit every mechanism on cluster-bootstrap replicates.

    Parameters
    ----------
    model : FittedModel
    draws : int
        Replicates, at least 100.
    rng : numpy.random.Generator

    Returns
    -------
    Replicates
        ``draws + 1`` rows; row 0 is the model as fitted.

    Raises
    ------
    ConfigurationError
        If `draws` is below 100.
    """
    if draws < 100:
        raise ConfigurationError(
            f"{draws} bootstrap replicates are too few for a 95% band: use 100 to try, 2000 to "
            "report"
        )
    drawn = cluster_weights(model.groups.strata, draws, rng)
    weights = np.concatenate([np.ones((1, model.clusters)), drawn])
    solved = {v: refit(m.fit, model.groups, weights) for v, m in model.mechanisms.items()}
    return Replicates(
        weights, {v: s[0] for v, s in solved.items()}, {v: s[1] for v, s in solved.items()}
    )


@dataclass(frozen=True, slots=True)
class Draws:
    """What is exogenous in m simulated runs of each replicate.

    Attributes
    ----------
    contexts : ndarray of int, shape (r, m)
        The context of each draw.
    noise : mapping of str to ndarray, shape (r, 1, m)
        Residuals of each mechanism in that replicate, drawn from its resampled runs.
    roots : mapping of str to ndarray, shape (r, 1, m)
        Values of the nodes without causes.
    partners : mapping of str to ndarray of int, shape (r, m)
        For each node a random run of the same context: what a reference distribution draws from.
    """

    contexts: Codes
    noise: Mapping[str, Array]
    roots: Mapping[str, Array]
    partners: Mapping[str, Codes]


@dataclass(frozen=True, slots=True)
class Sampler:
    """Uniform numbers behind the draws, the same in every replicate and every world.

    Each node has a stratified sample of the unit interval in random order (a Latin hypercube),
    so that the mean of the noise over m draws is nearly exact.

    Attributes
    ----------
    contexts : ndarray, shape (m,)
    noise, partners : mapping of str to ndarray, shape (m,)
    """

    contexts: Array
    noise: Mapping[str, Array]
    partners: Mapping[str, Array]

    def draw(self, model: FittedModel, replicates: Replicates) -> Draws:
        """Turn the uniform numbers into draws for some replicates."""
        groups = model.groups
        contexts = groups.contexts[_pick(groups.clusters, replicates.weights, self.contexts)]
        by_context = np.argsort(groups.contexts, kind="stable")
        sizes = np.bincount(groups.contexts)
        starts = np.cumsum(sizes) - sizes
        partners = {
            v: by_context[starts[contexts] + np.floor(u * sizes[contexts]).astype(np.intp)]
            for v, u in self.partners.items()
        }
        noise = {}
        for v, mechanism in model.mechanisms.items():
            rows = _pick(groups.clusters, replicates.weights, self.noise[v])
            fit = mechanism.fit
            fitted = np.einsum("rmk,rk->rm", fit.columns[rows], replicates.coefs[v])
            fitted += np.take_along_axis(replicates.effects[v], groups.contexts[rows], axis=1)
            noise[v] = (fit.response[rows] - fitted)[:, None, :]
        roots = {
            v: model.values[v][partners[v]][:, None, :]
            for v in model.graph.nodes
            if v not in model.mechanisms
        }
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


def _pick(clusters: Codes, weights: Array, u: Array) -> Codes:
    """Inverse of the weighted empirical distribution over rows, shape (r, m).

    Rows stand cluster by cluster; each counts as often as its cluster. The cost depends on the
    number of clusters and draws, not on the number of rows.
    """
    order = np.argsort(clusters, kind="stable")
    sizes = np.bincount(clusters)
    starts = np.cumsum(sizes) - sizes
    mass = weights * sizes
    upper = np.cumsum(mass, axis=1)
    target = u[None, :] * upper[:, -1:]
    # one sorted search for all replicates: replicate r lives in (2r, 2r + 1]
    lift = 2.0 * np.arange(len(weights))[:, None]
    flat = (upper / upper[:, -1:] + lift).ravel()
    place = np.searchsorted(flat, (u[None, :] + lift).ravel(), side="right")
    cluster = place.reshape(len(weights), -1) - np.arange(len(weights))[:, None] * len(sizes)
    cluster = np.minimum(cluster, len(sizes) - 1)
    rows = np.arange(len(weights))[:, None]
    inside = (target - (upper - mass)[rows, cluster]) / mass[rows, cluster]
    offset = np.clip(np.floor(inside * sizes[cluster]), 0, sizes[cluster] - 1).astype(np.intp)
    rows_picked: Codes = order[starts[cluster] + offset]
    return rows_picked
