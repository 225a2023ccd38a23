"""Pure and total natural effects, controlled effects, four parts, couplings of worlds."""

from dataclasses import replace

import numpy as np
import pytest

import causalhyper.queries.experiments.preparation
from causalhyper import LINEAR, SPLINE, CausalHyperError, fit, mediate
from causalhyper.errors import ConfigurationError
from tests.queries.nested_truth import KEPT, brute_mean, mean
from tests.simulated import CHAIN, ROLES, TWO_WAYS, Truth, exact_runs, runs

B1, B0 = 4.0, 1.0
ASKED = {"at": [B1], "baseline": B0, "draws": 100}
M = 0.4
MODELS = {
    "chain": (CHAIN, Truth()),
    "two ways": (TWO_WAYS, replace(Truth(), d=0.4, h=-0.35)),
    "no product": (CHAIN, Truth(r=0.0)),
}


def _fit(graph, frame, **options):
    options = {"mechanisms": LINEAR} | options
    return fit(graph, frame, ROLES, protocol="p", cluster="k", **options)


def _truth(t, v1, coupling="shared"):
    """All effects of B on G with S as mediator: S carries N and B of another run."""

    def world(b_direct, b_through):
        return mean(t, b_direct, b_through, b_through, v1=v1, coupling=coupling)

    y11, y10, y01, y00 = world(B1, B1), world(B1, B0), world(B0, B1), world(B0, B0)
    controlled = mean(t, B1, B1, B1, v1=v1, s=M) - mean(t, B0, B0, B0, v1=v1, s=M)
    return {
        "total": y11 - y00,
        "natural_direct": y10 - y00,
        "natural_indirect": y11 - y10,
        "natural_direct_total": y11 - y01,
        "natural_indirect_pure": y01 - y00,
        "mediated_interaction": y11 - y10 - y01 + y00,
        "controlled_direct": controlled,
        "reference_interaction": y10 - y00 - controlled,
    }


@pytest.fixture(scope="module", params=MODELS)
def exact(request):
    """Least squares finds the true coefficients, and simulated runs use each residual once."""
    graph, t = MODELS[request.param]
    frame, e = exact_runs(t, np.random.default_rng(3), repeats=5)
    return _fit(graph, frame), t, e["N"]


@pytest.fixture
def all_rows(monkeypatch):
    monkeypatch.setattr(causalhyper.queries.experiments.preparation, "SIMULATED", 40 * 15)


@pytest.mark.parametrize("coupling", KEPT)
@pytest.mark.parametrize("states", [(B1, B0, B0), (B0, B1, B1), (B1, B0, B1), (B1, B1, B0)])
def test_the_closed_form_of_a_nested_mean_is_what_brute_force_gives(states, coupling):
    t = MODELS["two ways"][1]
    found = brute_mean(t, *states, np.random.default_rng(1), coupling=coupling)
    # standard deviation of G near 3: standard error 0.007
    assert found == pytest.approx(mean(t, *states, v1=t.v[0], coupling=coupling), abs=0.035)


@pytest.mark.usefixtures("all_rows")
def test_every_natural_and_controlled_effect_equals_its_closed_form(exact):
    model, t, noise = exact
    found = mediate(model, "B", "G", "S", controlled={"S": M}, **ASKED)
    for part, value in _truth(t, (noise**2).mean()).items():
        assert getattr(found, part)[0].estimate == pytest.approx(value, abs=1e-8), part


@pytest.mark.usefixtures("all_rows")
@pytest.mark.parametrize("coupling", ["independent", "antithetic"])
def test_natural_effects_under_another_coupling_equal_their_closed_form(exact, coupling):
    model, t, noise = exact
    v1 = (noise**2).mean()
    found = mediate(model, "B", "G", "S", coupling=coupling, **ASKED)
    # the product of noise and its other copy has mean k, here up to its error over the draws;
    # for the antithetic copy k is -v1 up to the asymmetry of the sample
    slack = 1e-8 + 5 * abs(t.g * t.r) * 0.9 * v1 / len(noise) ** 0.5
    truth = _truth(t, v1, coupling)
    for part in ("natural_direct", "natural_indirect", "natural_indirect_pure"):
        assert getattr(found, part)[0].estimate == pytest.approx(truth[part], abs=slack), part


