"""Randomisation inference for the total effect of an assigned treatment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.inference import PairTest, compare_all, compare_pair
from causalhyper.mechanisms.grams import Codes
from causalhyper.queries.assignment import Scheme, find_scheme
from causalhyper.queries.questions import Question, ask, check_resampling
from causalhyper.results import Estimate, EstimateResult, HypothesisTest, decimals
from causalhyper.scm.model import FittedModel


@dataclass(frozen=True, slots=True)
class RandomisationTests(EstimateResult):
    """What the assignment alone says of the treatment's total effect.

    Attributes
    ----------
    protocol : str
    assigned : str
        What exchanged treatment values, in words.
    omnibus : HypothesisTest
        That no run's outcome depends on the treatment.
    tests : tuple of HypothesisTest
        For each value that it has the baseline's effect on every run.
    effects : tuple of Estimate
        For each value the constant effect with the values that the test does not reject; only
        those whose interval is finite.
    note : str
        Which intervals are not, and why; "" where all are.
    """

    protocol: str
    assigned: str
    omnibus: HypothesisTest
    tests: tuple[HypothesisTest, ...]
    effects: tuple[Estimate, ...]
    note: str

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """The constant effects."""
        return self.effects

    def to_frame(self) -> pd.DataFrame:
        """One row a test, the omnibus test first; columns name, null, statistic, p_value."""
        rows = [(t.name, t.null, t.statistic, t.p_value) for t in (self.omnibus, *self.tests)]
        return pd.DataFrame(rows, columns=["name", "null", "statistic", "p_value"])

    def summary(self) -> str:
        """The tests as text."""
        lines = [f"randomisation inference: {self.assigned} exchange values ({self.protocol})"]
        lines += [f"  {t.name}: p = {t.p_value:.4g}" for t in (self.omnibus, *self.tests)]
        digits = decimals(e.se for e in self.effects)
        lines += [f"{e.value:>10g}  constant effect {e.interval(digits)}" for e in self.effects]
        return "\n".join([*lines, *([self.note] if self.note else []), self.omnibus.reading])


def randomisation_test(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    at: Sequence[float],
    baseline: float,
    draws: int = 9999,
    seed: int = 1,
    level: float = 0.95,
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
        Nodes; the treatment without causes.
    at : sequence of float
        Values of the treatment's column to compare with the baseline, each run at least once.
    baseline : float
    draws : int
        Assignments drawn, at least 99; where there are at most so many, all are listed, and the
        p-value is exact.
    seed : int
    level : float
        Of the intervals.

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
    check_resampling(draws, seed, level)
    _check(model, question, draws)
    how = find_scheme(model, treatment)
    values, doses = np.unique(model.values[treatment], return_inverse=True)
    codes = [int(np.argmin(np.abs(values - g))) for g in question.grid(model)]
    rngs = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(1 + len(codes))]
    every = how.among(doses, np.arange(model.n), model.groups.clusters)
    response = model.values[outcome]
    overall = compare_all(response, every, draws=draws, rng=rngs[0])
    pairs = [
        _compare(model, question, how, doses, (codes[0], c), draws, level, rng)
        for c, rng in zip(codes[1:], rngs[1:], strict=False)
    ]
    label, column = model.roles[outcome].label, model.roles[treatment].column
    finite = [bool(np.isfinite([p.lower, p.upper]).all()) for p in pairs]
    without = [f"{v:g}" for v, f in zip(question.at, finite, strict=True) if not f]
    return RandomisationTests(
        protocol=model.protocol,
        assigned=how.words,
        omnibus=HypothesisTest(
            name=f"any effect of {column}",
            null=(
                f"no run's {label} depends on {column}: neither on {treatment} itself nor on "
                "anything that follows it (sharp null)"
            ),
            statistic=overall.f,
            p_value=overall.p_value,
            reference=f"F statistic over {_counted(overall.assignments, exact=overall.exact)}",
            alpha=1 - level,
            if_rejected=(
                f"{column} changes {label} in some runs, itself or by what follows it (p = "
                f"{overall.p_value:.2g}); by which path this test cannot say."
            ),
            if_kept=(
                f"The assignment alone does not show that {column} changes {label} (p = "
                f"{overall.p_value:.2g}); that is no proof that it does not."
            ),
        ),
        tests=tuple(
            _test(model, question, value, pair, level)
            for value, pair in zip(question.at, pairs, strict=True)
        ),
        effects=tuple(
            _effect(model, question, value, pair, how, level, seed)
            for value, pair, f in zip(question.at, pairs, finite, strict=True)
            if f
        ),
        note=(
            f"no {level:.0%} interval at {', '.join(without)}: too few assignments to reject any "
            "constant effect"
            if without
            else ""
        ),
    )


def _check(model: FittedModel, question: Question, draws: int) -> None:
    if question.never_run:
        column = model.roles[question.treatment].column
        never = ", ".join(f"{v:g}" for v in question.never_run)
        raise ConfigurationError(f"no run has {column} = {never}: ask about values that were run")
    if draws < 99:
        raise ConfigurationError(
            f"{draws} assignments are too few: use 999 to try, 9999 to report"
        )


def _compare(
    model: FittedModel,
    question: Question,
    how: Scheme,
    doses: Codes,
    pair: tuple[int, int],
    draws: int,
    level: float,
    rng: np.random.Generator,
) -> PairTest:
    """The baseline's runs and those of one other value, compared where they meet."""
    kept = np.flatnonzero(np.isin(doses, pair))
    given = how.among((doses == pair[1]).astype(np.intp), kept, model.groups.clusters)
    meets = np.stack([given.centres, given.doses[given.units]])
    if np.unique(meets, axis=1).shape[1] == len(np.unique(given.centres)):
        raise ConfigurationError(
            f"some value of {model.roles[question.treatment].column} never meets the baseline "
            f"{question.baseline:g} where values were exchanged ({how.words}): choose another "
            "baseline, or fewer values"
        )
    return compare_pair(
        model.values[question.outcome][kept], given, draws=draws, level=level, rng=rng
    )


