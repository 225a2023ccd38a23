"""Structural ablation and marginalisation: against least squares done here, and closed forms."""

import numpy as np
import pytest
import statsmodels.api as sm

from causalhyper import (
    LINEAR,
    SPLINE,
    CausalHyperError,
    Hyperedge,
    effect_curve,
    fit,
)
from causalhyper.errors import ConfigurationError
from causalhyper.queries.refits.query import marginalise, refit_without
from causalhyper.scm.refitting import judge_fit, refit_model
from tests.simulated import CHAIN, ROLES, SPLIT, Truth, exact_runs, runs

T = Truth()
ASKED = {"at": [4.0], "baseline": 1.0, "draws": 100}


def _fit(graph, frame, **options):
    options = {"mechanisms": LINEAR, "cluster": "k"} | options
    return fit(graph, frame, ROLES, protocol="p", **options)


@pytest.fixture(scope="module")
def frame():
    return runs(T, np.random.default_rng(0), clusters=20, block_sd=0.3)


def _design(frame, *columns):
    X = np.column_stack([np.ones(len(frame)), *columns])
    return X, X @ np.linalg.lstsq(X, frame.c.to_numpy(), rcond=None)[0]


def test_likelihood_and_aic_are_those_of_statsmodels(frame):
    n, s = frame.n.to_numpy(), frame.s.to_numpy()
    full = sm.OLS(frame.c, sm.add_constant(np.column_stack([n, s, n * s]))).fit()
    less = sm.OLS(frame.c, sm.add_constant(np.column_stack([n, s]))).fit()
    (change,) = refit_without(_fit(SPLIT, frame), "B", "G", "{N, S} -> C", **ASKED).fit
    assert change.log_likelihood == pytest.approx(less.llf - full.llf, abs=1e-8)
    # statsmodels does not count the variance, which is estimated in both
    assert change.aic == pytest.approx(less.aic - full.aic, abs=1e-8)


def test_without_its_only_cause_a_node_keeps_its_mean(frame):
    n = frame.n.to_numpy()
    full = sm.OLS(n, sm.add_constant(frame.b.to_numpy())).fit()
    less = sm.OLS(n, np.ones(len(n))).fit()
    found = refit_without(_fit(CHAIN, frame), "B", "G", "B -> N", **ASKED)
    assert found.fit[0].aic == pytest.approx(less.aic - full.aic, abs=1e-8)
    assert found.tautological
    assert "by construction" in found.note
    assert found.after[0].estimate == pytest.approx(0, abs=1e-12)
    assert found.change[0].estimate == pytest.approx(-found.before[0].estimate, abs=1e-12)


@pytest.mark.parametrize("edge", ["{N, S} -> C", "B -> N"])
def test_the_cross_validated_error_is_that_of_leaving_folds_of_clusters_out(frame, edge):
    model = _fit(SPLIT, frame)
    head = edge[-1]
    n, s, k = frame.n.to_numpy(), frame.s.to_numpy(), frame.k.to_numpy()
    y = frame[head.lower()].to_numpy()
    one = np.ones(len(y))
    designs = (
        [np.column_stack(x) for x in ([one, n, s, n * s], [one, n, s])]
        if head == "C"
        else [np.column_stack(x) for x in ([one, frame.b], [one])]
    )
    errors = []
    for X in designs:
        loss = 0.0
        for fold in range(10):
            out = k % 10 == fold
            coefs = np.linalg.lstsq(X[~out], y[~out], rcond=None)[0]
            loss += ((y[out] - X[out] @ coefs) ** 2).sum()
        errors.append(loss / len(y))
    (change,) = refit_without(model, "B", "G", edge, **ASKED).fit
    assert change.error == pytest.approx(errors[0], rel=1e-9)
    assert change.error_change == pytest.approx(errors[1] - errors[0], rel=1e-9)
    assert change.lower < change.error_change < change.upper


def test_within_contexts_of_single_clusters_errors_are_of_deviations(frame):
    model = _fit(CHAIN, frame, context="k")
    found = judge_fit(refit_model(model, graph=model.graph.without(Hyperedge(("B",), "N"))), "N")
    within = frame.n - frame.groupby("k").n.transform("mean")
    assert found.losses == pytest.approx((within**2).groupby(frame.k).sum().to_numpy())
    # one mean a context and the variance
    n, contexts = len(frame), 20
    likelihood = -n / 2 * (np.log(2 * np.pi * (within**2).mean()) + 1)
    assert found.aic == pytest.approx(2 * (contexts + 1) - 2 * likelihood)


