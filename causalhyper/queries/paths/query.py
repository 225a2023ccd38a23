"""Path-specific effects: what of an effect travels along which directed paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from causalhyper.progress import Progress
from causalhyper.queries.experiments.experiment import Builder, Experiment, natural_world
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.queries.mediation.couplings import Coupling, alternative, check_coupling
from causalhyper.queries.paths.estimates import collect_paths, other_world, split_effect
from causalhyper.queries.paths.groups import group_paths
from causalhyper.queries.paths.nested import Paths, Routes, find_routes, nested_world
from causalhyper.queries.paths.result import PathEffects
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
    return collect_paths(split_effect(experiment, routes, coupling, sequential, means, beyond))


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
            out[other_world(name)] = _world(experiment, route, alternative(coupling))
    return out


def _world(experiment: Experiment, route: Routes, coupling: Coupling) -> Builder:
    return lambda _, shared: nested_world(experiment, shared, route, coupling)
