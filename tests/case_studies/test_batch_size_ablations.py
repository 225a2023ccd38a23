"""The poster's ablations under declared operations, and the arms in which they were done."""

import numpy as np
import pandas as pd
import pytest

import causalhyper as ch
from case_studies.batch_size.mediators.ablations import (
    JOINT,
    PAPERS,
    POSTER,
    ablation_tables,
    ablation_verdicts,
)
from case_studies.batch_size.mediators.cell_models import cut_cells, fit_cell
from case_studies.batch_size.mediators.competing import STUDY, fit_competing
from case_studies.batch_size.mediators.removals import CHANGES, measure_arms
from case_studies.batch_size.runs import GRAPH, ROLES
from tests.case_studies.planted_runs import Plan, Truth, make_runs

NOISE_STEP = np.log10((1 / 16 - 1 / 1024) / (1 / 512 - 1 / 1024))
TRUTH = Truth(updates_score=0.01, noise_score=0.005, sam=0.006)


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    return make_runs(TRUTH, Plan(designs=("equal_epochs",)), seed=1)


@pytest.fixture(scope="module")
def tables(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return ablation_tables(runs)


def changes(tables: dict[str, pd.DataFrame], graph: str, change: str) -> pd.DataFrame:
    table = tables["ablations"]
    chosen = table[(table["graph"] == graph) & (table["change"] == change)]
    return chosen.set_index("operation")


def test_in_the_papers_graph_these_removals_say_nothing_because_they_cut_every_path(tables):
    rows = changes(tables, PAPERS, CHANGES[2])
    cut = {"randomise N", "fix N at its median", f"cut {JOINT}", "cut arc C -> G"}
    assert set(rows.index[rows["tautology"]]) == cut | {f"refit without {JOINT}"}
    whole = changes(tables, PAPERS, CHANGES[0])["estimate"]
    for name in cut:
        assert rows.loc[name, "estimate"] == pytest.approx(-whole[name])
    assert not changes(tables, STUDY, CHANGES[2])["tautology"].any()


@pytest.mark.parametrize("graph", [PAPERS, STUDY])
def test_operations_are_those_of_the_core(runs, tables, graph):
    cell = next(cut_cells(runs))
    model = fit_cell(cell, GRAPH, ROLES) if graph == PAPERS else fit_competing(cell, graph)
    for operation in (ch.RandomiseNode("S"), ch.CutEdge("N -> C"), ch.DropInteraction(JOINT)):
        core = ch.ablate(model, "B", "G", operation, at=[16], baseline=512, draws=100)
        for change, estimate in ((CHANGES[2], core.change[0]), (CHANGES[3], core.level[0])):
            row = changes(tables, graph, change).loc[str(operation)]
            found = row[["estimate", "lower", "upper"]].astype(float)
            wanted = (estimate.estimate, estimate.lower, estimate.upper)
            np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)


def test_a_refit_is_that_of_the_core(runs, tables):
    model = fit_cell(next(cut_cells(runs)), GRAPH, ROLES)
    core = ch.refit_without(model, "B", "G", "N -> S", at=[16], baseline=512, draws=100)
    row = changes(tables, PAPERS, CHANGES[2]).loc["refit without N -> S"]
    assert row["estimate"] == pytest.approx(core.change[0].estimate)
    errors = tables["refits"].set_index(["graph", "hyperedge"])
    share = core.fit[0].error_change / core.fit[0].error
    assert errors.loc[(PAPERS, "N -> S"), "estimate"] == pytest.approx(share)


def test_the_arc_from_complexity_carries_its_coefficient_times_the_change_of_complexity(tables):
    row = changes(tables, STUDY, CHANGES[2]).loc["cut arc C -> G"]
    truth = -0.01 * 1.4 * NOISE_STEP
    assert abs(row["estimate"] - truth) < 4 * row["se"]
    assert row["se"] < 0.2 * abs(truth)


