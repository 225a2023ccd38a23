"""Which rate of post-training each method was tuned to, and whether the grid went far enough."""

from __future__ import annotations

import pandas as pd

from case_studies.pruning.logs import TUNING, StudyFrames

PLACE = ["network", "dataset"]


def best_rates(log: pd.DataFrame) -> dict[str, float]:
    """Choose each method's rate by validation accuracy, on average over seeds.

    Parameters
    ----------
    log : DataFrame
        Of the tuning: columns method, rate, stage and validation_accuracy.

    Returns
    -------
    dict of str to float
        By method; of equals the smaller rate.

    Examples
    --------
    >>> tried = (0.1, 0.5), (0.2, 0.6), (0.2, 0.8), (0.4, 0.7)
    >>> rows = [("lamp", rate, "final", accuracy) for rate, accuracy in tried]
    >>> best_rates(pd.DataFrame(rows, columns=["method", "rate", "stage", "validation_accuracy"]))
    {'lamp': 0.2}
    """
    final = log[log["stage"] == "final"]
    means = final.groupby(["method", "rate"])["validation_accuracy"].mean().unstack()
    return {str(method): float(rate) for method, rate in means.idxmax(axis=1).items()}


def rate_table(frames: StudyFrames) -> pd.DataFrame:
    """Validation accuracy of every rate that was tried on seeds of the tuning.

    Parameters
    ----------
    frames : StudyFrames

    Returns
    -------
    DataFrame
        Columns network, dataset, method, rate, validation_accuracy (mean over seeds), seeds,
        chosen, and edge: "smallest" or "largest" where the chosen rate ends the grid, so that one
        beyond it might be better. No row where nothing was tuned.
    """
    log = frames.log
    if not {"rate", "validation_accuracy", "stage"} <= set(log):
        return pd.DataFrame()
    final = log[(log["protocol"] == TUNING) & (log["stage"] == "final")]
    rows = []
    for place, own in final.groupby(PLACE, sort=False):
        best = best_rates(own)
        for (method, rate), each in own.groupby(["method", "rate"], sort=False):
            tried = own.loc[own["method"] == method, "rate"]
            ends = {tried.max(): "largest", tried.min(): "smallest"}
            chosen = rate == best[str(method)]
            rows.append(
                dict(zip(PLACE, place, strict=True))
                | {
                    "method": method,
                    "rate": rate,
                    "validation_accuracy": each["validation_accuracy"].mean(),
                    "seeds": each["seed"].nunique(),
                    "chosen": chosen,
                    "edge": ends.get(rate, "") if chosen and tried.nunique() > 1 else "",
                }
            )
    return pd.DataFrame(rows)