def test_the_effect_after_is_that_of_the_smaller_hypergraph_on_the_same_resamples(frame):
    found = refit_without(_fit(SPLIT, frame), "B", "G", "{N, S} -> C", **ASKED)
    small = "B -> N; N -> S; N -> C; S -> C; C -> G"
    for estimate, graph in ((found.before[0], SPLIT), (found.after[0], small)):
        curve = effect_curve(_fit(graph, frame), "B", "G", **ASKED).graph[0]
        assert estimate.estimate == pytest.approx(curve.estimate, abs=1e-10)
        assert estimate.se == pytest.approx(curve.se, rel=1e-9)
    change = found.change[0]
    assert change.estimate == pytest.approx(
        found.after[0].estimate - found.before[0].estimate, abs=1e-12
    )
    # paired: the difference is surer than either effect
    assert change.se < 0.8 * found.before[0].se


def test_a_needed_interaction_is_missed_and_an_idle_one_is_not():
    rng = np.random.default_rng(3)
    needed = refit_without(
        _fit(SPLIT, runs(Truth(r=0.5), rng)), "B", "G", "{N, S} -> C", **ASKED
    ).fit[0]
    assert needed.aic > 20
    assert needed.lower > 0
    idle = refit_without(
        _fit(SPLIT, runs(Truth(r=0.0), rng)), "B", "G", "{N, S} -> C", **ASKED
    ).fit[0]
    assert idle.aic < 4
    assert idle.lower < 0


def test_a_hyperedge_that_a_larger_one_holds_changes_nothing_and_says_so(frame):
    found = refit_without(_fit(SPLIT, frame), "B", "G", "N -> C", **ASKED)
    assert found.change[0].estimate == pytest.approx(0, abs=1e-12)
    assert "holds every term of N -> C" in found.summary()


def test_leaving_out_a_link_of_a_linear_chain_leaves_the_effect():
    # G on N has the slope q g of S -> C -> G, by residuals that are exactly uncorrelated
    t = Truth(p=0.0, r=0.0)
    frame, _ = exact_runs(t, np.random.default_rng(4), repeats=5)
    model = _fit("B -> N; N -> S; S -> C; C -> G", frame)
    found = marginalise(model, "B", "G", "S", **ASKED)
    assert str(found.graph) == "B -> N; N -> C; C -> G"
    assert found.graph.latent == ()
    assert found.before[0].estimate == pytest.approx(t.a * t.c * t.q * t.g * 3, abs=1e-8)
    assert found.change[0].estimate == pytest.approx(0, abs=1e-8)
    assert "no ablation" in found.note


def test_what_marginalising_leaves_ablating_takes_away(frame):
    found = marginalise(_fit(CHAIN, frame), "B", "G", "N", **ASKED)
    assert str(found.graph) == "B -> S; {B, S} -> C; C -> G; S <-> C"
    # all of the effect goes through N, and all of it is still there
    assert abs(found.change[0].estimate) < 0.2 * abs(found.before[0].estimate)
    assert "independent noise" in found.note
    assert found.fit == ()


def test_a_treatment_that_loses_its_cause_is_said_to_be_confounded(frame):
    graph = "B -> N; {B, N} -> S; S -> C; C -> G"
    found = marginalise(_fit(graph, frame), "N", "G", "B", at=[3.0], baseline=1.0, draws=100)
    assert "now confounded" in found.note


def test_a_replicate_must_suffice_for_both_models():
    # five clusters, some of which a resample lacks: the larger new mechanisms need more of them
    frame = runs(T, np.random.default_rng(5), clusters=5, doses=(1.0, 4.0), repeats=1)
    model = _fit(CHAIN, frame)
    found = marginalise(model, "B", "G", "C", **ASKED)
    assert all(np.isfinite(e.se) and e.se < 50 for e in found.estimates)
    again = marginalise(model, "B", "G", "C", **ASKED)
    assert found.to_frame().equals(again.to_frame())


def test_the_changes_of_fit_are_a_frame(frame):
    table = refit_without(_fit(SPLIT, frame, mechanisms=SPLINE), "B", "G", "N -> S", **ASKED)
    columns = "head log_likelihood aic error error_change lower upper".split()
    assert list(table.fit_frame().columns) == columns
    assert table.fit_frame().loc[0, "head"] == "S"


def test_progress_of_a_refit_ends_at_one_and_never_falls(frame):
    seen = []
    refit_without(_fit(SPLIT, frame), "B", "G", "N -> S", progress=seen.append, **ASKED)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_what_is_no_hyperedge_or_an_end_is_refused(frame):
    model = _fit(SPLIT, frame)
    with pytest.raises(CausalHyperError, match="no hyperedge 'B -> G'"):
        refit_without(model, "B", "G", "B -> G", **ASKED)
    with pytest.raises(ConfigurationError, match="expected one hyperedge"):
        refit_without(model, "B", "G", "N -> C; S -> C", **ASKED)
    for end in "BG":
        with pytest.raises(ConfigurationError, match="is an end of the effect"):
            marginalise(model, "B", "G", end, **ASKED)
