"""Fit a model again to changed values, to some of its runs, or with further causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalhyper.errors import ConfigurationError
from causalhyper.frames import Roles
from causalhyper.frames.role import Role
from causalhyper.hypergraph import DirectedHypergraph, Hyperedge
from causalhyper.mechanisms import (
    AdditiveFit,
    Groups,
    make_groups,
)
from causalhyper.mechanisms.bases import Array
from causalhyper.scm import fit
from causalhyper.scm.model import FittedModel
from causalhyper.scm.rungs import fit_node


def refit_model(
    model: FittedModel,
    *,
    treatment: str,
    outcome: str,
    values: Mapping[str, Array] | None = None,
    rows: NDArray[np.bool_] | None = None,
    causes: Mapping[str, Array] | None = None,
) -> FittedModel:
    """Fit every mechanism again, with its own options.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes of the question.
    values : mapping of str to ndarray, shape (n,), optional
        Nodes whose values are replaced, on their model scale.
    rows : ndarray of bool, shape (n,), optional
        Runs to keep.
    causes : mapping of str to ndarray, shape (n,), optional
        New nodes without causes, each a cause of every node that has some.

    Returns
    -------
    FittedModel
        With the protocol, roles and column names of `model`.

    Raises
    ------
    ConfigurationError
        If the changed runs cannot be fitted.
    """
    kept = np.ones(model.n, dtype=bool) if rows is None else rows
    if causes or not all(isinstance(m.fit, AdditiveFit) for m in model.mechanisms.values()):
        known = {**model.values, **(values or {}), **(causes or {})}
        return _fit_again(model, treatment, outcome, known, kept, tuple(causes or ()))
    groups = model.groups if kept.all() else _regroup(model.groups, kept)
    # mechanisms that see nothing new stay as they are
    touched = set(model.graph.nodes if not kept.all() else (values or ()))
    known = {v: x[kept] for v, x in {**model.values, **(values or {})}.items()}
    fitted = {
        v: fit_node(model.graph, v, known, groups, m.options) if touched & {v, *m.parents} else m
        for v, m in model.mechanisms.items()
    }
    return replace(model, values=known, groups=groups, mechanisms=fitted)


def _regroup(groups: Groups, kept: NDArray[np.bool_]) -> Groups:
    """Clusters and contexts of the runs kept, numbered without gaps."""
    codes = [
        np.unique(c[kept], return_inverse=True)[1] for c in (groups.clusters, groups.contexts)
    ]
    rest = make_groups(codes[0], codes[1])
    if not kept.any() or rest.cluster_count < 2 or np.bincount(rest.strata).min() < 2:
        raise ConfigurationError("fewer than two clusters are left in some context")
    return rest


def _fit_again(
    model: FittedModel,
    treatment: str,
    outcome: str,
    known: Mapping[str, Array],
    kept: NDArray[np.bool_],
    added: tuple[str, ...],
) -> FittedModel:
    """The model fitted from the start to a frame of these values."""
    names = {v: f"value_{i}" for i, v in enumerate(known)}
    frame = pd.DataFrame({names[v]: x[kept] for v, x in known.items()})
    frame["run_id"] = [f"{i:012d}" for i in range(len(frame))]
    frame["cluster_code"] = model.groups.clusters[kept]
    frame["context_code"] = model.groups.contexts[kept]
    fitted = fit(
        _with_causes(model.graph, added),
        frame,
        names,
        protocol=model.protocol,
        cluster="cluster_code",
        context="context_code" if model.groups.context_count > 1 else (),
        mechanisms={v: m.options for v, m in model.mechanisms.items()},
        treatment=treatment,
        outcome=outcome,
    )
    roles = (*(model.roles[v] for v in model.roles), *(Role(v, v) for v in added))
    return replace(fitted, roles=Roles(roles), cluster=model.cluster, context=model.context)


def _with_causes(graph: DirectedHypergraph, added: tuple[str, ...]) -> DirectedHypergraph:
    if not added:
        return graph
    heads = [v for v in graph.order() if graph.parents(v)]
    arcs = tuple(Hyperedge((z,), v) for z in added for v in heads)
    return DirectedHypergraph((*graph.edges, *arcs), graph.nodes)


def require_additive_nodes(model: FittedModel, nodes: Sequence[str], what: str) -> None:
    """Refuse mechanisms that are not additive, for queries that rest on residuals.

    Parameters
    ----------
    model : FittedModel
    nodes : sequence of str
        Whose mechanisms are needed.
    what : str
        The query, for the message.

    Raises
    ------
    ConfigurationError
        With the nodes that cannot be asked about, and what to use instead.
    """
    wrong = [v for v in nodes if not isinstance(model.mechanisms[v].fit, AdditiveFit)]
    if wrong:
        raise ConfigurationError(
            f"{what} needs additive mechanisms, fitted by least squares; "
            f"{', '.join(wrong)} has another kind: fit it with SPLINE or LINEAR for this question"
        )
