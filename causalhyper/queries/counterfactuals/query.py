"""Counterfactuals: what observed runs would have had, had some nodes been set otherwise."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError
from causalhyper.progress import Progress
from causalhyper.queries.counterfactuals.selection import Runs, pick_runs
from causalhyper.queries.experiments.assumptions import BEYOND, GRAPH_ASSUMES
from causalhyper.queries.experiments.resampling import resample_model
from causalhyper.queries.experiments.uncertainty import Uncertainty
from causalhyper.queries.interventions.levels import Levels, ask_levels
from causalhyper.results import Estimate, EstimateResult, decimals
from causalhyper.scm.abduction import Replay, abduct, replay, require, responding
from causalhyper.scm.model import FittedModel
from causalhyper.scm.replicates import Replicates
from causalhyper.scm.worlds import extrapolation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ASSUMES = (
    *GRAPH_ASSUMES,
    "the run's own noise would have been the same: no data can check this for a single run",
)
SHOWN = 12
"""Runs that a summary lists."""


@dataclass(frozen=True, slots=True)
class Counterfactual(EstimateResult):
    """What runs would have had, had some nodes been set.

    Attributes
    ----------
    protocol : str
    setting : str
        What was set, such as "batch_size=32".
    column, outcome : str
        The first set node's column; the outcome's label on the scale that was analysed.
    run_ids : tuple
        Names of the runs.
    labels : mapping of str to tuple
        Their values of the cluster and context columns.
    factual : tuple of float
        Observed outcomes.
    average : Estimate
        Mean difference over these runs, counterfactual less factual; its baseline is what they
        had, NaN where that differs.
    differences : tuple of Estimate
        Counterfactual less factual outcome, one a run; its baseline is what the run had.
    extrapolated : float
        Share of these runs beyond the observed ones, once nodes are set.
    """

    protocol: str
    setting: str
    column: str
    outcome: str
    run_ids: tuple[Hashable, ...]
    labels: Mapping[str, tuple[Hashable, ...]]
    factual: tuple[float, ...]
    average: Estimate
    differences: tuple[Estimate, ...]
    extrapolated: float

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """The average difference, then one difference a run."""
        return (self.average, *self.differences)

    def by_run(self) -> pd.DataFrame:
        """One row a run.

        Returns
        -------
        DataFrame
            run_id, cluster and context columns, factual, counterfactual, difference, se, lower,
            upper; the interval is the counterfactual's. Less `factual` it is the difference's,
            because what was observed is given.
        """
        factual = np.array(self.factual)
        numbers = {
            "factual": factual,
            "counterfactual": factual + [e.estimate for e in self.differences],
            "difference": [e.estimate for e in self.differences],
            "se": [e.se for e in self.differences],
            "lower": factual + [e.lower for e in self.differences],
            "upper": factual + [e.upper for e in self.differences],
        }
        ids = {"run_id": self.run_ids} | {k: x for k, x in self.labels.items() if k != "run_id"}
        return pd.DataFrame(ids | numbers)

    @property
    def verdict(self) -> str:
        """The counterfactual of one run, or the average over several, in words."""
        e = self.average
        given = f"under the protocol “{self.protocol}” and by the fitted hypergraph"
        digits = decimals([e.se])
        point = (
            "is a point, because the noise is the run's own: the interval is that of the "
            "mechanisms' parameters alone, and no data can check it for a single run."
        )
        if len(self.run_ids) > 1:
            apart = sum(
                (d.joint_lower or 0.0) > 0 or (d.joint_upper or 0.0) < 0 for d in self.differences
            )
            return (
                f"Had {len(self.run_ids)} runs had {self.setting}, {self.outcome} would have "
                f"changed by {e.estimate:+.{digits}f} on average ({e.level:.0%} interval "
                f"{e.lower:+.{digits}f} to {e.upper:+.{digits}f}), {given}; for {apart} of them "
                f"the simultaneous band leaves zero out. Given the mechanisms each change {point}"
            )
        row = self.by_run().iloc[0]
        own = ", ".join(f"{k} {x[0]}" for k, x in self.labels.items() if k != "run_id")
        return (
            f"Run {self.run_ids[0]}{f' ({own})' if own else ''} had {self.column} "
            f"{self.differences[0].baseline:g} and {self.outcome} {row.factual:.{digits}f}; had "
            f"it had {self.setting}, {given}, it would have had {row.counterfactual:.{digits}f} "
            f"({e.level:.0%} interval {row.lower:.{digits}f} to {row.upper:.{digits}f}). Given "
            f"the mechanisms this {point}"
        )

    def summary(self) -> str:
        """The runs as text, at most a dozen, and the verdict."""
        digits = decimals(e.se for e in self.differences)
        lines = [f"{self.outcome}, observed -> with {self.setting}"]
        for row in self.by_run().head(SHOWN).itertuples():
            span = f"[{row.lower:.{digits}f}, {row.upper:.{digits}f}]"
            pair = f"{row.factual:.{digits}f} -> {row.counterfactual:.{digits}f}"
            lines.append(f"{row.run_id!s:>16}  {pair} {span}")
        if len(self.run_ids) > SHOWN:
            lines.append(f"{'...':>16}  and {len(self.run_ids) - SHOWN} more")
        return "\n".join([*lines, self.verdict])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw an arrow a run, from what it had to what it would have had."""
        from causalhyper.figures import plot_counterfactuals

        frame = self.by_run().assign(label=[str(name) for name in self.run_ids])
        return plot_counterfactuals(frame, xlabel=self.outcome, title=self.setting, ax=ax)


