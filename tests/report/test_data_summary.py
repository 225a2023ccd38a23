"""The data section: what is counted is there, and what is called far out is far out."""

from math import sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.figures.scores import plot_scores
from causalhyper.report import (
    DataSummary,
    Fold,
    PageSection,
    Prose,
    ReportTable,
    data_blocks,
    data_tables,
    render_sections,
    section_tables,
    summarise_runs,
)
from causalhyper.report.robust_scores import LIMIT, pair_distances, score_values
from tests.report.conftest import ROLES, simulate_runs

ASKED = {"treatment": "B", "cluster": "seed", "context": "dataset"}


def spoiled() -> pd.DataFrame:
    """Twelve paired seeds; a wild sharpness, a lost noise, an infinite norm, a lost run."""
    runs = simulate_runs(12)
    runs.loc[4, "sharpness"] += 4
    runs.loc[9, "grad_noise"] = None
    runs.loc[7, "weight_norm"] = np.inf
    return runs.drop(index=20).assign(note=None)


@pytest.fixture(scope="module")
def found() -> DataSummary:
    return summarise_runs(spoiled(), ROLES, **ASKED)


def test_every_spoiled_value_is_found_and_named(found: DataSummary) -> None:
    assert (found.n, found.clusters) == (35, 12)
    assert found.counts["runs"].tolist() == [12, 12, 11]
    missing = found.missing.set_index("column")["missing"]
    assert missing.to_dict() == dict.fromkeys(
        ["batch_size", "sharpness", "weight_norm", "test_accuracy"], 0
    ) | {"grad_noise": 1, "note": 35}
    assert found.outliers["run_id"][0] == "r4"
    assert found.outliers["column"][0] == "sharpness"
    assert found.diverged.to_dict("records") == [
        {"run_id": "r7", "treatment": 64.0, "why": "weight_norm is infinite"}
    ]
    assert found.incomplete.to_dict("records") == [
        {"cluster": "seed 6", "context": "dataset cora", "lacks": "512", "repeats": ""}
    ]
    assert found.balance == "11 of 12 paired blocks have every treatment value once."


def test_whole_runs_have_nothing_to_report() -> None:
    found = summarise_runs(simulate_runs(12), ROLES, **ASKED)
    assert found.balance == "Each of the 12 paired blocks has every treatment value once."
    assert found.incomplete.empty
    assert found.diverged.empty
    assert not found.missing["missing"].any()


def test_a_run_that_stands_twice_makes_its_block_incomplete() -> None:
    runs = simulate_runs(6)
    found = summarise_runs(pd.concat([runs, runs.iloc[[0]]]), ROLES, **ASKED)
    assert found.incomplete[["cluster", "repeats"]].to_numpy().tolist() == [["seed 0", "16"]]


def test_runs_of_clusters_with_one_value_each_are_not_paired() -> None:
    runs = simulate_runs(6).assign(seed=range(18))
    found = summarise_runs(runs, ROLES, **ASKED)
    assert found.paired == 0
    assert found.balance == "No cluster has two treatment values: runs are not paired."


def test_a_run_marked_as_diverged_is_counted() -> None:
    runs = simulate_runs(4).assign(diverged=lambda r: r["run_id"] == "r3")
    found = summarise_runs(runs, ROLES, **ASKED)
    assert found.diverged[["run_id", "why"]].to_numpy().tolist() == [["r3", "marked as diverged"]]


