"""What runs hold before any model: counts, missing values, balance, values far out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erfc, sqrt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.errors import DataError
from causalhyper.frames import Roles
from causalhyper.frames.foreign import as_pandas
from causalhyper.notebook import Shown
from causalhyper.report.robust_scores import LIMIT, OWN
from causalhyper.report.run_checks import (
    check_pairing,
    count_cells,
    count_missing,
    find_diverged,
    find_endings,
    read_numbers,
    score_runs,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RULE = (
    f"A value is far out where it lies more than {LIMIT:g} spreads from the median of the runs "
    "with the same treatment value and context. The spread is 1.048 times the median distance "
    f"between two of these runs, or over all such groups where there are fewer than {OWN} of "
    "them. Such a run stays in the analysis."
)
"""How values far out are found, in words."""


@dataclass(frozen=True, slots=True)
class DataSummary(Shown):
    """Counts, missing values, balance and values far out of the runs of a study.

    Attributes
    ----------
    treatment : str
        The treatment's column.
    n, clusters : int
        Runs and clusters.
    counts : DataFrame
        One row a context and treatment value: the context's columns, value, runs, clusters.
    missing : DataFrame
        One row a node, and one for each other column that lacks values: node ("" for the
        latter), column, present, missing.
    paired : int
        Clusters, each within each of its contexts, that have two treatment values or more.
    incomplete : DataFrame
        Those of them that lack a value which their context has, or have one more than once:
        cluster, context, lacks, repeats.
    scores : DataFrame
        One row a run and measured node: run_id, node, column, value, treatment, centre, spread,
        score (see `RULE`), all on the node's scale.
    diverged : DataFrame
        Runs that diverged or did not finish: run_id, treatment, why.
    endings : tuple of str
        Columns that say of every run how it ended: diverged, status.
    """

    treatment: str
    n: int
    clusters: int
    counts: pd.DataFrame
    missing: pd.DataFrame
    paired: int
    incomplete: pd.DataFrame
    scores: pd.DataFrame
    diverged: pd.DataFrame
    endings: tuple[str, ...]

    @property
    def outliers(self) -> pd.DataFrame:
        """Rows of `scores` beyond the limit, the farthest first."""
        far = self.scores[self.scores["score"].abs() > LIMIT]
        order = far["score"].abs().sort_values(ascending=False, kind="stable").index
        return far.loc[order].reset_index(drop=True)

    @property
    def expected(self) -> float:
        """Values that would be far out by chance if all were normal."""
        return float(self.scores["score"].notna().sum()) * erfc(LIMIT / sqrt(2))

    @property
    def far_out(self) -> str:
        """How many values lie far out, in one sentence; or why none was looked at."""
        if self.scores["centre"].isna().all():
            return (
                "Nothing is said of values far out: no treatment value has two measured runs in "
                "one context, so no run has others to be held against."
            )
        if self.scores["score"].isna().all():
            return (
                "Nothing is said of values far out: most runs with the same treatment value and "
                "context have the same value, so there is no spread to hold a run against."
            )
        far = len(self.outliers)
        return (
            f"{far} {'value lies' if far == 1 else 'values lie'} far out; about "
            f"{self.expected:.1f} would by chance if all were normal. {RULE}"
        )

    @property
    def ended(self) -> str:
        """How many runs diverged or did not finish, in one sentence; or that nothing says so."""
        gone = len(self.diverged)
        if gone:
            runs = "run" if gone == 1 else "runs"
            return (
                f"{gone} {runs} diverged or did not finish. A run that diverged is an outcome: "
                "leaving it out is selection."
            )
        if "diverged" in self.endings:
            return "No runs diverged."
        if self.endings:
            return "All runs finished by their status; no column says whether one diverged."
        return (
            "No column says of every run whether it diverged (diverged, or the status that "
            "`causalhyper read` writes); no measurement is infinite."
        )

    @property
    def balance(self) -> str:
        """Whether clusters have every treatment value, in one sentence."""
        if not self.paired:
            return "No cluster has two treatment values: runs are not paired."
        whole = self.paired - len(self.incomplete)
        if self.incomplete.empty:
            return f"Each of the {self.paired} paired blocks has every treatment value once."
        return f"{whole} of {self.paired} paired blocks have every treatment value once."

    def to_frame(self) -> pd.DataFrame:
        """One row a check: check, subject, count, of, share."""
        lost = self.missing[self.missing["node"] != ""]
        rows = [("missing", v, m, p + m) for v, p, m in
                zip(lost["node"], lost["present"], lost["missing"], strict=True)]  # fmt: skip
        for node, part in self.scores.groupby("node", sort=False):
            far = int((part["score"].abs() > LIMIT).sum())
            rows.append(("far out", node, far, int(part["score"].notna().sum())))
        rows.append(("diverged", "runs", len(self.diverged), self.n))
        rows.append(("incomplete", "paired blocks", len(self.incomplete), self.paired))
        frame = pd.DataFrame(rows, columns=["check", "subject", "count", "of"])
        return frame.assign(share=frame["count"] / frame["of"].where(frame["of"] > 0))

    def summary(self) -> str:
        """Counts, missing values, balance and values far out as text."""
        lost = self.missing[self.missing["missing"] > 0]
        missing = [f"{r.column} {r.missing}" for r in lost.itertuples()]
        names = [f"{r.run_id} ({r.column}, {r.score:+.1f})" for r in self.outliers.itertuples()]
        more = f", and {len(names) - 10} more" if len(names) > 10 else ""
        lines = [
            f"{self.n} runs in {self.clusters} clusters",
            *(f"  {line}" for line in self.counts.to_string(index=False).splitlines()),
            f"missing values: {', '.join(missing) or 'none'}",
            self.balance,
            self.ended,
            self.far_out,
            *([f"far out: {', '.join(names[:10])}{more}"] if names else []),
        ]
        return "\n".join(lines)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw every measurement's scores by node, with the runs that are far out."""
        from causalhyper.figures.scores import plot_scores

        frame = self.scores.rename(columns={"run_id": "run"})
        labels = frame["node"] + ": " + frame["column"]
        return plot_scores(
            frame.assign(label=labels),
            limit=LIMIT,
            xlabel="distance from the median of the run's group (in spreads)",
            ax=ax,
        )


