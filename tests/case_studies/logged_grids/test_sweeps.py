"""Sweeps are drawn as declared, and judged against a truth that a formula gives."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from case_studies.batch_size.logged_grids.reading import Factorial
from case_studies.batch_size.logged_grids.sweep_study import (
    ESTIMATORS,
    SWEEPS,
    answer_sweep,
    exact_limits,
    judge_sweeps,
    study_sweeps,
)
from case_studies.batch_size.logged_grids.sweeps import (
    LOGGERS,
    choice_probabilities,
    draw_sweep,
    true_effect,
)
from causalhyper.errors import ConfigurationError
from tests.case_studies.logged_grids.synthetic import BATCHES, DATASETS, RATES, SMALL, WIDTHS

RATE_SLOPE, BATCH_SLOPE = 0.5, 0.1


@pytest.fixture(scope="module")
def factorial() -> Factorial:
    """An outcome that is a straight line in each logarithm, and hardly any noise."""
    levels = {
        "dataset": np.array(DATASETS),
        "batch_size": np.array(BATCHES),
        "learning_rate": np.array(RATES),
        "width": np.array(WIDTHS),
    }
    line = (
        np.arange(2.0)[:, None, None, None]
        + BATCH_SLOPE * np.log2(BATCHES)[:, None, None]
        + RATE_SLOPE * np.log10(RATES)[:, None]
        + 0 * np.log2(WIDTHS)
    )
    noise = np.random.default_rng(1).normal(scale=1e-3, size=(*line.shape, 3))
    return Factorial(SMALL, levels, line[..., None] + noise, np.ones(line.shape))


def test_the_truth_is_the_mean_over_all_cells(factorial: Factorial) -> None:
    assert true_effect(factorial) == pytest.approx(-2 * BATCH_SLOPE, abs=1e-3)


def test_a_sweep_holds_runs_of_the_factorial_equally_many_in_each_context(factorial) -> None:
    sweep = draw_sweep(factorial, 40, "random", np.random.default_rng(1))
    assert sweep["dataset"].value_counts().tolist() == [20, 20]
    for row in sweep.itertuples():
        place = tuple(
            int(np.flatnonzero(factorial.levels[c] == getattr(row, c))[0])
            for c in factorial.levels
        )
        assert row.outcome in factorial.outcome[place]


@pytest.mark.parametrize("logger", LOGGERS)
def test_batch_sizes_follow_the_logger_and_rates_are_uniform(factorial, logger: str) -> None:
    sweep = draw_sweep(factorial, 20_000, logger, np.random.default_rng(2))
    counts = pd.crosstab(sweep["learning_rate"], sweep["batch_size"]).to_numpy()
    chances = choice_probabilities(len(RATES), len(BATCHES), logger) / len(RATES)
    assert stats.chisquare(counts.ravel(), 20_000 * chances.ravel()).pvalue > 1e-3


def test_a_larger_rate_makes_a_larger_batch_likelier() -> None:
    chances = choice_probabilities(5, 4, LOGGERS[1])
    assert chances.sum(axis=1) == pytest.approx(1)
    assert (np.diff(chances @ np.arange(4)) > 0).all()
    # one step of 1 over a spread of 0.35
    assert chances[0, 3] / chances[0, 0] == pytest.approx(np.exp(-0.5 / 0.35**2))


def test_adjustment_takes_out_exactly_the_bias_that_the_logger_put_in(factorial) -> None:
    sweep = draw_sweep(factorial, 1000, LOGGERS[1], np.random.default_rng(3))
    found = answer_sweep(sweep, factorial, LOGGERS[1])
    assert tuple(found) == ESTIMATORS
    chances = choice_probabilities(len(RATES), len(BATCHES), LOGGERS[1])
    levels = (chances / chances.sum(axis=0)).T @ np.log10(RATES)
    biased = -2 * BATCH_SLOPE + RATE_SLOPE * (levels[0] - levels[-1])
    difference = found["difference"]
    assert difference.estimate == pytest.approx(biased, abs=4 * difference.se)
    assert abs(biased + 2 * BATCH_SLOPE) > 10 * difference.se
    for name in ESTIMATORS[1:]:
        assert found[name].estimate == pytest.approx(-2 * BATCH_SLOPE, abs=2e-3), name


def test_a_random_logger_needs_no_adjustment(factorial) -> None:
    sweep = draw_sweep(factorial, 200, "random", np.random.default_rng(4))
    found = answer_sweep(sweep, factorial, "random")
    difference = found["difference"]
    assert difference.estimate == pytest.approx(-2 * BATCH_SLOPE, abs=4 * difference.se)
    assert found["adjusted"].estimate == pytest.approx(-2 * BATCH_SLOPE, abs=2e-3)


def test_the_first_sweeps_are_the_same_whatever_their_number(factorial, monkeypatch) -> None:
    monkeypatch.setattr("case_studies.batch_size.logged_grids.sweep_study.SIZES", (24,))
    told: list[float] = []
    one = study_sweeps(factorial, 1, told.append)
    two = study_sweeps(factorial, 2)
    assert tuple(one.columns) == SWEEPS
    assert told == [0.5, 1.0]
    again = two[two["replicate"] == 0].reset_index(drop=True)
    pd.testing.assert_frame_equal(one, again)
    drawn = two.groupby(["logger", "estimator"])["estimate"].nunique()
    assert (drawn.xs("difference", level="estimator") == 2).all()
    # nine functions of batch size and rate are too many for 24 runs, and that is told
    assert drawn.xs("flexible", level="estimator").tolist() == [0]


def test_sweeps_are_judged_by_what_they_miss_and_cover() -> None:
    numbers = {"estimate": [1.0, 3.0, np.nan], "lower": [0.0, 2.5, np.nan]}
    frame = pd.DataFrame(numbers).assign(upper=frame_upper(numbers["estimate"]))
    frame = frame.assign(logger="random", n=48, estimator="adjusted")
    row = judge_sweeps(frame, 2.0).iloc[0]
    assert row["answered"] == pytest.approx(2 / 3)
    assert (row["bias"], row["bias_se"]) == (pytest.approx(0), pytest.approx(1))
    assert (row["rmse"], row["coverage"]) == (pytest.approx(1), pytest.approx(0.5))
    assert row["width"] == pytest.approx((2.0 + 1.5) / 2)
    expected = stats.binomtest(1, 2).proportion_ci(0.95, method="exact")
    assert (row["coverage_lower"], row["coverage_upper"]) == pytest.approx(tuple(expected))


def frame_upper(estimates: list[float]) -> list[float]:
    return [e + 1 for e in estimates]


@pytest.mark.parametrize(("hits", "trials"), [(0, 7), (3, 7), (7, 7), (290, 300)])
def test_limits_are_those_of_scipy(hits: int, trials: int) -> None:
    expected = stats.binomtest(hits, trials).proportion_ci(0.95, method="exact")
    assert exact_limits(hits, trials) == pytest.approx(tuple(expected))


def test_wrong_requests_are_refused(factorial) -> None:
    with pytest.raises(ConfigurationError, match="shared out equally over 2 contexts"):
        draw_sweep(factorial, 5, "random", np.random.default_rng(1))
    with pytest.raises(ConfigurationError, match="logger must be one of"):
        choice_probabilities(2, 2, "careful")
    with pytest.raises(ConfigurationError, match="at least 1 replicate"):
        study_sweeps(factorial, 0)
