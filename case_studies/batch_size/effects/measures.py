"""What batch size does to all else that was measured: noise, sharpness, complexity, loss."""

from __future__ import annotations

import numpy as np
import pandas as pd

from case_studies.batch_size.effects.contrasts import compare
from case_studies.batch_size.effects.totals import pooled_table, widest
from case_studies.batch_size.runs import SHORT

LOGGED = {
    "grad_noise": "gradient noise N",
    "sharpness": "sharpness S",
    "sharpness_adjusted": "scale-adjusted sharpness",
    "sam_sharpness": "loss rise at 0.05",
    "weight_norm": "weight norm C",
    "distance": "distance from the start",
    "train_loss": "training loss",
    "updates": "updates U",
}
"""Compared as log10 of a ratio."""
AS_IS = {"generalization_gap": "train less test accuracy", "train_accuracy": "training accuracy"}
"""Compared as a difference."""


def measure_table(plain: pd.DataFrame) -> pd.DataFrame:
    """B = 16 against 512 in every measured quantity, in every cell, under every protocol.

    Parameters
    ----------
    plain : DataFrame

    Returns
    -------
    DataFrame
        Columns of `compare`; `contrast` is the quantity in words. Ratios are log10; runs without
        a positive value of it (or without any) are left out of that quantity, and `seeds` counts
        what is left.
    """
    found = []
    for column, words in (LOGGED | AS_IS).items():
        if column not in plain.columns:
            continue
        values = plain[column].astype(float)
        if column in LOGGED:
            values = np.log10(values.where(values > 0))
        part = compare(plain.assign(**{column: values}), [widest(d) for d in SHORT], column)
        found.append(part.assign(contrast=words))
    return pd.concat([f for f in found if len(f)], ignore_index=True)


def pooled_measures(measures: pd.DataFrame) -> pd.DataFrame:
    """Those pooled over all cells; columns of `pooled_table`."""
    pooled = pooled_table(measures)
    return pooled[pooled["over"] == "all cells"].reset_index(drop=True)
