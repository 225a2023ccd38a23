"""The three estimators of an effect curve side by side, and what stands in their way."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from causalhyper import LINEAR, DirectedHypergraph, effect_curve, fit, mediate
from causalhyper.errors import NotIdentifiedError
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.queries.interventions.query import do
from tests.simulated import CHAIN, ROLES, Truth, runs

ASKED = {"draws": 100, "seed": 3}


def _confounded(n=400, hidden=0.0):
    rng = np.random.default_rng(2)
    z, u = rng.normal(size=(2, n))
    x = 0.8 * z + hidden * u + rng.normal(size=n)
    y = 0.5 * x - z + 0.3 * x * z + hidden * u + rng.normal(size=n)
    frame = pd.DataFrame({"z": z, "x": x, "y": y, "k": np.arange(n) % 20})
    return frame.assign(run_id=np.arange(n))


def _fit(frame, graph="Z -> X; {Z, X} -> Y"):
    roles = {v: v.lower() for v in DirectedHypergraph.parse(graph).nodes}
    options = {"protocol": "p", "cluster": "k", "mechanisms": LINEAR}
    return fit(graph, frame, roles, treatment="X", outcome="Y", **options)


def test_adjustment_is_the_regression_averaged_over_the_set():
    frame = _confounded()
    found = effect_curve(_fit(frame), "X", "Y", at=[1.0], baseline=-1.0, **ASKED)
    # natural splines with three functions have their knots at these quantiles
    knots = {v: np.quantile(frame[v], [0, 1 / 3, 2 / 3, 1]) for v in "xz"}

    def spline(x, t):
        w = t[-1] - t[0]
        u, s = (x - t[0]) / w, (t - t[0]) / w
        d = [(np.maximum(u - k, 0) ** 3 - np.maximum(u - 1, 0) ** 3) / (1 - k) for k in s[:-1]]
        return [u, d[0] - d[2], d[1] - d[2]]

    def columns(x, z):
        table = [*spline(x, knots["x"]), *spline(z, knots["z"]), x * z]
        return np.column_stack([np.ones(len(z)), *table])

    beta = np.linalg.lstsq(columns(frame.x, frame.z), frame.y, rcond=None)[0]
    high, low = (columns(np.full(len(frame), v), frame.z) @ beta for v in (1.0, -1.0))
    assert found.adjusted[0].estimate == pytest.approx((high - low).mean(), abs=1e-8)
    assert found.adjusted[0].estimate == pytest.approx(1.0, abs=5 * found.adjusted[0].se)
    assert "{Z}" in found.adjusted[0].method


def test_a_saturated_treatment_without_confounders_gives_differences_of_means():
    frame = runs(Truth(), np.random.default_rng(0), clusters=12)
    model = fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)
    found = effect_curve(model, "B", "G", at=[2.0, 4.0], baseline=1.0, **ASKED)
    peer = smf.ols("g ~ C(b)", frame).fit(
        cov_type="cluster", cov_kwds={"groups": frame["k"]}, use_t=True
    )
    expected = peer.params.iloc[1:].to_numpy()
    assert [e.estimate for e in found.adjusted] == pytest.approx(expected, abs=1e-9)
    assert [e.estimate for e in found.design] == pytest.approx(expected, abs=1e-9)
    assert [e.se for e in found.adjusted] == pytest.approx(peer.bse.iloc[1:], rel=0.1)


@pytest.mark.parametrize("baseline", [1.0, 2.0, 4.0])
def test_the_gap_test_does_not_depend_on_the_baseline(baseline):
    frame = runs(Truth(), np.random.default_rng(5), clusters=12)
    model = fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)
    others = [v for v in (1.0, 2.0, 4.0) if v != baseline]
    first = effect_curve(model, "B", "G", at=[2.0, 4.0], baseline=1.0, **ASKED).test
    found = effect_curve(model, "B", "G", at=others, baseline=baseline, **ASKED).test
    assert found.statistic == pytest.approx(first.statistic)
    assert found.p_value == pytest.approx(first.p_value)


def test_an_unmeasured_common_cause_on_the_way_stops_what_is_simulated_but_not_the_adjustment():
    frame = _confounded()
    frame["m"] = frame["x"] + np.random.default_rng(1).normal(size=len(frame))
    model = _fit(frame, "Z -> X; X -> M; {Z, M} -> Y; Z <-> Y")
    found = effect_curve(model, "X", "Y", at=[1.0], baseline=-1.0, **ASKED)
    assert found.graph == ()
    assert found.adjusted
    assert "Y <-> Z is an unmeasured common cause" in found.missing[-1]
    assert "Nothing tests" in found.test.reading
    for ask in (
        lambda: mediate(model, "X", "Y", "M", at=[1.0], baseline=-1.0, **ASKED),
        lambda: do(model, {"X": [1.0]}, "Y", draws=100),
    ):
        with pytest.raises(NotIdentifiedError, match="Y <-> Z"):
            ask()


def test_without_a_back_door_set_there_is_no_adjusted_estimate():
    frame = _confounded(hidden=1.0)
    model = _fit(frame, "Z -> X; {Z, X} -> Y; X <-> Y")
    found = effect_curve(model, "Z", "Y", at=[1.0], baseline=-1.0, **ASKED)
    assert found.adjusted
    with pytest.raises(NotIdentifiedError, match="no estimator"):
        effect_curve(model, "X", "Y", at=[1.0], baseline=-1.0, **ASKED)


def test_a_common_cause_of_what_is_set_and_what_does_not_follow_from_it_does_no_harm():
    frame = _confounded()
    plain = effect_curve(_fit(frame), "X", "Y", at=[1.0], baseline=-1.0, **ASKED)
    model = _fit(frame, "Z -> X; {Z, X} -> Y; Z <-> X")
    found = effect_curve(model, "X", "Y", at=[1.0], baseline=-1.0, **ASKED)
    assert found.graph[0].estimate == plain.graph[0].estimate


def test_a_saturated_treatment_has_a_mean_for_each_value_however_unevenly_they_were_run():
    rng = np.random.default_rng(4)
    b = np.repeat([1.0, 2.0, 4.0], [8, 60, 12])
    k = np.arange(80) % 10
    y = np.array([0.0, 3.0, -2.0])[np.searchsorted([1.0, 2.0, 4.0], b)] + rng.normal(size=80)
    frame = pd.DataFrame({"b": b, "k": k, "y": y, "run_id": np.arange(80)})
    options = {"protocol": "p", "cluster": "k", "mechanisms": LINEAR}
    model = fit("B -> Y", frame, {"B": "b", "Y": "y"}, **options)
    found = effect_curve(model, "B", "Y", at=[2.0, 4.0], baseline=1.0, **ASKED).adjusted
    means = frame.groupby("b")["y"].mean()
    expected = (means - means[1.0])[[2.0, 4.0]].to_numpy()
    assert [e.estimate for e in found] == pytest.approx(expected, abs=1e-9)


def test_replicates_in_which_the_adjustment_loses_rank_are_drawn_again():
    rng = np.random.default_rng(6)
    # the confounder varies in three of the clusters only
    k = np.repeat(np.arange(8), 6)
    z = np.where(k < 3, rng.normal(size=48), 0.0)
    x = rng.normal(size=48) + z
    y = x + z + rng.normal(size=48)
    frame = pd.DataFrame({"z": z, "x": x, "y": y, "k": k, "run_id": np.arange(48)})
    model = _fit(frame)
    experiment = make_experiment(model, "X", "Y", at=[1.0], baseline=0.0, draws=200)
    assert experiment.adjustment.enough(experiment.replicates.weights).all()
    assert experiment.replicates.redrawn > 0


def test_what_is_zero_but_for_rounding_is_zero():
    rng = np.random.default_rng(2)
    b = np.tile([0.0, 1.0, 2.0], 30)
    m = b + rng.normal(size=90)
    y = 0.5 * m + 0.3 * b + rng.normal(size=90)
    frame = pd.DataFrame(
        {"b": b, "m": m, "y": y, "k": np.arange(90) // 3, "run_id": np.arange(90)}
    )
    roles = {"B": "b", "M": "m", "Y": "y"}
    options = {"protocol": "p", "cluster": "k", "mechanisms": LINEAR}
    # with a straight line and two values the triangle is saturated: it must equal the design
    two = frame[frame["b"] != 1].reset_index(drop=True)
    model = fit("B -> M; M -> Y; B -> Y", two, roles, **options)
    gap = effect_curve(model, "B", "Y", at=[2.0], baseline=0.0, **ASKED).gap[0]
    assert (gap.estimate, gap.se, gap.excludes_zero) == (0.0, 0.0, False)


def test_values_that_never_meet_in_a_block_are_compared_by_way_of_others_and_say_so():
    rng = np.random.default_rng(0)
    k = np.repeat(np.arange(20), 2)
    # odd clusters ran 0 and 1, even ones 1 and 2
    b = np.where(k % 2, np.tile([0.0, 1.0], 20), np.tile([1.0, 2.0], 20))
    y = b + rng.normal(size=20)[k] + 0.1 * rng.normal(size=40)
    frame = pd.DataFrame({"b": b, "k": k, "y": y, "run_id": np.arange(40)})
    options = {"protocol": "p", "cluster": "k", "mechanisms": LINEAR}
    model = fit("B -> Y", frame, {"B": "b", "Y": "y"}, **options)
    one, two = effect_curve(model, "B", "Y", at=[1.0, 2.0], baseline=0.0, **ASKED).design
    peer = smf.ols("y ~ C(b) + C(k)", frame).fit().params
    assert (one.estimate, two.estimate) == pytest.approx(
        (peer["C(b)[T.1.0]"], peer["C(b)[T.2.0]"])
    )
    for e in (one, two):
        assert any("no block holds both 2 and 0" in a for a in e.assumptions)
