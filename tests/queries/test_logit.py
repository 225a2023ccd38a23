"""Logit outcomes with a linear mediator: every estimand by Gauss-Hermite quadrature.

N = n0 + a B + e with e normal of variance v, and Y a binomial share of T trials with

    logit p = c + d B + q N + r B N.

A mean over e has no closed form but an integral, which 80 nodes give to 1e-13. The runs carry the
noise at the midpoints of equal parts of its distribution, the same at every dose, and the exact
probability as their share; so the fit is the truth to rounding. The midpoint rule for a monotone
function of u errs by no more than its range over twice the number of points.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, ndtri

from causalhyper import (
    LINEAR,
    Binomial,
    CutHyperedge,
    DirectedHypergraph,
    RandomiseNode,
    ablate,
    effect_curve,
    fit,
    mediate,
)
from causalhyper.errors import ConfigurationError
from causalhyper.queries.ablations.operations import CutEdge, FixNode
from causalhyper.queries.counterfactuals.query import counterfactual
from causalhyper.queries.experiments import preparation
from causalhyper.queries.interventions.query import PRECISE, do
from causalhyper.queries.paths.query import path_effects
from causalhyper.queries.policies.query import policy
from causalhyper.queries.shares.query import shapley

DOSES = (1.0, 2.0, 4.0)
B1, B0 = 4.0, 1.0
M = 1.5
ASKED = {"at": [B1], "baseline": B0, "draws": 100}
POINTS = 400
"""Noises a dose."""
TRIALS = 40


@dataclass(frozen=True)
class Logit:
    n0: float = 0.5
    a: float = 0.6
    v: float = 0.8
    c: float = -1.0
    d: float = 0.35
    q: float = -0.7
    r: float = 0.0


PLAIN, JOINT = Logit(), Logit(r=0.25)
GRAPHS = {PLAIN: "B -> N; B -> Y; N -> Y", JOINT: "B -> N; {B, N} -> Y"}


def _quadrature(of, mean, variance):
    """E[of(N)] for a normal N."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    return float(weights @ of(mean + variance**0.5 * nodes) / weights.sum())


def _probability(t, b, n):
    return expit(t.c + t.d * b + t.q * n + t.r * b * n)


def _mean(t, b, b_of_n):
    """E[Y(b, N(b_of_n))]."""
    return _quadrature(lambda n: _probability(t, b, n), t.n0 + t.a * b_of_n, t.v)


def _runs(t, points=POINTS):
    e = ndtri((np.arange(points) + 0.5) / points)
    e *= (t.v / (e**2).mean()) ** 0.5
    b = np.repeat(DOSES, points)
    n = t.n0 + t.a * b + np.tile(e, len(DOSES))
    k = np.tile(np.arange(points) % 20, len(DOSES))
    frame = pd.DataFrame({"b": b, "n": n, "y": _probability(t, b, n), "n_test": TRIALS, "k": k})
    return frame.assign(run_id=[f"r{i:05d}" for i in range(len(b))])


def _fit(t, frame):
    mechanisms = {"N": LINEAR, "Y": Binomial(1)}
    roles = {"B": "b", "N": "n", "Y": "y"}
    return fit(GRAPHS[t], frame, roles, protocol="p", cluster="k", mechanisms=mechanisms)


@pytest.fixture(scope="module", params=[PLAIN, JOINT], ids=["additive", "interaction"])
def exact(request):
    frame = _runs(request.param)
    return request.param, _fit(request.param, frame), frame


@pytest.fixture
def all_rows(monkeypatch):
    """As many simulated runs as rows: each noise is used equally often."""
    monkeypatch.setattr(preparation, "SIMULATED", POINTS * len(DOSES))


# rescaling the noise to its variance moves each of two means by far less than this
ERROR = 2 / (2 * POINTS)


def _effects(mean, controlled):
    """Every effect of a mediation without a witness from its four nested means."""
    y11, y10, y01, y00 = mean(B1, B1), mean(B1, B0), mean(B0, B1), mean(B0, B0)
    return {
        "total": y11 - y00,
        "direct": y10 - y00,
        "indirect": y11 - y10,
        "remainder": 0.0,
        "natural_direct": y10 - y00,
        "natural_indirect": y11 - y10,
        "natural_direct_total": y11 - y01,
        "natural_indirect_pure": y01 - y00,
        "mediated_interaction": y11 - y10 - y01 + y00,
        "controlled_direct": controlled,
        "reference_interaction": y10 - y00 - controlled,
    }


def test_the_fit_is_the_truth(exact):
    t, model, _ = exact
    b, n = np.meshgrid(np.linspace(1, 4, 5), np.linspace(-1, 4, 5))
    mechanism = model.mechanisms["Y"].fit
    terms = [[(b.ravel(), n.ravel())[i][None, None] for i in term] for term in mechanism.terms]
    found = mechanism.mean(mechanism.parameters, terms, np.zeros((1, 25), dtype=int), {})
    assert found.ravel() == pytest.approx(_probability(t, b, n).ravel(), abs=1e-10)


