"""Which rate of post-training is the best of those that were tried."""

from __future__ import annotations

import pandas as pd


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
