"""The hypergraph's effect curve held against the design's, in every cell under every protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from case_studies.batch_size.runs import (
    BATCH_SIZES,
    CELL,
    GRAPH,
    LARGE,
    ROLES,
    SHORT,
    name_of,
    protocol_of,
)
from causalhyper.errors import CausalHyperError
from causalhyper.inference import adjust_p_values
from causalhyper.queries import effect_curve
from causalhyper.queries.effects.query import farthest
from causalhyper.results import Estimate
from causalhyper.scm import fit

PAPERS = "the papers'"
HYPERGRAPHS = {
    PAPERS: GRAPH,
    "with B -> G": f"{GRAPH}; B -> G",
    "with N -> G": f"{GRAPH}; N -> G",
    "with updates": "B -> N; B -> U; {N, U} -> S; {N, S} -> C; {C, U} -> G",
}
"""The papers' hypergraph and the richer ones that are held beside it."""
UPDATES = "log2(updates)"
COLUMNS = [
    *("unit", *CELL, "design", "hypergraph", "design_effect", "design_lower", "design_upper"),
    *("graph_effect", "graph_lower", "graph_upper", "gap", "gap_lower", "gap_upper"),
    *("statistic", "p_value", "adjusted_p_value", "runs", "seeds", "reason"),
]


def gap_table(
    plain: pd.DataFrame,
    *,
    draws: int = 400,
    seed: int = 1,
    hypergraphs: Mapping[str, str] = HYPERGRAPHS,
    designs: Sequence[str] = tuple(SHORT),
) -> pd.DataFrame:
    """Design, hypergraph, gap and overidentification test of every cell, protocol and hypergraph.

    Parameters
    ----------
    plain : DataFrame
    draws, seed : int
        Bootstrap replicates behind the tests, and their seed.
    hypergraphs : mapping of str to str
    designs : sequence of str

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; effects of 16 against 512. `adjusted_p_value` is Benjamini and
        Hochberg's over the cells and protocols of one hypergraph. Where a hypergraph could not be
        fitted the numbers are NaN, and `reason` says why.
    """
    cells = plain.groupby(CELL, sort=False)
    rows = [
        _row(rows, key, design, name, graph, draws, seed)
        for key, part in cells
        for design in designs
        if len(rows := part[part["design"] == design])
        for name, graph in hypergraphs.items()
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    for name in frame["hypergraph"].unique():
        there = frame["hypergraph"] == name
        p = frame.loc[there, "p_value"].to_numpy(dtype=np.float64)
        frame.loc[there, "adjusted_p_value"] = adjust_p_values(p, "bh")
    return frame


def _row(
    rows: pd.DataFrame,
    key: tuple[str, str],
    design: str,
    name: str,
    graph: str,
    draws: int,
    seed: int,
) -> dict[str, object]:
    """One cell, protocol and hypergraph."""
    own = {"unit": name_of(*key), "dataset": key[0], "model": key[1], "design": design}
    own |= {"hypergraph": name, "runs": len(rows), "seeds": rows["seed"].nunique(), "reason": ""}
    if "U" in graph and rows["updates"].nunique() == 1:
        return own | {"reason": "the number of updates does not vary"}
    roles = ROLES | ({"U": UPDATES} if "U" in graph else {})
    try:
        model = fit(graph, rows, roles, protocol=protocol_of(rows), cluster="seed", context="seed")
        at = [b for b in BATCH_SIZES if b != LARGE and (rows["batch_size"] == b).any()]
        curve = effect_curve(model, "B", "G", at=at, baseline=LARGE, draws=draws, seed=seed)
    except CausalHyperError as error:
        return own | {"reason": str(error).partition("\n")[0]}
    found = {
        f"{what}{end}": number
        for what, estimates in (
            ("design", curve.design),
            ("graph", curve.graph),
            ("gap", curve.gap),
        )
        for end, number in _numbers(farthest(estimates), what)
    }
    return own | found | {"statistic": curve.test.statistic, "p_value": curve.test.p_value}


def _numbers(e: Estimate, what: str) -> tuple[tuple[str, float], ...]:
    first = "" if what == "gap" else "_effect"
    return ((first, e.estimate), ("_lower", e.lower), ("_upper", e.upper))


def rejection_table(gaps: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """How often each hypergraph was rejected, by protocol, with the false discovery rate held.

    Parameters
    ----------
    gaps : DataFrame
        Of `gap_table`.
    alpha : float

    Returns
    -------
    DataFrame
        Columns hypergraph, design, tested, rejected, rejected_unadjusted, median_gap (absolute),
        median_effect (absolute, by design).
    """
    tested = gaps[gaps["p_value"].notna()]
    groups = tested.groupby(["hypergraph", "design"], sort=False)
    return pd.DataFrame(
        [
            {
                "hypergraph": name,
                "design": design,
                "tested": len(part),
                "rejected": int((part["adjusted_p_value"] <= alpha).sum()),
                "rejected_unadjusted": int((part["p_value"] <= alpha).sum()),
                "median_gap": float(part["gap"].abs().median()),
                "median_effect": float(part["design_effect"].abs().median()),
            }
            for (name, design), part in groups
        ]
    )
