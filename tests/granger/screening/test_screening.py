"""Claims about screening, against numpy on the stored changes, the lasso and statsmodels."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames import LayerSums, StepSums
from causalhyper.granger.lasso import DenseColumns, SquaredChanges, lasso_path
from causalhyper.granger.screening import Screening, screen_columns, screen_sums

STEPS = 50
SHAPES = {"conv": (3, 2, 2), "fc": (4, 5), "bias": (7,)}


def training(seed=0):
    """Changes by layer, float32, and the loss change of every step; one parameter never moves."""
    rng = np.random.default_rng(seed)
    speed = np.exp(-np.linspace(0, 2, STEPS))
    changes = {
        name: (
            1e-5 * speed.reshape(-1, *[1] * len(shape)) * rng.normal(size=(STEPS, *shape))
        ).astype(np.float32)
        for name, shape in SHAPES.items()
    }
    changes["fc"][:, 1, 2] = 0
    total = sum((c.reshape(STEPS, -1).astype(float) ** 2).sum(axis=1) for c in changes.values())
    return changes, -total / 0.1 + 1e-10 * rng.normal(size=STEPS)


def flat(changes):
    return changes.reshape(STEPS, -1).astype(float)


def features(changes, momentum):
    """Shape (F, T, p), without the first step where a feature needs the last."""
    d = flat(changes)
    if not momentum:
        return d[None] ** 2
    return np.stack([d[1:] ** 2, d[:-1] ** 2, d[1:] * d[:-1]])


def summed(changes, y, *, momentum=False, lags=(0,), settings=None) -> StepSums:
    """Step sums from their definition."""
    layers = []
    for name, c in changes.items():
        x, d = features(c, momentum), flat(c)
        first = STEPS - x.shape[1]
        sums = {"x": [], "xx": [], "xy": []}
        for lag in lags:
            skip = max(lag, first)
            pairs, shifted = x[:, skip - first :], y[skip - lag : STEPS - lag]
            upper = zip(*np.triu_indices(len(x)), strict=True)
            sums["x"].append(pairs.sum(axis=1))
            sums["xx"].append([(pairs[i] * pairs[j]).sum(axis=0) for i, j in upper])
            sums["xy"].append(np.einsum("fij,i->fj", pairs, shifted))
        arrays = {k: np.array(v) for k, v in sums.items()}
        layers.append(
            LayerSums(
                name, c.shape[1:], **arrays, displacement=d.sum(axis=0),
                movement=(d**2).sum(axis=0),
            )
        )  # fmt: skip
    return StepSums(tuple(layers), lags, momentum, (y,), settings or {"response": "same"})


def designs(changes):
    return {name: DenseColumns(flat(c) ** 2) for name, c in changes.items()}


def triples(changes):
    """Columns 3k, 3k + 1, 3k + 2 for parameter k."""
    x = features(changes, momentum=True)
    return x.transpose(1, 2, 0).reshape(STEPS - 1, -1)


def close(one: Screening, other: Screening, names, rtol=1e-9):
    for layer in one.layers:
        for name in names:
            expected = other[layer.name].statistics[name]
            np.testing.assert_allclose(
                layer.statistics[name], expected, rtol=rtol, atol=rtol * np.abs(expected).max()
            )


def test_statistics_from_sums_are_those_of_the_stored_changes():
    changes, y = training()
    theta = {n: np.random.default_rng(1).normal(size=s) for n, s in SHAPES.items()}
    screening = screen_sums(summed(changes, y), parameters=theta)
    for name, c in changes.items():
        x, found = flat(c) ** 2, screening[name].statistics
        varied = x.std(axis=0) > 0
        covariance = ((x - x.mean(axis=0)) * (y - y.mean())[:, None]).mean(axis=0)
        expected = {
            "marginal": np.abs((x * y[:, None]).mean(axis=0)),
            "covariance": covariance,
            "slope": np.where(varied, covariance / np.where(varied, x.var(axis=0), 1), 0),
            "entry_lambda": np.abs(covariance) / np.where(varied, x.std(axis=0), 1),
            "correlation": [np.corrcoef(k, y)[0, 1] if k.std() else 0.0 for k in x.T],
            "movement": x.sum(axis=0),
            "fisher": theta[name].ravel() ** 2 * x.sum(axis=0),
        }
        assert set(found) == set(expected)
        for key, values in expected.items():
            np.testing.assert_allclose(found[key], values, rtol=1e-9, atol=0)


@pytest.mark.parametrize("lag", [0, 1, 4])
def test_a_lag_pairs_a_change_with_an_earlier_response(lag):
    changes, y = training()
    screening = screen_sums(summed(changes, y, lags=(0, 1, 4)), lag=lag)
    x, shifted = flat(changes["bias"])[lag:] ** 2, y[: STEPS - lag]
    expected = [np.corrcoef(k, shifted)[0, 1] for k in x.T]
    np.testing.assert_allclose(screening["bias"].statistics["correlation"], expected, rtol=1e-9)
    assert screening.pairs == STEPS - lag


def test_one_reading_of_the_design_gives_what_the_sums_give():
    changes, y = training()
    theta = {n: np.random.default_rng(1).normal(size=s) for n, s in SHAPES.items()}
    from_sums = screen_sums(summed(changes, y), parameters=theta)
    from_design = screen_columns(designs(changes), y, parameters=theta)
    close(from_sums, from_design, from_sums.statistics)
    assert from_sums.statistics == from_design.statistics
    for layer in from_design.layers:
        assert layer.shape == SHAPES[layer.name]


def test_one_reading_of_a_momentum_design_gives_what_the_sums_give():
    changes, y = training()
    from_sums = screen_sums(summed(changes, y, momentum=True))
    columns = {name: DenseColumns(triples(c), width=7) for name, c in changes.items()}
    from_design = screen_columns(columns, y[1:], groups=3)
    close(from_sums, from_design, ["marginal", "correlation", "entry_lambda"], rtol=1e-7)
    assert from_design.entry == "group"


def test_the_collectors_accumulators_lead_to_the_same_masks():
    torch = pytest.importorskip("torch")
    from collectors.recording import StepAccumulators

    changes, y = training()
    flats = np.concatenate([c.reshape(STEPS, -1) for c in changes.values()], axis=1)
    edges = np.cumsum([0, *(int(np.prod(s)) for s in SHAPES.values())]).tolist()
    places = {
        name: (edges[i], edges[i + 1], torch.Size(shape))
        for i, (name, shape) in enumerate(SHAPES.items())
    }
    accumulators = StepAccumulators()
    accumulators.open(torch.from_numpy(flats[0]), places, {})
    for row, loss in zip(flats, y, strict=True):
        accumulators.accumulate(torch.from_numpy(row), torch.tensor([0.0, loss]))
    screening = screen_sums(accumulators.result())
    stored = screen_columns(designs(changes), y)
    close(screening, stored, stored.statistics)
    for statistic in stored.statistics:
        one, other = (s.keep(statistic, sparsity=0.6) for s in (screening, stored))
        assert all((one.masks[n].ravel() == other.masks[n]).all() for n in SHAPES)


@pytest.mark.parametrize("width", [1, 2, 5, 1024])
def test_the_width_of_blocks_changes_nothing(width):
    changes, y = training()
    x = triples(changes["fc"])
    wide = screen_columns(DenseColumns(x), y[1:], groups=3)
    narrow = screen_columns(DenseColumns(x, width=width), y[1:], groups=3)
    close(narrow, wide, wide.statistics, rtol=1e-12)


def test_three_statistics_are_the_largest_penalties_of_three_lassos():
    changes, y = training()
    columns = DenseColumns(flat(changes["conv"]) ** 2)
    found = screen_columns(columns, y)["design"].statistics
    for statistic, standardise, intercept in (
        ("entry_lambda", True, True),
        ("covariance", False, True),
        ("marginal", False, False),
    ):
        path = lasso_path(columns, y, lambdas=3, standardise=standardise, intercept=intercept)
        assert np.abs(found[statistic]).max() == pytest.approx(path.lambdas[0], rel=1e-9)


@given(column=st.integers(0, 19))
@settings(max_examples=10, deadline=None)
def test_alone_a_column_enters_the_lasso_at_its_entry_lambda(column):
    changes, y = training()
    x = flat(changes["fc"]) ** 2
    entry = screen_columns(DenseColumns(x), y)["design"].statistics["entry_lambda"][column]
    if not x[:, column].any():
        assert entry == 0
        return
    alone = DenseColumns(x[:, [column]])
    path = lasso_path(alone, y, lambdas=[entry * (1 + 1e-9), entry * (1 - 1e-6)])
    assert [len(c) for c in path.columns] == [0, 1]


def test_a_groups_correlation_is_the_multiple_correlation_of_least_squares():
    changes, y = training()
    x = triples(changes["fc"])
    found = screen_columns(DenseColumns(x), y[1:], groups=3)["design"].statistics["correlation"]
    for k in range(20):
        group = x[:, 3 * k : 3 * k + 3]
        if group.any():
            fit = sm.OLS(y[1:] / y.std(), sm.add_constant(group / group.std(axis=0))).fit()
            assert found[k] == pytest.approx(np.sqrt(fit.rsquared), rel=1e-8)
        else:
            assert found[k] == 0


def test_a_feature_that_repeats_another_adds_nothing_to_a_group():
    changes, y = training()
    x = flat(changes["bias"])[:, :1] ** 2
    group = np.hstack([x, 2 * x, np.ones_like(x)])
    found = screen_columns(DenseColumns(group), y, groups=3)["design"].statistics
    assert found["correlation"][0] == pytest.approx(abs(np.corrcoef(x[:, 0], y)[0, 1]))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_a_units_statistics_are_those_of_the_sum_over_its_parameters(axis):
    changes, y = training()
    theta = {n: np.random.default_rng(1).normal(size=s) for n, s in SHAPES.items()}
    named = ["conv", "fc"]
    screening = screen_sums(summed(changes, y), layers=named, units=axis, parameters=theta)
    for name in named:
        x = changes[name].astype(float) ** 2
        others = tuple(i + 1 for i in range(x.ndim - 1) if i != axis % (x.ndim - 1))
        design = screen_columns(DenseColumns(x.sum(axis=others)), y)
        assert screening.statistics == ("marginal", "covariance", "movement", "fisher")
        for key in ("marginal", "covariance", "movement"):
            expected = design["design"].statistics[key]
            np.testing.assert_allclose(screening[name].statistics[key], expected, rtol=1e-8)
        fisher = (theta[name] ** 2 * x.sum(axis=0)).sum(axis=tuple(i - 1 for i in others))
        np.testing.assert_allclose(screening[name].statistics["fisher"], fisher)
        assert screening.keep("movement", sparsity=0.5).masks[name].shape == fisher.shape


def test_weights_give_the_screening_of_a_changing_learning_rate():
    changes, y = training()
    x, rates = flat(changes["fc"]) ** 2, 0.01 / np.arange(1, STEPS + 1) ** 0.25
    found = screen_columns(DenseColumns(x), y, weights=rates)["design"].statistics["marginal"]
    expected = np.abs((rates[:, None] * x * y[:, None]).sum(axis=0)) / rates.sum()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@given(power_x=st.integers(-30, 30), power_y=st.integers(-30, 30))
@settings(max_examples=20, deadline=None)
def test_units_of_x_and_y_change_no_mask(power_x, power_y):
    changes, y = training()
    x = flat(changes["conv"]) ** 2
    one = screen_columns(DenseColumns(x), y)
    other = screen_columns(DenseColumns(2.0**power_x * x), 2.0**power_y * y)
    np.testing.assert_allclose(
        other["design"].statistics["correlation"], one["design"].statistics["correlation"]
    )
    for statistic in one.statistics:
        masks = [s.keep(statistic, sparsity=0.5).masks["design"] for s in (one, other)]
        assert (masks[0] == masks[1]).all()


@given(seed=st.integers(0, 2**32 - 1), sparsity=st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_permuting_columns_permutes_masks(seed, sparsity):
    changes, y = training()
    x = flat(changes["bias"]) ** 2
    order = np.random.default_rng(seed).permutation(x.shape[1])
    one = screen_columns(DenseColumns(x), y).keep(sparsity=sparsity).masks["design"]
    other = screen_columns(DenseColumns(x[:, order]), y).keep(sparsity=sparsity).masks["design"]
    assert (other == one[order]).all()


def test_a_sparsity_of_each_layer_keeps_that_share_of_each():
    changes, y = training()
    kept = screen_columns(designs(changes), y).keep("movement", sparsity=0.75)
    assert kept.counts()["kept"].tolist() == [3, 5, 2]
    for name, mask in kept.masks.items():
        movement = (flat(changes[name]) ** 2).sum(axis=0)
        assert movement[mask].min() > movement[~mask].max()


def test_a_sparsity_of_the_network_ranks_all_layers_together():
    changes, y = training()
    kept = screen_columns(designs(changes), y).keep("marginal", sparsity=0.5, scope="network")
    marginal = np.concatenate(
        [np.abs(((flat(c) ** 2) * y[:, None]).mean(axis=0)) for c in changes.values()]
    )
    mask = np.concatenate(list(kept.masks.values()))
    assert mask.sum() == round(0.5 * 39)
    assert marginal[mask].min() > marginal[~mask].max()
    assert kept.sparsity == pytest.approx(1 - mask.mean())


def slow_layer(factor=1e-3):
    changes, y = training()
    changes["bias"] *= factor
    return screen_columns(designs(changes), y)


def test_a_layer_that_collapses_keeps_its_minimum_at_the_cost_of_others_and_is_reported():
    screening = slow_layer()
    bare = screening.keep("movement", sparsity=0.5, scope="network", min_per_layer=0)
    assert bare.collapsed == {}
    assert not bare.masks["bias"].any()
    held = screening.keep("movement", sparsity=0.5, scope="network", min_per_layer=2)
    assert held.collapsed == {"bias": 0}
    assert held.masks["bias"].sum() == 2
    assert held.counts()["kept"].sum() == bare.counts()["kept"].sum()
    assert held.counts()["collapsed"].tolist() == [False, False, True]
    assert "layer 'bias' collapsed: the rule alone kept 0, the minimum is 2" in held.summary()
    movement = screening["bias"].statistics["movement"]
    assert movement[held.masks["bias"]].min() > movement[~held.masks["bias"]].max()


def test_a_threshold_keeps_what_is_above_and_the_minimum_of_a_collapsed_layer():
    screening = slow_layer()
    movement = screening["fc"].statistics["movement"]
    threshold = float(np.median(movement))
    kept = screening.keep("movement", threshold=threshold, min_per_layer=3)
    assert (kept.masks["fc"] == (movement > threshold)).all()
    assert kept.collapsed == {"bias": 0}
    assert kept.masks["bias"].sum() == 3


def test_a_minimum_above_the_size_of_a_layer_keeps_all_of_it():
    changes, y = training()
    kept = screen_columns(designs(changes), y).keep(sparsity=1.0, min_per_layer=10)
    assert kept.counts()["kept"].tolist() == [10, 10, 7]


def test_minima_that_do_not_fit_the_sparsity_are_refused():
    with pytest.raises(ConfigurationError, match=r"keeps 15 entries; sparsity 0\.9 leaves 4"):
        slow_layer().keep("movement", sparsity=0.9, scope="network", min_per_layer=5)


def test_among_equal_values_earlier_entries_are_kept_and_the_rest_counted():
    x = np.repeat(np.arange(6.0)[:, None], 5, axis=1)
    kept = screen_columns(DenseColumns(x), np.arange(6.0)).keep(sparsity=0.6)
    assert kept.masks["design"].tolist() == [True, True, False, False, False]
    assert kept.tied == 3
    assert "3 entries left out tie" in kept.summary()


def test_entries_are_tidy_rows():
    changes, y = training()
    screening = screen_columns(designs(changes), y)
    frame = screening.to_frame()
    assert frame.columns.tolist() == ["layer", "index", *screening.statistics]
    assert len(frame) == 39
    kept = screening.keep(sparsity=0.5)
    rows = pd.MultiIndex.from_frame(kept.to_frame())
    strong = frame.assign(size=frame["correlation"].abs()).set_index(["layer", "index"])["size"]
    for name in SHAPES:
        inside = strong[name].index.isin(
            rows.get_level_values(1)[rows.get_level_values(0) == name]
        )
        assert strong[name][inside].min() > strong[name][~inside].max()


def test_a_parameter_that_never_moves_has_zero_statistics_and_is_counted():
    changes, y = training()
    for screening in (screen_sums(summed(changes, y)), screen_columns(designs(changes), y)):
        at = 1 * 5 + 2
        assert all(values[at] == 0 for values in screening["fc"].statistics.values())
        assert screening["fc"].flat == 1
        assert "1 entries do not vary" in screening.summary()


def test_a_constant_feature_has_no_correlation_from_sums_or_columns():
    changes, y = training()
    changes["bias"][:, 3] = np.float32(1.1e-5)
    for screening in (screen_sums(summed(changes, y)), screen_columns(designs(changes), y)):
        assert screening["bias"].statistics["correlation"][3] == 0
        assert screening["bias"].statistics["movement"][3] > 0
        assert screening["bias"].flat == 1


def test_sums_in_float32_pairs_are_given_more_rounding():
    changes, y = training()
    changes["bias"][:, 3] = np.float32(1.1e-5)
    sums = summed(changes, y, settings={"precision": "float32x2"})
    sums["bias"].xx[0, 0, 3] *= 1 + 3e-7
    assert screen_sums(sums)["bias"].flat == 1
    sums = summed(changes, y)
    sums["bias"].xx[0, 0, 3] *= 1 + 3e-7
    assert screen_sums(sums)["bias"].flat == 0


@pytest.mark.parametrize("level", [0.0, -1.1e-7])
def test_a_constant_response_ranks_by_movement_only(level):
    changes, _ = training()
    y = np.full(STEPS, level)
    for screening in (screen_sums(summed(changes, y)), screen_columns(designs(changes), y)):
        assert not screening["fc"].statistics["covariance"].any()
        with pytest.raises(DataError, match="keep by movement"):
            screening.keep("correlation", sparsity=0.5)
        assert screening.keep("movement", sparsity=0.5).masks["bias"].sum() == 4
        assert "does not vary: only movement" in screening.summary()


def test_the_summary_says_what_the_statistics_are_and_how_dependent_steps_are():
    y = np.cumsum(np.random.default_rng(0).normal(size=STEPS))
    changes, _ = training()
    screening = screen_sums(summed(changes, y))
    away = y - y.mean()
    expected = (away[1:] * away[:-1]).sum() / (away**2).sum()
    assert screening.autocorrelation == pytest.approx(expected)
    text = screening.summary()
    assert "each entry alone" in text
    assert "same minibatch" in text
    assert f"{expected:.2f}: no standard errors" in text


def test_values_that_are_not_finite_are_named():
    changes, y = training()
    sums = summed(changes, y)
    sums["fc"].xy[0, 0, 3] = np.nan
    with pytest.raises(DataError, match="'xy' of layer 'fc'"):
        screen_sums(sums)
    x = flat(changes["fc"]) ** 2
    x[4, 9] = np.inf
    with pytest.raises(DataError, match="column 9, row 4"):
        screen_columns(DenseColumns(x), y)
    with pytest.raises(DataError, match="row 2 is nan"):
        screen_columns(designs(changes), np.where(np.arange(STEPS) == 2, np.nan, y))
    with pytest.raises(DataError, match="a response is not finite"):
        screen_sums(summed(changes, np.where(np.arange(STEPS) == 2, np.nan, y)))


def test_squares_that_overflow_are_an_error_and_not_a_mask():
    x = np.array([[1e200, 1.0], [2e200, 2.0], [0.0, 0.0]])
    with pytest.raises(DataError, match="must be finite"):
        screen_columns(DenseColumns(x), [0.0, 1.0, 2.0])


def test_layers_are_screened_by_name_or_pattern():
    changes, y = training()
    sums = summed(changes, y)
    assert [layer.name for layer in screen_sums(sums, layers="fc").layers] == ["fc"]
    chosen = screen_sums(sums, layers=["b*", "?c", "fc"]).layers
    assert [layer.name for layer in chosen] == ["bias", "fc"]


def test_calls_that_mean_nothing_are_refused():
    changes, y = training()
    sums = summed(changes, y)
    with pytest.raises(ConfigurationError, match="no layer is called 'head'"):
        screen_sums(sums, layers=["head"])
    with pytest.raises(ConfigurationError, match=r"expected StepSums.*; got str"):
        screen_sums("sums.npz")
    with pytest.raises(ConfigurationError, match=r"DenseColumns.*; got ndarray"):
        screen_columns({"fc": flat(changes["fc"])}, y)
    with pytest.raises(ConfigurationError, match="no layer to screen"):
        screen_sums(sums, layers=[])
    with pytest.raises(ConfigurationError, match=r"'bias' of shape .* has no axis 1"):
        screen_sums(sums, units=1)
    with pytest.raises(ConfigurationError, match="'conv' are missing"):
        screen_sums(sums, parameters={})
    with pytest.raises(ConfigurationError, match=r"shape \(2,\); expected \(3, 2, 2\)"):
        screen_sums(sums, parameters={"conv": np.zeros(2)})
    with pytest.raises(ConfigurationError, match="groups of 3"):
        screen_columns(designs(changes)["fc"], y, groups=3)
    with pytest.raises(ConfigurationError, match="one value a row"):
        screen_columns(designs(changes), y[1:])
    with pytest.raises(ConfigurationError, match="weights"):
        screen_columns(designs(changes), y, weights=-np.ones(STEPS))
    with pytest.raises(ConfigurationError, match="not all be zero"):
        screen_columns(designs(changes), y, weights=np.zeros(STEPS))
    with pytest.raises(DataError, match="1 row"):
        screen_columns(DenseColumns(np.ones((1, 2))), [1.0])
    with pytest.raises(ConfigurationError, match="got parameters of shape"):
        screen_columns(designs(changes), y, parameters={n: np.zeros(2) for n in SHAPES})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"statistic": "fisher", "sparsity": 0.5}, "no 'fisher', only marginal"),
        ({}, "one of them"),
        ({"sparsity": 0.5, "threshold": 1.0}, "one of them"),
        ({"sparsity": 1.5}, r"share in \[0, 1\]"),
        ({"threshold": -1.0}, "not below 0"),
        ({"sparsity": 0.5, "scope": "block"}, "'layer' or 'network'"),
        ({"sparsity": 0.5, "min_per_layer": -1}, "minimum of 0 or more"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(call, message):
    changes, y = training()
    with pytest.raises(ConfigurationError, match=message):
        screen_columns(designs(changes), y).keep(**call)


def test_a_memory_map_of_changes_is_screened_as_its_squares():
    changes, y = training()
    one = screen_columns(SquaredChanges(changes["fc"].reshape(STEPS, -1)), y)
    other = screen_columns(DenseColumns(flat(changes["fc"]) ** 2), y)
    close(one, other, one.statistics, rtol=3e-6)


def test_a_screening_says_where_movement_is_summed_over_more_steps_than_pairs():
    two = np.full((2, 1, 2), 3.0)
    layer = LayerSums("fc", (2,), two, 4 * two, two, two[0, 0], two[0, 0])
    sums = StepSums((layer,), (0, 2), False, (np.arange(5.0), np.arange(4.0)), {})
    at_once, later = screen_sums(sums), screen_sums(sums, lag=2)
    assert (at_once.pairs, at_once.moved, later.pairs, later.moved) == (9, None, 5, 9)
    assert "movement is summed over all 9 steps" in later.summary()
    assert "movement is summed" not in at_once.summary()
