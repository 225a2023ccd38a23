"""The table of estimands: each row whole, each file there, no reported query forgotten."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "estimands.md").read_text("utf-8")
HEADS = ("verb", "query", "estimand", "assumes", "source", "file", "witnesses")
INHERITED = {"verb", "source", "file"}
"""Columns in which an empty cell repeats the row above."""


def rows() -> list[dict[str, str]]:
    lines = PAGE.split("| verb | query |")[1].splitlines()[2:]
    out: list[dict[str, str]] = []
    for line in lines:
        if not line.startswith("|"):
            break
        cells = [c.strip() for c in line.strip("|").split("|")]
        row = dict(zip(HEADS, cells, strict=True))
        for name in INHERITED:
            row[name] = row[name] or out[-1][name]
        out.append(row)
    return out


@pytest.mark.parametrize("row", rows(), ids=lambda r: r["query"][:40])
def test_a_row_has_an_estimand_a_source_files_that_exist_and_witnesses(
    row: dict[str, str],
) -> None:
    assert row["verb"]
    assert row["query"]
    assert row["estimand"]
    assert row["witnesses"]
    files = re.findall(r"`([\w/]+\.py)`", row["file"])
    assert files
    folder = ROOT / "causalhyper"
    for name in files:
        near = (folder / files[0]).parent / name
        assert (folder / name).exists() or near.exists(), name
    for name in re.findall(r"`(oracles/\w+\.json)`", row["witnesses"]):
        assert (ROOT / "tests" / name).exists(), name


def reported() -> set[str]:
    """Every text of the form "verb.part" that the queries hand to an estimate."""
    found = set()
    verbs = "effect_curve|mediate|ablate|do|counterfactual|policy|path_effects|shapley|refit"
    for path in (ROOT / "causalhyper" / "queries").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and re.fullmatch(rf"({verbs})\.[a-z_]+", text):
                found.add(text)
    return found


@pytest.mark.parametrize("query", sorted(reported()))
def test_every_reported_query_stands_in_the_table(query: str) -> None:
    verb, _, part = query.partition(".")
    listed = " ".join(row["query"] for row in rows())
    whole = f"`{query}`" in listed
    assert whole or f"`{verb}.*`" in listed or f"`.{part}`" in listed, query
