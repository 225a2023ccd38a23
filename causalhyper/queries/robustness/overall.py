"""Everything that an effect withstands, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import between
from causalhyper.progress import Progress, split_progress
from causalhyper.queries.robustness.arc_sensitivity import PartialR2
from causalhyper.queries.robustness.correlated_errors import RHOS, correlated_errors
from causalhyper.queries.robustness.e_value_results import Scale
from causalhyper.queries.robustness.e_values import e_values
from causalhyper.queries.robustness.findings import Finding
from causalhyper.queries.robustness.leave_out import leave_out
from causalhyper.queries.robustness.overview import Robustness
from causalhyper.queries.robustness.partial_r2 import partial_r2_sensitivity, require_noise
from causalhyper.queries.robustness.refutations import Refutation
from causalhyper.queries.robustness.refuters import (
    cluster_subsets,
    dummy_outcome,
    placebo_treatment,
    random_common_cause,
)
from causalhyper.queries.robustness.rho_curves import CorrelatedErrors
from causalhyper.queries.robustness.targets import Target, make_target
from causalhyper.scm.capabilities import require_additive_nodes
from causalhyper.scm.model import FittedModel

SHARES = {
    "placebo": 0.2,
    "cause": 0.1,
    "subsets": 0.1,
    "dummy": 0.1,
    "partial_r2": 0.05,
    "rho": 0.2,
    "e_values": 0.05,
    "leave_out": 0.2,
}
"""Rough shares of the work, for the progress."""


def robustness(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    at: Sequence[float],
    baseline: float,
    mediators: str | Sequence[str] | None = None,
    pairs: Sequence[tuple[str, str]] | None = None,
    rhos: Sequence[float] = RHOS,
    scale: Scale = "difference",
    by: str | None = None,
    runs: pd.DataFrame | None = None,
    refits: int = 199,
    draws: int = 500,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "t",
    progress: Progress | None = None,
) -> Robustness:
    """Ask everything of what an effect withstands.

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
        Nodes between treatment and outcome. The E-values are of effects through each of these, by
        default through every one.
    pairs : sequence of (earlier, later), optional
        Nodes whose errors may be correlated, one pair at a time. By default all pairs of nodes
        between treatment and outcome and of the outcome.
    rhos : sequence of float
        Correlations tried, in (-1, 1), at least two; 0 is added.
    scale : {"difference", "ratio"}
        Whether effects are standardised differences of a continuous outcome, or ratios of means of
        an outcome in (0, 1), such as a share of successes.
    by : str, optional
        What groups runs. "context", "cluster", or a column: one group at a time is left out.
    runs : DataFrame, optional
        The frame that was fitted, rows in any order. Needed where `by` is a column behind neither
        clusters nor contexts.
    refits : int
        Changed samples, each with a refit of every mechanism. So many placebo treatments; half as
        many subsets and dummy outcomes, a quarter random causes.
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
    Robustness

    Raises
    ------
    ConfigurationError
        If the question does not fit the model or the runs.
    DataError
        If `runs` is not the frame that was fitted, or lacks a column.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from causalhyper.scm import LINEAR, fit
    >>> rng = np.random.default_rng(0)
    >>> b = np.tile([1.0, 2.0], 20)
    >>> m = b + rng.normal(size=40)
    >>> frame = pd.DataFrame({"run_id": np.arange(40), "k": np.arange(40) // 2, "b": b, "m": m})
    >>> frame["y"] = m + 0.3 * rng.normal(size=40)
    >>> roles = {"B": "b", "M": "m", "Y": "y"}
    >>> model = fit("B -> M -> Y", frame, roles, protocol="p", cluster="k", mechanisms=LINEAR)
    >>> asked = {"at": [2], "baseline": 1, "refits": 80, "draws": 100, "rhos": [-0.5, 0.5]}
    >>> found = robustness(model, "B", "Y", **asked)
    >>> found.to_frame().columns.tolist()
    ['test', 'null', 'reading', 'verdict']
    >>> round(found.partial_r2.arcs[0].robustness_value, 2)
    0.91
    """
    target = make_target(model, treatment, outcome, at, baseline, draws, seed, level, interval)
    stages = split_progress(progress, SHARES)
    refutations = _refute(target, refits, stages)
    skipped = _why_not_mediated(target)
    through = None if skipped else _unmeasured(target, pairs, rhos, stages)
    return Robustness(
        protocol=model.protocol,
        treatment=treatment,
        outcome=outcome,
        curve=target.curve(),
        refutations=refutations,
        e_values=e_values(
            *target.ends,
            **target.asked,
            mediators=mediators,
            scale=scale,
            progress=stages["e_values"],
        ),
        partial_r2=through and through[0],
        correlated_errors=through and through[1],
        leave_out=leave_out(
            *target.ends, **target.asked, by=by, runs=runs, progress=stages["leave_out"]
        ),
        skipped=_skip(skipped) if skipped else (),
    )


def _refute(target: Target, refits: int, stages: Mapping[str, Progress]) -> tuple[Refutation, ...]:
    """The refuters, in reading order."""
    ends, asked = target.ends, target.asked
    half, quarter = max(20, refits // 2), max(20, refits // 4)
    return (
        placebo_treatment(*ends, **asked, refits=refits, progress=stages["placebo"]),
        random_common_cause(*ends, **asked, refits=quarter, progress=stages["cause"]),
        cluster_subsets(*ends, **asked, refits=half, progress=stages["subsets"]),
        dummy_outcome(*ends, **asked, refits=half, progress=stages["dummy"]),
    )


def _unmeasured(
    target: Target,
    pairs: Sequence[tuple[str, str]] | None,
    rhos: Sequence[float],
    stages: Mapping[str, Progress],
) -> tuple[PartialR2, CorrelatedErrors]:
    """What unmeasured causes of a mediator and the outcome could do."""
    arcs = partial_r2_sensitivity(
        *target.ends,
        draws=target.draws,
        seed=target.seed,
        level=target.level,
        progress=stages["partial_r2"],
    )
    rho = correlated_errors(
        *target.ends, **target.asked, pairs=pairs, rhos=rhos, progress=stages["rho"]
    )
    return arcs, rho


def _why_not_mediated(target: Target) -> str:
    """Why nothing can be asked of causes of a mediator and the outcome; "" if it can."""
    model, treatment, outcome = target.ends
    inside = between(model.graph, treatment, outcome)
    if not inside:
        return f"no node lies between {treatment} and {outcome}"
    try:
        require_additive_nodes(model, [*inside, outcome], "sensitivity to unmeasured causes")
        require_noise(model, [*inside, outcome])
    except ConfigurationError as error:
        return str(error)
    return ""


def _skip(why: str) -> tuple[Finding, ...]:
    """What could not be asked, and why."""
    null = "an unmeasured cause of a mediator and the outcome"
    return tuple(
        Finding(name, null, why, "does not apply") for name in ("partial R2", "correlated errors")
    )
