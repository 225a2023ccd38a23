"""Frames like those of prunings, drawn from curves that are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, slots=True)
class Truth:
    """Accuracy falls from top to floor over the share kept, halfway at `point`.

    `width` is the scale of the logistic, in decades of the share kept.
    """

    top: float = 0.7
    floor: float = 0.1
    point: float = 0.97
    width: float = 0.12

    @property
    def decades(self) -> float:
        """How many decades of the share kept it takes to fall from 90% to 10%."""
        return 2 * np.log(9) * self.width

    def accuracy(self, sparsity, shift=0.0):
        """The curve, moved by a shift in decades."""
        x = -np.log10(1 - np.asarray(sparsity))
        middle = -np.log10(1 - self.point) + shift
        return self.floor + (self.top - self.floor) / (1 + np.exp((x - middle) / self.width))


LEVELS = (0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)


def draw_runs(
    truths: Mapping[str, Truth],
    rng: np.random.Generator,
    *,
    seeds: int = 4,
    levels=LEVELS,
    size: int | None = 10_000,
    seed_sd: float = 0.01,
    point_sd: float = 0.03,
    run_sd: float = 0.005,
) -> pd.DataFrame:
    """One row a method, seed and level.

    Seeds shift the accuracy of all methods (`seed_sd`) and each method's point, in decades
    (`point_sd`); each run adds noise of its own and that of `size` test examples.
    """
    rows = []
    for seed in range(seeds):
        own = rng.normal(scale=seed_sd)
        for name, truth in truths.items():
            mean = truth.accuracy(levels, rng.normal(scale=point_sd)) + own
            mean = np.clip(mean + rng.normal(scale=run_sd, size=len(levels)), 0, 1)
            found = rng.binomial(size, mean) / size if size else mean
            rows += [
                {"method": name, "seed": seed, "sparsity": s, "test_accuracy": a}
                for s, a in zip(levels, found, strict=True)
            ]
    return pd.DataFrame(rows)


EXACT = {"size": None, "seed_sd": 0.0, "point_sd": 0.0, "run_sd": 0.0}
"""Without any noise."""
