"""Distributions under do against closed forms, brute force with the known noise, and identities.

With mu = n0 + a b, m = s0 + c mu (d = h = 0), and e1..e4 the noises of N, S, C, G,

    C = c0 + p mu + q m + r mu m + A e1 + B e2 + r c e1^2 + r e1 e2 + e3,
    A = p + q c + r (m + c mu),  B = q + r mu,

so Var(G | do b) = g^2 (A^2 v1 + 2 A r c k3 + r^2 c^2 (k4 - v1^2) + B^2 v2 + r^2 v1 v2 + v3) + v4,
with k3 and k4 the third and fourth central moments of e1.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

import causalhyper.queries.experiments.preparation
import causalhyper.queries.interventions.query
import causalhyper.scm.replicates
from causalhyper import LINEAR, SPLINE, effect_curve, fit
from causalhyper.errors import ConfigurationError
from causalhyper.queries.interventions.distributions import Collector
from causalhyper.queries.interventions.query import PRECISE, do
from tests.simulated import CHAIN, NOISES, ROLES, Truth, draw_noise, exact_runs, respond, runs

T = Truth()
STRAIGHT = replace(T, r=0.0)
DOSES = (1.0, 4.0)
QUANTILES = (0.05, 0.5, 0.9)


def _fit(frame, graph=CHAIN, **options):
    given = {"protocol": "p", "cluster": "k", "mechanisms": LINEAR} | options
    return fit(graph, frame, ROLES, **given)


def _variance(t, b, e):
    """Closed form of the heading, with the moments of some noise."""
    mu = t.n0 + t.a * b
    m = t.s0 + t.c * mu
    v1, v2, v3, v4 = ((x**2).mean() for x in (e[k] for k in NOISES))
    k3, k4 = (e["N"] ** 3).mean(), (e["N"] ** 4).mean()
    A, B = t.p + t.q * t.c + t.r * (m + t.c * mu), t.q + t.r * mu
    inner = A**2 * v1 + 2 * A * t.r * t.c * k3 + (t.r * t.c) ** 2 * (k4 - v1**2)
    return t.g**2 * (inner + B**2 * v2 + t.r**2 * v1 * v2 + v3) + v4


def _mean(t, b, v1, s=None):
    """E[G | do b], or E[G | do(b, s)]."""
    mu = t.n0 + t.a * b
    m, cov = (t.s0 + t.c * mu, t.c * v1) if s is None else (s, 0.0)
    return t.g0 + t.g * (t.c0 + t.p * mu + t.q * m + t.r * (mu * m + cov))


def _resampled(e, rng, size):
    """Noise of each node drawn apart from what was observed."""
    return {k: rng.choice(x, size=size) for k, x in e.items()}


@pytest.fixture(scope="module", params=["straight", "interaction"])
def exact(request):
    t = {"straight": STRAIGHT, "interaction": T}[request.param]
    frame, e = exact_runs(t, np.random.default_rng(0))
    found = do(
        _fit(frame),
        {"B": DOSES},
        "G",
        quantiles=QUANTILES,
        above=[-1.0, 0.0, 1.0],
        density=[-2.0, 0.0, 0.5],
        draws=100,
    )
    return t, e, found


@pytest.mark.parametrize("b", DOSES)
def test_the_closed_form_of_the_variance_is_what_brute_force_gives(b):
    e = draw_noise(T, np.random.default_rng(1), 10**6)
    outcome = respond(T, e, b)["G"]
    # kurtosis near 4 at most: relative error of a variance (3 / 10^6)^(1/2)
    assert outcome.var() == pytest.approx(_variance(T, b, e), rel=5 * (3 / 10**6) ** 0.5)
    assert outcome.mean() == pytest.approx(_mean(T, b, T.v[0]), abs=0.01)


def test_means_and_standard_deviations_equal_their_closed_forms(exact):
    t, e, found = exact
    v1 = (e["N"] ** 2).mean()
    for b, mean, sd in zip(DOSES, found.mean, found.sd, strict=True):
        expected = _variance(t, b, e) ** 0.5
        # 2,048 draws from 3,000 runs, stratified, so this is more than five standard errors
        assert mean.estimate == pytest.approx(_mean(t, b, v1), abs=5 * expected / 2048**0.5)
        assert sd.estimate == pytest.approx(expected, rel=5 * (1 / PRECISE) ** 0.5)


def test_quantiles_and_exceedances_are_those_of_brute_force_with_the_known_noise(exact):
    t, e, found = exact
    rng = np.random.default_rng(2)
    for i, b in enumerate(DOSES):
        outcome = respond(t, _resampled(e, rng, 10**6), b)["G"]
        shares = [*QUANTILES, *(np.mean(outcome > x) for x in (-1.0, 0.0, 1.0))]
        errors = [(p * (1 - p) * (1 / PRECISE + 1e-6)) ** 0.5 for p in shares]
        for k, q in enumerate(QUANTILES):
            # the estimated quantile, put back into the true distribution
            reached = np.mean(outcome <= found.quantiles[3 * i + k].estimate)
            assert reached == pytest.approx(q, abs=5 * errors[k])
        for k in range(3):
            e_above = found.above[3 * i + k]
            assert e_above.estimate == pytest.approx(shares[3 + k], abs=5 * errors[3 + k])


def test_in_a_linear_gaussian_model_quantiles_exceedances_and_densities_are_normal():
    frame, e = exact_runs(STRAIGHT, np.random.default_rng(3), repeats=100)
    asked = {"quantiles": QUANTILES, "above": 0.0, "density": [-1.5, 0.0, 1.0], "draws": 100}
    found = do(_fit(frame), {"B": DOSES}, "G", **asked)
    # 12,000 observed noises stand for a normal distribution
    error = (1 / len(frame) + 1 / PRECISE) ** 0.5
    for i, b in enumerate(DOSES):
        mean, sd = _mean(STRAIGHT, b, 1.0), _variance(STRAIGHT, b, e) ** 0.5
        law = stats.norm(mean, sd)
        for k, q in enumerate(QUANTILES):
            reached = law.cdf(found.quantiles[3 * i + k].estimate)
            assert reached == pytest.approx(q, abs=2.5 * error)
        assert found.above[i].estimate == pytest.approx(law.sf(0.0), abs=2.5 * error)
        smooth = stats.norm(mean, (sd**2 + found.bandwidth**2) ** 0.5)
        for k, x in enumerate(asked["density"]):
            density = found.density[3 * i + k].estimate
            assert density == pytest.approx(smooth.pdf(x), abs=5 * error * smooth.pdf(mean))


def test_in_a_controlled_world_the_mean_is_that_of_the_structural_equations(monkeypatch):
    frame, _ = exact_runs(T, np.random.default_rng(4), repeats=10)
    monkeypatch.setattr(causalhyper.queries.experiments.preparation, "SIMULATED", len(frame))
    found = do(_fit(frame), {"B": DOSES, "S": 2.0}, "G", draws=100)
    for b, e in zip(DOSES, found.mean, strict=True):
        assert e.estimate == pytest.approx(_mean(T, b, 1.0, s=2.0), abs=1e-8)
        assert f"do(b={b:g}, s=2)" in e.estimand
    assert found.held == "s=2"


def test_a_node_with_causes_may_be_set(monkeypatch):
    # E[G | do n] = g0 + g (c0 + p n + q m + r n m), m = s0 + c n
    frame, _ = exact_runs(T, np.random.default_rng(5), repeats=10)
    monkeypatch.setattr(causalhyper.queries.experiments.preparation, "SIMULATED", len(frame))
    found = do(_fit(frame), {"N": [1.0, 2.5]}, "G", draws=100)
    for n, e in zip([1.0, 2.5], found.mean, strict=True):
        m = T.s0 + T.c * n
        expected = T.g0 + T.g * (T.c0 + T.p * n + T.q * m + T.r * n * m)
        assert e.estimate == pytest.approx(expected, abs=1e-8)
        assert "no run has n = " in e.assumptions[-1]


@pytest.fixture
def few(monkeypatch):
    """Fewer simulated runs, where no number is held against a truth."""
    monkeypatch.setattr(causalhyper.queries.interventions.query, "PRECISE", 2048)
    monkeypatch.setattr(causalhyper.queries.interventions.query, "COARSE", 512)


@pytest.fixture(scope="module")
def frame():
    return runs(T, np.random.default_rng(6), clusters=10, block_sd=0.5)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("mechanisms", [LINEAR, SPLINE])
@pytest.mark.parametrize("context", [(), "k"])
def test_means_under_do_differ_by_what_the_effect_curve_finds(frame, mechanisms, context):
    model = _fit(frame, mechanisms=mechanisms, context=context)
    means = do(model, {"B": [1.0, 2.0, 4.0]}, "G", draws=100, seed=3).mean
    curve = effect_curve(model, "B", "G", at=[2.0, 4.0], baseline=1.0, draws=100, seed=3)
    for level, effect in zip(means[1:], curve.graph, strict=True):
        assert level.estimate - means[0].estimate == pytest.approx(effect.estimate, abs=1e-12)


@pytest.mark.usefixtures("few")
def test_at_a_value_with_contexts_of_one_intercept_each_the_mean_is_that_of_the_runs():
    # one mechanism, saturated in the doses: the mean under do is the mean of the runs there
    frame = runs(T, np.random.default_rng(7), clusters=12)
    model = fit("B -> G", frame, {"B": "b", "G": "g"}, protocol="p", cluster="k", context="k")
    found = do(model, {"B": [1.0, 2.0, 4.0]}, "G", draws=100)
    expected = frame.groupby("b").g.mean()
    for e in found.mean:
        assert e.estimate == pytest.approx(expected[e.value], abs=1e-9)


@pytest.mark.usefixtures("few")
def test_asking_for_more_changes_no_answer_but_the_bands(frame):
    model = _fit(frame)
    one = do(model, {"B": 4.0}, "G", quantiles=[0.5], draws=100)
    more = do(model, {"B": [1.0, 4.0]}, "G", quantiles=[0.1, 0.5], above=0, draws=100)
    for first, second in ((one.mean[0], more.mean[1]), (one.quantiles[0], more.quantiles[3])):
        numbers = [(e.estimate, e.se, e.lower, e.upper) for e in (first, second)]
        assert numbers[0] == pytest.approx(numbers[1], abs=1e-12)


@pytest.mark.usefixtures("few")
def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(frame):
    model, asked = _fit(frame), {"above": 0, "density": [0.0], "draws": 100}
    first, again, other = (
        do(model, {"B": DOSES}, "G", seed=s, **asked).to_frame().to_csv() for s in (3, 3, 4)
    )
    assert first == again
    assert first != other


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("batch", [1, 10**9])
def test_the_size_of_a_batch_changes_no_number(frame, monkeypatch, batch):
    model, asked = _fit(frame), {"above": 0, "density": [0.0], "draws": 100}
    numbers = ["estimate", "se", "lower", "upper"]
    expected = do(model, {"B": DOSES}, "G", **asked).to_frame()[numbers]
    monkeypatch.setattr(causalhyper.scm.replicates, "BATCH", batch)
    found = do(model, {"B": DOSES}, "G", **asked).to_frame()[numbers]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.usefixtures("few")
def test_quantiles_rise_with_their_level_and_exceedances_fall_with_the_threshold(frame):
    found = do(_fit(frame), {"B": DOSES}, "G", above=[-2.0, 0.0, 1.0], draws=100)
    for i in range(2):
        quantiles = [e.estimate for e in found.quantiles[5 * i : 5 * i + 5]]
        above = [e.estimate for e in found.above[3 * i : 3 * i + 3]]
        assert quantiles == sorted(quantiles)
        assert above == sorted(above, reverse=True)
        assert all(0 <= e.lower <= e.upper <= 1 for e in found.above)


@pytest.mark.usefixtures("few")
def test_a_threshold_on_a_logarithmic_outcome_is_asked_in_the_columns_unit(frame):
    plain = do(_fit(frame), {"B": 2.0}, "G", above=0.5, draws=100)
    logged = fit(
        CHAIN,
        frame.assign(g=2**frame.g),
        ROLES | {"G": "log2(g)"},
        protocol="p",
        cluster="k",
        mechanisms=LINEAR,
        outcome_range=(0, 1e9),
    )
    found = do(logged, {"B": 2.0}, "G", above=2**0.5, density=[2.0], draws=100)
    assert found.above[0].estimate == plain.above[0].estimate
    assert found.mean[0].estimate == pytest.approx(plain.mean[0].estimate, abs=1e-9)
    assert found.places == (1.0,)


@pytest.mark.usefixtures("few")
def test_holding_all_that_the_treatment_moves_leaves_no_effect_and_says_so(frame):
    found = do(_fit(frame), {"B": DOSES, "C": 0.5}, "G", draws=100)
    first, second = found.mean
    assert first.estimate == pytest.approx(second.estimate, abs=1e-12)
    assert "by construction" in found.note
    assert found.note in found.summary()
    assert do(_fit(frame), {"B": DOSES, "S": 0.5}, "G", draws=100).note == ""


@pytest.mark.usefixtures("few")
def test_a_level_is_compared_with_nothing(frame):
    found = do(_fit(frame), {"B": DOSES}, "G", draws=100)
    assert {e.baseline for e in found.estimates} == {None}
    table = found.to_frame()
    assert table["baseline"].isna().all()
    assert table["estimand"].str.endswith("; protocol: p").all()
    assert "0.5" in found.summary()
    assert not any("+" in line for line in found.summary().splitlines()[1:-1])


@pytest.mark.usefixtures("few")
def test_a_controlled_world_beyond_the_runs_says_so(frame):
    # S and N move together: a low S at the highest dose was never seen
    low, high = frame.s.min(), frame.s.max()
    model = _fit(frame)
    shares = [
        do(model, {"B": 4.0, "S": x}, "G", draws=100).extrapolated[0]
        for x in (low, frame.s[frame.b == 4].mean(), high)
    ]
    assert shares[0] > 0.05 > shares[1]
    warned = do(model, {"B": 4.0, "S": low}, "G", draws=100).mean[0].assumptions
    assert any("beyond the observed" in a for a in warned)


REFUSALS = {
    "no setting": ({}, {}, "name the nodes to set"),
    "unknown node": ({"X": 1.0}, {}, "X"),
    "outcome set": ({"G": 1.0}, {}, "both ends"),
    "a node without effect": ({"B": 1.0, "G": 0.0}, {}, "both ends"),
    "two grids": ({"B": DOSES, "S": [0.5, 1.0]}, {}, "several values each"),
    "beyond the runs": ({"B": 5.0}, {}, "lies outside what was run"),
    "held beyond the runs": ({"B": 1.0, "S": 99.0}, {}, "lies outside what was run"),
    "text": ({"B": "16"}, {}, "number or a sequence"),
    "no value": ({"B": []}, {}, "number or a sequence"),
    "not finite": ({"B": float("nan")}, {}, "finite"),
    "quantile of one": ({"B": 1.0}, {"quantiles": [0.5, 1.0]}, "between 0 and 1"),
    "threshold that is no number": ({"B": 1.0}, {"above": "high"}, "above needs numbers"),
    "empty density": ({"B": 1.0}, {"density": []}, "at least one value"),
    "too few draws": ({"B": 1.0}, {"draws": 50}, "too few"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_questions_that_do_not_fit_are_refused(frame, case):
    setting, options, message = REFUSALS[case]
    with pytest.raises(ConfigurationError, match=message):
        do(_fit(frame), setting, "G", **({"draws": 100} | options))


@pytest.mark.usefixtures("few")
def test_progress_ends_at_one_and_never_falls(frame):
    seen = []
    do(_fit(frame), {"B": DOSES}, "G", draws=100, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.usefixtures("few")
def test_the_plot_shows_densities_where_asked_for_and_quantiles_otherwise(frame):
    model = _fit(frame)
    plain = do(model, {"B": [1.0, 2.0, 4.0]}, "G", draws=100)
    (median,) = [x for x in plain.plot().get_lines() if x.get_label() == "median"]
    assert median.get_xydata().tolist() == [
        [e.value, e.estimate] for e in plain.quantiles if e.subject == "quantile 0.5"
    ]
    points = [-1.0, 0.0, 1.0]
    shaped = do(model, {"B": DOSES}, "G", density=points, draws=100)
    for b, line in zip(DOSES, shaped.plot().get_lines(), strict=True):
        assert line.get_label() == f"b {b:g}"
        drawn = [[x, e.estimate] for x, e in zip(points * 2, shaped.density, strict=True)]
        assert line.get_xydata().tolist() == drawn[3 * DOSES.index(b) :][:3]


def _replicates(model, interval):
    """What the replicates of the asked functionals are, by the collector's own input."""
    seen = {}
    collect = Collector.collect

    def spy(self, query, quantities, *rest, **more):
        seen[query] = quantities.reshape(len(quantities), -1)
        return collect(self, query, quantities, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Collector, "collect", spy)
        found = do(model, {"B": DOSES}, "G", above=[0.0], density=[0.0], draws=200, **interval)
    return found, seen


