"""The expanded graph with a node for each latent common cause."""

from __future__ import annotations

import networkx as nx

from causalhyper.hypergraph.expansion import expanded
from causalhyper.hypergraph.structure import DirectedHypergraph


def canonical(h: DirectedHypergraph) -> nx.DiGraph[str]:
    """Return the expanded graph with a node for each latent common cause.

    Parameters
    ----------
    h : DirectedHypergraph
        The hypergraph.

    Returns
    -------
    networkx.DiGraph
        Nodes carry ``observed``, "yes" or "no", as dowhy reads it. The cause that `G` and `N`
        share is named ``U_G_N``, with more underscores where that is a node already.

    References
    ----------
    Richardson and Spirtes (2002), Ancestral graph Markov models, section 6.1.

    Examples
    --------
    >>> graph = canonical(DirectedHypergraph.parse("N -> G; N <-> G"))
    >>> list(graph.edges), graph.nodes["U_G_N"]
    ([('N', 'G'), ('U_G_N', 'G'), ('U_G_N', 'N')], {'observed': 'no'})
    """
    graph = expanded(h)
    graph.add_nodes_from(h.nodes, observed="yes")
    for one, other in h.latent:
        name = f"U_{one}_{other}"
        while name in graph:
            name += "_"
        graph.add_node(name, observed="no")
        graph.add_edges_from([(name, one), (name, other)])
    return graph
