"""Policies: which treatment value to use, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.progress import Progress
from causalhyper.queries.effects.query import collect_curve
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.queries.experiments.questions import read_numbers
from causalhyper.queries.policies.costs import Cost, Prices, read_cost
from causalhyper.queries.policies.matched_runs import match_runs
from causalhyper.queries.policies.rank_values import rank_values
from causalhyper.queries.policies.ranking import RANKING, Ranking, describe_ranking, to_rows
from causalhyper.queries.policies.utilities import collect_utilities, find_populations
from causalhyper.results import Estimate, EstimateResult, HypothesisTest
from causalhyper.scm.model import FittedModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ESTIMATORS = ("graph", "design")


@dataclass(frozen=True, slots=True)
class Policy(EstimateResult):
    """Which value of the treatment has the highest utility: mean outcome less cost.

    Attributes
    ----------
    protocol : str
    column : str
        The treatment's column.
    aim : str
        What is maximised, in words.
    estimator : str
        "graph" or "design".
    overall : Ranking
        Of the values, in all runs.
    by : str
        The context column of `contexts`, or "".
    contexts : tuple of Ranking
        One for each value of that column.
    pooling : str
        What contexts share, in words; "" without any.
    test : HypothesisTest or None
        That the hypergraph's curve is the design's; None where the estimator is the design.
    level : float
        Confidence of the intervals and of the set that holds the best.
    """

    protocol: str
    column: str
    aim: str
    estimator: str
    overall: Ranking
    by: str
    contexts: tuple[Ranking, ...]
    pooling: str
    test: HypothesisTest | None
    level: float

    @property
    def recommended(self) -> float:
        """The value with the highest estimated utility, which has the least expected regret."""
        return self.overall.recommended

    @property
    def best_set(self) -> tuple[float, ...]:
        """Values that cannot be told apart from the best; at the level they hold the best."""
        return self.overall.best_set

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Outcome, cost, utility and gap of every value, overall and then context by context."""
        rankings = (self.overall, *self.contexts)
        return tuple(e for r in rankings for c in r.choices for e in c.estimates)

    @property
    def verdict(self) -> str:
        """The recommendation, how sure it is, and where contexts differ, in words."""
        parts = [
            f"Under the protocol “{self.protocol}”, {describe_ranking(self.overall, self.column)}"
        ]
        differing = [r for r in self.contexts if self.recommended not in r.best_set]
        if differing:
            found = ", ".join(f"{r.context} ({r.recommended:g})" for r in differing)
            parts.append(f"It is shown not to be the best at {self.by} = {found}.")
        elif self.contexts:
            parts.append(f"No {self.by} is shown to need another value.")
        if self.test is not None and self.test.rejected:
            parts.append(f"{self.test.reading} Ask for the design's estimator.")
        return " ".join(parts)

    def table(self) -> pd.DataFrame:
        """One row a value (overall, then context by context); columns `RANKING`."""
        rows = [row for r in (self.overall, *self.contexts) for row in to_rows(r)]
        return pd.DataFrame(rows, columns=list(RANKING))

    def plot(self, ax: Axes | None = None, *, context: str = "") -> Axes:
        """Draw utilities and probabilities of being best, of all runs or of one context."""
        from causalhyper.figures import plot_policy

        table = self.table()
        drawn = table[table["context"] == context]
        return plot_policy(drawn, xlabel=self.column, ylabel=self.aim, title=context, ax=ax)

    def summary(self) -> str:
        """The ranking as text, ending in the verdict."""
        lines = [f"{self.aim} ({self.estimator}; {self.protocol})"]
        for ranking in (self.overall, *self.contexts):
            where = f"{self.by} = {ranking.context}" if ranking.context else "all runs"
            lines += [f"{where}:", *(f"  {c.line(ranking.digits)}" for c in ranking.choices)]
        return "\n".join([*lines, *([self.pooling] if self.pooling else []), self.verdict])


