"""Bounds on selections by chance against those that the R package stabs prints."""

import json
from pathlib import Path

import pytest

from causalhyper.granger.significance.stability import bound_selections

ROWS = json.loads(Path(__file__).with_name("stabs_bounds.json").read_text("utf-8"))["bounds"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"q={row['q']}")
def test_bounds_are_those_of_stabs(row):
    found = bound_selections(row["p"], row["q"], row["cutoff"], row["pairs"])
    assert found.worst_case == pytest.approx(row["worst_case"], rel=1e-6)
    assert found.unimodal == pytest.approx(row["unimodal"], rel=1e-6)
    # stabs looks for offsets up to 1e5 with a local search: its maximum is at most ours
    assert found.r_concave == pytest.approx(row["r_concave"], rel=4e-3 if row["q"] < 4 else 1e-5)
    assert found.r_concave >= row["r_concave"] * (1 - 1e-6)
