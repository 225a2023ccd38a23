"""Policies priced in seconds, and counterfactuals of single runs held against real ones."""

import numpy as np
import pandas as pd
import pytest

import causalhyper as ch
from case_studies.batch_size.mediators import counterfactual_checks as checks
from case_studies.batch_size.mediators.cell_models import Cell, cut_cells, fit_cell
from case_studies.batch_size.recommendation.policies import (
    policy_tables,
    policy_verdicts,
    price_of,
    rank_sizes,
)
from case_studies.batch_size.runs import GRAPH, ROLES
from causalhyper import LINEAR
from tests.case_studies.planted_runs import Plan, Truth, make_runs

ONE = Plan(designs=("equal_epochs",), arms=False)
CHAIN = Truth(noise_sharpness=-0.4, norm_score=0.01)


def first_cell(truth: Truth, seed: int = 0) -> Cell:
    return next(cut_cells(make_runs(truth, ONE, seed)))


def predictions(cell: Cell) -> checks.Predictions:
    model = fit_cell(cell, GRAPH, ROLES, LINEAR, context=())
    return checks.by_graph(model, checks.scores(cell))


def test_shrunk_predictions_are_the_regression_of_the_other_seeds():
    truth = checks.scores(first_cell(CHAIN))
    mean, shifted, shrunk = (p.value for p in checks.without_graph(truth))
    y = truth.to_numpy()
    for k, b, to in ((0, 0, 5), (7, 3, 1)):
        others = np.delete(y, k, axis=0)
        slope, start = np.polyfit(others[:, b], others[:, to], 1)
        assert shrunk[k, b, to] == pytest.approx(start + slope * y[k, b])
        assert mean[k, b, to] == pytest.approx(others[:, to].mean())
        step = others[:, to].mean() - others[:, b].mean()
        assert shifted[k, b, to] == pytest.approx(y[k, b] + step)


def test_a_prediction_never_sees_what_the_seed_scored_elsewhere():
    cell = first_cell(CHAIN)
    there = (cell.rows["seed"] == 3) & (cell.rows["batch_size"] != 64)
    altered = cell.rows.assign(
        test_accuracy=cell.rows["test_accuracy"].where(~there, 0.1),
        weight_norm=cell.rows["weight_norm"].where(~there, 1.0),
    )
    before, after = (predictions(c).value for c in (cell, Cell(cell.labels, altered)))
    at = list(checks.scores(cell).columns).index(64)
    np.testing.assert_allclose(before[3, at], after[3, at])
    assert not np.allclose(before[4, at], after[4, at])


def test_a_prediction_is_the_least_squares_chain_fitted_without_the_seed():
    cell = first_cell(CHAIN)
    found = predictions(cell).value
    rows = cell.rows.sort_values(["seed", "batch_size"])
    b, n, s = np.log2(rows.batch_size), np.log10(rows.grad_noise), np.log10(rows.sharpness)
    c, g = rows["weight_norm"], rows["test_accuracy"]
    others = (rows["seed"] != 2).to_numpy()

    def line(y: pd.Series, *causes: pd.Series) -> np.ndarray:
        x = np.column_stack([np.ones(len(rows)), *causes])
        return np.linalg.lstsq(x[others], y[others], rcond=None)[0][1:]

    run = np.flatnonzero((rows["seed"] == 2) & (rows["batch_size"] == 512))[0]
    (by_b,), (by_n,), (by_c,) = line(n, b), line(s, n), line(g, c)
    own, joint, product = line(c, n, s, n * s)
    n0, s0 = n.iloc[run], s.iloc[run]
    n1 = n0 + by_b * (4 - 9)
    s1 = s0 + by_n * (n1 - n0)
    moved = own * (n1 - n0) + joint * (s1 - s0) + product * (n1 * s1 - n0 * s0)
    assert found[2, 5, 0] == pytest.approx(g.iloc[run] + by_c * moved)


def coverage(kept: float, measure: str) -> float:
    found = []
    for seed in range(6):
        runs = make_runs(Truth(kept=kept), ONE, seed)
        table = checks.counterfactual_tables(runs)["counterfactuals"]
        chosen = (table["method"] == "papers hypergraph") & (table["pairs"] == "all pairs")
        rows = table[chosen].set_index("measure")["estimate"]
        found.append(rows[measure])
    return float(np.mean(found))


