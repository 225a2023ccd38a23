"""A report on prunings is made of the frames alone."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.pruning import paired_differences
from causalhyper.report import PageSection, Prose
from causalhyper.report.pruning import pruning_files, report_prunings, sections_markdown
from tests.report.test_page import HOSTILE, Page
from tests.repository.samples import prunings


def logged() -> pd.DataFrame:
    """Logs of two data sets: a row an evaluation, of which the final ones count."""
    runs = prunings().assign(stage="final", epoch=9)
    dense = pd.DataFrame({"method": "dense", "seed": range(4), "sparsity": 0.0, "stage": "final"})
    dense["test_accuracy"] = 0.7 + np.random.default_rng(1).normal(scale=0.004, size=4)
    runs = pd.concat([runs, dense])
    early = runs.assign(stage="posttraining", test_accuracy=np.nan, epoch=1)
    whole = pd.concat([runs, early])
    return pd.concat([whole.assign(dataset="one"), whole.assign(dataset="two")])


def test_every_cell_has_its_differences_costs_and_phase_shift() -> None:
    report = report_prunings(logged(), by=["dataset"])
    assert [section.title for section in report.sections] == [
        f"{words}, {dataset}"
        for dataset in ("one", "two")
        for words in (
            "Against magnitude",
            "What pruning costs: against the dense network",
            "Phase shift",
        )
    ]
    wanted = paired_differences(prunings(), baseline="magnitude", tolerance=1e-3).to_frame()
    found = report.tables["differences-1-one"]
    assert np.allclose(found["estimate"], wanted["estimate"])
    assert (report.tables["runs"]["stage"] == "final").all()


def test_a_sparsity_without_the_baseline_is_left_out_and_said() -> None:
    runs = prunings()
    lone = runs[runs["method"] == "causal"].head(4).assign(sparsity=0.3, seed=range(4))
    report = report_prunings(pd.concat([runs, lone]))
    last = report.sections[0].blocks[-1]
    assert isinstance(last, Prose)
    assert last.text == "Left out, where magnitude has no run: 30%: causal."
    places = report.tables["differences-all"]["place"]
    assert "30%" not in set(places)


def test_files_are_the_page_markdown_json_and_every_table_with_the_same_numbers() -> None:
    report = report_prunings(logged(), by=["dataset"])
    out = Path("out")
    files = pruning_files(report, out, "causalhyper prunings", [("runs.parquet", "ab" * 32)])
    again = pruning_files(report, out, "causalhyper prunings", [("runs.parquet", "ab" * 32)])
    assert files == again
    assert len(files[out / "index.html"]) < 500_000
    document = json.loads(files[out / "results.json"])
    assert document["verdicts"] == report.verdicts
    text = files[out / "prunings.md"].decode()
    for sentence in report.verdicts.values():
        assert f"**{sentence}**" in text
    for name, table in report.tables.items():
        lines = files[out / "tables" / f"{name}.csv"].decode().splitlines()
        assert len(lines) == len(table) + 1
        assert len(document["tables"][name]) == len(table)


def test_many_criteria_at_many_levels_stay_below_500_kb() -> None:
    rng = np.random.default_rng(0)
    rows = [
        (f"method {m}", s, 1 - k, cell, 0.1 + 0.6 / (1 + (0.02 / k) ** 3) + rng.normal() / 99)
        for m in range(16)
        for s in range(3)
        for k in (0.1, 0.05, 0.02, 0.01, 0.005)
        for cell in "abcd"
    ]
    names = ["method", "seed", "sparsity", "dataset", "test_accuracy"]
    frame = pd.DataFrame(rows, columns=names)
    report = report_prunings(frame, baseline="method 0", by=["dataset"], floor=0.1)
    page = pruning_files(report, Path("out"), "x", [])[Path("out/index.html")]
    assert len(page) < 500_000
    Page(page.decode())


def test_runs_that_cannot_be_compared_are_refused_with_a_reason() -> None:
    with pytest.raises(DataError, match="lack the columns seed"):
        report_prunings(prunings().drop(columns="seed"))
    with pytest.raises(DataError, match="cannot be told apart by dataset"):
        report_prunings(prunings(), by=["dataset"])
    with pytest.raises(DataError, match="no pruning is finished"):
        report_prunings(prunings().assign(stage="pruned"))
    with pytest.raises(ConfigurationError, match="the baseline must be one of two methods"):
        report_prunings(prunings(), baseline="lamp")


def test_markdown_escapes_labels_and_opens_folds() -> None:
    report = report_prunings(prunings().replace({"method": {"causal": HOSTILE}}))
    text = sections_markdown(HOSTILE, report.sections)
    assert "<script" not in text.replace("\\<", "").replace("&lt;", "")
    assert "### Tests" in text
    plain = sections_markdown("t", [PageSection("s", (Prose("a_b", verdict=True),))])
    assert plain == "# t\n\n## s\n\n**a\\_b**\n"
