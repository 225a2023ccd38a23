"""Ablations: "remove" as a declared intervention with a reference distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import (
    DirectedHypergraph,
    Hyperedge,
    intercepts,
    intercepts_without_edge,
)
from causalhyper.mechanisms.bases import Array
from causalhyper.queries.effects import GRAPH_ASSUMES
from causalhyper.queries.experiment import (
    Builder,
    Experiment,
    Progress,
    Shared,
    make_experiment,
    natural_world,
)
from causalhyper.results import Estimate, EstimateResult
from causalhyper.scm.model import FittedModel
from causalhyper.scm.worlds import World

Reference = Literal["joint", "product"]


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
    reference_kind : {"product", "joint"}
        Whether L2 is of the product of the observed margins or of the joint distribution.
    """

    edge: Hyperedge
    reference_kind: Reference = "product"

    def __str__(self) -> str:
        return f"drop the interaction of {self.edge}"

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


@dataclass(frozen=True, slots=True)
class Ablation(EstimateResult):
    """What one ablation does to the effect and to the level of the outcome.

    Attributes
    ----------
    protocol : str
    operation : str
    reference : str
        The reference distribution Q in words.
    before, after : tuple of Estimate
        Effect of each treatment value against the baseline, in the model and in the ablated one.
    change : tuple of Estimate
        After minus before.
    level : tuple of Estimate
        Change of the mean outcome, averaged over the value and the baseline.
    tautological : bool
        Whether the hypergraph alone makes the effect vanish.
    note : str
        Says so in words; "" otherwise.
    extrapolated : float
        Share of simulated runs of the ablated world beyond the observed ones.
    """

    protocol: str
    operation: str
    reference: str
    before: tuple[Estimate, ...]
    after: tuple[Estimate, ...]
    change: tuple[Estimate, ...]
    level: tuple[Estimate, ...]
    tautological: bool
    note: str
    extrapolated: float

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Effect after, change of the effect, change of the level."""
        return self.after + self.change + self.level

    def summary(self) -> str:
        """The ablation as text."""
        lines = [f"{self.operation} (Q: {self.reference}; {self.protocol})"]
        lines += self._lines()
        return "\n".join([*lines, self.note] if self.note else lines)


def ablate(
    model: FittedModel,
    treatment: str,
    outcome: str,
    operation: Operation,
    *,
    at: Sequence[float],
    baseline: float,
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
    progress: Progress | None = None,
) -> Ablation:
    """Change of an effect under a declared intervention on a node or hyperedge.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    operation : RandomiseNode, CutHyperedge or DropInteraction
    at : sequence of float
    baseline : float
    draws : int
    seed : int
    level : float
    progress : callable, optional

    Returns
    -------
    Ablation

    Raises
    ------
    ConfigurationError
        If the operation does not fit the hypergraph.

    Notes
    -----
    Source: Janzing et al. 2013, "Quantifying causal influences" (cuts with independent draws).
    """
    experiment = make_experiment(
        model, treatment, outcome, at=at, baseline=baseline, draws=draws, seed=seed, level=level
    )
    builders = ablation_worlds(experiment, (operation,))
    means = experiment.means({"natural": natural_world, **builders}, progress)
    return collect_ablation(experiment, operation, means, experiment.extrapolated(builders))


def ablation_worlds(experiment: Experiment, operations: Sequence[Operation]) -> dict[str, Builder]:
    """The ablated worlds, by key."""
    for operation in operations:
        operation.check(experiment.model.graph)
    return {_key(operation): operation.world for operation in operations}


def _key(operation: Operation) -> str:
    return f"{operation} | {operation.reference}"


def collect_ablation(
    e: Experiment,
    operation: Operation,
    means: Mapping[str, Array],
    extrapolated: Mapping[str, float],
) -> Ablation:
    """The ablation from the means of the natural world and of its own, by key."""
    natural, ablated = means["natural"], means[_key(operation)]
    beyond = extrapolated[_key(operation)]
    before = natural[:, 1:] - natural[:, :1]
    after = ablated[:, 1:] - ablated[:, :1]
    shift = ablated - natural
    level = (shift[:, 1:] + shift[:, :1]) / 2
    label, column = e.model.roles[e.outcome].label, e.model.roles[e.treatment].column
    taut = operation.tautology(e.model.graph, e.treatment, e.outcome)
    assumes = [*GRAPH_ASSUMES, f"Q: {operation.reference}"]
    if beyond > 0.05:
        assumes.append(f"{beyond:.0%} of simulated runs lie beyond the observed ones")

    def made(name: str, quantities: Array, form: str) -> tuple[Estimate, ...]:
        return e.estimates(
            f"ablate.{name}",
            quantities,
            estimand=lambda value: (
                f"{form}, Y={label}, {column} b={value:g}, b0={e.baseline:g}, {operation}"
            ),
            method=f"g-formula through {e.model.graph}; {e.interval}",
            assumptions=assumes,
            subject=str(operation),
        )

    return Ablation(
        protocol=e.model.protocol,
        operation=str(operation),
        reference=operation.reference,
        before=made("before", before, "E[Y|do(b)] - E[Y|do(b0)]"),
        after=made("after", after, "E*[Y|do(b)] - E*[Y|do(b0)], * ablated"),
        change=made("change", after - before, "effect ablated - effect"),
        level=made("level", level, "mean over b and b0 of E*[Y|do] - E[Y|do], * ablated"),
        tautological=taut,
        note=(
            f"Every directed path from {e.treatment} to {e.outcome} is cut by this: the effect "
            "vanishes by construction, whatever the data say"
            if taut
            else ""
        ),
        extrapolated=beyond,
    )
