"""E-values of total, direct and indirect effects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import between
from causalhyper.inference.e_values import e_value, e_value_of_interval, ratio_of_difference
from causalhyper.mechanisms.grouping import context_means
from causalhyper.progress import Progress
from causalhyper.queries.experiments.experiment import Experiment, natural_world
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.queries.mediation.query import collect_mediation, mediation_worlds, read_mediators
from causalhyper.queries.robustness.e_value_results import EValue, EValues, Scale
from causalhyper.results import Estimate
from causalhyper.scm.model import FittedModel

DIFFERENCE_ASSUMES = (
    "a continuous outcome near normal with equal spread: its risk ratio, cut near the median, is "
    "exp(0.91 difference / sd)"
)
RATIO_ASSUMES = (
    "risk ratios are of the mean outcome, a share in (0, 1); of a frequent outcome they depend on "
    "whether successes or failures are counted"
)
CONFOUNDING = (
    "an unmeasured cause with risk ratios of this size with what is caused and with what causes "
    "it, beyond what is measured, could explain the effect, and a weaker one could not"
)


def e_values(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    at: Sequence[float],
    baseline: float,
    mediators: str | Sequence[str] | None = None,
    scale: Scale = "difference",
    sd: float | None = None,
    draws: int = 500,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "t",
    progress: Progress | None = None,
) -> EValues:
    """How strong an unmeasured cause must be, as a risk ratio, to explain an effect.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    at : sequence of float
        Values of the treatment's column, within the range of the runs.
    baseline : float
        The value that the others are compared with.
    mediators : str or sequence of str, optional
        Nodes between treatment and outcome. One at a time, by default every one.
    scale : {"difference", "ratio"}
        Whether effects are standardised differences of a continuous outcome, or ratios of means
        of an outcome in (0, 1), such as a share of successes.
    sd : float, optional
        Standard deviation of the outcome. By default the one within contexts, which holds the
        treatment's effect too and so errs on the side of small E-values.
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
    EValues

    Raises
    ------
    ConfigurationError
        If the question does not fit the model, or means are not in (0, 1) on the ratio scale.

    Notes
    -----
    Source: VanderWeele and Ding 2017; for effects through a mediator Smith and VanderWeele 2019,
    "Mediational E-values: approximate sensitivity analysis for unmeasured mediator-outcome
    confounding", Epidemiology 30.
    """
    if scale not in ("difference", "ratio"):
        raise ConfigurationError(f"the scale is 'difference' or 'ratio', got {scale!r}")
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
    inside = between(model.graph, treatment, outcome)
    chosen = inside if mediators is None else read_mediators(mediators)
    builders = {k: b for v in chosen for k, b in mediation_worlds(experiment, (v,)).items()}
    means = experiment.means({"natural": natural_world, **builders}, progress)
    assigned = experiment.design is not None
    if scale == "ratio":
        values = _ratios(experiment, chosen, means)
        return EValues(scale, float("nan"), values, (RATIO_ASSUMES, CONFOUNDING), assigned)
    beyond = dict.fromkeys(builders, 0.0)
    spread = _spread(model, outcome) if sd is None else float(sd)
    parts = [collect_mediation(experiment, (v,), means, beyond) for v in chosen]
    total = _total(experiment, means["natural"])
    effects = [*total, *(e for p in parts for e in p.estimates if _own(e))]
    values = tuple(_from_difference(e, spread) for e in effects)
    return EValues(scale, spread, values, (DIFFERENCE_ASSUMES, CONFOUNDING), assigned)


_PARTS = ("direct", "indirect", "natural_direct", "natural_indirect")
"""Effects of a mediation that get an E-value."""


def _own(e: Estimate) -> bool:
    return e.query.partition(".")[2] in _PARTS


def _total(experiment: Experiment, natural: Array) -> tuple[Estimate, ...]:
    return experiment.estimates(
        "effect_curve.graph",
        natural[:, 1:] - natural[:, :1],
        estimand=lambda value: f"E[Y | do({value:g})] - E[Y | do({experiment.baseline:g})]",
        method=f"g-formula through {experiment.model.graph}; {experiment.interval}",
        assumptions=(),
    )


def _spread(model: FittedModel, outcome: str) -> float:
    """Standard deviation of the outcome within contexts."""
    values = model.values[outcome][:, None]
    away = values - context_means(values, model.groups)[model.groups.contexts]
    return float(np.sqrt((away**2).sum() / (model.n - model.groups.context_count)))


def _from_difference(e: Estimate, sd: float) -> EValue:
    ratio, low, high = (float(ratio_of_difference(x, sd)) for x in (e.estimate, e.lower, e.upper))
    return _make(e, ratio, low, high)


def _make(e: Estimate, ratio: float, low: float, high: float) -> EValue:
    return EValue(
        query=e.query,
        subject=e.subject,
        value=e.value,
        baseline=e.against,
        estimate=e.estimate,
        lower=e.lower,
        upper=e.upper,
        ratio=ratio,
        ratio_lower=low,
        ratio_upper=high,
        e_value=float(e_value(ratio)),
        e_value_interval=float(e_value_of_interval(low, high)),
    )


def _ratios(
    experiment: Experiment, mediators: Sequence[str], means: dict[str, Array]
) -> tuple[EValue, ...]:
    """Log ratios of means: total, and natural direct and indirect by mediator."""
    worst = [float(m.min()) for m in means.values()] + [1 - float(m.max()) for m in means.values()]
    if min(worst) <= 0:
        raise ConfigurationError(
            "ratios are of means in (0, 1), such as shares of successes; some simulated mean lies "
            "outside: use scale='difference'"
        )
    natural = np.log(means["natural"])
    asked = [("effect_curve.graph", "", natural[:, 1:] - natural[:, :1])]
    for v in mediators:
        nested = np.log(means[f"mediate {v}: nested"])
        asked.append(("mediate.natural_direct", v, nested[:, 1:] - natural[:, :1]))
        asked.append(("mediate.natural_indirect", v, natural[:, 1:] - nested[:, 1:]))
    out = []
    for query, subject, logs in asked:
        made = experiment.estimates(
            query,
            logs,
            estimand=lambda value: f"log ratio of means, {value:g}",
            method=experiment.interval,
            assumptions=(),
            subject=subject,
        )
        out += [_make(e, *map(float, np.exp([e.estimate, e.lower, e.upper]))) for e in made]
    return tuple(out)
