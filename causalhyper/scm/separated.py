"""Means of a node under do(), where straight lines let doses and draws be kept apart."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from causalhyper.arrays import Array
from causalhyper.mechanisms import (
    AdditiveFit,
    Separable,
    predict_separable,
    separates,
    varying_with_draws,
)
from causalhyper.scm.draws import Draws, Sampler
from causalhyper.scm.model import FittedModel
from causalhyper.scm.replicates import Replicates


def separable(model: FittedModel, treatment: str, outcome: str, doses: int) -> bool:
    """Whether a node's mean under do(treatment) can be had without an array of doses and draws.

    So it is where every mechanism on the way is a sum of products of straight lines, with fewer
    products of doses and draws than there are doses.

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
    parts = {treatment: 0}
    for node in _needed(model, treatment, outcome):
        if node != treatment:
            parts[node] = 1
        if node != treatment and node in model.mechanisms:
            fit, parents = model.mechanisms[node].fit, model.mechanisms[node].parents
            if not isinstance(fit, AdditiveFit) or not separates(fit.space):
                return False
            largest = [t for t in fit.terms if not any({*t} < {*other} for other in fit.terms)]
            parts[node] += sum(_products([parts[parents[i]] for i in term]) for term in largest)
    return max(parts.values()) <= 1 + doses


def _products(parts: list[int]) -> int:
    """At most this many products of doses and draws are in a product of inputs.

    An input is a dose part and some parts that vary with the draw, the first of them alike at
    every dose; the product of the dose parts, and of all first parts, is no such product.
    """
    return prod(1 + p for p in parts) - 1 - all(parts)


def _needed(model: FittedModel, treatment: str, outcome: str) -> tuple[str, ...]:
    """The outcome and what decides it under do(treatment), causes first."""
    needed, todo = set[str](), [outcome]
    while todo:
        node = todo.pop()
        needed.add(node)
        if node != treatment:
            todo += [v for v in model.graph.parents(node) if v not in needed]
    return tuple(v for v in model.graph.order() if v in needed)


def natural_means(
    model: FittedModel,
    replicates: Replicates,
    sampler: Sampler,
    treatment: str,
    grid: Array,
    outcome: str,
    progress: Callable[[float], None] | None = None,
) -> Array:
    """Mean of a node under do(treatment): what `simulate` gives, up to rounding.

    Parameters
    ----------
    model : FittedModel
        `separable` for these nodes.
    replicates : Replicates
    sampler : Sampler
    treatment : str
        Node.
    grid : ndarray, shape (d,)
        Its values on its model scale.
    outcome : str
        Node.
    progress : callable, optional
        Called with the share of the work done.

    Returns
    -------
    ndarray, shape (r, d)
    """
    needed = _needed(model, treatment, outcome)
    # the outcome's own noise has mean zero
    unused = {*model.graph.order()} - {*needed} | {treatment, outcome}
    means = np.empty((len(replicates), len(grid)))
    done = 0
    for chunk in replicates.chunks(sampler.count):
        draws = sampler.draw(model, chunk, partners=False, fixed=unused)
        values = {treatment: Separable(grid[None, :, None])}
        for node in needed:
            if node != treatment:
                values[node] = _respond(model, chunk, draws, node, values)
        means[done : done + len(chunk)] = values[outcome].mean()
        done += len(chunk)
        if progress is not None:
            progress(done / len(replicates))
    return means


def _respond(
    model: FittedModel, chunk: Replicates, draws: Draws, node: str, values: dict[str, Separable]
) -> Separable:
    """One node, given its causes."""
    if node not in model.mechanisms:
        return varying_with_draws(draws.roots[node])
    mechanism, learnt = model.mechanisms[node], chunk.parameters[node]
    start = varying_with_draws(learnt.starts(draws.contexts))
    if node in draws.noise:
        start = start.plus(varying_with_draws(draws.noise[node]))
    inputs = [values[p] for p in mechanism.parents]
    fit: Any = mechanism.fit
    return predict_separable(fit.space, learnt, inputs, start)
