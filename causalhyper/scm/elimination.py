"""Exact answers of models whose every mechanism is a table: sums, no simulated runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from causalhyper.hypergraph import ancestors
from causalhyper.mechanisms import TableFit
from causalhyper.mechanisms.bases import Array
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
    model: FittedModel, replicates: Replicates, treatment: str, grid: Array, outcome: str
) -> tuple[Array, Array]:
    """P(outcome | do(treatment)) by the truncated factorisation, in each replicate.

    Parameters
    ----------
    model : FittedModel
        For which `is_discrete` holds.
    replicates : Replicates
    treatment : str
        An ancestor of the outcome.
    grid : ndarray, shape (d,)
        Values of the treatment that runs have.
    outcome : str

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
    operands: list[Any] = []
    for v in nodes:
        if v != treatment:
            parents = model.mechanisms[v].parents if v in model.mechanisms else ()
            operands += [_factor(model, replicates, v), [0, *(axis[p] for p in parents), axis[v]]]
    joint = np.einsum(*operands, [0, axis[treatment], axis[outcome]], optimize=True)
    states = np.unique(model.values[outcome])
    return states, joint[:, nearest(grid, np.unique(model.values[treatment]))]


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
