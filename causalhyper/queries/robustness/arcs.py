"""The slope of one arc: a single linear regression within contexts, in every replicate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.hypergraph.paths import reached
from causalhyper.inference.moments import partial_out, partial_r2, slopes_on, within_moments
from causalhyper.inference.partial_r2 import SlopeReplicates, benchmark
from causalhyper.mechanisms import make_basis
from causalhyper.scm.capabilities import require_additive
from causalhyper.scm.model import FittedModel

Strength = tuple[str, str, float, float, float]
"""Observed node, kind, times, and partial R2 with the cause and with the response."""

MOST_FUNCTIONS = 7
"""Of the treatment; fewer where it has fewer values."""


@dataclass(frozen=True, slots=True)
class ArcRegression:
    """An arc, its regression and its slope.

    The columns of `products` are those of the head's mechanism without the curve of the cause,
    then the cause itself, then the head, then the nodes left out.

    Attributes
    ----------
    cause, head : str
    products : ndarray, shape (1, k, k)
        Moments within contexts of the runs as they are.
    groups : dict of str to list of int
        Columns of each other cause: its own terms, and those joint with further causes but not
        with this one.
    others : list of int
        All columns beside the cause and the head.
    left_out : dict of str to int
        Column of each node that is no effect of the cause and no cause of the head; where the
        treatment was assigned, of what the treatment does not explain of it.
    slopes : SlopeReplicates
    ceiling : float
        Largest share of the cause's variance within contexts that anything independent of the
        assigned treatment can explain; 1 where nothing is known.
    """

    cause: str
    head: str
    products: Array
    groups: dict[str, list[int]]
    others: list[int]
    left_out: dict[str, int]
    slopes: SlopeReplicates
    ceiling: float

    @property
    def positions(self) -> tuple[int, int]:
        """Columns of the cause and of the head."""
        return len(self.others), len(self.others) + 1


def regress_arc(
    model: FittedModel, treatment: str, cause: str, head: str, weights: Array
) -> ArcRegression:
    """Set up the regression of one arc and solve it for all weights.

    Parameters
    ----------
    model : FittedModel
    treatment : str
        Node of the question.
    cause, head : str
        An arc of the hypergraph.
    weights : ndarray, shape (r, clusters)
        Ones in row 0.

    Returns
    -------
    ArcRegression
    """
    blocks, groups = _other_columns(model, cause, head)
    width = blocks.shape[1]
    doses = None if model.graph.parents(treatment) else dose_functions(model, treatment)
    later = reached(model.graph, cause, avoiding=()) | {cause, treatment}
    outside = [v for v in model.graph.order() if v not in later and v not in groups]
    beyond = [_beyond(model, model.values[v], doses) for v in outside]
    ends = [model.values[v][:, None] for v in (cause, head)]
    columns = np.concatenate([blocks, *ends], axis=1)
    others = list(range(width))
    moments = within_moments(columns, model.groups, weights).products
    own = partial_out(moments, others, [width, width + 1])
    slope = own[:, 0, 1] / own[:, 0, 0]
    rest = np.maximum(own[:, 1, 1] - slope * own[:, 0, 1], 0.0)
    columns = np.concatenate([columns, *beyond], axis=1)
    return ArcRegression(
        cause=cause,
        head=head,
        products=within_moments(columns, model.groups, weights[:1]).products,
        groups=groups,
        others=others,
        left_out={v: width + 2 + i for i, v in enumerate(outside)},
        slopes=SlopeReplicates(slope, np.sqrt(rest / own[:, 0, 0])),
        ceiling=1.0 if groups or doses is None else _unexplained(model, cause, doses),
    )


def dose_functions(model: FittedModel, treatment: str) -> Array:
    """Functions of the treatment: enough to tell all its values apart where those are few."""
    values = model.values[treatment]
    basis = make_basis(values, min(len(np.unique(values)) - 1, MOST_FUNCTIONS), name=treatment)
    return basis(values)


def _other_columns(
    model: FittedModel, cause: str, head: str
) -> tuple[Array, dict[str, list[int]]]:
    """Columns of the head's mechanism without the cause's curve, and which belong to whom."""
    mechanism = model.mechanisms[head]
    fit = require_additive(mechanism, "its arcs have no partial R2")
    space, place = fit.space, mechanism.parents.index(cause)
    blocks: list[Array] = [np.zeros((model.n, 0))]
    groups: dict[str, list[int]] = {v: [] for v in mechanism.parents if v != cause}
    width = 0
    for term, where in zip(space.terms, space.slices, strict=True):
        if term == (place,):
            continue
        block = fit.columns[:, where]
        blocks.append(block)
        if place not in term:
            for i in term:
                groups[mechanism.parents[i]] += range(width, width + block.shape[1])
        width += block.shape[1]
    return np.concatenate(blocks, axis=1), groups


def _beyond(model: FittedModel, values: Array, doses: Array | None) -> Array:
    """What functions of the treatment leave of a node within contexts, shape (n, 1)."""
    if doses is None:
        return values[:, None]
    columns = np.column_stack([doses, values])
    moments = within_moments(columns, model.groups, np.ones((1, model.clusters))).products
    k = doses.shape[1]
    out: Array = values[:, None] - doses @ slopes_on(moments, list(range(k)), [k])[0]
    return out


def _unexplained(model: FittedModel, node: str, doses: Array) -> float:
    columns = np.column_stack([doses, model.values[node]])
    moments = within_moments(columns, model.groups, np.ones((1, model.clusters))).products
    k = doses.shape[1]
    return 1.0 - partial_r2(moments, k, list(range(k)), [])


def list_benchmarks(
    model: FittedModel, arc: ArcRegression, times: Sequence[float]
) -> list[Strength]:
    """Strengths of unmeasured causes that are so many times as strong as observed ones.

    Parameters
    ----------
    model : FittedModel
    arc : ArcRegression
    times : sequence of float

    Returns
    -------
    list of Strength
        NaN for both strengths where no unmeasured cause can be so strong.
    """
    cause, head = arc.positions
    out: list[Strength] = []
    for node, group in arc.groups.items():
        rest = [c for c in arc.others if c not in group]
        with_cause = partial_r2(arc.products, cause, group, rest)
        with_head = partial_r2(arc.products, head, group, [*rest, cause])
        for k in times:
            bound = benchmark(with_cause, with_head, float(k)) or (np.nan, np.nan)
            out.append((node, "cause", float(k), *bound))
    for node, column in arc.left_out.items():
        with_cause = partial_r2(arc.products, cause, [column], arc.others)
        with_head = partial_r2(arc.products, head, [column], [*arc.others, cause])
        for k in times:
            strong = (k * with_cause, min(k * with_head, 1.0))
            possible = strong[0] < 1
            out.append((node, "left out", float(k), *(strong if possible else (np.nan, np.nan))))
    return out
