"""What a regression on the loss says beyond how far weights moved."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.notebook import Shown
from causalhyper.results import HypothesisTest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MORE, NO_MORE = "the loss tells more than movement", "no sign that it tells more than movement"
UNMOVED = "it never moved: nothing to test"
INCREMENT_COLUMNS = (
    "layer",
    "group",
    "n",
    "kept",
    "r2_out",
    "statistic",
    "p",
    "q",
    "r2_shared_out",
    "increment",
    "lower",
    "upper",
    "p_clark_west",
    "p_in",
)
"""Columns of `MovementIncrement.to_frame`, in order."""


@dataclass(frozen=True, slots=True)
class LayerIncrement:
    """One layer.

    Attributes
    ----------
    layer : str
    n : int
        Its columns' entries.
    r2_out : float
        Out of sample, with a coefficient for each column.
    increment, lower, upper : float
        `r2_out` less that of shared coefficients, with a Diebold-Mariano interval.
    statistic : float
        Share of the squared prediction errors of shared coefficients that is removed.
    p : float
        Of `statistic`, by the bootstrap.
    q : float
        `p` adjusted by Holm.
    p_clark_west : float
        Of Clark and West's statistic, against Student's t.
    p_in : float
        Of the in-sample score test.
    """

    layer: str
    n: int
    r2_out: float
    increment: float
    lower: float
    upper: float
    statistic: float
    p: float
    q: float
    p_clark_west: float
    p_in: float

    @property
    def moved(self) -> bool:
        """Whether there is anything to test: numbers of a layer that never moved are NaN."""
        return not math.isnan(self.p)


@dataclass(frozen=True, slots=True)
class MovementIncrement(Shown):
    """Whether deviations from one shared coefficient a layer predict the loss change.

    Attributes
    ----------
    layers : tuple of LayerIncrement
    shared : {"layer", "network"}
        One coefficient a layer, or one for all.
    coefficients : tuple of float
        The shared ones: loss change per total movement.
    r2_shared_in, r2_shared_out : float
        Share of the loss change that they explain, in and out of sample.
    rows, predicted : int
        Steps, and those predicted from earlier ones.
    alpha, level : float
        Size of the verdicts, by q; level of the intervals.
    draws, block : int
        Of the bootstrap.
    """

    layers: tuple[LayerIncrement, ...]
    shared: str
    coefficients: tuple[float, ...]
    r2_shared_in: float
    r2_shared_out: float
    rows: int
    predicted: int
    alpha: float
    level: float
    draws: int
    block: int

    def __getitem__(self, layer: str) -> LayerIncrement:
        for found in self.layers:
            if found.layer == layer:
                return found
        names = ", ".join(found.layer for found in self.layers)
        raise ConfigurationError(f"no layer is called {layer!r}; there are {names}")

    def to_frame(self) -> pd.DataFrame:
        """One row a layer, columns `INCREMENT_COLUMNS`; ``kept`` is n or, with no increment, 0."""
        rows = [
            {
                "layer": x.layer,
                "group": "layer",
                "n": x.n,
                "kept": x.n if self._more(x) else 0,
                "r2_out": x.r2_out,
                "statistic": x.statistic,
                "p": x.p,
                "q": x.q,
                "r2_shared_out": self.r2_shared_out,
                "increment": x.increment,
                "lower": x.lower,
                "upper": x.upper,
                "p_clark_west": x.p_clark_west,
                "p_in": x.p_in,
            }
            for x in self.layers
        ]
        return pd.DataFrame(rows, columns=list(INCREMENT_COLUMNS))

    def hypothesis_tests(self) -> tuple[HypothesisTest, ...]:
        """One a layer, with Holm's p-value."""
        return tuple(
            HypothesisTest(
                name=f"increment over the movement of {x.layer}",
                null=f"all entries of {x.layer} have one coefficient",
                statistic=x.statistic if x.moved else None,
                p_value=x.q if x.moved else None,
                reference=f"dependent wild bootstrap, {self.draws} draws, blocks of {self.block}",
                alpha=self.alpha,
                if_rejected=MORE,
                if_kept=NO_MORE,
                inapplicable="" if x.moved else UNMOVED,
            )
            for x in self.layers
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the increment of each layer that moved over movement, with its interval."""
        from causalhyper.figures import plot_forest

        moved = [x for x in self.layers if x.moved]
        frame = pd.DataFrame(
            {
                "label": [x.layer for x in moved],
                "estimate": [100 * x.increment for x in moved],
                "lower": [100 * x.lower for x in moved],
                "upper": [100 * x.upper for x in moved],
                "muted": [not self._more(x) for x in moved],
            }
        )
        xlabel = f"increment over movement, % of the loss change ({self.level:.0%} interval)"
        return plot_forest(frame, xlabel=xlabel, ax=ax)

    def summary(self) -> str:
        """Say what movement explains, and one verdict a layer."""
        which = "one coefficient a layer" if self.shared == "layer" else "one coefficient"
        lines = [
            f"Movement explains {self.r2_shared_in:.2%} of the loss change of {self.rows} steps "
            f"with {which}, {self.r2_shared_out:.2%} out of sample ({self.predicted} steps, each "
            "predicted from earlier ones)"
        ]
        for x in self.layers:
            if not x.moved:
                lines.append(f"{x.layer}: {UNMOVED}")
                continue
            verdict = MORE if self._more(x) else NO_MORE
            lines.append(
                f"{x.layer}: {verdict}; increment {x.increment:+.4%} [{x.lower:+.4%}, "
                f"{x.upper:+.4%}], p = {x.q:.3g}"
            )
        return "\n".join(lines)

    def _more(self, x: LayerIncrement) -> bool:
        # a test of coefficients can reject where their estimates are too noisy to predict
        return x.q <= self.alpha and x.increment > 0
