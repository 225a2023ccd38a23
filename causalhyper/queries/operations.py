"""The operations of an ablation: each a declared intervention with a reference distribution."""

from __future__ import annotations

from dataclasses import dataclass

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import (
    DirectedHypergraph,
    Hyperedge,
    between,
    intercepts,
    intercepts_without_edge,
)
from causalhyper.queries.experiment import Shared
from causalhyper.scm.model import FittedModel
from causalhyper.scm.worlds import Reference, World


@dataclass(frozen=True, slots=True)
class RandomiseNode:
    """Set a node to a random draw from its values in the observed runs of the same context.

    Attributes
    ----------
    node : str
    """

    node: str

    def __str__(self) -> str:
        return f"randomise {self.node}"

    @property
    def reference(self) -> str:
        """The reference distribution in words."""
        return f"{self.node} of a random observed run of the same context"

    def check(self, graph: DirectedHypergraph) -> None:
        """Refuse a node that the hypergraph does not have."""
        graph.require(self.node)

    def world(self, model: FittedModel, shared: Shared) -> World:
        """The ablated world."""
        drawn = model.values[self.node][shared.draws.partners[self.node]][:, None, :]
        return World(do={self.node: drawn})

    def tautology(self, graph: DirectedHypergraph, treatment: str, outcome: str) -> bool:
        """Whether the effect vanishes whatever the data say."""
        if self.node in (treatment, outcome):
            return True
        return intercepts(graph, treatment, outcome, {self.node})


@dataclass(frozen=True, slots=True)
class CutHyperedge:
    """Let a head receive, for one hyperedge alone, a random draw of its tail.

    Attributes
    ----------
    edge : Hyperedge
    reference_kind : {"joint", "product"}
        The tail of one random observed run of the same context, or each member from another.
    """

    edge: Hyperedge
    reference_kind: Reference = "joint"

    def __str__(self) -> str:
        return f"cut {self.edge}"

    @property
    def reference(self) -> str:
        """The reference distribution in words."""
        if self.reference_kind == "joint":
            return "the tail of a random observed run of the same context"
        return "each member of the tail of its own random observed run of the same context"

    def check(self, graph: DirectedHypergraph) -> None:
        """Refuse a hyperedge that the hypergraph does not have."""
        _require_edge(graph, self.edge)

    def world(self, model: FittedModel, shared: Shared) -> World:
        """The ablated world."""
        received = {}
        for member in self.edge.tail:
            source = self.edge.head if self.reference_kind == "joint" else member
            rows = shared.draws.partners[source]
            received[self.edge, member] = model.values[member][rows][:, None, :]
        return World(receives=received)

    def tautology(self, graph: DirectedHypergraph, treatment: str, outcome: str) -> bool:
        """Whether the effect vanishes whatever the data say."""
        return intercepts_without_edge(graph, treatment, outcome, self.edge)


@dataclass(frozen=True, slots=True)
class DropInteraction:
    """Replace a hyperedge's function by its additive projection in L2 of the observed tail.

    Attributes
    ----------
    edge : Hyperedge
        With two or more causes.
    reference_kind : {"joint", "product"}
        Whether L2 is of the observed joint distribution, or of the product of its margins, which
        also weighs combinations that no run has.
    """

    edge: Hyperedge
    reference_kind: Reference = "joint"

    def __str__(self) -> str:
        return f"drop the interaction of {self.edge} (Q {self.reference_kind})"

    @property
    def reference(self) -> str:
        """The reference distribution in words."""
        if self.reference_kind == "joint":
            return "joint distribution of the tail in the observed runs, all contexts together"
        return "product of the tail's margins in the observed runs, all contexts together"

    def check(self, graph: DirectedHypergraph) -> None:
        """Refuse a hyperedge with a single cause, or one that the hypergraph does not have."""
        _require_edge(graph, self.edge)
        if len(self.edge.tail) < 2:
            raise ConfigurationError(
                f"{self.edge} has a single cause, so there is no interaction to drop: cut it "
                "instead"
            )

    def world(self, model: FittedModel, shared: Shared) -> World:
        """The ablated world."""
        return World(additive={self.edge: self.reference_kind})

    def tautology(self, graph: DirectedHypergraph, treatment: str, outcome: str) -> bool:
        """Never: the main effects stay."""
        return False


Operation = RandomiseNode | CutHyperedge | DropInteraction


def _require_edge(graph: DirectedHypergraph, edge: Hyperedge) -> None:
    if edge not in graph.edges:
        raise ConfigurationError(f"{edge} is no hyperedge of {graph}: name one that is")


def list_operations(
    graph: DirectedHypergraph, treatment: str, outcome: str
) -> tuple[Operation, ...]:
    """Every ablation that concerns the effect of `treatment` on `outcome`.

    Nodes between the two are randomised, hyperedges with a tail and head on a directed path are
    cut, and of those with several causes the interaction is dropped, by either reference.
    """
    inside = between(graph, treatment, outcome)
    sources, heads = {treatment, *inside}, {outcome, *inside}
    on_path = [e for e in graph.edges if e.head in heads and sources & set(e.tail)]
    return (
        *(RandomiseNode(v) for v in inside),
        *(CutHyperedge(e) for e in on_path),
        *(DropInteraction(e, "joint") for e in on_path if len(e.tail) > 1),
        *(DropInteraction(e, "product") for e in on_path if len(e.tail) > 1),
    )