QUANTILE_KINDS = {
    "percentile": lambda est, low, high: (low, high),
    "basic": lambda est, low, high: (2 * est - high, 2 * est - low),
}


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("kind", QUANTILE_KINDS)
def test_limits_of_quantile_kinds_are_the_quantiles_themselves_within_what_can_be(frame, kind):
    found, seen = _replicates(_fit(frame), {"interval": kind})
    tops = {"do.sd": np.inf, "do.above": 1.0, "do.density": np.inf}
    for query, family in zip(tops, (found.sd, found.above, found.density), strict=True):
        ends = np.quantile(seen[query][1:], [0.025, 0.975], axis=0)
        limits = QUANTILE_KINDS[kind](seen[query][0], *ends)
        lower, upper = (np.clip(limit, 0.0, tops[query]) for limit in limits)
        assert [e.lower for e in family] == pytest.approx(list(lower), rel=1e-12)
        assert [e.upper for e in family] == pytest.approx(list(upper), rel=1e-12)
    assert not any("scale" in e.method for e in found.estimates)


@pytest.mark.usefixtures("few")
def test_every_kind_has_its_own_interval_of_a_probability_and_of_a_spread(frame):
    model = _fit(frame)
    made = {k: _replicates(model, {"interval": k})[0] for k in ("bootstrap", *QUANTILE_KINDS)}
    for family in ("sd", "above", "density"):
        assert len({getattr(found, family)[0].lower for found in made.values()}) == 3
    assert made["bootstrap"].sd[0].method.endswith("on the logarithmic scale")
    assert made["bootstrap"].above[0].method.endswith("on the logistic scale")


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("kind", ["bootstrap", "percentile", "basic", "t"])
def test_a_probability_that_no_replicate_moves_has_the_exact_binomial_interval(frame, kind):
    found = do(_fit(frame), {"B": 1.0}, "G", above=[1e6], draws=100, interval=kind).above[0]
    exact = stats.binomtest(0, found.clusters).proportion_ci(0.95, method="exact")
    assert (found.lower, found.upper) == pytest.approx((exact.low, exact.high), rel=1e-9)
    assert found.method.endswith("exact binomial interval, clusters as trials")
    assert found.df is None


