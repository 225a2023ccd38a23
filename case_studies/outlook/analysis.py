"""From the logged trainings to paired differences against the plain counterpart."""

from __future__ import annotations

import pandas as pd

TUNING = 5
"""The learning rate of each arm is chosen on the first seeds, and judged on the others."""


def tuned_rates(runs: pd.DataFrame) -> pd.DataFrame:
    """Choose each arm's learning rate by the validation loss of the tuning seeds.

    Parameters
    ----------
    runs : pandas.DataFrame
        A row a member; columns seed, arm, rate, updates, validation_loss.

    Returns
    -------
    pandas.DataFrame
        One row an arm: arm, rate, validation_loss (mean), edge (whether the rate is the smallest
        or largest that was tried). An arm that diverged at a seed is not chosen at that rate.
    """
    last = runs[(runs["updates"] == runs["updates"].max()) & (runs["seed"] < TUNING)]
    means = last.groupby(["arm", "rate"], sort=False)["validation_loss"].apply(
        lambda losses: losses.mean(skipna=False)
    )
    best = means.groupby("arm", sort=False).idxmin().tolist()
    rates = runs["rate"].agg(["min", "max"]).tolist()
    chosen = pd.DataFrame(best, columns=["arm", "rate"])
    chosen["validation_loss"] = means.loc[best].to_numpy()
    return chosen.assign(edge=chosen["rate"].isin(rates))


def judged(runs: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    """Return the last rows of the other seeds, each arm at the rate chosen for it."""
    last = runs[(runs["updates"] == runs["updates"].max()) & (runs["seed"] >= TUNING)]
    return last.merge(chosen[["arm", "rate"]], on=["arm", "rate"])
