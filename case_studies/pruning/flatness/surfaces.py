"""Loss surfaces around the networks: how far the loss rises with the distance."""

from __future__ import annotations

import numpy as np
import pandas as pd

from case_studies.pruning.logs import StudyFrames, split

RINGS = (0.25, 0.5, 1.0)
"""Outer radii, in units of the network's filters, of the rings over which medians are taken."""


def surface_table(frames: StudyFrames) -> pd.DataFrame:
    """The loss of each network and by how much it rises around it.

    Parameters
    ----------
    frames : StudyFrames

    Returns
    -------
    DataFrame
        Columns cell, pruned, space, method, seed, loss (of the network), one a ring (median of
        the rise over its points; infinite where most diverged), lowest (the lowest loss of the
        plane less the network's), diverged (share of the points). Empty without surfaces.
    """
    if "surfaces" not in frames.others:
        return pd.DataFrame()
    rows = []
    for cell, own in split(with_places(frames.others["surfaces"])).items():
        keys = ["pruned", "space", "method", "seed"]
        for key, grid in own.groupby(keys, sort=False, dropna=False):
            rows.append({"cell": cell, **dict(zip(keys, key, strict=True)), **_rises(grid)})
    return pd.DataFrame(rows)


def with_places(surfaces: pd.DataFrame) -> pd.DataFrame:
    """The frame with share pruned, space and seed in every row."""
    usual = {"pruned": np.nan, "space": "full", "seed": 0}
    return surfaces.assign(**{n: surfaces.get(n, value) for n, value in usual.items()})


def _rises(grid: pd.DataFrame) -> dict[str, float]:
    losses = np.nan_to_num(grid["loss"].to_numpy(dtype=float), nan=np.inf, posinf=np.inf)
    radius = np.hypot(grid["alpha"], grid["beta"]).to_numpy(dtype=float)
    at = float(losses[radius.argmin()])
    found, inner = {"loss": at}, 0.0
    for outer in RINGS:
        ring = (radius > inner) & (radius <= outer)
        with np.errstate(invalid="ignore"):
            found[ring_name(outer)] = float(np.median(losses[ring] - at)) if ring.any() else np.nan
        inner = outer
    return found | {"lowest": float(losses.min() - at), "diverged": float(np.isinf(losses).mean())}


def ring_name(outer: float) -> str:
    """Name of a ring's column, such as "rise_to_0.5"."""
    return f"rise_to_{outer:g}"
