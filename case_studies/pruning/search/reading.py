"""What a search found: differences from the strongest baseline, paired by seed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from causalhyper.granger.pruning import paired_differences

LOG = Path(__file__).parents[1] / "data" / "search" / "search.parquet"
BASELINES = (
    "magnitude", "magnitude, rewound", "lamp", "lamp, rewound", "movement", "fisher",
    "fisher, rewound", "fisher, adaptive, rewound",
)  # fmt: skip
"""The methods of which the strongest is what a candidate has to beat."""
OUTCOME = "validation_accuracy"


def compare_stage(frame: pd.DataFrame, stage: str, outcome: str = OUTCOME) -> pd.DataFrame:
    """Compare every method with the strongest baseline at each share pruned.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows of `search`.
    stage : str
        One of its stages.
    outcome : str
        Column of an accuracy; the strongest baseline is chosen by the validation's.

    Returns
    -------
    pandas.DataFrame
        Columns ``sparsity, method, seeds, mean, baseline, difference, lower, upper``; of methods
        with two seeds at least, the best first. Intervals are of t, at 95%, one at a time.
    """
    rows = frame[(frame["stage"] == stage) & (frame["method"] != "dense")]
    found = []
    for level, own in rows.groupby("sparsity"):
        seeds = own.groupby("method")["seed"].nunique()
        own = own[own["method"].isin(seeds.index[seeds >= 2])]
        means = own.groupby("method")[outcome].mean()
        strong = own[own["method"].isin(BASELINES)].groupby("method")[OUTCOME].mean()
        best = str(strong.idxmax())
        estimates = paired_differences(own, baseline=best, outcome=outcome).to_frame()
        table = estimates.set_index("compared")[["estimate", "lower", "upper"]]
        table.columns = pd.Index(["difference", "lower", "upper"])
        table = table.reindex(means.index).assign(
            sparsity=level, mean=means, seeds=seeds, baseline=best
        )
        found.append(table.rename_axis("method").reset_index())
    columns = ["sparsity", "method", "seeds", "mean", "baseline", "difference", "lower", "upper"]
    whole = pd.concat(found, ignore_index=True)[columns]
    return whole.sort_values(["sparsity", "mean"], ascending=[True, False], ignore_index=True)


def summarise(frame: pd.DataFrame) -> str:
    """Return the comparison of every stage as text, in percentage points."""
    parts = []
    for stage in frame["stage"].unique():
        table = compare_stage(frame, stage)
        for level, rows in table.groupby("sparsity"):
            shown = rows.drop(columns=["sparsity", "baseline"])
            numbers = ["mean", "difference", "lower", "upper"]
            shown[numbers] = (100 * shown[numbers]).round(2)
            head = f"{stage}, {level:.0%} pruned; differences from {rows['baseline'].iloc[0]!r}"
            parts.append(f"{head}\n{shown.to_string(index=False, na_rep='')}")
    return "\n\n".join(parts)
