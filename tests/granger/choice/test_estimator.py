"""Claims about the estimator: scikit-learn's own conventions, and that it is the path's fit."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import Lasso
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from causalhyper.errors import ConfigurationError
from causalhyper.granger.choice import (
    PENALTIES,
    Penalty,
    PenaltySettings,
    choose_by_count,
    choose_by_cross_validation,
)
from causalhyper.granger.estimator import GrangerLasso
from causalhyper.granger.lasso import (
    DenseColumns,
    elastic_net_path,
    group_lasso_path,
    lasso_path,
)
from tests.granger.choice.samples import planted


@parametrize_with_checks(
    [
        GrangerLasso(),
        GrangerLasso(choose="given", alpha=0.1, standardise=False, intercept=False),
        GrangerLasso("elastic_net", choose="given", alpha=0.1),
        GrangerLasso("group_lasso", groups=1, choose="given", alpha=0.1),
    ]
)
def test_scikit_learns_checks_pass(estimator, check, monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # without it a check is skipped
    check(estimator)


def test_a_given_penalty_fits_what_scikit_learns_lasso_fits():
    x, y = planted()
    ours = GrangerLasso(choose="given", alpha=0.2, standardise=False).fit(x, y)
    theirs = Lasso(alpha=0.2, tol=1e-12, max_iter=100_000).fit(x, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), atol=1e-6)
    assert ours.intercept_ == pytest.approx(theirs.intercept_, abs=1e-6)
    assert ours.score(x, y) == pytest.approx(theirs.score(x, y), abs=1e-6)


def test_the_attributes_are_those_of_the_choice():
    x, y = planted()
    model = GrangerLasso(blocks=3, gap=2, rule="best", n_lambdas=30).fit(x, y)
    choice = choose_by_cross_validation(
        DenseColumns(x), y, blocks=3, gap=2, rule="best", lambdas=30
    )
    assert model.lambda_ == choice.lambda_
    np.testing.assert_array_equal(np.flatnonzero(model.coef_), choice.columns)
    assert len(model.path_) == 30
    assert model.n_features_in_ == 300
    sparser = GrangerLasso(choose="sparsity", sparsity=0.9).fit(x, y)
    by_count = choose_by_count(DenseColumns(x), y, kept=30, by="entry")
    np.testing.assert_array_equal(sparser.choice_.columns, by_count.columns)


def test_it_works_in_a_pipeline_and_a_grid_search_over_blocks_of_time():
    x, y = planted()
    pipeline = make_pipeline(StandardScaler(), GrangerLasso(choose="given", alpha=0.1))
    grid = {"grangerlasso__alpha": [3.0, 0.1, 1e-3]}
    search = GridSearchCV(pipeline, grid, cv=TimeSeriesSplit(3)).fit(x, y)
    assert search.best_params_ == {"grangerlasso__alpha": 0.1}
    assert set(range(4)) <= set(np.flatnonzero(search.best_estimator_[-1].coef_))


def test_a_frame_gives_its_names_and_other_names_are_refused():
    x, y = planted(width=6)
    frame = pd.DataFrame(x, columns=[f"w{i}" for i in range(6)])
    model = GrangerLasso(choose="ebic").fit(frame, pd.Series(y))
    assert model.feature_names_in_.tolist() == list(frame.columns)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"w0": "v0"}))


def test_sparse_matrices_are_refused_in_words():
    x, y = planted(width=6)
    with pytest.raises(TypeError, match="dense data is required"):
        GrangerLasso().fit(sparse.csr_array(x), y)


def test_a_fitted_model_survives_a_pickle():
    x, y = planted(width=20)
    model = GrangerLasso(choose="ebic").fit(x, y)
    again = pickle.loads(pickle.dumps(model))
    assert again.predict(x).tobytes() == model.predict(x).tobytes()


def test_a_path_of_float32_is_fitted_in_float32():
    x, y = planted(width=40)
    model = GrangerLasso(choose="given", alpha=0.3).fit(x.astype(np.float32), y)
    path = lasso_path(DenseColumns(x.astype(np.float32)), y, lambdas=[0.3])
    assert model.coef_.tobytes() == path.dense(0).tobytes()


def test_another_penalty_is_told_its_settings_and_fitted_by_its_own_path(monkeypatch):
    told = []

    def make(settings):
        told.append(settings)
        return Penalty("other", partial(lasso_path, max_passes=9), bounded=True)

    monkeypatch.setitem(PENALTIES, "other", make)
    x, y = planted(width=10)
    model = GrangerLasso("other", choose="ebic", l1_ratio=0.3, groups=2).fit(x, y)
    assert told == [PenaltySettings(l1_ratio=0.3, groups=2)]
    assert "exact other" in model.choice_.regime


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"choose": "aic"}, "choose must be one of given, sparsity, cv, ebic; got 'aic'"),
        ({"choose": "given"}, "set alpha, above zero"),
        ({"choose": "given", "alpha": -1.0}, "expected one penalty above zero"),
        ({"choose": "sparsity"}, "give either kept or sparsity"),
        ({"penalty": "ridge"}, "no penalty 'ridge': expected one of lasso"),
    ],
)
def test_settings_that_mean_nothing_are_refused_when_it_is_fitted(settings, words):
    with pytest.raises(ConfigurationError, match=words):
        GrangerLasso(**settings).fit(*planted(width=10))


def test_an_elastic_net_and_a_group_lasso_are_those_of_their_paths():
    x, y = planted()
    net = GrangerLasso("elastic_net", l1_ratio=0.3, choose="given", alpha=0.2).fit(x, y)
    path = elastic_net_path(DenseColumns(x), y, l1_ratio=0.3, lambdas=[0.2])
    np.testing.assert_array_equal(net.coef_, path.dense(0))
    grouped = GrangerLasso("group_lasso", groups=3, choose="given", alpha=0.2).fit(x, y)
    path = group_lasso_path(DenseColumns(x), y, groups=3, lambdas=[0.2])
    np.testing.assert_array_equal(grouped.coef_, path.dense(0))
    assert "group lasso" in grouped.choice_.summary()
    with pytest.raises(ConfigurationError, match="a group lasso needs groups"):
        GrangerLasso("group_lasso").fit(x, y)


def test_the_path_is_that_of_the_verb_and_fits_nothing():
    x, y = planted()
    model = GrangerLasso("elastic_net", l1_ratio=0.3, n_lambdas=7, ratio=0.1)
    path = model.path(x, y)
    expected = elastic_net_path(DenseColumns(x), y, l1_ratio=0.3, lambdas=7, ratio=0.1)
    np.testing.assert_array_equal(path.lambdas, expected.lambdas)
    np.testing.assert_array_equal(path.dense(6), expected.dense(6))
    assert not hasattr(model, "coef_")