def policy(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    at: Sequence[float],
    cost: Cost | None = None,
    runs: pd.DataFrame | None = None,
    maximise: bool = True,
    by: str | None = None,
    estimator: str = "graph",
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "bootstrap",
    progress: Progress | None = None,
) -> Policy:
    """Find the b with the highest E[outcome | do(b)] - cost(b), and say how sure that is.

    Outcome and cost come from the same resamples of clusters, so that what they have in common
    counts. The best is given as an estimate and as a set: the values that multiple comparisons
    with the best cannot tell apart from it.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    at : sequence of float
        Values of the treatment's column, within the range of the runs. At least two, to choose
        from.
    cost : mapping, optional
        Column to price of one unit, in units of the outcome as it is analysed, such as
        ``{"wall_seconds": 1e-5}``: the mean of the column at each value, within the design's
        blocks. Or treatment value to cost, known without error.
    runs : DataFrame, optional
        The frame that was fitted, rows in any order. Needed for priced columns.
    maximise : bool
        Whether more of the outcome is better; the utility is minus the outcome otherwise.
    by : str, optional
        What groups runs. A context column of the model: the values are ranked in each of its
        groups as well.
    estimator : str
        "graph" answers through the hypergraph, "design" within blocks.
    draws : int
        Cluster-bootstrap replicates.
    seed : int
        Of everything random, not negative.
    level : float
        Confidence of the intervals, in (0, 1).
    interval : str
        Kind of interval: "t" (cluster-robust, right with few clusters), "jackknife", "bootstrap",
        "percentile", "basic", "bca" or "studentized"; docs/intervals.md says which when. Of means;
        the set of the best is always the bootstrap's.
    progress : callable, optional
        Called with the share of the work done, in [0, 1].

    Returns
    -------
    Policy

    Raises
    ------
    ConfigurationError
        If the question does not fit the model, or what it needs is not given.
    DataError
        If `runs` is not the frame that was fitted, or lacks a column.

    Notes
    -----
    The set of the best, the probability of being best and the regret are those of the bootstrap
    distribution, scaled as t for few clusters, whatever the kind of interval of the means: an
    approximate confidence distribution, not a posterior. Sources:
    `causalhyper.inference.best_set`.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from causalhyper import fit
    >>> noise = np.random.default_rng(1).normal(scale=0.1, size=36)
    >>> runs = pd.DataFrame({"run_id": range(36), "seed": np.arange(36) // 3})
    >>> runs["b"] = [1.0, 2.0, 4.0] * 12
    >>> runs["g"] = runs["b"] + noise
    >>> runs["hours"] = runs["b"] ** 2
    >>> fitted = fit("B -> G", runs, {"B": "b", "G": "g"}, protocol="p", cluster="seed")
    >>> policy(fitted, "B", "G", at=[1, 2, 4], draws=100).recommended
    4.0
    >>> priced = {"cost": {"hours": 0.3}, "runs": runs}
    >>> policy(fitted, "B", "G", at=[1, 2, 4], draws=100, **priced).best_set
    (2.0,)
    """
    values = _values(at)
    prices = read_cost(cost, values)
    _check(estimator, prices, runs)
    e = make_experiment(
        model,
        treatment,
        outcome,
        at=values[1:],
        baseline=values[0],
        draws=draws,
        seed=seed,
        level=level,
        interval=interval,
        through_graph=estimator == "graph",
    )
    wanted = [*prices.columns, *([by] if by else [])]
    matched = match_runs(model, runs, wanted) if wanted and runs is not None else None
    populations = find_populations(e, by)
    found = collect_utilities(
        e, estimator, prices, matched, populations, maximise=maximise, progress=progress
    )
    rankings = [rank_values(e, u, prices, estimator=estimator, maximise=maximise) for u in found]
    return Policy(
        protocol=model.protocol,
        column=model.roles[treatment].column,
        aim=_aim(model.roles[outcome].label, prices, maximise=maximise),
        estimator=estimator,
        overall=rankings[0],
        by=by or "",
        contexts=tuple(rankings[1:]),
        pooling=_pooling(estimator) if by else "",
        test=collect_curve(e, found[0].outcome).test if estimator == "graph" else None,
        level=level,
    )


def _values(at: Sequence[float]) -> tuple[float, ...]:
    values = read_numbers("at", at)
    if len(values) < 2:
        raise ConfigurationError(f"a choice needs at least two different values, got {list(at)}")
    return values


def _check(estimator: str, prices: Prices, runs: pd.DataFrame | None) -> None:
    if estimator not in ESTIMATORS:
        raise ConfigurationError(f"estimator must be one of {ESTIMATORS}, got {estimator!r}")
    if runs is None and prices.columns:
        raise ConfigurationError(
            f"the fitted model does not keep {', '.join(prices.columns)}: give the frame that was "
            "fitted as runs="
        )


def _aim(label: str, prices: Prices, *, maximise: bool) -> str:
    gain = label if maximise else f"minus {label}"
    return gain if prices.free else f"{gain} less cost ({prices})"


def _pooling(estimator: str) -> str:
    if estimator == "design":
        return "Each context is estimated from its own runs alone: nothing is shrunk together."
    return (
        "Contexts share every mechanism's curves and differ by intercepts and by what was drawn "
        "there: their differences are shrunk as far as the hypergraph's form says."
    )