@pytest.mark.usefixtures("few")
def test_with_unequal_strata_a_probability_has_the_same_degrees_of_freedom_as_the_rest():
    frame = runs(T, np.random.default_rng(8), clusters=12)
    frame["place"] = np.where(frame["k"] < 4, "a", "b")
    frame.loc[frame["place"] == "a", "g"] *= 4
    model = _fit(frame, context="place")
    e = do(model, {"B": 2.0}, "G", above=[0.0], draws=100, interval="t").above[0]
    assert "Welch-Satterthwaite" in e.method
    assert 1 <= e.df < model.clusters - model.strata - 0.01
    half = stats.t.ppf(0.975, e.df) * e.se / (e.estimate * (1 - e.estimate))
    ends = special.expit(special.logit(e.estimate) + np.array([-half, half]))
    assert (e.lower, e.upper) == pytest.approx(tuple(ends), rel=1e-9)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("kind", ["bootstrap", "t"])
def test_a_level_with_a_t_interval_states_its_degrees_of_freedom(frame, kind):
    found = do(_fit(frame), {"B": DOSES}, "G", density=[0.0], draws=100, interval=kind)
    assert {e.df for e in found.estimates} == {9.0}
    e = found.mean[0]
    assert e.upper - e.estimate == pytest.approx(stats.t.ppf(0.975, 9) * e.se, rel=1e-9)
