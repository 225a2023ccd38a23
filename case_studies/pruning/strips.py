"""Hyper-parameters of the causal criterion: what their values make of accuracy and sparsity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from case_studies.pruning.contrasts import LEVEL
from case_studies.pruning.judging import HOLDS, OPEN, REVERSED, PruningClaim
from case_studies.pruning.logs import StudyFrames, split
from case_studies.pruning.methods import percent
from causalhyper.errors import CausalHyperError
from causalhyper.granger.pruning import HyperparameterStrips, hyperparameter_strips

PARAMETERS = {"n_iter": "N_iter", "n_prune": "N_prune", "l1": "L1_coeff"}
"""Columns, and their names in the paper."""
DEFAULTS = {"N_iter": 10.0, "N_prune": 10.0, "L1_coeff": 1e-14}
"""The paper's, with which other values are compared where there are runs of them."""
MARGIN = 0.01
"""Difference of test accuracies within which values count as alike."""
ROBUST = "Accuracy is robust to N_iter and N_prune"

Strips = Mapping[str, HyperparameterStrips | str]


def strips_of(frames: StudyFrames) -> dict[str, HyperparameterStrips | str]:
    """Compare the values of each hyper-parameter, by cell, method and sparsity asked for.

    Settings that left a seed no weight are left out, see `emptied_settings`.

    Parameters
    ----------
    frames : StudyFrames

    Returns
    -------
    dict of str to HyperparameterStrips or str
        By what was run; a sentence where nothing varies. Empty without such runs.
    """
    if "strips" not in frames.others:
        return {}
    found: dict[str, HyperparameterStrips | str] = {}
    for cell, own in split(frames.others["strips"]).items():
        own = own.assign(target=own.get("target", np.nan), l1=own.get("l1", np.nan))
        own = own[~_emptied(own)]
        for (method, target), rows in own.groupby(["method", "target"], sort=False, dropna=False):
            share = float(str(target))
            at = "its own sparsity" if np.isnan(share) else percent(share)
            found[f"{cell}: {method}, {at}"] = _compare(rows, chosen=np.isnan(share))
    return found


def emptied_settings(frames: StudyFrames) -> list[str]:
    """Say which settings left no weight.

    Parameters
    ----------
    frames : StudyFrames

    Returns
    -------
    list of str
        A sentence a cell, method and setting.
    """
    rows = frames.others.get("strips", pd.DataFrame(columns=["sparsity"]))
    said = []
    for cell, own in split(rows).items() if len(rows) else ():
        own = own.assign(l1=own.get("l1", np.nan))
        lost = own[_emptied(own)]
        for key, setting in lost.groupby(["method", *PARAMETERS], sort=False, dropna=False):
            method, *values = key
            named = zip(PARAMETERS.values(), values, strict=True)
            shown = ", ".join(f"{name} = {value:g}" for name, value in named if pd.notna(value))
            seeds = int((setting["sparsity"] >= 1).sum())
            said.append(
                f"{cell}, {method}, {shown}: no weight is left in {seeds} of {len(setting)} "
                "seeds, and this setting is not compared."
            )
    return said


def _emptied(rows: pd.DataFrame) -> pd.Series:
    """Whether a row is of a setting that left some seed no weight."""
    keys = [rows[name] for name in ("method", *PARAMETERS)]
    return (rows["sparsity"] >= 1).groupby(keys, dropna=False).transform("any").astype(bool)


def _compare(rows: pd.DataFrame, *, chosen: bool) -> HyperparameterStrips | str:
    names = [
        c for c in PARAMETERS if rows[c].notna().all() and rows[c].nunique() > 1
    ]  # fmt: skip
    if not names:
        return "No hyper-parameter varies."
    rows = rows.rename(columns=PARAMETERS)
    parameters = [PARAMETERS[name] for name in names]
    known = {p: DEFAULTS[p] for p in parameters if (rows[p] == DEFAULTS[p]).any()}
    outcomes = ["test_accuracy", "sparsity"] if chosen else ["test_accuracy"]
    try:
        return hyperparameter_strips(
            rows,
            parameters=parameters,
            outcomes=outcomes,
            reference=known,
            level=LEVEL,
            rng=np.random.default_rng(0),
        )
    except CausalHyperError as error:
        return str(error)


def strip_table(strips: Strips) -> pd.DataFrame:
    """Every value of every hyper-parameter, with what was run.

    Parameters
    ----------
    strips : mapping of str to HyperparameterStrips or str
        Of `strips_of`.

    Returns
    -------
    DataFrame
        As `HyperparameterStrips.to_frame` has it, with the column runs_of first.
    """
    parts = [
        found.to_frame().assign(runs_of=name)
        for name, found in strips.items()
        if isinstance(found, HyperparameterStrips)
    ]
    if not parts:
        return pd.DataFrame()
    table = pd.concat(parts, ignore_index=True)
    return table[["runs_of", *table.columns.drop("runs_of")]]


def robust_claims(strips: Strips) -> list[PruningClaim]:
    """Judge whether accuracy stays within `MARGIN` when N_iter and N_prune change.

    Parameters
    ----------
    strips : mapping of str to HyperparameterStrips or str
        Of `strips_of`.

    Returns
    -------
    list of PruningClaim
        One for what was run with several values of them.
    """
    claims = []
    for name, found in strips.items():
        if isinstance(found, str):
            continue
        table = found.to_frame()
        mine = table["parameter"].isin(["N_iter", "N_prune"]) & table["difference"].notna()
        rows = table[mine & (table["outcome"] == "test_accuracy")]
        if len(rows):
            cell, _, method = name.partition(": ")
            claims.append(_robust(cell, method, rows))
    return claims


def _robust(cell: str, method: str, rows: pd.DataFrame) -> PruningClaim:
    low, high = rows["difference_lower"], rows["difference_upper"]
    if ((low > MARGIN) | (high < -MARGIN)).any():
        verdict = REVERSED
    else:
        verdict = HOLDS if ((low > -MARGIN) & (high < MARGIN)).all() else OPEN
    said = "; ".join(
        f"{r['parameter']} = {r['value']:g} less {r['reference']:g}: {100 * r['difference']:+.2f} "
        f"[{100 * r['difference_lower']:+.2f}, {100 * r['difference_upper']:+.2f}] points"
        for r in rows.to_dict("records")
    ).replace("-", "\N{MINUS SIGN}")
    sure = (
        f"{LEVEL:.0%} intervals, not joint, {int(rows['seeds'].min())} seeds; holds where all lie "
        f"within {100 * MARGIN:g} point"
    )
    return PruningClaim(ROBUST, cell, method, verdict, f"{said}.", sure)
