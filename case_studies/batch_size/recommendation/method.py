"""The fitted hypergraph as a method: a batch size recommended for a data set and model never seen.

Every cell is held out in turn, with all runs of its data set and of its model (of its data set
alone where the domain has one model). What a rule recommends is judged by the runs that the cell
really has, seed by seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from case_studies.batch_size.mediators.cell_models import cut_cells
from case_studies.batch_size.mediators.quantities import (
    Entry,
    from_seeds,
    points,
    pool_cells,
    tabulate,
)
from case_studies.batch_size.recommendation.recommenders import (
    BASELINE,
    PROBE,
    PROBED,
    RULES,
    SEARCHED,
    Held,
    hold_out,
    recommend,
)
from case_studies.batch_size.runs import SHORT

METHOD = "hypergraph"
MEASURES = ("accuracy", "regret", "hypergraph less this", "runs' cost")


def method_tables(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Every rule tried on every held-out cell, under every protocol.

    Parameters
    ----------
    runs : DataFrame

    Returns
    -------
    dict of str to DataFrame
        method and method_pooled: by cell and rule the test accuracy; the regret against the best
        size in hindsight, which is chosen on one half of the seeds and judged on the other; the
        accuracy of the hypergraph's choice less this rule's; and the seconds of all runs that the
        rule needs there, as a multiple of those of one run at B = 64. recommendations: what was
        chosen for how many seeds. method_skipped: rules that could not be applied, and why.
    """
    entries: list[Entry] = []
    chosen_rows: list[dict[str, object]] = []
    skipped: list[dict[str, str]] = []
    for cell in cut_cells(runs):
        held = hold_out(cell, runs)
        if held.training.empty:
            reason = "no other data set in the domain"
            skipped.append({**cell.labels, "rule": "all", "reason": reason})
            continue
        choices = {}
        for rule in RULES:
            found = recommend(held, rule)
            if isinstance(found, str):
                skipped.append({**cell.labels, "rule": rule, "reason": found})
            else:
                choices[rule] = found
                counts = found.value_counts()
                chosen_rows += [
                    {**cell.labels, "rule": rule, "batch_size": int(b), "seeds": int(k)}
                    for b, k in counts.items()
                ]
        entries += judge(held, choices)
    return {
        "method": tabulate(entries),
        "method_pooled": pool_cells(entries),
        "recommendations": pd.DataFrame(chosen_rows),
        "method_skipped": pd.DataFrame(
            skipped, columns=["domain", "dataset", "model", "design", "rule", "reason"]
        ),
    }


def judge(held: Held, choices: Mapping[str, pd.Series]) -> Iterator[Entry]:
    """Accuracy, regret and cost of every choice in the held-out cell.

    Parameters
    ----------
    held : Held
    choices : mapping of str to Series
        Batch size by seed.

    Yields
    ------
    Entry
    """
    scores, seconds = held.table("test_accuracy"), held.table("seconds")
    best = look_up(scores, in_hindsight(scores))
    reached = {rule: look_up(scores, chosen) for rule, chosen in choices.items()}
    for rule, chosen in choices.items():
        measures = {"accuracy": reached[rule], "regret": best - reached[rule]}
        if METHOD in reached and rule != METHOD:
            measures["hypergraph less this"] = reached[METHOD] - reached[rule]
        cost = cost_of(rule, chosen, seconds)
        if cost is not None:
            measures["runs' cost"] = cost
        for measure, values in measures.items():
            if values.notna().sum() > 1:
                labels = {**held.cell.labels, "held_out": held.what, "rule": rule}
                yield Entry({**labels, "measure": measure}, from_seeds(values))


def look_up(table: pd.DataFrame, chosen: pd.Series) -> pd.Series:
    """The entry of each seed at the batch size chosen for it; NaN where there is no such run.

    Examples
    --------
    >>> table = pd.DataFrame({16: [0.8, 0.9], 32: [0.7, 0.6]}, index=[0, 1])
    >>> look_up(table, pd.Series({0: 32, 1: 16})).tolist()
    [0.7, 0.9]
    """
    rows = table.index.get_indexer(chosen.index)
    columns = table.columns.get_indexer(chosen)
    known = (rows >= 0) & (columns >= 0)
    found = np.where(known, table.to_numpy(dtype=float)[rows, columns], np.nan)
    return pd.Series(found, chosen.index)


