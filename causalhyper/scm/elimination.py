"""Exact answers of models whose every mechanism is a table: sums, no simulated runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from causalhyper.arrays import Array
from causalhyper.hypergraph import ancestors
from causalhyper.mechanisms import TableFit
from causalhyper.mechanisms.tables import STATES, nearest
from causalhyper.scm.model import FittedModel
from causalhyper.scm.replicates import Replicates


def is_discrete(model: FittedModel, outcome: str) -> bool:
    """Whether the outcome and everything before it have tables, or few values and no cause."""
    nodes = {outcome, *ancestors(model.graph, {outcome})}
    return model.groups.context_count == 1 and all(
        isinstance(model.mechanisms[v].fit, TableFit)
        if v in model.mechanisms
        else len(np.unique(model.values[v])) <= STATES
        for v in nodes
    )


def eliminate(
    model: FittedModel,
    replicates: Replicates,
    treatment: str,
    grid: Array,
    outcome: str,
    held: Mapping[str, float] | None = None,
) -> tuple[Array, Array]:
    """P(outcome | do(treatment, held)) by the truncated factorisation, in each replicate.

    Parameters
    ----------
    model : FittedModel
        For which `is_discrete` holds.
    replicates : Replicates
    treatment : str
        An ancestor of the outcome.
    grid : ndarray, shape (d,)
        Values of the treatment that runs have, on its model scale.
    outcome : str
    held : mapping of str to float, optional
        Other ancestors of the outcome that are set, each to a value that runs have.

    Returns
    -------
    states : ndarray, shape (s,)
        Values of the outcome.
    probabilities : ndarray, shape (r, d, s)

    Notes
    -----
    Source: Pearl 2009, equation 3.10; the order of the sums is left to `numpy.einsum_path`.
    """
    nodes = [v for v in model.graph.order() if v in {outcome, *ancestors(model.graph, {outcome})}]
    axis = {v: i + 1 for i, v in enumerate(nodes)}
    levels = {v: np.unique(model.values[v]) for v in nodes}
    point = {v: nearest(np.array([x]), levels[v]) for v, x in (held or {}).items()}
    # the treatment keeps its axis even where all that it moves is held
    operands: list[Any] = [np.ones(len(levels[treatment])), [axis[treatment]]]
    for v in nodes:
        if v in point:
            operands += [np.eye(len(levels[v]))[point[v][0]], [axis[v]]]
        elif v != treatment:
            parents = model.mechanisms[v].parents if v in model.mechanisms else ()
            operands += [_factor(model, replicates, v), [0, *(axis[p] for p in parents), axis[v]]]
    joint = np.einsum(*operands, [0, axis[treatment], axis[outcome]], optimize=True)
    return levels[outcome], joint[:, nearest(grid, levels[treatment])]


def _factor(model: FittedModel, replicates: Replicates, node: str) -> Array:
    """P(node | causes) with an axis a cause, shape (r, ..., states)."""
    if node in model.mechanisms:
        fit: Any = model.mechanisms[node].fit
        sizes = [len(v) for v in fit.levels]
        table: Array = replicates.parameters[node].probabilities
        return table.reshape(len(table), *sizes, -1)
    states, codes = np.unique(model.values[node], return_inverse=True)
    counts = np.zeros((model.clusters, len(states)))
    np.add.at(counts, (model.groups.clusters, codes), 1.0)
    weighted = replicates.weights @ counts
    return weighted / weighted.sum(axis=1, keepdims=True)
