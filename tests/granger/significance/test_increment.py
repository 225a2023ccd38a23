"""The increment over movement: planted cases, refits by scikit-learn, and its size."""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression, Ridge

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.choice.folds import blocked_folds
from causalhyper.granger.lasso.columns import DenseColumns, SquaredChanges
from causalhyper.granger.significance.layers.forward import (
    GRID,
    clark_west,
    diebold_mariano,
    forward_predictions,
    mean_test,
)
from causalhyper.granger.significance.layers.increment import movement_increment
from causalhyper.granger.significance.layers.score_test import score_test


def squares(rows: int = 120, count: int = 40) -> np.ndarray:
    rng = np.random.default_rng(8)
    return rng.normal(size=(rows, count)) ** 2


def test_a_loss_that_follows_movement_tells_no_more() -> None:
    rng = np.random.default_rng(9)
    x = squares()
    y = -x.sum(axis=1) / 0.05 + rng.normal(size=120)
    columns = {"a": SquaredChanges(np.sqrt(x[:, :15])), "b": SquaredChanges(np.sqrt(x[:, 15:]))}
    found = movement_increment(columns, y, draws=99)
    assert "a: no sign that it tells more than movement" in found.summary()
    np.testing.assert_allclose(found.coefficients, -20, rtol=0.05)
    assert found.r2_shared_in > 0.999
    assert found.to_frame()["kept"].tolist() == [0, 0]


def test_coefficients_of_their_own_are_found_in_the_layer_that_has_them() -> None:
    x = squares()
    y = -x.sum(axis=1) - 2 * x[:, :8].sum(axis=1) + 0.3 * np.random.default_rng(1).normal(size=120)
    columns = {"a": DenseColumns(x[:, :20]), "b": DenseColumns(x[:, 20:])}
    found = movement_increment(columns, y, draws=99)
    assert found["a"].q <= 0.05 < found["b"].q
    assert found["a"].lower > 0
    assert found["a"].r2_out == pytest.approx(found.r2_shared_out + found["a"].increment)
    assert "a: the loss tells more than movement" in found.summary()
    again = movement_increment(columns, y, draws=99)
    assert found.to_frame().equals(again.to_frame())


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("shared", ["layer", "network"])
def test_a_layer_that_never_moved_has_no_numbers_and_leaves_the_others_theirs(shared) -> None:
    x = squares()
    y = -x.sum(axis=1) - 2 * x[:, :8].sum(axis=1) + 0.3 * np.random.default_rng(1).normal(size=120)
    moved = {"a": DenseColumns(x[:, :20]), "b": DenseColumns(x[:, 20:])}
    columns = {**moved, "still": DenseColumns(np.zeros((120, 6)))}
    found = movement_increment(columns, y, draws=49, shared=shared)
    without = movement_increment(moved, y, draws=49, shared=shared)
    frame = found.to_frame().set_index("layer")
    assert frame.loc["still", "kept"] == 0
    assert frame.loc["still", ["r2_out", "increment", "statistic", "p", "q"]].isna().all()
    assert frame.loc[["a", "b"]].equals(without.to_frame().set_index("layer"))
    assert "still: it never moved: nothing to test" in found.summary()
    assert found.hypothesis_tests()[2].inapplicable
    assert len(found.plot().get_yticks()) == 2
    if shared == "layer":
        np.testing.assert_array_equal(found.coefficients, [*without.coefficients, np.nan])
    with pytest.raises(DataError, match="no layer moved in 120 steps"):
        movement_increment({"still": columns["still"]}, y, draws=49)


def test_predictions_are_those_of_refits_by_scikit_learn() -> None:
    x = squares(45, 20)
    total = x.sum(axis=1)
    y = -total + 3 * x[:, 0] + np.random.default_rng(1).normal(size=45)
    folds = blocked_folds(45, 2)
    centred = x - x.mean(axis=0)
    base = np.column_stack([np.ones(45), total])
    found = forward_predictions(centred @ centred.T, y[:, None], base, folds, 2)[..., 0]
    at = 0
    for learn, ahead in folds:
        grid = GRID * np.trace((centred @ centred.T)[np.ix_(learn, learn)]) / len(learn)
        within = [(learn[a], learn[b]) for a, b in blocked_folds(len(learn), 2, scheme="left_out")]
        errors = [
            np.concatenate([(y[b] - refit(x, total, y, a, b, g)) ** 2 for a, b in within]).mean()
            for g in grid
        ]
        expected = refit(x, total, y, learn, ahead, grid[int(np.argmin(errors))])
        np.testing.assert_allclose(found[1, at : at + len(ahead)], expected, rtol=1e-5)
        alone = refit(x, total, y, learn, ahead, np.inf)
        np.testing.assert_allclose(found[0, at : at + len(ahead)], alone, rtol=1e-9)
        at += len(ahead)


