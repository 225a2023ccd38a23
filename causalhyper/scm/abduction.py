"""Abduction: the noise of observed runs, and what the same noise gives where nodes are set."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import between
from causalhyper.mechanisms import InvertibleFit
from causalhyper.scm.draws import Draws
from causalhyper.scm.model import FittedModel
from causalhyper.scm.replicates import Replicates
from causalhyper.scm.worlds import World, receive, simulate

LACKING = {
    "functional": (
        "function and noise cannot be told apart in it: ask for the outcome's distribution with do"
    ),
    "invertible": (
        "the noise of a single run cannot be recovered from it: fit it with LINEAR, SPLINE, "
        "Flow() or a regressor, or ask for the distribution of runs with do"
    ),
}
"""What the lack of a capability means, and what to do instead."""


def require(model: FittedModel, capability: str, nodes: Iterable[str]) -> None:
    """Refuse mechanisms that lack a capability.

    Parameters
    ----------
    model : FittedModel
    capability : {"functional", "invertible"}
    nodes : iterable of str
        Those without a mechanism need none.

    Raises
    ------
    ConfigurationError
        Naming every node whose mechanism lacks it, and what to use instead.
    """
    lacking = [
        v
        for v in nodes
        if v in model.mechanisms and capability not in model.mechanisms[v].fit.capabilities
    ]
    if lacking:
        raise ConfigurationError(
            f"the mechanism of {', '.join(lacking)} is not {capability}, and {LACKING[capability]}"
        )


def responding(model: FittedModel, nodes: Collection[str], outcome: str) -> tuple[str, ...]:
    """Nodes whose mechanisms carry an intervention to the outcome, which is the last.

    Parameters
    ----------
    model : FittedModel
    nodes : collection of str
        What is set; the outcome is not among them.
    outcome : str

    Returns
    -------
    tuple of str
        In topological order, without what is set.
    """
    inside = {w for v in nodes for w in (*between(model.graph, v, outcome), outcome)}
    return tuple(v for v in model.graph.order() if v in inside - set(nodes))


def abduct(
    model: FittedModel, replicates: Replicates, nodes: Collection[str], rows: Codes
) -> dict[str, Array]:
    """Noise with which the mechanisms give exactly what was observed.

    Parameters
    ----------
    model : FittedModel
    replicates : Replicates
        r sets of parameters.
    nodes : collection of str
        With invertible mechanisms.
    rows : ndarray of int, shape (m,)
        Rows of `model.values`.

    Returns
    -------
    dict of str to ndarray, shape (r, 1, m)
    """
    factual = observe(model, rows)
    noise = {}
    contexts = _own_contexts(model, replicates, rows)
    for node in nodes:
        mechanism, learnt = model.mechanisms[node], replicates.parameters[node]
        fit: InvertibleFit[Any] = cast("InvertibleFit[Any]", mechanism.fit)
        received = receive(mechanism, factual, {})
        noise[node] = fit.recover(learnt, received, contexts, factual[node])
    return noise


@dataclass(frozen=True, slots=True)
class Replay:
    """Observed runs in a world where some nodes are set.

    Attributes
    ----------
    world : World
        What was set, and what could not change.
    draws : Draws
        The runs' own contexts and noise.
    values : mapping of str to ndarray, broadcastable to shape (r, 1, m)
        Every node.
    """

    world: World
    draws: Draws
    values: Mapping[str, Array]


def replay(
    model: FittedModel,
    replicates: Replicates,
    noise: Mapping[str, Array],
    settings: Mapping[str, float],
    rows: Codes,
) -> Replay:
    """Observed runs, had some nodes been set: action and prediction.

    Parameters
    ----------
    model : FittedModel
    replicates : Replicates
        r sets of parameters.
    noise : mapping of str to ndarray, shape (r, 1, m)
        Of the `responding` nodes, as `abduct` found it. Every other node keeps its value.
    settings : mapping of str to float
        Values that nodes are set to, on their model scale.
    rows : ndarray of int, shape (m,)

    Returns
    -------
    Replay
        A run whose settings are what it had keeps exactly what was observed (consistency).
    """
    factual = observe(model, rows)
    acted = {v: np.where(_same(x, factual[v]), factual[v], x) for v, x in settings.items()}
    kept = np.all([acted[v] == factual[v] for v in acted], axis=0)
    world = World(do={v: x for v, x in factual.items() if v not in noise} | acted)
    draws = _exogenous(model, replicates, rows, noise)
    values = simulate(model, replicates, draws, world, factual)
    return Replay(world, draws, {v: np.where(kept, factual[v], x) for v, x in values.items()})


def observe(model: FittedModel, rows: Codes) -> dict[str, Array]:
    """Observed values of some runs, each of shape (1, 1, m)."""
    return {v: x[rows][None, None, :] for v, x in model.values.items()}


def _same(asked: float, observed: Array) -> Flags:
    """Where a value is the observed one but for rounding."""
    return np.isclose(observed, asked, rtol=1e-9, atol=1e-12)


def _exogenous(
    model: FittedModel, replicates: Replicates, rows: Codes, noise: Mapping[str, Array]
) -> Draws:
    """The runs' own contexts and noise, for every replicate."""
    return Draws(_own_contexts(model, replicates, rows), noise, {}, {})


def _own_contexts(model: FittedModel, replicates: Replicates, rows: Codes) -> Codes:
    return np.tile(model.groups.contexts[rows], (len(replicates), 1))
