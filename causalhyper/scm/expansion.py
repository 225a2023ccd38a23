"""Worlds as polynomials in their noise: exact means over the draws, without simulated values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from causalhyper.arrays import Array
from causalhyper.mechanisms import (
    AdditiveFit,
    Monomial,
    Polynomial,
    Symbol,
    constant,
    drawn,
    expand_support,
    multilinear,
    predict_polynomial,
)
from causalhyper.scm.draws import Draws, Sampler
from causalhyper.scm.model import FittedModel
from causalhyper.scm.replicates import Replicates
from causalhyper.scm.worlds import receive

Values = dict[str, Polynomial]

MOMENTS = 4
"""Moments a dose that take about as long as simulated values."""


def expandable(model: FittedModel, treatment: str, outcome: str, doses: int) -> bool:
    """Whether a node's mean under do(treatment) is had faster from moments than from values.

    So it is where every mechanism on the way is a sum of products of straight lines, whose
    expansion has few monomials.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    doses : int
        How many values the treatment is set to.

    Returns
    -------
    bool
    """
    most = MOMENTS * doses
    support: dict[str, frozenset[Monomial]] = {treatment: frozenset({()})}
    for node in needed(model, treatment, outcome):
        if node == treatment:
            continue
        own: Monomial = ((0, node),)
        support[node] = frozenset({(), own})
        if node in model.mechanisms:
            mechanism = model.mechanisms[node]
            fit = mechanism.fit
            if not isinstance(fit, AdditiveFit) or not multilinear(fit.space):
                return False
            inputs = [support[p] for p in mechanism.parents]
            found = expand_support(fit.terms, inputs, most)
            if found is None:
                return False
            support[node] |= found
    return True


def needed(model: FittedModel, treatment: str, outcome: str) -> tuple[str, ...]:
    """The outcome and what decides it under do(treatment), causes first."""
    found, todo = set[str](), [outcome]
    while todo:
        node = todo.pop()
        found.add(node)
        if node != treatment:
            todo += [v for v in model.graph.parents(node) if v not in found]
    return tuple(v for v in model.graph.order() if v in found)


def expand(
    model: FittedModel,
    replicates: Replicates,
    nodes: Sequence[str],
    do: Mapping[str, Polynomial | Array],
    receives: Mapping[tuple[Any, str], Polynomial] | None = None,
    draws: int = 0,
) -> Values:
    """Nodes in one world, as polynomials in the noise.

    Parameters
    ----------
    model : FittedModel
        `expandable`.
    replicates : Replicates
    nodes : sequence of str
        Which, causes first.
    do : mapping of str to Polynomial
        Nodes that are set; a value alike in every draw may be an array of shape (r, d, 1).
    receives : mapping of (Hyperedge, str) to Polynomial, optional
        What a hyperedge receives in place of a member of its tail.
    draws : int
        Which set of draws the noise is from.

    Returns
    -------
    dict of str to Polynomial
    """
    values: Values = {}
    for node in nodes:
        if node in do:
            x = do[node]
            values[node] = x if isinstance(x, Polynomial) else constant(x[:, :, 0])
        elif node not in model.mechanisms:
            centre = constant(np.full((1, 1), _centre(model, node)))
            values[node] = centre.plus(drawn((draws, node)))
        else:
            mechanism, learnt = model.mechanisms[node], replicates.parameters[node]
            fit: Any = mechanism.fit
            start = constant(learnt.effects.mean(axis=1, keepdims=True))
            received = receive(mechanism, values, receives or {})
            values[node] = predict_polynomial(
                fit.space, learnt, received, start.plus(drawn((draws, node)))
            )
    return values


def _centre(model: FittedModel, root: str) -> float:
    """What the draws of a root are measured from, so that no digits are lost to its size."""
    return float(model.values[root].mean())


def expected_values(
    model: FittedModel,
    replicates: Replicates,
    samplers: Sequence[Sampler],
    worlds: Mapping[str, Polynomial],
    progress: Callable[[float], None] | None = None,
) -> dict[str, Array]:
    """Means over draws of some polynomials: what simulated values give, up to rounding.

    Parameters
    ----------
    model : FittedModel
    replicates : Replicates
    samplers : sequence of Sampler
        One a set of draws, of one size, and with the contexts of the first.
    worlds : mapping of str to Polynomial
    progress : callable, optional
        Called with the share of the work done.

    Returns
    -------
    dict of str to ndarray, broadcastable to shape (r, d)
    """
    asked = {m for world in worlds.values() for m in world.coefs if m}
    varying = sorted(m for m in asked if not _centred(model, m))
    moments = np.zeros((len(varying), len(replicates), 1))
    done = 0
    for chunk in replicates.chunks(samplers[0].count) if varying else ():
        values = _draw(model, chunk, samplers, {s for m in varying for s in m})
        moments[:, done : done + len(chunk), 0] = _moments(values, varying)
        done += len(chunk)
        if progress is not None:
            progress(done / len(replicates))
    if progress is not None and not varying:
        progress(1.0)
    found = dict(zip(varying, moments, strict=True))
    return {name: world.mean(lambda m: found.get(m, 0.0)) for name, world in worlds.items()}


def _centred(model: FittedModel, monomial: Monomial) -> bool:
    """Whether a monomial is a mechanism's noise alone, whose mean is zero in every replicate."""
    return (
        len(monomial) == 1
        and monomial[0][1] in model.mechanisms
        and model.groups.context_count == 1
    )


def _draw(
    model: FittedModel, chunk: Replicates, samplers: Sequence[Sampler], symbols: set[Symbol]
) -> dict[Symbol, Array]:
    """What stands behind each symbol, shape (r, m)."""
    rows = samplers[0].rows(chunk)
    out: dict[Symbol, Array] = {}
    for at, sampler in enumerate(samplers):
        nodes = {v for number, v in symbols if number == at}
        if nodes:
            unused = {*sampler.own} - nodes
            draws = sampler.draw(model, chunk, partners=False, fixed=unused, rows=rows)
            out |= {(at, v): _deviation(model, chunk, draws, v) for v in nodes}
    return out


def _deviation(model: FittedModel, chunk: Replicates, draws: Draws, node: str) -> Array:
    """A root less its centre, or a mechanism's noise and what its context adds."""
    if node not in model.mechanisms:
        return draws.roots[node][:, 0] - _centre(model, node)
    noise = draws.noise[node][:, 0]
    if model.groups.context_count == 1:
        return noise
    learnt = chunk.parameters[node]
    starts = learnt.starts(draws.contexts)[:, 0]
    deviation: Array = noise + (starts - learnt.effects.mean(axis=1, keepdims=True))
    return deviation


def _moments(values: Mapping[Symbol, Array], monomials: Sequence[Monomial]) -> Array:
    """Mean of each monomial, shape (monomials, r); what several begin with is multiplied once."""
    products: dict[Monomial, Array] = {(s,): x for s, x in values.items()}
    means = []
    for monomial in monomials:
        *rest, last = monomial
        for size in range(2, len(monomial)):
            head = monomial[:size]
            if head not in products:
                products[head] = products[head[:-1]] * values[head[-1]]
        if rest:
            total = np.einsum("rm,rm->r", products[tuple(rest)], values[last])
            means.append(total / values[last].shape[1])
        else:
            means.append(values[last].mean(axis=1))
    return np.array(means)
