"""Everything that an effect withstands, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import between
from causalhyper.queries.experiment import Progress
from causalhyper.queries.robustness.correlated_errors import GRID, correlated_errors
from causalhyper.queries.robustness.e_value_results import Scale
from causalhyper.queries.robustness.e_values import e_values
from causalhyper.queries.robustness.findings import Finding
from causalhyper.queries.robustness.leave_out import leave_out
from causalhyper.queries.robustness.overview import Robustness
from causalhyper.queries.robustness.partial_r2 import partial_r2_sensitivity, require_noise
from causalhyper.queries.robustness.refuters import (
    cluster_subsets,
    dummy_outcome,
    placebo_treatment,
    random_common_cause,
)
from causalhyper.queries.robustness.targets import make_target
from causalhyper.scm.capabilities import require_additive_nodes
from causalhyper.scm.model import FittedModel

SHARES = {
    "placebo": 0.2,
    "cause": 0.1,
    "subsets": 0.1,
    "dummy": 0.1,
    "rho": 0.25,
    "e_values": 0.05,
    "leave": 0.2,
}
"""Rough shares of the work, for the progress."""


def robustness(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    at: Sequence[float],
    baseline: float,
    mediators: Sequence[str] | None = None,
    pairs: Sequence[tuple[str, str]] | None = None,
    rhos: Sequence[float] = GRID,
    scale: Scale = "difference",
    by: str | None = None,
    runs: pd.DataFrame | None = None,
    refits: int = 199,
    draws: int = 500,
    seed: int = 1,
    level: float = 0.95,
    progress: Progress | None = None,
) -> Robustness:
    """Ask everything of what an effect withstands.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    at : sequence of float
        Values of the treatment's column.
    baseline : float
    mediators : sequence of str, optional
        For the E-values; by default every node between treatment and outcome.
    pairs : sequence of (earlier, later), optional
        Whose errors may be correlated; by default all pairs after the treatment.
    rhos : sequence of float
        Correlations tried.
    scale : {"difference", "ratio"}
        Of the E-values.
    by : str, optional
        "context", "cluster" or a column, of which one level at a time is left out.
    runs : DataFrame, optional
        The runs that the model was fitted to, needed where `by` is a column behind neither
        clusters nor contexts.
    refits : int
        Placebo treatments; half as many subsets and dummy outcomes, a quarter random causes.
    draws : int
        Cluster-bootstrap replicates.
    seed : int
    level : float
    progress : callable, optional
        Called with the share of the work done, in [0, 1].

    Returns
    -------
    Robustness

    Raises
    ------
    ConfigurationError
        If the question does not fit the model or the runs.

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
    report = _Stages(progress)
    target = make_target(model, treatment, outcome, at, baseline, draws, seed, level)
    asked: dict[str, Any] = {"at": at, "baseline": baseline, "seed": seed, "level": level}
    ends = (model, treatment, outcome)
    half, quarter = max(20, refits // 2), max(20, refits // 4)
    refutations = (
        placebo_treatment(
            *ends, **asked, refits=refits, draws=draws, progress=report.stage("placebo")
        ),
        random_common_cause(
            *ends, **asked, refits=quarter, draws=draws, progress=report.stage("cause")
        ),
        cluster_subsets(
            *ends, **asked, refits=half, draws=draws, progress=report.stage("subsets")
        ),
        dummy_outcome(*ends, **asked, refits=half, draws=draws, progress=report.stage("dummy")),
    )
    why = _why_not_mediated(model, treatment, outcome)
    arcs = rho = None
    rho_progress = report.stage("rho")
    if not why:
        arcs = partial_r2_sensitivity(*ends, draws=draws, seed=seed, level=level)
        rho = correlated_errors(
            *ends, **asked, pairs=pairs, rhos=rhos, draws=draws, progress=rho_progress
        )
    return Robustness(
        protocol=model.protocol,
        treatment=treatment,
        outcome=outcome,
        curve=target.curve(),
        refutations=refutations,
        e_values=e_values(
            *ends,
            **asked,
            mediators=mediators,
            scale=scale,
            draws=draws,
            progress=report.stage("e_values"),
        ),
        partial_r2=arcs,
        correlated_errors=rho,
        leave_out=leave_out(
            *ends, **asked, by=by, runs=runs, draws=draws, progress=report.stage("leave")
        ),
        skipped=tuple(
            Finding(
                name, "an unmeasured cause of a mediator and the outcome", why, "does not apply"
            )
            for name in ("partial R2", "correlated errors")
            if why
        ),
    )


def _why_not_mediated(model: FittedModel, treatment: str, outcome: str) -> str:
    """Why nothing can be asked of causes of a mediator and the outcome; "" if it can."""
    inside = between(model.graph, treatment, outcome)
    if not inside:
        return f"no node lies between {treatment} and {outcome}"
    try:
        require_additive_nodes(model, [*inside, outcome], "sensitivity to unmeasured causes")
        require_noise(model, [*inside, outcome])
    except ConfigurationError as error:
        return str(error)
    return ""


class _Stages:
    """One progress for several stages, each with its share of the work."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._done = 0.0

    def stage(self, name: str) -> Progress:
        """The progress of one stage; stages are asked for in order."""
        start, share = self._done, SHARES[name]
        self._done += share

        def tell(part: float) -> None:
            if self._progress is not None:
                self._progress(min(start + share * part, 1.0))

        return tell
