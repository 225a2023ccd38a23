"""Hyper-parameters compared all else equal: against least squares and scipy."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.pruning.strips import hyperparameter_strips
from causalhyper.granger.pruning.strips_result import COLUMNS

ITERATIONS, EPOCHS, PENALTIES = (2, 5, 10, 20), (5, 10), (1e-18, 1e-16, 1e-14, 1e-12)


def draw(seed=0, seeds=4, effect=-0.05):
    """A grid of runs: iterations add sparsity, the largest penalty costs accuracy."""
    rng = np.random.default_rng(seed)
    rows = []
    for s in range(seeds):
        own = rng.normal(scale=0.02)
        for n, m, penalty in product(ITERATIONS, EPOCHS, PENALTIES):
            sparsity = 0.7 + 0.02 * np.log(n) + rng.normal(scale=0.005)
            accuracy = 0.68 + own + effect * (penalty > 1e-13) + rng.normal(scale=0.006)
            rows.append((n, m, penalty, s, sparsity, accuracy))
    names = ["N_iter", "N_prune", "L1_coeff", "seed", "sparsity", "test_accuracy"]
    return pd.DataFrame(rows, columns=names)


def row(found, parameter, value, outcome="test_accuracy"):
    frame = found.to_frame()
    at = (frame["parameter"] == parameter) & (frame["outcome"] == outcome)
    return frame[at & (frame["value"] == value)].iloc[0]


def test_in_a_full_grid_the_contrast_is_least_squares_with_fixed_effects():
    frame = draw()
    found = hyperparameter_strips(frame)
    fit = smf.ols(
        "test_accuracy ~ C(N_iter) + C(N_prune) + C(L1_coeff) + C(seed)",
        frame.assign(L1_coeff=np.log10(frame["L1_coeff"]).round()),
    ).fit()
    assert row(found, "L1_coeff", 1e-12)["difference"] == pytest.approx(
        fit.params["C(L1_coeff)[T.-12.0]"]
    )
    assert row(found, "N_iter", 20)["difference"] == pytest.approx(fit.params["C(N_iter)[T.20]"])


def test_intervals_and_p_values_are_those_of_the_seeds_mean_differences():
    frame = draw()
    at = row(hyperparameter_strips(frame), "L1_coeff", 1e-14)
    means = frame.groupby(["seed", "L1_coeff"])["test_accuracy"].mean().unstack()
    gaps = means[1e-14] - means[1e-18]
    test = stats.ttest_1samp(gaps, 0)
    ends = test.confidence_interval(0.95)
    found = [at["difference_lower"], at["difference_upper"], at["p_value"]]
    np.testing.assert_allclose(found, [*ends, test.pvalue])
    flips = stats.permutation_test((gaps,), np.mean, permutation_type="samples")
    assert at["flip_p_value"] == pytest.approx(flips.pvalue)


def test_means_medians_and_their_intervals_are_those_of_all_runs_of_a_value():
    frame = draw()
    at = row(hyperparameter_strips(frame), "N_iter", 5, "sparsity")
    own = frame[frame["N_iter"] == 5]
    assert at["median"] == pytest.approx(own["sparsity"].median())
    assert at["runs"] == len(own)
    means = own.groupby("seed")["sparsity"].mean()
    ends = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    np.testing.assert_allclose([at["lower"], at["upper"]], list(ends))


def test_runs_that_differ_in_something_else_are_not_compared():
    # one hyper-parameter at a time, and a lone run where two differ at once
    frame = draw(effect=0.0)
    plain = (frame["N_prune"] == 10) & (frame["L1_coeff"] == 1e-14)
    only = (frame["N_iter"] == 10) & (frame["N_prune"] == 10)
    apart = (frame["N_iter"] == 2) & (frame["L1_coeff"] == 1e-18) & (frame["N_prune"] == 5)
    frame.loc[apart, "test_accuracy"] = 0.0
    found = hyperparameter_strips(
        frame[plain | only | apart], reference={"N_iter": 10, "L1_coeff": 1e-14}
    )
    at = row(found, "N_iter", 2)
    assert at["pairs"] == 4
    assert abs(at["difference"]) < 0.02
    assert row(found, "L1_coeff", 1e-18)["pairs"] == 4
    assert "0 seeds have a run that differs in nothing else" in row(found, "N_prune", 5)["reason"]


def test_the_reference_is_the_value_with_most_runs():
    frame = draw()
    frame = frame[(frame["N_iter"] == 10) | (frame["seed"] < 3)]
    found = hyperparameter_strips(frame)
    assert (found.to_frame().query("parameter == 'N_iter'")["reference"] == 10).all()
    assert row(found, "N_iter", 10)["reason"] == "the reference"


def test_p_values_are_adjusted_over_the_values_of_one_hyper_parameter():
    frame = hyperparameter_strips(draw()).to_frame()
    own = frame[(frame["parameter"] == "N_iter") & (frame["outcome"] == "sparsity")].dropna(
        subset="p_value"
    )
    p = np.sort(own["p_value"])
    steps = np.maximum.accumulate(np.minimum(p * np.array([3, 2, 1]), 1))
    np.testing.assert_allclose(np.sort(own["adjusted_p_value"]), steps)


def test_the_summary_warns_where_sparsity_moves_too():
    said = hyperparameter_strips(draw()).summary()
    assert "N_iter changes the sparsity too" in said
    assert "test_accuracy by L1_coeff (reference 1e-18)" in said


def test_the_summary_warns_of_a_sparsity_that_moves_alike_in_every_seed():
    frame = draw()
    frame["sparsity"] = np.where(frame["N_iter"] == 10, 0.95, 0.9)
    said = hyperparameter_strips(frame).summary()
    assert "N_iter changes the sparsity too" in said
    assert "p = none, no spread" in said
    assert "nan" not in said


def test_what_is_no_frame_or_no_list_is_refused():
    with pytest.raises(DataError, match="a row a run; got list"):
        hyperparameter_strips([1])
    with pytest.raises(ConfigurationError, match=r"give parameters=\['N_iter'\]"):
        hyperparameter_strips(draw(), parameters="N_iter")
    with pytest.raises(ConfigurationError, match="sparsity has several"):
        hyperparameter_strips(draw(), parameters=["sparsity"])
    with pytest.raises(ConfigurationError, match="rng must be a Generator"):
        hyperparameter_strips(draw(), rng=3)


def test_the_frame_has_its_columns_and_a_row_for_each_value():
    frame = hyperparameter_strips(draw()).to_frame()
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == 2 * (4 + 2 + 4)


@pytest.mark.parametrize(
    ("change", "options", "error", "said"),
    [
        ({}, {"reference": {"N_iter": 3}}, ConfigurationError, "values are 2, 5, 10, 20"),
        ({}, {"parameters": ["N_pre"]}, DataError, "missing columns: N_pre"),
        ({}, {"level": 95}, ConfigurationError, "got 95"),
        ({"N_iter": 2}, {}, DataError, "repeat a seed"),
        ({"sparsity": np.nan}, {}, DataError, "every row: sparsity"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, options, error, said):
    with pytest.raises(error, match=said):
        hyperparameter_strips(draw().assign(**change), **options)


def test_many_seeds_need_a_generator():
    with pytest.raises(ConfigurationError, match=r"16 seeds.*give rng"):
        hyperparameter_strips(draw(seeds=16))
