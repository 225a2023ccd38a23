"""Every query against a closed form and against brute-force simulation of the true model.

With mu(b) = n0 + a b, mu1, mu0 its values at b and b0, D = mu1 - mu0, m(b) = s0 + c mu(b) the
mean of S under do(b) (where d = h = 0), v1 = Var(e1), and a bar for means over the observed runs:

    E[C | do b] = c0 + p mu + q m + r (mu m + c v1),   E[G] = g0 + g E[C].
"""

from dataclasses import replace

import numpy as np
import pytest

import causalhyper.queries.experiments.preparation
from causalhyper import (
    LINEAR,
    CutHyperedge,
    DirectedHypergraph,
    DropInteraction,
    RandomiseNode,
    ablate,
    effect_curve,
    fit,
    mediate,
)
from tests.simulated import (
    CHAIN,
    ROLES,
    SPLIT,
    TWO_WAYS,
    Truth,
    as_frame,
    design,
    draw_noise,
    exact_runs,
    respond,
    runs,
)

T = Truth()
B1, B0 = 4.0, 1.0
ASKED = {"at": [B1], "baseline": B0, "draws": 100}


def _edge(graph, text):
    return next(e for e in DirectedHypergraph.parse(graph).edges if str(e) == text)


OPERATIONS = {
    "randomise S": (CHAIN, RandomiseNode("S")),
    "randomise N": (CHAIN, RandomiseNode("N")),
    "cut N -> S": (CHAIN, CutHyperedge(_edge(CHAIN, "N -> S"))),
    "cut NS -> C, joint": (CHAIN, CutHyperedge(_edge(CHAIN, "{N, S} -> C"), "joint")),
    "cut NS -> C, product": (CHAIN, CutHyperedge(_edge(CHAIN, "{N, S} -> C"), "product")),
    "cut own NS, joint": (SPLIT, CutHyperedge(_edge(SPLIT, "{N, S} -> C"), "joint")),
    "cut own NS, product": (SPLIT, CutHyperedge(_edge(SPLIT, "{N, S} -> C"), "product")),
    "drop NS": (CHAIN, DropInteraction(_edge(CHAIN, "{N, S} -> C"), "product")),
    "drop own NS": (SPLIT, DropInteraction(_edge(SPLIT, "{N, S} -> C"), "product")),
}


def _closed_ablation(name, n_bar, v1, cov):
    """Effect after, and E*[G | do b] at b and b0 averaged, less the natural one."""
    mu1, mu0 = T.n0 + T.a * B1, T.n0 + T.a * B0
    D = mu1 - mu0
    m_bar = T.s0 + T.c * n_bar

    def m(mu):
        return T.s0 + T.c * mu

    def natural(mu):
        return T.p * mu + T.q * m(mu) + T.r * (mu * m(mu) + T.c * v1)

    def additive(mu):  # r N S without r (N - n_bar)(S - m_bar)
        k = T.p + T.r * m_bar, T.q + T.r * n_bar
        return k[0] * mu + k[1] * m(mu) - T.r * n_bar * m_bar

    worlds = {
        # S is an independent draw with mean m_bar, so E[N S] = mu m_bar
        "randomise S": lambda mu: T.p * mu + T.q * m_bar + T.r * mu * m_bar,
        # N is an independent draw, S follows it: nothing depends on b
        "randomise N": lambda mu: T.p * n_bar + T.q * m_bar + T.r * (n_bar * m_bar + cov),
        # S = s0 + c N~ + e2 has mean m_bar and is independent of N
        "cut N -> S": lambda mu: T.p * mu + T.q * m_bar + T.r * mu * m_bar,
        "cut NS -> C, joint": lambda mu: T.p * n_bar + T.q * m_bar + T.r * (n_bar * m_bar + cov),
        "cut NS -> C, product": lambda mu: T.p * n_bar + T.q * m_bar + T.r * n_bar * m_bar,
        # the main effects stay; r (N~ - n_bar)(S~ - m_bar) has mean r cov, or 0
        "cut own NS, joint": lambda mu: additive(mu) + T.r * cov,
        "cut own NS, product": additive,
        "drop NS": additive,
        "drop own NS": additive,
    }
    world = worlds[name]
    after = T.g * (world(mu1) - world(mu0))
    change = after - T.g * (natural(mu1) - natural(mu0))
    level = T.g * (world(mu1) - natural(mu1) + world(mu0) - natural(mu0)) / 2
    assert change == pytest.approx(
        after - T.g * ((T.p + T.q * T.c + T.r * T.s0) * D + T.r * T.c * (mu1**2 - mu0**2))
    )
    return {"after": after, "change": change, "level": level}


