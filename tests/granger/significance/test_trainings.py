"""Several trainings one after another: nothing is multiplied, drawn or cut across an edge."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from causalhyper.errors import ConfigurationError
from causalhyper.granger.design import ArrayTrajectory, granger_design
from causalhyper.granger.lasso.columns import DenseColumns
from causalhyper.granger.significance.layers import layer_tests, movement_increment
from causalhyper.granger.significance.layers.forward import mean_test, training_folds
from causalhyper.granger.significance.layers.long_run import (
    choose_bandwidth,
    degrees_of,
    share_cosines,
    smoother,
)
from causalhyper.granger.significance.layers.wald import (
    dependent_weights,
    nested_regression,
    wald_statistic,
)

EDGES = np.array([0, 70, 120])


def sample() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(120), rng.normal(size=(120, 2)).cumsum(axis=0)])
    return x, x @ [1.0, 0.2, 0.0] + rng.normal(size=120).cumsum()


@pytest.mark.parametrize("kernel", ["bartlett", "quadratic_spectral"])
def test_a_long_run_covariance_is_the_sum_of_those_of_trainings_alone(kernel: str) -> None:
    x = np.random.default_rng(0).normal(size=(120, 3))
    whole = x.T @ smoother(kernel, 6.0, EDGES) @ x
    alone = [part.T @ smoother(kernel, 6.0, len(part)) @ part for part in (x[:70], x[70:])]
    np.testing.assert_allclose(whole, sum(alone), rtol=1e-12)


def test_the_wald_statistic_of_trainings_is_that_of_statsmodels_panel_covariance() -> None:
    x, y = sample()
    fit = sm.OLS(y, x).fit(
        cov_type="hac-panel",
        cov_kwds={
            "groups": np.repeat([0, 1], [70, 50]),
            "maxlags": 5,
            "use_correction": False,
            "df_correction": False,
        },
        use_t=True,
    )
    found = wald_statistic(
        nested_regression(x[:, 2:], x[:, :2], y, EDGES), kernel="bartlett", bandwidth=6
    )
    assert found.value == pytest.approx(fit.tvalues[2] ** 2, rel=1e-8)
    seam = wald_statistic(nested_regression(x[:, 2:], x[:, :2], y), kernel="bartlett", bandwidth=6)
    assert abs(seam.value / found.value - 1) > 1e-4


def test_cosines_are_shared_by_length_and_their_degrees_are_those_of_satterthwaite() -> None:
    assert share_cosines(9, EDGES) == [5, 4]
    scores = np.random.default_rng(0).normal(size=(120, 1))
    whole = scores.T @ smoother("cosine", 9, EDGES) @ scores
    parts = [scores[:70].T @ smoother("cosine", 5, 70) @ scores[:70]]
    parts.append(scores[70:].T @ smoother("cosine", 4, 50) @ scores[70:])
    np.testing.assert_allclose(whole, sum(parts), rtol=1e-12)
    assert degrees_of("cosine", 9, EDGES) == pytest.approx(120**2 / (70**2 / 5 + 50**2 / 4))
    assert choose_bandwidth(scores, "cosine", edges=EDGES) == 6 + 5
    alike = np.array([0, 60, 120])
    assert degrees_of("cosine", 12, alike) == pytest.approx(12)


def test_a_jump_between_trainings_is_no_autocorrelation() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(4, 30))
    x[:, 0] += 50 * np.array([1, -1, 1, -1])
    x[:, -1] += 50 * np.array([-1, 1, -1, 1])
    edges = 30 * np.arange(5)
    series = x.reshape(-1, 1)
    seamless = choose_bandwidth(series, "bartlett", edges=edges)
    assert seamless < 0.7 * choose_bandwidth(series, "bartlett")
    for rule in ("andrews", "newey_west"):
        one = choose_bandwidth(series, "quadratic_spectral", rule)
        assert one == choose_bandwidth(series, "quadratic_spectral", rule, np.array([0, 120]))


def test_bootstrap_weights_of_two_trainings_are_independent() -> None:
    weights = dependent_weights(np.array([0, 6, 12]), 4, 100_000, np.random.default_rng(0))
    found = np.corrcoef(weights)
    np.testing.assert_allclose(found[:6, 6:], 0, atol=0.015)
    np.testing.assert_allclose(np.diag(found, 1)[[0, 4, 6, 10]], 0.75, atol=0.01)


def test_a_fold_predicts_a_block_of_every_training_from_what_comes_before_it_there() -> None:
    folds = training_folds(EDGES, 4)
    assert len(folds) == 4
    for learn, ahead in folds:
        for start, stop in ((0, 70), (70, 120)):
            own, next_ = (part[(part >= start) & (part < stop)] for part in (learn, ahead))
            assert own[0] == start
            assert own[-1] + 1 == next_[0]
            assert (np.diff(np.concatenate([own, next_])) == 1).all()
    (learn, ahead), *_ = training_folds(np.array([0, 30]), 2)
    assert (learn.tolist(), ahead.tolist()) == (list(range(10)), list(range(10, 20)))


def test_the_mean_of_trainings_has_the_pooled_variance_of_each() -> None:
    x = np.random.default_rng(0).normal(size=120)
    found = mean_test(x, EDGES)
    away = x - x.mean()
    counts = share_cosines(11, EDGES)
    sums = [
        part @ smoother("cosine", c, len(part)) @ part
        for part, c in zip((away[:70], away[70:]), counts, strict=True)
    ]
    assert found.se == pytest.approx(np.sqrt(sum(sums)) / 120)


def test_designs_of_trainings_bring_their_edges_and_columns_are_told_them() -> None:
    rng = np.random.default_rng(0)
    runs, squares, losses = [], [], []
    for rows in (80, 60):
        moves = rng.normal(size=(rows, 6))
        after = -(moves**2) @ np.r_[np.ones(3), np.zeros(3)] + rng.normal(size=rows)
        frame = pd.DataFrame({"loss": 0.0, "loss_after": after})
        runs.append(ArrayTrajectory({"a": moves[:, :3], "b": moves[:, 3:]}, frame))
        squares.append(moves**2)
        losses.append(after)
    both, y = np.concatenate(squares), np.concatenate(losses)
    columns = {"a": DenseColumns(both[:, :3]), "b": DenseColumns(both[:, 3:])}
    edges = [0, 80, 140]
    for verb in (layer_tests, movement_increment):
        known = verb(granger_design(runs), draws=49).to_frame()
        told = verb(columns, y, edges=edges, draws=49).to_frame()
        pd.testing.assert_frame_equal(known, told)
        with pytest.raises(ConfigurationError, match="edges"):
            verb(granger_design(runs), edges=edges)
        for wrong in ([0, 140, 80], [1, 140], [0, 139], [0.0, 140.0]):
            with pytest.raises(ConfigurationError, match="edges"):
                verb(columns, y, edges=wrong)
