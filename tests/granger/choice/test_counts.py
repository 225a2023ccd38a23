"""Claims about the penalty that keeps as many columns as are asked for."""

import numpy as np
import pytest
from sklearn.linear_model import lars_path

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.choice import Penalty, choose_by_count, first_entries
from causalhyper.granger.lasso import DenseColumns, lasso_path
from tests.granger.choice.samples import autoregressive, planted


def sequence_of_lars(x, y):
    """Penalties at the kinks of the path, and the fits there, by another program."""
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    kinks, _, fits = lars_path(scaled, y - y.mean(), method="lasso")
    return kinks, fits


@pytest.mark.parametrize("kept", [1, 2, 7, 20, 41, 55])
def test_the_number_asked_for_is_met_exactly(kept):
    x, y = planted(rows=60, width=400)
    choice = choose_by_count(DenseColumns(x), y, kept=kept, lambdas=30)
    assert len(choice.columns) == kept
    assert choice.table["kept"].iloc[choice.at] == kept
    assert (choice.table["kept"].iloc[: choice.at] < kept).all()


@pytest.mark.parametrize("kept", [3, 12, 30])
def test_the_penalty_lies_where_lars_first_keeps_so_many(kept):
    x, y = planted(rows=60, width=100)
    kinks, fits = sequence_of_lars(x, y)
    choice = choose_by_count(DenseColumns(x), y, kept=kept)
    middles = [(fits[:, i] + fits[:, i + 1]) / 2 for i in range(len(kinks) - 1)]
    first = next(i for i, fit in enumerate(middles) if (fit != 0).sum() == kept)
    assert kinks[first + 1] <= choice.lambda_ <= kinks[first]
    np.testing.assert_array_equal(choice.columns, np.flatnonzero(middles[first]))


def test_entry_order_is_the_order_of_lars_and_can_keep_more_columns_than_there_are_steps():
    rng = np.random.default_rng(0)
    x = autoregressive(rng, 20, 80, 0.95)
    y = x[:, :6] @ rng.normal(size=6) + rng.normal(size=20)
    _, fits = sequence_of_lars(x, y)
    order = list(dict.fromkeys(int(j) for fit in fits.T for j in np.flatnonzero(fit)))
    for kept in (5, 15, 23):
        choice = choose_by_count(DenseColumns(x), y, kept=kept, by="entry")
        assert choice.columns.tolist() == sorted(order[:kept])
        assert choice.how == "entry order"
    assert len(choice.path.columns[choice.at]) < 20 < len(choice.columns)
    assert (choice.coefficients == 0).any()


def test_a_sparsity_is_the_share_left_out():
    x, y = planted(rows=60, width=400)
    assert len(choose_by_count(DenseColumns(x), y, sparsity=0.97).columns) == 12


def test_a_number_that_is_reached_and_lost_again_is_taken_where_it_is_first_reached():
    rng = np.random.default_rng(0)
    x = autoregressive(rng, 20, 80, 0.95)
    y = x[:, :6] @ rng.normal(size=6) + rng.normal(size=20)
    path = lasso_path(DenseColumns(x), y)
    counts = np.array([len(columns) for columns in path.columns])
    fall = int(np.flatnonzero(np.diff(counts) < 0)[0])
    kept = int(counts[fall])
    assert (counts[fall + 1 :] >= kept).any()
    choice = choose_by_count(DenseColumns(x), y, kept=kept)
    first = int(np.argmax(counts >= kept))
    assert path.lambdas[first] <= choice.lambda_ < path.lambdas[first - 1]
    assert len(choice.columns) == kept


