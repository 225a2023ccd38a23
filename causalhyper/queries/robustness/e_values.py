"""E-values of total, direct and indirect effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import between
from causalhyper.inference.e_values import e_value, e_value_of_interval, ratio_of_difference
from causalhyper.mechanisms.bases import Array
from causalhyper.mechanisms.grouping import context_means
from causalhyper.queries.experiment import Experiment, Progress, make_experiment, natural_world
from causalhyper.queries.mediation import collect_mediation, mediation_worlds
from causalhyper.queries.robustness.findings import Finding, Verdict, farthest_value
from causalhyper.results import Estimate
from causalhyper.scm.model import FittedModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Scale = Literal["difference", "ratio"]

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
LEAST = 1.5
"""An interval whose E-value is below this is fragile."""


@dataclass(frozen=True, slots=True)
class EValue:
    """One effect's E-value.

    Attributes
    ----------
    query : str
        Such as "mediate.indirect".
    subject : str
        The mediator; "" for total effects.
    value, baseline : float
    estimate, lower, upper : float
        The effect: a difference of means, or a log ratio of means.
    ratio, ratio_lower, ratio_upper : float
        Its risk ratio.
    e_value : float
        Of the risk ratio.
    e_value_interval : float
        Of the interval's end nearest 1; 1 where the interval holds 1.
    """

    query: str
    subject: str
    value: float
    baseline: float
    estimate: float
    lower: float
    upper: float
    ratio: float
    ratio_lower: float
    ratio_upper: float
    e_value: float
    e_value_interval: float


@dataclass(frozen=True, slots=True)
class EValues:
    """E-values of the total effect and of those through mediators.

    Attributes
    ----------
    scale : {"difference", "ratio"}
    sd : float
        The outcome's standard deviation that differences are measured in; NaN for ratios.
    values : tuple of EValue
    assumptions : tuple of str
    assigned : bool
        Whether the treatment was assigned: then no unmeasured cause can explain the total effect
        by design, and only what goes through mediators is in question.
    """

    scale: Scale
    sd: float
    values: tuple[EValue, ...]
    assumptions: tuple[str, ...]
    assigned: bool

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One an effect at the treatment value farthest from the baseline.

        Natural effects, and those that are zero or the total by construction, are left to the
        frame.
        """
        asked = [v for v in self.values if v.value == self._widest()]
        empty = {v.subject for v in asked if v.lower == v.upper}
        wanted = ("effect_curve.graph", "mediate.direct", "mediate.indirect")
        if self.scale == "ratio":
            wanted = ("effect_curve.graph", "mediate.natural_direct", "mediate.natural_indirect")
        return tuple(_read(self, v) for v in asked if v.query in wanted and v.subject not in empty)

    def _widest(self) -> float:
        return farthest_value([v.value for v in self.values], self.values[0].baseline)

    def to_frame(self) -> pd.DataFrame:
        """One row an effect and treatment value; columns of `EValue`."""
        names = [f.name for f in fields(EValue)]
        return pd.DataFrame([[getattr(v, n) for n in names] for v in self.values], columns=names)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the logarithms of the risk ratios with their intervals."""
        from causalhyper.figures import plot_forest

        rows = [
            {
                "label": " ".join(filter(None, [v.query.partition(".")[2], v.subject])),
                "group": f"{v.value:g} against {v.baseline:g}",
                "estimate": np.log(v.ratio),
                "lower": np.log(v.ratio_lower),
                "upper": np.log(v.ratio_upper),
            }
            for v in sorted(self.values, key=lambda v: v.value)
        ]
        return plot_forest(pd.DataFrame(rows), xlabel="log risk ratio", ax=ax)

    def summary(self) -> str:
        """The findings as text, and what they rest on."""
        return "\n".join([*(str(f) for f in self.findings), *self.assumptions])


def e_values(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    at: Sequence[float],
    baseline: float,
    mediators: Sequence[str] | None = None,
    scale: Scale = "difference",
    sd: float | None = None,
    draws: int = 500,
    seed: int = 1,
    level: float = 0.95,
    progress: Progress | None = None,
) -> EValues:
    """How strong an unmeasured cause must be, as a risk ratio, to explain an effect.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    at : sequence of float
        Values of the treatment's column.
    baseline : float
    mediators : sequence of str, optional
        By default every node between treatment and outcome, one at a time.
    scale : {"difference", "ratio"}
        Whether effects are standardised differences of a continuous outcome, or ratios of means
        of an outcome in (0, 1), such as a share of successes.
    sd : float, optional
        Standard deviation of a continuous outcome; by default the one within contexts, which
        holds the treatment's effect too and so errs on the side of small E-values.
    draws : int
        Cluster-bootstrap replicates.
    seed : int
    level : float
    progress : callable, optional

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
        model, treatment, outcome, at=at, baseline=baseline, draws=draws, seed=seed, level=level
    )
    inside = between(model.graph, treatment, outcome)
    chosen = inside if mediators is None else tuple(mediators)
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


def _own(e: Estimate) -> bool:
    return e.query not in ("mediate.total", "mediate.remainder")


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
        baseline=e.baseline,
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


def _read(found: EValues, v: EValue) -> Finding:
    where = f" through {v.subject}" if v.subject else ""
    name = v.query.partition(".")[2].replace("_", " ") if v.subject else "total"
    reading = (
        f"risk ratio {v.ratio:.3g} [{v.ratio_lower:.3g}, {v.ratio_upper:.3g}] at {v.value:g}: "
        f"E-value {v.e_value:.2f}, of its interval {v.e_value_interval:.2f}"
    )
    if not v.subject and found.assigned:
        reading += "; the treatment was assigned, so that the design's contrast needs none"
    verdict: Verdict = "holds" if v.e_value_interval >= LEAST else "is fragile"
    if v.lower <= 0 <= v.upper:
        verdict = "does not apply"
        reading += "; its interval holds no effect already, so that nothing is to be explained"
    return Finding(f"E-value ({name}{where})", "an unmeasured cause explains it", reading, verdict)
