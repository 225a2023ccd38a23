"""Randomisation inference for the total effect of an assigned treatment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Codes
from causalhyper.errors import ConfigurationError
from causalhyper.inference import PairTest, compare_all, compare_pair
from causalhyper.inference.permutation import OmnibusTest
from causalhyper.progress import Progress, track_all
from causalhyper.queries.design_tests.assignment import Scheme, find_scheme
from causalhyper.queries.design_tests.randomisation_result import RandomisationTests
from causalhyper.queries.experiments.questions import Question, ask, check_resampling
from causalhyper.results import Estimate, HypothesisTest
from causalhyper.scm.model import FittedModel

__all__ = ["RandomisationTests", "randomisation_test"]


def randomisation_test(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    at: Sequence[float],
    baseline: float,
    assignments: int = 9999,
    seed: int = 1,
    level: float = 0.95,
    progress: Progress | None = None,
) -> RandomisationTests:
    """Test the total effect of an assigned treatment by assigning it again.

    The treatment's values are dealt again to the runs (or clusters) as they were dealt: within
    blocks. The p-value needs no model, no normality and no large sample; it needs that the
    values were dealt at random within those blocks. The sharp null is about the treatment and
    everything that follows it: the test cannot tell by which path an effect comes.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes. The treatment has no causes.
    at : sequence of float
        Values of the treatment's column, within the range of the runs. Each is one that was run.
    baseline : float
        The value that the others are compared with.
    assignments : int
        Assignments drawn, at least 99; where there are at most so many, all are listed, and the
        p-value is exact.
    seed : int
        Of everything random, not negative.
    level : float
        Confidence of the intervals, in (0, 1).
    progress : callable, optional
        Called with the share of the work done, in [0, 1].

    Returns
    -------
    RandomisationTests

    Raises
    ------
    ConfigurationError
        If the treatment was not assigned, or some value never meets the baseline in a block.

    Notes
    -----
    Source: Fisher 1935, "The Design of Experiments"; Rosenbaum 2002, "Observational Studies",
    chapter 2; Wu and Ding 2021, "Randomization tests for weak null hypotheses in randomized
    experiments" (the studentised statistic, which keeps its size in large samples where effects
    differ between runs and are zero on average).

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from causalhyper import fit
    >>> b = np.tile([1.0, 2.0], 6)
    >>> runs = pd.DataFrame({"run_id": [f"r{i}" for i in range(12)], "b": b})
    >>> runs = runs.assign(k=np.repeat(range(6), 2), g=b + 0.1 * np.arange(12) ** 0.5)
    >>> model = fit("B -> G", runs, {"B": "b", "G": "g"}, protocol="equal epochs", cluster="k")
    >>> found = randomisation_test(model, "B", "G", at=[2], baseline=1)
    >>> found.omnibus.p_value  # 2 of 64 assignments
    0.03125
    """
    question = ask(model, treatment, outcome, at, baseline)
    check_resampling(assignments, seed, level, "assignments")
    _check(model, question, assignments)
    trial = _Trial(model, question, find_scheme(model, treatment), assignments, level, seed)
    overall, pairs = _assign_again(trial, progress)
    by_value = list(zip(question.at, pairs, strict=True))
    return RandomisationTests(
        outcome=model.roles[outcome].label,
        protocol=model.protocol,
        assigned=trial.how.words,
        omnibus=_omnibus(trial, overall),
        values=question.at,
        tests=tuple(_test(trial, value, pair) for value, pair in by_value),
        effects=tuple(_effect(trial, value, pair) for value, pair in by_value if _bounded(pair)),
        note=_note(level, [value for value, pair in by_value if not _bounded(pair)]),
    )


def _check(model: FittedModel, question: Question, assignments: int) -> None:
    if question.never_run:
        column = model.roles[question.treatment].column
        never = ", ".join(f"{v:g}" for v in question.never_run)
        raise ConfigurationError(f"no run has {column} = {never}: ask about values that were run")
    if assignments < 99:
        raise ConfigurationError(
            f"{assignments} assignments are too few: use 999 to try, 9999 to report"
        )


@dataclass(frozen=True, slots=True)
class _Trial:
    """What all tests of one question share."""

    model: FittedModel
    question: Question
    how: Scheme
    assignments: int
    level: float
    seed: int

    @property
    def label(self) -> str:
        """The outcome on the scale that is analysed."""
        return self.model.roles[self.question.outcome].label

    @property
    def column(self) -> str:
        """The treatment's column."""
        return self.model.roles[self.question.treatment].column

    def versus(self, value: float) -> str:
        """A comparison in words."""
        return f"{self.column} {value:g} instead of {self.question.baseline:g}"