def _brute_ablation(name, rng, size=10**6):
    """The same by drawing from the true model, Q being the observed design's distribution."""
    e = draw_noise(T, rng, size)

    def observed():
        return respond(
            T, draw_noise(T, rng, size), rng.permutation(np.resize([1.0, 2.0, 4.0], size))
        )

    q, other = observed(), observed()
    centre = q["N"].mean(), q["S"].mean()
    overruled = {
        "randomise S": {"s": q["S"]},
        "randomise N": {"n": q["N"]},
        "cut N -> S": {"n_into_s": q["N"]},
        "cut NS -> C, joint": {"into_c": (q["N"], q["S"])},
        "cut NS -> C, product": {"into_c": (q["N"], other["S"])},
        "cut own NS, joint": {"product": (q["N"], q["S"]), "centre": centre},
        "cut own NS, product": {"product": (q["N"], other["S"]), "centre": centre},
        "drop NS": {"product_value": 0.0, "centre": centre},
        "drop own NS": {"product_value": 0.0, "centre": centre},
    }[name]
    plain = {b: respond(T, e, b)["G"].mean() for b in (B0, B1)}
    world = {b: respond(T, e, b, **overruled)["G"].mean() for b in (B0, B1)}
    after = world[B1] - world[B0]
    return {
        "after": after,
        "change": after - (plain[B1] - plain[B0]),
        "level": (world[B1] + world[B0] - plain[B1] - plain[B0]) / 2,
    }


@pytest.fixture(scope="module")
def exact():
    return exact_runs(T, np.random.default_rng(0))


def _fit(graph, frame, **options):
    return fit(graph, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR, **options)


@pytest.fixture
def all_rows(monkeypatch, exact):
    """As many simulated runs as rows: each residual is then used once, and moments are exact."""
    monkeypatch.setattr(causalhyper.queries.experiments.preparation, "SIMULATED", len(exact[0]))


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_closed_form_of_an_ablation_is_what_brute_force_gives(name):
    n_bar = T.n0 + T.a * 7 / 3
    variance = T.a**2 * np.var([1, 2, 4]) + T.v[0]
    found = _brute_ablation(name, np.random.default_rng(1))
    # standard errors near 0.003 at 10^6 draws
    for part, value in _closed_ablation(name, n_bar, T.v[0], T.c * variance).items():
        assert found[part] == pytest.approx(value, abs=0.02), part


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.usefixtures("all_rows")
def test_an_ablation_equals_its_closed_form(name, exact):
    frame, e = exact
    graph, operation = OPERATIONS[name]
    found = ablate(_fit(graph, frame), "B", "G", operation, **ASKED)
    v1, cov = (e["N"] ** 2).mean(), T.c * frame.n.var(ddof=0)
    truth = _closed_ablation(name, frame.n.mean(), v1, cov)
    assert found.after[0].estimate == pytest.approx(truth["after"], abs=1e-8)
    assert found.change[0].estimate == pytest.approx(truth["change"], abs=1e-8)
    # the level rests on the product of two independently permuted draws: r g sd sd / sqrt(n)
    slack = 5 * abs(T.g) * T.r * frame.n.std() * frame.s.std() * 2**0.5 / len(frame) ** 0.5
    assert found.level[0].estimate == pytest.approx(truth["level"], abs=slack)