def test_columns_that_enter_together_are_kept_together_and_parted_by_entry_order():
    q = np.linalg.qr(np.random.default_rng(0).normal(size=(40, 6)))[0]
    q = np.linalg.qr(q - q.mean(axis=0))[0]
    y = q @ [3.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    design = DenseColumns(q)
    with_ties = choose_by_count(design, y, kept=2)
    assert with_ties.columns.tolist() == [0, 1, 2, 3]
    assert "enter together there, so it keeps 4" in with_ties.reason
    assert choose_by_count(design, y, kept=2, by="entry").columns.tolist() == [0, 1]


@pytest.mark.parametrize(("intercept", "most"), [(True, 19), (False, 20)])
def test_more_columns_than_steps_are_refused_with_what_can_keep_them(intercept, most):
    x, y = planted(rows=20, width=300)
    with pytest.raises(ConfigurationError, match=f"keeps at most {most} here") as caught:
        choose_by_count(DenseColumns(x), y, kept=most + 1, intercept=intercept)
    for way in ("entry order", "elastic net", "selection frequency", "repeated trajectories"):
        assert way in str(caught.value)


def test_a_penalty_without_that_bound_is_asked_for_more_columns_than_steps():
    def elastic_net_like(columns, y, **options):
        """An elastic net is a lasso with a row more for every column (Zou and Hastie 2005)."""
        both = np.vstack([columns.matrix, 0.5 * np.eye(columns.shape[1])])
        return lasso_path(DenseColumns(both), np.append(y, np.zeros(columns.shape[1])), **options)

    x, y = planted(rows=20, width=60)
    choice = choose_by_count(
        DenseColumns(x),
        y,
        kept=30,
        penalty=Penalty("elastic net", elastic_net_like, bounded=False),
    )
    assert len(choice.columns) == 30
    assert "can keep more columns than there are steps" in choice.regime


def test_a_fit_near_its_bound_says_so():
    x, y = planted(rows=20, width=300)
    assert "near that bound" in choose_by_count(DenseColumns(x), y, kept=15).regime
    assert "near that bound" not in choose_by_count(DenseColumns(x), y, kept=3).regime


def test_a_number_that_no_penalty_reaches_is_refused():
    x, _ = planted(rows=20, width=5)
    with pytest.raises(ConfigurationError, match=r"the path down to .* reaches 1; ask for fewer"):
        choose_by_count(DenseColumns(x), x[:, 0], kept=4)
    with pytest.raises(DataError, match="is y constant"):
        choose_by_count(DenseColumns(x), np.ones(20), kept=4)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "give either kept or sparsity"),
        ({"kept": 3, "sparsity": 0.5}, "give either kept or sparsity"),
        ({"kept": 0}, "from 1 to 10 columns; got 0"),
        ({"kept": 11}, "from 1 to 10 columns; got 11"),
        ({"sparsity": 1.0}, r"in \(0, 1\); got 1.0"),
        ({"sparsity": 0.99}, "got 0, which a sparsity of 0.99 asks for"),
        ({"kept": 2, "by": "size"}, "by must be 'fit' or 'entry'"),
        ({"kept": 2, "lambdas": [1.0]}, "the search lays its own grid"),
        ({"kept": 2.5}, "kept must be a whole number; got 2.5"),
        ({"kept": 2, "penalty": "lasso"}, r"such as penalty_named\('lasso'\); got 'lasso'"),
        ({"kept": 2, "checkpoint": "path.npz"}, "several paths, and a checkpoint is of one"),
    ],
)
def test_a_question_that_means_nothing_is_refused(asked, words):
    x, y = planted(rows=20, width=10)
    with pytest.raises(ConfigurationError, match=words):
        choose_by_count(DenseColumns(x), y, **asked)


def test_first_entries_are_not_more_than_have_come_in():
    x, y = planted(rows=20, width=10)
    path = lasso_path(DenseColumns(x), y, lambdas=5, ratio=0.5)
    came = len(path.entries())
    assert len(first_entries(path, came)) == came
    with pytest.raises(ConfigurationError, match=f"{came} columns came in on this path"):
        first_entries(path, came + 1)


def test_the_first_grid_may_have_a_number_of_numpy():
    x, y = planted(rows=40, width=60)
    found, same = (
        choose_by_count(DenseColumns(x), y, kept=4, lambdas=n) for n in (np.int64(9), 9)
    )
    assert found.lambda_ == same.lambda_


def test_progress_of_a_search_never_falls_and_ends_at_one():
    x, y = planted(rows=60, width=3000)
    told = []
    choice = choose_by_count(DenseColumns(x), y, kept=50, lambdas=4, progress=told.append)
    assert len(choice.columns) == 50
    assert len(told) > 3
    assert told == sorted(told)
    assert told[-1] == 1
    assert told[0] < 1
