"""A table of layers with what every test found, and a verdict each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.granger.significance.report.verdict import (
    READINGS,
    Reading,
    Rule,
    p_text,
    stability_word,
)
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TABLE = (
    "layer", "group", "n", "kept", "lambda", "r2_out", "statistic", "p", "q",
    "selection_frequency", "null_expectation",
)  # fmt: skip
"""Columns of `Diagnosis.to_frame`, in order."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerEntries:
    """Entries of a layer that are kept, or beyond the cutoff.

    Attributes
    ----------
    index : ndarray of int, shape (k,)
        Parameter or unit, increasing.
    kept : ndarray of bool, shape (k,)
    statistic, p, q : ndarray, shape (k,)
        Of `shift_test`; q is the stepdown p-value over all entries of all layers.
    frequency, null_frequency : ndarray, shape (k,)
        Shares of half samples, and of rotated losses, that keep it.
    """

    index: Codes
    kept: Flags
    statistic: Array
    p: Array
    q: Array
    frequency: Array
    null_frequency: Array

    def __post_init__(self) -> None:
        shapes = {getattr(self, name).shape for name in self.__slots__}
        if len(shapes) != 1:
            raise ConfigurationError(f"entries need a number of each kind; got shapes {shapes}")


@dataclass(frozen=True, slots=True, eq=False)
class LayerDiagnosis:
    """What is known of one layer.

    Attributes
    ----------
    layer : str
    n, kept : int
        Entries (parameters or units), and those that the selection keeps.
    lambda_ : float
        The penalty chosen.
    r2_in, r2_out, r2_out_se : float
        Share of the loss change fitted, and predicted of later steps, with its standard error.
    null_r2_in, p_r2_in : float
        Mean of `r2_in` over rotated losses, and its p-value by them.
    null_kept : float
        Entries that the same selection keeps of a rotated loss, on average.
    statistic, expected : float
        Largest absolute correlation of its entries, and its mean over rotated losses.
    p : float
        Of the layer: twice the smaller of the p-values of `statistic` and of the sum of squares.
    q : float
        The same, adjusted over all layers.
    beyond : int
        Entries beyond the cutoff, family-wise over all entries of all layers.
    frequency, jaccard, stability : float
        Mean selection frequency of the kept entries; agreement of complementary half samples;
        Nogueira's index.
    q_others : float
        Of its movement given the other layers (`layer_tests`), adjusted; NaN without a test.
    increment, lower, upper, q_increment : float
        Over its movement (`movement_increment`), with its interval, and adjusted p-value.
    entries : LayerEntries
    """

    layer: str
    n: int
    kept: int
    lambda_: float
    r2_in: float
    r2_out: float
    r2_out_se: float
    null_r2_in: float
    p_r2_in: float
    null_kept: float
    statistic: float
    expected: float
    p: float
    q: float
    beyond: int
    frequency: float
    jaccard: float
    stability: float
    q_others: float
    increment: float
    lower: float
    upper: float
    q_increment: float
    entries: LayerEntries

    def __post_init__(self) -> None:
        if self.q < self.p - 1e-12 or not 0 <= self.kept <= self.n:
            raise ConfigurationError(
                f"layer {self.layer!r} needs q of at least p, and to keep 0 to n entries; got "
                f"{self.q:g} below {self.p:g}, or {self.kept} of {self.n}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis(Shown):
    """What is known of every layer; see `diagnose`.

    Attributes
    ----------
    layers : tuple of LayerDiagnosis
    rule : Rule
        How verdicts are decided.
    rows, trainings : int
        Steps of all trainings.
    level : float
        Of the intervals.
    entries : str
        "parameters" or "units".
    cautions : tuple of str
        What speaks against the tests here.
    assumptions : tuple of str
    """

    layers: tuple[LayerDiagnosis, ...]
    rule: Rule
    rows: int
    trainings: int
    level: float
    entries: str
    cautions: tuple[str, ...]
    assumptions: tuple[str, ...]

    def __getitem__(self, layer: str) -> LayerDiagnosis:
        for found in self.layers:
            if found.layer == layer:
                return found
        names = ", ".join(found.layer for found in self.layers)
        raise ConfigurationError(f"no layer is called {layer!r}; there are {names}")

    def to_frame(self, *, entries: bool = False) -> pd.DataFrame:
        """One row a layer (group "all"), and with `entries` one for each that is kept or found.

        Columns are `TABLE`. Of a layer, ``statistic`` is the largest absolute correlation, ``p``
        and ``q`` those of the layer against rotated losses, ``selection_frequency`` the mean over
        the kept entries, and ``null_expectation`` the number of entries that the same selection
        keeps of a rotated loss. Of an entry, ``group`` is its index, ``q`` is family-wise over
        all entries of all layers, and ``null_expectation`` is the share of rotated losses that
        keep it; ``lambda`` and ``r2_out`` are the layer's.
        """
        frames = []
        for found in self.layers:
            frames.append(_layer_row(found))
            if entries and len(found.entries.index):
                frames.append(_entry_rows(found))
        table = pd.concat(frames, ignore_index=True)
        return table[list(TABLE)]

    def details(self) -> pd.DataFrame:
        """One row a layer, with every number of `LayerDiagnosis` and the reading."""
        names = [name for name in LayerDiagnosis.__slots__ if name != "entries"]
        rows = [{name: getattr(found, name) for name in names} for found in self.layers]
        readings = [self.reading(found.layer) for found in self.layers]
        return pd.DataFrame(rows).rename(columns={"lambda_": "lambda"}).assign(reading=readings)

    def reading(self, layer: str) -> Reading:
        """Answer for a layer: "no sign", "movement" or "beyond movement"."""
        found = self[layer]
        return self.rule.reading(found.q, found.q_increment, found.increment)

    def verdict(self, layer: str) -> str:
        """Say in one line what is known of a layer."""
        return f"{layer}: {'; '.join(self._clauses(self[layer]))}"

    def summary(self) -> str:
        """Say what was tested and how it is decided; then one verdict a layer."""
        several = "1 training" if self.trainings == 1 else f"{self.trainings} trainings"
        lines = [
            f"Significance of {len(self.layers)} layers, {sum(x.n for x in self.layers)} "
            f"{self.entries}, {self.rows} steps of {several}",
            self.rule.said(),
            "assumes: " + "; ".join(self.assumptions),
        ]
        lines += [f"caution: {text}" for text in self.cautions]
        return "\n".join(lines + [self.verdict(found.layer) for found in self.layers])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the increment over movement of every layer, under its reading.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure otherwise.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from causalhyper.figures import plot_forest

        readings = [self.reading(found.layer) for found in self.layers]
        frame = pd.DataFrame(
            {
                "label": [found.layer for found in self.layers],
                "estimate": [100 * found.increment for found in self.layers],
                "lower": [100 * found.lower for found in self.layers],
                "upper": [100 * found.upper for found in self.layers],
                "group": [READINGS[reading] for reading in readings],
                "muted": [reading == "no sign" for reading in readings],
            }
        ).sort_values("group", kind="stable", ignore_index=True)
        xlabel = f"increment over movement, % of the loss change ({self.level:.0%} interval)"
        return plot_forest(frame, xlabel=xlabel, ax=ax)

    def _clauses(self, x: LayerDiagnosis) -> list[str]:
        reading = self.rule.reading(x.q, x.q_increment, x.increment)
        head = (
            f"{READINGS[reading]} ({p_text(x.q)}; {x.beyond} of {x.n} {self.entries} beyond the "
            f"cutoff; increment {x.increment:+.1%} of the loss "
            f"change [{x.lower:+.1%}, {x.upper:+.1%}], "
            f"{p_text(x.q_increment)})"
        )
        return [head, *self._given_others(x), self._selected(x)]

    def _given_others(self, x: LayerDiagnosis) -> list[str]:
        if len(self.layers) == 1:
            return []
        if np.isnan(x.q_others):
            return ["cannot be told from the other layers"]
        found = x.q_others <= self.rule.alpha
        word = "its movement" if found else "no sign that its movement"
        return [f"{word} is needed beside the other layers ({p_text(x.q_others)})"]

    def _selected(self, x: LayerDiagnosis) -> str:
        return (
            f"{stability_word(x.stability)} (Jaccard {x.jaccard:.2f}): {x.kept} kept, "
            f"{x.null_kept:.3g} of rotated losses; fits R2 {x.r2_in:.2f}, rotated "
            f"{x.null_r2_in:.2f} ({p_text(x.p_r2_in)}); later steps {x.r2_out:.2f}"
        )


def _layer_row(x: LayerDiagnosis) -> pd.DataFrame:
    row = {
        "layer": x.layer, "group": "all", "n": x.n, "kept": x.kept, "lambda": x.lambda_,
        "r2_out": x.r2_out, "statistic": x.statistic, "p": x.p, "q": x.q,
        "selection_frequency": x.frequency, "null_expectation": x.null_kept,
    }  # fmt: skip
    return pd.DataFrame([row])


def _entry_rows(x: LayerDiagnosis) -> pd.DataFrame:
    own = x.entries
    return pd.DataFrame(
        {
            "layer": x.layer, "group": own.index.astype(str), "n": 1,
            "kept": own.kept.astype(int), "lambda": x.lambda_, "r2_out": x.r2_out,
            "statistic": own.statistic, "p": own.p, "q": own.q,
            "selection_frequency": own.frequency, "null_expectation": own.null_frequency,
        }
    )  # fmt: skip
