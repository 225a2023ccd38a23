"""Prepare an experiment: check the question, find what holds it to account, draw replicates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from causalhyper.arrays import Array, Flags
from causalhyper.queries.experiments.adjustment import Adjustment, find_adjustment
from causalhyper.queries.experiments.assumptions import refuse_confounding
from causalhyper.queries.experiments.design import find_design
from causalhyper.queries.experiments.experiment import Experiment
from causalhyper.queries.experiments.questions import Question, ask
from causalhyper.queries.experiments.resampling import resample_model
from causalhyper.scm.draws import make_sampler
from causalhyper.scm.model import FittedModel

SIMULATED = 512
"""Simulated runs a world and a replicate, at least; at most four times as many."""


def make_experiment(
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
    through_graph: bool = True,
) -> Experiment:
    """Check a question and draw the replicates that answer it.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes; the treatment an ancestor of the outcome.
    at : sequence of float
        Values to compare, in the unit of the treatment's column, within the range of the runs;
        the baseline itself is left out, repeated values count once.
    baseline : float
    draws : int
        Bootstrap replicates.
    seed : int
        Not negative; the same seed gives the same replicates in every query.
    level : float
        Of the intervals, in (0, 1).
    interval : str
        One of `causalhyper.queries.experiments.uncertainty.INTERVALS`.
    through_graph : bool
        Whether the answer is simulated through the hypergraph, which no unmeasured common cause
        may stand in the way of.

    Returns
    -------
    Experiment

    Raises
    ------
    ConfigurationError
        If a node is unknown, the outcome is no effect of the treatment, a value lies outside
        the range of the runs, or intervals of that kind cannot be made.
    NotIdentifiedError
        If an unmeasured common cause stands in the way.
    """
    question = ask(model, treatment, outcome, at, baseline)
    if through_graph:
        refuse_confounding(model, (treatment,), outcome)
    no_design = _no_design(model, question)
    design = None if no_design else find_design(model, treatment, outcome, question.grid(model))
    found = find_adjustment(model, question)
    adjustment = found if isinstance(found, Adjustment) else None

    def enough(weights: Array) -> Flags:
        parts = [part.enough(weights) for part in (design, adjustment) if part is not None]
        return np.all(parts, axis=0) if parts else np.ones(len(weights), dtype=bool)

    drawn = resample_model(
        model, draws=draws, seed=seed, level=level, interval=interval, enough=enough
    )
    simulated = count_simulated(model.n)
    sampler = make_sampler(model, simulated, drawn.first)
    return Experiment(
        model=model,
        question=question,
        replicates=drawn.replicates,
        uncertainty=drawn.uncertainty,
        sampler=sampler,
        twin=make_sampler(model, simulated, drawn.second, like=sampler),
        design=design,
        no_design=no_design,
        adjustment=adjustment,
        no_adjustment=found if isinstance(found, str) else "",
    )


def _no_design(model: FittedModel, question: Question) -> str:
    """Why the runs hold no contrast of their own; "" if they do."""
    if causes := model.graph.parents(question.treatment):
        return (
            f"{question.treatment} has causes in {model.graph} ({', '.join(causes)}): it was not "
            "assigned, so the design has no contrast of it"
        )
    if question.never_run:
        column = model.roles[question.treatment].column
        values = ", ".join(f"{v:g}" for v in question.never_run)
        return f"no run has {column} = {values}: the design says nothing there"
    return ""


def count_simulated(n: int) -> int:
    """Simulated runs for a sample of n: a multiple of n where that is affordable.

    Then the model as fitted draws every observed run equally often where clusters and contexts
    are of equal size, and the means of what is drawn are exact.
    """
    return min(n * -(-SIMULATED // n), 4 * SIMULATED)
