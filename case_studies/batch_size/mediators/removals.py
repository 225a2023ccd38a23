"""One removal in one cell: what it does to the effect and the level, and those really done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from case_studies.batch_size.mediators.quantities import Entry, Quantity, from_seeds
from case_studies.batch_size.runs import LARGE, SMALL

SAM = "train with SAM"
CHANGES = ("effect before", "effect after", "change of effect", "change of level")


@dataclass(frozen=True, slots=True)
class Ablated:
    """One removal in one cell.

    Attributes
    ----------
    operation : str
    before, after : Quantity
        Effect of 16 against 512.
    level : Quantity or None
        Change of the mean, averaged over 16 and 512; None for a model that is fitted again, which
        has the mean of the runs by construction.
    tautology : bool
        Whether the hypergraph alone makes the effect vanish.
    """

    operation: str
    before: Quantity
    after: Quantity
    level: Quantity | None
    tautology: bool = False

    def entries(self, labels: Mapping[str, str], graph: str) -> Iterator[Entry]:
        """One entry a change."""
        own = {"graph": graph, "operation": self.operation, "tautology": self.tautology}
        numbers = (self.before, self.after, self.after - self.before, self.level)
        for change, quantity in zip(CHANGES, numbers, strict=True):
            if quantity is not None:
                yield Entry({**labels, **own, "change": change}, quantity)


def measure_arms(rows: pd.DataFrame) -> Iterator[Ablated]:
    """Removals that were really done, in one cell and under one protocol.

    Parameters
    ----------
    rows : DataFrame
        Runs of all arms.

    Yields
    ------
    Ablated
        Training with SAM; noise of 512 at either batch size; noise of 16 at either.
    """

    def scores(arm: str, batch_size: int, noise_of: int) -> pd.Series:
        there = (rows["arm"] == arm) & (rows["batch_size"] == batch_size)
        there &= rows["noise_of"] == noise_of
        return rows[there].set_index("seed")["test_accuracy"]

    small, large = (scores("plain", b, b) for b in (SMALL, LARGE))
    arms = {
        SAM: tuple(scores("sam", b, b) for b in (SMALL, LARGE)),
        "noise of 512 at both": (scores("noise_removed", SMALL, LARGE), large),
        "noise of 16 at both": (small, scores("noise_added", LARGE, SMALL)),
    }
    for name, (one, other) in arms.items():
        table = pd.concat([small, large, one, other], axis=1, join="inner").dropna()
        if len(table) > 1:
            a, d, b, c = (table.iloc[:, i] for i in range(4))
            level = (b - a + c - d) / 2
            yield Ablated(name, from_seeds(a - d), from_seeds(b - c), from_seeds(level))