def test_leaving_out_an_arc_raises_the_error_where_the_arc_carries_something():
    truth = Truth(updates_score=0.03, free_noise=0.2)
    found = ablation_tables(make_runs(truth, Plan(designs=("equal_epochs",), arms=False), seed=2))
    errors = found["refits"].set_index(["graph", "hyperedge"])
    assert errors.loc[(STUDY, "U -> G"), "lower"] > 0
    assert errors.loc[(STUDY, "S -> G"), "lower"] < 0 < errors.loc[(STUDY, "C -> G"), "lower"]


def test_sam_that_helps_large_batches_alone_lowers_the_effect_by_what_it_adds_there(tables):
    row = changes(tables, "measured", CHANGES[2]).loc["train with SAM"]
    level = changes(tables, "measured", CHANGES[3]).loc["train with SAM"]
    assert abs(row["estimate"] + TRUTH.sam) < 4 * row["se"]
    assert abs(level["estimate"] - TRUTH.sam / 2) < 4 * level["se"]


def test_noise_that_is_really_removed_leaves_what_the_updates_give(tables):
    rows = changes(tables, "measured", CHANGES[1])
    for name in ("noise of 512 at both", "noise of 16 at both"):
        row = rows.loc[name]
        assert abs(row["estimate"] - TRUTH.updates_score * np.log10(32)) < 4 * row["se"]


def test_arms_are_compared_on_the_seeds_that_all_of_them_have(runs):
    lost = (runs["arm"] == "sam") & (runs["batch_size"] == 16) & (runs["seed"] < 5)
    found = {a.operation: a for a in measure_arms(runs[~lost])}
    assert len(found["train with SAM"].after.errors) == 15
    assert len(found["noise of 16 at both"].after.errors) == 20
    assert "train with SAM" not in {a.operation for a in measure_arms(runs[runs["arm"] != "sam"])}


def test_every_row_of_the_poster_stands_beside_ours_with_tautologies_marked(tables):
    poster = tables["poster"]
    assert set(poster["row"]) == {row for row, _, _ in POSTER}
    assert set(poster[poster["graph"] == PAPERS]["tautology"]) == {True, False}
    said = " ".join(ablation_verdicts(tables))
    assert said.count("vanishes by construction") == 2
    assert "noise really removed" in said


def test_sharpness_moved_by_sam_is_compared_with_what_the_graphs_foresee():
    # sharpness acts on the score by way of the norm alone, and SAM halves it
    runs = make_runs(Truth(updates_score=0.005), Plan(designs=("equal_epochs",)), seed=4)
    sam = runs["arm"] == "sam"
    runs.loc[sam, "sharpness"] /= 2
    runs.loc[sam, "test_accuracy"] += 0.01 * np.log10(2)
    found = ablation_tables(runs)
    rows = found["sam_check"].set_index(["source", "quantity"])
    shift = rows.loc[("measured", "log10 sharpness, mean")]
    assert abs(shift["estimate"] + np.log10(2)) < 4 * shift["se"]
    for source in (PAPERS, STUDY):
        gap = rows.loc[(f"{source}, less measured", "change of level")]
        assert abs(gap["estimate"]) < 4 * gap["se"]
    level = rows.loc[(STUDY, "change of level")]
    assert abs(level["estimate"] - 0.01 * np.log10(2)) < 4 * level["se"]
    assert any("SAM multiplies sharpness by 0.5" in said for said in ablation_verdicts(found))


def test_without_sam_nothing_is_said_of_it(runs):
    found = ablation_tables(runs[runs["arm"] == "plain"])
    assert found["sam_check"].empty
    assert not any("SAM" in said for said in ablation_verdicts(found))


def test_removals_say_how_far_they_ask_the_model_beyond_the_runs(runs, tables):
    model = fit_cell(next(cut_cells(runs)), GRAPH, ROLES)
    core = ch.ablate(model, "B", "G", ch.RandomiseNode("S"), at=[16], baseline=512, draws=100)
    beyond = tables["ablations_beyond"].set_index(["graph", "operation"])["beyond"]
    assert beyond[PAPERS, "randomise S"] == core.extrapolated > 0
    poster = tables["poster"]
    assert poster[poster["graph"] == "measured"]["beyond"].isna().all()
