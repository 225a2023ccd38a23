"""A small study: its file as a dictionary, written as TOML beside its runs."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.report.conftest import GRAPH, ROLES, simulate_runs

STUDY: dict[str, Any] = {
    "title": "A study",
    "data": {"runs": "runs.csv", "cluster": "seed"},
    "roles": ROLES,
    "hypergraph": {"edges": GRAPH},
    "question": {"treatment": "B", "outcome": "G", "at": [16, 64], "baseline": 512},
    "protocol": {"sentence": "equal updates"},
    "model": {"mechanism": "linear"},
    "uncertainty": {"draws": 100},
}
Write = Callable[..., Path]


def toml(table: dict[str, Any], head: str = "") -> str:
    """A nested dictionary as TOML, lists of dictionaries as tables of their own."""
    inner = {k: v for k, v in table.items() if isinstance(v, dict)}
    tables = {k: v for k, v in table.items() if isinstance(v, list) and v and is_table(v[0])}
    text = f"[{head}]\n" * bool(head)
    for key, value in table.items():
        if key not in inner and key not in tables:
            text += f"{json.dumps(key)} = {inline(value)}\n"
    for key, value in inner.items():
        text += toml(value, f"{head}.{key}" if head else key)
    for key, several in tables.items():
        for one in several:
            text += f"[[{key}]]\n" + "".join(f"{k} = {inline(v)}\n" for k, v in one.items())
    return text


def is_table(value: object) -> bool:
    return isinstance(value, dict)


def inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"
    return json.dumps(value)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the study with changes: a dotted name to its value, None to leave it out."""

    def written(runs: pd.DataFrame | None = None, **changes: Any) -> Path:
        (simulate_runs() if runs is None else runs).to_csv(tmp_path / "runs.csv", index=False)
        study = copy.deepcopy(STUDY)
        for dotted, value in changes.items():
            *above, last = dotted.split("__")
            table = study
            for name in above:
                table = table.setdefault(name, {})
            if value is None:
                del table[last]
            else:
                table[last] = value
        path = tmp_path / "study.toml"
        path.write_text(toml(study), "utf-8")
        return path

    return written


def two_designs() -> pd.DataFrame:
    """The small runs under two designs, which differ in the outcome, on two data sets."""
    first = simulate_runs()
    first["dataset"] = ["cora" if seed % 2 else "pubmed" for seed in first["seed"]]
    second = first.assign(run_id="x" + first["run_id"])
    second["test_accuracy"] -= 0.02 * (second["batch_size"] == 512)
    return pd.concat(
        [first.assign(design="updates"), second.assign(design="epochs")], ignore_index=True
    )
