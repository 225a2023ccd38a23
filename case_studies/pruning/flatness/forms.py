"""How tables of flatness, loss surfaces and hyper-parameters are shown."""

from __future__ import annotations

import numpy as np
import pandas as pd

from case_studies.pruning.flatness.association import correlation_words, given_words
from case_studies.pruning.flatness.ratios import MEASURES, ratio_words
from case_studies.pruning.flatness.surfaces import RINGS, ring_name
from case_studies.pruning.judging import APART, side_of
from case_studies.pruning.methods import percent
from causalhyper.report import ReportTable, ShownColumn, frame_table


def level_name(pruned: float) -> str:
    """A share pruned in words, such as "98% pruned"."""
    if pd.isna(pruned):
        return "as many as the criterion chose"
    return f"{percent(pruned)} pruned" if pruned else "no pruning"


def ratio_form(rows: pd.DataFrame, caption: str) -> ReportTable:
    """Ratios with joint intervals, "*" where they leave one out; a column a share and space.

    Parameters
    ----------
    rows : DataFrame
        Of `flatness_table`, one quantity and question.
    caption : str

    Returns
    -------
    ReportTable
    """
    said, places = [], []
    for row in rows.to_dict("records"):
        low, high = np.exp(row["joint_lower"]), np.exp(row["joint_upper"])
        star = "" if side_of(row) == APART else "*"
        said.append(f"{ratio_words(row['ratio'], low, high)}{star}")
        places.append(f"{row['space']} space, {level_name(row['pruned'])}")
    return _wide(rows.assign(said=said, place=places), caption, ["cell", "method", "against"])


def association_form(rows: pd.DataFrame, caption: str) -> ReportTable:
    """Rank correlations of flatness with accuracy; a column a share and space.

    Parameters
    ----------
    rows : DataFrame
        Of `association_table`.
    caption : str

    Returns
    -------
    ReportTable
    """
    said, places = [], []
    for row in rows.to_dict("records"):
        star = "" if side_of({**row, "estimate": row["correlation"]}) == APART else "*"
        said.append(f"{correlation_words(row)}{star}; {given_words(row)}")
        places.append(f"{row['space']} space, {level_name(row['pruned'])}")
    rows = rows.assign(said=said, place=places, measure=rows["quantity"].map(MEASURES))
    return _wide(rows, caption, ["cell", "measure"])


def _wide(rows: pd.DataFrame, caption: str, index: list[str]) -> ReportTable:
    order = list(dict.fromkeys(rows.sort_values("pruned", kind="stable")["place"]))
    wide = rows.pivot_table(
        index=index, columns="place", values="said", aggfunc="first", sort=False
    )
    wide = wide[order].fillna("").reset_index()
    shown = [ShownColumn(name, (name,), kind="text") for name in [*index, *order]]
    return frame_table(wide, caption, shown)


def surface_form(table: pd.DataFrame, caption: str) -> ReportTable:
    """How far the loss rises around each network.

    Parameters
    ----------
    table : DataFrame
        Of `surface_table`.
    caption : str

    Returns
    -------
    ReportTable
    """
    names = [level_name(pruned) for pruned in table["pruned"]]
    inner = (0.0, *RINGS[:-1])
    shown = [
        *(
            ShownColumn(name, (name,), kind="text")
            for name in ("cell", "level", "space", "method")
        ),
        ShownColumn("seed", ("seed",), 0),
        ShownColumn("training loss", ("loss",), 4, kind="general"),
        *(
            ShownColumn(f"rise from {low:g} to {high:g}", (ring_name(high),), 3, kind="general")
            for low, high in zip(inner, RINGS, strict=True)
        ),
        ShownColumn("lowest less the network's", ("lowest",), 3, kind="general"),
        ShownColumn("diverged, %", ("diverged",), 1, 100),
    ]
    return frame_table(table.assign(level=names), caption, shown)
