"""Mediation: how much of an effect goes through a mediator, in identified and natural senses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.errors import CausalHyperError, ConfigurationError
from causalhyper.hypergraph import between, intercepts, recanting_witnesses
from causalhyper.mechanisms.bases import Array
from causalhyper.queries.effects import GRAPH_ASSUMES
from causalhyper.queries.experiment import (
    Builder,
    Experiment,
    Progress,
    Shared,
    make_experiment,
    natural_world,
)
from causalhyper.results import Estimate, EstimateResult
from causalhyper.scm.model import FittedModel
from causalhyper.scm.worlds import World


@dataclass(frozen=True, slots=True)
class Mediation(EstimateResult):
    """Effects through and past one mediator (or several taken together).

    Attributes
    ----------
    protocol : str
    mediators : tuple of str
    total : tuple of Estimate
        Total effect through the hypergraph, one for each treatment value.
    direct, indirect : tuple of Estimate
        Interventional (randomised-analogue) effects.
    remainder : tuple of Estimate
        Total minus direct minus indirect: what randomising the mediator loses because it breaks
        its dependence on the other effects of the treatment. Zero without such effects.
    natural_direct, natural_indirect : tuple of Estimate
        Pure natural direct and total natural indirect effect under the fitted model, with the
        noise of every node shared between the worlds; they sum to the total.
    witnesses : tuple of str
        Effects of the treatment that also cause mediator and outcome (recanting witnesses): with
        any, the natural effects are not identified without the model.
    note : str
        A direct effect of zero by construction is said here.
    extrapolated : float
        Largest share of simulated runs beyond the observed ones, over the worlds compared.
    """

    protocol: str
    mediators: tuple[str, ...]
    total: tuple[Estimate, ...]
    direct: tuple[Estimate, ...]
    indirect: tuple[Estimate, ...]
    remainder: tuple[Estimate, ...]
    natural_direct: tuple[Estimate, ...]
    natural_indirect: tuple[Estimate, ...]
    witnesses: tuple[str, ...]
    note: str
    extrapolated: float

    def __post_init__(self) -> None:
        columns = (self.total, self.direct, self.indirect, self.remainder)
        for total, direct, indirect, rest in zip(*columns, strict=True):
            parts = direct.estimate + indirect.estimate + rest.estimate
            if not np.isclose(total.estimate, parts, rtol=1e-9, atol=1e-12):
                raise CausalHyperError(
                    f"direct, indirect and remainder sum to {parts}, not to {total.estimate}"
                )
        natural = (self.total, self.natural_direct, self.natural_indirect)
        for total, direct, indirect in zip(*natural, strict=True):
            parts = direct.estimate + indirect.estimate
            if not np.isclose(total.estimate, parts, rtol=1e-9, atol=1e-12):
                raise CausalHyperError(f"natural effects sum to {parts}, not {total.estimate}")

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """All estimates: total, interventional, remainder, natural."""
        return (
            self.total
            + self.direct
            + self.indirect
            + self.remainder
            + self.natural_direct
            + self.natural_indirect
        )

    def summary(self) -> str:
        """The effects as text."""
        lines = [f"through {', '.join(self.mediators)} ({self.protocol})"]
        lines += self._lines()
        return "\n".join([*lines, self.note] if self.note else lines)


def mediate(
    model: FittedModel,
    treatment: str,
    outcome: str,
    mediators: str | Sequence[str],
    *,
    at: Sequence[float],
    baseline: float,
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
    progress: Progress | None = None,
) -> Mediation:
    """Split the effect of a treatment into what goes through a mediator and what does not.

    With M~(b) a random draw of the mediators from their distribution under do(b) in the same
    context, independent of everything else:

    - direct: E[Y(b, M~(b0))] - E[Y(b0, M~(b0))];
    - indirect: E[Y(b, M~(b))] - E[Y(b, M~(b0))];
    - natural direct and indirect: the same with the run's own M(b0) and M(b), which compares
      worlds that no experiment shows together.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    mediators : str or sequence of str
        One node, or several drawn jointly; each on a directed path from treatment to outcome.
    at : sequence of float
    baseline : float
    draws : int
    seed : int
    level : float
    progress : callable, optional

    Returns
    -------
    Mediation

    Raises
    ------
    ConfigurationError
        If a mediator is not between treatment and outcome.

    Notes
    -----
    Source: VanderWeele, Vansteelandt and Robins 2014, "Effect decomposition in the presence of
    an exposure-induced mediator-outcome confounder"; Pearl 2001, "Direct and indirect effects".
    """
    experiment = make_experiment(
        model, treatment, outcome, at=at, baseline=baseline, draws=draws, seed=seed, level=level
    )
    names = (mediators,) if isinstance(mediators, str) else tuple(mediators)
    builders = mediation_worlds(experiment, names)
    means = experiment.means({"natural": natural_world, **builders}, progress)
    return collect_mediation(experiment, names, means, experiment.extrapolated(builders))


def mediation_worlds(experiment: Experiment, names: tuple[str, ...]) -> dict[str, Builder]:
    """The worlds that a mediation compares with the natural one, by key."""
    _check(experiment, names)
    return {
        _key("fixed", names): lambda _, s: _random(s, names, fixed=True),
        _key("moving", names): lambda _, s: _random(s, names, fixed=False),
        _key("nested", names): lambda _, s: _nested(s, names),
    }


def _key(world: str, names: tuple[str, ...]) -> str:
    return f"mediate {', '.join(names)}: {world}"


def _check(experiment: Experiment, names: tuple[str, ...]) -> None:
    graph = experiment.model.graph
    graph.require(*names)
    inside = between(graph, experiment.treatment, experiment.outcome)
    if wrong := [v for v in names if v not in inside]:
        raise ConfigurationError(
            f"{', '.join(wrong)} is on no directed path from {experiment.treatment} to "
            f"{experiment.outcome}; mediators are {', '.join(inside) or 'none'}"
        )
    if not names:
        raise ConfigurationError(f"name a mediator; there are {', '.join(inside) or 'none'}")


def _random(shared: Shared, names: tuple[str, ...], *, fixed: bool) -> World:
    """The mediators drawn at random from do(baseline), or from do(the same value)."""
    drawn = {v: shared.twin_natural[v] for v in names}
    return World(do={v: x[:, :1] for v, x in drawn.items()} if fixed else drawn)


def _nested(shared: Shared, names: tuple[str, ...]) -> World:
    """The mediators as they would have been in the same run at the baseline."""
    return World(do={v: shared.natural[v][:, :1] for v in names})


def collect_mediation(
    e: Experiment, names: tuple[str, ...], means: Mapping[str, Array], beyond: Mapping[str, float]
) -> Mediation:
    """The mediation from the means of the natural world and of its own, by key."""
    graph, label = e.model.graph, e.model.roles[e.outcome].label
    subject = ", ".join(names)
    witnesses = recanting_witnesses(graph, e.treatment, set(names), e.outcome)
    natural = means["natural"]
    fixed, moving, nested = (means[_key(w, names)] for w in ("fixed", "moving", "nested"))
    extrapolated = max(beyond[_key(w, names)] for w in ("fixed", "moving", "nested"))
    total = natural[:, 1:] - natural[:, :1]
    direct = fixed[:, 1:] - fixed[:, :1]
    indirect = moving[:, 1:] - fixed[:, 1:]
    natural_direct = nested[:, 1:] - natural[:, :1]
    parts = {
        "total": (total, "E[Y(b)] - E[Y(b0)]"),
        "direct": (direct, "E[Y(b, M~(b0))] - E[Y(b0, M~(b0))]"),
        "indirect": (indirect, "E[Y(b, M~(b))] - E[Y(b, M~(b0))]"),
        "remainder": (total - direct - indirect, "total - direct - indirect"),
        "natural_direct": (natural_direct, "E[Y(b, M(b0))] - E[Y(b0)]"),
        "natural_indirect": (total - natural_direct, "E[Y(b)] - E[Y(b, M(b0))]"),
    }
    column = e.model.roles[e.treatment].column

    def made(name: str, quantities: Array, form: str) -> tuple[Estimate, ...]:
        return e.estimates(
            f"mediate.{name}",
            quantities,
            estimand=lambda value: (
                f"{form}, Y={label}, M={{{subject}}}, {column} b={value:g}, b0={e.baseline:g}"
            ),
            method=f"g-formula through {graph}; {e.interval}",
            assumptions=_assumptions(name, witnesses, extrapolated),
            subject=subject,
        )

    return Mediation(
        protocol=e.model.protocol,
        mediators=names,
        witnesses=witnesses,
        note=_note(e, names),
        extrapolated=extrapolated,
        **{name: made(name, *part) for name, part in parts.items()},
    )


def _assumptions(name: str, witnesses: tuple[str, ...], extrapolated: float) -> tuple[str, ...]:
    out = list(GRAPH_ASSUMES)
    if name.startswith("natural"):
        out.append("cross-world: the noise of every node is the same in both worlds")
        if witnesses:
            out.append(
                f"not identified without the model: {', '.join(witnesses)} is an effect of the "
                "treatment and a cause of mediator and outcome (recanting witness)"
            )
    if name not in ("total",) and extrapolated > 0.05:
        out.append(f"{extrapolated:.0%} of simulated runs lie beyond the observed ones")
    return tuple(out)


def _note(e: Experiment, names: tuple[str, ...]) -> str:
    if not intercepts(e.model.graph, e.treatment, e.outcome, set(names)):
        return ""
    return (
        f"Every directed path from {e.treatment} to {e.outcome} goes through "
        f"{{{', '.join(names)}}}: the direct effect is zero by construction"
    )
