"""The overidentification test: the hypergraph's curve held against one that assumes less."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np

from causalhyper.arrays import Array
from causalhyper.queries.experiments.assumptions import DESIGN_ASSUMES
from causalhyper.queries.experiments.experiment import Experiment
from causalhyper.results import Estimate, HypothesisTest, decimals

SIZE = 0.05
"""Size of the gap test, whatever the level of the intervals."""


def difference(experiment: Experiment, value: float) -> str:
    """The total effect of a value against the baseline, in the field's notation."""
    column = experiment.model.roles[experiment.treatment].column
    outcome = experiment.model.roles[experiment.outcome].label
    return (
        f"E[{outcome} | do({column}={value:g})] - "
        f"E[{outcome} | do({column}={experiment.baseline:g})]"
    )


def hold_to_account(
    experiment: Experiment, found: Mapping[str, Array | None]
) -> tuple[tuple[Estimate, ...], HypothesisTest]:
    """Hold the hypergraph's contrasts against the design's, or against the adjusted ones.

    Parameters
    ----------
    experiment : Experiment
    found : mapping of str to ndarray or None, shape (replicates, values)
        Contrasts by "design", "adjusted" and "graph"; None where there are none.

    Returns
    -------
    gap : tuple of Estimate
        Graph minus reference; empty where one of them is missing.
    test : HypothesisTest
        That the two curves agree.
    """
    name = "design" if found["design"] is not None else "adjusted"
    graph, reference = found["graph"], found[name]
    if graph is None or reference is None:
        what = "there is no curve through it" if graph is None else experiment.no_design
        return (), _no_test(f"Nothing tests the hypergraph's curve: {what}.")
    whose = "the design's" if name == "design" else "the adjusted one"
    gap = experiment.estimates(
        "effect_curve.gap",
        graph - reference,
        estimand=lambda value: f"graph's minus {whose}: {difference(experiment, value)}",
        method=f"paired difference of the two estimators; {experiment.interval}",
        assumptions=DESIGN_ASSUMES if name == "design" else ("the adjustment's assumptions",),
        joint=True,
    )
    return gap, _test(experiment, graph - reference, whose)


def _no_test(reason: str) -> HypothesisTest:
    return HypothesisTest(
        name="overidentification",
        null="the hypergraph's effect curve equals one that assumes less",
        statistic=None,
        p_value=None,
        reference="",
        alpha=SIZE,
        if_rejected="",
        if_kept="",
        inapplicable=reason,
    )


def _uneven(experiment: Experiment) -> str:
    """Point to a context that is missing, where clusters differ in their mix of values."""
    model, groups = experiment.model, experiment.model.groups
    if experiment.design is None or groups.context_count > 1:
        return ""
    values = model.values[experiment.treatment]
    means = np.bincount(groups.clusters, values) / np.bincount(groups.clusters)
    if np.ptp(means) <= 1e-9 * np.abs(values).max():
        return ""
    return (
        f" Or a context is missing: clusters differ in their mix of {experiment.treatment} "
        "values, the design compares within clusters, and the hypergraph across them. Where "
        "clusters differ in more, as data sets do, name what sets them apart (context=)."
    )


def _test(experiment: Experiment, gaps: Array, whose: str) -> HypothesisTest:
    """Compare all pairs of values, so that the choice of the baseline decides nothing."""
    values = (experiment.baseline, *experiment.at)
    curve = np.concatenate([np.zeros((len(gaps), 1)), gaps], axis=1)
    pairs = list(combinations(range(len(values)), 2))
    apart = np.stack([curve[:, j] - curve[:, i] for i, j in pairs], axis=1)
    found = replace(experiment.uncertainty, level=1 - SIZE).bands(apart, experiment.size)
    ratios = np.divide(np.abs(apart[0]), found.se, out=np.zeros(len(pairs)), where=found.se > 0)
    at = int(np.argmax(ratios))
    one, other = (f"{values[k]:g}" for k in pairs[at])
    digits = decimals([float(found.se[at])])
    span = f"[{found.lower[at]:+.{digits}f}, {found.upper[at]:+.{digits}f}]"
    seen = (
        f"(gap test p = {found.p_value:.2g}; the clearest gap, of {other} against {one}, is "
        f"{apart[0, at]:+.{digits}f} {span})"
    )
    studentized = experiment.uncertainty.kind == "studentized"
    scaled = "" if studentized else f", scaled as t({found.df.min():.3g})"
    return HypothesisTest(
        name="overidentification",
        null=f"the hypergraph's effect curve equals {whose} at every value",
        statistic=found.statistic,
        p_value=found.p_value,
        reference=(
            f"maximum of |gap|/se over all pairs of values; centred cluster bootstrap{scaled}"
        ),
        alpha=SIZE,
        if_rejected=(
            f"The hypergraph's curve misses {whose} at the {SIZE:.0%} level {seen}: the "
            "hypergraph, or the form of its mechanisms, is wrong for these runs, and what it says "
            f"of mediation and ablation is not to be believed.{_uneven(experiment)}"
        ),
        if_kept=(
            f"The hypergraph's curve is not rejected by {whose} at the {SIZE:.0%} level "
            f"{seen}; that is no proof of the hypergraph."
        ),
    )
