"""Refuters: changes of the runs under which an effect should vanish, or stay where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.inference import deal
from causalhyper.progress import Progress
from causalhyper.queries.design_tests.assignment import Scheme, find_scheme
from causalhyper.queries.robustness.refutations import (
    Refutation,
    collect_refutation,
    not_applicable,
    permutation_tests,
)
from causalhyper.queries.robustness.repetition import count_kept, repeat, subset
from causalhyper.queries.robustness.targets import Target, make_target, point_effects
from causalhyper.scm.model import FittedModel
from causalhyper.scm.refitting import refit_model

SHARE = 0.8
"""Of the clusters that a subset keeps."""


def placebo_treatment(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    at: Sequence[float],
    baseline: float,
    refits: int = 199,
    draws: int = 500,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "t",
    progress: Progress | None = None,
) -> Refutation:
    """Assign the treatment anew, as the design did, and refit everything: no effect should remain.

    Values are exchanged as `randomisation_test` exchanges them: among the runs of a block where
    a block has several, among whole clusters where each has one, otherwise among the runs of a
    context. Under the sharp null hypothesis that the treatment changes nothing in any
    run, the effects found with permuted values have exactly the distribution of the effect found:
    the share of them that reach it is a p-value, for the design's estimate and for the graph's.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    at : sequence of float
        Values of the treatment's column, within the range of the runs.
    baseline : float
        The value that the others are compared with.
    refits : int
        Changed samples, each with a refit of every mechanism.
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
    Refutation

    Raises
    ------
    ConfigurationError
        If the question does not fit the model or the runs.

    Notes
    -----
    Source: Fisher 1935, "The design of experiments"; the placebo refuter of dowhy (Sharma and
    Kiciman 2020) permutes single rows and refits the one regression.
    """
    target = make_target(model, treatment, outcome, at, baseline, draws, seed, level, interval)
    scheme, why = _scheme(target)
    if scheme is None:
        return not_applicable(target, "placebo treatment", "a placebo has no effect", why)

    def drawn(rng: np.random.Generator) -> Mapping[str, Array]:
        values = {treatment: scheme.draw(model.values[treatment], rng)}
        changed = refit_model(model, values=values)
        return point_effects(target, changed)

    found = repeat(drawn, refits, seed, progress)
    curve = target.curve()
    return collect_refutation(
        target,
        curve,
        "placebo treatment",
        f"a treatment drawn anew ({scheme.words}) has no effect",
        found,
        expected="zero",
        tests=permutation_tests(target, curve, found),
    )


def random_common_cause(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    at: Sequence[float],
    baseline: float,
    refits: int = 50,
    draws: int = 500,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "t",
    progress: Progress | None = None,
) -> Refutation:
    """Give every mechanism one more cause, drawn at random: effects should stay.

    Half of the drawn cause's variance is shared by the runs of a cluster, as that of a real
    nuisance would be.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    at : sequence of float
        Values of the treatment's column, within the range of the runs.
    baseline : float
        The value that the others are compared with.
    refits : int
        Changed samples, each with a refit of every mechanism.
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
    Refutation

    Raises
    ------
    ConfigurationError
        If the question does not fit the model or the runs.
    """
    target = make_target(model, treatment, outcome, at, baseline, draws, seed, level, interval)
    name = _unused(model)
    like = target.experiment(draws=100)

    def drawn(rng: np.random.Generator) -> Mapping[str, Array]:
        shared = rng.normal(size=model.clusters)[model.groups.clusters]
        cause = (shared + rng.normal(size=model.n)) / np.sqrt(2)
        changed = refit_model(model, causes={name: cause})
        # the design's contrast has no covariates, so that it could not move
        return {"graph": point_effects(target, changed, like)["graph"]}

    found = repeat(drawn, refits, seed, progress)
    null = "one more cause of every node, independent of all, changes no effect"
    return collect_refutation(
        target, target.curve(), "random common cause", null, found, expected="estimate"
    )


def cluster_subsets(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    at: Sequence[float],
    baseline: float,
    share: float = SHARE,
    refits: int = 100,
    draws: int = 500,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "t",
    progress: Progress | None = None,
) -> Refutation:
    """Keep a random share of the clusters, stratum by stratum: effects should stay.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    at : sequence of float
        Values of the treatment's column, within the range of the runs.
    baseline : float
        The value that the others are compared with.
    share : float
        Of the clusters of each stratum that is kept, in (0, 1); at least two.
    refits : int
        Changed samples, each with a refit of every mechanism.
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
    Refutation
        Its `spread` holds the standard deviation over subsets against the one that the standard
        error implies, ``se sqrt(1 / share - 1)``.

    Raises
    ------
    ConfigurationError
        If the question does not fit the model or the runs, or `share` is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ConfigurationError(
            f"the share of clusters kept lies in (0, 1), got {share}: try 0.8"
        )
    target = make_target(model, treatment, outcome, at, baseline, draws, seed, level, interval)
    strata = model.groups.strata

    def drawn(rng: np.random.Generator) -> Mapping[str, Array]:
        kept = subset(strata, share, rng)[model.groups.clusters]
        changed = refit_model(model, rows=kept)
        return point_effects(target, changed)

    found = repeat(drawn, refits, seed, progress)
    sizes = np.bincount(strata)
    true_share = float(np.sum(count_kept(sizes, share)) / np.sum(sizes))
    null = f"random subsets of {true_share:.0%} of the clusters give the same effect"
    return collect_refutation(
        target,
        target.curve(),
        "cluster subsets",
        null,
        found,
        expected="estimate",
        spread=float(np.sqrt(1 / true_share - 1)),
    )


