"""Interventions: the distribution of the outcome under do, value by value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.inference import bandwidth
from causalhyper.progress import Progress
from causalhyper.queries.experiments.preparation import count_simulated
from causalhyper.queries.experiments.resampling import Resampling, resample_model
from causalhyper.queries.interventions.discrete_levels import exact_functionals, limit_quantiles
from causalhyper.queries.interventions.distributions import (
    Collector,
    Functionals,
    read_functionals,
)
from causalhyper.queries.interventions.levels import Levels, Setting, ask_levels
from causalhyper.queries.interventions.result import Intervention
from causalhyper.scm.draws import make_sampler
from causalhyper.scm.elimination import is_discrete
from causalhyper.scm.model import FittedModel

__all__ = ["Intervention", "do"]

PRECISE = 2**16
"""Simulated runs, at least, behind the estimate of what is no mean."""
COARSE = 2048
"""Simulated runs, at least, of a replicate of the same: their own error is common to all."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def do(
    model: FittedModel,
    setting: Setting,
    outcome: str,
    *,
    quantiles: Sequence[float] = QUANTILES,
    above: Sequence[float] | float = (),
    density: Sequence[float] | None = None,
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "bootstrap",
    progress: Progress | None = None,
) -> Intervention:
    """Estimate the distribution of an outcome where nodes are set, P(outcome | do(b)).

    By the truncated factorisation: the set nodes lose their mechanisms, every other node follows
    its own, with noise drawn from the residuals and contexts from the runs. Contexts are those of
    the runs in their proportions.

    Parameters
    ----------
    model : FittedModel
    setting : mapping of str to float or sequence of float
        Nodes and values in the units of their columns, within the range of the runs. Nodes need
        not be assigned. One may have several values, ``{"B": [16, 32, 512]}``; any others are held
        at one: ``{"B": [16, 512], "S": 0.1}`` asks for controlled worlds.
    outcome : str
        An effect of every node that is set.
    quantiles : sequence of float
        Levels in (0, 1).
    above : float or sequence of float
        Thresholds in the unit of the outcome's column: P(outcome > threshold).
    density : sequence of float, optional
        Where the density is asked for, in the same unit.
    draws : int
        Cluster-bootstrap replicates.
    seed : int
        Of everything random, not negative.
    level : float
        Confidence of the intervals, in (0, 1).
    interval : str
        Kind of interval: "t" (cluster-robust, right with few clusters), "jackknife", "bootstrap",
        "percentile", "basic", "bca" or "studentized"; docs/intervals.md says which when. By
        default the bootstrap's: quantiles and densities are too rough for a jackknife.
    progress : callable, optional
        Called with the share of the work done, in [0, 1].

    Returns
    -------
    Intervention

    Raises
    ------
    ConfigurationError
        If the question does not fit the model or the runs.

    Notes
    -----
    Source: HGCNet poster, step 5: sum over N, S, C of P(G|C) P(C|N,S) P(S|N) P(N|B=b). The
    means differ by what `effect_curve` finds through the hypergraph, from the same draws. The
    density is smoothed by a normal kernel whose width is the same at every value and in every
    replicate, so that densities can be compared; intervals are of the smoothed density. Where the
    outcome and all that leads to it have tables, the factorisation is summed exactly: there is
    then no error of simulation, a probability of each state, and no density.

    Examples
    --------
    >>> import causalhyper as ch
    >>> import pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> runs = pd.DataFrame({"run_id": range(40), "b": [1.0, 2.0] * 20})
    >>> runs["g"] = 3 * runs.b + rng.normal(size=40)
    >>> roles = {"B": "b", "G": "g"}
    >>> model = ch.fit("B -> G", runs, roles, protocol="equal epochs", cluster="run_id")
    >>> found = do(model, {"B": [1, 2]}, "G", quantiles=[0.1, 0.9], above=5, draws=200)
    >>> [e.interval(1) for e in found.mean]
    ['2.7 [2.4, 3.1]', '6.1 [5.8, 6.5]']
    """
    levels = ask_levels(model, setting, outcome)
    asked = read_functionals(model.roles[outcome], quantiles, above, density)
    drawn = resample_model(model, draws=draws, seed=seed, level=level, interval=interval)
    small = make_sampler(model, count_simulated(model.n), drawn.first)
    beyond = levels.extrapolated(drawn.replicates, small)
    collector = Collector(levels, drawn.uncertainty, beyond)
    if is_discrete(model, outcome):
        return _sum_exactly(levels, asked, drawn, collector, progress)
    means = levels.summarise(drawn.replicates, small, lambda y: y.mean(axis=2), averaged=True)
    asked, found = _shapes(levels, asked, drawn, progress)
    return _collect(levels, asked, collector, means, found)


