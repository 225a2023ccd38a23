"""Mediators of the batch-size study: pairing, paths, dominance, and noise against updates."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import causalhyper as ch
from case_studies.batch_size.mediators import competing, decomposition, dominance, mediation
from case_studies.batch_size.mediators.cell_models import Cell, ask, cut_cells, fit_cell
from case_studies.batch_size.mediators.quantities import (
    Entry,
    Quantity,
    confidence_draws,
    from_seeds,
    pool_cells,
)
from case_studies.batch_size.report import mediation_figures
from case_studies.batch_size.runs import GRAPH, ROLES
from causalhyper.errors import DataError
from tests.case_studies.planted_runs import Plan, Truth, make_runs

NOISE_STEP = np.log10((1 / 16 - 1 / 1024) / (1 / 512 - 1 / 1024))
"""How much more N has at 16 than at 512."""
UPDATES_STEP = np.log10(32)


def near(row: pd.Series, truth: float, errors: float = 4) -> bool:
    return abs(row["estimate"] - truth) < errors * row["se"]


@pytest.fixture(scope="module")
def mixed() -> pd.DataFrame:
    truth = Truth(updates_score=0.01, noise_score=0.005)
    return make_runs(truth, Plan(designs=("equal_epochs",)), seed=1)


@pytest.fixture(scope="module")
def tables(mixed: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return mediation.mediation_tables(mixed)


def cell_of(runs: pd.DataFrame) -> Cell:
    return next(cut_cells(runs))


def test_a_difference_of_quantities_has_the_interval_of_the_paired_t_test():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=12)
    left, right = (pd.Series(shared + 0.1 * rng.normal(size=12)) for _ in range(2))
    found = from_seeds(left) - from_seeds(right)
    truth = stats.ttest_rel(left, right).confidence_interval()
    assert found.interval == pytest.approx((truth.low, truth.high))


def test_the_mean_over_cells_keeps_the_correlation_of_shared_seeds():
    rng = np.random.default_rng(1)
    shared = rng.normal(size=10)
    cells = [pd.Series(shared + 0.1 * rng.normal(size=10)) for _ in range(3)]
    entries = [
        Entry({"dataset": "cora", "model": str(i), "quantity": "x"}, from_seeds(values))
        for i, values in enumerate(cells)
    ]
    (row,) = pool_cells(entries).to_dict("records")
    per_seed = sum(cells) / 3
    assert row["se"] == pytest.approx(per_seed.std(ddof=1) / np.sqrt(10))
    assert row["spread"] == pytest.approx(np.std([c.mean() for c in cells], ddof=1))


def test_one_seed_has_no_interval():
    with pytest.raises(DataError, match="two of them; got 1"):
        from_seeds(pd.Series([0.5, np.nan]))


def test_confidence_draws_fall_below_zero_as_often_as_the_t_test_says():
    values = pd.Series(np.random.default_rng(2).normal(0.4, 1.0, size=8))
    drawn = confidence_draws([from_seeds(values)], 200_000, np.random.default_rng(0))
    p_value = stats.ttest_1samp(values, 0, alternative="greater").pvalue
    assert (drawn < 0).mean() == pytest.approx(p_value, abs=0.004)


def test_paths_analogues_and_shares_are_those_of_the_core(mixed, tables):
    cell = cell_of(mixed)
    model = fit_cell(cell, GRAPH, ROLES)
    asked = {"at": [16], "baseline": 512, "draws": 100}
    paths = ch.path_effects(model, "B", "G", **asked)
    shares = ch.shapley(model, "B", "G", **asked)
    whole = ch.mediate(model, "B", "G", "S", **asked)
    core = {f"path {p}": e[0] for p, e in zip(paths.paths, paths.along, strict=True)}
    core |= {f"share of {p[-1]}": e[0] for p, e in zip(shares.players, shares.shares, strict=True)}
    core |= {"indirect, S drawn": whole.indirect[0], "direct, S drawn": whole.direct[0]}
    table = tables["mediation"]
    rows = table[table["complexity"] == "weight_norm"].set_index("quantity")
    assert len(core) == 7
    for name, estimate in core.items():
        found = rows.loc[name, ["estimate", "lower", "upper"]].astype(float)
        wanted = (estimate.estimate, estimate.lower, estimate.upper)
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9, err_msg=name)


def test_every_column_that_plays_complexity_has_its_paths(tables):
    found = tables["mediation"].groupby("complexity")["quantity"].apply(set)
    assert set(found.index) == set(mediation.COMPLEXITIES)
    assert all(f"path {mediation.THROUGH}" in names for names in found)
    assert tables["unfitted"].empty


@pytest.mark.parametrize(
    ("around", "through", "word"),
    [
        ((1.0, 0.5, 1.5), (-1.0, -1.5, -0.5), "shown"),
        ((1.0, 0.5, 1.5), (-1.0, -2.5, 0.5), "estimated"),
        ((1.0, 0.5, 1.5), (1.0, 0.5, 1.5), "no"),
    ],
)
def test_paths_oppose_one_another_only_where_both_intervals_say_so(around, through, word):
    labels = {"domain": "graph", "dataset": "cora", "model": "GCN", "design": "equal_epochs"}
    rows = [
        labels
        | {"complexity": "weight_norm", "quantity": f"path {path}"}
        | dict(zip(("estimate", "lower", "upper"), numbers, strict=True))
        for path, numbers in ((mediation.AROUND, around), (mediation.THROUGH, through))
    ]
    assert mediation.find_opposition(pd.DataFrame(rows))["opposing"].tolist() == [word]


def test_shares_have_their_closed_form_once_the_arms_set_noise_apart(tables):
    table = tables["dominance"]
    rows = table[(table["graph"] == competing.WITH_ARMS) & (table["measure"] == "Shapley share")]
    rows = rows.set_index("mediator")
    # every path is shared equally among the mediators on it
    through_norm, through_both = 0.01 * NOISE_STEP, 0.4 * 0.01 * NOISE_STEP
    truth = {
        "N": 0.005 * NOISE_STEP + through_norm / 2 + through_both / 3,
        "C": through_norm / 2 + through_both / 3,
        "S": through_both / 3,
        "U": 0.01 * UPDATES_STEP,
    }
    for mediator, share in truth.items():
        assert near(rows.loc[mediator], share), mediator
    assert rows.loc["N", "se"] < 0.1 * truth["N"]


def test_arms_make_the_shares_of_noise_and_updates_sharper(tables):
    table = tables["dominance"]
    errors = table[table["measure"] == "Shapley share"].set_index(["graph", "mediator"])["se"]
    for mediator in "NU":
        assert errors[competing.WITH_ARMS, mediator] < errors[competing.STUDY, mediator] / 2


@pytest.mark.parametrize(
    ("truth", "mediator"),
    [
        (Truth(updates_score=0.03, norm_score=0.001), "U"),
        (Truth(noise_score=0.03, norm_score=0.001), "N"),
        (Truth(noise_sharpness=0.8, sharpness_score=0.05, norm_score=0.0), "S"),
    ],
)
def test_the_planted_mediator_is_the_dominant_one_with_near_certainty(truth, mediator):
    runs = make_runs(truth, Plan(designs=("equal_epochs",)), seed=3)
    table = dominance.dominance_tables(runs)["dominance"]
    measure = "arc into G"  # a Shapley share of S is shared with N, which drives it
    chosen = table[(table["graph"] == competing.WITH_ARMS) & (table["measure"] == measure)]
    probability = chosen.set_index("mediator")["probability_dominant"]
    assert probability[mediator] > 0.99
    assert probability.sum() == pytest.approx(1)


def test_two_equal_mediators_share_the_probability_whatever_their_sign():
    rng = np.random.default_rng(4)
    errors = [pd.Series(rng.normal(scale=0.1, size=20)) for _ in range(2)]
    made = [Quantity(x, e - e.mean()) for x, e in zip((1.0, -1.0), errors, strict=True)]
    entries = [Entry({"mediator": v}, q) for v, q in zip("NU", made, strict=True)]
    probability = dominance.dominant(entries)["probability_dominant"]
    np.testing.assert_allclose(probability, 0.5, atol=0.03)


def test_the_support_share_is_what_a_regression_on_updates_leaves():
    rng = np.random.default_rng(5)
    runs = make_runs(Truth(free_noise=0.3), Plan(designs=("equal_epochs",), arms=False), seed=5)
    found = competing.support_share(runs, competing.budget_roles(runs))
    design = pd.get_dummies(runs["seed"]).to_numpy(dtype=float)
    noise, budget = np.log10(runs["grad_noise"]), np.log10(runs["updates"])
    full = np.column_stack([design, budget])
    left, within = (float(np.linalg.lstsq(x, noise, rcond=None)[1][0]) for x in (full, design))
    assert found == pytest.approx(left / within)
    exact = runs.assign(grad_noise=runs["updates"] * rng.uniform(1, 2, 20)[runs["seed"]])
    assert competing.support_share(exact, competing.budget_roles(exact)) == pytest.approx(0)


def test_two_factors_share_the_interaction_equally():
    corners = [np.array([x]) for x in (0.9, 0.7, 0.55, 0.5)]
    found = {k: round(float(x[0]), 12) for k, x in decomposition.decompose(*corners).items()}
    assert found["noise"] == (0.2 + 0.05) / 2
    assert found["updates"] == round((0.35 + 0.2) / 2, 12)
    assert found["interaction"] == 0.15
    assert found["noise"] + found["updates"] == pytest.approx(found["total"])


def test_the_experiment_finds_the_planted_parts_and_the_true_graph_agrees(tables):
    table = tables["decomposition"].set_index(["source", "quantity"])
    truth = {"noise": (0.014 + 0.005) * NOISE_STEP, "updates": 0.01 * UPDATES_STEP}
    graph = f"{competing.STUDY}, {decomposition.OWN}"
    for part, value in truth.items():
        assert near(table.loc[(decomposition.EXPERIMENT, part)], value)
        assert near(table.loc[(graph, part)], value)
        assert near(table.loc[(f"{graph}, less experiment", part)], 0.0)
    assert table.loc[(decomposition.EXPERIMENT, "noise"), "se"] < 0.001


def test_without_one_corner_the_contrasts_of_the_others_are_still_told(mixed):
    tables = decomposition.decomposition_tables(mixed[mixed["arm"] != "noise_removed"])
    rows = tables["decomposition"].set_index("quantity")
    assert set(rows.index) == {
        "total",
        "noise at the updates of 512",
        "updates at the noise of 16",
    }
    assert near(rows.loc["updates at the noise of 16"], 0.01 * UPDATES_STEP)
    said = decomposition.decomposition_verdicts(tables)
    assert "one corner not run" in said[0]
    (added,) = tables["arm_noise"].to_dict("records")
    assert abs(added["estimate"]) < 4 * added["se"]
    assert f"noise added: {10 ** added['estimate']:.2f} times" in said[-1]


def test_noise_measured_with_error_is_credited_to_updates_and_the_experiment_shows_it():
    truth = Truth(noise_score=0.02, norm_score=0.001, misread=0.4)
    runs = make_runs(truth, Plan(designs=("equal_epochs",)), seed=6)
    tables = decomposition.decomposition_tables(runs)
    rows = tables["decomposition"].set_index(["source", "quantity"])
    name = f"{competing.STUDY}, {decomposition.OWN}, less experiment"
    assert rows.loc[(name, "noise"), "upper"] < 0
    assert rows.loc[(name, "updates"), "lower"] > 0
    said = decomposition.decomposition_verdicts(tables)
    assert "shown to be wrong in 1 of 1 cells" in said[1]


def test_at_equal_updates_the_competitor_is_the_number_of_epochs():
    runs = make_runs(plan=Plan(designs=("equal_updates",), arms=False))
    assert competing.budget_roles(runs)["U"] == "log10(epochs)"
    assert "experiment" not in str(
        decomposition.decomposition_verdicts(decomposition.decomposition_tables(runs))
    )


def test_a_cell_that_cannot_be_fitted_is_named_and_the_others_are_analysed(mixed):
    flat = mixed.assign(model="GAT", sharpness=2.0, run_id="other-" + mixed["run_id"])
    tables = mediation.mediation_tables(pd.concat([mixed, flat]))
    assert set(tables["unfitted"]["model"]) == {"GAT"}
    assert set(tables["mediation"]["model"]) == {"GCN"}
    assert any(
        "could not be fitted (Cora, GAT)" in s for s in mediation.mediation_verdicts(tables)
    )


def test_every_seed_brings_an_error_of_its_own_and_they_sum_to_nothing(mixed):
    cell = cell_of(mixed)
    answer = ask(fit_cell(cell, GRAPH, ROLES), lambda experiment: {})
    found = answer.quantity(answer.effect())
    assert len(found.errors) == 20
    assert float(found.errors.sum()) == pytest.approx(0, abs=1e-12)


def test_pictures_say_in_words_what_they_show(tables):
    picture = mediation_figures.draw_dominance(tables["dominance"])
    assert "Cora, GCN, with noise arms: N 1.00" in picture
    table = tables["decomposition"].set_index(["source", "quantity"])
    noise = 100 * table.loc[(decomposition.EXPERIMENT, "noise"), "estimate"]
    said = mediation_figures.draw_decomposition(tables["decomposition"])
    assert f"Cora, GCN, noise, experiment: {noise:+.2f}" in said
    empty = pd.DataFrame()
    assert mediation_figures.draw_dominance(empty) == ""
    assert mediation_figures.draw_decomposition(empty) == ""
    assert mediation_figures.draw_regret(empty) == ""


@pytest.mark.slow
def test_intervals_of_shares_and_their_means_over_cells_cover_the_truth(monkeypatch):
    monkeypatch.setattr(dominance, "COMPETING", {})
    truth = Truth(updates_score=0.01, noise_score=0.005)
    cells = (("cora", "GCN", "graph"), ("cora", "GAT", "graph"))
    plan = Plan(cells=cells, seeds=10, designs=("equal_epochs",))
    wanted = {"U": 0.01 * UPDATES_STEP, "S": 0.4 * 0.01 * NOISE_STEP / 3}
    worlds = 120
    hits = {"U": 0, "S": 0}
    for seed in range(worlds):
        table = dominance.dominance_tables(make_runs(truth, plan, seed))["dominance_pooled"]
        rows = table[table["measure"] == "Shapley share"].set_index("mediator")
        for mediator, share in wanted.items():
            hits[mediator] += rows.loc[mediator, "lower"] < share < rows.loc[mediator, "upper"]
    least, most = stats.binom.interval(0.999, worlds, 0.95)
    assert all(least <= count <= most for count in hits.values()), hits
