"""Directed hypergraphs: structure, notation, expansion and paths."""

from causalhyper.hypergraph.expansion import (
    Factor,
    bipartite,
    expanded,
    factors,
    from_bipartite,
)
from causalhyper.hypergraph.hyperedges import Hyperedge
from causalhyper.hypergraph.paths import (
    between,
    directed_paths,
    intercepts,
    intercepts_without_edge,
)
from causalhyper.hypergraph.structure import DirectedHypergraph
from causalhyper.hypergraph.witnesses import induced_confounders, recanting_witnesses

__all__ = [
    "DirectedHypergraph",
    "Factor",
    "Hyperedge",
    "between",
    "bipartite",
    "directed_paths",
    "expanded",
    "factors",
    "from_bipartite",
    "induced_confounders",
    "intercepts",
    "intercepts_without_edge",
    "recanting_witnesses",
]
