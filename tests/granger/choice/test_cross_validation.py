"""Claims about blocked cross-validation, against slow loops and scikit-learn's folds."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, TimeSeriesSplit

from causalhyper.errors import ConfigurationError
from causalhyper.granger.choice import RowsOf, blocked_folds, choose_by_cross_validation
from causalhyper.granger.choice.cross_validation import (
    cross_validate,
    score_blocks,
    within_one_error,
)
from causalhyper.granger.choice.prediction import predict_rows
from causalhyper.granger.lasso import DenseColumns, SquaredChanges, lasso_path
from tests.granger.choice.samples import Counted, autoregressive, planted


def slow_scores(x, y, lambdas, folds, *, standardise=True):
    """Sums of squared errors by fold and penalty, and of the means, by scikit-learn's lasso."""
    squares, baseline = np.zeros((len(folds), len(lambdas))), np.zeros(len(folds))
    for fold, (learn, ahead) in enumerate(folds):
        spread = x[learn].std(axis=0) if standardise else np.ones(x.shape[1])
        for at, penalty in enumerate(lambdas):
            model = Lasso(alpha=penalty, tol=1e-10, max_iter=200_000)
            model.fit(x[learn] / spread, y[learn])
            squares[fold, at] = ((y[ahead] - model.predict(x[ahead] / spread)) ** 2).sum()
        baseline[fold] = ((y[ahead] - y[learn].mean()) ** 2).sum()
    return squares, baseline


@pytest.mark.parametrize("gap", [0, 3])
@pytest.mark.parametrize("rows", [30, 47])
def test_forward_blocks_are_scikit_learns_time_series_split(rows, gap):
    theirs = list(TimeSeriesSplit(4, gap=gap).split(np.zeros(rows)))
    ours = blocked_folds(rows, 4, gap=gap)
    assert [(a.tolist(), b.tolist()) for a, b in ours] == [
        (a.tolist(), b.tolist()) for a, b in theirs
    ]


def test_left_out_blocks_are_scikit_learns_unshuffled_folds_less_the_gap():
    for (learn, ahead), (theirs, block) in zip(
        blocked_folds(47, 4, scheme="left_out", gap=2), KFold(4).split(np.zeros(47)), strict=True
    ):
        assert ahead.tolist() == block.tolist()
        near = [t for t in theirs if block[0] - 2 <= t <= block[-1] + 2]
        assert learn.tolist() == [t for t in theirs if t not in near]


@pytest.mark.parametrize(
    ("rows", "count", "options", "words"),
    [
        (10, 1, {}, "expected 2 blocks at least"),
        (10, 2, {"gap": -1}, "a gap of 0 or more"),
        (10, 2, {"gap": 1.5}, "gap must be a whole number"),
        (10, 2, {"scheme": "shuffled"}, "the scheme 'forward' or 'left_out'"),
        (10, 12, {}, "10 steps cannot be cut into 12 blocks"),
        (10, 12, {"scheme": "left_out"}, "10 steps cannot be cut into 12 blocks"),
        (20, 4, {"gap": 3}, "with a gap of 3: the fit of one would have 1 steps"),
    ],
)
def test_blocks_that_cannot_be_cut_are_refused(rows, count, options, words):
    with pytest.raises(ConfigurationError, match=words):
        blocked_folds(rows, count, **options)


@pytest.mark.parametrize("scheme", ["forward", "left_out"])
@pytest.mark.parametrize("standardise", [True, False])
def test_scores_are_those_of_a_slow_loop_of_scikit_learn(scheme, standardise):
    x, y = planted(rows=60, width=80)
    x = x * np.exp(np.random.default_rng(1).normal(size=80))
    choice = choose_by_cross_validation(
        DenseColumns(x, width=17),
        y,
        blocks=3,
        scheme=scheme,
        gap=2,
        standardise=standardise,
        lambdas=8,
        ratio=0.05,
    )
    folds = blocked_folds(60, 3, scheme=scheme, gap=2)
    lambdas = choice.table["lambda"].to_numpy()
    squares, baseline = slow_scores(x, y, lambdas, folds, standardise=standardise)
    out = 1 - squares.sum(axis=0) / baseline.sum()
    np.testing.assert_allclose(choice.table["r2_out"], out, atol=2e-5)
    away = squares - (1 - out) * baseline[:, None]
    errors = np.sqrt(3 / 2 * (away**2).sum(axis=0)) / baseline.sum()
    np.testing.assert_allclose(choice.table["se"], errors, atol=2e-5)
    best = int(np.argmax(out))
    assert choice.at == int(np.flatnonzero(out >= out[best] - errors[best])[0])


def test_the_standard_error_is_the_jackknifes_of_the_ratio_to_first_order():
    rng = np.random.default_rng(0)
    baseline = rng.uniform(0.9, 1.1, size=400)
    squares = baseline[:, None] * rng.uniform(0.4, 0.6, size=(400, 1))
    ratios = [1 - np.delete(squares, b).sum() / np.delete(baseline, b).sum() for b in range(400)]
    jackknife = np.sqrt(399 / 400 * ((ratios - np.mean(ratios)) ** 2).sum())
    assert score_blocks(squares, baseline).errors[0] == pytest.approx(jackknife, rel=0.01)


def test_a_score_of_one_block_of_the_whole_is_scikit_learns_r_squared():
    y, predicted = np.array([1.0, 2.0, 4.0]), np.array([[1.5, 2.0, 3.0]])
    squares = ((y - predicted) ** 2).sum(axis=1)
    doubled = np.array([squares, squares])
    away = ((y - y.mean()) ** 2).sum()
    score = score_blocks(doubled, np.array([away, away]))
    assert score.r_squared[0] == pytest.approx(r2_score(y, predicted[0]))
    assert score.errors[0] == pytest.approx(0, abs=1e-12)


