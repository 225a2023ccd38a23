"""Path-specific effects: what of an effect travels along which directed paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from causalhyper.mechanisms.bases import Array
from causalhyper.queries.assumptions import GRAPH_ASSUMES, warn_beyond
from causalhyper.queries.couplings import COUPLED, Coupling, alternative, check_coupling
from causalhyper.queries.experiment import Builder, Experiment, Progress, natural_world
from causalhyper.queries.nested import Routes, find_routes, nested_world
from causalhyper.queries.path_groups import Paths, group_paths
from causalhyper.queries.path_result import PathEffects
from causalhyper.queries.preparation import make_experiment
from causalhyper.results import Estimate
from causalhyper.scm.model import FittedModel

__all__ = ["PathEffects", "path_effects"]


def path_effects(
    model: FittedModel,
    treatment: str,
    outcome: str,
    paths: Sequence[str | Sequence[str]] | None = None,
    *,
    at: Sequence[float],
    baseline: float,
    sequential: bool = False,
    coupling: Coupling = "shared",
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "t",
    progress: Progress | None = None,
) -> PathEffects:
    """Split the effect of a treatment by the directed paths that it travels.

    Along the asked paths every node responds to the new value of the treatment, along all
    others to the baseline, in nested worlds of the same run. An interaction of two causes in
    one hyperedge belongs to no single path: it is the remainder.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    paths : sequence of str or of sequence of str, optional
        Paths such as ``"B -> N -> C -> G"``; a text of several parted by ``;`` is one group.
        Paths not named form a last group. By default every path is a group.
    at : sequence of float
        Values of the treatment's column, within the range of the runs.
    baseline : float
        The value that the others are compared with.
    sequential : bool
        Whether each group is switched on after those before it, in the order given.
    coupling : {"shared", "independent", "antithetic"}
        How the noise of a recanting witness hangs together between the worlds that are compared.
        They meet in its two values in one run.
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
    PathEffects

    Raises
    ------
    ConfigurationError
        If a path does not lead from treatment to outcome, or is given twice.

    Notes
    -----
    Source: Pearl 2001, "Direct and indirect effects"; Avin, Shpitser and Pearl 2005,
    "Identifiability of path-specific effects", Theorem 5; Shpitser 2013 (edge g-formula).

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
    >>> found = path_effects(model, "B", "G", at=[4], baseline=1, draws=100)
    >>> [(p, round(e[0].estimate)) for p, e in zip(found.paths, found.along)]
    [('B -> G', 9), ('B -> N -> G', -6)]
    """
    check_coupling(coupling)
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
    groups = group_paths(model.graph, treatment, outcome, paths)
    routes = _routes(experiment, groups, sequential)
    builders = _worlds(experiment, routes, coupling)
    means = experiment.means({"natural": natural_world, **builders}, progress)
    beyond = max(experiment.extrapolated(builders).values())
    return _collect(experiment, routes, coupling, sequential, means, beyond)


def _routes(
    experiment: Experiment, groups: Mapping[str, Paths], sequential: bool
) -> dict[str, Routes]:
    """For each group the paths that carry the new value in its world."""
    on = list(groups.values())
    if sequential:
        on = list(accumulate(on, lambda before, group: before | group))
    graph, ends = experiment.model.graph, (experiment.treatment, experiment.outcome)
    return {name: find_routes(graph, *ends, paths) for name, paths in zip(groups, on, strict=True)}


def _worlds(
    experiment: Experiment, routes: Mapping[str, Routes], coupling: Coupling
) -> dict[str, Builder]:
    out = {}
    for name, route in routes.items():
        out[name] = _world(experiment, route, coupling)
        if route.witnesses:
            out[_other(name)] = _world(experiment, route, alternative(coupling))
    return out


def _world(experiment: Experiment, route: Routes, coupling: Coupling) -> Builder:
    return lambda _, shared: nested_world(experiment, shared, route, coupling)


def _other(name: str) -> str:
    return f"{name} | other coupling"


def _collect(
    e: Experiment,
    routes: Mapping[str, Routes],
    coupling: Coupling,
    sequential: bool,
    means: Mapping[str, Array],
    beyond: float,
) -> PathEffects:
    start = means["natural"][:, :1]
    total = means["natural"][:, 1:] - start
    reached = {name: means[name][:, 1:] - start for name in routes}
    shifts = {
        name: means[_other(name)][:, 1:] - means[name][:, 1:] if route.witnesses else 0 * total
        for name, route in routes.items()
    }
    if sequential:
        reached, shifts = _steps(reached), _steps(shifts)
    witnesses = _witnesses(routes, sequential)
    label, column = e.model.roles[e.outcome].label, e.model.roles[e.treatment].column
    other = alternative(coupling)

    def made(
        name: str, quantities: Array, form: str, subject: str = "", rests: Sequence[str] = ()
    ) -> tuple[Estimate, ...]:
        assumes = [*GRAPH_ASSUMES, *rests]
        if name != "total":
            assumes += warn_beyond(beyond)
        return e.estimates(
            f"path_effects.{name}",
            quantities,
            estimand=lambda value: f"{form}, Y={label}, {column} b={value:g}, b0={e.baseline:g}",
            method=f"edge g-formula through {e.model.graph}; {e.interval}",
            assumptions=assumes,
            subject=subject,
        )

    before = "b along those before, " if sequential else ""
    along = tuple(
        made(
            "along",
            reached[name],
            f"E[Y(b along {name}, {before}b0 elsewhere)] - E[Y({before}b0 elsewhere)]",
            name,
            _rests_on(witnesses[name], coupling),
        )
        for name in routes
    )
    coupled = tuple(
        made(
            "coupling_shift",
            shifts[name],
            f"effect along {name} with {other} noise less that with {coupling} noise",
            name,
        )
        for name in routes
        if witnesses[name]
    )
    rest = total - sum(reached.values())
    everyone = tuple(dict.fromkeys(v for found in witnesses.values() for v in found))
    return PathEffects(
        protocol=e.model.protocol,
        paths=tuple(routes),
        sequential=sequential,
        coupling=coupling,
        total=made("total", total, "E[Y(b)] - E[Y(b0)]"),
        along=along,
        remainder=()
        if sequential
        else made("remainder", rest, "total - effects along", rests=_rests_on(everyone, coupling)),
        coupling_shift=coupled,
        witnesses=tuple(witnesses.values()),
        extrapolated=beyond,
    )


def _steps(reached: Mapping[str, Array]) -> dict[str, Array]:
    """From what is reached after each group to what each group adds."""
    out, last = {}, 0.0 * next(iter(reached.values()))
    for name, now in reached.items():
        out[name], last = now - last, now
    return out


def _witnesses(routes: Mapping[str, Routes], sequential: bool) -> dict[str, tuple[str, ...]]:
    """Of each group; a sequential step rests on those of the world before it too."""
    out: dict[str, tuple[str, ...]] = {}
    before: tuple[str, ...] = ()
    for name, route in routes.items():
        out[name] = tuple(dict.fromkeys((*before, *route.witnesses)))
        before = route.witnesses if sequential else ()
    return out


def _rests_on(witnesses: tuple[str, ...], coupling: Coupling) -> tuple[str, ...]:
    if not witnesses:
        return ()
    return (
        f"cross-world: {COUPLED[coupling]}",
        f"not identified without the model: {', '.join(witnesses)} has two values in one run "
        "(recanting witness)",
    )
