"""Fit a hypergraph structural causal model to a runs frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.frames import Roles, validate_runs
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.mechanisms import Groups, fit_additive, make_groups, make_term_space
from causalhyper.mechanisms.bases import Array
from causalhyper.mechanisms.grams import Codes
from causalhyper.scm.model import SPLINE, Additive, FittedModel, Mechanism, assign_terms


def fit(
    graph: DirectedHypergraph | str,
    runs: pd.DataFrame,
    roles: Roles | Mapping[str, str],
    *,
    protocol: str,
    cluster: str | Sequence[str],
    context: str | Sequence[str] | None = (),
    mechanisms: Additive | Mapping[str, Additive] = SPLINE,
    outcome_range: tuple[float, float] | None = None,
    treatment: str | None = None,
    outcome: str | None = None,
) -> FittedModel:
    """Fit one additive mechanism to each node that has causes.

    Parameters
    ----------
    graph : DirectedHypergraph or str
        The hypergraph, or its text such as ``"B -> N; N -> S; {N, S} -> C; C -> G"``.
    runs : DataFrame
        One row a run; validated here.
    roles : Roles or mapping of str to str
        Which column plays which node, such as ``{"N": "log10(grad_noise)"}``; one for each node.
    protocol : str
        What was held equal while the treatment varied and how the learning rate was set, such
        as "equal epochs, fixed learning rate". It is part of every estimand.
    cluster : str or sequence of str
        Columns whose combinations are resampled together; at least two clusters.
    context : str or sequence of str
        Columns whose combinations get a fixed effect in every mechanism.
    mechanisms : Additive or mapping of str to Additive
        Options for all nodes, or node by node (the others take the default).
    outcome_range : tuple of float, optional
        Range of the outcome, where its column is not a known one.
    treatment, outcome : str, optional
        Nodes that will play these parts; by default the first root and the last node in
        topological order. They decide which rules the runs are held against.

    Returns
    -------
    FittedModel

    Raises
    ------
    ConfigurationError
        If graph, roles and options do not fit together, or the runs cannot tell the causes of a
        node apart.
    DataError
        If the runs break the schema; one message lists every problem.
    """
    graph = DirectedHypergraph.parse(graph) if isinstance(graph, str) else graph
    roles = roles if isinstance(roles, Roles) else Roles.from_mapping(roles)
    cluster, context = _names(cluster), _names(context)
    _check(graph, roles, protocol, cluster)
    frame = validate_runs(
        runs,
        roles=roles,
        treatment=treatment or graph.roots()[0],
        outcome=outcome or graph.order()[-1],
        cluster=cluster,
        context=context,
        outcome_range=outcome_range,
    )
    order = [*dict.fromkeys((*cluster, *context, "run_id"))]
    frame = frame.sort_values(order, kind="stable", ignore_index=True)
    values = {v: roles[v].apply(frame[roles[v].column].to_numpy()) for v in graph.order()}
    groups = make_groups(_codes(frame, cluster), _codes(frame, context))
    _check_clusters(groups, cluster)
    fitted = {
        v: _fit_node(graph, v, values, groups, _options(mechanisms, v, graph))
        for v in graph.order()
        if graph.parents(v)
    }
    run_ids = frame["run_id"].to_numpy(dtype=object)
    labels = {c: frame[c].to_numpy(dtype=object) for c in dict.fromkeys((*cluster, *context))}
    return FittedModel(
        graph, roles, protocol, values, groups, fitted, cluster, context, run_ids, labels
    )


def _names(columns: str | Sequence[str] | None) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else tuple(columns or ())


def _check(
    graph: DirectedHypergraph, roles: Roles, protocol: str, cluster: tuple[str, ...]
) -> None:
    if not isinstance(protocol, str) or not protocol.strip():
        raise ConfigurationError(
            "the matching protocol is empty: say what was held equal while the treatment varied "
            "and how the learning rate was set, such as 'equal epochs, fixed learning rate'"
        )
    if not cluster:
        raise ConfigurationError(
            "no cluster column: name the columns of what is resampled together, such as the seed"
        )
    if missing := [v for v in graph.nodes if v not in roles]:
        raise ConfigurationError(
            f"no role for {', '.join(missing)}: give each node of {graph} a column"
        )
    if extra := [v for v in roles if v not in graph.nodes]:
        raise ConfigurationError(
            f"role for {', '.join(extra)}, which is no node of {graph}: remove the role, or add "
            "the node to the hypergraph"
        )


def _codes(frame: pd.DataFrame, columns: tuple[str, ...]) -> Codes:
    """Number the combinations of some columns in sorted order."""
    if not columns:
        return np.zeros(len(frame), dtype=np.intp)
    codes = frame.groupby(list(columns), sort=True, observed=True).ngroup()
    return np.asarray(codes, dtype=np.intp)


def _check_clusters(groups: Groups, cluster: tuple[str, ...]) -> None:
    strata = np.bincount(groups.strata)
    if groups.cluster_count < 2 or strata.min() < 2:
        where = " in some context" if groups.cluster_count > 1 else ""
        raise ConfigurationError(
            f"{' x '.join(cluster)} gives a single cluster{where}: uncertainty needs at least two "
            "independent clusters, such as seed blocks, in each context"
        )


def _options(
    mechanisms: Additive | Mapping[str, Additive], node: str, graph: DirectedHypergraph
) -> Additive:
    if isinstance(mechanisms, Additive):
        return mechanisms
    if not isinstance(mechanisms, Mapping):
        raise ConfigurationError(
            f"mechanisms must be options such as SPLINE or LINEAR, or a mapping of node to them; "
            f"got {mechanisms!r}"
        )
    graph.require(*mechanisms)
    return mechanisms.get(node, SPLINE)


def _fit_node(
    graph: DirectedHypergraph,
    node: str,
    values: Mapping[str, Array],
    groups: Groups,
    options: Additive,
) -> Mechanism:
    order = graph.order()
    parents = tuple(sorted(graph.parents(node), key=order.index))
    edges = graph.into(node)
    terms, owners = assign_terms(parents, edges)
    inputs = [values[p] for p in parents]
    space = make_term_space(terms, inputs, options.df, options.joint_df, parents)
    fitted = fit_additive(space, inputs, values[node], groups)
    if fitted.rank < fitted.width:
        raise ConfigurationError(
            f"these runs do not tell the causes of {node} apart ({', '.join(parents)}"
            f"{' beside contexts' if groups.context_count > 1 else ''}): {fitted.width} columns "
            f"have rank {fitted.rank}. Use straight lines, merge hyperedges, or vary the causes "
            "independently"
        )
    return Mechanism(node, parents, edges, owners, options, fitted)
