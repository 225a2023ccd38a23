"""Whether clusters and contexts are what they must be: groups of runs, not measurements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.frames import Roles
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.mechanisms import Groups


def check_groups(
    graph: DirectedHypergraph, roles: Roles, cluster: Sequence[str], context: Sequence[str]
) -> None:
    """Refuse columns of nodes as contexts or clusters.

    A column of a root may stand beside another in a cluster: seeds may differ by batch size. A
    node that is neither cause nor effect may be either.

    Parameters
    ----------
    graph : DirectedHypergraph
    roles : Roles
        One for each node of `graph`.
    cluster, context : sequence of str
        Columns.

    Raises
    ------
    ConfigurationError
        If a context is the column of a cause or an effect, or a cluster is that of an effect or
        made of such columns alone.
    """
    nodes = {roles[v].column: v for arc in graph.arcs for v in arc}
    for column in context:
        if column in nodes:
            raise ConfigurationError(
                f"the context {column!r} is the column of {nodes[column]}, which then never "
                "varies within a context: name what is compared within, such as the seed or the "
                "data set, or leave context out"
            )
    alone = all(column in nodes for column in cluster)
    for column in cluster:
        if column in nodes and (alone or graph.parents(nodes[column])):
            raise ConfigurationError(
                f"the cluster {column!r} is the column of {nodes[column]}, a node of the "
                "hypergraph: name what is repeated independently, such as the seed, or 'run_id' "
                "where every run is on its own"
            )


def find_flaw(names: Sequence[str], inputs: Sequence[Array], groups: Groups) -> str:
    """Say why contexts leave nothing to compare.

    Parameters
    ----------
    names : sequence of str
        Causes.
    inputs : sequence of ndarray, shape (n,)
        Their values.
    groups : Groups

    Returns
    -------
    str
        "" where the cause lies elsewhere.
    """
    if groups.context_count < 2:
        return ""
    if groups.context_count == len(groups.contexts):
        return (
            f"each of the {groups.context_count} contexts holds a single run, so that nothing "
            "can be compared within one: name a context that several runs share, such as the "
            "seed, or leave context out"
        )
    fixed = [v for v, x in zip(names, inputs, strict=True) if not _varies(x, groups)]
    if not fixed:
        return ""
    return (
        f"{' and '.join(fixed)} never varies within any of the {groups.context_count} contexts, "
        "so that nothing can be compared within one: run several values in each, name another "
        "context, or leave context out"
    )


def _varies(values: Array, groups: Groups) -> bool:
    """Whether some context holds two values."""
    order = np.argsort(groups.contexts, kind="stable")
    same = np.diff(groups.contexts[order]) == 0
    return bool((np.diff(values[order])[same] != 0).any())
