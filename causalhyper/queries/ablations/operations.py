"""The operations of an ablation: each a declared intervention with a reference distribution."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import (
    DirectedHypergraph,
    Hyperedge,
    intercepts,
    intercepts_without_edge,
)
from causalhyper.hypergraph.paths import reached
from causalhyper.hypergraph.surgery import without_arcs
from causalhyper.queries.experiments.experiment import Shared
from causalhyper.queries.experiments.questions import read_number, scale_value
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

    def check(self, model: FittedModel) -> None:
        """Refuse a node that the hypergraph does not have."""
        model.graph.require(self.node)

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
class FixNode:
    """Set a node to one value in every run: the effect left is the controlled direct effect.

    Attributes
    ----------
    node : str
    value : float
        In the unit of the node's column, within the range of the runs.
    """

    node: str
    value: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", read_number("the value to fix a node at", self.value))

    def __str__(self) -> str:
        return f"fix {self.node} at {self.value:g}"

    @property
    def reference(self) -> str:
        """The reference distribution in words."""
        return f"{self.node} is {self.value:g} in every run"

    def check(self, model: FittedModel) -> None:
        """Refuse an unknown node, or a value that the runs say nothing of."""
        scale_value(model, self.node, self.value)

    def world(self, model: FittedModel, shared: Shared) -> World:
        """The ablated world."""
        value = scale_value(model, self.node, self.value)
        return World(do={self.node: np.full((1, 1, 1), value)})

    def tautology(self, graph: DirectedHypergraph, treatment: str, outcome: str) -> bool:
        """Whether the effect vanishes whatever the data say."""
        return RandomiseNode(self.node).tautology(graph, treatment, outcome)


@dataclass(frozen=True, slots=True)
class CutEdge:
    """Let one node receive, in all its hyperedges, a random draw of one of its causes.

    Every other node goes on receiving the cause itself, so no cross-world assumption is needed.

    Parameters
    ----------
    arc : str or tuple of (str, str)
        Such as ``"N -> C"``.

    Raises
    ------
    ConfigurationError
        If it is not one cause and one head.

    Notes
    -----
    Source: Janzing et al. 2013, "Quantifying causal influences", section 4. Cuts into one head
    draw from the same run, so that two of them keep the causes' joint distribution.
    """

    arc: tuple[str, str] | str

    def __post_init__(self) -> None:
        parts = self.arc.split("->") if isinstance(self.arc, str) else self.arc
        several = isinstance(parts, Iterable) and all(isinstance(v, str) for v in parts)
        names = tuple(name.strip() for name in parts) if several else ()
        if len(names) != 2 or not all(names):
            raise ConfigurationError(
                f"an arc is a cause and a head, as 'N -> C'; got {self.arc!r}"
            )
        object.__setattr__(self, "arc", names)

    @property
    def cause(self) -> str:
        """The cause that is no longer received."""
        return self.arc[0]

    @property
    def head(self) -> str:
        """The node that no longer receives it."""
        return self.arc[1]

    def __str__(self) -> str:
        return f"cut arc {self.cause} -> {self.head}"

    @property
    def reference(self) -> str:
        """The reference distribution in words."""
        return f"{self.cause} of a random observed run of the same context"

    def check(self, model: FittedModel) -> None:
        """Refuse an arc that the hypergraph does not have."""
        if self.arc not in model.graph.arcs:
            arcs = "; ".join(f"{cause} -> {head}" for cause, head in model.graph.arcs)
            raise ConfigurationError(
                f"no arc {self.cause} -> {self.head} in {model.graph}: name one of {arcs}"
            )

    def world(self, model: FittedModel, shared: Shared) -> World:
        """The ablated world."""
        drawn = model.values[self.cause][shared.draws.partners[self.head]][:, None, :]
        edges = [edge for edge in model.graph.into(self.head) if self.cause in edge.tail]
        return World(receives={(edge, self.cause): drawn for edge in edges})

    def tautology(self, graph: DirectedHypergraph, treatment: str, outcome: str) -> bool:
        """Whether the effect vanishes whatever the data say."""
        cut = without_arcs(graph, {(self.cause, self.head)})
        return outcome not in reached(cut, treatment, avoiding=())


@dataclass(frozen=True, slots=True)
class CutHyperedge:
    """Let a head receive, for one hyperedge alone, a random draw of its tail.

    Attributes
    ----------
    edge : Hyperedge
        Or its text, such as ``"{N, S} -> C"``.
    reference_kind : {"joint", "product"}
        The tail of one random observed run of the same context, or each member from another.
    """

    edge: Hyperedge
    reference_kind: Reference = "joint"

    def __post_init__(self) -> None:
        object.__setattr__(self, "edge", _read_edge(self.edge))
        _check_kind(self.reference_kind)

    def __str__(self) -> str:
        return f"cut {self.edge}"

    @property
    def reference(self) -> str:
        """The reference distribution in words."""
        if self.reference_kind == "joint":
            return "the tail of a random observed run of the same context"
        return "each member of the tail of its own random observed run of the same context"

    def check(self, model: FittedModel) -> None:
        """Refuse a hyperedge that the hypergraph does not have."""
        _require_edge(model.graph, self.edge)

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
        With two or more causes; or its text, such as ``"{N, S} -> C"``.
    reference_kind : {"joint", "product"}
        Whether L2 is of the observed joint distribution, or of the product of its margins, which
        also weighs combinations that no run has.
    """

    edge: Hyperedge
    reference_kind: Reference = "joint"

    def __post_init__(self) -> None:
        object.__setattr__(self, "edge", _read_edge(self.edge))
        _check_kind(self.reference_kind)

    def __str__(self) -> str:
        return f"drop the interaction of {self.edge} (Q {self.reference_kind})"

    @property
    def reference(self) -> str:
        """The reference distribution in words."""
        if self.reference_kind == "joint":
            return "joint distribution of the tail in the observed runs, all contexts together"
        return "product of the tail's margins in the observed runs, all contexts together"

    def check(self, model: FittedModel) -> None:
        """Refuse a hyperedge with a single cause, or one that the hypergraph does not have."""
        _require_edge(model.graph, self.edge)
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


Operation = RandomiseNode | FixNode | CutEdge | CutHyperedge | DropInteraction


def check_operations(operations: Sequence[object]) -> None:
    """Refuse what is no operation, such as its text."""
    for operation in operations:
        if not isinstance(operation, Operation):
            raise ConfigurationError(
                f"{operation!r} is no operation: give RandomiseNode('S'), FixNode('S', 0.4), "
                "CutEdge('N -> C'), CutHyperedge('{N, S} -> C') or DropInteraction('{N, S} -> C')"
            )


def _read_edge(edge: object) -> Hyperedge:
    """A hyperedge, or the one that a text writes."""
    if isinstance(edge, str):
        found = DirectedHypergraph.parse(edge).edges
        if len(found) == 1:
            return found[0]
    if not isinstance(edge, Hyperedge):
        raise ConfigurationError(
            f"expected one Hyperedge, or its text such as '{{N, S}} -> C'; got {edge!r}"
        )
    return edge


def _check_kind(kind: object) -> None:
    if kind not in get_args(Reference):
        raise ConfigurationError(
            f"reference_kind must be one of {get_args(Reference)}, got {kind!r}"
        )


def _require_edge(graph: DirectedHypergraph, edge: Hyperedge) -> None:
    if edge not in graph.edges:
        raise ConfigurationError(f"{edge} is no hyperedge of {graph}: name one that is")