def refit(x, total, y, learn, ahead, penalty) -> np.ndarray:
    """Ridge with intercept and total not penalised, by regressing them out."""
    z = total[:, None]
    base = LinearRegression().fit(z[learn], np.column_stack([x, y])[learn])
    left = np.column_stack([x, y]) - base.predict(z)
    if np.isinf(penalty):
        return base.predict(z)[ahead, -1]
    ridge = Ridge(alpha=len(learn) * penalty, fit_intercept=False)
    ridge.fit(left[learn, :-1], left[learn, -1])
    return base.predict(z)[ahead, -1] + ridge.predict(left[ahead, :-1])


def test_clark_west_adds_the_squared_difference_of_predictions_to_diebold_mariano() -> None:
    rng = np.random.default_rng(3)
    y, small, large = rng.normal(size=(3, 80))
    difference = float(np.mean((small - large) ** 2))
    cw, dm = clark_west(y, small, large), diebold_mariano(y, small, large)
    assert cw.mean == pytest.approx(dm.mean + difference)
    assert dm.mean == pytest.approx(np.mean((y - small) ** 2) - np.mean((y - large) ** 2))
    lower, upper = dm.interval(0.9)
    assert (upper - lower) / 2 == pytest.approx(stats.t.ppf(0.95, dm.degrees) * dm.se)
    assert clark_west(y, small, small).p_value == 1


def test_the_mean_of_independent_numbers_is_tested_at_its_size() -> None:
    rng = np.random.default_rng(4)
    rejections = sum(mean_test(x).p_value <= 0.05 for x in rng.normal(size=(1000, 100)))
    low, high = stats.binom.ppf([0.001, 0.999], 1000, 0.05)
    assert low <= rejections <= high


def test_the_rotation_null_is_that_of_turning_and_refitting_one_by_one() -> None:
    x = squares(40, 10)
    rng = np.random.default_rng(5)
    y = rng.normal(size=40) + x[:, 0]
    base = np.column_stack([np.ones(40), x.sum(axis=1)])
    gram = x @ x.T
    hat = base @ np.linalg.pinv(base)
    left = y - hat @ y
    values = []
    for shift in range(40):
        turned = np.roll(left, shift)
        r = turned - hat @ turned
        values.append(r @ gram @ r / (r @ r))
    found = score_test(gram, y, base, null="rotation", draws=1, block=1, rng=rng)
    assert found.p_value == pytest.approx(np.mean(np.array(values) >= values[0] * (1 - 1e-12)))
    assert found.statistic == pytest.approx(values[0] / np.mean(values[1:]))


def test_too_many_layers_for_the_steps_and_wrong_numbers_are_refused() -> None:
    x = squares(60, 12)
    columns = {str(i): DenseColumns(x[:, [i]]) for i in range(12)}
    y = np.random.default_rng(0).normal(size=60)
    with pytest.raises(DataError, match="one coefficient for the network"):
        movement_increment(columns, y)
    for wrong in ({"shared": "none"}, {"draws": 0}, {"block": 60}, {"level": 1.0}):
        with pytest.raises(ConfigurationError):
            movement_increment(DenseColumns(x), y, **wrong)


def trainings(effect: float, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Squares that fall together, a Taylor identity, and autocorrelated errors that fall too."""
    rng = np.random.default_rng(3)
    rows, width = 200, 300
    fall = np.exp(-2.5 * np.arange(rows) / rows)[:, None]
    for _ in range(count):
        x = rng.normal(size=(rows + 100, width + 2))
        for t in range(1, len(x)):
            x[t] = 0.84 * x[t - 1] + np.sqrt(1 - 0.84**2) * x[t]
        x = x[100:]
        sizes = fall * np.exp(rng.normal(size=width)) * np.exp(0.3 * x[:, -2:-1])
        features = sizes * x[:, :width] ** 2 / width
        deviations = np.zeros(width)
        deviations[rng.choice(width, 30, replace=False)] = rng.choice([-1.0, 1.0], 30)
        total = features.sum(axis=1)
        error = 0.05 * total.std() * fall[:, 0] * x[:, -1]
        yield features, error - total + effect * features @ deviations


@pytest.mark.slow
def test_the_increment_is_near_its_size_and_has_power() -> None:
    def rejections(effect: float, count: int) -> int:
        found = (
            movement_increment(DenseColumns(x), y, draws=99) for x, y in trainings(effect, count)
        )
        return sum(increment["design"].q <= 0.05 for increment in found)

    assert rejections(0.0, 60) <= stats.binom.ppf(0.999, 60, 0.06)
    assert rejections(1.0, 20) >= 8
