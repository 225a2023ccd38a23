"""Weights & Biases exports: tables of runs, histories of charts, rows of its API."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.logged.assembly import Content
from causalhyper.frames.logged.history import History, Points, points_of
from causalhyper.frames.logged.logged import LoggedRun
from causalhyper.frames.logged.tables import read_table
from causalhyper.frames.logged.values import flatten, numbers_among, parse_number

_NAMED = {"id": "run_id", "name": "run_name", "state": "status", "runtime": "wall_seconds"}
_DROPPED = frozenset({"", "notes", "user", "tags", "created", "sweep", "unnamed: 0"})
_STATES = {"finished": "FINISHED", "failed": "FAILED", "crashed": "FAILED", "killed": "KILLED"}
_SERIES = re.compile(r"(.+) - (.+?)(__MIN|__MAX)?")
_LARGEST = 1_000_000
"""Characters of a nested cell that are parsed."""


def read_wandb_export(path: str | Path) -> Content:
    """Read a file exported from Weights & Biases.

    Parameters
    ----------
    path : str or Path
        ``.csv``: a runs table from the workspace or by the API (with columns ``config`` and
        ``summary``), or the data of a chart (columns ``Step`` and ``RUN - METRIC``). ``.json``
        or ``.jsonl``: runs with ``config`` and ``summary``, or rows of ``scan_history`` with
        ``_step``, the run in ``run_id`` or else named by the file.

    Returns
    -------
    Content
        Runs, and histories where the file holds them.

    Raises
    ------
    ConfigurationError
        If the file is not there, or its suffix is another.
    DataError
        If the content is none of these.
    """
    path = Path(path)
    source = f"Weights & Biases export {str(path)!r}"
    if path.suffix == ".csv":
        table = read_table(path)
        if "Step" in table.columns and _is_chart(table):
            return _chart(table, source)
        rows = [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]
        return _table(rows, path, source)
    if path.suffix not in (".json", ".jsonl"):
        raise ConfigurationError(
            f"{str(path)!r} is no export of Weights & Biases by its name; expected .csv, .json "
            "or .jsonl"
        )
    records = _records(path)
    if records and all("_step" in record for record in records):
        return _scanned(records, path, source)
    return _table(records, path, source)


def check_chart(names: list[str]) -> bool:
    """Tell whether a header is that of a chart's data.

    Parameters
    ----------
    names : list of str
        The columns.

    Returns
    -------
    bool
        True for ``Step`` beside columns ``RUN - METRIC``, one with ``__MIN`` among them.

    Examples
    --------
    >>> check_chart(["Step", "a - loss", "a - loss__MIN", "a - loss__MAX"])
    True
    """
    return "Step" in names and any(name.endswith("__MIN") for name in names)


def check_runs_table(names: list[str]) -> bool:
    """Tell whether a header is that of a table of runs.

    Parameters
    ----------
    names : list of str
        The columns.

    Returns
    -------
    bool
        True for the workspace's ``Name`` and ``State``, or the API's ``config`` and ``summary``.

    Examples
    --------
    >>> check_runs_table(["Name", "State", "Notes", "lr", "loss"])
    True
    """
    return {"Name", "State"} <= set(names) or {"config", "summary"} <= set(names)


def _is_chart(table: pd.DataFrame) -> bool:
    return all(_SERIES.fullmatch(str(name)) for name in table.columns.drop("Step"))


def _chart(table: pd.DataFrame, source: str) -> Content:
    """Read the data of a chart."""
    steps = _floats(table["Step"])
    if not np.all(np.isfinite(steps) & (steps == np.round(steps))):
        raise DataError(f"{source} has steps that are no whole numbers: export it over Step")
    points: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}
    binned = 0
    for column in table.columns.drop("Step"):
        run, metric, end = _parts(str(column))
        filled = (table[column] != "").to_numpy()
        values = _floats(table[column][filled])
        if end:
            center = f"{run} - {metric}"
            same = center in table and (table[center] == table[column]).all()
            binned += not same
        else:
            points.setdefault(run, {})[metric] = (steps[filled].astype(np.int64), values)
    history = History.join(points)
    last = history.last()
    notes = (
        "some points are means over bins of steps, with __MIN and __MAX apart: export the "
        "run's history by scan_history for every step",
    ) * bool(binned)
    runs = [LoggedRun(name, metrics=last[name]) for name in points]
    return Content("wandb", source, runs, history, notes)


def _parts(column: str) -> tuple[str, str, str]:
    match = _SERIES.fullmatch(column)
    if match is None:
        raise DataError(f"the column {column!r} is not of the form RUN - METRIC")
    return match[1], match[2], match[3] or ""


def _floats(column: pd.Series) -> np.ndarray:
    """Turn texts into numbers, refusing what is none."""
    numbers = [parse_number(text) for text in column]
    if any(number is None for number in numbers):
        bad = column.iloc[numbers.index(None)]
        raise DataError(f"the column {column.name!r} holds {bad!r}; expected numbers")
    return np.array(numbers, dtype=np.float64)


def _records(path: Path) -> list[dict[str, object]]:
    """Read a JSON array of objects, or an object a line."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot open {str(path)!r}: {error}") from error
    try:
        if path.suffix == ".jsonl":
            found: object = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            found = json.loads(text)
    except ValueError as error:
        raise DataError(f"{str(path)!r} is not JSON: {error}; export it again") from error
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        raise DataError(f"{str(path)!r} holds no list of objects; expected one a run or a step")
    return found


