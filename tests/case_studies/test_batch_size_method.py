"""The hypergraph as a method: recommendations for data sets and models never seen."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from case_studies.batch_size.mediators.cell_models import cut_cells
from case_studies.batch_size.recommendation.method import (
    METHOD,
    cost_of,
    in_hindsight,
    look_up,
    method_tables,
    method_verdicts,
)
from case_studies.batch_size.recommendation.recommenders import (
    BASELINE,
    RULES,
    Hypergraph,
    best_fixed,
    fit_training,
    hold_out,
    noise_scale_rule,
)
from case_studies.batch_size.report.mediation_figures import draw_regret
from tests.case_studies.planted_runs import GRAPHS, Plan, Truth, make_runs

PLAN = Plan(cells=GRAPHS, seeds=6, designs=("equal_epochs",), arms=False)


def choices(tables: dict[str, pd.DataFrame], rule: str) -> set[int]:
    table = tables["recommendations"]
    return set(table[table["rule"] == rule]["batch_size"])


@pytest.fixture(scope="module")
def chain() -> dict[str, pd.DataFrame]:
    return method_tables(make_runs(Truth(), PLAN))


@pytest.fixture(scope="module")
def bypassed() -> dict[str, pd.DataFrame]:
    """The best size is 64 for a reason that the papers' hypergraph does not have."""
    return method_tables(make_runs(Truth(norm_score=0.001, best=6.0), PLAN))


def test_nothing_of_the_held_out_data_set_and_model_is_learnt_from():
    runs = make_runs(Truth(), PLAN)
    cell = next(c for c in cut_cells(runs) if c.labels["model"] == "GAT")
    held = hold_out(cell, runs)
    assert set(held.training["dataset"]) == {"citeseer", "pubmed"}
    assert set(held.training["model"]) == {"GCN", "PI-GNN"}
    spoilt = runs.assign(test_accuracy=runs["test_accuracy"].where(runs["model"] != "GAT", 0.0))
    for rule in (best_fixed, Hypergraph(), Hypergraph(domains=True)):
        pd.testing.assert_series_equal(rule(held), rule(hold_out(cell, spoilt)))


def test_cells_fitted_together_keep_their_seeds_apart():
    runs = make_runs(Truth(), PLAN)
    model = fit_training(next(cut_cells(runs)), runs, "papers")
    assert model.clusters == 9 * 6
    assert model.groups.context_count == 9


def test_a_planted_best_size_is_found_by_graph_and_by_means_alike(chain):
    assert choices(chain, METHOD) == choices(chain, BASELINE) == {16}
    regret = chain["method_pooled"].set_index(["rule", "measure"])
    assert regret.loc[(METHOD, "regret"), "estimate"] == pytest.approx(0, abs=1e-4)
    assert regret.loc[("default 64", "regret"), "lower"] > 0
    assert "is not shown to be better than the best fixed size" in method_verdicts(chain)[0]
    assert "agrees in 9 of 9 cells" in method_verdicts(chain)[0]


def test_a_graph_that_misses_the_cause_recommends_worse_than_raw_means_and_is_said_to(bypassed):
    assert choices(bypassed, BASELINE) == {64}
    assert choices(bypassed, METHOD) != {64}
    gap = bypassed["method_pooled"].set_index(["rule", "measure"])
    assert gap.loc[(BASELINE, "hypergraph less this"), "upper"] < 0
    said = method_verdicts(bypassed)[0]
    assert "The hypergraph is worse in these cells than the best fixed size" in said


def test_a_probe_finds_the_size_where_the_best_depends_on_the_cells_own_noise():
    # a cell's noise is half a step from the next one's, and the score peaks at one norm
    truth = Truth(norm_score=0.0, norm_best=29.0, curvature=0.02, free_noise=0.02)
    runs = make_runs(truth, PLAN, seed=2)
    cells = {(c.labels["dataset"], c.labels["model"]): c for c in cut_cells(runs)}
    lost = {}
    for probe in (False, True):
        parts = []
        for cell in cells.values():
            held = hold_out(cell, runs)
            scores = held.table("test_accuracy")
            got = look_up(scores, Hypergraph(probe=probe)(held))
            parts.append(look_up(scores, in_hindsight(scores)) - got)
        lost[probe] = float(np.mean([p.mean() for p in parts]))
    assert lost[True] < 0.5 * lost[False]


def test_the_noise_scale_rule_takes_the_nearest_size_on_a_logarithmic_scale():
    runs = make_runs(Truth(), replace(PLAN, seeds=4))
    scales = {0: 3.0, 1: 80.0, 2: 100.0, 3: 1e6}
    runs["noise_scale"] = runs["seed"].map(scales)
    held = hold_out(next(cut_cells(runs)), runs)
    assert noise_scale_rule(held).tolist() == [16, 64, 128, 512]


def test_hindsight_never_judges_on_the_seeds_that_it_chose_on():
    rng = np.random.default_rng(0)
    regrets = []
    for _ in range(400):
        scores = pd.DataFrame(rng.normal(size=(8, 6)), columns=[16, 32, 64, 128, 256, 512])
        best = look_up(scores, in_hindsight(scores))
        regrets.append((best - scores[64]).mean())
    # no size is better than another, so that an honest oracle gains nothing
    assert abs(np.mean(regrets)) < 4 * np.std(regrets) / 20


def test_costs_count_every_run_that_a_rule_needs():
    seconds = pd.DataFrame({16: [8.0], 64: [2.0], 512: [1.0]})
    cases = {"default 64": (64, 1.0), "default 32": (16, 4.0)}
    cases |= {"noise scale of a probe": (512, 1.5), "hypergraph with a probe": (64, 1.0)}
    cases |= {"grid search on validation": (16, 5.5)}
    for rule, (chosen, cost) in cases.items():
        assert cost_of(rule, pd.Series([chosen]), seconds).tolist() == [cost], rule


def test_a_size_that_was_not_run_counts_as_missing():
    scores = pd.DataFrame({16: [0.8, 0.9]})
    assert look_up(scores, pd.Series([16, 32])).isna().tolist() == [False, True]


def test_a_domain_with_a_single_data_set_is_skipped_with_a_reason():
    runs = make_runs(Truth(), replace(PLAN, cells=GRAPHS[:3]))
    tables = method_tables(runs)
    assert tables["method"].empty
    assert len(tables["method_skipped"]) == 3
    assert method_verdicts(tables) == ["No data set could be held out."]


def test_a_probe_that_was_not_measured_skips_its_rules_alone():
    runs = make_runs(Truth(), PLAN).assign(noise_scale=np.nan)
    tables = method_tables(runs)
    assert set(tables["method_skipped"]["rule"]) == {"noise scale of a probe"}
    assert set(tables["method"]["rule"]) == set(RULES) - {"noise scale of a probe"}


def test_the_picture_of_regrets_names_every_rule(chain):
    picture = draw_regret(chain["method_pooled"])
    assert all(f"Graph, equal epochs, {rule}: " in picture for rule in RULES)


def test_where_a_domain_has_one_model_the_data_set_alone_is_held_out_and_that_is_said():
    cells = (("amazon", "MiniLM", "text"), ("nicta_piboso", "MiniLM", "text"))
    tables = method_tables(make_runs(Truth(), replace(PLAN, cells=cells)))
    assert set(tables["method"]["held_out"]) == {"data set"}
    assert "Text, equal epochs, data set held out" in method_verdicts(tables)[0]
