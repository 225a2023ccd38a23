"""How a test against rotated responses was made, and what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass

TREND, SPREAD = 0.3, 2.0
"""Share of a trend, and ratio of spreads, above which a summary warns."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a test was made, and what the response looked like.

    Attributes
    ----------
    statistic : str
    rows, rotations, min_shift : int
        T, the rotations compared, and the least of them in steps.
    trend, spread : str
        What was taken from both sides.
    alpha : float
    trend_share : float
        Share of the variance of y that a smooth trend fits, before anything was taken from it.
    spread_ratio, autocorrelation : float
        Of what was rotated: standard deviation of its first third over its last; correlation
        with the step before.
    scale : float
        Root mean square of what was rotated, in the unit of y.
    """

    statistic: str
    rows: int
    rotations: int
    min_shift: int
    trend: str
    spread: str
    alpha: float
    trend_share: float
    spread_ratio: float
    autocorrelation: float
    scale: float

    def warnings(self) -> list[str]:
        """Say what makes rotations invalid or powerless here."""
        found = []
        if self.trend == "none" and self.trend_share > TREND:
            found.append(
                f"a trend makes up {self.trend_share:.0%} of the variance of y and was rotated "
                "with it: columns with a trend of their own are found for that alone; use "
                "trend='smooth'"
            )
        if not 1 / SPREAD < self.spread_ratio < SPREAD:
            found.append(
                f"what was rotated spreads {self.spread_ratio:.2g} times as wide in the first "
                "third as in the last: columns whose spread changes too are found too often; use "
                "spread='smooth'"
            )
        if 1 / (1 + self.rotations) > self.alpha:
            found.append(
                f"{self.rotations} rotations cannot give a p-value of {self.alpha:g}: take more"
            )
        if self.min_shift > 1:
            found.append(
                f"rotations by less than {self.min_shift} steps were left out: p-values are too "
                "small where the statistic changes slowly with the rotation"
            )
        return found