def _closed_mediation(t, v1, s_bar0):
    """Total, and the decomposition through S, for S = s0 + c N + d B + h B N + e2.

    E[S | do b] = s0 + d b + (c + h b) mu(b) and Cov(N, S | do b) = (c + h b) v1. The randomised
    analogue drops the covariance, so the remainder is g r v1 h (b - b0); the natural one keeps
    Cov(N(b), S(b0)) = (c + h b0) v1, so its change is part of the indirect effect.
    """
    mu = {b: t.n0 + t.a * b for b in (B0, B1)}
    m = {b: t.s0 + t.d * b + (t.c + t.h * b) * mu[b] for b in mu}
    cov = {b: (t.c + t.h * b) * v1 for b in mu}

    def mean(b, s, joint):
        return t.g * (t.p * mu[b] + t.q * s + t.r * (mu[b] * s + joint))

    total = mean(B1, m[B1], cov[B1]) - mean(B0, m[B0], cov[B0])
    direct = mean(B1, m[B0], 0) - mean(B0, m[B0], 0)
    indirect = mean(B1, m[B1], 0) - mean(B1, m[B0], 0)
    natural = mean(B1, m[B0], cov[B0]) - mean(B0, m[B0], cov[B0])
    assert total - direct - indirect == pytest.approx(t.g * t.r * v1 * t.h * (B1 - B0))
    return {
        "total": total,
        "direct": direct,
        "indirect": indirect,
        "remainder": total - direct - indirect,
        "natural_direct": natural,
        "natural_indirect": total - natural,
    }


def _brute_mediation(t, rng, size=10**6):
    e, twin = draw_noise(t, rng, size), draw_noise(t, rng, size)
    s = {b: respond(t, e, b)["S"] for b in (B0, B1)}
    drawn = {b: respond(t, twin, b)["S"] for b in (B0, B1)}

    def mean(b, s=None):
        return respond(t, e, b, s=s)["G"].mean()

    total = mean(B1) - mean(B0)
    direct = mean(B1, drawn[B0]) - mean(B0, drawn[B0])
    indirect = mean(B1, drawn[B1]) - mean(B1, drawn[B0])
    natural = mean(B1, s[B0]) - mean(B0)
    return {
        "total": total,
        "direct": direct,
        "indirect": indirect,
        "remainder": total - direct - indirect,
        "natural_direct": natural,
        "natural_indirect": total - natural,
    }


MODELS = {"chain": (CHAIN, T), "two ways": (TWO_WAYS, replace(T, d=0.4, h=-0.35))}


@pytest.mark.parametrize("name", MODELS)
def test_the_closed_form_of_a_mediation_is_what_brute_force_gives(name):
    t = MODELS[name][1]
    found = _brute_mediation(t, np.random.default_rng(2))
    for part, value in _closed_mediation(t, t.v[0], None).items():
        assert found[part] == pytest.approx(value, abs=0.02), part


@pytest.mark.parametrize("name", MODELS)
def test_a_mediation_through_s_equals_its_closed_form(name, monkeypatch):
    graph, t = MODELS[name]
    frame, e = exact_runs(t, np.random.default_rng(3))
    monkeypatch.setattr(causalhyper.queries.experiments.preparation, "SIMULATED", len(frame))
    found = mediate(_fit(graph, frame), "B", "G", "S", **ASKED)
    # h makes b multiply the product of two independently permuted draws of e1
    v1 = (e["N"] ** 2).mean()
    slack = 1e-8 + 5 * abs(t.g * t.r * t.h) * (B1 - B0) * v1 / len(frame) ** 0.5
    for part, value in _closed_mediation(t, v1, None).items():
        assert getattr(found, part)[0].estimate == pytest.approx(value, abs=slack), part


@pytest.mark.usefixtures("all_rows")
def test_through_n_goes_everything_and_nothing_is_direct(exact):
    found = mediate(_fit(CHAIN, exact[0]), "B", "G", "N", **ASKED)
    total = _closed_mediation(T, (exact[1]["N"] ** 2).mean(), None)["total"]
    assert found.total[0].estimate == pytest.approx(total, abs=1e-8)
    assert found.direct[0].estimate == 0.0
    assert found.natural_direct[0].estimate == 0.0
    assert found.indirect[0].estimate == pytest.approx(total, abs=1e-8)
    assert found.remainder[0].estimate == pytest.approx(0, abs=1e-8)
    assert "zero by construction" in found.note


