"""From replicates of utilities to a ranking of the values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.inference.best_set import Selection, select_best
from causalhyper.queries.experiments.assumptions import DESIGN_ASSUMES, GRAPH_ASSUMES
from causalhyper.queries.experiments.experiment import Experiment
from causalhyper.queries.policies.costs import Prices
from causalhyper.queries.policies.ranking import Choice, Ranking
from causalhyper.queries.policies.utilities import Utilities
from causalhyper.results import Estimate


@dataclass(frozen=True, slots=True)
class _Ranker:
    """What all estimates of one population share."""

    e: Experiment
    u: Utilities
    assumes: tuple[str, ...]

    @property
    def values(self) -> tuple[float, ...]:
        return (self.e.baseline, *self.e.at)

    def means(
        self, query: str, quantities: Array, form: Callable[[str], str], how: str, size: float
    ) -> Sequence[Estimate]:
        """Estimates of what each value has, shape (replicates, d), made of numbers of a size."""
        found = self.u.uncertainty.bands(quantities, size)
        ends = np.stack([quantities[0], found.se, found.lower, found.upper], axis=1)
        return [
            self.made(query, value, None, form(self.do(value)), row, how, df=float(df))
            for value, row, df in zip(self.values, ends, found.df, strict=True)
        ]

    def gaps(self, best: Selection, form: Callable[[str], str]) -> Sequence[Estimate]:
        """Each value less the best of the others, with the constrained intervals."""
        ends = np.stack([best.gap, best.gap_se, best.gap_lower, best.gap_upper], axis=1)
        spread = self.u.uncertainty
        how = (
            "multiple comparisons with the best, max-t; cluster bootstrap "
            f"({spread.replicates} replicates), t({spread.df})"
        )
        return [
            self.made(
                "policy.gap",
                value,
                self.values[best.rivals[i]],
                f"{form(self.do(value))} - max over the other values of the same",
                ends[i],
                how,
            )
            for i, value in enumerate(self.values)
        ]

    def do(self, value: float) -> str:
        """The intervention in words."""
        column = self.e.model.roles[self.e.treatment].column
        return f"do({column}={value:g})" + (f", {self.u.context}" if self.u.context else "")

    def made(
        self,
        query: str,
        value: float,
        baseline: float | None,
        estimand: str,
        ends: Array,
        how: str,
        df: float | None = None,
    ) -> Estimate:
        """One estimate from (estimate, se, lower, upper); a mean has no baseline."""
        e = self.e
        never = [v for v in e.question.never_run if v in (value, baseline)]
        column = e.model.roles[e.treatment].column
        return Estimate(
            query=query,
            treatment=e.treatment,
            value=value,
            baseline=baseline,
            estimand=f"{estimand}; protocol: {e.model.protocol}",
            estimate=float(ends[0]),
            se=float(ends[1]),
            lower=float(ends[2]),
            upper=float(ends[3]),
            level=e.uncertainty.level,
            method=how,
            n=self.u.n,
            clusters=self.u.clusters,
            assumptions=(
                *self.assumes,
                *(f"no run has {column} = {v:g}: interpolated" for v in sorted(never)),
            ),
            seed=e.uncertainty.seed,
            subject=self.u.context,
            df=df,
        )


def rank_values(
    e: Experiment, u: Utilities, prices: Prices, *, estimator: str, maximise: bool
) -> Ranking:
    """Rank the values in one population.

    Parameters
    ----------
    e : Experiment
    u : Utilities
    prices : Prices
    estimator : str
        "graph" or "design".
    maximise : bool

    Returns
    -------
    Ranking
    """
    ranker = _Ranker(e, u, GRAPH_ASSUMES if estimator == "graph" else DESIGN_ASSUMES)
    label = e.model.roles[e.outcome].label
    gain = f"{'' if maximise else '-'}E[{label} | {{}}]"
    worth = gain if prices.free else f"{gain} - cost({{}})"
    paid = f"{'as given' if prices.given else 'means within blocks'}; {u.uncertainty}"

    def named(form: str) -> Callable[[str], str]:
        return lambda do: form.replace("{}", do)

    costly = float(np.abs(u.cost[0]).max())
    size = max(e.size, costly)
    best = select_best(
        u.utility[0],
        u.uncertainty.draws(u.utility),
        df=u.uncertainty.df,
        level=e.uncertainty.level,
        seed=e.uncertainty.seed,
        size=size,
    )
    how = f"{u.how}; {u.uncertainty}"
    outcome = ranker.means("policy.outcome", u.outcome, named(f"E[{label} | {{}}]"), how, e.size)
    cost = ranker.means("policy.cost", u.cost, named(f"E[{prices} | {{}}]"), paid, costly)
    utility = ranker.means("policy.utility", u.utility, named(worth), how, size)
    gaps = ranker.gaps(best, named(worth))
    choices = [
        Choice(
            value=value,
            outcome=outcome[i],
            utility=utility[i],
            cost=None if prices.free else cost[i],
            gap=gaps[i],
            probability_best=float(best.probability[i]),
            expected_regret=float(best.regret[i]),
            regret_upper=float(best.regret_upper[i]),
            rank=int(best.rank[i]),
            may_be_best=bool(best.kept[i]),
        )
        for i, value in enumerate(ranker.values)
    ]
    return Ranking(u.context, tuple(choices))
