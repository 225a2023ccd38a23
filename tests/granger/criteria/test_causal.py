"""Claims about causal criteria: planted linear models, other programs, and the definitions."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, Ridge, lars_path

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.criteria import (
    Causal,
    CausalElasticNet,
    CausalLasso,
    CausalRidge,
    Evidence,
    named,
)
from causalhyper.granger.design import ArrayTrajectory, granger_design
from causalhyper.granger.lasso import lasso_path
from causalhyper.granger.lasso.columns import DenseColumns
from causalhyper.granger.masks import Masks, allocate
from causalhyper.granger.ridge import dual_ridge
from tests.granger.criteria.planted import (
    SHAPES,
    evidence_of,
    features,
    flat,
    linear_training,
    response,
    split,
    summed,
    trajectory_of,
)

DEAD = (3, 11, 19, 20, 26)
"""Of 27 parameters in row-major order, over both layers."""


def design_of(training, momentum=False):
    """Columns of all parameters, those of one side by side, and the loss change."""
    x = np.concatenate([features(c, momentum) for c in training.changes.values()], axis=2)
    return x.transpose(1, 2, 0).reshape(x.shape[1], -1), response(training)[int(momentum) :]


def standardised(x):
    away = x - x.mean(axis=0)
    spread = away.std(axis=0)
    return away / np.where(spread > 0, spread, 1)


# gradient descent on a linear model: the coefficients are known


def test_coefficients_under_gradient_descent_are_minus_one_over_the_rate():
    """Equation 5 of the paper: gamma = -1/eta to first order, -1/eta + h/2 exactly."""
    training = linear_training(rate=1e-3, dead=DEAD)
    x, y = design_of(training)
    alive = np.delete(np.arange(x.shape[1]), DEAD)
    gamma = flat(training.gamma)[alive]
    unit = x[:, alive].std()
    ols = np.linalg.lstsq(x[:, alive] / unit, y, rcond=None)[0] / unit
    np.testing.assert_allclose(ols, gamma, rtol=1e-6)
    np.testing.assert_allclose(ols, -1000.0, rtol=1.1e-3)
    design = granger_design(trajectory_of(training), scope="network")
    path = lasso_path(design.columns, design.y, lambdas=40, ratio=1e-5, tolerance=1e-10)
    np.testing.assert_allclose(path.dense(39)[alive], -1000.0, rtol=2e-3)
    assert not path.dense(39)[list(DEAD)].any()
    ridge = dual_ridge(design.columns, design.y, lambdas=[1e-6]).coefficients(design.columns)
    np.testing.assert_allclose(ridge[alive], -1000.0, rtol=2e-3)
    assert not ridge[list(DEAD)].any()


def test_the_error_of_the_first_order_form_is_half_the_curvature_whatever_the_rate():
    for rate in (0.2, 1e-2, 1e-4):
        training = linear_training(rate=rate, steps=100)
        x, y = design_of(training)
        unit = x.std()
        ols = np.linalg.lstsq(x / unit, y, rcond=None)[0] / unit
        half = flat(training.curvature) / 2
        np.testing.assert_allclose(ols + 1 / rate, half, atol=1e-7 / rate)


LOOKING = (
    "causal", "causal-lasso", "causal-elastic-net", "causal-ridge", "causal-published", "movement",
    "fisher", "taylor", "obd", "woodfisher",
)  # fmt: skip


@pytest.mark.parametrize("name", LOOKING)
def test_dead_parameters_are_ranked_last_by_what_looks_at_training(name):
    training = linear_training(dead=DEAD)
    options = {"l1": 1e-30} if name == "causal-published" else {}
    scores = flat(named(name, **options).scores(evidence_of(training)))
    assert not scores[list(DEAD)].any()
    assert (np.delete(scores, DEAD) > 0).all()


@pytest.mark.parametrize("name", ["magnitude", "lamp", "random"])
def test_what_looks_at_weights_alone_does_not_see_that_a_parameter_is_dead(name):
    training = linear_training(dead=DEAD)
    scores = flat(named(name).scores(evidence_of(training)))
    assert (scores > 0).all()


# the marginal criterion


@pytest.mark.parametrize("momentum", [False, True])
@pytest.mark.parametrize("source", ["sums", "trajectory"])
def test_the_correlation_is_the_same_from_sums_and_from_a_trajectory(momentum, source):
    training = linear_training(dead=DEAD, steps=60)
    none = {"sums": {"trajectory": None, "sums": summed(training, momentum=momentum)}}
    given = evidence_of(training, **none.get(source, {"sums": None}))
    found = flat(Causal(statistic="correlation", momentum=momentum).scores(given))
    x, y = design_of(training, momentum)
    x = x.reshape(len(x), 27, -1)
    for k in range(27):
        if k in DEAD:
            assert found[k] == 0
            continue
        columns = np.column_stack([np.ones(len(y)), x[:, k] / x[:, k].std()])
        left = y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]
        multiple = np.sqrt(1 - (left @ left) / (len(y) * y.var()))
        assert found[k] == pytest.approx(multiple, rel=1e-6)


def test_every_statistic_is_ranked_by_its_size():
    training = linear_training(steps=60)
    x, y = design_of(training)
    covariance = ((x - x.mean(axis=0)) * (y - y.mean())[:, None]).mean(axis=0)
    expected = {
        "covariance": np.abs(covariance),
        "slope": np.abs(covariance) / x.var(axis=0),
        "marginal": np.abs((x * y[:, None]).mean(axis=0)),
    }
    for statistic, values in expected.items():
        found = flat(Causal(statistic=statistic).scores(evidence_of(training)))
        np.testing.assert_allclose(found, values, rtol=1e-8)


@pytest.mark.parametrize(("momentum", "statistic"), [(False, "covariance"), (True, "marginal")])
def test_unless_asked_otherwise_covariances_are_ranked_and_products_with_momentum(
    momentum, statistic
):
    training = linear_training(steps=60)
    given = evidence_of(training, sums=None)
    found = flat(Causal(momentum=momentum).scores(given))
    np.testing.assert_array_equal(
        found, flat(Causal(statistic=statistic, momentum=momentum).scores(given))
    )


def test_a_parameter_that_hardly_moves_comes_last_however_correlated_it_is():
    training = linear_training(steps=60)
    y = response(training)
    still = training.changes["head"].copy()
    # the course of the loss itself, a millionth as far as the others
    still[:, 0] = 1e-6 * np.sqrt(np.abs(y) / np.abs(y).max()) * np.abs(still).max()
    given = evidence_of(replace(training, changes=training.changes | {"head": still}), sums=None)
    last = Causal().scores(given)["head"]
    first = Causal(statistic="correlation").scores(given)["head"]
    assert (last.argmin(), first.argmax()) == (0, 0)


def test_the_loss_of_the_next_minibatch_is_taken_where_it_is_asked_for():
    training = linear_training(steps=60)
    y = response(training, "next")
    criterion = Causal(statistic="correlation", response="next")
    assert criterion.needs.response == "next"
    for given in ({"sums": None}, {"sums": summed(training, kind="next")}):
        found = criterion.scores(evidence_of(training, **given))["head"]
        x = training.changes["head"][:-1] ** 2
        expected = [abs(np.corrcoef(k, y)[0, 1]) for k in x.T]
        np.testing.assert_allclose(found, expected, rtol=1e-7)
    with pytest.raises(ConfigurationError, match="loss of the next minibatch; these have 'same'"):
        criterion.scores(evidence_of(training))
    with pytest.raises(ConfigurationError, match="'same' or the 'next' minibatch; got 'full'"):
        Causal(response="full")


def test_units_have_the_covariance_of_their_sum_and_from_a_trajectory_its_correlation_too():
    training = linear_training(steps=60)
    y = response(training)
    whole = evidence_of(training, share="output")
    by_sums = Causal().scores(whole)
    rows = evidence_of(training, share="output", sums=None)
    by_rows = Causal(statistic="correlation").scores(rows)
    by_default = Causal().scores(rows)
    for name, c in training.changes.items():
        sums = (c.reshape(60, c.shape[1], -1) ** 2).sum(axis=2)
        for unit, x in enumerate(sums.T):
            assert by_rows[name][unit] == pytest.approx(abs(np.corrcoef(x, y)[0, 1]), rel=1e-8)
            covariance = abs(np.cov(x, y, bias=True)[0, 1])
            assert by_sums[name][unit] == pytest.approx(covariance, rel=1e-6)
            assert by_default[name][unit] == pytest.approx(covariance, rel=1e-6)
    with pytest.raises(ConfigurationError, match="'correlation' of layer 'fc' is not known"):
        Causal(statistic="correlation").scores(whole)


def test_what_is_pruned_has_no_score_and_sums_and_momentum_must_agree():
    training = linear_training(steps=40)
    masks = Masks({n: np.random.default_rng(0).random(s) < 0.5 for n, s in SHAPES.items()})
    for name in ("causal", "causal-ridge", "causal-lasso", "movement"):
        found = named(name).scores(evidence_of(training, masks=masks))
        assert all(((found[n] > 0) == masks.kept[n]).all() for n in SHAPES)
    with pytest.raises(ConfigurationError, match="momentum=False, the criterion 'causal' has"):
        Causal(momentum=True).scores(evidence_of(training))
    with pytest.raises(ConfigurationError, match="three features have no slope"):
        Causal(statistic="slope", momentum=True)
    with pytest.raises(ConfigurationError, match="one of correlation"):
        Causal(statistic="p")


def test_a_loss_that_does_not_change_ranks_nothing():
    training = linear_training(steps=30)
    training.frame["loss_after"] = training.frame["loss"]
    with pytest.raises(DataError, match="prune by movement"):
        Causal().scores(evidence_of(training))


# lasso, elastic net and ridge against scikit-learn


def test_a_lasso_score_lies_in_the_cell_of_the_penalty_at_which_lars_lets_the_parameter_in():
    training = linear_training(dead=DEAD, steps=50)
    x, y = design_of(training)
    found = flat(CausalLasso(scope="network").scores(evidence_of(training)))
    alphas, _, coefficients = lars_path(standardised(x), y - y.mean(), method="lasso")
    entry = np.zeros(27)
    for k in range(27):
        (inside,) = np.nonzero(coefficients[k])
        if len(inside):
            entry[k] = alphas[inside[0] - 1]
    grid = alphas[0] * np.geomspace(1, 1e-2, 100)
    early = entry > grid[-1]
    assert early.sum() > 15
    # an entry in (grid[i], grid[i - 1]] has a score in [grid[i], grid[i - 1])
    cell = np.searchsorted(-grid, -entry[early] * (1 - 1e-12), side="right")
    assert (found[early] >= grid[cell] * (1 - 1e-9)).all()
    assert (found[early] <= grid[cell - 1] * (1 + 1e-9)).all()
    assert (found[~early] < grid[-1]).all()


@pytest.mark.parametrize("l1_ratio", [1.0, 0.3])
def test_parameters_that_never_enter_are_ranked_by_their_covariance_with_what_is_left(l1_ratio):
    training = linear_training(steps=20, dead=DEAD)
    criterion = (
        CausalLasso(scope="network", ratio=0.2)
        if l1_ratio == 1
        else CausalElasticNet(l1_ratio=l1_ratio, scope="network", ratio=0.2)
    )
    found = flat(criterion.scores(evidence_of(training)))
    x, y = design_of(training)
    z, scale = standardised(x), y.std()
    most = np.abs(z.T @ (y - y.mean())).max() / len(y) / l1_ratio
    last = 0.2 * most
    model = ElasticNet(alpha=last / scale, l1_ratio=l1_ratio, tol=1e-14, max_iter=10**6)
    model.fit(z, (y - y.mean()) / scale)
    left = (y - y.mean()) - scale * (z @ model.coef_)
    out = np.flatnonzero(found < last * (1 - 1e-7))
    assert 0 < len(out) < 27
    assert not model.coef_[out].any()
    expected = np.abs(z[:, out].T @ left) / len(y) / l1_ratio
    np.testing.assert_allclose(found[out], expected, rtol=1e-2, atol=1e-3 * last)


def test_parameters_that_enter_between_two_penalties_stand_between_them_by_their_coefficients():
    training = linear_training(steps=50)
    found = flat(CausalLasso(scope="network", penalties=4).scores(evidence_of(training)))
    x, y = design_of(training)
    z, away = standardised(x), y - y.mean()
    grid = np.abs(z.T @ away).max() / len(y) * np.geomspace(1, 1e-2, 4)
    before = np.zeros(27, dtype=bool)
    for high, low in pairwise(grid):
        alpha = low / y.std()
        fit = ElasticNet(alpha=alpha, l1_ratio=1.0, tol=1e-14, max_iter=10**6).fit(
            z, away / y.std()
        )
        new = np.flatnonzero((np.abs(fit.coef_) > 1e-9) & ~before)
        assert len(new) > 3
        assert (found[new] >= low * (1 - 1e-9)).all()
        assert (found[new] < high).all()
        assert (np.argsort(found[new]) == np.argsort(np.abs(fit.coef_[new]))).all()
        before[new] = True


def test_a_lasso_ranks_all_parameters_and_those_that_enter_come_first():
    training = linear_training(steps=12)
    found = flat(CausalLasso(scope="network").scores(evidence_of(training)))
    x, y = design_of(training)
    path = lasso_path(DenseColumns(x), y)
    entered = np.unique(np.concatenate(path.columns))
    assert 1 < len(entered) < 27
    assert (found > 0).all()
    assert len(np.unique(found)) == 27
    assert found[entered].min() > np.delete(found, entered).max()


def test_a_penalty_decides_how_many_are_kept():
    training = linear_training(dead=DEAD, steps=50)
    given = evidence_of(training)
    x, y = design_of(training)
    z = standardised(x)
    penalty = 0.2 * np.abs(z.T @ (y - y.mean())).max() / len(y)
    lasso = flat(CausalLasso(penalty=penalty, scope="network").scores(given))
    model = ElasticNet(alpha=penalty / y.std(), l1_ratio=1.0, tol=1e-14, max_iter=10**6)
    model.fit(z, (y - y.mean()) / y.std())
    np.testing.assert_allclose(lasso, np.abs(model.coef_) * y.std(), atol=1e-4 * lasso.max())
    kept = allocate(split(lasso, SHAPES), threshold=0.0, minimum=0).masks
    assert 0 < sum(kept.layer_counts().values()) == (model.coef_ != 0).sum() < 22


def test_layers_are_fitted_apart_unless_the_scope_is_the_network():
    training = linear_training(steps=40)
    given = evidence_of(training)
    for kind in (CausalLasso, CausalElasticNet, CausalRidge):
        apart, together = kind().scores(given), kind(scope="network").scores(given)
        own = trajectory_of(training)
        for name in SHAPES:
            alone = granger_design(own, layers=[name])[name]
            assert alone.shape[1] == apart[name].size
            assert not np.allclose(apart[name], together[name], rtol=1e-3)
    with pytest.raises(ConfigurationError, match="'layer' or 'network'; got 'block'"):
        CausalRidge(scope="block")


@pytest.mark.parametrize("penalty", [1e-2, 1.0])
def test_a_ridge_score_is_that_of_scikit_learn_on_standardised_columns(penalty):
    training = linear_training(dead=DEAD, steps=40)
    found = flat(CausalRidge(penalty=penalty, scope="network").scores(evidence_of(training)))
    x, y = design_of(training)
    model = Ridge(alpha=penalty * len(y)).fit(standardised(x), y)
    np.testing.assert_allclose(found, np.abs(model.coef_), rtol=1e-7, atol=1e-12 * found.max())


def test_a_layer_that_never_moves_has_zero_scores():
    training = linear_training(steps=40, dead=range(20, 27))
    for name in ("causal", "causal-lasso", "causal-elastic-net", "causal-ridge"):
        found = named(name).scores(evidence_of(training))
        assert not found["head"].any()
        assert (found["fc"] > 0).all()


@pytest.mark.parametrize("kind", [Causal, CausalLasso, CausalElasticNet, CausalRidge])
def test_a_unit_is_scored_as_one_parameter_that_moves_by_the_sum_of_its_squares(kind):
    training = linear_training(steps=40)
    found = kind().scores(evidence_of(training, sums=None, share="output"))
    total = np.sqrt((training.changes["fc"] ** 2).sum(axis=2))
    weights = {"fc": np.zeros(4)}
    one = Evidence(
        weights=weights,
        collected=weights,
        masks=Masks.all_kept({"fc": (4,)}),
        rng=np.random.default_rng(0),
        trajectory=ArrayTrajectory({"fc": total}, training.frame),
    )
    np.testing.assert_allclose(found["fc"], kind().scores(one)["fc"], rtol=1e-6)


def test_with_momentum_the_largest_of_three_coefficients_counts():
    training = linear_training(steps=60)
    x, y = design_of(training, momentum=True)
    ridge = CausalRidge(penalty=0.1, momentum=True, scope="network")
    model = Ridge(alpha=0.1 * len(y)).fit(standardised(x), y)
    expected = np.abs(model.coef_).reshape(27, 3).max(axis=1)
    np.testing.assert_allclose(flat(ridge.scores(evidence_of(training))), expected, rtol=1e-6)
    lasso = CausalLasso(momentum=True, scope="network")
    assert lasso.needs.momentum
    first = np.abs(standardised(x).T @ (y - y.mean())).argmax() // 3
    assert flat(lasso.scores(evidence_of(training))).argmax() == first


def test_criteria_say_what_they_lack():
    training = linear_training(steps=20)
    bare = evidence_of(training, sums=None, trajectory=None, gradients=None)
    for name, what in [
        ("causal", "sums"), ("causal-lasso", "trajectory"), ("movement", "sums"),
        ("taylor", "gradients"), ("causal-shifted", "sums"),
    ]:  # fmt: skip
        with pytest.raises(ConfigurationError, match=what):
            named(name).scores(bare)