@pytest.mark.usefixtures("all_rows")
def test_every_effect_of_a_mediation_is_its_integral(exact):
    t, model, frame = exact
    found = mediate(model, "B", "Y", "N", controlled={"N": M}, **ASKED)
    controlled = float(_probability(t, B1, M) - _probability(t, B0, M))
    noise = frame.n[frame.b == B0].to_numpy() - t.n0 - t.a * B0

    def over_runs(b, b_of_n):
        return _probability(t, b, t.n0 + t.a * b_of_n + noise).mean()

    by_runs = _effects(over_runs, controlled)
    by_integral = _effects(lambda b, x: _mean(t, b, x), controlled)
    for part, value in by_integral.items():
        ours = getattr(found, part)[0].estimate
        assert ours == pytest.approx(by_runs[part], abs=1e-9), part
        assert ours == pytest.approx(value, abs=2 * ERROR if "interaction" in part else ERROR), (
            part
        )
    assert abs(by_integral["mediated_interaction"]) > 5 * ERROR
    assert found.witnesses == ()


@pytest.mark.usefixtures("all_rows")
def test_paths_curves_and_ablations_are_their_integrals(exact):
    t, model, frame = exact
    y11, y10, y01, y00 = (_mean(t, b, x) for b in (B1, B0) for x in (B1, B0))
    curve = effect_curve(model, "B", "Y", at=[2.0, 4.0], baseline=1.0, draws=100).graph
    expected = [_mean(t, b, b) - y00 for b in (2.0, 4.0)]
    assert [e.estimate for e in curve] == pytest.approx(expected, abs=ERROR)
    paths = path_effects(model, "B", "Y", **ASKED)
    along = dict(zip(paths.paths, (e[0].estimate for e in paths.along), strict=True))
    assert along["B -> Y"] == pytest.approx(y10 - y00, abs=ERROR)
    assert along["B -> N -> Y"] == pytest.approx(y01 - y00, abs=ERROR)
    assert paths.remainder[0].estimate == pytest.approx(y11 - y10 - y01 + y00, abs=2 * ERROR)
    # N of a random run is a mixture over the doses; so is B of a random run
    mixed = {b: np.mean([_mean(t, b, x) for x in DOSES]) for b in (B0, B1)}
    cut = {x: np.mean([_mean(t, b, x) for b in DOSES]) for x in (B0, B1)}
    through = np.mean([_mean(t, B1, x) - _mean(t, B0, x) for x in DOSES])
    fixed = float(_probability(t, B1, M) - _probability(t, B0, M))
    # where B of a random run meets the run's own noise, two stratified draws are in random order
    noise = frame.n[frame.b == B0].to_numpy() - t.n0 - t.a * B0
    spread = _spread(t, noise)
    loose = ERROR + 5 * spread / (POINTS * len(DOSES)) ** 0.5
    operations = [
        (RandomiseNode("N"), mixed[B1] - mixed[B0], ERROR),
        (CutEdge("N -> Y"), mixed[B1] - mixed[B0], ERROR),
        (CutEdge("B -> N"), through, loose),
        (CutEdge("B -> Y"), cut[B1] - cut[B0], loose),
        (FixNode("N", M), fixed, 1e-9),
    ]
    for operation, value, error in operations:
        found = ablate(model, "B", "Y", operation, **ASKED).after[0].estimate
        assert found == pytest.approx(value, abs=error), str(operation)


@pytest.mark.usefixtures("all_rows")
def test_shares_of_the_paths_are_averages_of_their_integrals(exact):
    t, model, _ = exact
    y11, y10, y01, y00 = (_mean(t, b, x) for b in (B1, B0) for x in (B1, B0))
    found = shapley(model, "B", "Y", "paths", **ASKED)
    shares = {e[0].subject: e[0].estimate for e in found.shares}
    assert shares["B -> Y"] == pytest.approx((y10 - y00 + y11 - y01) / 2, abs=ERROR)
    assert shares["B -> N -> Y"] == pytest.approx((y01 - y00 + y11 - y10) / 2, abs=ERROR)


@pytest.mark.usefixtures("all_rows")
def test_the_utility_of_each_value_is_its_integral_less_its_cost(exact):
    t, model, _ = exact
    prices = {1.0: 0.0, 2.0: 0.05, 4.0: 0.1}
    found = policy(model, "B", "Y", at=list(DOSES), cost=prices, draws=100).to_frame()
    for b in DOSES:
        rows = found[found["value"] == b].set_index("query")["estimate"]
        assert rows["policy.outcome"] == pytest.approx(_mean(t, b, b), abs=ERROR)
        assert rows["policy.utility"] == pytest.approx(_mean(t, b, b) - prices[b], abs=ERROR)


def _spread(t, noise):
    """Standard deviation of one run's effect where it lends B or N from a random run."""
    n = {x: t.n0 + t.a * x + noise for x in DOSES}
    moved = [_probability(t, b, n[B1]) - _probability(t, b, n[B0]) for b in DOSES]
    direct = [_probability(t, B1, n[x]) - _probability(t, B0, n[x]) for x in DOSES]
    return max(np.std(moved), np.std(direct))