def counterfactual(
    model: FittedModel,
    setting: Mapping[str, float],
    outcome: str,
    *,
    runs: Runs = None,
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "bootstrap",
    progress: Progress | None = None,
) -> Counterfactual:
    """Say what runs would have had, had some nodes been set: abduction, action, prediction.

    The noise of each run is what its mechanisms leave unexplained (its residual, and with it
    everything that is the run's own: its seed, its context). With the nodes set and that noise
    kept, the mechanisms are run again. Nodes that are no effect of what is set keep their values.

    Parameters
    ----------
    model : FittedModel
    setting : mapping of str to float
        Nodes and values in the units of their columns, within the range of the runs. Such as
        ``{"B": 32}``; mediators may be set too.
    outcome : str
        An effect of every node that is set.
    runs : optional
        A run's name, several names, or rows of the runs frame; whole numbers are positions in
        ``model.run_ids`` where no run is named by a number. By default all runs.
    draws : int
        Cluster-bootstrap replicates.
    seed : int
        Of everything random, not negative.
    level : float
        Confidence of the intervals, in (0, 1).
    interval : str
        Kind of interval: "t" (cluster-robust, right with few clusters), "jackknife", "bootstrap",
        "percentile", "basic", "bca" or "studentized"; docs/intervals.md says which when. By
        default the bootstrap's, as for `do`.
    progress : callable, optional
        Called with the share of the work done, in [0, 1].

    Returns
    -------
    Counterfactual

    Raises
    ------
    ConfigurationError
        If the question does not fit the model or the runs, a run is unknown, or a mechanism
        between what is set and the outcome does not give back its noise.
    DataError
        If rows of a frame hold other values of the nodes than those that were fitted.

    Notes
    -----
    Source: Pearl 2009, Causality, theorem 7.1.7. Given the parameters a counterfactual is a
    point, because the noise is known. Its interval comes from refitting the mechanisms to
    resampled clusters while the run's own data stay as they are. A run set to what it had keeps
    what was observed, with an interval of no width (consistency).

    Examples
    --------
    >>> import causalhyper as ch
    >>> rng = np.random.default_rng(0)
    >>> runs = pd.DataFrame({"run_id": [f"r{i}" for i in range(40)], "b": [1.0, 2.0] * 20})
    >>> runs["g"] = 3 * runs.b + rng.normal(size=40)
    >>> roles = {"B": "b", "G": "g"}
    >>> model = ch.fit("B -> G", runs, roles, protocol="equal epochs", cluster="run_id")
    >>> found = counterfactual(model, {"B": 2}, "G", runs=["r0", "r1"], draws=200)
    >>> found.by_run()[["run_id", "difference"]].round(2).to_dict("list")
    {'run_id': ['r0', 'r1'], 'difference': [3.42, 0.0]}
    """
    levels = ask_levels(model, setting, outcome)
    if len(levels.at) > 1:
        raise ConfigurationError(
            f"a counterfactual has one value a node, got {len(levels.at)} for "
            f"{levels.treatment}: ask once for each value"
        )
    nodes = responding(model, tuple(setting), outcome)
    require(model, "invertible", nodes)
    rows = pick_runs(model, runs)
    drawn = resample_model(model, draws=draws, seed=seed, level=level, interval=interval)
    asked = {v: float(model.roles[v].apply(np.array(x))) for v, x in setting.items()}
    factual, parts = model.values[outcome][rows], []
    done = 0
    for chunk in drawn.replicates.chunks(len(rows)):
        there = _replay(model, chunk, nodes, asked, rows).values[outcome][:, 0]
        parts.append(np.broadcast_to(there - factual, (len(chunk), len(rows))))
        done += len(chunk)
        if progress is not None:
            progress(done / len(drawn.replicates))
    fitted = _replay(model, drawn.replicates.part(slice(1)), nodes, asked, rows)
    beyond = extrapolation(model, fitted.world, fitted.values, fitted.draws)
    return _collect(levels, drawn.uncertainty, np.concatenate(parts), rows, beyond)


