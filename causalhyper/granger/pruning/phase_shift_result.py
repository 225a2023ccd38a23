"""The fall of accuracy with the share pruned, as a table, in words, and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.granger.pruning.phase_shift_words import tell_phase_shift
from causalhyper.granger.pruning.seed_fits import (
    QUANTITIES,
    SeedFits,
    reason_of,
    working_values,
)
from causalhyper.granger.pruning.transition import Scale, fit_transition, to_sparsity, to_x
from causalhyper.granger.pruning.transition_table import COLUMNS
from causalhyper.inference.intervals import t_quantile
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEVELS = ("method", "sparsity", "seeds", "mean", "lower", "upper", "fitted", "miss", "collapsed")
"""Columns of the table of levels: mean over seeds with its t interval, the fitted curve, how far
the mean is from it in standard errors, and the share of runs with a collapsed layer."""


@dataclass(frozen=True, slots=True, eq=False)
class PhaseShift(Shown):
    """Where and how sharply accuracy falls, method by method; see `phase_shift`.

    Attributes
    ----------
    fits : tuple of SeedFits
    table : DataFrame
        Columns `causalhyper.granger.pruning.transition_table.COLUMNS`.
    runs : DataFrame
        Columns method, seed, sparsity, at (its level), outcome, collapsed.
    outcome : str
    scale : {"kept", "pruned"}
    level : float
    collapses_known : bool
        Whether the runs say which layers collapsed.

    Raises
    ------
    ConfigurationError
        If the table has other columns.
    """

    fits: tuple[SeedFits, ...]
    table: pd.DataFrame
    runs: pd.DataFrame
    outcome: str
    scale: Scale
    level: float
    collapses_known: bool

    def __post_init__(self) -> None:
        if tuple(self.table.columns) != COLUMNS:
            raise ConfigurationError(f"the table must have the columns {', '.join(COLUMNS)}")

    def to_frame(self) -> pd.DataFrame:
        """One row a method and quantity, then one a pair of methods and contrast.

        Numbers are NaN where `reason` says why they are not identified. ``point``: share pruned
        at which accuracy has fallen half way; ``width_points``, ``width_decades``: shares pruned,
        and decades of the share kept, between 90% and 10% of the fall; ``shoulder_decades``:
        from 90% to half, which needs no level near a known floor; ``width_decades_alone``:
        geometric mean of the seeds' own.
        """
        return self.table.copy()

    def seeds_frame(self) -> pd.DataFrame:
        """One row a method and seed, fitted alone: `QUANTITIES`, rmse, reason.

        Numbers are NaN where they are not identified; `reason` says why.
        """
        rows = []
        for fits in self.fits:
            for seed, curve, reasons in zip(
                fits.seeds, fits.alone, fits.alone_reasons, strict=True
            ):
                own = (self.runs["method"] == fits.method) & (self.runs["seed"] == seed)
                numbers = [np.nan] * 7
                if curve is not None and not reasons[0]:
                    values = working_values(curve, self.scale)
                    point = float(to_sparsity(values[0], self.scale))
                    rmse = np.sqrt(curve.rss / own.sum())
                    numbers = [point, *np.exp(values[1:4]), *values[4:], rmse]
                for i, name in enumerate(QUANTITIES):
                    numbers[i] = np.nan if reason_of(name, reasons) else numbers[i]
                said = "; ".join(dict.fromkeys(filter(None, reasons)))
                rows.append((fits.method, seed, *numbers, said))
        names = ["method", "seed", *QUANTITIES, "rmse", "reason"]
        return pd.DataFrame(rows, columns=names)

    def levels_frame(self) -> pd.DataFrame:
        """One row a method and level; columns `LEVELS`."""
        rows = []
        for fits in self.fits:
            own = self.runs[self.runs["method"] == fits.method]
            for at, there in own.groupby("at", sort=True):
                values = there.groupby("seed")["outcome"].mean().to_numpy(dtype=np.float64)
                mean, se, half = float(values.mean()), np.nan, np.nan
                if len(values) > 1:
                    se = float(values.std(ddof=1)) / np.sqrt(len(values))
                    half = float(t_quantile(np.array(len(values) - 1.0), self.level)) * se
                fitted = np.nan
                if fits.curve is not None:
                    fitted = float(fits.curve(to_x(np.array([at]), self.scale))[0])
                miss = (mean - fitted) / se if se > 0 else np.nan
                share = float(there["collapsed"].mean()) if self.collapses_known else np.nan
                ends = (mean - half, mean + half)
                rows.append((fits.method, at, len(values), mean, *ends, fitted, miss, share))
        return pd.DataFrame(rows, columns=list(LEVELS))

    def goodness(self) -> pd.DataFrame:
        """One row a method: how well the curve fits, and the same curve on the other scale.

        Columns method, rmse and other_rmse (root mean square distance of level means), r2 (of the
        level means), worst (the level whose mean is furthest off) and worst_miss (by how much).
        """
        rows = []
        other: Scale = "pruned" if self.scale == "kept" else "kept"
        frame = self.levels_frame()
        for fits in self.fits:
            own = frame[frame["method"] == fits.method]
            if fits.curve is None:
                rows.append((fits.method, *[np.nan] * 5))
                continue
            mean, weights = (own[c].to_numpy(dtype=np.float64) for c in ("mean", "seeds"))
            shares = own["sparsity"].to_numpy(dtype=np.float64)
            apart = mean - own["fitted"].to_numpy(dtype=np.float64)
            x = to_x(shares, other)
            again = mean - fit_transition(x, mean, weights)(x)
            spread = float(((mean - mean.mean()) ** 2).mean())
            worst = int(np.abs(apart).argmax())
            errors = [float(np.sqrt((a**2).mean())) for a in (apart, again)]
            r2 = 1 - errors[0] ** 2 / spread if spread else np.nan
            rows.append((fits.method, *errors, r2, shares[worst], apart[worst]))
        names = ["method", "rmse", "other_rmse", "r2", "worst", "worst_miss"]
        return pd.DataFrame(rows, columns=names)

    def summary(self) -> str:
        """Say where and how sharply accuracy falls, what cannot be said, and what collapsed."""
        return tell_phase_shift(
            self.table, self.goodness(), self.levels_frame(), self.outcome, self.collapses_known
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw runs, means and curves over the share pruned, with the points and collapses.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure otherwise.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from causalhyper.figures.phase_shift import plot_phase_shift

        curves = [
            {"method": f.method, "top": c.top, "floor": c.floor, "middle": c.middle,
             "width": c.width}
            for f in self.fits
            if (c := f.curve) is not None
        ]  # fmt: skip
        points = self.table[(self.table["quantity"] == "point") & self.table["estimate"].notna()]
        return plot_phase_shift(
            self.levels_frame(),
            runs=self.runs,
            curves=pd.DataFrame(curves, columns=["method", "top", "floor", "middle", "width"]),
            points=points[["method", "estimate", "lower", "upper"]],
            ylabel=self.outcome,
            kept=self.scale == "kept",
            ax=ax,
        )
