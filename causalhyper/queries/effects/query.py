"""Effect curves by three estimators side by side: design, adjustment, hypergraph; their gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.arrays import Array
from causalhyper.errors import NotIdentifiedError
from causalhyper.progress import Progress
from causalhyper.queries.effects.overidentification import difference, hold_to_account
from causalhyper.queries.experiments.adjustment import Adjustment
from causalhyper.queries.experiments.assumptions import (
    DESIGN_ASSUMES,
    GRAPH_ASSUMES,
    across_contexts,
    confounding,
)
from causalhyper.queries.experiments.experiment import Experiment, natural_world
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.results import Estimate, EstimateResult, HypothesisTest, decimals, to_frame
from causalhyper.scm.elimination import eliminate, is_discrete
from causalhyper.scm.model import FittedModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class EffectCurve(EstimateResult):
    """Effect of each treatment value against the baseline, by up to three estimators.

    Where an estimator has no answer its estimates are empty, and `missing` says why: the design
    without an assigned treatment or at values that were never run, the adjustment without a
    back-door set, the hypergraph with an unmeasured common cause in its way.

    Attributes
    ----------
    protocol : str
    treatment, outcome : str
        Labels on the scale that was analysed, such as "log2(batch_size)".
    column : str
        The treatment's column.
    baseline : float
    design : tuple of Estimate
        Difference in means within blocks: needs no hypergraph.
    adjusted : tuple of Estimate
        Regression of the outcome on treatment and a back-door set, averaged over the set: needs
        the hypergraph for the choice of the set alone.
    graph : tuple of Estimate
        Through the hypergraph, by the truncated factorisation.
    gap : tuple of Estimate
        Graph minus design (minus adjusted, where there is no design), from the same resamples.
    test : HypothesisTest
        That every gap is zero: the overidentification test of the hypergraph.
    missing : tuple of str
        Why some estimator has no answer.
    """

    protocol: str
    treatment: str
    outcome: str
    column: str
    baseline: float
    design: tuple[Estimate, ...]
    adjusted: tuple[Estimate, ...]
    graph: tuple[Estimate, ...]
    gap: tuple[Estimate, ...]
    test: HypothesisTest
    missing: tuple[str, ...]

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Design, adjusted, graph and gap, in that order."""
        return self.design + self.adjusted + self.graph + self.gap

    @property
    def by_estimator(self) -> dict[str, tuple[Estimate, ...]]:
        """The estimators that have an answer, the one that assumes least first."""
        parts = {"design": self.design, "adjusted": self.adjusted, "hypergraph": self.graph}
        return {name: found for name, found in parts.items() if found}

    @property
    def verdict(self) -> str:
        """The widest contrast and what the gap says, in words."""
        name, own = next(iter(self.by_estimator.items()))
        widest = farthest(own)
        found = "changes" if widest.excludes_zero else "is not shown to change"
        digits = decimals(e.se for e in own)
        whose = {
            "design": "the design's own contrast",
            "adjusted": "by adjustment",
            "hypergraph": "through the hypergraph alone",
        }[name]
        return (
            f"Under the protocol “{self.protocol}”, {self.column} {widest.value:g} instead of "
            f"{self.baseline:g} {found} {self.outcome}: {widest.estimate:+.{digits}f} "
            f"({widest.level:.0%} interval {widest.lower:+.{digits}f} to "
            f"{widest.upper:+.{digits}f}; {widest.clusters} clusters; {whose}). "
            f"{self.test.reading}"
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw every curve with pointwise (thick) and simultaneous (thin) intervals."""
        from causalhyper.figures import plot_effect_curve

        parts = self.by_estimator.items()
        frames = [to_frame(found).assign(estimator=name) for name, found in parts]
        return plot_effect_curve(
            pd.concat(frames, ignore_index=True),
            baseline=self.baseline,
            xlabel=self.column,
            ylabel=f"effect on {self.outcome}",
            ax=ax,
        )

    def summary(self) -> str:
        """The curve as text."""
        parts = self.by_estimator
        digits = decimals(e.se for found in parts.values() for e in found)
        lines = [f"E[{self.outcome} | do({self.column})] against {self.baseline:g}"]
        for row in zip(*parts.values(), strict=True):
            cells = [f"{k} {e.interval(digits)}" for k, e in zip(parts, row, strict=True)]
            lines.append(f"{row[0].value:>10g}  {'  '.join(cells)}")
        lines += [f"not here: {reason}" for reason in self.missing]
        return "\n".join([*lines, self.verdict])


def farthest(estimates: Sequence[Estimate]) -> Estimate:
    """The estimate whose treatment value is farthest from the baseline, as a ratio if both > 0."""

    def distance(e: Estimate) -> float:
        if e.value > 0 and e.against > 0:
            return float(abs(np.log(e.value / e.against)))
        return abs(e.value - e.against)

    return max(estimates, key=distance)


def effect_curve(
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
) -> EffectCurve:
    """Estimate E[outcome | do(b)] - E[outcome | do(baseline)] by three estimators.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    at : sequence of float
        Values of the treatment's column, within the range of the runs. At a value that no run has
        there is no design, and the other estimates are marked as interpolated.
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
    EffectCurve

    Raises
    ------
    ConfigurationError
        If the question does not fit the model or the runs.
    NotIdentifiedError
        If no estimator has an answer.
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
        through_graph=False,
    )
    if confounding(model.graph, (treatment,), outcome):
        return collect_curve(experiment, None)
    if is_discrete(model, outcome):
        return collect_curve(experiment, _sum_exactly(experiment))
    means = experiment.means({"natural": natural_world}, progress, alone=True)
    return collect_curve(experiment, means["natural"])


