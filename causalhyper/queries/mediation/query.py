"""Mediation: how much of an effect goes through a mediator, in identified and natural senses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import intercepts
from causalhyper.progress import Progress
from causalhyper.queries.experiments.assumptions import GRAPH_ASSUMES, warn_beyond
from causalhyper.queries.experiments.experiment import Experiment, natural_world
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.queries.mediation.couplings import COUPLED, Coupling, alternative
from causalhyper.queries.mediation.result import Mediation
from causalhyper.queries.mediation.worlds import find_witnesses, mediation_worlds, world_key
from causalhyper.scm.model import FittedModel

__all__ = ["Mediation", "collect_mediation", "mediate", "mediation_worlds"]

WORLDS = {
    "total": (),
    "direct": ("fixed",),
    "indirect": ("moving", "fixed"),
    "remainder": ("moving", "fixed"),
    "natural_direct": ("nested",),
    "natural_indirect": ("nested",),
    "natural_direct_total": ("carried",),
    "natural_indirect_pure": ("carried",),
    "mediated_interaction": ("nested", "carried"),
    "controlled_direct": ("controlled",),
    "reference_interaction": ("nested", "controlled"),
    "natural_coupling": ("nested", "nested, other coupling"),
}
"""The worlds that each effect compares beside the natural one."""
IDENTIFIED = ("total", "direct", "indirect", "remainder", "controlled_direct")
"""Effects that need no cross-world assumption."""


def mediate(
    model: FittedModel,
    treatment: str,
    outcome: str,
    mediators: str | Sequence[str],
    *,
    at: Sequence[float],
    baseline: float,
    controlled: Mapping[str, float] | None = None,
    coupling: Coupling = "shared",
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "t",
    progress: Progress | None = None,
) -> Mediation:
    """Split the effect of a treatment into what goes through a mediator and what does not.

    With M~(b) a random draw of the mediators from their distribution under do(b) in the same
    context, independent of everything else:

    - direct: E[Y(b, M~(b0))] - E[Y(b0, M~(b0))];
    - indirect: E[Y(b, M~(b))] - E[Y(b, M~(b0))];
    - natural effects: the same with the run's own M(b0) and M(b), which compares worlds that no
      experiment shows together; pure ones start from Y(b0), total ones end at Y(b);
    - controlled direct: E[Y(b, m)] - E[Y(b0, m)] with the mediators held at m.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes. The treatment may itself have causes.
    mediators : str or sequence of str
        Nodes between treatment and outcome. Several are drawn jointly.
    at : sequence of float
        Values of the treatment's column, within the range of the runs.
    baseline : float
        The value that the others are compared with.
    controlled : mapping of str to float, optional
        A value for each mediator in the unit of its column: adds the controlled direct effect
        and the four-way decomposition with it as reference.
    coupling : {"shared", "independent", "antithetic"}
        How the noise of a recanting witness hangs together between the worlds that are compared.
        It matters only where there is such a witness; then what another coupling would change is
        reported beside.
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
    Mediation

    Raises
    ------
    ConfigurationError
        If a mediator is not between treatment and outcome, or a value lies outside the runs.

    Notes
    -----
    Source: VanderWeele, Vansteelandt and Robins 2014, "Effect decomposition in the presence of
    an exposure-induced mediator-outcome confounder"; Pearl 2001, "Direct and indirect effects";
    Robins and Greenland 1992 (pure and total effects); VanderWeele 2014, "A unification of
    mediation and interaction: a four-way decomposition".

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from causalhyper import LINEAR, fit
    >>> rng = np.random.default_rng(0)
    >>> b = np.tile([1.0, 2.0, 4.0], 20)
    >>> n = 2 * b + rng.normal(size=60)
    >>> runs = pd.DataFrame({"run_id": range(60), "k": np.repeat(range(20), 3), "b": b, "n": n})
    >>> runs["g"] = 3 * b - n + 0.1 * rng.normal(size=60)
    >>> roles = {"B": "b", "N": "n", "G": "g"}
    >>> model = fit("B -> N; B -> G; N -> G", runs.astype({"run_id": str}), roles,
    ...             protocol="equal epochs", cluster="k", mechanisms=LINEAR)
    >>> found = mediate(model, "B", "G", "N", at=[4], baseline=1, draws=100)
    >>> round(found.direct[0].estimate), round(found.indirect[0].estimate)
    (9, -6)
    """
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
    names = read_mediators(mediators)
    builders = mediation_worlds(experiment, names, coupling, controlled)
    means = experiment.means({"natural": natural_world, **builders}, progress)
    beyond = experiment.extrapolated(builders)
    return collect_mediation(experiment, names, means, beyond, coupling, controlled or {})


def read_mediators(mediators: object) -> tuple[str, ...]:
    """Names of mediators, of which one may stand alone."""
    given = (mediators,) if isinstance(mediators, str) else mediators
    names = tuple(given) if isinstance(given, Iterable) else ()
    if not isinstance(given, Iterable) or not all(isinstance(v, str) for v in names):
        raise ConfigurationError(
            f"mediators must be nodes such as 'S' or ['N', 'S'], got {mediators!r}"
        )
    if len(set(names)) < len(names):
        raise ConfigurationError(
            f"the mediators {', '.join(names)} name a node twice: name each once"
        )
    return names


def collect_mediation(
    e: Experiment,
    names: tuple[str, ...],
    means: Mapping[str, Array],
    beyond: Mapping[str, float],
    coupling: Coupling = "shared",
    controlled: Mapping[str, float] | None = None,
) -> Mediation:
    """The mediation from the means of the natural world and of its own, by key.

    Parameters
    ----------
    e : Experiment
    names : tuple of str
        The mediators.
    means : mapping of str to ndarray, shape (replicates, d)
    beyond : mapping of str to float
        Share of simulated runs beyond the observed ones in each world.
    coupling : {"shared", "independent", "antithetic"}
    controlled : mapping of str to float, optional

    Returns
    -------
    Mediation
    """
    held = {v: (controlled or {})[v] for v in names} if controlled else {}
    witnesses = find_witnesses(e, names)
    worlds = {
        world: means[world_key(world, names)]
        for world in dict.fromkeys(w for compared in WORLDS.values() for w in compared)
        if world_key(world, names) in means
    }
    effects = {}
    for name, (quantities, form) in _contrasts(means["natural"], worlds, held, coupling).items():
        shares = [beyond[world_key(world, names)] for world in WORLDS[name]]
        effects[name] = e.estimates(
            f"mediate.{name}",
            quantities,
            estimand=_estimand(e, names, form),
            method=f"g-formula through {e.model.graph}; {e.interval}",
            assumptions=_assumptions(name, witnesses, max(shares, default=0.0), coupling),
            subject=", ".join(names),
        )
    return Mediation(
        outcome=e.model.roles[e.outcome].label,
        protocol=e.model.protocol,
        mediators=names,
        controlled=tuple(held.items()),
        coupling=coupling,
        witnesses=witnesses,
        note=_note(e, names),
        extrapolated=max(beyond[world_key(world, names)] for world in worlds),
        **{name: effects.get(name, ()) for name in WORLDS},
    )


Contrasts = dict[str, tuple[Array, str]]


def _contrasts(
    natural: Array, worlds: Mapping[str, Array], held: Mapping[str, float], coupling: Coupling
) -> Contrasts:
    """Each effect in each replicate, with its formula."""
    fixed, moving = worlds["fixed"], worlds["moving"]
    nested, carried = worlds["nested"][:, 1:], worlds["carried"][:, 1:]
    start, end = natural[:, :1], natural[:, 1:]
    total = end - start
    direct = fixed[:, 1:] - fixed[:, :1]
    indirect = moving[:, 1:] - fixed[:, 1:]
    found: Contrasts = {
        "total": (total, "E[Y(b)] - E[Y(b0)]"),
        "direct": (direct, "E[Y(b, M~(b0))] - E[Y(b0, M~(b0))]"),
        "indirect": (indirect, "E[Y(b, M~(b))] - E[Y(b, M~(b0))]"),
        "remainder": (total - direct - indirect, "total - direct - indirect"),
        "natural_direct": (nested - start, "E[Y(b, M(b0))] - E[Y(b0)]"),
        "natural_indirect": (end - nested, "E[Y(b)] - E[Y(b, M(b0))]"),
        "natural_direct_total": (end - carried, "E[Y(b)] - E[Y(b0, M(b))]"),
        "natural_indirect_pure": (carried - start, "E[Y(b0, M(b))] - E[Y(b0)]"),
        "mediated_interaction": (
            end - nested - carried + start,
            "E[Y(b)] - E[Y(b, M(b0))] - E[Y(b0, M(b))] + E[Y(b0)]",
        ),
    }
    if "controlled" in worlds:
        m = ", ".join(f"{v}={x:g}" for v, x in held.items())
        controlled = worlds["controlled"][:, 1:] - worlds["controlled"][:, :1]
        found["controlled_direct"] = (controlled, f"E[Y(b, m)] - E[Y(b0, m)], m: {m}")
        found["reference_interaction"] = (
            nested - start - controlled,
            f"E[Y(b, M(b0))] - E[Y(b0)] - E[Y(b, m)] + E[Y(b0, m)], m: {m}",
        )
    if "nested, other coupling" in worlds:
        other = worlds["nested, other coupling"][:, 1:]
        form = f"E[Y(b, M(b0))] with {alternative(coupling)} noise less that with {coupling} noise"
        found["natural_coupling"] = (other - nested, form)
    return found


def _estimand(e: Experiment, names: tuple[str, ...], form: str) -> Callable[[float], str]:
    label, column = e.model.roles[e.outcome].label, e.model.roles[e.treatment].column
    subject = ", ".join(names)
    return lambda value: (
        f"{form}, Y={label}, M={{{subject}}}, {column} b={value:g}, b0={e.baseline:g}"
    )


def _assumptions(
    name: str, witnesses: tuple[str, ...], beyond: float, coupling: Coupling
) -> tuple[str, ...]:
    out = list(GRAPH_ASSUMES)
    if name not in IDENTIFIED:
        out.append(f"cross-world: {COUPLED[coupling]}")
        if witnesses:
            out.append(
                f"not identified without the model: {', '.join(witnesses)} is an effect of the "
                "treatment and a cause of mediator and outcome (recanting witness)"
            )
    return (*out, *warn_beyond(beyond))


def _note(e: Experiment, names: tuple[str, ...]) -> str:
    if not intercepts(e.model.graph, e.treatment, e.outcome, set(names)):
        return ""
    return (
        f"Every directed path from {e.treatment} to {e.outcome} goes through "
        f"{{{', '.join(names)}}}: the direct effect is zero by construction"
    )
