"""Directed hypergraphs: structure, notation, expansion, paths and separation."""

from causalhyper.hypergraph.expansion import (
    Factor,
    bipartite,
    expanded,
    factors,
    from_bipartite,
)
from causalhyper.hypergraph.hyperedges import Hyperedge
from causalhyper.hypergraph.local_markov import local_conditions
from causalhyper.hypergraph.paths import (
    between,
    directed_paths,
    intercepts,
    intercepts_without_edge,
)
from causalhyper.hypergraph.projection import project_out
from causalhyper.hypergraph.separation import (
    Independence,
    ancestors,
    descendants,
    districts,
    implied_independencies,
    separated,
)
from causalhyper.hypergraph.structure import DirectedHypergraph
from causalhyper.hypergraph.witnesses import induced_confounders, recanting_witnesses

__all__ = [
    "DirectedHypergraph",
    "Factor",
    "Hyperedge",
    "Independence",
    "ancestors",
    "between",
    "bipartite",
    "descendants",
    "directed_paths",
    "districts",
    "expanded",
    "factors",
    "from_bipartite",
    "implied_independencies",
    "induced_confounders",
    "intercepts",
    "intercepts_without_edge",
    "local_conditions",
    "project_out",
    "recanting_witnesses",
    "separated",
]