def _replay(
    model: FittedModel,
    replicates: Replicates,
    nodes: tuple[str, ...],
    settings: Mapping[str, float],
    rows: Codes,
) -> Replay:
    return replay(model, replicates, abduct(model, replicates, nodes, rows), settings, rows)


def _collect(
    levels: Levels, uncertainty: Uncertainty, found: Array, rows: Codes, beyond: float
) -> Counterfactual:
    """The result from differences of shape (replicates, m)."""
    model, node = levels.model, levels.treatment
    role, y = model.roles[node], model.roles[levels.outcome].label
    had = role.invert(model.values[node][rows]).tolist()
    setting = levels.written(levels.at[0])
    ids = tuple(model.run_ids[rows].tolist())
    assumes = (*ASSUMES, *levels.interpolated(levels.at[0]))
    if beyond > BEYOND:
        assumes += (f"{beyond:.0%} of these runs lie beyond the observed ones, once set",)
    common = {
        "treatment": node,
        "value": levels.at[0],
        "level": uncertainty.level,
        "method": f"abduction, action, prediction through {model.graph}; {uncertainty}",
        "n": model.n,
        "clusters": model.clusters,
        "assumptions": assumes,
        "seed": uncertainty.seed,
    }
    change = f"{y} with {setting} less {y} observed"
    who = f"run {ids[0]}" if len(ids) == 1 else f"{len(ids)} runs"
    average = _estimates(
        uncertainty,
        found.mean(axis=1, keepdims=True),
        [who],
        [had[0] if len(set(had)) == 1 else nan],
        model.size(levels.outcome),
        query="counterfactual.mean",
        estimand=f"mean over these runs of {change}; protocol: {model.protocol}",
        **common,
    )
    return Counterfactual(
        protocol=model.protocol,
        setting=setting,
        column=role.column,
        outcome=y,
        run_ids=ids,
        labels={k: tuple(x[rows].tolist()) for k, x in model.labels.items()},
        factual=tuple(model.values[levels.outcome][rows].tolist()),
        average=average[0],
        differences=_estimates(
            uncertainty,
            found,
            [f"run {name}" for name in ids],
            had,
            model.size(levels.outcome),
            query="counterfactual.run",
            estimand=f"{change}, in one run; protocol: {model.protocol}",
            **common,
        ),
        extrapolated=beyond,
    )


def _estimates(
    uncertainty: Uncertainty,
    quantities: Array,
    subjects: Sequence[str],
    baselines: Sequence[float],
    size: float,
    **common: Any,
) -> tuple[Estimate, ...]:
    """One estimate a column of quantities, with bands that are simultaneous over them."""
    found = uncertainty.bands(quantities, size)
    return tuple(
        Estimate(
            estimate=float(quantities[0, i]),
            se=float(found.se[i]),
            lower=float(found.lower[i]),
            upper=float(found.upper[i]),
            subject=subject,
            baseline=baseline,
            joint_lower=float(found.joint_lower[i]),
            joint_upper=float(found.joint_upper[i]),
            df=float(found.df[i]),
            **common,
        )
        for i, (subject, baseline) in enumerate(zip(subjects, baselines, strict=True))
    )
