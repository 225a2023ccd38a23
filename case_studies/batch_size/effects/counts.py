"""What was run, what diverged, what did not reach its target, and where a tuning grid ended."""

from __future__ import annotations

import pandas as pd

from case_studies.batch_size.runs import BATCH_SIZES, CELL, name_of


def count_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs of every cell, protocol and arm, and how many need a remark.

    Parameters
    ----------
    runs : DataFrame
        All arms.

    Returns
    -------
    DataFrame
        Columns unit, design, arm, runs, seeds, diverged, not_reached, rate_at_edge. Nothing was
        left out of any analysis for these.
    """
    groups = runs.groupby([*CELL, "design", "arm"], sort=False)
    return pd.DataFrame(
        [
            {
                "unit": name_of(dataset, model),
                "design": design,
                "arm": arm,
                "runs": len(part),
                "seeds": part["seed"].nunique(),
                "diverged": int(part["diverged"].astype(bool).sum()),
                "not_reached": int((part["reached"].astype(float) == 0).sum()),
                "rate_at_edge": int((part["rate_at_edge"].astype(float) == 1).sum()),
            }
            for (dataset, model, design, arm), part in groups
        ]
    )


def reached_table(plain: pd.DataFrame) -> pd.DataFrame:
    """Share of runs of each batch size that reached the training loss within the cap.

    Parameters
    ----------
    plain : DataFrame

    Returns
    -------
    DataFrame
        Columns unit, then a share a batch size, and `updates_16` to `updates_512` (medians).
    """
    part = plain[plain["design"] == "equal_loss"]
    if part.empty:
        return pd.DataFrame()
    part = part.assign(reached=part["reached"].astype(float))
    groups = part.groupby([*CELL, "batch_size"], sort=False)
    shares = groups["reached"].mean().unstack("batch_size").reindex(columns=BATCH_SIZES)
    updates = groups["updates"].median().unstack("batch_size").reindex(columns=BATCH_SIZES)
    table = pd.concat(
        [shares.add_prefix("reached_"), updates.add_prefix("updates_")], axis=1
    ).reset_index()
    names = [name_of(*key) for key in table[CELL].itertuples(index=False)]
    return table.drop(columns=CELL).assign(unit=names).set_index("unit").reset_index()


def rate_table(plain: pd.DataFrame) -> pd.DataFrame:
    """The learning rate chosen for each batch size; `edge` names those at an end of the grid.

    Parameters
    ----------
    plain : DataFrame

    Returns
    -------
    DataFrame
        Columns unit, a rate a batch size, edge.
    """
    part = plain[plain["design"] == "tuned"]
    rows = []
    for (dataset, model), cell in part.groupby(CELL, sort=False):
        rates = cell.groupby("batch_size")["learning_rate"].first()
        edge = sorted(cell.loc[cell["rate_at_edge"].astype(float) == 1, "batch_size"].unique())
        rows.append(
            {"unit": name_of(dataset, model)}
            | {f"rate_{b}": float(rates.get(b, float("nan"))) for b in BATCH_SIZES}
            | {"edge": ", ".join(f"B = {b}" for b in edge)}
        )
    return pd.DataFrame(rows)
