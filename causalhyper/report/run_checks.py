"""What a frame of runs holds, check by check, as frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from causalhyper.arrays import Array, Codes
from causalhyper.frames import Roles
from causalhyper.report.robust_scores import score_values

FINISHED = {"FINISHED", "COMPLETED", "COMPLETE", "DONE", "SUCCESS", "SUCCEEDED", "OK"}
STOPPED = {
    "FAILED", "FAILURE", "ERROR", "CRASHED", "KILLED", "ABORTED", "CANCELLED", "CANCELED",
    "INTERRUPTED", "PREEMPTED", "TIMEOUT", "RUNNING", "SCHEDULED", "PENDING", "QUEUED",
}  # fmt: skip
"""What a status is, in capitals, of a run that came to its end, and of one that did not."""


def read_numbers(column: pd.Series) -> Array:
    """A column as numbers: NaN where a value is none, or is missing."""
    numbers = pd.to_numeric(column, errors="coerce")
    return np.asarray(numbers.to_numpy(dtype=np.float64, na_value=np.nan))


def count_cells(
    runs: pd.DataFrame, value: str, clusters: Sequence[str], contexts: Sequence[str]
) -> pd.DataFrame:
    """Runs and clusters by context and treatment value."""
    keys = [*contexts, value]
    groups = runs.groupby(keys, sort=True, observed=True, dropna=False)
    counts = groups.size().rename("runs").reset_index()
    counts["clusters"] = [
        len(part[list(clusters)].drop_duplicates()) if clusters else len(part)
        for _, part in groups
    ]
    return counts


def count_missing(runs: pd.DataFrame, roles: Roles, numbers: Mapping[str, Array]) -> pd.DataFrame:
    """Values that are there and that are missing, by role; then other columns that lack some."""
    rows = []
    for role in roles.values():
        lost = int(np.isnan(numbers[role.column]).sum())
        rows.append((role.node, role.column, len(runs) - lost, lost))
    for name in runs.columns:
        lost = int(runs[name].isna().sum())
        if lost and name not in numbers:
            rows.append(("", str(name), len(runs) - lost, lost))
    return pd.DataFrame(rows, columns=["node", "column", "present", "missing"])


def check_pairing(
    runs: pd.DataFrame, value: str, clusters: Sequence[str], contexts: Sequence[str]
) -> tuple[int, pd.DataFrame]:
    """How many clusters, within a context, compare treatment values, and which not all of them.

    Parameters
    ----------
    runs : DataFrame
    value : str
        The treatment's column.
    clusters, contexts : sequence of str

    Returns
    -------
    paired : int
    incomplete : DataFrame
        cluster, context, lacks, repeats: texts.
    """
    rows, paired = [], 0
    whole = {key: sorted(part[value].unique()) for key, part in _parts(runs, contexts)}
    for context, part in _parts(runs, contexts):
        for cluster, block in _parts(part, clusters) if clusters else ():
            counts = block[value].value_counts()
            if len(counts) < 2:
                continue
            paired += 1
            lacks = [f"{v:g}" for v in whole[context] if v not in counts.index]
            repeats = [f"{v:g}" for v in sorted(counts.index[counts > 1])]
            if lacks or repeats:
                names = _words(clusters, cluster), _words(contexts, context)
                rows.append((*names, ", ".join(lacks), ", ".join(repeats)))
    return paired, pd.DataFrame(rows, columns=["cluster", "context", "lacks", "repeats"])


def _parts(
    runs: pd.DataFrame, columns: Sequence[str]
) -> list[tuple[tuple[object, ...], pd.DataFrame]]:
    if not columns:
        return [((), runs)]
    groups = runs.groupby(list(columns), sort=True, observed=True, dropna=False)
    return [(key if isinstance(key, tuple) else (key,), part) for key, part in groups]


def _words(columns: Sequence[str], key: Sequence[object]) -> str:
    return ", ".join(f"{name} {word}" for name, word in zip(columns, key, strict=True))


def score_runs(
    runs: pd.DataFrame,
    numbers: Mapping[str, Array],
    roles: Roles,
    treatment: str,
    contexts: Sequence[str],
) -> pd.DataFrame:
    """Score every measurement of every run among those of the same treatment value and context."""
    keys = [*contexts, roles[treatment].column]
    groups = runs.groupby(keys, sort=True, observed=True, dropna=False)
    cells: Codes = groups.ngroup().to_numpy().astype(np.int64)
    frames = []
    for role in roles.values():
        if role.node == treatment or role.column in keys:
            continue
        values = numbers[role.column][runs.index]
        values = np.where(np.isfinite(values), values, np.nan)
        if role.is_logarithmic:
            values = np.where(values > 0, values, np.nan)
        scaled = role.apply(values)
        centre, spread, score = score_values(scaled, cells)
        columns = {"run_id": runs["run_id"], "node": role.node, "column": role.label}
        columns |= {"value": scaled, "treatment": runs[roles[treatment].column]}
        columns |= {"centre": centre, "spread": spread, "score": score}
        frames.append(pd.DataFrame(columns))
    names = "run_id node column value treatment centre spread score".split()
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=names)


def find_endings(runs: pd.DataFrame) -> tuple[str, ...]:
    """Columns that say of every run how it ended: a mark, and the status that `read` writes."""
    found = [name for name in ("diverged",) if name in runs and runs[name].notna().all()]
    if "status" in runs and runs["status"].notna().all():
        status = runs["status"].astype(str).str.strip().str.upper()
        found += ["status"] if status.isin(FINISHED | STOPPED).all() else []
    return tuple(found)


def find_diverged(
    runs: pd.DataFrame, names: Sequence[str], numbers: Mapping[str, Array], value: str
) -> pd.DataFrame:
    """Runs that are marked as diverged, did not finish, or have an infinite measurement."""
    why: dict[int, str] = {}
    if "status" in runs:
        status = runs["status"].astype(str).str.strip()
        unfinished = status.str.upper().isin(STOPPED)
        why |= {int(i): f"status {status.iloc[i]}" for i in np.flatnonzero(unfinished)}
    for column, values in numbers.items():
        why |= {int(i): f"{column} is infinite" for i in np.flatnonzero(np.isinf(values))}
    if "diverged" in runs:
        marked = runs["diverged"].astype(str).str.lower().isin(["true", "1", "1.0"])
        why |= {int(i): "marked as diverged" for i in np.flatnonzero(marked)}
    rows = [(names[i], numbers[value][i], why[i]) for i in sorted(why)]
    return pd.DataFrame(rows, columns=["run_id", "treatment", "why"])
