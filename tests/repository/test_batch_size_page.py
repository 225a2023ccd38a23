"""The verdict page says what the shipped runs say."""

import re
from pathlib import Path

import pytest

from case_studies.batch_size.__main__ import PICTURE
from case_studies.batch_size.effects.tables import effect_tables, make_tables
from case_studies.batch_size.report.claims import list_claims
from case_studies.batch_size.report.figures import draw_curves
from case_studies.batch_size.report.markdown_page import MARKED, page_table
from case_studies.batch_size.report.parts import other_parts
from case_studies.batch_size.runs import DATA, Frames, read_study
from causalhyper.figures import compact_svg

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "batch-size-study.md"
LONG = {"claims", "rejections", "dominance", "ablations"}
LONG |= {"method-regret", "method-gain", "method-cost"}
"""Tables that rest on resampled fits of hypergraphs."""


@pytest.fixture(scope="module")
def shown() -> dict[str, str]:
    return {name: table for _, name, table, _ in MARKED.findall(PAGE.read_text("utf-8"))}


@pytest.fixture(scope="module")
def frames() -> Frames:
    return read_study(DATA)


def test_every_table_and_the_picture_are_those_of_the_runs(
    shown: dict[str, str], frames: Frames
) -> None:
    tables = effect_tables(frames)
    assert set(shown) >= {"claims", "accuracy", "cells", "pooled", "noise", "sam", "rejections"}
    for name in set(shown) - LONG:
        assert shown[name] == page_table(name, tables, []), name
    assert (DOCS / PICTURE).read_text("utf-8") == compact_svg(draw_curves(tables["curves"]))


@pytest.mark.slow
def test_every_verdict_is_that_of_the_rules(shown: dict[str, str], frames: Frames) -> None:
    tables = make_tables(frames)
    claims = list_claims(tables)
    for part in other_parts(frames.runs).values():
        tables |= part.tables
    for name in LONG & set(shown):
        assert shown[name] == page_table(name, tables, claims), name


def test_every_cell_has_every_protocol_size_and_seed(frames: Frames) -> None:
    keys = ["domain", "dataset", "model", "design", "batch_size"]
    counts = frames.plain.groupby(keys)["seed"].nunique()
    assert set(counts.loc["graph"]) == {20}
    assert set(counts.loc["text"]) == {8}
    cells = frames.plain[["dataset", "model"]].drop_duplicates()
    assert len(counts) == len(cells) * 4 * 6
    assert f"{len(cells)} cells" in PAGE.read_text("utf-8")


def test_all_frames_together_are_under_20_mb() -> None:
    assert sum(path.stat().st_size for path in DATA.glob("*.parquet")) < 20e6


def test_the_page_names_every_stand_in() -> None:
    text = PAGE.read_text("utf-8")
    for words in ("NICTA-PIBOSO (.|\n)*stands in for", "MiniLM stands in for", "RoBERTa"):
        assert re.search(words, text), words
