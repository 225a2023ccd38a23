"""Partial-R2 sensitivity: closed forms, row-level fits, and hidden causes of known size."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from causalhyper import LINEAR, SPLINE, ConfigurationError, fit
from causalhyper.inference.intervals import bands
from causalhyper.inference.partial_r2 import (
    SlopeReplicates,
    adjusted,
    benchmark,
    bias_factor,
    classical_robustness_value,
    factor_to_doubt,
    robustness_value,
)
from causalhyper.queries.robustness import partial_r2_sensitivity
from tests.simulated import CHAIN, ROLES, Truth, runs


def _model(mechanisms=LINEAR, context=(), graph=CHAIN, seed=0):
    frame = runs(Truth(), np.random.default_rng(seed), clusters=24, repeats=2, block_sd=0.5)
    return fit(
        graph, frame, ROLES, protocol="p", cluster="k", context=context, mechanisms=mechanisms
    )


@pytest.mark.parametrize("f", [0.0, 1e-6, 0.05, 0.7, 5.0, 200.0])
def test_at_the_robustness_value_the_bias_is_the_whole_slope(f):
    rv = float(robustness_value(f))
    assert 0 <= rv < 1
    assert float(bias_factor(rv, rv)) == pytest.approx(f, rel=1e-8)
    assert rv == pytest.approx(((f**4 + 4 * f**2) ** 0.5 - f**2) / 2, abs=1e-9)


def test_the_bias_is_exactly_that_of_leaving_the_cause_out():
    rng = np.random.default_rng(1)
    z, x = rng.normal(size=(2, 60))
    d = z + 0.5 * x + rng.normal(size=60)
    y = 2 * d + x + 3 * z + rng.normal(size=60)

    def regress(response, *columns):
        X = np.column_stack([np.ones(60), *columns])
        beta = np.linalg.lstsq(X, response, rcond=None)[0]
        return beta, response - X @ beta

    short, left = regress(y, d, x)
    long, rest = regress(y, d, x, z)
    d_left = regress(d, x)[1]
    strength_d = 1 - (regress(d, x, z)[1] ** 2).sum() / (d_left**2).sum()
    strength_y = 1 - (rest**2).sum() / (left**2).sum()
    ratio = np.sqrt((left**2).sum() / (d_left**2).sum())
    found = SlopeReplicates(short[1:2], np.array([ratio]))
    moved = adjusted(found, bias_factor([strength_d], [strength_y]))
    assert moved[0, 0] == pytest.approx(long[1], rel=1e-10)


def test_the_factor_to_doubt_is_where_the_interval_of_the_adjusted_slope_reaches_zero():
    rng = np.random.default_rng(2)
    draws = rng.multivariate_normal([-1.0, 2.0], [[0.04, 0.01], [0.01, 0.02]], size=300)
    found = SlopeReplicates(np.append(-1.0, draws[:, 0]), np.append(2.0, draws[:, 1]))

    def upper(b):
        moved = adjusted(found, np.array([b]))
        return bands(moved[0], moved[1:], df=20, level=0.95, seed=1).upper[0]

    root = optimize.brentq(upper, 0.0, 0.5, xtol=1e-12)
    assert factor_to_doubt(found, df=20, level=0.95) == pytest.approx(root, rel=1e-8)
    weak = SlopeReplicates(found.slope * 0.1, found.ratio)
    noisy = SlopeReplicates(np.append(-0.1, draws[:, 0]), found.ratio)
    assert factor_to_doubt(weak, df=20, level=0.95) > 0
    assert factor_to_doubt(noisy, df=20, level=0.95) == 0.0


def test_a_t_value_gives_the_strength_at_which_its_adjusted_t_value_is_critical():
    t, df = 4.0, 60
    rv = classical_robustness_value(t, df, level=0.9)
    # Cinelli and Hazlett: the adjusted standard error with the omitted variable in the regression
    se_ratio = np.sqrt((1 - rv) / (1 - rv) * df / (df - 1))
    left = (t - float(bias_factor(rv, rv)) * df**0.5) / se_ratio
    assert left == pytest.approx(stats.t.isf(0.05, df - 1), rel=1e-9)


@pytest.mark.parametrize("context", [(), "k"])
def test_a_slope_is_that_of_row_level_least_squares_and_of_the_linear_mechanism(context):
    model = _model(context=context)
    found = partial_r2_sensitivity(model, "B", "G", draws=100)
    assert [a.arc for a in found.arcs] == ["N -> S", "N -> C", "S -> C", "C -> G"]
    v = {x: model.values[x] for x in "NSCG"}
    product = (v["N"] - v["N"].mean()) * (v["S"] - v["S"].mean())
    dummies = np.eye(model.groups.context_count)[model.groups.contexts]
    X = np.column_stack([v["S"], v["N"], product, dummies])
    beta = np.linalg.lstsq(X, v["C"], rcond=None)[0]
    arc = found.arcs[2]
    assert arc.slope.estimate == pytest.approx(beta[0], rel=1e-9)
    rest = ((v["C"] - X @ beta) ** 2).sum()
    without = X[:, 1:]
    other = ((v["C"] - without @ np.linalg.lstsq(without, v["C"], rcond=None)[0]) ** 2).sum()
    assert arc.partial_r2 == pytest.approx(1 - rest / other, rel=1e-9)


def test_contours_start_at_the_slope_and_cross_zero_at_the_robustness_value():
    arc = partial_r2_sensitivity(_model(), "B", "G", draws=100, grid=[0.0, 0.3]).arcs[3]
    start = arc.contours.iloc[0]
    assert start[["estimate", "lower", "upper"]].tolist() == pytest.approx(
        [arc.slope.estimate, arc.slope.lower, arc.slope.upper]
    )
    rv = arc.robustness_value
    grid = partial_r2_sensitivity(_model(), "B", "G", draws=100, grid=[0.0, rv]).arcs[3]
    assert grid.contours.iloc[-1]["estimate"] == pytest.approx(0, abs=1e-9)
    doubt = arc.robustness_value_interval
    assert 0 < doubt < rv
    edge = partial_r2_sensitivity(_model(), "B", "G", draws=100, grid=[0.0, doubt]).arcs[3]
    # the slope is negative, so that the upper end reaches zero
    assert edge.contours.iloc[-1]["upper"] == pytest.approx(0, abs=1e-9)


def test_what_is_independent_of_the_treatment_explains_no_more_than_the_treatment_leaves():
    model = _model()
    arcs = {a.arc: a for a in partial_r2_sensitivity(model, "B", "G", draws=100).arcs}
    c, b = model.values["C"], model.values["B"]
    left = c - pd.Series(c).groupby(b).transform("mean").to_numpy()
    assert arcs["C -> G"].ceiling == pytest.approx(left.var() / c.var(), rel=1e-9)
    assert arcs["S -> C"].ceiling == 1.0
    # at the ceiling and this share the bias is the one that puts the slope in doubt
    ceiling, needed = arcs["C -> G"].ceiling, arcs["C -> G"].response_needed
    rv = arcs["C -> G"].robustness_value_interval
    assert needed * ceiling / (1 - ceiling) == pytest.approx(rv**2 / (1 - rv), rel=1e-8)
    assert np.isnan(arcs["S -> C"].response_needed)


def test_a_node_left_out_has_the_strength_that_adding_it_shows():
    model = _model()
    arc = partial_r2_sensitivity(model, "B", "G", draws=100, times=[1]).arcs[3]
    own = next(b for b in arc.benchmarks if b.observed == "N")
    assert own.kind == "left out"
    v, b = model.values, model.values["B"]
    beyond = v["N"] - pd.Series(v["N"]).groupby(b).transform("mean").to_numpy()

    def rss(response, *columns):
        X = np.column_stack([np.ones(model.n), *columns])
        return ((response - X @ np.linalg.lstsq(X, response, rcond=None)[0]) ** 2).sum()

    assert own.r2_cause == pytest.approx(1 - rss(v["C"], beyond) / rss(v["C"]), rel=1e-8)
    expected = 1 - rss(v["G"], v["C"], beyond) / rss(v["G"], v["C"])
    assert own.r2_response == pytest.approx(expected, rel=1e-6)


def test_an_impossible_benchmark_is_none():
    assert benchmark(0.5, 0.1) is None
    assert benchmark(0.2, 0.1, times=5) is None
    assert benchmark(0.0, 0.3) == pytest.approx((0.0, 0.3 / 0.7))


def test_splines_and_crossed_contexts_give_finite_numbers_and_pictures():
    found = partial_r2_sensitivity(_model(SPLINE, "k"), "B", "G", draws=100)
    assert np.isfinite(found.sensitivity_frame()["robustness_value"]).all()
    assert found.plot().get_xlabel().startswith("share of the residual variance")
    assert len(found.contour_frame()) == 4 * 19 * 19
    assert set(found.benchmark_frame()["kind"]) == {"cause", "left out"}
    assert found.to_frame()["subject"].tolist() == ["N -> S", "N -> C", "S -> C", "C -> G"]
    assert found.summary().count("partial R2") == 4


def test_an_arc_that_is_none_is_refused():
    with pytest.raises(ConfigurationError, match=r"is no arc of .*name \(cause, head\)"):
        partial_r2_sensitivity(_model(), "B", "G", arcs=[("S", "G")], draws=100)
    with pytest.raises(ConfigurationError, match=r"lie in \[0, 1\)"):
        partial_r2_sensitivity(_model(), "B", "G", grid=[0.0, 1.0], draws=100)


def _confounded(rng, clusters=30, size=6):
    """D = B + Z + v, Y = 0.5 D + Z + w; half of each unit variance is shared in a cluster."""
    k = np.repeat(np.arange(clusters), size)
    b = np.tile([0.0, 1.0, 2.0], clusters * size // 3)

    def noise():
        return (rng.normal(size=clusters)[k] + rng.normal(size=len(k))) / 2**0.5

    z = noise()
    d = b + z + noise()
    y = 0.5 * d + z + noise()
    names = [f"r{i:04d}" for i in range(len(k))]
    return pd.DataFrame({"run_id": names, "k": k, "b": b, "d": d, "y": y})


@pytest.mark.slow
def test_intervals_at_the_true_strengths_hold_the_truth_in_95_percent_of_clustered_data_sets():
    variance = 2 / 3 + 2  # of D; Z given D has 1 - 1/variance, Y given D the same and 1
    left = 1 - 1 / variance
    strengths = np.array([[1 / variance], [left / (left + 1)]])
    held = naive = 0
    sets = 400
    for seed in range(sets):
        frame = _confounded(np.random.default_rng(seed))
        roles = {"B": "b", "D": "d", "Y": "y"}
        model = fit("B -> D -> Y", frame, roles, protocol="p", cluster="k", mechanisms=LINEAR)
        found = partial_r2_sensitivity(
            model, "B", "Y", grid=[0.0, strengths[0, 0]], draws=199
        ).arcs[0]
        arc = found.slope
        naive += arc.lower <= 0.5 <= arc.upper
        cell = _at(model, strengths)
        held += cell[0] <= 0.5 <= cell[1]
    low, high = (stats.binom.ppf(q, sets, 0.95) for q in (0.0005, 0.9995))
    assert low <= held <= high, held
    assert naive < 0.2 * sets


def _at(model, strengths):
    from causalhyper.queries.robustness.arcs import regress_arc
    from causalhyper.scm.replicates import resample

    weights = resample(model, 199, np.random.default_rng(1)).weights
    slopes = regress_arc(model, "B", "D", "Y", weights).slopes
    moved = adjusted(slopes, bias_factor(*strengths))
    made = bands(moved[0], moved[1:], df=model.clusters - 1, level=0.95, seed=1)
    return made.lower[0], made.upper[0]


def test_the_slopes_t_interval_states_its_degrees_of_freedom():
    e = partial_r2_sensitivity(_model(), "B", "G", draws=100).arcs[0].slope
    assert e.df == 23.0
    assert e.upper - e.estimate == pytest.approx(stats.t.ppf(0.975, 23) * e.se, rel=1e-9)
