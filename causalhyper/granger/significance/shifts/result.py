"""What a test against rotated responses found, column by column and layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.inference.multiplicity import adjust_p_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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


@dataclass(frozen=True, slots=True, eq=False)
class LayerShifts:
    """What was found of one layer of p entries in U units.

    Attributes
    ----------
    name : str
    statistic : ndarray, shape (p,)
        Zero where an entry does not vary.
    p : ndarray, shape (p,)
        Of each entry alone.
    p_family : ndarray, shape (p,)
        By the largest statistic of all entries of all layers.
    p_stepdown : ndarray, shape (p,)
        The same in steps down: no larger.
    q : ndarray, shape (p,)
        `p` adjusted by Benjamini and Hochberg over all layers.
    expected : ndarray, shape (p,)
        Mean of the statistic over the rotations.
    flat : int
        Entries that do not vary.
    maxima, squares : ndarray, shape (U, 1 + rotations)
        Largest statistic of a unit, and sum of the squares, as observed and for each rotation.

    Raises
    ------
    ConfigurationError
        If the arrays do not belong together, or an adjusted p-value lies below its p-value.
    """

    name: str
    statistic: Array
    p: Array
    p_family: Array
    p_stepdown: Array
    q: Array
    expected: Array
    flat: int
    maxima: Array
    squares: Array

    def __post_init__(self) -> None:
        per_entry = (self.p, self.p_family, self.p_stepdown, self.q, self.expected)
        if any(values.shape != self.statistic.shape for values in per_entry):
            raise ConfigurationError(f"layer {self.name!r} needs a number an entry of each kind")
        rounding = 1e-12
        if (self.q < self.p - rounding).any() or (
            self.p_stepdown > self.p_family + rounding
        ).any():
            raise ConfigurationError(
                f"layer {self.name!r} has a q below its p, or a stepdown p above the p of one step"
            )

    def of_layer(self) -> tuple[Array, Array]:
        """Maxima and sums of squares of the whole layer, each of shape (1 + rotations,)."""
        return self.maxima.max(axis=0), self.squares.sum(axis=0)


@dataclass(frozen=True, slots=True, eq=False)
class ShiftTest:
    """Every column against the response rotated in time; see `shift_test`.

    Attributes
    ----------
    layers : tuple of LayerShifts
    maxima : ndarray, shape (1 + rotations,)
        Largest statistic over all entries of all layers, as observed and for each rotation.
    reading : Reading
        How the test was made.
    """

    layers: tuple[LayerShifts, ...]
    maxima: Array
    reading: Reading

    def __getitem__(self, name: str) -> LayerShifts:
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = ", ".join(layer.name for layer in self.layers)
        raise ConfigurationError(f"no layer is called {name!r}; there are {names}")

    @property
    def cutoff(self) -> float:
        """The statistic above which an entry has a family-wise p-value of alpha or less.

        Infinity where the rotations are too few for that.
        """
        return _quantile(self.maxima[1:], self.reading.alpha)

    @property
    def entry_lambda(self) -> float:
        """The penalty at which rotated responses let a first column into a standardised lasso.

        The family-wise cutoff in the unit of the response: at a penalty above it, the lasso of a
        rotated response keeps anything with a probability of alpha or less. Of correlations of
        single columns, with trend "none" and spread "constant", in one training.

        Raises
        ------
        ConfigurationError
            For another statistic, trend or spread.
        """
        reading = self.reading
        if (reading.statistic, reading.trend, reading.spread) != (
            "correlation", "none", "constant",
        ):  # fmt: skip
            raise ConfigurationError(
                "entry_lambda takes statistic='correlation', trend='none', spread='constant'; got "
                f"{reading.statistic!r}, {reading.trend!r}, {reading.spread!r}: rerun the path by "
                "shifted_selection"
            )
        return self.cutoff * reading.scale

    def to_frame(self) -> pd.DataFrame:
        """One row an entry: layer, index, n, statistic, p, p_family, p_stepdown, q, expected.

        ``n`` is the number of steps, ``expected`` the mean statistic of rotated responses.
        """
        frames = [
            pd.DataFrame(
                {
                    "layer": layer.name, "index": np.arange(len(layer.p)),
                    "n": self.reading.rows, "statistic": layer.statistic, "p": layer.p,
                    "p_family": layer.p_family, "p_stepdown": layer.p_stepdown, "q": layer.q,
                    "expected": layer.expected,
                }
            )
            for layer in self.layers
        ]  # fmt: skip
        return pd.concat(frames, ignore_index=True)

    def units(self) -> pd.DataFrame:
        """One row a unit: layer, unit, n, largest, p_largest, p_family, squares, p_squares, q.

        ``largest`` is the largest statistic of its entries and ``squares`` the sum of their
        squares; each has a p-value of its own, and the mean over the rotations as
        ``expected_largest`` and ``expected_squares``. ``p_family`` is by the largest statistic of
        all units, ``q`` adjusts ``p_squares`` by Benjamini and Hochberg over all units.
        """
        return self._table([(x.name, x.maxima, x.squares) for x in self.layers], "unit")

    def by_layer(self) -> pd.DataFrame:
        """One row a layer, as `units`, with the entries found.

        ``found`` have a stepdown p-value of alpha or less, ``found_fdr`` a q of alpha or less,
        ``found_alone`` a p-value of alpha or less, of which a response that has nothing to do
        with the columns makes ``expected_alone``.
        """
        parts = [(x.name, x.of_layer()[0][None], x.of_layer()[1][None]) for x in self.layers]
        table = self._table(parts, "unit").drop(columns="unit")
        alpha, draws = self.reading.alpha, self.reading.rotations + 1
        reachable = np.floor(alpha * draws + 1e-9) / draws
        sizes = np.array([len(x.p) for x in self.layers])
        varying = sizes - np.array([x.flat for x in self.layers])
        return table.assign(
            entries=sizes,
            found=[int((x.p_stepdown <= alpha).sum()) for x in self.layers],
            found_fdr=[int((x.q <= alpha).sum()) for x in self.layers],
            found_alone=[int((x.p <= alpha).sum()) for x in self.layers],
            expected_alone=reachable * varying,
        )

    def summary(self) -> str:
        """Say how the test was made and what speaks against it; one verdict line a layer."""
        reading = self.reading
        lines = [
            f"|{reading.statistic}| of {sum(len(x.p) for x in self.layers)} entries over "
            f"{reading.rows} steps, against {reading.rotations} rotations of the response in time",
            f"taken from both sides: trend {reading.trend}, spread {reading.spread}; what was "
            f"rotated has an autocorrelation of {reading.autocorrelation:.2f}",
            f"cutoff {self.cutoff:.3g}: the largest statistic of a rotated response reaches it "
            f"with probability {reading.alpha:g} at most",
        ]
        lines += [f"caution: {text}" for text in reading.warnings()]
        least = len(self.maxima)
        resolved = sum(len(x.p) for x in self.layers) / (reading.alpha * least)
        if resolved > 1:
            lines.append(
                f"q-values at {reading.alpha:g} need {int(np.ceil(resolved))} entries at the "
                f"smallest p-value, 1/{least}: few entries are found by the cutoff only"
            )
        return "\n".join(lines + [self._verdict(row) for _, row in self.by_layer().iterrows()])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the largest statistics of the rotations, the cutoff and what was observed.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure otherwise.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from causalhyper.figures.rotations import plot_rotations

        frame = pd.DataFrame({"largest": self.maxima[1:]})
        return plot_rotations(
            frame,
            observed=float(self.maxima[0]),
            cutoff=self.cutoff,
            label=f"largest |{self.reading.statistic}|",
            ax=ax,
        )

    def _table(self, parts: list[tuple[str, Array, Array]], index: str) -> pd.DataFrame:
        frames = []
        for name, maxima, squares in parts:
            frame = pd.DataFrame({"layer": name, index: np.arange(len(maxima))})
            frame["n"] = self.reading.rows
            for key, values in (("largest", maxima), ("squares", squares)):
                frame[key] = values[:, 0]
                frame[f"p_{key}"] = _shares(values[:, :1], values[:, 1:])
                frame[f"expected_{key}"] = values[:, 1:].mean(axis=1)
            frame["p_family"] = _shares(maxima[:, :1], self.maxima[None, 1:])
            frames.append(frame)
        table = pd.concat(frames, ignore_index=True)
        return table.assign(q=adjust_p_values(table["p_squares"].to_numpy(), "bh"))

    def _verdict(self, row: pd.Series) -> str:
        alpha, reading = self.reading.alpha, self.reading
        counts = (
            f"{row['found']} of {row['entries']} entries beyond the cutoff; p <= {alpha:g} for "
            f"{row['found_alone']}, {row['expected_alone']:.0f} expected"
        )
        either = min(row["p_largest"], row["p_squares"])
        if reading.warnings():
            word = "read with the caution above"
        elif row["found"]:
            word = "single entries go with the response"
        elif 2 * either <= alpha:
            word = "the layer goes with the response, no single entry can be told"
        else:
            word = "nothing that a rotated response would not show"
        return (
            f"{row['layer']}: {counts}; largest {row['largest']:.3g} "
            f"(p = {row['p_largest']:.2g}), sum of squares {row['squares']:.3g} against "
            f"{row['expected_squares']:.3g} (p = {row['p_squares']:.2g}): {word}."
        )


def _shares(observed: Array, nulls: Array) -> Array:
    """P-values of some observed values, each with its own nulls or all with the same."""
    room = 1e-5 * np.abs(observed)
    reached = np.count_nonzero(nulls >= observed - room, axis=1)
    return np.asarray((1 + reached) / (1 + nulls.shape[1]))


def _quantile(maxima: Array, alpha: float) -> float:
    """The least value that is reached by few enough rotations for a p-value of alpha."""
    most = int(np.floor(alpha * (1 + len(maxima)) + 1e-9)) - 1
    if most < 0:
        return float("inf")
    ordered = np.sort(maxima)[::-1]
    return float(np.nextafter(ordered[most], np.inf)) if most < len(ordered) else 0.0
