"""A slow reference for d-separation: every path, blocked or not."""

import itertools

import networkx as nx


class Paths:
    """The simple paths of a graph with hidden roots, judged one by one."""

    def __init__(self, h):
        self.graph = nx.DiGraph(h.arcs)
        self.graph.add_nodes_from(h.nodes)
        for pair in h.latent:
            self.graph.add_edges_from((pair, v) for v in pair)
        self.below = {v: {v, *nx.descendants(self.graph, v)} for v in self.graph}

    def between(self, x, y):
        return list(nx.all_simple_paths(self.graph.to_undirected(as_view=True), x, y))

    def directed(self, path):
        return all(self.graph.has_edge(*arc) for arc in itertools.pairwise(path))

    def back_door(self, path):
        return self.graph.has_edge(path[1], path[0])

    def open(self, path, given):
        for a, b, c in zip(path, path[1:], path[2:], strict=False):
            if self.graph.has_edge(a, b) and self.graph.has_edge(c, b):
                if not self.below[b].intersection(given):
                    return False
            elif b in given:
                return False
        return True


def every_subset(names):
    sizes = range(len(names) + 1)
    return itertools.chain.from_iterable(itertools.combinations(names, k) for k in sizes)


def minimal(sets):
    return {s for s in sets if not any(other < s for other in sets)}
