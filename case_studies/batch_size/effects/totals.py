"""The effect of batch size: beside the poster's table, over all sizes, and over all cells."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from case_studies.batch_size.effects.contrasts import Contrast, Setting, compare
from case_studies.batch_size.effects.pooling import cluster_mean, pool
from case_studies.batch_size.runs import BATCH_SIZES, LARGE, SHORT, SMALL, name_of
from causalhyper.inference.intervals import t_quantile

POSTER = {
    "cora": (0.839, 0.805),
    "citeseer": (0.791, 0.760),
    "pubmed": (0.882, 0.851),
    "amazon": (0.924, 0.890),
}
"""Accuracy at B = 16 and 512 on the poster, which gives no intervals, seeds or models."""
BESIDE = {"cora": "cora", "citeseer": "citeseer", "nicta_piboso": "pubmed", "amazon": "amazon"}
"""Row of the poster beside which each data set stands."""
REMARKS = {
    "pubmed": "the citation graph; the poster's PubMed is text",
    "nicta_piboso": "stands in for the poster's PubMed, which is text",
}

POOLED = [
    *("design", "contrast", "over", "cells", "estimate", "se", "lower", "upper", "tau"),
    *("q_p_value", "new_lower", "new_upper", "plain_mean", "cluster_lower", "cluster_upper"),
    "clusters",
]
"""Columns of `pooled_table`."""


def widest(design: str) -> Contrast:
    """The poster's contrast, B = 16 less B = 512, under one protocol."""
    return Contrast(f"{SMALL} - {LARGE}", Setting(design, SMALL), Setting(design, LARGE))


def main_table(plain: pd.DataFrame, outcome: str = "test_accuracy") -> pd.DataFrame:
    """The poster's table beside ours: a row a data set and protocol, models averaged.

    Parameters
    ----------
    plain : DataFrame
    outcome : str

    Returns
    -------
    DataFrame
        Columns of `compare`, and `poster_16`, `poster_512`, `poster_gain`, `remark`.
    """
    found = compare(plain, [widest(d) for d in SHORT], outcome, average=True)
    keys = [BESIDE.get(name, "") for name in found["dataset"]]
    for column, place in (("poster_16", 0), ("poster_512", 1)):
        found[column] = [POSTER[k][place] if k else np.nan for k in keys]
    if outcome != "test_accuracy":
        found[["poster_16", "poster_512"]] = np.nan
    found["poster_gain"] = found["poster_16"] - found["poster_512"]
    found["remark"] = [REMARKS.get(name, "") for name in found["dataset"]]
    return found


def curve_table(plain: pd.DataFrame, outcome: str = "test_accuracy") -> pd.DataFrame:
    """Every batch size against 512, in every cell, under every protocol; columns of `compare`."""
    contrasts = [
        Contrast(f"{b} - {LARGE}", Setting(d, b), Setting(d, LARGE))
        for d in SHORT
        for b in BATCH_SIZES[:-1]
    ]
    return compare(plain, contrasts, outcome)


def protocol_table(plain: pd.DataFrame, outcome: str = "test_accuracy") -> pd.DataFrame:
    """By how much two protocols disagree about 16 against 512; columns of `compare`."""
    contrasts = [
        Contrast(
            f"{SHORT['equal_epochs']} less {SHORT[d]}",
            *widest("equal_epochs").pair,
            less=widest(d).pair,
        )
        for d in SHORT
        if d != "equal_epochs"
    ]
    return compare(plain, contrasts, outcome)


def pooled_table(cells: pd.DataFrame) -> pd.DataFrame:
    """Pool one contrast over cells: all, each domain, and without each data set in turn.

    Parameters
    ----------
    cells : DataFrame
        Of `compare`, a row a cell; every (design, contrast) is pooled by itself.

    Returns
    -------
    DataFrame
        Columns `POOLED`: `estimate` to `new_upper` by random effects (`pool`); `plain_mean` to
        `clusters` by the plain mean with data sets as clusters (`cluster_mean`).
    """
    rows = []
    for (design, name), part in cells.groupby(["design", "contrast"], sort=False):
        for over, chosen in _subsets(part):
            if len(chosen) < 2 or not (chosen["se"] > 0).all():
                continue
            rows.append({"design": design, "contrast": name, "over": over} | _pool(chosen))
    return pd.DataFrame(rows, columns=POOLED)


def _subsets(part: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    yield "all cells", part
    text = part["dataset"].isin(("amazon", "nicta_piboso"))
    if text.any() and not text.all():
        yield "graphs", part[~text]
        yield "text", part[text]
    for dataset in part["dataset"].unique():
        yield f"without {name_of(dataset)}", part[part["dataset"] != dataset]


def _pool(part: pd.DataFrame) -> dict[str, object]:
    found = pool(part["estimate"].tolist(), part["se"].tolist())
    low = high = np.nan
    clusters = part["dataset"].nunique()
    mean = float(part["estimate"].mean())
    if clusters > 1:
        mean, _, low, high = cluster_mean(part["estimate"].tolist(), part["dataset"].tolist())
    return {
        "cells": found.cells,
        "estimate": found.mean,
        "se": found.se,
        "lower": found.lower,
        "upper": found.upper,
        "tau": found.tau,
        "q_p_value": found.p_value,
        "new_lower": found.new_lower,
        "new_upper": found.new_upper,
        "plain_mean": mean,
        "cluster_lower": low,
        "cluster_upper": high,
        "clusters": clusters,
    }


def shrunk_table(cells: pd.DataFrame) -> pd.DataFrame:
    """Each cell's effect drawn towards the mean of all (partial pooling).

    Parameters
    ----------
    cells : DataFrame
        Of `compare`, a row a cell.

    Returns
    -------
    DataFrame
        Columns design, contrast, unit, estimate, shrunk, lower, upper.
    """
    rows = []
    for _, part in cells.groupby(["design", "contrast"], sort=False):
        if len(part) < 2 or not (part["se"] > 0).all():
            continue
        found = pool(part["estimate"].tolist(), part["se"].tolist())
        half = t_quantile(np.array([len(part) - 1.0]), 0.95)[0] * found.own_se
        rows.append(
            part[["design", "contrast", "unit", "estimate"]].assign(
                shrunk=found.own, lower=found.own - half, upper=found.own + half
            )
        )
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()
