"""Outcomes over hyper-parameters: a table, sentences, strip plots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.granger.pruning.paired_numbers import tell_p
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = (
    "parameter",
    "value",
    "outcome",
    "runs",
    "seeds",
    "mean",
    "median",
    "lower",
    "upper",
    "reference",
    "pairs",
    "difference",
    "difference_lower",
    "difference_upper",
    "p_value",
    "adjusted_p_value",
    "flip_p_value",
    "reason",
)
"""Columns of the table, in order: of all runs of a value their mean over seeds, its t interval,
and their median; then what pairs of runs that differ in nothing else say."""


@dataclass(frozen=True, slots=True, eq=False)
class HyperparameterStrips(Shown):
    """How outcomes depend on hyper-parameters; see `hyperparameter_strips`.

    Attributes
    ----------
    table : DataFrame
        One row a hyper-parameter, outcome and value, columns `COLUMNS`.
    runs : DataFrame
        Columns seed, the hyper-parameters and the outcomes.
    level : float

    Raises
    ------
    ConfigurationError
        If the table has other columns.
    """

    table: pd.DataFrame
    runs: pd.DataFrame
    level: float

    def __post_init__(self) -> None:
        if tuple(self.table.columns) != COLUMNS:
            raise ConfigurationError(f"the table must have the columns {', '.join(COLUMNS)}")

    @property
    def parameters(self) -> tuple[str, ...]:
        """Hyper-parameters, in order."""
        return tuple(dict.fromkeys(self.table["parameter"]))

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Outcomes, in order."""
        return tuple(dict.fromkeys(self.table["outcome"]))

    def to_frame(self) -> pd.DataFrame:
        """One row a hyper-parameter, outcome and value; columns `COLUMNS`."""
        return self.table.copy()

    def summary(self) -> str:
        """Say for each hyper-parameter what its values make of each outcome, all else equal."""
        lines = [
            f"Each value against a reference, paired by seed and by all other hyper-parameters; "
            f"{100 * self.level:g}% t intervals, p adjusted by Holm over the values"
        ]
        for (name, outcome), rows in self.table.groupby(["parameter", "outcome"], sort=False):
            lines.append(f"{outcome!s} by {name!s} (reference {rows['reference'].iloc[0]:g})")
            lines += [_tell(row) for row in rows.to_dict("records")]
        return "\n".join([*lines, *self._beside()])

    def _beside(self) -> list[str]:
        """Warn of outcomes that were compared at unequal sparsity."""
        if "sparsity" not in self.outcomes or len(self.outcomes) < 2:
            return []
        p = self.table["adjusted_p_value"]
        # a change that is the same in every seed, such as of a target, has no p-value
        changed = p.isna() & (self.table["difference"].abs() > 0)
        found = p <= 0.05
        moved = self.table[(self.table["outcome"] == "sparsity") & (changed | found)]
        names = list(dict.fromkeys(moved["parameter"]))
        if not names:
            return []
        return [
            f"{', '.join(names)} changes the sparsity too: its other contrasts are between "
            "networks of unequal sparsity"
        ]

    def plot(
        self, parameter: str | None = None, outcome: str | None = None, ax: Axes | None = None
    ) -> Axes:
        """Draw the runs of each value of one hyper-parameter, with means and medians.

        Parameters
        ----------
        parameter, outcome : str, optional
            The first by default.
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure otherwise.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ConfigurationError
            If there is no such hyper-parameter or outcome.
        """
        from causalhyper.figures.strips import plot_strips

        name, shown = parameter or self.parameters[0], outcome or self.outcomes[0]
        rows = self.table[(self.table["parameter"] == name) & (self.table["outcome"] == shown)]
        if rows.empty:
            raise ConfigurationError(
                f"there is no strip of {shown!r} by {name!r}; hyper-parameters: "
                f"{', '.join(self.parameters)}; outcomes: {', '.join(self.outcomes)}"
            )
        points = pd.DataFrame({"value": self.runs[name], "outcome": self.runs[shown]})
        return plot_strips(rows, runs=points, xlabel=name, ylabel=shown, ax=ax)

    def plot_all(self) -> Figure:
        """Draw a panel for every outcome (rows) and hyper-parameter (columns)."""
        from causalhyper.figures.strips import new_panels

        figure, panels = new_panels(len(self.outcomes), len(self.parameters))
        for i, outcome in enumerate(self.outcomes):
            for j, name in enumerate(self.parameters):
                axes = self.plot(name, outcome, ax=panels[i][j])
                if j:
                    axes.set_ylabel("")
        return figure


def _tell(row: Mapping[Any, Any]) -> str:
    said = (
        f"  {row['value']:>8g}: mean {row['mean']:.4f} over {row['runs']} runs of "
        f"{row['seeds']} seeds"
    )
    if isnan(row["difference"]):
        return f"{said}; {row['reason']}"
    return (
        f"{said}; {row['difference']:+.4f} [{row['difference_lower']:+.4f}, "
        f"{row['difference_upper']:+.4f}] over {row['pairs']} pairs, "
        + tell_p(row["adjusted_p_value"])
    )
