"""Everything that an effect withstands, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import between
from causalhyper.queries.effects import EffectCurve
from causalhyper.queries.experiment import Progress
from causalhyper.queries.robustness.correlated_errors import GRID, correlated_errors
from causalhyper.queries.robustness.e_values import EValues, Scale, e_values
from causalhyper.queries.robustness.findings import Finding, findings_frame
from causalhyper.queries.robustness.leave_out import LeaveOut, leave_out
from causalhyper.queries.robustness.partial_r2 import PartialR2, partial_r2_sensitivity
from causalhyper.queries.robustness.refitting import make_target, require_additive
from causalhyper.queries.robustness.refutations import Refutation
from causalhyper.queries.robustness.refuters import (
    cluster_subsets,
    dummy_outcome,
    placebo_treatment,
    random_common_cause,
)
from causalhyper.queries.robustness.rho_curves import CorrelatedErrors
from causalhyper.scm.model import FittedModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARES = {"placebo": 0.2, "cause": 0.1, "subsets": 0.1, "dummy": 0.1, "rho": 0.3, "leave": 0.2}
"""Rough shares of the work, for the progress."""


@dataclass(frozen=True, slots=True)
class Robustness:
    """What the effect of a treatment withstands.

    Attributes
    ----------
    protocol : str
    treatment, outcome : str
        Nodes.
    curve : EffectCurve
        The effect itself.
    refutations : tuple of Refutation
        Placebo treatment, random common cause, cluster subsets, dummy outcome.
    e_values : EValues
    partial_r2 : PartialR2 or None
        None where no mediator has an arc, or a mechanism is not additive.
    correlated_errors : CorrelatedErrors or None
        None where nothing lies between, or a mechanism is not additive.
    leave_out : LeaveOut
    skipped : tuple of Finding
        What could not be asked, and why.
    """

    protocol: str
    treatment: str
    outcome: str
    curve: EffectCurve
    refutations: tuple[Refutation, ...]
    e_values: EValues
    partial_r2: PartialR2 | None
    correlated_errors: CorrelatedErrors | None
    leave_out: LeaveOut
    skipped: tuple[Finding, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings in reading order."""
        parts = (*self.refutations, self.e_values, self.partial_r2, self.correlated_errors)
        found = [f for part in parts if part is not None for f in part.findings]
        return (*found, *self.leave_out.findings, *self.skipped)

    def to_frame(self) -> pd.DataFrame:
        """One row a finding; columns test, null, reading, verdict."""
        return findings_frame(self.findings)

    @property
    def verdict(self) -> str:
        """What stands, and what would undo it, in plain words."""
        findings = self.findings
        failed = [f.test for f in findings if f.verdict == "fails"]
        fragile = [f.test for f in findings if f.verdict == "is fragile"]
        held = sum(f.verdict == "holds" for f in findings)
        lines = [f"{held} of {held + len(failed) + len(fragile)} checks hold."]
        if failed:
            lines.append(f"Fail: {', '.join(failed)}.")
        if fragile:
            lines.append(f"Fragile: {', '.join(fragile)}.")
        return " ".join([*lines, *self._hidden(), *self._mediated(), *self._gap()])

    def _hidden(self) -> list[str]:
        """The unmeasured cause that would most easily undo the hypergraph's effect."""
        weakest = self._weakest()
        if self.correlated_errors is None:
            return []
        if weakest is None:
            return [
                f"No single unmeasured cause of two of the nodes after {self.treatment}, within "
                "the correlations tried, would put the hypergraph's total effect in doubt."
            ]
        pair, rho = weakest
        if rho == 0:
            return ["The interval of the hypergraph's total effect holds zero as it is."]
        return [
            f"An unmeasured cause of {pair[0]} and {pair[1]} explaining {abs(rho):.0%} of the "
            f"residual variance of both (correlation {rho:+.2f}) would put the hypergraph's total "
            "effect in doubt; no pair needs a weaker one."
        ]

    def _mediated(self) -> list[str]:
        """The same for what goes through each mediator, where that is not the whole."""
        if self.correlated_errors is None:
            return []
        found: dict[str, tuple[float, str]] = {}
        for pair in self.correlated_errors.pairs:
            curve = None if pair.whole else pair.widest("natural_indirect")
            if curve and np.isfinite(curve.doubt):
                first, other = pair.pair
                known = found.get(first, (np.inf, ""))
                found[first] = min(known, (abs(curve.doubt), other))
        lines = []
        for mediator, (rho, other) in found.items():
            if rho == 0:
                lines.append(f"What goes through {mediator} is not told from zero as it is.")
            else:
                lines.append(
                    f"What goes through {mediator} would be in doubt with an unmeasured cause of "
                    f"{rho:.0%} of the residual variance of {mediator} and {other}."
                )
        return lines

    def _weakest(self) -> tuple[tuple[str, str], float] | None:
        if self.correlated_errors is None:
            return None
        curves = [(p.pair, p.widest("total")) for p in self.correlated_errors.pairs]
        found = [(pair, c.doubt) for pair, c in curves if c and np.isfinite(c.doubt)]
        return min(found, key=lambda f: abs(f[1])) if found else None

    def _gap(self) -> list[str]:
        """What unmeasured cause would close the gap from the design, where there is a gap."""
        if self.correlated_errors is None:
            return []
        curves = [(p.name, p.widest("gap")) for p in self.correlated_errors.pairs]
        gaps = [(name, c) for name, c in curves if c and c.uncorrelated.excludes_zero]
        closing = [(name, c.zero) for name, c in gaps if np.isfinite(c.zero)]
        if closing:
            ways = ", or ".join(f"{rho:+.2f} for {name}" for name, rho in closing)
            return [
                "The hypergraph misses the design's contrast; the gap would vanish with a "
                f"correlation of errors of {ways}."
            ]
        if gaps:
            return [
                "The hypergraph misses the design's contrast, and no single correlation of errors "
                "tried brings it there: an arc is missing or a mechanism has another form."
            ]
        return []

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the total effect over the correlation that most easily undoes it.

        Where no mediator gives one, draw the effect without each level left out.
        """
        if self.correlated_errors is None:
            return self.leave_out.plot(ax)
        weakest = self._weakest()
        pairs = {p.pair: p for p in self.correlated_errors.pairs}
        pair = pairs[weakest[0]] if weakest else self.correlated_errors.pairs[-1]
        return pair.plot(ax, part="total")

    def summary(self) -> str:
        """Every finding, one a line, and the verdict."""
        head = "test | H0 | reading | verdict"
        return "\n".join([self.curve.verdict, head, *map(str, self.findings), self.verdict])


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
        "context", "cluster" or a column of `runs`, of which one level a time is left out.
    runs : DataFrame, optional
        The runs that the model was fitted to, which name what is left out.
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
    0.92
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
    if not why:
        arcs = partial_r2_sensitivity(*ends, draws=draws, seed=seed, level=level)
        rho = correlated_errors(
            *ends, **asked, pairs=pairs, rhos=rhos, draws=draws, progress=report.stage("rho")
        )
    return Robustness(
        protocol=model.protocol,
        treatment=treatment,
        outcome=outcome,
        curve=target.curve(),
        refutations=refutations,
        e_values=e_values(*ends, **asked, mediators=mediators, scale=scale, draws=draws),
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
        require_additive(model, [*inside, outcome], "sensitivity to unmeasured causes")
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
