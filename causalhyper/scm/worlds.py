"""Simulate worlds: the model under declared interventions, all with the same noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import Hyperedge
from causalhyper.mechanisms import FlowFit, project_additive
from causalhyper.mechanisms.grouping import context_means
from causalhyper.mechanisms.ladder import Projection
from causalhyper.scm.capabilities import require_decomposed
from causalhyper.scm.draws import Draws
from causalhyper.scm.model import FittedModel, Mechanism
from causalhyper.scm.replicates import Replicates

Value = TypeVar("Value")
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
        hyperedge goes on receiving the value itself. Where a world is expanded rather than
        simulated, polynomials stand in place of arrays.
    additive : mapping of Hyperedge to {"joint", "product"}
        Hyperedges whose function is replaced by its additive projection in L2 of the observed
        tail: its joint distribution, or the product of its margins.
    """

    do: Mapping[str, Any] = field(default_factory=dict)
    receives: Mapping[tuple[Hyperedge, str], Any] = field(default_factory=dict)
    additive: Mapping[Hyperedge, Reference] = field(default_factory=dict)


def simulate(
    model: FittedModel,
    replicates: Replicates,
    draws: Draws,
    world: World,
    base: Mapping[str, Array] | None = None,
    expected: str | None = None,
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
    expected : str, optional
        A node without effects that is only averaged: where its mechanism has no noise apart, or
        is a flow, its conditional mean stands in place of its draws.

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
            mechanism, learnt = model.mechanisms[node], replicates.parameters[node]
            received = receive(mechanism, values, world.receives)
            projections = _projections(model, mechanism, learnt, world, weights)
            if node == expected and _known_mean(mechanism):
                values[node] = mechanism.fit.mean(learnt, received, draws.contexts, projections)
            else:
                values[node] = mechanism.fit.respond(
                    learnt, received, draws.contexts, draws.noise[node], projections
                )
    return values


def _known_mean(mechanism: Mechanism) -> bool:
    """Whether the mean of a mechanism's draws is the conditional mean itself."""
    fit = mechanism.fit
    return "functional" not in fit.capabilities or isinstance(fit, FlowFit)


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


def receive(
    mechanism: Mechanism,
    values: Mapping[str, Value],
    receives: Mapping[tuple[Hyperedge, str], Value],
) -> list[list[Value]]:
    """What each term of a mechanism receives for each of its causes.

    Parameters
    ----------
    mechanism : Mechanism
    values : mapping of str to object
        Of each cause.
    receives : mapping of (Hyperedge, str) to object
        What a hyperedge receives in place of the value of a cause.

    Returns
    -------
    list of list

    Raises
    ------
    ConfigurationError
        If hyperedges receive different values and the mechanism is no sum over them.
    """
    return [
        [_through(mechanism, mechanism.parents[i], edges, values, receives) for i in term]
        for term, edges in zip(mechanism.fit.terms, mechanism.term_edges(), strict=True)
    ]


def _through(
    mechanism: Mechanism,
    cause: str,
    edges: tuple[Hyperedge, ...],
    values: Mapping[str, Value],
    receives: Mapping[tuple[Hyperedge, str], Value],
) -> Value:
    """The one value in which a cause arrives through some hyperedges."""
    arrived = [receives.get((e, cause), values[cause]) for e in edges if cause in e.tail]
    if any(x is not arrived[0] for x in arrived):
        raise ConfigurationError(
            f"the mechanism of {mechanism.head} ({mechanism.options}) is no sum over hyperedges, "
            f"so {cause} cannot be replaced in one of them alone: use an additive mechanism, or "
            "cut the whole edge"
        )
    return arrived[0]


def _projections(
    model: FittedModel, mechanism: Mechanism, learnt: Any, world: World, weights: Array
) -> dict[int, Projection]:
    """Additive projections of the joint terms of hyperedges that are made additive."""
    if world.additive.keys().isdisjoint(mechanism.edges):
        return {}
    require_decomposed(mechanism, "an interaction cannot be dropped from it")
    fit: Any = mechanism.fit
    space, out = fit.space, {}
    owned = zip(space.terms, space.slices, mechanism.owners, strict=True)
    for at, (term, where, owner) in enumerate(owned):
        kind = world.additive.get(mechanism.edges[owner])
        if len(term) > 1 and kind is not None:
            sample = [model.values[mechanism.parents[i]] for i in term]
            tensor = learnt.coefs[:, where].reshape(-1, *space.shape(term))
            bases = space.bases(term)
            out[at] = project_additive(tensor, bases, sample, weights, joint=kind == "joint")
    return out


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
) -> Flags:
    """Where the leverage of what a mechanism receives exceeds that of every observed run."""
    fit = mechanism.fit
    received = [
        [
            np.broadcast_to(inputs[next(e for e in edges if v in e.tail), v], shape).ravel()
            for v in (mechanism.parents[i] for i in term)
        ]
        for term, edges in zip(fit.terms, mechanism.term_edges(), strict=True)
    ]
    columns = fit.tabulate(received)
    means = context_means(fit.columns, model.groups)
    centred = fit.columns - means[model.groups.contexts]
    inverse = np.linalg.pinv(centred.T @ centred, hermitian=True)
    observed = np.einsum("ij,jk,ik->i", centred, inverse, centred)
    away = columns - means[np.broadcast_to(contexts[:, None, :], shape).ravel()]
    leverage = np.einsum("ij,jk,ik->i", away, inverse, away)
    return np.asarray(leverage > observed.max() * (1 + 1e-9)).reshape(shape)