def _sum_exactly(experiment: Experiment) -> Array:
    """Means of a model of tables, by elimination, shape (replicates, d)."""
    e = experiment
    grid = e.question.grid(e.model)
    states, found = eliminate(e.model, e.replicates, e.treatment, grid, e.outcome)
    return found @ states


def collect_curve(experiment: Experiment, means: Array | None) -> EffectCurve:
    """The effect curve from the natural world's means, shape (replicates, d), if there are any."""
    model = experiment.model
    role = model.roles[experiment.treatment]
    weights = experiment.replicates.weights
    regressed = experiment.adjustment
    found = {
        "design": None if experiment.design is None else experiment.design.contrasts(weights),
        "adjusted": None if regressed is None else regressed.contrasts(model, weights),
        "graph": None if means is None else means[:, 1:] - means[:, :1],
    }
    reasons = {
        "design": experiment.no_design,
        "adjusted": experiment.no_adjustment,
        "graph": confounding(model.graph, (experiment.treatment,), experiment.outcome),
    }
    if all(part is None for part in found.values()):
        said = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise NotIdentifiedError(
            f"no estimator answers for the effect of {experiment.treatment} on "
            f"{experiment.outcome}: {said}. Ask identify() what is known"
        )
    made = {
        name: () if part is None else _estimates(experiment, name, part, regressed)
        for name, part in found.items()
    }
    gap, test = hold_to_account(experiment, found)
    return EffectCurve(
        protocol=model.protocol,
        treatment=role.label,
        outcome=model.roles[experiment.outcome].label,
        column=role.column,
        baseline=experiment.baseline,
        gap=gap,
        test=test,
        missing=tuple(f"{name}: {reason}" for name, reason in reasons.items() if reason),
        **made,
    )


def _estimates(
    experiment: Experiment, name: str, quantities: Array, adjustment: Adjustment | None
) -> tuple[Estimate, ...]:
    graph, design = experiment.model.graph, experiment.design
    beside = "" if experiment.model.groups.context_count == 1 else ", beside contexts"
    how = {
        "design": f"difference in means within {'' if design is None else design.blocks}",
        "adjusted": f"regression standardised over {adjustment}{beside}",
        "graph": f"g-formula through {graph}",
    }[name]
    assumptions = {
        "design": (*DESIGN_ASSUMES, *_by_way_of_others(experiment)),
        "adjusted": (
            f"{adjustment} closes every back-door path in {graph}",
            "curves and products as regressed",
        ),
        "graph": GRAPH_ASSUMES,
    }[name]
    return experiment.estimates(
        f"effect_curve.{name}",
        quantities,
        estimand=lambda value: difference(experiment, value),
        method=f"{how}; {experiment.interval}",
        assumptions=(*assumptions, *across_contexts(experiment.model)),
        joint=True,
    )


def _by_way_of_others(experiment: Experiment) -> tuple[str, ...]:
    """What contrasts of values that never meet in a block assume beside the assignment."""
    if experiment.design is None or not experiment.design.apart:
        return ()
    values = ", ".join(f"{experiment.at[i]:g}" for i in experiment.design.apart)
    return (
        f"no block holds both {values} and {experiment.baseline:g}: compared by way of other "
        "values, as if effects were the same in every block",
    )
