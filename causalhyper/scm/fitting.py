"""Fit a hypergraph structural causal model to a runs frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError
from causalhyper.frames import Roles, validate_runs
from causalhyper.frames.role import Role
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.hypergraph.given import read_hypergraph
from causalhyper.mechanisms import Groups, make_groups
from causalhyper.progress import Progress, track_all
from causalhyper.scm.grouping_checks import check_groups
from causalhyper.scm.model import FittedModel
from causalhyper.scm.options import SPLINE, Binomial, CrossValidated, Options
from causalhyper.scm.rungs import fit_node


def fit(
    graph: DirectedHypergraph | str,
    runs: pd.DataFrame,
    roles: Roles | Mapping[str, str],
    *,
    protocol: str,
    cluster: str | Sequence[str],
    context: str | Sequence[str] | None = (),
    mechanisms: Options | Mapping[str, Options] = SPLINE,
    outcome_range: tuple[float, float] | None = None,
    treatment: str | None = None,
    outcome: str | None = None,
    progress: Progress | None = None,
) -> FittedModel:
    """Fit one mechanism to each node that has causes; nodes without keep their distribution.

    Parameters
    ----------
    graph : DirectedHypergraph or str
        The hypergraph, or its text. Such as ``"B -> N; N -> S; {N, S} -> C; C -> G"``.
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
        Columns whose combinations get an intercept in every mechanism.
    mechanisms : options, or mapping of str to options
        `Additive`, `Binomial`, `Flow`, `Regressor`, `Table`, or `CrossValidated` over several of
        them; for all nodes, or node by node (the others take the default, splines).
    outcome_range : tuple of float, optional
        Range of the outcome, where its column is not a known one.
    treatment, outcome : str, optional
        Nodes that will play these parts; by default the first root and the last node in
        topological order. They decide which rules the runs are held against.
    progress : callable, optional
        Called with the share of the work done, in [0, 1].

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

    Warns
    -----
    UserWarning
        If rows are copies of others under new names.
    """
    graph = read_hypergraph(graph)
    roles = roles if isinstance(roles, Roles) else Roles.from_mapping(roles)
    cluster, context = _names(cluster, "cluster"), _names(context, "context")
    _check(graph, roles, protocol, cluster)
    check_groups(graph, roles, cluster, context)
    frame = validate_runs(
        runs,
        roles=roles,
        treatment=treatment or graph.roots()[0],
        outcome=outcome or graph.order()[-1],
        cluster=cluster,
        context=context,
        outcome_range=outcome_range,
    )
    named = [*dict.fromkeys((*cluster, *context, "run_id"))]
    rows = frame[named].sort_values(named, kind="stable").index.to_numpy()
    groups = make_groups(_codes(frame, cluster)[rows], _codes(frame, context)[rows])
    _check_clusters(groups, cluster)
    chosen = {v: _options(mechanisms, v, graph) for v in graph.order() if graph.parents(v)}
    trials = {v: _trials(frame, rows, roles[v], options) for v, options in chosen.items()}
    labels = {c: _plain(frame[c])[rows] for c in named}
    columns = {c: frame[c].to_numpy() for c in roles.columns}
    # what is needed of the frame has been taken, which makes room for the fits
    del frame
    values = _take(columns, rows, [roles[v] for v in graph.order()])
    del rows
    fitted = {
        v: fit_node(graph, v, values, groups, options, trials[v])
        for v, options in track_all(chosen.items(), progress)
    }
    run_ids = labels["run_id"]
    labels = {c: labels[c] for c in dict.fromkeys((*cluster, *context))}
    return FittedModel(
        graph, roles, protocol, values, groups, fitted, cluster, context, run_ids, labels
    )


def _take(columns: dict[str, Array], rows: Codes, roles: Sequence[Role]) -> dict[str, Array]:
    """Each node's values on its model scale; columns are let go one by one."""
    values = {}
    for i, role in enumerate(roles):
        again = any(other.column == role.column for other in roles[i + 1 :])
        column = columns[role.column] if again else columns.pop(role.column)
        values[role.node] = role.apply(column[rows])
    return values


def _names(columns: object, use: str) -> tuple[str, ...]:
    """Names of columns, of which one may stand alone."""
    if columns is None or isinstance(columns, str):
        return () if columns is None else (columns,)
    names = tuple(columns) if isinstance(columns, Iterable) else (columns,)
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise ConfigurationError(
            f"{use} must name columns, such as 'seed' or ['dataset', 'seed']; got {wrong[0]!r}"
        )
    return names


def _plain(series: pd.Series) -> NDArray[Any]:
    """Labels in an array; numbers stay numbers, which are smaller than objects."""
    number = isinstance(series.dtype, np.dtype) and series.dtype.kind in "iuf"
    return series.to_numpy() if number else series.to_numpy(dtype=object)


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
        return np.broadcast_to(np.intp(0), len(frame))
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
    mechanisms: Options | Mapping[str, Options], node: str, graph: DirectedHypergraph
) -> Options:
    if isinstance(mechanisms, Options):
        return mechanisms
    if not isinstance(mechanisms, Mapping):
        raise ConfigurationError(
            f"mechanisms must be options such as SPLINE or LINEAR, or a mapping of node to them; "
            f"got {mechanisms!r}"
        )
    graph.require(*mechanisms)
    if roots := [v for v in mechanisms if not graph.parents(v)]:
        raise ConfigurationError(
            f"{roots[0]} has no causes in {graph}, so it keeps its observed values and has no "
            "mechanism: leave it out of `mechanisms`"
        )
    found = mechanisms.get(node, SPLINE)
    if not isinstance(found, Options):
        raise ConfigurationError(
            f"the mechanism of {node} must be options such as SPLINE or LINEAR, got {found!r}"
        )
    return found


def _trials(frame: pd.DataFrame, rows: Codes, role: Role, options: Options) -> Array | None:
    """Trials behind a proportion, where some binomial option asks for them."""
    asked = options.candidates if isinstance(options, CrossValidated) else (options,)
    columns = {o.trials for o in asked if isinstance(o, Binomial)}
    if not columns:
        return None
    if len(columns) > 1:
        raise ConfigurationError(f"candidates name several columns of trials: {sorted(columns)}")
    (column,) = columns
    if column not in frame.columns:
        raise ConfigurationError(
            f"a binomial mechanism needs the number of trials, and there is no column {column!r}: "
            "name it, such as Binomial(trials='n_test')"
        )
    trials = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=float)
    if not (np.isfinite(trials) & (trials > 0)).all():
        raise ConfigurationError(f"{column} must hold positive numbers of trials in every run")
    shares = frame[role.column].to_numpy(dtype=float)
    if role.transform != "identity" or shares.min() < 0 or shares.max() > 1:
        raise ConfigurationError(
            f"a binomial mechanism needs proportions in [0, 1] as they are; {role.label} runs "
            f"from {shares.min():g} to {shares.max():g}"
        )
    return trials[rows]
