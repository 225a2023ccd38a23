"""Structural ablation and marginalisation: the model fitted again with another hypergraph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import DirectedHypergraph, Hyperedge
from causalhyper.hypergraph.paths import reached
from causalhyper.hypergraph.projection import project_out
from causalhyper.progress import Progress
from causalhyper.queries.experiments.assumptions import GRAPH_ASSUMES
from causalhyper.queries.experiments.experiment import Experiment, natural_world
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.queries.experiments.questions import check_model
from causalhyper.queries.experiments.resampling import resample_model
from causalhyper.queries.refits.result import FitChange, Refit
from causalhyper.results import Estimate
from causalhyper.scm.model import FittedModel
from causalhyper.scm.refitting import judge_fit, refit_model, replicate
from causalhyper.scm.replicates import full_rank

__all__ = ["FitChange", "Refit", "marginalise", "refit_without"]


def refit_without(
    model: FittedModel,
    treatment: str,
    outcome: str,
    edge: Hyperedge | str,
    *,
    at: Sequence[float],
    baseline: float,
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "t",
    progress: Progress | None = None,
) -> Refit:
    """Fit the model again without one hyperedge: what the data lose, and what the effect becomes.

    This asks whether the hyperedge is needed to describe the runs. What it carries in the model
    is another question, which `ablate` answers: here the other causes of the head take over
    what they can predict of it.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    edge : Hyperedge or str
        One of the model's, such as ``"{N, S} -> C"``.
    at : sequence of float
        Values of the treatment's column, within the range of the runs.
    baseline : float
        The value that the others are compared with.
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
    Refit

    Raises
    ------
    GraphError
        If the hypergraph has no such hyperedge.
    ConfigurationError
        If the question does not fit the model.

    Notes
    -----
    Source: Akaike 1974, "A new look at the statistical model identification"; Stone 1974,
    "Cross-validatory choice and assessment of statistical predictions".

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
    >>> found = refit_without(model, "B", "G", "B -> G", at=[4], baseline=1, draws=100)
    >>> found.fit[0].aic > 100
    True
    """
    check_model(model)
    removed = _as_edge(edge)
    graph = model.graph.without(removed)
    larger = [e for e in graph.into(removed.head) if set(removed.tail) < set(e.tail)]
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
    return _compare(
        experiment,
        graph,
        operation=f"refit without {removed}",
        compared=(removed.head,),
        note=f"{larger[0]} holds every term of {removed}: nothing changes by construction"
        if larger
        else "",
        progress=progress,
    )


def marginalise(
    model: FittedModel,
    treatment: str,
    outcome: str,
    node: str,
    *,
    at: Sequence[float],
    baseline: float,
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "t",
    progress: Progress | None = None,
) -> Refit:
    """Leave a node out of the data: its causes act on its effects directly.

    This is no ablation. Nothing is removed from the world, so the effect stays what it was, but
    for what the form of the new mechanisms changes.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    node : str
        Another node.
    at : sequence of float
        Values of the treatment's column, within the range of the runs.
    baseline : float
        The value that the others are compared with.
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
    Refit

    Raises
    ------
    ConfigurationError
        If the node is treatment or outcome, or the runs cannot tell the new causes of a node
        apart.

    Notes
    -----
    Source: Verma and Pearl 1990, "Equivalence and synthesis of causal models" (projection).

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
    >>> found = marginalise(model, "B", "G", "N", at=[4], baseline=1, draws=100)
    >>> str(found.graph), abs(round(found.change[0].estimate, 9))
    ('B -> G', 0.0)
    """
    if node in (treatment, outcome):
        raise ConfigurationError(
            f"{node} is an end of the effect: leave out a node beside {treatment} and {outcome}"
        )
    check_model(model)
    graph = project_out(model.graph, [node])
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
    note = (
        f"Leaving {node} out of the data is no ablation: {node} goes on acting, unseen. A change "
        "of the effect says that the new mechanisms have another form, not what the node carries."
    )
    if graph.latent:
        note += (
            " Nodes with an unobserved common cause are simulated with independent noise: their "
            "joint distribution is no longer the runs'."
        )
    if any(treatment in pair for pair in graph.latent):
        note += f" {treatment} is one of them, so its effect is now confounded."
    return _compare(
        experiment,
        graph,
        operation=f"leave out {node}",
        compared=(),
        note=note,
        progress=progress,
    )


def _as_edge(edge: Hyperedge | str) -> Hyperedge:
    if isinstance(edge, Hyperedge):
        return edge
    edges = DirectedHypergraph.parse(edge).edges
    if len(edges) != 1:
        raise ConfigurationError(
            f"expected one hyperedge such as '{{N, S}} -> C', got {len(edges)} in {edge!r}"
        )
    return edges[0]


def _compare(
    experiment: Experiment,
    graph: DirectedHypergraph,
    *,
    operation: str,
    compared: tuple[str, ...],
    note: str,
    progress: Progress | None,
) -> Refit:
    second = refit_model(experiment.model, graph=graph)
    first = _resampled_for_both(experiment, second)
    other = replace(first, model=second, replicates=replicate(second, first.replicates))
    means = [
        e.means({"natural": natural_world}, _half(progress, i), alone=True)["natural"]
        for i, e in enumerate((first, other))
    ]
    before, after = (world[:, 1:] - world[:, :1] for world in means)
    label = first.model.roles[first.outcome].label
    column = first.model.roles[first.treatment].column

    def made(name: str, e: Experiment, quantities: np.ndarray, form: str) -> tuple[Estimate, ...]:
        return first.estimates(
            f"refit.{name}",
            quantities,
            estimand=lambda value: (
                f"{form}, Y={label}, {column} b={value:g}, b0={first.baseline:g}, {operation}"
            ),
            method=f"g-formula through {e.model.graph}; {first.interval}",
            assumptions=GRAPH_ASSUMES,
            subject=operation,
        )

    cut = first.outcome not in reached(graph, first.treatment, avoiding=())
    vanishes = (
        f"Without it no directed path leads from {first.treatment} to {first.outcome}: the effect "
        "vanishes by construction, whatever the data say"
    )
    return Refit(
        outcome=label,
        protocol=first.model.protocol,
        operation=operation,
        graph=graph,
        before=made("before", first, before, "E[Y|do(b)] - E[Y|do(b0)]"),
        after=made("after", other, after, "the same in the new hypergraph"),
        change=made("change", other, after - before, "effect after - effect before"),
        fit=tuple(_fit_change(first, second, head) for head in compared),
        tautological=cut,
        note=vanishes if cut else note,
    )


def _half(progress: Progress | None, which: int) -> Progress | None:
    return None if progress is None else lambda share: progress((which + share) / 2)


def _resampled_for_both(experiment: Experiment, second: FittedModel) -> Experiment:
    """The experiment on resamples to which both models can be fitted."""
    found = experiment.replicates
    if full_rank(second, found.weights, None).all():
        return experiment
    enough = experiment.design.enough if experiment.design else None
    u = experiment.uncertainty
    again = resample_model(
        experiment.model,
        draws=u.replicates,
        seed=u.seed,
        level=u.level,
        interval=u.kind,
        enough=lambda weights: full_rank(second, weights, enough),
    )
    return replace(experiment, replicates=again.replicates, uncertainty=again.uncertainty)


def _fit_change(first: Experiment, second: FittedModel, head: str) -> FitChange:
    """How the fit of one head changes, with the interval of its cross-validated error."""
    old, new = judge_fit(first.model, head), judge_fit(second, head)
    likelihood, aic = _less(new.log_likelihood, old.log_likelihood), _less(new.aic, old.aic)
    if old.losses is None or new.losses is None:
        return FitChange(head, likelihood, aic, None, None, None, None)
    weights, sizes = first.replicates.weights, np.bincount(first.model.groups.clusters)
    change = weights @ (new.losses - old.losses) / (weights @ sizes)
    band = first.uncertainty.bands(change[:, None], float(np.abs(old.losses).max()))
    error = float(old.losses.sum() / sizes.sum())
    return FitChange(
        head,
        likelihood,
        aic,
        error,
        float(change[0]),
        float(band.lower[0]),
        float(band.upper[0]),
    )


def _less(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before