def _counted(assignments: int, *, exact: bool) -> str:
    return f"all {assignments} assignments" if exact else f"{assignments} random assignments"


def _test(
    model: FittedModel, question: Question, value: float, pair: PairTest, level: float
) -> HypothesisTest:
    label, column = model.roles[question.outcome].label, model.roles[question.treatment].column
    versus = f"{column} {value:g} instead of {question.baseline:g}"
    return HypothesisTest(
        name=versus,
        null=f"{versus} changes no run's {label}, by any path (sharp null)",
        statistic=pair.t,
        p_value=pair.p_value,
        reference=(
            "size of the cluster-robust t statistic over "
            f"{_counted(pair.assignments, exact=pair.exact)}"
        ),
        alpha=1 - level,
        if_rejected=f"{versus} changes {label} in some runs (p = {pair.p_value:.2g}).",
        if_kept=f"{versus} is not shown to change {label} (p = {pair.p_value:.2g}).",
    )


def _effect(
    model: FittedModel,
    question: Question,
    value: float,
    pair: PairTest,
    how: Scheme,
    level: float,
    seed: int,
) -> Estimate:
    label, column = model.roles[question.outcome].label, model.roles[question.treatment].column
    return Estimate(
        query="randomisation.effect",
        treatment=question.treatment,
        value=value,
        baseline=question.baseline,
        estimand=(
            f"the same effect on every run: {label} under {column}={value:g} minus under "
            f"{column}={question.baseline:g}; protocol: {model.protocol}"
        ),
        estimate=pair.estimate,
        se=pair.se,
        lower=pair.lower,
        upper=pair.upper,
        level=level,
        method=(
            f"difference in means, {how.words}; randomisation test inverted, "
            f"{_counted(pair.assignments, exact=pair.exact)}; cluster-robust standard error"
        ),
        n=model.n,
        clusters=model.clusters,
        assumptions=(
            f"the treatment was assigned at random to {how.words}",
            "the effect is the same on every run (the interval alone needs this)",
        ),
        seed=seed,
    )
