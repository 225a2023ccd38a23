"""The batch-size study as a whole: frames refused, hypergraphs rejected, claims judged, files."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from case_studies.batch_size.__main__ import make_files
from case_studies.batch_size.effects import counts, graph_tests
from case_studies.batch_size.effects.arms import arm_tables
from case_studies.batch_size.effects.contrasts import compare
from case_studies.batch_size.effects.tables import make_tables
from case_studies.batch_size.effects.totals import pooled_table, widest
from case_studies.batch_size.report import claims, judgement, pieces
from case_studies.batch_size.report.markdown_page import fill_page, page_tables
from case_studies.batch_size.report.parts import other_parts
from case_studies.batch_size.report.pieces import make_pieces
from case_studies.batch_size.runs import SHORT, Frames, check_study, protocol_of, read_study
from causalhyper.errors import CausalHyperError, ConfigurationError, DataError
from tests.case_studies.batch_size_world import Truth, make_study

FEW = {"graph": 8, "text": 6}


@pytest.fixture(scope="module")
def frames() -> Frames:
    return Frames(*make_study(seeds=FEW), ())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, frames: Frames) -> Path:
    """The frames as they are shipped: short types, labels as categories."""
    place = tmp_path_factory.mktemp("data")
    graphs = frames.runs["domain"] == "graph"
    short = frames.runs.astype(dict.fromkeys(frames.runs.select_dtypes("float64"), "float32"))
    short = short.astype(dict.fromkeys(("dataset", "model", "design", "arm"), "category"))
    short[graphs].to_parquet(place / "graphs.parquet")
    short[~graphs].to_parquet(place / "text.parquet")
    cora = frames.tuning["dataset"] == "cora"
    frames.tuning[cora].to_parquet(place / "graph_tuning.parquet")
    frames.tuning[~cora].to_parquet(place / "text_tuning.parquet")
    return place


def test_frames_in_short_types_are_read_as_the_same_runs(folder: Path, frames: Frames) -> None:
    found = read_study(folder)
    assert [name for name, _ in found.checksums] == [
        "graphs.parquet",
        "text.parquet",
        "graph_tuning.parquet",
        "text_tuning.parquet",
    ]
    one = found.runs.set_index("run_id")["test_accuracy"].sort_index()
    other = frames.runs.set_index("run_id")["test_accuracy"].sort_index()
    pd.testing.assert_series_equal(one, other, rtol=1e-6)
    assert list(dict.fromkeys(found.runs["dataset"])) == ["cora", "amazon", "nicta_piboso"]


def test_a_folder_without_frames_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected graphs\.parquet"):
        read_study(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r, t: (r.drop(columns="noise_of"), t), "lack the columns noise_of"),
        (lambda r, t: (r.assign(arm="new"), t), "unknown arms"),
        (lambda r, t: (pd.concat([r, r.head(1)]), t), "stands twice"),
        (lambda r, t: (r.assign(test_accuracy=np.nan), t), "no test accuracy"),
        (lambda r, t: (r, t.assign(seed=3)), "chose the learning rate"),
    ],
)
def test_frames_that_would_be_misread_are_refused(change, message, frames: Frames) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=message):
        check_study(*change(frames.runs, frames.tuning))


def test_the_protocol_says_what_was_equal_and_how_the_rate_was_set(frames: Frames) -> None:
    cora = frames.plain[frames.plain["model"] == "GCN"]
    said = {d: protocol_of(part) for d, part in cora.groupby("design")}
    assert said["equal_epochs"] == "equal epochs (100), fixed learning rate (adam, 0.01)"
    assert said["equal_updates"] == "equal updates (1,600), fixed learning rate (adam, 0.01)"
    assert "at most 2,985 updates" in said["equal_loss"]
    assert "tuned for each batch size" in said["tuned"]


def test_runs_that_need_a_remark_are_counted_and_none_is_left_out(frames: Frames) -> None:
    found = counts.count_table(frames.runs)
    assert found["runs"].sum() == len(frames.runs)
    # a stop at 1.8 times the budget or beyond is not reached: B = 512 alone
    loss = found[found["design"] == "equal_loss"]
    assert loss["not_reached"].tolist() == loss["seeds"].tolist() == [8, 8, 6, 6]
    # the tuning grid's smallest rate won at B = 16 alone
    assert counts.rate_table(frames.plain)["edge"].tolist() == ["B = 16"] * 4
    reached = counts.reached_table(frames.plain)
    assert set(reached["reached_512"]) == {0.0}
    assert set(reached["reached_256"]) == {1.0}


def test_the_papers_hypergraph_is_rejected_where_updates_go_around_it_and_kept_elsewhere() -> None:
    plain = Frames(*make_study(Truth(update=0.02), seeds={"graph": 16, "text": 16}), ()).plain
    kept = {
        "the papers'": graph_tests.GRAPH,
        "with updates": graph_tests.HYPERGRAPHS["with updates"],
    }
    designs = ("equal_epochs", "equal_updates")
    found = graph_tests.gap_table(plain, draws=300, hypergraphs=kept, designs=designs)
    counted = graph_tests.rejection_table(found).set_index(["hypergraph", "design"])
    assert counted.loc[("the papers'", "equal_epochs"), "rejected"] == 4
    assert counted.loc[("the papers'", "equal_updates"), "rejected"] == 0
    assert counted.loc[("with updates", "equal_epochs"), "rejected"] == 0
    missing = found[found["p_value"].isna()]
    assert set(missing["reason"]) == {"the number of updates does not vary"}
    assert set(missing["design"]) == {"equal_updates"}


def test_a_cell_that_cannot_be_fitted_says_why_and_stops_nothing(frames: Frames) -> None:
    plain = frames.plain.copy()
    plain.loc[plain["dataset"] == "amazon", "sharpness"] = np.nan
    found = graph_tests.gap_table(
        plain, draws=100, hypergraphs={"the papers'": graph_tests.GRAPH}, designs=["tuned"]
    ).set_index("dataset")
    assert "problem" in found.loc["amazon", "reason"]
    assert np.isnan(found.loc["amazon", "gap"])
    assert found.drop(index="amazon")["p_value"].notna().all()


def judged(truth: Truth) -> dict[tuple[str, str], str]:
    frames = Frames(*make_study(truth, seeds={"graph": 12, "text": 12}), ())
    cells = compare(frames.plain, [widest(d) for d in SHORT])
    noise = arm_tables(frames.runs)["noise"]
    found = claims.batch_size_claims(cells, pooled_table(cells))
    found += claims.noise_claims(pooled_table(noise))
    return {(c.claim, c.protocol): c.verdict for c in found}


SMALLER = "Smaller batches causally improve generalisation"
DOMINANT = "Gradient noise matters more than the number of updates"


def test_where_only_updates_matter_nothing_survives_matching_them() -> None:
    found = judged(Truth(update=0.01, noise=0.0, label=0.0, sam=0.0))
    assert found[SMALLER, "equal epochs"] == judgement.HOLDS
    assert found[SMALLER, "equal updates"] == judgement.OPEN
    assert found["Gradient noise alone raises accuracy (updates of 512)", "equal epochs"] == (
        judgement.OPEN
    )
    assert found[DOMINANT, "equal epochs"] == judgement.REVERSED


def test_where_only_noise_matters_the_poster_is_right_under_every_protocol() -> None:
    found = judged(Truth(update=0.0, noise=0.02, label=0.0, sam=0.0))
    for protocol in ("equal epochs", "equal updates", "equal training loss"):
        assert found[SMALLER, protocol] == judgement.HOLDS
    assert found[DOMINANT, "equal epochs"] == judgement.HOLDS
    trace = "The trace of the noise is all that matters of it (not on the poster)"
    assert found[trace, "equal updates"] == "not rejected"


@pytest.mark.parametrize(
    ("lower", "upper", "expected", "verdict"),
    [
        (0.1, 0.2, 1, judgement.HOLDS),
        (-0.2, -0.1, 1, judgement.REVERSED),
        (-0.2, -0.1, -1, judgement.HOLDS),
        (0.1, 0.2, -1, judgement.REVERSED),
        (-0.1, 0.1, 1, judgement.OPEN),
        (0.0, 0.1, 1, judgement.OPEN),
    ],
)
def test_a_verdict_is_where_the_interval_leaves_zero_out(
    lower: float, upper: float, expected: int, verdict: str
) -> None:
    assert judgement.judge(lower, upper, expected) == verdict


def pooled_row(design: str, contrast: str, *numbers: float) -> dict[str, object]:
    names = ("estimate", "lower", "upper")
    row = {"design": design, "contrast": contrast, "over": "all cells", "cells": 13}
    return row | dict(zip(names, numbers, strict=True))


def test_sharper_minima_are_told_as_a_ratio_and_judged_against_the_posters_side() -> None:
    rows = [pooled_row("tuned", "sharpness S", np.log10(0.5), np.log10(0.4), np.log10(0.8))]
    rows += [pooled_row("tuned", "scale-adjusted sharpness", 0.3, 0.1, 0.5)]
    one, other = claims.sharpness_claims(pd.DataFrame(rows))
    assert one.verdict == judgement.HOLDS
    assert one.finding == "At 512 it is 2 times that at 16 [1.2, 2.5]."
    assert other.verdict == judgement.REVERSED


@pytest.mark.parametrize(
    ("left", "verdict"),
    [
        ((-0.01, -0.02, -0.005), "does not hold"),
        ((0.001, -0.002, 0.004), "not told apart from closing the gap"),
        ((0.01, 0.005, 0.02), "holds, and more"),
    ],
)
def test_sam_closes_the_gap_only_if_512_with_it_is_not_below_16(
    left: tuple[float, float, float], verdict: str
) -> None:
    rows = [pooled_row("equal_epochs", "SAM - plain at 512", 0.004, 0.002, 0.006)]
    rows += [pooled_row("equal_epochs", "SAM at 512 - plain at 16", *left)]
    (found,) = claims.sam_claims(pd.DataFrame(rows))
    assert found.verdict == verdict
    assert "+0.40 [+0.20, +0.60]" in found.finding


def test_a_page_takes_tables_between_its_markers_and_keeps_its_prose() -> None:
    page = "one\n<!-- table: a -->\nold\n<!-- end -->\ntwo\n"
    filled = fill_page(page, {"a": "| new |\n"})
    assert filled == "one\n<!-- table: a -->\n| new |\n<!-- end -->\ntwo\n"
    assert fill_page(filled, {"a": "| new |\n"}) == filled
    with pytest.raises(DataError, match=r"asks for \['a'\]"):
        page_tables(page, {}, [])


def test_an_effect_that_comes_from_one_data_set_is_seen_when_that_is_left_out() -> None:
    rows = pd.DataFrame(
        {
            "design": "tuned",
            "contrast": "16 - 512",
            "dataset": ["cora", "cora", "amazon", "nicta_piboso", "citeseer"],
            "estimate": [0.2, 0.2, 0.0, 0.001, -0.001],
            "se": 0.001,
        }
    )
    found = pooled_table(rows).set_index("over")
    assert found.loc["without Cora", "upper"] < 0.01 < found.loc["all cells", "estimate"]
    assert found.loc["all cells", "new_lower"] < 0
    assert found.loc["all cells", "clusters"] == 4


@pytest.fixture(scope="module")
def files(folder: Path) -> dict[Path, bytes]:
    study = read_study(folder)
    tables, parts = make_pieces(study, draws=100, workers=2)
    made = claims.list_claims(tables)
    return make_files(study, tables, made, parts, Path("report"), "python -m x")


@pytest.mark.slow
def test_the_files_are_the_same_bytes_whatever_the_number_of_workers(
    folder: Path, files: dict[Path, bytes]
) -> None:
    study = read_study(folder)
    tables, parts = make_tables(study, draws=100), other_parts(study.runs)
    made = claims.list_claims(tables)
    assert files == make_files(study, tables, made, parts, Path("report"), "python -m x")


def test_too_few_draws_are_refused_before_anything_is_made(frames: Frames) -> None:
    with pytest.raises(ConfigurationError, match="at least 100, for 95% bands; got 60"):
        make_pieces(frames, draws=60)


def test_a_piece_that_cannot_be_made_names_itself(
    frames: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> pd.DataFrame:
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(pieces, "gap_table", fail)
    with pytest.raises(CausalHyperError, match="gaps: ZeroDivisionError: by nought"):
        make_pieces(frames)


@pytest.mark.slow
def test_the_study_is_one_page_under_500_kb_without_script_or_network(
    files: dict[Path, bytes],
) -> None:
    page = files[Path("report/index.html")]
    assert len(page) < 500_000
    text = page.decode()
    assert "<script" not in text.lower()
    assert not re.findall(r'(?:src|href)="(?!#)', text)
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


@pytest.mark.slow
def test_the_files_hold_every_table_and_the_document_the_short_ones(
    files: dict[Path, bytes],
) -> None:
    document = json.loads(files[Path("report/study.json")])
    names = {p.stem for p in files if p.parent.name == "tables"}
    assert names >= set(document["tables"]) >= {"main", "pooled", "gaps", "noise", "poster"}
    assert all(len(table) <= 300 for table in document["tables"].values())
    page = files[Path("report/index.html")].decode()
    for claim in document["claims"]:
        assert claim["verdict"] in page
    assert document["files"].keys() == {
        f"{name}.parquet" for name in ("graphs", "text", "graph_tuning", "text_tuning")
    }


def test_the_gap_tests_of_equal_runs_are_equal_whatever_their_order(frames: Frames) -> None:
    part = frames.plain[frames.plain["model"] == "GCN"]
    shuffled = part.sample(frac=1, random_state=5)
    one, other = (
        graph_tests.gap_table(f, draws=100, seed=3, designs=["tuned"]) for f in (part, shuffled)
    )
    pd.testing.assert_frame_equal(one, other)
