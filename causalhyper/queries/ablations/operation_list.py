"""Every operation that concerns one effect."""

from __future__ import annotations

from causalhyper.hypergraph import DirectedHypergraph, between
from causalhyper.queries.ablations.operations import (
    CutEdge,
    CutHyperedge,
    DropInteraction,
    Operation,
    RandomiseNode,
)


def list_operations(
    graph: DirectedHypergraph, treatment: str, outcome: str
) -> tuple[Operation, ...]:
    """Every ablation that concerns the effect of `treatment` on `outcome`.

    Nodes between the two are randomised, hyperedges with a tail and head on a directed path are
    cut, and of those with several causes the interaction is dropped, by either reference. An
    arc is cut by itself where that is neither cutting a hyperedge nor randomising a node.
    """
    inside = between(graph, treatment, outcome)
    sources, heads = {treatment, *inside}, {outcome, *inside}
    on_path = [e for e in graph.edges if e.head in heads and sources & set(e.tail)]
    return (
        *(RandomiseNode(v) for v in inside),
        *(CutHyperedge(e) for e in on_path),
        *_list_arcs(graph, treatment, sources, heads),
        *(DropInteraction(e, "joint") for e in on_path if len(e.tail) > 1),
        *(DropInteraction(e, "product") for e in on_path if len(e.tail) > 1),
    )


def _list_arcs(
    graph: DirectedHypergraph, treatment: str, sources: set[str], heads: set[str]
) -> tuple[CutEdge, ...]:
    """Arcs on paths whose cut is no other operation."""
    out = []
    for cause, head in graph.arcs:
        if cause in sources and head in heads:
            holding = [edge for edge in graph.into(head) if cause in edge.tail]
            a_hyperedge = len(holding) == 1 and len(holding[0].tail) == 1
            a_node = cause != treatment and graph.children(cause) == (head,)
            if not a_hyperedge and not a_node:
                out.append(CutEdge((cause, head)))
    return tuple(out)