def in_hindsight(scores: pd.DataFrame) -> pd.Series:
    """The size with the best mean score on the half of the seeds that a seed is not in.

    Choosing and judging on the same seeds would flatter the best size (the winner's curse).

    Examples
    --------
    >>> scores = pd.DataFrame({16: [1.0, 0.0, 1.0, 0.0], 32: [0.5, 0.5, 0.5, 0.5]})
    >>> in_hindsight(scores).tolist()
    [32, 16, 32, 16]
    """
    second = np.arange(len(scores)) % 2 == 1
    first_best, second_best = (scores[half].mean().idxmax() for half in (~second, second))
    return pd.Series(np.where(second, first_best, second_best), scores.index)


def cost_of(rule: str, chosen: pd.Series, seconds: pd.DataFrame) -> pd.Series | None:
    """Seconds of the runs that a rule needs, as a multiple of one run at the probe's size."""
    if PROBE not in seconds.columns:
        return None
    probe = seconds[PROBE].reindex(chosen.index)
    cost = look_up(seconds, chosen)
    if rule in SEARCHED:
        cost = seconds.sum(axis=1, skipna=False).reindex(chosen.index)
    elif rule in PROBED:
        cost = cost.where(chosen == PROBE, cost + probe)
    return cost / probe


def method_verdicts(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Whether the hypergraph's recommendation is worth having, protocol by protocol."""
    pooled, chosen, out = tables["method_pooled"], tables["recommendations"], []
    if pooled.empty:
        return ["No data set could be held out."]
    for (domain, design), part in pooled.groupby(["domain", "design"], sort=False):
        by_name = part.set_index(["rule", "measure"])
        if (METHOD, "accuracy") not in by_name.index:
            continue
        regrets = "; ".join(
            f"{rule} {100 * by_name.loc[(rule, 'regret'), 'estimate']:+.2f}{_cost(by_name, rule)}"
            f"{_cells(by_name, rule)}"
            for rule in RULES
            if (rule, "regret") in by_name.index
        )
        gaps = [(rule, "hypergraph less this") for rule in RULES]
        said = "; ".join(f"{k[0]} {_gap(by_name.loc[k])}" for k in gaps if k in by_name.index)
        here = chosen[(chosen["domain"] == domain) & (chosen["design"] == design)]
        out.append(
            f"{domain.capitalize()}, {SHORT[design]}, {part['held_out'].iloc[0]} held out: regret "
            f"in points against the best in hindsight (cost in runs at B = {PROBE}): {regrets}. "
            f"The hypergraph's choice less that of: {said} (intervals over seeds, then over "
            f"cells). {_plain(by_name, here)}"
        )
    return out


def _cost(by_name: pd.DataFrame, rule: str) -> str:
    key = (rule, "runs' cost")
    return f" ({by_name.loc[key, 'estimate']:.1f})" if key in by_name.index else ""


def _cells(by_name: pd.DataFrame, rule: str) -> str:
    """In how many cells the rule could be applied, where not in all."""
    own, most = by_name.loc[(rule, "regret"), "cells"], by_name["cells"].max()
    return f" in {own:.0f} of {most:.0f} cells" if own < most else ""


def _gap(row: pd.Series) -> str:
    seeds = points(row["estimate"], row["lower"], row["upper"])
    if not np.isfinite(row["cells_lower"]):
        return seeds
    return f"{seeds}, cells [{100 * row['cells_lower']:+.2f}, {100 * row['cells_upper']:+.2f}]"


def _plain(by_name: pd.DataFrame, chosen: pd.DataFrame) -> str:
    """Whether the graph adds anything to the means of the same runs, in one sentence."""
    key = (BASELINE, "hypergraph less this")
    if key not in by_name.index:
        return ""
    row, cell = by_name.loc[key], ["dataset", "model"]
    apart = row["cells_lower"] > 0 or row["cells_upper"] < 0
    other = "" if apart else " (whether in other cells like them too is not shown)"
    picks = {
        rule: chosen[chosen["rule"] == rule].groupby(cell)["batch_size"].first()
        for rule in (METHOD, BASELINE)
    }
    same = int((picks[METHOD] == picks[BASELINE]).sum())
    count = len(picks[METHOD])
    if row["lower"] > 0:
        word = f"is better in these cells{other} than"
    elif row["upper"] < 0:
        word = f"is worse in these cells{other} than"
    else:
        word = "is not shown to be better than"
    return (
        f"The hypergraph {word} the best fixed size by the raw means of the same training runs, "
        f"with which it agrees in {same} of {count} cells."
    )
