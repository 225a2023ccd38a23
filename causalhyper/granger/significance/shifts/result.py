"""What a test against rotated responses found, column by column and layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.significance.shifts.layer import LayerShifts
from causalhyper.granger.significance.shifts.reading import Reading
from causalhyper.inference.multiplicity import adjust_p_values
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, eq=False)
class ShiftTest(Shown):
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

    def _overview(self) -> pd.DataFrame:
        return self.by_layer()

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