def test_a_run_that_did_not_finish_is_counted_with_its_status() -> None:
    runs = simulate_runs(4).assign(status="FINISHED")
    runs.loc[3, "status"] = "FAILED"
    found = summarise_runs(runs, ROLES, **ASKED)
    assert found.diverged[["run_id", "why"]].to_numpy().tolist() == [["r3", "status FAILED"]]
    assert found.ended.startswith("1 run diverged or did not finish.")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({}, "No column says of every run whether it diverged"),
        ({"status": "FINISHED"}, "All runs finished by their status; no column says"),
        ({"status": "cached"}, "No column says of every run whether it diverged"),
        ({"status": None, "diverged": None}, "No column says of every run whether it diverged"),
        ({"status": "cached", "diverged": False}, "No runs diverged."),
        ({"diverged": False}, "No runs diverged."),
        ({"diverged": False, "status": "FINISHED"}, "No runs diverged."),
    ],
)
def test_that_no_run_diverged_is_said_only_where_a_column_says_so(
    columns: dict[str, object], said: str
) -> None:
    found = summarise_runs(simulate_runs(4).assign(**columns), ROLES, **ASKED)
    assert found.ended.startswith(said)
    assert Prose(found.ended) in data_blocks(found)
    assert found.ended in found.summary()


def test_cells_of_one_run_have_no_values_far_out_and_none_are_expected() -> None:
    runs = spoiled()
    found = summarise_runs(runs, ROLES, treatment="B", cluster="seed", context="seed")
    assert found.far_out.startswith("Nothing is said of values far out: no treatment value has")
    assert Prose(found.far_out) in data_blocks(found)
    assert "by chance" not in found.summary()


def test_runs_that_are_all_the_same_have_no_values_far_out() -> None:
    same = simulate_runs(4).assign(sharpness=1.0, grad_noise=1.0, weight_norm=1.0, test_accuracy=1)
    found = summarise_runs(same, ROLES, **ASKED)
    assert "have the same value" in found.far_out


def test_whole_numbers_of_a_context_are_shown_as_such() -> None:
    counts = data_tables(summarise_runs(simulate_runs(3), ROLES, treatment="B", context="seed"))[0]
    assert [row[0].text for row in counts.rows] == ["0"] * 3 + ["1"] * 3 + ["2"] * 3


def test_the_score_is_the_distance_from_the_median_in_median_pair_distances() -> None:
    values = np.array([0.1, 0.9, 0.4, 1.6, -0.7, 2.5, 0.3, 0.2, 0.8, 1.1, 9.0])
    pairs = [abs(a - b) for i, a in enumerate(values) for b in values[:i]]
    expected = (values - np.median(values)) / (np.median(pairs) / (sqrt(2) * stats.norm.ppf(0.75)))
    score = score_values(values, np.zeros(11, dtype=int))[2]
    np.testing.assert_allclose(score, expected, rtol=2e-5)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=51))
def test_distances_are_those_of_all_pairs(values: list[float]) -> None:
    expected = sorted(abs(a - b) for i, a in enumerate(values) for b in values[:i])
    np.testing.assert_allclose(np.sort(pair_distances(np.array(values))), expected)


@pytest.mark.parametrize(("cells", "each"), [(400, 3), (300, 4), (100, 12), (4, 300)])
def test_the_spread_of_normal_values_is_their_standard_deviation_whatever_the_size_of_cells(
    cells: int, each: int
) -> None:
    rng = np.random.default_rng(1)
    where = np.repeat(np.arange(cells), each)
    values = 5.0 * where + 0.3 * rng.normal(size=len(where))
    _, spread, score = score_values(values, where)
    assert np.mean(spread) == pytest.approx(0.3, rel=0.06)
    if each >= 12:
        far = int((np.abs(score) > LIMIT).sum())
        assert far <= stats.binom.ppf(0.999, len(where), 0.004)


@pytest.mark.parametrize("scale", [1e-18, 1e-6, 1.0, 1e12])
def test_scores_do_not_depend_on_the_unit(scale: float) -> None:
    rng = np.random.default_rng(0)
    values, cells = rng.normal(size=40), np.repeat([0, 1], 20)
    one, other = score_values(values, cells)[2], score_values(values * scale, cells)[2]
    np.testing.assert_allclose(other, one, rtol=1e-9)


