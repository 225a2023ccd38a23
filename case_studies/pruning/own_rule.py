"""What the paper's own rule leaves: it says itself how many weights are pruned."""

from __future__ import annotations

import pandas as pd

from case_studies.pruning.logs import CELL, StudyFrames, cell_name
from case_studies.pruning.methods import AS, PUBLISHED

KEYS = [*CELL, "method", "seed"]


def rule_table(frames: StudyFrames) -> pd.DataFrame:
    """Shares pruned by the paper's rule, iteration by iteration.

    Parameters
    ----------
    frames : StudyFrames
        Its frame of layers says what is left, where it has the iterations.

    Returns
    -------
    DataFrame
        Columns cell, method, iteration, seeds, sparsity (median over seeds), lowest, highest and
        emptied, the number of seeds without a weight left; no row without such masks.
    """
    layers = frames.others.get("layers", pd.DataFrame())
    if not {"iteration", "seed"} <= set(layers):
        return pd.DataFrame()
    layers = layers.sort_values("iteration", kind="stable")
    own = layers["method"].str.startswith(PUBLISHED) & ~layers["method"].str.contains(AS)
    sums = layers[own].groupby([*KEYS, "iteration"], sort=False)[["entries", "kept"]].sum()
    shares = (1 - sums["kept"] / sums["entries"]).rename("sparsity").reset_index()
    shares = shares.assign(emptied=(sums["kept"] == 0).to_numpy())
    found = shares.groupby([*CELL, "method", "iteration"], sort=False).agg(
        seeds=("seed", "nunique"),
        sparsity=("sparsity", "median"),
        lowest=("sparsity", "min"),
        highest=("sparsity", "max"),
        emptied=("emptied", "sum"),
    )
    names = [cell_name(place[: len(CELL)]) for place in found.index]
    return found.reset_index().drop(columns=list(CELL)).assign(cell=names)


def emptied_sentence(frames: StudyFrames) -> str:
    """Say which rules left no weight, and that they are compared nowhere.

    Parameters
    ----------
    frames : StudyFrames

    Returns
    -------
    str
        Empty where all networks have weights.
    """
    emptied = frames.emptied
    if emptied.empty:
        return ""
    own = emptied[~emptied["method"].str.contains(AS)]
    counts = own.groupby([*CELL, "method"], sort=False)["seed"].nunique()
    said = [f"{cell_name(key[:-1])}, {key[-1]} in {n} seeds" for key, n in counts.items()]
    return (
        f"No weight is left by {'; '.join(said)}: with their controls they are compared nowhere."
    )


def rule_sentence(table: pd.DataFrame) -> str:
    """Say what the rule leaves in the end.

    Parameters
    ----------
    table : DataFrame
        Of `rule_table`.

    Returns
    -------
    str
        Empty for no row.
    """
    said: list[str] = []
    if table.empty:
        return ""
    for (cell, method), own in table.groupby(["cell", "method"], sort=False):
        last = own.iloc[-1]
        seeds = f"{last['seeds']} seeds"
        if not last["emptied"]:
            said.append(
                f"{cell}, {method}: {last['sparsity']:.2%} pruned "
                f"({last['lowest']:.2%} to {last['highest']:.2%} over {seeds})"
            )
            continue
        first = own.loc[own["emptied"] > 0, "iteration"].iloc[0]
        said.append(
            f"{cell}, {method}: no weight left in {last['emptied']} of {seeds}, in the first of "
            f"them after iteration {first} of {last['iteration']}"
        )
    return f"The paper's own rule, which chooses how much it prunes. {'; '.join(said)}."
