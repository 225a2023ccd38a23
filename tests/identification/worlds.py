"""Random discrete models with explicit hidden roots, and what they make of an intervention."""

import itertools

import numpy as np
from hypothesis import strategies as st

from causalhyper.hypergraph import DirectedHypergraph, Hyperedge


class World:
    """One model of a hypergraph: a table for each node given its causes and hidden roots."""

    def __init__(self, h, seed, hidden_levels=3):
        rng = np.random.default_rng(seed)
        self.nodes = h.order()
        self.sizes = {v: int(rng.integers(2, 4)) for v in self.nodes}
        self.sizes |= dict.fromkeys(h.latent, hidden_levels)
        self.names = [*self.nodes, *h.latent]
        self.tables = {}
        for name in self.names:
            causes = []
            if name in self.nodes:
                causes = [*h.parents(name), *(pair for pair in h.latent if name in pair)]
            shape = [self.sizes[c] for c in causes]
            table = rng.dirichlet(np.ones(self.sizes[name]), size=shape or None)
            self.tables[name] = ([*causes, name], table)

    def product(self, tables, keep):
        """Multiply tables (names, values) and sum out all but `keep`."""
        place = {name: k for k, name in enumerate(self.names)}
        place |= {name: len(place) + k for k, name in enumerate(n for n in keep if n not in place)}
        operands = []
        for names, values in tables:
            operands += [values, [place[n] for n in names]]
        return np.einsum(*operands, [place[n] for n in keep], optimize="greedy")

    def joint(self):
        return self.product(self.tables.values(), list(self.nodes))

    def do(self, x, y):
        """P(y | do(x)): axes `y`, then `x`."""
        kept = [table for name, table in self.tables.items() if name not in x]
        ones = [([name], np.ones(self.sizes[name])) for name in x]
        return self.product([*kept, *ones], [*y, *x])

    def nested(self, treatment, outcome, second):
        """P(Y = y) where the treatment acts at b* on the arcs to `second`, at b on the others."""
        twin = f"{treatment}*"
        self.sizes[twin] = self.sizes[treatment]
        tables = [([n], np.ones(self.sizes[n])) for n in (treatment, twin)]
        for name, (names, values) in self.tables.items():
            if name != treatment:
                swapped = [twin if n == treatment and name in second else n for n in names]
                tables.append((swapped, values))
        return self.product(tables, [outcome, treatment, twin])


@st.composite
def mixed_graphs(draw, min_nodes=3, max_nodes=5, max_latent=4):
    """Draw a graph of single arcs with latent pairs, dense enough to be of interest."""
    size = draw(st.integers(min_nodes, max_nodes))
    nodes = "ABCDEFG"[:size]
    pairs = list(itertools.combinations(nodes, 2))
    arcs = draw(st.lists(st.sampled_from(pairs), min_size=size - 1, unique=True))
    latent = draw(st.lists(st.sampled_from(pairs), max_size=max_latent, unique=True))
    edges = tuple(Hyperedge((a,), b) for a, b in arcs)
    return DirectedHypergraph(edges, tuple(nodes), tuple(latent))
