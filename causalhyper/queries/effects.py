"""Effect curves: the design's own answer and the hypergraph's, side by side, and their gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.mechanisms.bases import Array
from causalhyper.queries.experiment import Experiment, Progress, make_experiment, natural_world
from causalhyper.results import Estimate, EstimateResult, HypothesisTest, decimals, to_frame
from causalhyper.scm.model import FittedModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DESIGN_ASSUMES = ("the treatment was assigned, not chosen by what happened in the runs",)
GRAPH_ASSUMES = (
    "the hypergraph holds: no arc is missing",
    "no unmeasured common cause of any two nodes",
    "additive mechanisms of the stated form, noise exchangeable between runs",
)


@dataclass(frozen=True, slots=True)
class EffectCurve(EstimateResult):
    """Effect of each treatment value against the baseline, by two estimators.

    Without a contrast of the design's own (the treatment was not assigned, or a value was never
    run) there is no `design` and no `gap`, and the test says why it does not apply.

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
    graph : tuple of Estimate
        Through the hypergraph, by the truncated factorisation.
    gap : tuple of Estimate
        Graph minus design, from the same resamples.
    test : HypothesisTest
        That every gap is zero: the overidentification test of the hypergraph.
    """

    protocol: str
    treatment: str
    outcome: str
    column: str
    baseline: float
    design: tuple[Estimate, ...]
    graph: tuple[Estimate, ...]
    gap: tuple[Estimate, ...]
    test: HypothesisTest

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Design, graph and gap, in that order."""
        return self.design + self.graph + self.gap

    @property
    def verdict(self) -> str:
        """The widest contrast and what the gap says, in words."""
        own = self.design or self.graph
        widest = farthest(own)
        found = "changes" if widest.excludes_zero else "is not shown to change"
        digits = decimals(e.se for e in own)
        whose = "the design's own contrast" if self.design else "through the hypergraph alone"
        return (
            f"Under the protocol “{self.protocol}”, {self.column} {widest.value:g} instead of "
            f"{self.baseline:g} {found} {self.outcome}: {widest.estimate:+.{digits}f} "
            f"({widest.level:.0%} interval {widest.lower:+.{digits}f} to "
            f"{widest.upper:+.{digits}f}; {widest.clusters} clusters; {whose}). "
            f"{self.test.reading}"
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw both curves with pointwise (thick) and simultaneous (thin) intervals."""
        from causalhyper.figures import plot_effect_curve

        parts = {"design": self.design, "hypergraph": self.graph}
        frames = [to_frame(found).assign(estimator=k) for k, found in parts.items() if found]
        return plot_effect_curve(
            pd.concat(frames, ignore_index=True),
            baseline=self.baseline,
            xlabel=self.column,
            ylabel=f"effect on {self.outcome}",
            ax=ax,
        )

    def summary(self) -> str:
        """The curve as text."""
        digits = decimals(e.se for e in self.graph)
        lines = [f"E[{self.outcome} | do({self.column})] against {self.baseline:g}"]
        for i, g in enumerate(self.graph):
            own = f"  design {self.design[i].interval(digits)}" if self.design else ""
            lines.append(f"{g.value:>10g}{own}  graph {g.interval(digits)}")
        return "\n".join([*lines, self.verdict])


def farthest(estimates: Sequence[Estimate]) -> Estimate:
    """The estimate whose treatment value is farthest from the baseline, as a ratio if both > 0."""

    def distance(e: Estimate) -> float:
        if e.baseline is None:
            return 0.0
        if e.value > 0 and e.baseline > 0:
            return float(abs(np.log(e.value / e.baseline)))
        return abs(e.value - e.baseline)

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
    """Estimate E[outcome | do(b)] - E[outcome | do(baseline)] by design and by hypergraph.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    at : sequence of float
        Values of the treatment's column, each run at least once.
    baseline : float
    draws : int
        Cluster-bootstrap replicates.
    seed : int
    level : float
    interval : str
        "t" (the default: cluster-robust, right with few clusters), "jackknife", "bootstrap",
        "percentile", "basic", "bca" or "studentized"; docs/intervals.md says which when.
    progress : callable, optional

    Returns
    -------
    EffectCurve

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
    means = experiment.means({"natural": natural_world}, progress, alone=True)
    return collect_curve(experiment, means["natural"])


def collect_curve(experiment: Experiment, means: Array) -> EffectCurve:
    """The effect curve from the natural world's means, shape (replicates, d)."""
    by_graph = means[:, 1:] - means[:, :1]
    model = experiment.model
    role = model.roles[experiment.treatment]
    graph = experiment.estimates(
        "effect_curve.graph",
        by_graph,
        estimand=lambda value: _estimand(experiment, value),
        method=f"g-formula through {model.graph}; {experiment.interval}",
        assumptions=GRAPH_ASSUMES,
        joint=True,
    )
    design, gap, test = _hold_against_design(experiment, by_graph)
    return EffectCurve(
        protocol=model.protocol,
        treatment=role.label,
        outcome=model.roles[experiment.outcome].label,
        column=role.column,
        baseline=experiment.baseline,
        design=design,
        graph=graph,
        gap=gap,
        test=test,
    )


def _estimand(experiment: Experiment, value: float) -> str:
    column = experiment.model.roles[experiment.treatment].column
    outcome = experiment.model.roles[experiment.outcome].label
    return (
        f"E[{outcome} | do({column}={value:g})] - "
        f"E[{outcome} | do({column}={experiment.baseline:g})]"
    )


def _hold_against_design(
    experiment: Experiment, by_graph: Array
) -> tuple[tuple[Estimate, ...], tuple[Estimate, ...], HypothesisTest]:
    """The design's contrasts, the gaps from them, and the test that the gaps are zero."""
    if experiment.design is None:
        return (), (), _gap_test(experiment, (), by_graph)
    by_design = experiment.design.contrasts(experiment.replicates.weights)
    design = experiment.estimates(
        "effect_curve.design",
        by_design,
        estimand=lambda value: _estimand(experiment, value),
        method=f"difference in means within {experiment.design.blocks}; {experiment.interval}",
        assumptions=DESIGN_ASSUMES,
        joint=True,
    )
    gap = experiment.estimates(
        "effect_curve.gap",
        by_graph - by_design,
        estimand=lambda value: f"graph's minus design's {_estimand(experiment, value)}",
        method=f"paired difference of the two estimators; {experiment.interval}",
        assumptions=DESIGN_ASSUMES,
        joint=True,
    )
    return design, gap, _gap_test(experiment, gap, by_graph - by_design)


def _gap_test(
    experiment: Experiment, gap: tuple[Estimate, ...], quantities: Array
) -> HypothesisTest:
    size = 1 - experiment.uncertainty.level
    found = experiment.uncertainty.bands(quantities)
    null = "the hypergraph's effect curve equals the design's at every value"
    scaled = (
        ""
        if experiment.uncertainty.kind == "studentized"
        else (f", scaled as t({found.df.min():.3g})")
    )
    reference = f"maximum of |gap|/se over the values; centred cluster bootstrap{scaled}"
    if not gap:
        return HypothesisTest(
            name="overidentification",
            null=null,
            statistic=None,
            p_value=None,
            reference=reference,
            alpha=size,
            if_rejected="",
            if_kept="",
            inapplicable=f"Nothing tests the hypergraph's curve: {experiment.no_design}.",
        )
    studentised = [abs(e.estimate) / e.se if e.se > 0 else 0.0 for e in gap]
    widest = gap[int(np.argmax(studentised))]
    seen = (
        f"(gap test p = {found.p_value:.2g}; the clearest gap, at {widest.value:g}, is "
        f"{widest.interval(decimals([widest.se]))})"
    )
    return HypothesisTest(
        name="overidentification",
        null=null,
        statistic=found.statistic,
        p_value=found.p_value,
        reference=reference,
        alpha=size,
        if_rejected=(
            f"The hypergraph's curve misses the design's {seen}: the hypergraph, or the form of "
            "its mechanisms, is wrong for these runs, and what it says of mediation and ablation "
            "is not to be believed."
        ),
        if_kept=(
            f"The hypergraph's curve is not rejected by the design's at the {size:.0%} level "
            f"{seen}; that is no proof of the hypergraph."
        ),
    )
