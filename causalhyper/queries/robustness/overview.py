"""What an effect withstands: all results together, and a verdict in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.notebook import Shown
from causalhyper.queries.effects.query import EffectCurve
from causalhyper.queries.robustness.arc_sensitivity import PartialR2
from causalhyper.queries.robustness.e_value_results import EValues
from causalhyper.queries.robustness.findings import Finding, findings_frame
from causalhyper.queries.robustness.leave_out import LeaveOut
from causalhyper.queries.robustness.refutations import Refutation
from causalhyper.queries.robustness.rho_curves import CorrelatedErrors

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Robustness(Shown):
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

        Where no mediator gives one, draw the effect without each group left out.
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
