"""The deep structural model beside the additive one."""

import numpy as np
import pandas as pd
import pytest

from case_studies.batch_size.mediators import deep_model
from case_studies.batch_size.mediators.cell_models import ask, ask_again, cut_cells, fit_cell
from case_studies.batch_size.mediators.counterfactual_checks import RATIO
from case_studies.batch_size.mediators.mediation import mediator_worlds
from case_studies.batch_size.runs import GRAPH, ROLES
from tests.case_studies.planted_runs import Plan, Truth, make_runs

ONE = Plan(seeds=10, designs=("equal_epochs",), arms=False)


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return deep_model.deep_tables(make_runs(Truth(), ONE))


def test_in_a_linear_world_with_normal_noise_both_models_say_the_same(tables):
    rows = tables["deep"].set_index(["mechanisms", "quantity"])
    for name in ("total", "share of N", "randomise S: change of effect"):
        gap = rows.loc[(deep_model.GAP, name), "estimate"]
        assert abs(gap) < 0.5 * rows.loc[(deep_model.ADDITIVE, name), "se"], name
    said = deep_model.deep_verdicts(tables)
    assert len(said) == 1
    assert "Of 18 queries" in said[0]


def test_both_models_predict_the_same_pairs(tables):
    rows = tables["deep_counterfactuals"]
    errors = rows[(rows["measure"] == RATIO) & (rows["pairs"] == "all pairs")]
    by_method = errors.set_index("method")["estimate"]
    assert by_method[deep_model.DEEP] == pytest.approx(by_method[deep_model.ADDITIVE], abs=0.3)
    assert not tables["deep_counterfactuals"]["measure"].str.contains("parameters").any()


def test_spread_that_grows_with_the_noise_is_found_in_the_node_that_has_it():
    runs = make_runs(Truth(), ONE, seed=1)
    rng = np.random.default_rng(0)
    steps = np.log2(512 / runs["batch_size"]) / 5
    runs["sharpness"] *= 10 ** (0.6 * steps**2 * rng.normal(size=len(runs)))
    cell = next(cut_cells(runs))
    model = fit_cell(cell, GRAPH, ROLES, deep_model.Flow())
    freed = pd.DataFrame(deep_model.describe_noise(cell, model)).set_index("node")["spread"]
    assert freed["S"]
    assert not freed["N"]


def test_asking_the_same_model_again_gives_the_same_bytes():
    cell = next(cut_cells(make_runs(Truth(), ONE)))
    model = fit_cell(cell, GRAPH, ROLES)
    first = ask(model, mediator_worlds)
    second = ask_again(first, model, mediator_worlds)
    for world, means in first.means.items():
        np.testing.assert_array_equal(means, second.means[world])