def test_the_rule_of_one_standard_error_takes_a_larger_penalty_than_the_best():
    x, y = planted()
    best = choose_by_cross_validation(DenseColumns(x), y, rule="best")
    one = choose_by_cross_validation(DenseColumns(x), y)
    assert best.table["r2_out"].iloc[best.at] == best.table["r2_out"].max()
    assert one.lambda_ > best.lambda_
    assert set(range(4)) <= set(one.columns.tolist())
    assert len(one.columns) < len(best.columns)
    score = cross_validate(DenseColumns(x), y, one.path.lambdas, blocked_folds(120, 5))
    assert within_one_error(score, best.at) == one.at


def test_predictions_of_all_blocks_together_read_the_design_once():
    x, y = planted(rows=60, width=500)
    design = Counted(x)
    choice = choose_by_cross_validation(design, y, blocks=3)
    fits = [
        lasso_path(RowsOf(DenseColumns(x), learn), y[learn], lambdas=choice.path.lambdas)
        for learn, _ in blocked_folds(60, 3)
    ]
    assert design.passes == choice.path.passes + sum(fit.passes for fit in fits) + 1


@pytest.mark.parametrize("rows", [np.arange(3, 9), np.array([0, 4, 5, 11])])
def test_rows_of_a_design_are_its_rows_in_its_unit(rows):
    changes = (1e-7 * np.random.default_rng(0).normal(size=(12, 40))).astype(np.float32)
    part = RowsOf(SquaredChanges(changes, width=16), rows)
    read = np.hstack([block for _, block in part.blocks()]) * part.unit
    np.testing.assert_allclose(read, changes[rows].astype(float) ** 2, rtol=1e-6)
    assert part.shape == (len(rows), 40)
    assert part.dtype == np.float32


@pytest.mark.parametrize("rows", [[], [2, 2], [3, 1], [-1, 2], [4, 12]])
def test_rows_that_a_design_does_not_have_in_order_are_refused(rows):
    with pytest.raises(ConfigurationError, match="increasing numbers of rows from 0 to 11"):
        RowsOf(DenseColumns(np.ones((12, 2))), np.array(rows, dtype=np.intp))


def test_predictions_are_products_with_the_coefficients_also_of_squared_tiny_changes():
    rng = np.random.default_rng(1)
    changes = (1e-6 * rng.normal(size=(40, 90))).astype(np.float32)
    squares = changes.astype(float) ** 2
    y = -3 * squares[:, 5] + 1e-13 * rng.normal(size=40)
    design, rows = SquaredChanges(changes, width=8), np.array([1, 7, 30])
    path = lasso_path(design, y, lambdas=12)
    (predicted,) = predict_rows(design, [(path, rows)])
    for at in range(12):
        expected = path.intercepts[at] + squares[rows] @ path.dense(at)
        np.testing.assert_allclose(predicted[at], expected, rtol=1e-6, atol=1e-20)


def test_a_constant_response_keeps_nothing():
    x, _ = planted(rows=40, width=20)
    choice = choose_by_cross_validation(DenseColumns(x), np.full(40, 2.5), blocks=3)
    assert len(choice.columns) == 0
    assert choice.intercept == 2.5
    assert "No penalty predicts better" in choice.summary()


def test_a_checkpoint_is_of_one_path_and_not_of_all_folds():
    x, y = planted(rows=40, width=20)
    with pytest.raises(ConfigurationError, match="leave out checkpoint"):
        choose_by_cross_validation(DenseColumns(x), y, checkpoint="path.npz")


def test_progress_is_told_from_0_to_1_and_never_falls():
    x, y = planted(rows=60, width=80)
    told = []
    choose_by_cross_validation(DenseColumns(x), y, blocks=3, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


@pytest.mark.slow
def test_blocks_promise_what_later_steps_hold_and_shuffled_steps_promise_far_more():
    """Columns and errors that last: of a step whose neighbours were seen much is known."""
    found = {"forward": [], "left_out": [], "shuffled": [], "later": []}
    for seed in range(24):
        rng = np.random.default_rng(seed)
        x = autoregressive(rng, 360, 120, 0.95)
        y = x[:, 0] + autoregressive(rng, 360, 1, 0.95)[:, 0]
        past, later = np.arange(240), np.arange(260, 360)
        design = DenseColumns(x[past])
        path = lasso_path(design, y[past], lambdas=7, ratio=0.19)
        parts = np.array_split(rng.permutation(240), 5)
        folds = {"shuffled": [(np.setdiff1d(past, part), np.sort(part)) for part in parts]}
        for scheme in ("forward", "left_out"):
            folds[scheme] = blocked_folds(240, 5, scheme=scheme, gap=20)
        for name, cut in folds.items():
            score = cross_validate(design, y[past], path.lambdas, cut)
            found[name].append(score.r_squared[-1])
        (predicted,) = predict_rows(DenseColumns(x), [(path, later)])
        errors = ((y[later] - predicted[-1]) ** 2).sum()
        found["later"].append(1 - errors / ((y[later] - y[past].mean()) ** 2).sum())
    means = {name: np.mean(values) for name, values in found.items()}
    assert means["shuffled"] > means["later"] + 0.4
    for scheme in ("forward", "left_out"):
        error = np.std(np.subtract(found[scheme], found["later"])) / np.sqrt(24)
        assert abs(means[scheme] - means["later"]) < 3 * error < 0.4
