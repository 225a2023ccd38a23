"""Ablations: what removing a node, a hyperedge or an interaction does to an effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.progress import Progress
from causalhyper.queries.ablations.operations import (
    FixNode,
    Operation,
    RandomiseNode,
    check_operations,
)
from causalhyper.queries.experiments.assumptions import GRAPH_ASSUMES, warn_beyond
from causalhyper.queries.experiments.experiment import Builder, Experiment, natural_world
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.results import Estimate, EstimateResult
from causalhyper.scm.model import FittedModel


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
    outcome : str
        Its label on the scale that was analysed; "" where nobody says.
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
    outcome: str = ""

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
    interval: str = "t",
    progress: Progress | None = None,
) -> Ablation:
    """Change of an effect under a declared intervention on a node or hyperedge.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    operation : RandomiseNode, FixNode, CutEdge, CutHyperedge or DropInteraction
    at : sequence of float
        Values of the treatment's column, within the range of the runs.
    baseline : float
        The value that the others are compared with.
    draws : int
        Cluster-bootstrap replicates.
    seed : int
        Of everything random, not negative.
    level : float
        Confidence of the intervals, in (0, 1).
    interval : str
        Kind of interval: "t" (cluster-robust, right with few clusters), "jackknife", "bootstrap",
        "percentile", "basic", "bca" or "studentized"; docs/intervals.md says which when.
    progress : callable, optional
        Called with the share of the work done, in [0, 1].

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
        model,
        treatment,
        outcome,
        at=at,
        baseline=baseline,
        draws=draws,
        seed=seed,
        level=level,
        interval=interval,
    )
    builders = ablation_worlds(experiment, (operation,))
    means = experiment.means({"natural": natural_world, **builders}, progress)
    return collect_ablation(experiment, operation, means, experiment.extrapolated(builders))


def ablation_worlds(experiment: Experiment, operations: Sequence[Operation]) -> dict[str, Builder]:
    """The ablated worlds, by key."""
    check_operations(operations)
    for operation in operations:
        check_operation(experiment, operation)
    return {_key(operation): operation.world for operation in operations}


def check_operation(experiment: Experiment, operation: Operation) -> None:
    """Refuse an operation that does not fit the hypergraph, or that sets the treatment."""
    operation.check(experiment.model)
    if isinstance(operation, RandomiseNode | FixNode) and operation.node == experiment.treatment:
        raise ConfigurationError(
            f"{operation.node} is the treatment, which the question sets: ablate what lies behind "
            "it"
        )


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
    assumes = [*GRAPH_ASSUMES, f"Q: {operation.reference}", *warn_beyond(beyond)]

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
        outcome=label,
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
