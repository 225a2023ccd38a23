"""Random acyclic hypergraphs."""

import itertools

from hypothesis import strategies as st

from causalhyper.hypergraph import DirectedHypergraph, Hyperedge

NAMES = ("B", "N", "S", "C", "G", "x_1", "layer.2", "θ")


@st.composite
def hypergraphs(
    draw, min_nodes: int = 1, max_nodes: int = 6, max_latent: int = 3
) -> DirectedHypergraph:
    """Draw a hypergraph: causes stand before effects in a random order of the nodes."""
    size = draw(st.integers(min_nodes, max_nodes))
    order = draw(st.permutations(NAMES))[:size]
    edges: list[Hyperedge] = []
    for place, head in enumerate(order[1:], start=1):
        tails = st.lists(st.sampled_from(order[:place]), min_size=1, unique=True)
        for tail in draw(st.lists(tails, max_size=3, unique_by=frozenset)):
            edges.append(Hyperedge(tuple(tail), head))
    edges = draw(st.permutations(edges))
    pairs = list(itertools.combinations(order, 2))
    latent = (
        draw(st.lists(st.sampled_from(pairs), max_size=max_latent, unique=True)) if pairs else []
    )
    return DirectedHypergraph(tuple(edges), tuple(draw(st.permutations(order))), tuple(latent))
