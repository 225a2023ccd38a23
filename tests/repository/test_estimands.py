"""The table of estimands: each row whole, each file there, no reported query forgotten."""

import ast
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalhyper import (
    LINEAR,
    FittedModel,
    RandomiseNode,
    Table,
    ablate,
    counterfactual,
    do,
    effect_curve,
    fit,
    marginalise,
    mediate,
    path_effects,
    policy,
    randomisation_test,
    refit_without,
    shapley,
    wild_contrasts,
)
from causalhyper.queries.robustness import correlated_errors, partial_r2_sensitivity
from causalhyper.results import EstimateResult
from tests.simulated import ROLES, TWO_WAYS, Truth, runs

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


ASKED = {"at": [4.0], "baseline": 1.0}
DRAWN = ASKED | {"draws": 100}
OPERATION = RandomiseNode("S")
VERBS: dict[str, Callable[[FittedModel, pd.DataFrame], EstimateResult]] = {
    "do": lambda m, _: do(m, {"B": [1.0, 4.0]}, "G", above=0.0, density=[0.0], draws=100),
    "effect_curve": lambda m, _: effect_curve(m, "B", "G", **DRAWN),
    "randomisation_test": lambda m, _: randomisation_test(m, "B", "G", **ASKED, assignments=99),
    "wild_contrasts": lambda m, _: wild_contrasts(m, "B", "G", **ASKED, weight_sets=99),
    "mediate": lambda m, _: mediate(m, "B", "G", "S", controlled={"S": 1.5}, **DRAWN),
    "path_effects": lambda m, _: path_effects(m, "B", "G", **DRAWN),
    "ablate": lambda m, _: ablate(m, "B", "G", OPERATION, **DRAWN),
    "shapley": lambda m, _: shapley(m, "B", "G", [OPERATION, RandomiseNode("C")], **DRAWN),
    "refit_without": lambda m, _: refit_without(m, "B", "G", "{B, N} -> S", **DRAWN),
    "marginalise": lambda m, _: marginalise(m, "B", "G", "C", **DRAWN),
    "counterfactual": lambda m, _: counterfactual(m, {"B": 4.0}, "G", runs=[0, 1], draws=100),
    "policy": lambda m, runs: policy(
        m, "B", "G", at=[1.0, 4.0], cost={"hours": 0.1}, runs=runs, draws=100
    ),
    "partial_r2_sensitivity": lambda m, _: partial_r2_sensitivity(
        m, "B", "G", arcs=[("C", "G")], draws=100
    ),
    "correlated_errors": lambda m, _: correlated_errors(
        m, "B", "G", pairs=[("S", "G")], rhos=[-0.3, 0.0, 0.3], **DRAWN
    ),
}
"""Each verb whose result holds estimates, asked for all that it can report; N recants for S."""


@cache
def reported(verb: str) -> tuple[str, ...]:
    """The queries in a small real result of a verb."""
    frame = runs(Truth(d=0.4), np.random.default_rng(0), clusters=10, repeats=1)
    frame["hours"] = 1 / frame["b"]
    options = {"protocol": "p", "cluster": "k", "mechanisms": LINEAR}
    model = fit(TWO_WAYS, frame, ROLES, **options)
    found = [e.query for e in VERBS[verb](model, frame).estimates]
    if verb == "do":
        few = frame.assign(g=(frame["g"] > frame["g"].median()).astype(float))
        tables = fit("B -> G", few, {"B": "b", "G": "g"}, **options | {"mechanisms": Table(1)})
        found += [e.query for e in do(tables, {"B": 4.0}, "G", draws=100).estimates]
    return tuple(dict.fromkeys(found))


def listed() -> set[str]:
    """The whole name of every query in the table; ".after" has the verb of its left neighbour."""
    found = set()
    for row in rows():
        verb = ""
        for name in re.findall(r"`([a-z_0-9]*\.[a-z_]+)`", row["query"]):
            verb = name.partition(".")[0] or verb
            found.add(verb + "." + name.partition(".")[2])
    return found


@pytest.mark.parametrize("verb", VERBS)
def test_every_query_of_a_result_stands_in_the_table(verb: str) -> None:
    names = reported(verb)
    assert names
    assert set(names) <= listed(), set(names) - listed()


def test_every_query_in_the_table_is_in_some_result() -> None:
    found = {name for verb in VERBS for name in reported(verb)}
    assert listed() <= found, listed() - found


def spelled() -> set[str]:
    """What the source hands over as a query, "verb.part"; "verb." where the part is filled in."""
    found = set()
    for path in (ROOT / "causalhyper" / "queries").rglob("*.py"):
        calls = (
            n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)
        )
        for call in calls:
            given = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "query")]
            first = [t.values[0] if isinstance(t, ast.JoinedStr) else t for t in given]
            texts = [t.value for t in first if isinstance(t, ast.Constant)]
            found |= {t for t in texts if isinstance(t, str) and re.fullmatch(r"\w+\.[a-z_]*", t)}
    return found


def test_every_query_that_the_source_spells_is_in_some_result() -> None:
    found = {name for verb in VERBS for name in reported(verb)}
    verbs = {f"{name.partition('.')[0]}." for name in found}
    assert spelled() <= found | verbs, spelled() - found - verbs
    assert verbs == {f"{s.partition('.')[0]}." for s in spelled()}
