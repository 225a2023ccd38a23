"""Leave one context, one cluster or one group of a column out, and estimate again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.progress import Progress
from causalhyper.queries.robustness.findings import Finding, Verdict, farthest_value
from causalhyper.queries.robustness.run_groups import find_groups
from causalhyper.queries.robustness.targets import make_target
from causalhyper.results import COLUMNS, Estimate, EstimateResult, decimals, to_frame
from causalhyper.scm.model import FittedModel
from causalhyper.scm.refitting import refit_model

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class LeaveOut(EstimateResult):
    """Effects with one group of runs left out at a time.

    Attributes
    ----------
    by : str
        What was left out, in words, such as "seed".
    whole : tuple of Estimate
        Design, graph and gap with everything.
    parts : tuple of Estimate
        The same without each group; their subject is the group.
    failed : tuple of (str, str)
        Levels without which nothing could be estimated, with the reason.
    """

    by: str
    whole: tuple[Estimate, ...]
    parts: tuple[Estimate, ...]
    failed: tuple[tuple[str, str], ...]

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Those with everything, then those without each group."""
        return self.whole + self.parts

    def to_frame(self) -> pd.DataFrame:
        """One row an estimate; columns left_out, estimator, change, then those of every estimate.

        What was left out is "" for the estimates with everything; the change from these is in
        their standard errors.
        """
        whole = {(e.query, e.value): e for e in self.whole}
        same = [whole[e.query, e.value] for e in self.estimates]
        changes = [
            (e.estimate - w.estimate) / w.se if w.se > 0 else 0.0
            for e, w in zip(self.estimates, same, strict=True)
        ]
        frame = to_frame(self.estimates).assign(
            left_out=[e.subject for e in self.estimates],
            estimator=[_estimator(e) for e in self.estimates],
            change=changes,
        )
        return frame[["left_out", "estimator", "change", *COLUMNS]]

    def influence_frame(self) -> pd.DataFrame:
        """One row an estimator and treatment value: range, most influential group, what survives.

        Columns estimator, value, estimate, lowest, highest, most_influential, change (in standard
        errors), same_sign (share), excludes_zero (share of intervals).
        """
        frame = self.to_frame()
        out = []
        for whole in self.whole:
            own = frame[
                (frame["query"] == whole.query)
                & (frame["value"] == whole.value)
                & (frame["left_out"] != "")
            ]
            if own.empty:
                continue
            top = own.iloc[int(np.argmax(own["change"].abs().to_numpy()))]
            clear = (own["lower"] > 0) | (own["upper"] < 0)
            out.append(
                {
                    "estimator": _estimator(whole),
                    "value": whole.value,
                    "estimate": whole.estimate,
                    "lowest": own["estimate"].min(),
                    "highest": own["estimate"].max(),
                    "most_influential": top["left_out"],
                    "change": top["change"],
                    "same_sign": (np.sign(own["estimate"]) == np.sign(whole.estimate)).mean(),
                    "excludes_zero": clear.mean(),
                }
            )
        return pd.DataFrame(out)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One an estimator at the treatment value farthest from the baseline."""
        value = farthest_value([e.value for e in self.whole], self.whole[0].against)
        whole = [e for e in self.whole if e.value == value]
        rows = self.influence_frame()
        if rows.empty:
            reason = "; ".join(f"without {group}: {why}" for group, why in self.failed)
            return (Finding(f"leave out ({self.by})", _NULL, reason, "does not apply"),)
        out = []
        for e in whole:
            row = rows[(rows["estimator"] == _estimator(e)) & (rows["value"] == value)].iloc[0]
            out.append(self._read(e, row))
        return tuple(out)

    def _read(self, e: Estimate, row: pd.Series) -> Finding:
        digits = decimals([e.se])
        count = len({p.subject for p in self.parts})
        reading = (
            f"{e.estimate:+.{digits}f} at {e.value:g} lies in {row['lowest']:+.{digits}f} to "
            f"{row['highest']:+.{digits}f} without any one of {count}; {row['most_influential']} "
            f"moves it most ({row['change']:+.2f} standard errors of the whole); sign kept in "
            f"{row['same_sign']:.0%}, interval without zero in {row['excludes_zero']:.0%}"
        )
        if self.failed:
            reading += f"; {len(self.failed)} cannot be left out"
        return Finding(
            f"leave out one {self.by} ({row['estimator']})", _NULL, reading, _verdict(e, row)
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the widest contrast without each group, by estimator."""
        from causalhyper.figures import plot_forest

        value = farthest_value([e.value for e in self.whole], self.whole[0].against)
        shown = [e for e in self.estimates if e.value == value and _estimator(e) != "gap"]
        rows = [
            {
                "label": e.subject or "everything",
                "group": _estimator(e),
                "estimate": e.estimate,
                "lower": e.lower,
                "upper": e.upper,
            }
            for e in sorted(shown, key=_estimator)
        ]
        return plot_forest(
            pd.DataFrame(rows), xlabel=f"effect of {value:g}, one {self.by} left out", ax=ax
        )

    def summary(self) -> str:
        """The findings as text."""
        return "\n".join(str(f) for f in self.findings)


_NULL = "the effect rests on no single one"


def leave_out(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    at: Sequence[float],
    baseline: float,
    by: str | None = None,
    runs: pd.DataFrame | None = None,
    draws: int = 500,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "t",
    progress: Progress | None = None,
) -> LeaveOut:
    """Estimate the effect again without each context, each cluster, or each group of a column.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    at : sequence of float
        Values of the treatment's column, within the range of the runs.
    baseline : float
        The value that the others are compared with.
    by : str, optional
        What groups runs. "context", "cluster", or a column; by default contexts, unless there is
        just one or each lies within a cluster: then clusters.
    runs : DataFrame, optional
        The frame that was fitted, rows in any order. Needed where `by` is a column behind neither
        clusters nor contexts.
    draws : int
        Cluster-bootstrap replicates. Each fit has its own.
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
    LeaveOut

    Raises
    ------
    ConfigurationError
        If the question does not fit the model, or `by` is unknown or makes a single group.
    DataError
        If `runs` is not the frame that was fitted, or lacks a column.
    """
    target = make_target(model, treatment, outcome, at, baseline, draws, seed, level, interval)
    name, labels = find_groups(model, by, runs)
    groups = list(dict.fromkeys(labels.tolist()))
    if len(groups) < 2:
        raise ConfigurationError(
            f"{name} has the single group {groups[0]}: there is nothing to leave out"
        )
    curve = target.curve()
    parts: list[Estimate] = []
    failed: list[tuple[str, str]] = []
    for i, left in enumerate(groups):
        try:
            rest = refit_model(model, rows=np.asarray(labels != left))
            parts += [replace(e, subject=left) for e in target.curve(rest).estimates]
        except ConfigurationError as error:
            failed.append((left, str(error)))
        if progress is not None:
            progress((i + 1) / len(groups))
    return LeaveOut(name, curve.estimates, tuple(parts), tuple(failed))


def _estimator(e: Estimate) -> str:
    return e.query.partition(".")[2]


def _verdict(e: Estimate, row: pd.Series) -> Verdict:
    """Whether what the whole says, zero or not, is said without any one group as well."""
    if row["estimator"] == "gap":
        share = row["excludes_zero"]
        return "holds" if share == (1.0 if e.excludes_zero else 0.0) else "is fragile"
    if row["same_sign"] < 1:
        return "is fragile"
    return "holds" if not e.excludes_zero or row["excludes_zero"] == 1 else "is fragile"