def _sum_exactly(
    levels: Levels,
    asked: Functionals,
    drawn: Resampling,
    collector: Collector,
    progress: Progress | None,
) -> Intervention:
    """The answer of a discrete model, whose distribution is a sum over tables."""
    states, chances = levels.distribution(drawn.replicates)
    if asked.points:
        raise ConfigurationError(
            f"{levels.outcome} has {len(states)} values and a table, so it has no density: its "
            "states come with their probabilities; for tails ask above="
        )
    found = exact_functionals(asked, states, chances)
    summed = replace(collector, method="exact sums over tables (truncated factorisation)")
    result = _collect(levels, asked, summed, chances @ states, found, states, chances)
    if progress is not None:
        progress(1.0)
    spread = drawn.uncertainty
    quantiles = limit_quantiles(result.quantiles, asked.quantiles, states, chances, spread)
    return replace(result, quantiles=quantiles)


def _shapes(
    levels: Levels, asked: Functionals, drawn: Resampling, progress: Progress | None
) -> tuple[Functionals, Array]:
    """What is no mean, shape (replicates, d, ...), with the density's kernel chosen.

    The error of simulating is nearly the same in all replicates, so it does not widen intervals;
    the estimate, which it would move, comes from many more simulated runs.
    """
    model = levels.model
    fine = make_sampler(model, model.n * -(-PRECISE // model.n), drawn.second)
    precise = levels.simulate(drawn.replicates.part(slice(1)), fine)
    if asked.points:
        asked = replace(asked, width=bandwidth(precise[0], model.n))
        if not asked.width > 0:
            raise ConfigurationError(
                f"{levels.outcome} does not vary under do, so it has no density: ask for its mean"
            )
    coarse = make_sampler(model, model.n * -(-COARSE // model.n), drawn.third)
    found = levels.summarise(drawn.replicates, coarse, asked, progress)
    found[:1] = asked(precise)
    return asked, found


def _collect(
    levels: Levels,
    asked: Functionals,
    collector: Collector,
    means: Array,
    found: Array,
    states: Array | None = None,
    chances: Array | None = None,
) -> Intervention:
    role, treatment = asked.role, levels.model.roles[levels.treatment]
    outcomes = () if states is None else tuple(role.invert(states).tolist())
    parts, y, x = asked.split(found), role.label, role.column
    smooth = f"smoothed by a normal kernel of standard deviation {asked.width:.3g}"
    collect = collector.collect
    return Intervention(
        protocol=levels.model.protocol,
        treatment=treatment.label,
        outcome=y,
        column=treatment.column,
        outcome_column=x,
        held=", ".join(f"{levels.model.roles[v].column}={b:g}" for v, b in levels.held.items()),
        mean=collect("do.mean", means[:, :, None], [""], lambda do, _: f"E[{y} | do({do})]"),
        sd=collect("do.sd", parts["sd"], [""], lambda do, _: f"SD[{y} | do({do})]", scale="log"),
        quantiles=collect(
            "do.quantile",
            parts["quantiles"],
            [f"quantile {q:g}" for q in asked.quantiles],
            lambda do, which: f"{which} of {y} given do({do})",
        ),
        above=collect(
            "do.above",
            parts["above"],
            [f"above {g:g}" for g in asked.above],
            lambda do, which: f"P({x} {which.replace('above', '>')} | do({do}))",
            scale="logit",
        ),
        density=collect(
            "do.density",
            parts["density"],
            [f"at {g:g}" for g in asked.points],
            lambda do, which: f"density of {y} {which} given do({do}), {smooth}",
            scale="positive",
        ),
        states=collect(
            "do.state",
            np.empty((*means.shape, 0)) if chances is None else chances,
            [f"is {g:g}" for g in outcomes],
            lambda do, which: f"P({x} {which.replace('is', '=')} | do({do}))",
            scale="logit",
        ),
        quantile_levels=asked.quantiles,
        thresholds=asked.above,
        points=asked.points,
        outcomes=outcomes,
        places=tuple(role.apply(np.array(asked.points)).tolist()),
        bandwidth=asked.width,
        extrapolated=collector.beyond,
        note=levels.note,
    )
