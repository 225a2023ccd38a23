"""The design's contrasts by the wild cluster bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.inference import WildTest, wild_test
from causalhyper.inference.wild import Signs
from causalhyper.progress import Progress, track_all
from causalhyper.queries.experiments.assumptions import DESIGN_ASSUMES
from causalhyper.queries.experiments.design import find_design
from causalhyper.queries.experiments.questions import Question, ask, check_resampling
from causalhyper.results import Estimate, EstimateResult, HypothesisTest, decimals
from causalhyper.scm.model import FittedModel


@dataclass(frozen=True, slots=True)
class WildContrasts(EstimateResult):
    """Differences in means within blocks, with wild cluster bootstrap tests and intervals.

    Attributes
    ----------
    protocol : str
    contrasts : tuple of Estimate
        One for each value; the interval inverts the test.
    tests : tuple of HypothesisTest
        That each contrast is zero.
    outcome : str
        Its label on the scale that was analysed; "" where nobody says.
    """

    protocol: str
    contrasts: tuple[Estimate, ...]
    tests: tuple[HypothesisTest, ...]
    outcome: str = ""

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """The contrasts."""
        return self.contrasts

    def to_frame(self) -> pd.DataFrame:
        """One row a contrast: the columns of every table of estimates, statistic and p_value."""
        found = [(t.statistic, t.p_value) for t in self.tests]
        more = pd.DataFrame(found, columns=["statistic", "p_value"])
        # the plain `super()` of a slotted dataclass refers to the class before it had slots
        return pd.concat([EstimateResult.to_frame(self), more], axis=1)

    def summary(self) -> str:
        """The contrasts as text."""
        digits = decimals(e.se for e in self.contrasts)
        pairs = zip(self.contrasts, self.tests, strict=True)
        lines = [
            f"{e.value:>10g}  {e.interval(digits)}  p = {t.p_value:.4g}. {t.reading}"
            for e, t in pairs
        ]
        return "\n".join([f"wild cluster bootstrap ({self.protocol})", *lines])


def wild_contrasts(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    at: Sequence[float],
    baseline: float,
    weights: Signs = "auto",
    weight_sets: int = 9999,
    seed: int = 1,
    level: float = 0.95,
    progress: Progress | None = None,
) -> WildContrasts:
    """Test the design's contrasts with few clusters by the restricted wild cluster bootstrap.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes. The treatment has no causes.
    at : sequence of float
        Values of the treatment's column, within the range of the runs. Each is one that was run.
    baseline : float
        The value that the others are compared with.
    weights : {"auto", "rademacher", "webb"}
        Signs, Webb's six points, or (the default) what suits the number of clusters.
    weight_sets : int
        Sets of weights; where there are at most so many sets of signs, each is taken once.
    seed : int
        Of everything random, not negative.
    level : float
        Confidence of the intervals, in (0, 1).
    progress : callable, optional
        Called with the share of the work done, in [0, 1].

    Returns
    -------
    WildContrasts

    Raises
    ------
    ConfigurationError
        If the runs hold no contrast of the treatment, or there are too few clusters for an
        interval of that level.

    Notes
    -----
    Source: Cameron, Gelbach and Miller 2008, "Bootstrap-based improvements for inference with
    clustered errors"; the computation after MacKinnon, Nielsen and Webb 2023.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from causalhyper import fit
    >>> b = np.tile([1.0, 2.0], 8)
    >>> runs = pd.DataFrame({"run_id": [f"r{i}" for i in range(16)], "b": b})
    >>> runs = runs.assign(k=np.repeat(range(8), 2), g=b + np.sin(np.arange(16)))
    >>> model = fit("B -> G", runs, {"B": "b", "G": "g"}, protocol="equal epochs", cluster="k")
    >>> print(wild_contrasts(model, "B", "G", at=[2], baseline=1).contrasts[0].interval(2))
    +1.05 [+0.44, +1.89]
    """
    question = ask(model, treatment, outcome, at, baseline)
    check_resampling(weight_sets, seed, level, "weight_sets")
    if question.never_run or model.graph.parents(treatment):
        raise ConfigurationError(
            f"the runs hold no contrast of {treatment}: it must have no causes in {model.graph}, "
            "and each value must have been run"
        )
    design = find_design(model, treatment, outcome, question.grid(model))
    scale = model.size(outcome)
    found = [
        wild_test(
            design.grams,
            i,
            draws=weight_sets,
            weights=weights,
            level=level,
            seed=seed,
            scale=scale,
        )
        for i in track_all(range(design.count), progress)
    ]
    if not all(np.isfinite([w.lower, w.upper]).all() for w in found):
        raise ConfigurationError(
            f"{model.clusters} clusters are too few for a {level:.0%} interval by "
            f"{found[0].weights} weights: use weights='webb', a lower level, or "
            "effect_curve(interval='t')"
        )
    return WildContrasts(
        outcome=model.roles[outcome].label,
        protocol=model.protocol,
        contrasts=tuple(
            _estimate(model, question, value, w, design.blocks, level, seed)
            for value, w in zip(question.at, found, strict=True)
        ),
        tests=tuple(
            _test(model, question, value, w, level)
            for value, w in zip(question.at, found, strict=True)
        ),
    )


def _drawn(w: WildTest) -> str:
    return f"{'all' if w.enumerated else ''} {w.draws} sets of {w.weights} weights".strip()


def _estimate(
    model: FittedModel,
    question: Question,
    value: float,
    w: WildTest,
    blocks: str,
    level: float,
    seed: int,
) -> Estimate:
    label, column = model.roles[question.outcome].label, model.roles[question.treatment].column
    return Estimate(
        query="wild_contrasts.design",
        treatment=question.treatment,
        value=value,
        baseline=question.baseline,
        estimand=(
            f"E[{label} | do({column}={value:g})] - E[{label} | do({column}="
            f"{question.baseline:g})]; protocol: {model.protocol}"
        ),
        estimate=w.estimate,
        se=w.se,
        lower=w.lower,
        upper=w.upper,
        level=level,
        method=(
            f"difference in means within {blocks}; restricted wild cluster bootstrap inverted, "
            f"{_drawn(w)}; CR1 standard error"
        ),
        n=model.n,
        clusters=model.clusters,
        assumptions=DESIGN_ASSUMES,
        seed=seed,
        df=float(w.df),
    )


def _test(
    model: FittedModel, question: Question, value: float, w: WildTest, level: float
) -> HypothesisTest:
    label, column = model.roles[question.outcome].label, model.roles[question.treatment].column
    versus = f"{column} {value:g} instead of {question.baseline:g}"
    return HypothesisTest(
        name=versus,
        null=f"{versus} does not change the mean of {label}",
        statistic=w.t,
        p_value=w.p_value,
        reference=f"cluster-robust t; wild cluster bootstrap with the null imposed, {_drawn(w)}",
        alpha=1 - level,
        if_rejected=f"{versus} changes the mean of {label}.",
        if_kept=f"{versus} is not shown to change the mean of {label}.",
    )
