"""A hypergraph with its runs as a causal model of dowhy."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.frames import Roles
from causalhyper.hypergraph.exports.canonical_graph import canonical
from causalhyper.hypergraph.exports.libraries import load_library
from causalhyper.hypergraph.paths import check_ends
from causalhyper.hypergraph.structure import DirectedHypergraph


def to_dowhy(
    h: DirectedHypergraph,
    runs: pd.DataFrame,
    treatment: str,
    outcome: str,
    *,
    roles: Roles | Mapping[str, str] | None = None,
) -> Any:
    """Return a causal model of dowhy: the expanded graph and the runs.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph. dowhy keeps its arcs and, as unobserved nodes, its latent common causes;
        which causes act jointly is forgotten.
    runs : DataFrame
        One row a run.
    treatment, outcome : str
        Nodes.
    roles : Roles or mapping of str to str, optional
        Which column plays which node, such as ``{"N": "log10(grad_noise)"}``; by default each
        node's column has its name.

    Returns
    -------
    dowhy.CausalModel
        Its data are the nodes on their model scale, each column named by its node.

    Raises
    ------
    ConfigurationError
        If dowhy is not installed, or roles, runs and hypergraph do not fit together.
    GraphError
        If treatment or outcome is no node, or they are one.
    DataError
        If a column is not numbers, or a logarithm is asked of what is not positive.
    """
    check_ends(h, treatment, outcome)
    given = (
        roles if isinstance(roles, Roles) else Roles.from_mapping(roles or {v: v for v in h.nodes})
    )
    if missing := [v for v in h.nodes if v not in given]:
        raise ConfigurationError(f"no role for {', '.join(missing)}: give each node a column")
    if absent := [str(given[v]) for v in h.nodes if given[v].column not in runs]:
        raise ConfigurationError(
            f"the runs lack the columns of {', '.join(absent)}; they have "
            f"{', '.join(str(column) for column in runs)}"
        )
    data = {v: given[v].apply(runs[given[v].column].to_numpy()) for v in h.nodes}
    dowhy = load_library("dowhy")
    with warnings.catch_warnings():
        # that the latent causes are no columns is declared, not an oversight
        warnings.filterwarnings("ignore", message=".*are assumed unobserved")
        return dowhy.CausalModel(pd.DataFrame(data), treatment, outcome, graph=canonical(h))
