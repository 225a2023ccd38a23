"""Hypergraphs in the forms of other programs, and back."""

from causalhyper.hypergraph.exports.bayesian_network import to_bayesian_network
from causalhyper.hypergraph.exports.canonical_graph import canonical
from causalhyper.hypergraph.exports.dot_reading import from_dot
from causalhyper.hypergraph.exports.dot_writing import to_dot
from causalhyper.hypergraph.exports.dowhy_model import to_dowhy
from causalhyper.hypergraph.exports.libraries import load_library
from causalhyper.hypergraph.exports.networkx_reading import from_networkx
from causalhyper.hypergraph.exports.tails import join_tails
from causalhyper.hypergraph.exports.xgi_dihypergraph import from_xgi, to_xgi

__all__ = [
    "canonical",
    "from_dot",
    "from_networkx",
    "from_xgi",
    "join_tails",
    "load_library",
    "to_bayesian_network",
    "to_dot",
    "to_dowhy",
    "to_xgi",
]