def test_a_quarter_of_wild_values_is_found_and_hides_none() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=40)
    values[:10] = 100.0
    score = score_values(values, np.zeros(40, dtype=int))[2]
    assert (score[:10] > LIMIT).all()
    assert (np.abs(score[10:]) < LIMIT).all()


def test_where_most_values_are_the_same_no_value_is_called_far_out() -> None:
    values = np.array([1.0] * 19 + [0.9])
    assert np.isnan(score_values(values, np.zeros(20, dtype=int))[2]).all()


def test_a_treatment_effect_makes_no_run_far_out() -> None:
    runs = simulate_runs(12)
    moved = runs.assign(sharpness=runs["sharpness"] + 100 * (runs["batch_size"] == 16))
    far = [summarise_runs(r, ROLES, **ASKED).outliers["run_id"].tolist() for r in (runs, moved)]
    assert far[0] == far[1]


def test_the_tables_hold_the_summary_and_leave_out_empty_lists(found: DataSummary) -> None:
    captions = [table.caption for table in data_tables(found)]
    assert captions == [
        "Runs and clusters by treatment value",
        "Missing values by role",
        "Paired blocks that are not complete",
        "Values far out",
        "Runs that diverged or did not finish",
    ]
    whole = summarise_runs(simulate_runs(4), ROLES, **ASKED)
    assert len(data_tables(whole)) < len(captions)
    far = data_tables(found)[3]
    assert [cell.text for cell in far.rows[0]][:3] == ["r4", "sharpness", "64"]


def test_a_long_list_shows_its_first_rows_and_says_how_many_there_are() -> None:
    runs = simulate_runs(30).assign(diverged=True)
    table = data_tables(summarise_runs(runs, ROLES, **ASKED))[-1]
    assert len(table.rows) == 20
    assert table.notes == ("The first 20 of 90.",)


def test_the_section_says_rule_and_counts_and_its_labels_are_escaped(found: DataSummary) -> None:
    blocks = data_blocks(found)
    assert any(isinstance(block, Fold) for block in blocks)
    assert sum(isinstance(block, ReportTable) for block in blocks) == 5
    hostile = spoiled().assign(run_id=lambda r: "<script>" + r["run_id"])
    section = PageSection("Data", data_blocks(summarise_runs(hostile, ROLES, **ASKED)))
    page = render_sections("t", [section]).decode()
    assert "<script" not in page
    assert "more than 3.5 spreads from the median" in page
    assert "1 run diverged or did not finish. A run that diverged is an outcome" in page
    assert len(section_tables([section])) == 5


def test_a_frame_that_cannot_be_summarised_is_refused() -> None:
    with pytest.raises(DataError, match="no column 'fold'"):
        summarise_runs(simulate_runs(2), ROLES, treatment="B", cluster="fold")
    with pytest.raises(DataError, match="no run has a value"):
        summarise_runs(simulate_runs(2).assign(batch_size=None), ROLES, treatment="B")
    with pytest.raises(ConfigurationError):
        summarise_runs(simulate_runs(2), ROLES, treatment="X")


@pytest.mark.parametrize("rows", [1, 2, 8])
def test_the_legend_of_scores_covers_no_label(rows: int) -> None:
    frame = pd.DataFrame({"label": [f"m{i}" for i in range(rows)], "score": 9.0, "run": "run-1"})
    axes = plot_scores(frame, limit=3.5, xlabel="spreads")
    axes.figure.canvas.draw()
    legend = axes.get_legend().get_window_extent()
    assert not legend.overlaps(axes.xaxis.label.get_window_extent())
    assert not legend.overlaps(axes.get_window_extent())
    whole = axes.figure.bbox
    assert legend.x0 >= whole.x0
    assert legend.x1 <= whole.x1


def test_a_figure_of_scores_without_rows_is_refused() -> None:
    empty = pd.DataFrame(columns=["label", "score", "run"])
    with pytest.raises(ConfigurationError, match="one row at least"):
        plot_scores(empty, limit=3.5, xlabel="x")
