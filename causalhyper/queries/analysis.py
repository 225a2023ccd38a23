"""The whole batch-size question in one call: curve, mediation, ablations on shared draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import between
from causalhyper.progress import Progress
from causalhyper.queries.ablations.operation_list import list_operations
from causalhyper.queries.ablations.query import Ablation, ablation_worlds, collect_ablation
from causalhyper.queries.effects.query import EffectCurve, collect_curve
from causalhyper.queries.experiments.experiment import natural_world
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.queries.mediation.query import Mediation, collect_mediation, mediation_worlds
from causalhyper.results import Estimate, EstimateResult
from causalhyper.scm.model import FittedModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Analysis(EstimateResult):
    """Everything that one fitted model says of one treatment and one outcome.

    Attributes
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    draws, seed : int
        Of the cluster bootstrap.
    curve : EffectCurve
    mediation : tuple of Mediation
        One for each node between treatment and outcome.
    ablations : tuple of Ablation
        One for each such node, hyperedge on a path, joint hyperedge, and arc whose cut is
        neither.
    """

    model: FittedModel
    treatment: str
    outcome: str
    draws: int
    seed: int
    curve: EffectCurve
    mediation: tuple[Mediation, ...]
    ablations: tuple[Ablation, ...]

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """All estimates in reading order."""
        mediated = [e for m in self.mediation for e in m.estimates]
        ablated = [e for a in self.ablations for e in a.estimates]
        return (*self.curve.estimates, *mediated, *ablated)

    @property
    def verdict(self) -> str:
        """What the effect curve says."""
        return self.curve.verdict

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the effect curve; each mediation and ablation draws itself."""
        return self.curve.plot(ax)

    def summary(self) -> str:
        """Everything as text."""
        parts = [self.model.summary(), self.curve.summary()]
        parts += [m.summary() for m in self.mediation]
        parts += [a.summary() for a in self.ablations]
        return "\n\n".join(parts)


def analyze(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    at: Sequence[float],
    baseline: float,
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "t",
    progress: Progress | None = None,
) -> Analysis:
    """Effect curve, mediation through every node between, and every ablation.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    at : sequence of float
        Values of the treatment's column, within the range of the runs. Each is one that was run.
    baseline : float
        The value that the others are compared with.
    draws : int
        Cluster-bootstrap replicates. All parts share them.
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
    Analysis

    Raises
    ------
    ConfigurationError
        If the question does not fit the model or the runs.
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
    if experiment.design is None:
        raise ConfigurationError(
            f"{experiment.no_design}; a whole analysis holds the hypergraph against the design: "
            "ask about an assigned node at values that were run, or ask effect_curve, mediate "
            "and ablate one by one"
        )
    mediators = [(v,) for v in between(model.graph, treatment, outcome)]
    operations = list_operations(model.graph, treatment, outcome)
    builders = ablation_worlds(experiment, operations)
    for names in mediators:
        builders |= mediation_worlds(experiment, names)
    means = experiment.means({"natural": natural_world, **builders}, progress)
    beyond = experiment.extrapolated(builders)
    return Analysis(
        model=model,
        treatment=treatment,
        outcome=outcome,
        draws=draws,
        seed=seed,
        curve=collect_curve(experiment, means["natural"]),
        mediation=tuple(collect_mediation(experiment, v, means, beyond) for v in mediators),
        ablations=tuple(collect_ablation(experiment, o, means, beyond) for o in operations),
    )