@pytest.mark.usefixtures("all_rows")
def test_two_mediators_drawn_jointly_keep_their_covariance(exact):
    # (N, S) together intercept everything and keep Cov(N, S): indirect = total
    found = mediate(_fit(CHAIN, exact[0]), "B", "G", ["N", "S"], **ASKED)
    assert found.direct[0].estimate == 0.0
    assert found.indirect[0].estimate == pytest.approx(found.total[0].estimate, abs=1e-8)


def test_the_total_effect_of_a_linear_chain_is_the_product_of_its_slopes():
    t = Truth(p=0.0, r=0.0)
    frame, _ = exact_runs(t, np.random.default_rng(4), repeats=5)
    found = effect_curve(_fit("B -> N; N -> S; S -> C; C -> G", frame), "B", "G", **ASKED)
    # N is residualised out of e3 as well, so each simple regression is exact
    truth = t.a * t.c * t.q * t.g * (B1 - B0)
    assert found.graph[0].estimate == pytest.approx(truth, abs=1e-8)
    assert found.design[0].estimate == pytest.approx(truth, abs=5 * found.design[0].se)


def test_the_total_effect_of_a_diamond_is_the_sum_over_its_paths():
    # B -> N -> G and B -> S -> G: a p + d q
    rng = np.random.default_rng(5)
    k, b = design(40, (1.0, 2.0, 4.0), 5)
    frame = as_frame(
        k, b, {"N": 0.8 * b + rng.normal(size=len(b)), "S": -0.3 * b + rng.normal(size=len(b))}
    )
    e = rng.normal(size=len(b))
    X = np.column_stack([np.ones(len(b)), frame.n, frame.s])
    frame["g"] = 1 + 0.6 * frame.n + 0.9 * frame.s + e - X @ np.linalg.lstsq(X, e, rcond=None)[0]
    slopes = [np.polyfit(b, frame[v], 1)[0] for v in ("n", "s")]
    roles = {v: ROLES[v] for v in "BNSG"}
    graph = "B -> N; B -> S; N -> G; S -> G"
    model = fit(graph, frame, roles, protocol="p", cluster="k", mechanisms=LINEAR)
    truth = [0.6 * slopes[0] * 3, 0.9 * slopes[1] * 3]
    curve = effect_curve(model, "B", "G", **ASKED)
    assert curve.graph[0].estimate == pytest.approx(sum(truth), abs=1e-8)
    through = mediate(model, "B", "G", "N", **ASKED)
    assert through.indirect[0].estimate == pytest.approx(truth[0], abs=1e-8)
    assert through.direct[0].estimate == pytest.approx(truth[1], abs=1e-8)


def test_the_design_is_the_mean_paired_difference():
    frame = runs(T, np.random.default_rng(6), block_sd=2.0)
    wide = frame.pivot_table(values="g", index="k", columns="b")
    found = effect_curve(_fit(CHAIN, frame), "B", "G", at=[2.0, 4.0], baseline=1.0, draws=4000)
    for e in found.design:
        paired = wide[e.value] - wide[1.0]
        assert e.estimate == pytest.approx(paired.mean(), abs=1e-10)
        # relative Monte Carlo error of the standard error (2 * 4000)^-1/2 = 1.1%
        assert e.se == pytest.approx(paired.sem(), rel=0.05)


def test_random_data_give_every_query_within_its_own_standard_error_of_brute_force():
    frame = runs(T, np.random.default_rng(7), clusters=100, repeats=4)
    rng = np.random.default_rng(8)
    found = mediate(_fit(CHAIN, frame), "B", "G", "S", **ASKED)
    for part, value in _brute_mediation(T, rng, 10**5).items():
        e = getattr(found, part)[0]
        assert abs(e.estimate - value) < 4 * e.se + 0.04, part
    for name, (graph, operation) in OPERATIONS.items():
        ablated = ablate(_fit(graph, frame), "B", "G", operation, **ASKED)
        for part, value in _brute_ablation(name, rng, 10**5).items():
            e = getattr(ablated, part)[0]
            assert abs(e.estimate - value) < 4 * e.se + 0.04, (name, part)