def test_antithetic_noise_has_the_same_values_in_opposite_ranks(exact):
    from causalhyper.queries.experiments.preparation import make_experiment
    from causalhyper.queries.mediation.couplings import couple

    e = make_experiment(exact[0], "B", "G", **ASKED)
    shared = e.share(e.replicates.part(slice(3)))
    noise, other = shared.draws.noise["N"], couple(e, shared, ("N",), "antithetic").noise["N"]
    np.testing.assert_array_equal(np.sort(noise), np.sort(other))
    for row, opposite in zip(noise[:, 0], other[:, 0], strict=True):
        assert (np.diff(opposite[np.argsort(row, kind="stable")]) <= 0).all()
    with pytest.raises(ConfigurationError, match="only one opposite"):
        couple(e, shared, ("N",), "antithetic", copy=2)


@pytest.mark.usefixtures("all_rows")
@pytest.mark.parametrize("declared", ["shared", "independent"])
def test_the_shift_by_another_coupling_is_the_covariance_that_it_takes_away(exact, declared):
    model, t, noise = exact
    v1 = (noise**2).mean()
    found = mediate(model, "B", "G", "S", coupling=declared, **ASKED).natural_coupling[0]
    truth = -t.g * t.r * (t.c + t.h * B0) * v1 * (1 if declared == "shared" else -1)
    slack = 1e-12 + 5 * abs(t.g * t.r) * v1 / len(noise) ** 0.5
    assert found.estimate == pytest.approx(truth, abs=slack)


def test_the_coupling_matters_where_there_is_a_witness_and_nowhere_else():
    frame = runs(Truth(), np.random.default_rng(5), clusters=8)
    model = _fit(CHAIN, frame)
    for treatment, at, witnesses in (("B", 4.0, ("N",)), ("N", 2.0, ())):
        asked = {"at": [at], "baseline": 1.0, "draws": 100}
        found = {c: mediate(model, treatment, "G", "S", coupling=c, **asked) for c in KEPT}
        assert found["shared"].witnesses == witnesses
        assert bool(found["shared"].natural_coupling) == bool(witnesses)
        values = {c: m.natural_direct[0].estimate for c, m in found.items()}
        assert (len(set(values.values())) > 1) == bool(witnesses)
        named = [e for e in found["shared"].estimates if "recanting" in "".join(e.assumptions)]
        assert {e.query for e in named} == (
            {
                f"mediate.{name}"
                for name in (
                    "natural_direct",
                    "natural_indirect",
                    "natural_direct_total",
                    "natural_indirect_pure",
                    "mediated_interaction",
                    "natural_coupling",
                )
            }
            if witnesses
            else set()
        )


@pytest.mark.usefixtures("all_rows")
@pytest.mark.parametrize("name", ["chain", "two ways"])
def test_with_treatment_n_the_four_parts_are_those_of_the_textbook(name):
    """VanderWeele 2014: Y = ... + p n + q s + r n s and S = s0 + c n, here with B in S too."""
    t = replace(MODELS[name][1], h=0.0)
    frame, _ = exact_runs(t, np.random.default_rng(6), repeats=5)
    n1, n0 = 3.0, 1.0
    found = mediate(
        _fit(MODELS[name][0], frame),
        "N",
        "G",
        "S",
        at=[n1],
        baseline=n0,
        controlled={"S": M},
        draws=100,
    )
    s_at_n0 = t.s0 + t.c * n0 + t.d * frame.b.mean()
    step = n1 - n0
    parts = {
        "controlled_direct": t.g * (t.p + t.r * M) * step,
        "reference_interaction": t.g * t.r * step * (s_at_n0 - M),
        "mediated_interaction": t.g * t.r * step * t.c * step,
        "natural_indirect_pure": t.g * (t.q + t.r * n0) * t.c * step,
    }
    for part, value in parts.items():
        assert getattr(found, part)[0].estimate == pytest.approx(value, abs=1e-8), part
    assert found.total[0].estimate == pytest.approx(sum(parts.values()), abs=1e-8)
    assert found.witnesses == ()


