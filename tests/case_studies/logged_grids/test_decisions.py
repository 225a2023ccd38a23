"""Rules choose without the runs that judge them, and lose what the factorial says they lose."""

import numpy as np
import pytest
from scipy import stats

from case_studies.batch_size.logged_grids.decisions import average_policies, judge_policies
from tests.case_studies.logged_grids.synthetic import cells_of

SETS = 4
SEARCHES = ("grid search of rates at the default batch size", "grid search of both")
LEARNED = ("policy", "policy, time priced", "best fixed pair in hindsight")


def surface() -> np.ndarray:
    """Best at the second batch size and third rate, at any other batch size at the second rate."""
    found = np.full((3, 4), 0.0)
    found[:, 1] = [0.5, 0.6, 0.7]
    found[1, 2] = 1.0
    return found


def repeated(values: np.ndarray, seeds: int = 3) -> np.ndarray:
    return np.repeat(values[None, :, :, None], SETS, axis=0).repeat(seeds, axis=3)


@pytest.mark.parametrize("maximise", [True, False])
def test_what_is_best_everywhere_is_found_by_every_rule_but_the_default(maximise: bool) -> None:
    sign = 1 if maximise else -1
    judged = judge_policies(cells_of(sign * repeated(surface()), maximise=maximise))
    regrets = judged.set_index(["dataset", "rule"])["regret"].unstack()
    for rule in ("policy", "best fixed pair in hindsight", *SEARCHES):
        assert regrets[rule].to_numpy() == pytest.approx(0), rule
    # the usual 16 and 0.01 are the second batch size and the second rate
    assert regrets["usual"].to_numpy() == pytest.approx(0.4)


def test_a_price_on_time_moves_the_policy_to_the_batch_size_with_the_best_balance() -> None:
    # 0.1 a doubling: halving the time from 16 to 32 is worth 0.1, and the outcome falls by 0.05
    values = np.array([[0.0, 0.5], [0.0, 0.6], [0.0, 0.55]])
    judged = judge_policies(cells_of(repeated(values))).set_index(["dataset", "rule"])
    assert judged.loc[("set 0", "policy"), "batch_size"] == 16
    priced = judged.loc[("set 0", "policy, time priced")]
    assert priced["batch_size"] == 32
    assert priced["regret"] == pytest.approx(0.05)
    assert priced["times"] == pytest.approx(0.5)


def test_the_held_out_data_set_has_no_part_in_its_policy() -> None:
    outcome = repeated(surface())
    outcome[0, 2, 3] = 9.0
    judged = judge_policies(cells_of(outcome)).set_index(["dataset", "rule"])
    assert judged.loc[("set 0", "policy"), "regret"] == pytest.approx(8.0)
    assert judged.loc[("set 0", "grid search of both"), "regret"] == pytest.approx(0)
    # elsewhere the odd one out has a say: 9 on one of three is more than 1 on all
    assert judged.loc[("set 1", "policy"), "learning_rate"] == pytest.approx(1.0)


def test_no_seed_judges_what_it_chose() -> None:
    outcome = repeated(surface())
    outcome[:, 0, 0, 1] = 50.0
    judged = judge_policies(cells_of(outcome)).set_index(["dataset", "rule"])
    # in hindsight that cell is the best on average, and seeds 0 and 2 are judged at it
    best = np.array([0.0, 50.0, 0.0])
    found = judged.loc[("set 0", "best fixed pair in hindsight"), "regret"]
    assert found == pytest.approx((best - np.array([0.0, 1.0, 0.0])).mean())
    # the next seed searches: seed 0 is judged at the choice of seed 1
    searched = judged.loc[("set 0", "grid search of both"), "regret"]
    assert searched == pytest.approx((best - np.array([0.0, 1.0, 1.0])).mean())


def test_a_search_costs_the_runs_of_its_grid() -> None:
    judged = judge_policies(cells_of(repeated(surface()))).set_index(["dataset", "rule"])
    # a run takes 1000 / B seconds: 125, 62.5 and 31.25
    both = judged.loc[("set 0", "grid search of both")]
    assert both["search"] == pytest.approx(4 * (125 + 62.5 + 31.25))
    assert both["times"] == pytest.approx((62.5 + both["search"]) / 62.5)
    rates = judged.loc[("set 0", "grid search of rates at the default batch size")]
    assert rates["search"] == pytest.approx(4 * 62.5)
    for rule in (*LEARNED, "usual"):
        assert judged.loc[("set 0", rule), "search"] == 0


def test_regret_over_seeds_and_over_data_sets_has_t_intervals() -> None:
    outcome = repeated(surface()) + np.random.default_rng(1).normal(
        scale=0.01, size=(SETS, 3, 4, 3)
    )
    cells = cells_of(outcome)
    judged = judge_policies(cells)
    usual = judged[judged["rule"] == "usual"]
    losses = cells.outcome[:, 1, 2] - cells.outcome[:, 1, 1]
    for row, loss in zip(usual.itertuples(), losses, strict=True):
        interval = stats.ttest_1samp(loss, 0).confidence_interval(0.95)
        assert (row.regret, row.lower, row.upper) == pytest.approx(
            (loss.mean(), interval.low, interval.high)
        )
    mean = average_policies(judged).set_index("rule").loc["usual"]
    interval = stats.ttest_1samp(losses.mean(axis=1), 0).confidence_interval(0.95)
    assert (mean["regret"], mean["lower"], mean["upper"]) == pytest.approx(
        (losses.mean(), interval.low, interval.high)
    )
    assert mean["worst"] == pytest.approx(losses.mean(axis=1).max())
    assert (mean["run"], mean["times"]) == (pytest.approx(1), pytest.approx(1))
