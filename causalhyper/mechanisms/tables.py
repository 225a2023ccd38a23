"""Discrete tables: P(head | causes) by weighted counts, for nodes with few values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms.grouping import Groups
from causalhyper.mechanisms.ladder import Capability, Projection

Inputs = Sequence[Sequence[Array]]

STATES = 50
"""Most different values that a node of a table may have."""


@dataclass(frozen=True, slots=True)
class TableParameters:
    """Conditional probabilities in r replicates.

    Attributes
    ----------
    probabilities : ndarray, shape (r, cells, states)
        Rows sum to one; cells are the combinations of the causes' values, the last cause
        fastest.
    """

    probabilities: Array

    def part(self, rows: slice) -> TableParameters:
        """Some of the replicates."""
        return TableParameters(self.probabilities[rows])


@dataclass(frozen=True, slots=True)
class TableFit:
    """A conditional probability table.

    Attributes
    ----------
    states : ndarray, shape (s,)
        The head's values, increasing.
    levels : tuple of ndarray
        The values of each cause, increasing.
    columns : ndarray, shape (n, causes)
        The causes in the data.
    response, fitted : ndarray, shape (n,)
        The head in the data, and its mean given the causes.
    counts : ndarray, shape (clusters, cells, states)
        Runs of each cluster in each cell.
    prior : float
        Imagined runs a cell, spread as the head is over all runs.
    parameters : TableParameters
        As fitted; r = 1.
    """

    states: Array
    levels: tuple[Array, ...]
    columns: Array
    response: Array
    fitted: Array
    counts: Array
    prior: float
    parameters: TableParameters

    @property
    def terms(self) -> tuple[tuple[int, ...], ...]:
        """A single term of all causes."""
        return (tuple(range(len(self.levels))),)

    @property
    def size(self) -> int:
        """Free probabilities."""
        return self.counts.shape[1] * (len(self.states) - 1)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """None beyond draws: several noises lead to one value, and nothing is summed."""
        return frozenset()

    def enough(self, weights: Array) -> Flags:
        """Whether each replicate has runs in every cell, or a prior."""
        filled = weights @ self.counts.sum(axis=2) > 0
        found: Flags = filled.all(axis=1) | (self.prior > 0)
        return found

    def refit(self, groups: Groups, weights: Array) -> TableParameters:
        """Count again with weighted clusters."""
        counted = np.tensordot(weights, self.counts, axes=1)
        overall = counted.sum(axis=1, keepdims=True)
        overall /= overall.sum(axis=2, keepdims=True)
        counted += self.prior * overall
        return TableParameters(counted / counted.sum(axis=2, keepdims=True))

    def noise(self, parameters: TableParameters, groups: Groups, rows: Codes, u: Array) -> Array:
        """The numbers themselves: a value is the quantile at them, shape (r, 1, m)."""
        return np.broadcast_to(u, (len(rows), 1, len(u)))

    def respond(
        self,
        parameters: TableParameters,
        inputs: Inputs,
        contexts: Codes,
        noise: Array,
        projections: Mapping[int, Projection],
    ) -> Array:
        """The smallest state at which the distribution function reaches the noise."""
        cells = self._cells(inputs[0])
        cumulative = np.cumsum(parameters.probabilities, axis=2)[:, :, :-1]
        replicate = np.arange(len(cumulative))[:, None, None]
        state = np.zeros(np.broadcast_shapes(cells.shape, noise.shape), dtype=np.intp)
        for edge in np.moveaxis(cumulative, 2, 0):
            state += edge[replicate, cells] < noise
        values: Array = self.states[state]
        return values

    def mean(
        self,
        parameters: TableParameters,
        inputs: Inputs,
        contexts: Codes | None,
        projections: Mapping[int, Projection],
    ) -> Array:
        """Mean of the head given the causes."""
        means = parameters.probabilities @ self.states
        found: Array = means[np.arange(len(means))[:, None, None], self._cells(inputs[0])]
        return found

    def tabulate(self, inputs: Inputs) -> Array:
        """The causes themselves, shape (s, causes)."""
        return np.stack(np.broadcast_arrays(*inputs[0]), axis=-1)

    def _cells(self, inputs: Sequence[Array]) -> Codes:
        """Which combination of the causes' values each draw has."""
        codes = [nearest(x, v) for x, v in zip(inputs, self.levels, strict=True)]
        cells = codes[0]
        for code, v in zip(codes[1:], self.levels[1:], strict=True):
            cells = cells * len(v) + code
        return cells


def nearest(values: Array, levels: Array) -> Codes:
    """Position of the level that each value has, or is closest to."""
    middle = (levels[1:] + levels[:-1]) / 2
    found: Codes = np.searchsorted(middle, values)
    return found


def fit_table(
    inputs: Sequence[Array],
    response: Array,
    groups: Groups,
    *,
    prior: float,
    names: Sequence[str],
) -> TableFit:
    """Count a conditional probability table.

    Parameters
    ----------
    inputs : sequence of ndarray, shape (n,)
    response : ndarray, shape (n,)
    groups : Groups
    prior : float
        Imagined runs a cell, not negative.
    names : sequence of str
        Of the causes, then the head; for errors.

    Returns
    -------
    TableFit

    Raises
    ------
    ConfigurationError
        If a node has more than `STATES` values, runs are in several contexts, or a cell has no
        run and there is no prior.
    """
    if groups.context_count > 1:
        raise ConfigurationError(
            f"the table of {names[-1]} has no intercept for contexts: fit without contexts, or "
            "make the context a node of the hypergraph"
        )
    *levels, states = (np.unique(x) for x in (*inputs, response))
    for name, found in zip(names, (*levels, states), strict=True):
        if len(found) > STATES:
            raise ConfigurationError(
                f"{name} has {len(found)} different values, more than the {STATES} of a table: "
                "bin its column (pandas.qcut), or use another mechanism"
            )
    columns = np.column_stack(inputs)
    shape = tuple(len(v) for v in levels)
    cells = np.ravel_multi_index(
        tuple(np.searchsorted(v, x) for v, x in zip(levels, inputs, strict=True)), shape
    )
    counts = np.zeros((groups.cluster_count, prod(shape), len(states)))
    np.add.at(counts, (groups.clusters, cells, np.searchsorted(states, response)), 1.0)
    blank = TableParameters(np.zeros((1, 1, 1)))
    made = TableFit(states, tuple(levels), columns, response, response, counts, prior, blank)
    one = np.ones((1, groups.cluster_count))
    if not made.enough(one)[0]:
        empty = np.flatnonzero(counts.sum(axis=(0, 2)) == 0)
        where = [v[i] for v, i in zip(levels, np.unravel_index(empty[0], shape), strict=True)]
        at = ", ".join(f"{n} = {v:g}" for n, v in zip(names, where, strict=False))
        raise ConfigurationError(
            f"no run has {at}, so P({names[-1]} | {', '.join(names[:-1])}) is unknown there "
            f"({len(empty)} such cells): use coarser bins, or a prior such as Table(prior=1)"
        )
    parameters = made.refit(groups, one)
    fitted = (parameters.probabilities[0] @ states)[cells]
    return TableFit(states, tuple(levels), columns, response, fitted, counts, prior, parameters)
