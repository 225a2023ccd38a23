"""Simulate worlds: the model under declared interventions, all with the same noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from causalhyper.hypergraph import Hyperedge
from causalhyper.mechanisms import evaluate, project_additive
from causalhyper.mechanisms.bases import Array
from causalhyper.mechanisms.grams import Codes
from causalhyper.mechanisms.grouping import context_means
from causalhyper.scm.draws import Draws
from causalhyper.scm.model import FittedModel, Mechanism
from causalhyper.scm.replicates import Replicates

Reference = Literal["joint", "product"]
"""A reference distribution Q: the observed tail, or the product of its margins."""


@dataclass(frozen=True, slots=True)
class World:
    """Declared interventions.

    Attributes
    ----------
    do : mapping of str to ndarray, broadcastable to shape (r, d, m)
        Values that nodes are set to, on their model scale.
    receives : mapping of (Hyperedge, str) to ndarray, broadcastable to shape (r, d, m)
        What a hyperedge receives in place of the value of one member of its tail; every other
        hyperedge goes on receiving the value itself.
    additive : mapping of Hyperedge to {"joint", "product"}
        Hyperedges whose function is replaced by its additive projection in L2 of the observed
        tail: its joint distribution, or the product of its margins.
    """

    do: Mapping[str, Array] = field(default_factory=dict)
    receives: Mapping[tuple[Hyperedge, str], Array] = field(default_factory=dict)
    additive: Mapping[Hyperedge, Reference] = field(default_factory=dict)


def simulate(
    model: FittedModel,
    replicates: Replicates,
    draws: Draws,
    world: World,
    base: Mapping[str, Array] | None = None,
) -> dict[str, Array]:
    """Values of every node in one world.

    Parameters
    ----------
    model : FittedModel
    replicates : Replicates
        r sets of parameters.
    draws : Draws
        Exogenous draws for the same replicates; share them between worlds that are compared.
    world : World
    base : mapping of str to ndarray, optional
        The world to intervene in, simulated from the same replicates and draws: nodes that
        `world` does not reach keep their values from there.

    Returns
    -------
    dict of str to ndarray, each broadcastable to shape (r, d, m)
        r replicates, d doses, m draws.
    """
    values: dict[str, Array] = {}
    changed: set[str] = set()
    weights = replicates.weights[:, model.groups.clusters] if world.additive else np.empty(0)
    for node in model.graph.order():
        if base is not None and not _reached(model, node, world, base, changed):
            values[node] = base[node]
            continue
        changed.add(node)
        if node in world.do:
            values[node] = world.do[node]
        elif node not in model.mechanisms:
            values[node] = draws.roots[node]
        else:
            effect = np.take_along_axis(replicates.effects[node], draws.contexts, axis=1)
            start = effect[:, None, :] + draws.noise[node]
            mechanism, coefs = model.mechanisms[node], replicates.coefs[node]
            values[node] = _respond(model, mechanism, coefs, start, values, world, weights)
    return values


def _reached(
    model: FittedModel, node: str, world: World, base: Mapping[str, Array], changed: set[str]
) -> bool:
    """Whether a node's value can differ from the base world's."""
    if node in world.do:
        return world.do[node] is not base[node]
    if node not in model.mechanisms:
        return False
    edges = model.mechanisms[node].edges
    edited = {edge for edge, _ in world.receives} | set(world.additive)
    return bool(changed & set(model.mechanisms[node].parents)) or not edited.isdisjoint(edges)


def _respond(
    model: FittedModel,
    mechanism: Mechanism,
    coefs: Array,
    start: Array,
    values: Mapping[str, Array],
    world: World,
    weights: Array,
) -> Array:
    """The head's value: the start plus every term at what its hyperedge receives."""
    space = mechanism.fit.space
    total = start
    for term, where, owner in zip(space.terms, space.slices, mechanism.owners, strict=True):
        edge = mechanism.edges[owner]
        names = [mechanism.parents[i] for i in term]
        inputs = [world.receives.get((edge, v), values[v]) for v in names]
        bases = space.bases(term)
        tensor = coefs[:, where].reshape(-1, *space.shape(term))
        if len(term) > 1 and edge in world.additive:
            sample = [model.values[v] for v in names]
            constant, slopes = project_additive(
                tensor, bases, sample, weights, joint=world.additive[edge] == "joint"
            )
            total = total + constant[:, None, None]
            cuts = np.cumsum([b.size for b in bases])[:-1]
            for part, basis, x in zip(np.split(slopes, cuts, axis=1), bases, inputs, strict=True):
                total = total + evaluate(part, (basis,), (x,))
        else:
            total = total + evaluate(tensor, bases, inputs)
    return total


