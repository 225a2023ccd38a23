"""How tables of mediators, ablations and the method are shown: a column a protocol."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from case_studies.batch_size.report.judgement import points
from case_studies.batch_size.runs import SHORT
from causalhyper.report import ReportTable, ShownColumn, frame_table


def dominance_form(dominance: pd.DataFrame) -> ReportTable:
    """Shapley share of each mediator, with the probability that it is the largest."""
    part = dominance[dominance["measure"] == "Shapley share"]
    said = [
        f"{points(r.estimate, r.lower, r.upper)} ({r.probability_dominant:.0%})"
        for r in part.itertuples()
    ]
    return _wide(part.assign(said=said), ["domain", "graph", "mediator"])


def ablation_form(poster: pd.DataFrame) -> ReportTable:
    """The poster's drops beside the change of the effect of 16 against 512."""
    said = [
        points(r.effect_estimate, r.effect_lower, r.effect_upper)
        + " (by construction)" * bool(r.tautology)
        for r in poster.itertuples()
    ]
    drops = [f"{100 * v:+.1f}".replace("-", "\N{MINUS SIGN}") for v in poster["poster"]]
    frame = poster.assign(said=said, poster=drops)
    return _wide(frame, ["domain", "row", "poster", "operation", "graph"])


def method_form(method: pd.DataFrame, measure: str) -> ReportTable:
    """One measure of every rule on held-out cells."""
    part = method[method["measure"] == measure]
    cost = measure == "runs' cost"
    said = [
        f"{r.estimate:.2f}" if cost else points(r.estimate, r.lower, r.upper)
        for r in part.itertuples()
    ]
    return _wide(part.assign(said=said), ["domain", "rule"])


def _wide(frame: pd.DataFrame, index: Sequence[str]) -> ReportTable:
    """A row a combination of labels in the order in which they come; a column a protocol."""
    keys = frame[list(index)].astype(str)
    frame = frame.assign(**keys)
    there = [d for d in SHORT if (frame["design"] == d).any()]
    wide = frame.pivot_table(
        index=list(index), columns="design", values="said", aggfunc="first", sort=False
    )
    wide = wide.reindex(columns=there).fillna("").reset_index()
    shown = [ShownColumn(name, (name,), kind="text") for name in index]
    shown += [ShownColumn(SHORT[d], (d,), kind="text") for d in there]
    return frame_table(wide, "", shown)