def _assign_again(trial: _Trial, progress: Progress | None) -> tuple[OmnibusTest, list[PairTest]]:
    """Compare all values, and each with the baseline, with streams of their own."""
    model, question = trial.model, trial.question
    values, doses = np.unique(model.values[question.treatment], return_inverse=True)
    codes = [int(np.argmin(np.abs(values - g))) for g in question.grid(model)]
    streams = np.random.SeedSequence(trial.seed).spawn(1 + len(codes))
    rngs = [np.random.default_rng(s) for s in streams]
    every = trial.how.among(doses, np.arange(model.n), model.groups.clusters)
    response = model.values[question.outcome]
    overall = compare_all(response, every, draws=trial.assignments, rng=rngs[0])
    others = list(zip(codes[1:], rngs[1:-1], strict=True))
    pairs = [
        _compare(trial, doses, (codes[0], code), rng) for code, rng in track_all(others, progress)
    ]
    return overall, pairs


def _compare(
    trial: _Trial, doses: Codes, pair: tuple[int, int], rng: np.random.Generator
) -> PairTest:
    """The baseline's runs and those of one other value, compared where they meet."""
    model, question = trial.model, trial.question
    kept = np.flatnonzero(np.isin(doses, pair))
    given = trial.how.among((doses == pair[1]).astype(np.intp), kept, model.groups.clusters)
    meets = np.stack([given.centres, given.doses[given.units]])
    if np.unique(meets, axis=1).shape[1] == len(np.unique(given.centres)):
        raise ConfigurationError(
            f"some value of {trial.column} never meets the baseline {question.baseline:g} where "
            f"values were exchanged ({trial.how.words}): choose another baseline, or fewer values"
        )
    response = model.values[question.outcome][kept]
    return compare_pair(response, given, draws=trial.assignments, level=trial.level, rng=rng)


def _bounded(pair: PairTest) -> bool:
    """Whether the test rejects some constant effect on either side."""
    return bool(np.isfinite([pair.lower, pair.upper]).all())


def _note(level: float, without: Sequence[float]) -> str:
    if not without:
        return ""
    return (
        f"no {level:.0%} interval at {', '.join(f'{v:g}' for v in without)}: too few assignments "
        "to reject any constant effect"
    )


def _counted(assignments: int, *, exact: bool) -> str:
    return f"all {assignments} assignments" if exact else f"{assignments} random assignments"


def _omnibus(trial: _Trial, found: OmnibusTest) -> HypothesisTest:
    label, column, p = trial.label, trial.column, f"{found.p_value:.2g}"
    return HypothesisTest(
        name=f"any effect of {column}",
        null=(
            f"no run's {label} depends on {column}: neither on {trial.question.treatment} itself "
            "nor on anything that follows it (sharp null)"
        ),
        statistic=found.f,
        p_value=found.p_value,
        reference=f"F statistic over {_counted(found.assignments, exact=found.exact)}",
        alpha=1 - trial.level,
        if_rejected=(
            f"{column} changes {label} in some runs, itself or by what follows it (p = {p}); by "
            "which path this test cannot say."
        ),
        if_kept=(
            f"The assignment alone does not show that {column} changes {label} (p = {p}); that is "
            "no proof that it does not."
        ),
    )


def _test(trial: _Trial, value: float, pair: PairTest) -> HypothesisTest:
    label, versus, p = trial.label, trial.versus(value), f"{pair.p_value:.2g}"
    return HypothesisTest(
        name=versus,
        null=f"{versus} changes no run's {label}, by any path (sharp null)",
        statistic=pair.t,
        p_value=pair.p_value,
        reference=(
            "size of the cluster-robust t statistic over "
            f"{_counted(pair.assignments, exact=pair.exact)}"
        ),
        alpha=1 - trial.level,
        if_rejected=f"{versus} changes {label} in some runs (p = {p}).",
        if_kept=f"{versus} is not shown to change {label} (p = {p}).",
    )


def _effect(trial: _Trial, value: float, pair: PairTest) -> Estimate:
    label, column, baseline = trial.label, trial.column, trial.question.baseline
    return Estimate(
        query="randomisation.effect",
        treatment=trial.question.treatment,
        value=value,
        baseline=baseline,
        estimand=(
            f"the same effect on every run: {label} under {column}={value:g} minus under "
            f"{column}={baseline:g}; protocol: {trial.model.protocol}"
        ),
        estimate=pair.estimate,
        se=pair.se,
        lower=pair.lower,
        upper=pair.upper,
        level=trial.level,
        method=(
            f"difference in means, {trial.how.words}; randomisation test inverted, "
            f"{_counted(pair.assignments, exact=pair.exact)}; cluster-robust standard error"
        ),
        n=trial.model.n,
        clusters=trial.model.clusters,
        assumptions=(
            f"the treatment was assigned at random to {trial.how.words}",
            "the effect is the same on every run (the interval alone needs this)",
        ),
        seed=trial.seed,
    )