def extrapolation(
    model: FittedModel, world: World, values: Mapping[str, Array], draws: Draws
) -> float:
    """Share of simulated runs in which some mechanism is asked beyond the observed runs.

    A mechanism is extrapolated where the leverage of its inputs exceeds the largest leverage of
    an observed run (Montgomery, Peck and Vining, Introduction to Linear Regression Analysis,
    section 3.8, "hidden extrapolation"). Where a hyperedge is projected on additive functions
    under the product of its margins, the draws of that product count too: the projection
    averages the function over them.

    Parameters
    ----------
    model : FittedModel
    world : World
    values : mapping of str to ndarray, broadcastable to shape (1, d, m)
        What `simulate` returned for the model as fitted.
    draws : Draws
        The draws behind them.

    Returns
    -------
    float
        In [0, 1].
    """
    count = draws.contexts.shape[1]
    shape = np.broadcast_shapes(*(v.shape for v in values.values()), (1, 1, count))
    beyond = np.zeros(shape, dtype=bool)
    for node, mechanism in model.mechanisms.items():
        if node not in world.do:
            inputs = {
                (e, v): world.receives.get((e, v), values[v])
                for e in mechanism.edges
                for v in e.tail
            }
            beyond |= _beyond(model, mechanism, inputs, draws.contexts, shape)
            for edge in mechanism.edges:
                if world.additive.get(edge) == "product":
                    drawn = {
                        (edge, v): model.values[v][draws.partners[v]][:, None, :]
                        for v in edge.tail
                    }
                    beyond |= _beyond(model, mechanism, inputs | drawn, draws.contexts, shape)
    return float(beyond.mean())


def _beyond(
    model: FittedModel,
    mechanism: Mechanism,
    inputs: Mapping[tuple[Hyperedge, str], Array],
    contexts: Codes,
    shape: tuple[int, ...],
) -> NDArray[np.bool_]:
    """Where the leverage of what a mechanism receives exceeds that of every observed run."""
    fit, space = mechanism.fit, mechanism.fit.space
    columns = np.empty((int(np.prod(shape)), space.size))
    for term, where, owner in zip(space.terms, space.slices, mechanism.owners, strict=True):
        block = np.ones((len(columns), 1))
        for i, basis in zip(term, space.bases(term), strict=True):
            x = inputs[mechanism.edges[owner], mechanism.parents[i]]
            table = basis(np.broadcast_to(x, shape).ravel())
            block = (block[:, :, None] * table[:, None, :]).reshape(len(block), -1)
        columns[:, where] = block
    means = context_means(fit.columns, model.groups)
    centred = fit.columns - means[model.groups.contexts]
    inverse = np.linalg.pinv(centred.T @ centred, hermitian=True)
    observed = np.einsum("ij,jk,ik->i", centred, inverse, centred)
    away = columns - means[np.broadcast_to(contexts[:, None, :], shape).ravel()]
    leverage = np.einsum("ij,jk,ik->i", away, inverse, away)
    return np.asarray(leverage > observed.max() * (1 + 1e-9)).reshape(shape)
