"""A hypergraph as a discrete Bayesian network of pgmpy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph.exports.canonical_graph import canonical
from causalhyper.hypergraph.exports.libraries import load_library
from causalhyper.hypergraph.structure import DirectedHypergraph

Tables = dict[str, Array]


def to_bayesian_network(
    h: DirectedHypergraph, tables: Mapping[str, ArrayLike] | None = None
) -> Any:
    """Return a discrete Bayesian network of pgmpy, with tables if they are given.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph. The network has its arcs and, as latent nodes, its latent common causes
        (named as by `canonical`); which causes act jointly is forgotten.
    tables : mapping of str to array, optional
        For every node P(node | parents): the first axis has its levels, and one further axis
        for each parent, in the order of ``h.parents(node)`` and then its latent common causes in
        the order of ``h.latent``. Sums over the first axis are one. Levels are numbered from 0.

    Returns
    -------
    pgmpy.models.DiscreteBayesianNetwork
        With tables, ready for exact elimination (``pgmpy.inference.VariableElimination``), and
        under an intervention for that of ``network.do(node)`` with the node as evidence.

    Raises
    ------
    ConfigurationError
        If pgmpy is not installed, a node has no table, there is a table for no node, or a table
        is not a conditional distribution of the right shape; each fault is listed.
    """
    models = load_library("pgmpy.models")
    graph = canonical(h)
    hidden = {v for v in graph if v not in h.nodes}
    network = models.DiscreteBayesianNetwork(list(graph.edges), latents=hidden)
    network.add_nodes_from([v for v in graph if v not in network])
    if tables is None:
        return network
    causes = {v: _causes(h, graph, v) for v in graph}
    checked = _check_tables(causes, tables)
    factors = load_library("pgmpy.factors.discrete")
    for node, table in checked.items():
        levels = list(table.shape)
        given = {"evidence": causes[node], "evidence_card": levels[1:]} if causes[node] else {}
        flat = table.reshape(levels[0], -1)
        network.add_cpds(factors.TabularCPD(node, levels[0], flat, **given))
    network.check_model()
    return network


def _causes(h: DirectedHypergraph, graph: nx.DiGraph[str], node: str) -> list[str]:
    """Return a node's parents in the order of its table's axes: measured, then latent."""
    parents = list(h.parents(node)) if node in h.nodes else []
    return parents + [v for v in graph if graph.has_edge(v, node) and v not in h.nodes]


def _check_tables(causes: Mapping[str, list[str]], tables: Mapping[str, ArrayLike]) -> Tables:
    """Return the tables as arrays; refuse what is no conditional distribution."""
    faults = [f"{v}: no table" for v in causes if v not in tables]
    faults += [f"{v}: no such node" for v in tables if v not in causes]
    found = {v: np.asarray(tables[v], dtype=np.float64) for v in causes if v in tables}
    for node, table in found.items():
        axes = [node, *causes[node]]
        known = [found[v].shape[0] if v in found and found[v].ndim else None for v in axes]
        if table.ndim != len(axes) or any(
            size not in (expected, None) for size, expected in zip(known, table.shape, strict=True)
        ):
            levels = ", ".join(
                f"{v}={'?' if k is None else k}" for v, k in zip(axes, known, strict=True)
            )
            faults.append(f"{node}: expected the shape ({levels}), got {table.shape}")
        elif not (table >= 0).all():
            faults.append(f"{node}: a probability is negative or missing")
        elif not np.allclose(table.sum(axis=0), 1.0, rtol=0, atol=1e-8):
            faults.append(f"{node}: sums over the first axis are not one")
    if faults:
        raise ConfigurationError("these are no tables of the network: " + "; ".join(faults))
    return found