def test_two_mediators_are_held_together_at_their_values():
    t = MODELS["two ways"][1]
    frame, _ = exact_runs(t, np.random.default_rng(7), repeats=5)
    graph = "B -> N; {B, N} -> S; {N, S} -> C; {B, C} -> G"
    found = mediate(
        _fit(graph, frame), "B", "G", ["N", "S"], controlled={"S": M, "N": 2.0}, **ASKED
    )
    # G has no arc from B in truth, and in these runs e4 is uncorrelated with C alone
    e = found.controlled_direct[0]
    assert abs(e.estimate) < 4 * e.se
    assert "N=2, S=0.4" in e.estimand


def test_values_that_no_run_comes_near_or_that_miss_a_mediator_are_refused():
    model = _fit(CHAIN, runs(Truth(), np.random.default_rng(8), clusters=6))
    for held, message in (
        ({"S": 99.0}, "outside what was run"),
        ({"N": 1.0}, "one value for each of S"),
        ({}, "one value for each of S"),
    ):
        with pytest.raises(CausalHyperError, match=message):
            mediate(model, "B", "G", "S", controlled=held, **ASKED)
    with pytest.raises(ConfigurationError, match="unknown coupling 'same'"):
        mediate(model, "B", "G", "S", coupling="same", **ASKED)


def test_a_mediator_on_a_logarithmic_scale_is_held_in_the_unit_of_its_column():
    frame = runs(Truth(), np.random.default_rng(9), clusters=8)
    plain = mediate(_fit(CHAIN, frame), "B", "G", "S", controlled={"S": 1.0}, **ASKED)
    logged = frame.assign(s=10**frame.s)
    model = fit(
        CHAIN, logged, ROLES | {"S": "log10(s)"}, protocol="p", cluster="k", mechanisms=LINEAR
    )
    found = mediate(model, "B", "G", "S", controlled={"S": 10.0}, **ASKED)
    assert found.controlled_direct[0].estimate == pytest.approx(
        plain.controlled_direct[0].estimate
    )
    with pytest.raises(ConfigurationError, match="above 0"):
        mediate(model, "B", "G", "S", controlled={"S": -1.0}, **ASKED)


@pytest.mark.parametrize("mechanisms", [LINEAR, SPLINE])
def test_identities_hold_in_every_replicate_so_intervals_agree(mechanisms):
    model = _fit(
        CHAIN, runs(Truth(), np.random.default_rng(10), clusters=8), mechanisms=mechanisms
    )
    found = mediate(model, "B", "G", "S", controlled={"S": M}, **ASKED)
    # total = pure + interaction in each replicate, so its standard error obeys the triangle
    pure, total, inter = (
        getattr(found, name)[0]
        for name in ("natural_indirect_pure", "natural_indirect", "mediated_interaction")
    )
    assert total.estimate == pytest.approx(pure.estimate + inter.estimate, abs=1e-12)
    assert abs(pure.se - inter.se) <= total.se <= pure.se + inter.se


def test_effects_that_oppose_one_another_are_said_to_and_no_share_is_made():
    t = Truth(p=-1.5, r=0.0)
    model = _fit(CHAIN, runs(t, np.random.default_rng(11), clusters=20))
    found = mediate(model, "B", "G", "S", at=[4.0], baseline=1.0, draws=200)
    assert "The two oppose one another." in found.summary()
    assert "recanting witness" in found.verdict
    same = mediate(
        _fit(CHAIN, runs(Truth(), np.random.default_rng(11), clusters=20)), "B", "G", "S", **ASKED
    )
    assert "oppose" not in same.summary()