def _scanned(records: list[dict[str, object]], path: Path, source: str) -> Content:
    """Read rows of ``scan_history``."""
    rows: dict[str, list[dict[str, float]]] = {}
    steps: dict[str, list[int]] = {}
    for record in records:
        run, step = str(record.get("run_id", path.stem)), record["_step"]
        if not isinstance(step, int):
            raise DataError(f"{str(path)!r} has the step {step!r}; expected whole numbers")
        plain = flatten({k: v for k, v in record.items() if k != "run_id" and k[:1] != "_"})
        rows.setdefault(run, []).append(numbers_among(plain))
        steps.setdefault(run, []).append(step)
    points: dict[str, Points] = {run: points_of(rows[run], steps[run]) for run in rows}
    history = History.join(points)
    last = history.last()
    return Content("wandb", source, [LoggedRun(run, metrics=last[run]) for run in rows], history)


def _table(rows: Sequence[Mapping[str, object]], path: Path, source: str) -> Content:
    """Read a table of runs; without ``summary`` metrics stand among parameters."""
    mixed = not any(name.casefold() == "summary" for row in rows for name in row)
    runs = [_run(row, i, path) for i, row in enumerate(rows)]
    return Content("wandb", source, runs, mixed=mixed)


def _run(row: Mapping[str, object], number: int, path: Path) -> LoggedRun:
    """Read one row of a table of runs."""
    facts: dict[str, object] = {}
    parameters: dict[str, object] = {}
    metrics: dict[str, float] = {}
    for name, cell in row.items():
        folded = name.casefold()
        if folded in ("config", "summary"):
            nested = flatten(_nested(cell, name, number, path))
            public = {k: v for k, v in nested.items() if not k.startswith("_")}
            if folded == "config":
                parameters |= public
            else:
                metrics |= numbers_among(public)
                facts.setdefault("wall_seconds", nested.get("_runtime"))
        elif folded in _NAMED:
            facts[_NAMED[folded]] = cell
        elif folded not in _DROPPED and not name.startswith("_"):
            parameters[name] = None if cell == "" else cell
    if isinstance(facts.get("status"), str):
        state = str(facts["status"])
        facts["status"] = _STATES.get(state.casefold(), state.upper())
    run_id = facts.pop("run_id", None) or facts.get("run_name") or f"row {number + 1}"
    return LoggedRun(str(run_id), facts, parameters, {}, metrics)


def _nested(cell: object, name: str, number: int, path: Path) -> Mapping[str, object]:
    """Read a nested cell: an object, its JSON, or a dictionary as Python prints it."""
    if isinstance(cell, Mapping):
        return {str(k): v for k, v in cell.items()}
    try:
        found = _literal_text(str(cell)) if cell else {}
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise DataError(
            f"{str(path)!r} has in row {number + 1} a cell {name!r} that is no dictionary: {error}"
        ) from error
    if not isinstance(found, dict):
        raise DataError(f"{str(path)!r} has in row {number + 1} no dictionary under {name!r}")
    return {str(k): v for k, v in found.items()}


def _literal_text(text: str) -> object:
    """Read JSON, or a literal as Python prints it, nan and inf among its numbers."""
    if len(text) > _LARGEST:
        raise ValueError(f"it has {len(text)} characters")
    try:
        found: object = json.loads(text)
    except ValueError:
        found = _literal(ast.parse(text.strip(), mode="eval").body)
    return found


def _literal(node: ast.expr) -> object:
    """Build a value from a literal's syntax; nothing is called or looked up."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Dict) and None not in node.keys:
        keys = [_literal(key) for key in node.keys if key is not None]
        return dict(zip(map(str, keys), map(_literal, node.values), strict=True))
    if isinstance(node, ast.List | ast.Tuple):
        return [_literal(element) for element in node.elts]
    if isinstance(node, ast.Name) and node.id in ("nan", "inf"):
        return float(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _literal(node.operand)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return -value
    raise ValueError(f"{ast.unparse(node)[:40]!r} is no plain value")