def test_where_a_seeds_noise_is_the_same_everywhere_the_parameters_interval_covers_the_truth():
    assert 0.88 < coverage(1.0, "interval of the parameters covers") <= 1.0


def test_where_every_run_has_new_noise_it_does_not_and_other_seeds_errors_still_cover():
    assert coverage(0.0, "interval of the parameters covers") < 0.6
    assert 0.92 < coverage(0.0, "prediction interval covers") < 0.98


def test_a_counterfactual_beats_the_mean_only_where_seeds_keep_their_noise():
    ratios = {}
    for kept in (0.0, 1.0):
        tables = checks.counterfactual_tables(make_runs(Truth(kept=kept), ONE, seed=4))
        rows = tables["counterfactuals"].set_index(["pairs", "method", "measure"])
        ratios[kept] = rows.loc[("all pairs", "papers hypergraph", checks.RATIO)]
    assert ratios[0.0]["lower"] > 0
    assert ratios[1.0]["upper"] < 0


def test_the_log_ratio_has_the_jackknifes_standard_error():
    rng = np.random.default_rng(3)
    own, base = (pd.Series(rng.exponential(size=400)) for _ in range(2))
    found = checks.log_ratio(own, base)
    assert found.mean() == pytest.approx(np.log(own.mean() / base.mean()))
    without = [np.log(own.drop(k).mean() / base.drop(k).mean()) for k in own.index]
    jackknife = np.sqrt(399 / 400 * np.square(np.array(without) - np.mean(without)).sum())
    assert found.std(ddof=1) / 20 == pytest.approx(jackknife, rel=0.01)


def test_a_missing_run_is_neither_asked_about_nor_predicted():
    runs = make_runs(CHAIN, ONE)
    lost = (runs["seed"] == 1) & (runs["batch_size"] == 16)
    table = checks.counterfactual_tables(runs[~lost])["counterfactuals"]
    far = table[(table["pairs"] == "16 and 512") & (table["measure"] == checks.RATIO)]
    assert set(far["seeds"]) == {19}


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    truth = Truth(norm_score=0.0, best=6.0)
    return policy_tables(make_runs(truth, ONE))


def test_the_design_finds_the_planted_best_size_and_the_papers_graph_is_rejected(tables):
    choices = tables["policy_choices"].set_index(["rate", "estimator"])
    assert choices.loc[(0.0, "design"), "recommended"] == 64
    assert choices.loc[(0.0, "design"), "probability_best"] > 0.95
    assert choices.loc[(0.0, "graph"), "hypergraph_rejected"]
    assert "recommends B = 64 in 1 of 1 cells" in policy_verdicts(tables)[0]


def test_a_higher_price_of_seconds_never_recommends_a_dearer_size(tables):
    design = tables["policy_choices"].query("estimator == 'design'").sort_values("rate")
    assert design["recommended"].is_monotonic_increasing
    priced = tables["policy"].query("estimator == 'design' and rate == 1.0").set_index("value")
    assert priced.loc[64, "cost"] == pytest.approx(0.01)
    assert priced.loc[16, "cost"] > priced.loc[512, "cost"]


@pytest.mark.parametrize("estimator", ["graph", "design"])
def test_every_price_gives_the_policy_of_the_core(estimator):
    cell = first_cell(Truth(updates_score=0.01))
    model = fit_cell(cell, GRAPH, ROLES)
    found = rank_sizes(cell, model, cell.rows, estimator)[1.0]
    price = {"seconds": price_of(cell.rows, 1.0)}
    asked = {"at": [16, 32, 64, 128, 256, 512], "draws": 200, "estimator": estimator}
    core = ch.policy(model, "B", "G", cost=price, runs=cell.rows, **asked)
    pd.testing.assert_frame_equal(found.table(), core.table())
    assert found.test == core.test


def test_a_named_run_stands_beside_what_its_seed_scored(tables):
    (row,) = tables["named_runs"].to_dict("records")
    assert row["run_id"].endswith("512-512-0")
    assert row["set_to"] == 16
    runs = make_runs(Truth(norm_score=0.0, best=6.0), ONE)
    real = runs[(runs["seed"] == 0) & (runs["batch_size"] == 16)]["test_accuracy"]
    assert row["real"] == pytest.approx(real.item())
    assert row["lower"] < row["counterfactual"] < row["upper"]