def test_the_logit_of_an_additive_outcome_loses_one_arc_at_a_time():
    """In a decomposed mechanism a single hyperedge is cut: the other arc keeps its slope."""
    frame = _runs(PLAIN)
    spread = _spread(PLAIN, frame.n[frame.b == B0].to_numpy() - PLAIN.n0 - PLAIN.a * B0)
    edge = next(e for e in DirectedHypergraph.parse(GRAPHS[PLAIN]).edges if str(e) == "B -> Y")
    found = ablate(_fit(PLAIN, frame), "B", "Y", CutHyperedge(edge), **ASKED).after[0].estimate
    expected = np.mean([_mean(PLAIN, b, B1) - _mean(PLAIN, b, B0) for b in DOSES])
    assert found == pytest.approx(expected, abs=ERROR + 5 * spread / 1200**0.5)


def test_the_distribution_under_do_is_the_integral_of_binomial_distributions(exact):
    t, model, _ = exact
    thresholds = [0.1, 0.3, 0.5]
    found = do(model, {"B": (B0, B1)}, "Y", above=thresholds, quantiles=[0.2, 0.8], draws=100)
    for i, b in enumerate((B0, B1)):
        centre = t.n0 + t.a * b
        mean = _mean(t, b, b)
        square = _quadrature(lambda n, b=b: _probability(t, b, n) ** 2, centre, t.v)
        variance = (mean - square) / TRIALS + square - mean**2
        assert found.mean[i].estimate == pytest.approx(mean, abs=ERROR)
        assert found.sd[i].estimate == pytest.approx(
            variance**0.5, rel=5 * (1 / PRECISE) ** 0.5 + 2 / POINTS
        )
        for j, x in enumerate(thresholds):
            tail = _quadrature(
                lambda n, b=b, x=x: stats.binom.sf(x * TRIALS, TRIALS, _probability(t, b, n)),
                centre,
                t.v,
            )
            error = 5 * (tail * (1 - tail) / PRECISE) ** 0.5 + ERROR / 2
            assert found.above[3 * i + j].estimate == pytest.approx(tail, abs=error)
        for j, q in enumerate((0.2, 0.8)):
            counted = round(found.quantiles[2 * i + j].estimate * TRIALS)
            below, reached = (
                _quadrature(
                    lambda n, b=b, k=k: stats.binom.cdf(k, TRIALS, _probability(t, b, n)),
                    centre,
                    t.v,
                )
                for k in (counted - 1, counted)
            )
            error = 5 * 0.5 / PRECISE**0.5 + ERROR
            assert below - error < q < reached + error


def test_a_controlled_world_of_a_logit_outcome_needs_no_integral(exact):
    t, model, _ = exact
    found = do(model, {"B": (B0, B1), "N": M}, "Y", draws=100)
    for b, mean, sd in zip((B0, B1), found.mean, found.sd, strict=True):
        p = float(_probability(t, b, M))
        assert mean.estimate == pytest.approx(p, abs=1e-9)
        assert sd.estimate == pytest.approx((p * (1 - p) / TRIALS) ** 0.5, rel=0.02)


@pytest.mark.usefixtures("all_rows")
def test_a_binomial_mediator_carries_its_share_into_a_linear_outcome():
    # A is a share of T trials with logit -0.5 + 0.4 B; Y = 1 + 2 A - 0.3 B: linear in A, so the
    # mean of Y asks for nothing but the mean of A
    points = 200
    b = np.repeat(DOSES, points)
    p = expit(-0.5 + 0.4 * b)
    u = np.tile((np.arange(points) + 0.5) / points, len(DOSES))
    share = stats.binom.ppf(u, 400, p) / 400
    e = np.tile(np.random.default_rng(0).permutation(points) / points - 0.5, len(DOSES))
    X = np.column_stack([np.ones_like(b), b, share])
    e -= X @ np.linalg.lstsq(X, e, rcond=None)[0]
    frame = pd.DataFrame({"b": b, "a": share, "y": 1 + 2 * share - 0.3 * b + e})
    frame = frame.assign(n_test=400, k=np.tile(np.arange(points) % 20, 3), run_id=range(600))
    model = fit(
        "B -> A; B -> Y; A -> Y",
        frame,
        {"B": "b", "A": "a", "Y": "y"},
        protocol="p",
        cluster="k",
        mechanisms={"A": Binomial(1), "Y": LINEAR},
    )
    found = mediate(model, "B", "Y", "A", **ASKED)
    moved = 2 * float(expit(-0.5 + 0.4 * B1) - expit(-0.5 + 0.4 * B0))
    # counts are rounded to whole trials at each of the points, and drawn so again
    assert found.natural_indirect[0].estimate == pytest.approx(moved, abs=2 * 4 / 400)
    assert found.natural_direct[0].estimate == pytest.approx(-0.3 * (B1 - B0), abs=1e-9)


def test_the_noise_of_a_binomial_outcome_cannot_be_known_so_no_counterfactual_is_given(exact):
    with pytest.raises(ConfigurationError, match="mechanism of Y is not invertible"):
        counterfactual(exact[1], {"B": 1.0}, "Y", draws=100)