def dummy_outcome(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    at: Sequence[float],
    baseline: float,
    refits: int = 100,
    draws: int = 500,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "t",
    progress: Progress | None = None,
) -> Refutation:
    """Put the outcomes of random runs of the same block in place of each: no effect should remain.

    Unlike a placebo treatment this leaves the mechanisms of all mediators as they are.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    at : sequence of float
        Values of the treatment's column, within the range of the runs.
    baseline : float
        The value that the others are compared with.
    refits : int
        Changed samples, each with a refit of every mechanism.
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
    Refutation

    Raises
    ------
    ConfigurationError
        If the question does not fit the model or the runs.
    """
    target = make_target(model, treatment, outcome, at, baseline, draws, seed, level, interval)
    rows, contexts = np.arange(model.n), model.groups.contexts
    observed = model.values[outcome]
    if len(np.unique(contexts)) == model.n:
        why = "every context has a single run, so that no outcomes can be swapped within one"
        return not_applicable(target, "dummy outcome", "a dummy outcome has no causes", why)

    def drawn(rng: np.random.Generator) -> Mapping[str, Array]:
        values = {outcome: observed[deal(rows, contexts, 1, rng)[0]]}
        changed = refit_model(model, values=values)
        return point_effects(target, changed)

    found = repeat(drawn, refits, seed, progress)
    null = "nothing has an effect on outcomes swapped between runs of a context"
    return collect_refutation(
        target, target.curve(), "dummy outcome", null, found, expected="zero"
    )


def _scheme(target: Target) -> tuple[Scheme | None, str]:
    """How the treatment was assigned; None, with the reason, where it cannot be drawn anew."""
    try:
        scheme = find_scheme(target.model, target.treatment)
    except ConfigurationError as error:
        return None, str(error)
    if scheme.fixed(target.model.values[target.treatment]):
        return None, (
            f"{target.treatment} has a single value wherever values may be exchanged "
            f"({scheme.words}), so that no assignment can be drawn anew"
        )
    return scheme, ""


def _unused(model: FittedModel) -> str:
    """A node name that neither the hypergraph nor the columns have."""
    taken = {*model.graph.nodes, *model.roles.columns}
    name = "random_cause"
    while name in taken:
        name += "_"
    return name
