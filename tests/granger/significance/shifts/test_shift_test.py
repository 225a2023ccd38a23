"""Claims about tests against rotated responses, against loops over rotations and columns."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.design import ArrayTrajectory, granger_design
from causalhyper.granger.lasso import DenseColumns, SquaredChanges, lasso_path
from causalhyper.granger.significance.dependence import estimate_dependence
from causalhyper.granger.significance.shifts import shift_test
from causalhyper.granger.significance.shifts.restoration import lost_part, restore
from causalhyper.granger.significance.shifts.stationary import take_apart
from tests.granger.choice.samples import autoregressive

PLAIN = {"trend": "none", "spread": "constant"}


def problem(rows=60, columns=40, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.gamma(1.0, size=(rows, columns))
    return x, x[:, 3] + 0.5 * x[:, 5] + rng.normal(size=rows)


def brute(x, y, basis, weights, whole=None):
    """|correlations| of residuals, row 0 the response and row s its rotation by s, by lstsq.

    What is rotated is the remainder, or what it was restored to.
    """

    def out(v, b):
        return v - b @ np.linalg.lstsq(b, v, rcond=None)[0]

    wide, b = x * weights[:, None], basis * weights[:, None]
    left, remainder = out(wide, b), out(weights * y, b)
    rotated = remainder if whole is None else whole
    table = np.empty((len(y), x.shape[1]))
    for s in range(len(y)):
        target = out(np.roll(rotated, s), b) if s else remainder
        for k in range(x.shape[1]):
            u = left[:, k]
            table[s, k] = abs(u @ target) / np.sqrt((u @ u) * (target @ target))
    return table


def restored(y, trend, spread, degrees):
    """What `shift_test` rotates."""
    parts = take_apart(y, np.array([0, len(y)]), trend, spread, degrees)
    return restore(parts, np.random.default_rng(0))


def test_what_a_trend_took_is_drawn_from_its_conditional_distribution():
    rng = np.random.default_rng(1)
    y = autoregressive(rng, 150, 1, 0.8).ravel()
    parts = take_apart(y, np.array([0, 150]), "smooth", "constant", 8)
    basis, values = parts.basis, parts.values
    whole = restore(parts, np.random.default_rng(3))
    np.testing.assert_allclose(whole - basis @ (basis.T @ whole), values, atol=1e-9)
    fitted = estimate_dependence(basis, values, np.arange(150))
    lags = np.abs(np.subtract.outer(np.arange(150), np.arange(150)))
    matrix = np.where(lags, fitted.share * fitted.decay ** lags.astype(float), 1.0)
    # the law of Q'e given M e, by the covariance of both
    outside = np.linalg.svd(basis, full_matrices=True)[0][:, 8:]
    across, inner = basis.T @ matrix @ outside, outside.T @ matrix @ outside
    mean = across @ np.linalg.solve(inner, outside.T @ values)
    variance = values @ outside @ np.linalg.solve(inner, outside.T @ values) / (150 - 8)
    cov = variance * (basis.T @ matrix @ basis - across @ np.linalg.solve(inner, across.T))
    found, factor = lost_part(parts)
    np.testing.assert_allclose(found, mean, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(factor @ factor.T, cov, rtol=1e-6, atol=1e-9)
    drawn = mean + factor @ np.random.default_rng(3).normal(size=8)
    np.testing.assert_allclose(basis.T @ whole, drawn, rtol=1e-6, atol=1e-9)


def test_a_constant_took_nothing_that_rotations_lose():
    y = problem()[1]
    parts = take_apart(y, np.array([0, 20, 60]), "none", "constant")
    assert restore(parts, np.random.default_rng(0)) is parts.values


def westfall_young(table):
    """Stepdown p-values by their definition."""
    observed, order = table[0], np.argsort(-table[0])
    p, floor = np.empty(len(order)), 0.0
    for rank, k in enumerate(order):
        most = table[1:, order[rank:]].max(axis=1)
        floor = max(floor, (1 + (most >= observed[k] - 1e-12).sum()) / len(table))
        p[k] = floor
    return p


@pytest.mark.parametrize("trend", ["none", "linear", "smooth"])
def test_all_p_values_are_those_of_loops_over_rotations_and_columns(trend):
    x, y = problem()
    t = np.linspace(-1, 1, len(y))
    basis = {"none": t[:, None] ** 0, "linear": np.stack([t**0, t], 1)}.get(trend)
    if basis is None:
        from scipy.interpolate import BSpline

        knots = np.concatenate([[0] * 3, np.linspace(0, 1, 4) ** 2, [1] * 3])
        basis = BSpline.design_matrix((t + 1) / 2, knots, 3).toarray()
    whole = restored(y, trend, "constant", 6)
    table = brute(x, y, basis, np.ones(len(y)), whole)
    found = shift_test(DenseColumns(x), y, trend=trend, spread="constant", degrees=6)["design"]
    np.testing.assert_allclose(found.statistic, table[0], rtol=1e-10)
    np.testing.assert_allclose(found.expected, table[1:].mean(axis=0), rtol=1e-10)
    np.testing.assert_array_equal(found.p, (table >= table[0] - 1e-12).mean(axis=0))
    family = table.max(axis=1)[:, None] >= table[0] - 1e-12
    family[0] = True
    np.testing.assert_array_equal(found.p_family, family.mean(axis=0))
    np.testing.assert_array_equal(found.p_stepdown, westfall_young(table))
    if trend == "none":
        assert found.p_stepdown[5] < found.p_family[5]


def test_weights_act_on_both_sides_and_on_the_trend():
    x, y = problem()
    y = y * np.exp(-2 * np.linspace(0, 1, len(y)))
    parts = take_apart(y, np.array([0, len(y)]), "none", "smooth", 8)
    whole = restored(y, "none", "smooth", 8)
    table = brute(x, y, np.ones((len(y), 1)), parts.weights, whole)
    found = shift_test(DenseColumns(x), y, trend="none", spread="smooth")["design"]
    np.testing.assert_allclose(found.statistic, table[0], rtol=1e-9)
    np.testing.assert_array_equal(found.p, (table >= table[0] - 1e-12).mean(axis=0))


def test_six_steps_have_six_rotations_counted_by_hand():
    y = np.array([0, 0, 0, 0, 0, 6])
    x = np.array([[0, 0, 0, 0, 0, 6], [3, 2, 1, 0, -1, -2], [0, 1, 0, 1, 0, 1]], dtype=float).T
    found = shift_test(DenseColumns(x), y, **PLAIN)["design"]
    # |x - mean| at the rotated peak: the spike leads; 2.5 at both ends of the line; all of the
    # alternating series alike
    assert [Fraction(p).limit_denominator(6) for p in found.p] == [
        Fraction(1, 6), Fraction(2, 6), Fraction(1),
    ]  # fmt: skip
    assert found.p_family[0] == 1 / 6


@pytest.mark.parametrize("statistic", ["covariance", "marginal"])
def test_covariances_and_marginal_means_keep_their_unit_in_layers_of_different_units(statistic):
    x, y = problem()
    small = DenseColumns((1e-12 * x[:, :20]).astype(np.float64))
    squared = SquaredChanges(np.sqrt(x[:, 20:]) * 1e-3)
    found = shift_test({"a": small, "b": squared}, 1e-7 * y, statistic=statistic, **PLAIN)
    columns = np.concatenate([1e-12 * x[:, :20], 1e-6 * x[:, 20:]], axis=1)
    if statistic == "covariance":
        columns = columns - columns.mean(axis=0)
    stack = np.array([np.abs(columns.T @ np.roll(1e-7 * y, s)) / len(y) for s in range(len(y))])
    both = np.concatenate([found["a"].statistic, found["b"].statistic])
    np.testing.assert_allclose(both, stack[0], rtol=1e-9)
    p = np.concatenate([found["a"].p, found["b"].p])
    np.testing.assert_array_equal(p, (stack >= stack[0] * (1 - 1e-10)).mean(axis=0))


def test_a_group_has_the_multiple_correlation_of_least_squares_in_every_rotation():
    x, y = problem(columns=12)
    x[:, 5] = x[:, 3] + x[:, 4]
    found = shift_test(DenseColumns(x), y, groups=3, **PLAIN)["design"]

    def multiple(part, response):
        wide = np.column_stack([np.ones(len(y)), part])
        fitted = wide @ np.linalg.lstsq(wide, response, rcond=None)[0]
        return np.corrcoef(fitted, response)[0, 1]

    table = np.array(
        [[multiple(x[:, 3 * g : 3 * g + 3], np.roll(y, s)) for g in range(4)] for s in range(60)]
    )
    one = sm.OLS(y, sm.add_constant(x[:, :3])).fit().rsquared
    assert found.statistic[0] ** 2 == pytest.approx(one)
    np.testing.assert_allclose(found.statistic, table[0], rtol=1e-9)
    np.testing.assert_array_equal(found.p, (table >= table[0] - 1e-12).mean(axis=0))


def test_units_have_the_maximum_and_the_sum_of_squares_of_their_entries():
    x, y = problem()
    table = brute(x, y, np.ones((len(y), 1)), np.ones(len(y)))
    units = np.arange(40) % 4
    test = shift_test({"fc": DenseColumns(x)}, y, units={"fc": units}, **PLAIN)
    frame = test.units()
    for u in range(4):
        own = table[:, units == u]
        for name, values in (("largest", own.max(1)), ("squares", (own**2).sum(1))):
            assert frame[name][u] == pytest.approx(values[0])
            assert frame[f"p_{name}"][u] == (values >= values[0] - 1e-9).mean()
    whole = (table**2).sum(axis=1)
    assert test.by_layer()["p_squares"][0] == (whole >= whole[0] - 1e-9).mean()


def test_trainings_are_rotated_within_themselves():
    x, y = problem()
    test = shift_test(
        DenseColumns(x), y, edges=[0, 20, 60], shifts=30, rng=np.random.default_rng(4), **PLAIN
    )
    rng = np.random.default_rng(4)
    moves = np.stack([rng.choice(np.arange(1, n), 30) for n in (20, 40)], axis=1)

    def centred(v):
        return np.concatenate([v[:20] - v[:20].mean(axis=0), v[20:] - v[20:].mean(axis=0)])

    left, z = centred(x), centred(y)
    nulls = [np.concatenate([np.roll(z[:20], a), np.roll(z[20:], b)]) for a, b in moves]
    table = np.abs(np.array([z, *nulls]) @ left) / np.linalg.norm(left, axis=0)
    table /= np.linalg.norm(z)
    np.testing.assert_allclose(test["design"].statistic, table[0], rtol=1e-10)
    np.testing.assert_array_equal(test["design"].p, (table >= table[0] - 1e-12).mean(axis=0))


def test_the_cutoff_is_where_family_p_values_reach_alpha_and_the_lasso_lets_a_column_in():
    x, y = problem()
    test = shift_test(DenseColumns(x), y, **PLAIN)
    layer = test["design"]
    np.testing.assert_array_equal(layer.statistic >= test.cutoff, layer.p_family <= 0.05)
    path = [lasso_path(DenseColumns(x), np.roll(y, s), lambdas=2).lambdas[0] for s in range(1, 60)]
    assert (np.array(path) >= test.entry_lambda).mean() <= 0.05
    assert np.sort(path)[-3] == pytest.approx(test.entry_lambda, rel=1e-6)


def test_bytes_do_not_depend_on_the_width_of_the_blocks():
    x, y = problem(columns=5000)
    x = x.astype(np.float32)
    frames = [shift_test(DenseColumns(x, width=w), y).to_frame() for w in (7, 1024, 5000)]
    for other in frames[1:]:
        for name in ("statistic", "p", "p_family", "p_stepdown", "q", "expected"):
            assert frames[0][name].to_numpy().tobytes() == other[name].to_numpy().tobytes()


@pytest.mark.parametrize("size", [1e-30, 1e-18, 1e12])
def test_float32_finds_what_float64_finds_at_any_size(size):
    x, y = problem()
    wide = shift_test(DenseColumns(x), y)["design"]
    narrow = shift_test(DenseColumns((x * size).astype(np.float32)), y * 1e-9)["design"]
    np.testing.assert_allclose(narrow.statistic, wide.statistic, rtol=2e-4, atol=2e-6)
    np.testing.assert_allclose(narrow.p, wide.p, atol=2 / len(y))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 59), st.sampled_from([-4.0, 0.25, 1024.0]))
def test_p_values_do_not_change_with_scale_order_of_columns_or_rotation_of_both(seed, by, scale):
    x, y = problem(seed=seed)
    order = np.random.default_rng(seed).permutation(x.shape[1])
    base = shift_test(DenseColumns(x), y, **PLAIN)["design"]
    moved = np.roll(x, by, axis=0)[:, order] * np.linspace(1, 2, len(order))
    other = shift_test(DenseColumns(moved), scale * np.roll(y, by), **PLAIN)["design"]
    for name in ("p", "p_family", "p_stepdown", "q"):
        np.testing.assert_array_equal(getattr(other, name), getattr(base, name)[order])


def test_ties_of_a_periodic_response_count_against_it():
    x, y = problem()
    x = np.tile(x[:6], (10, 1)).astype(np.float32)
    found = shift_test(DenseColumns(x), np.tile(y[:6], 10), **PLAIN)["design"]
    assert found.p.min() >= 10 / 60


def test_columns_that_do_not_vary_have_p_one_and_are_counted():
    x, y = problem()
    x[:, 2], x[:, 9] = 0, 7e-11
    for dtype in (np.float32, np.float64):
        layer = shift_test(DenseColumns(x.astype(dtype)), y)["design"]
        assert layer.flat == 2
        assert layer.p[[2, 9]].tolist() == [1, 1]


def test_more_entries_than_are_led_keep_the_p_values_of_one_step(monkeypatch):
    from causalhyper.granger.significance.shifts import testing

    x, y = problem()
    whole = shift_test(DenseColumns(x), y, **PLAIN)["design"]
    monkeypatch.setattr(testing, "HELD", 5)
    few = shift_test(DenseColumns(x), y, **PLAIN)["design"]
    led = np.argsort(-whole.statistic)[:5]
    np.testing.assert_array_equal(few.p_stepdown[led], whole.p_stepdown[led])
    rest = np.setdiff1d(np.arange(40), led)
    np.testing.assert_array_equal(few.p_stepdown[rest], whole.p_family[rest])


def test_a_trend_that_is_rotated_is_warned_of():
    x, y = problem(rows=200)
    y = y + 30 * np.exp(-np.linspace(0, 4, 200))
    assert "use trend='smooth'" in shift_test(DenseColumns(x), y, **PLAIN).summary()
    summary = shift_test(DenseColumns(x), y).summary()
    assert "caution" not in summary
    assert summary.splitlines()[-1].endswith("single entries go with the response.")


def test_a_figure_shows_the_cutoff_and_what_was_observed():
    x, y = problem()
    test = shift_test(DenseColumns(x), y)
    at = [line.get_xdata()[0] for line in test.plot().lines]
    assert at == [test.cutoff, test.maxima[0]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"alpha": 1.0}, "alpha"),
        ({"min_shift": 31}, "at most half"),
        ({"shifts": 20}, "give rng"),
        ({"shifts": 60}, "has 59 rotations"),
        ({"statistic": "marginal"}, "not centred"),
        ({"groups": 3}, "groups of 3"),
        ({"units": {"fc": [0]}}, "no such layer"),
        ({"degrees": 30}, "three steps each"),
        ({"edges": [0, 59]}, "end with 60"),
    ],
)
def test_what_makes_no_sense_is_refused(change, words):
    x, y = problem()
    with pytest.raises(ConfigurationError, match=words):
        shift_test(DenseColumns(x), y, **change)


def test_values_that_are_not_finite_and_responses_without_remainder_are_refused():
    x, y = problem()
    x[4, 7] = np.inf
    with pytest.raises(DataError, match="column 7"):
        shift_test(DenseColumns(x), y)
    with pytest.raises(DataError, match="nothing"):
        shift_test(DenseColumns(x), np.arange(60.0), trend="linear")


def recorded(rows=60):
    rng = np.random.default_rng(0)
    changes = {n: 1e-3 * rng.normal(size=(rows, 2, 3)) for n in ("conv", "fc")}
    after = 1 - 1e-6 * rng.normal(size=rows) - 5 * changes["fc"][:, 1, 2] ** 2
    frame = pd.DataFrame({"loss": np.ones(rows), "loss_after": after})
    return ArrayTrajectory(changes, frame)


def test_the_designs_of_layers_are_tested_as_the_network_is():
    layers, network = (granger_design(recorded(), scope=s) for s in ("layer", "network"))
    found, whole = shift_test(layers), shift_test(network)
    assert found.to_frame().equals(whole.to_frame())
    best = found.to_frame().nsmallest(1, "p_family")
    assert best[["layer", "index"]].to_numpy().tolist() == [["fc", 5]]
    by_hand = {name: design.columns for name, design in layers.items()}
    assert shift_test(by_hand, layers["fc"].y).to_frame().equals(found.to_frame())


def test_designs_that_do_not_belong_together_are_refused():
    layers = granger_design(recorded())
    with pytest.raises(ConfigurationError, match="have other steps, responses or features"):
        shift_test({"conv": layers["conv"], "fc": granger_design(recorded(40))["fc"]})
    with pytest.raises(ConfigurationError, match="a GrangerDesign for every layer"):
        shift_test({"conv": layers["conv"], "fc": layers["fc"].columns})