def summarise_runs(
    runs: pd.DataFrame,
    roles: Roles | Mapping[str, str],
    *,
    treatment: str,
    cluster: str | Sequence[str] = (),
    context: str | Sequence[str] = (),
) -> DataSummary:
    """Say what runs hold, whatever is wrong with them.

    Parameters
    ----------
    runs : DataFrame, shape (runs, columns)
        One row a run; `run_id` names it, or else its row.
    roles : Roles or mapping of str to str
        Which column plays which node.
    treatment : str
        The treatment's node.
    cluster, context : str or sequence of str
        Columns of what is resampled together, and of what an effect is conditioned on.

    Returns
    -------
    DataSummary
        Values that are no numbers count as missing; infinite ones as diverged.

    Raises
    ------
    ConfigurationError
        If the treatment has no role.
    DataError
        If a column is not there, or no run has a treatment value.

    Examples
    --------
    >>> frame = pd.DataFrame({"batch": [16, 64] * 6, "seed": np.arange(12) // 2, "acc": 0.5})
    >>> frame.loc[3, "acc"] = None
    >>> found = summarise_runs(
    ...     frame, {"B": "batch", "G": "acc"}, treatment="B", cluster="seed"
    ... )
    >>> found.balance, found.missing["missing"].tolist()
    ('Each of the 6 paired blocks has every treatment value once.', [0, 1])
    """
    runs = as_pandas(runs).reset_index(drop=True)
    roles = roles if isinstance(roles, Roles) else Roles.from_mapping(roles)
    clusters, contexts = _names(cluster), _names(context)
    column = roles[treatment].column
    _check_columns(runs, (*roles.columns, *clusters, *contexts))
    names = runs["run_id"].astype(str) if "run_id" in runs else runs.index.astype(str)
    numbers = {c: read_numbers(runs[c]) for c in roles.columns}
    kept = runs.assign(**{column: numbers[column]}, run_id=np.asarray(names))
    if not np.isfinite(numbers[column]).any():
        raise DataError(f"no run has a value of the treatment's column {column!r}")
    kept = kept[np.isfinite(numbers[column])]
    paired, incomplete = check_pairing(kept, column, clusters, contexts)
    return DataSummary(
        treatment=column,
        n=len(runs),
        clusters=len(runs[list(clusters)].drop_duplicates()) if clusters else len(runs),
        counts=count_cells(kept, column, clusters, contexts),
        missing=count_missing(runs, roles, numbers),
        paired=paired,
        incomplete=incomplete,
        scores=score_runs(kept, numbers, roles, treatment, contexts),
        diverged=find_diverged(runs, list(names), numbers, column),
        endings=find_endings(runs),
    )


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _check_columns(runs: pd.DataFrame, needed: Sequence[str]) -> None:
    if lost := [name for name in needed if name not in runs.columns]:
        raise DataError(
            f"the runs have no column {lost[0]!r}; they have {', '.join(map(str, runs.columns))}"
        )
