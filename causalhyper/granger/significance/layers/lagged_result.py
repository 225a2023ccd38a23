"""What Granger's test of two series found, in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from causalhyper.granger.significance.layers.stationarity import Stationarity
from causalhyper.granger.significance.layers.wald import WaldStatistic
from causalhyper.notebook import Shown
from causalhyper.results import HypothesisTest

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class LaggedDirection:
    """One direction.

    Attributes
    ----------
    cause, effect : str
    f, p_f : float
        F of independent errors of equal variance.
    wald : WaldStatistic
        For errors of changing variance, and dependent ones.
    p : float
        Of `wald`, by the bootstrap.
    """

    cause: str
    effect: str
    f: float
    p_f: float
    wald: WaldStatistic
    p: float


@dataclass(frozen=True, slots=True)
class LaggedTests(Shown):
    """Granger's test of two series, in both directions.

    Attributes
    ----------
    directions : tuple of LaggedDirection
        Movement to loss, loss to movement.
    lags : int
        Of both series.
    chosen : bool
        Whether the lags were chosen by the Bayesian information criterion.
    instantaneous : bool
        Whether the cause's own step is among its lags.
    difference : int
        How often the series were differenced.
    rows : int
        Steps of the regressions.
    stationarity : mapping of str to Stationarity
        By series.
    alpha : float
    """

    directions: tuple[LaggedDirection, ...]
    lags: int
    chosen: bool
    instantaneous: bool
    difference: int
    rows: int
    stationarity: dict[str, Stationarity]
    alpha: float

    def to_frame(self) -> pd.DataFrame:
        """One row a direction: cause, effect, lags, rows, f, p_f, statistic, p_asymptotic, p."""
        return pd.DataFrame(
            [
                {
                    "cause": d.cause,
                    "effect": d.effect,
                    "lags": self.lags,
                    "rows": self.rows,
                    "f": d.f,
                    "p_f": d.p_f,
                    "statistic": d.wald.value,
                    "p_asymptotic": d.wald.p_asymptotic,
                    "p": d.p,
                }
                for d in self.directions
            ]
        )

    def hypothesis_tests(self) -> tuple[HypothesisTest, ...]:
        """One a direction."""
        return tuple(
            HypothesisTest(
                name=f"{d.cause} to {d.effect}",
                null=f"given {self.lags} lags of {d.effect}, those of {d.cause} tell nothing",
                statistic=d.wald.value,
                p_value=d.p,
                reference="dependent wild bootstrap",
                alpha=self.alpha,
                if_rejected=f"past {d.cause} tells more about {d.effect} than its own past",
                if_kept=f"no sign that past {d.cause} tells about {d.effect}",
            )
            for d in self.directions
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the p-values under alpha and above."""
        from causalhyper.figures.dots import plot_dots

        frame = pd.DataFrame(
            {
                "label": [f"{d.cause} to {d.effect}" for d in self.directions],
                "value": [d.p for d in self.directions],
            }
        )
        marks = [(self.alpha, f"alpha {self.alpha:g}")]
        return plot_dots(
            frame, xlabel="p-value (dependent wild bootstrap)", log=True, marks=marks, ax=ax
        )

    def summary(self) -> str:
        """Say the lags, whether the series are stationary, and the reading of each direction."""
        how = "chosen by BIC" if self.chosen else "given"
        lines = [
            f"Granger's test with {self.lags} lags ({how}), {self.rows} steps, "
            f"{_differenced(self.difference)}"
            + (", the step itself among the lags" if self.instantaneous else "")
        ]
        lines += [
            f"{name} may not be stationary: unit root p = {s.p_unit_root:.3g}, stationary p = "
            f"{s.p_stationary:.3g}"
            for name, s in self.stationarity.items()
            if s.doubtful
        ]
        lines += [
            f"{test.name}: {test.reading} (p = {test.p_value:.3g})"
            for test in self.hypothesis_tests()
        ]
        return "\n".join(lines)


def _differenced(times: int) -> str:
    return {0: "not differenced", 1: "differenced once"}.get(times, f"differenced {times} times")
