"""Models with flows: questions answered, candidates chosen by density, intervals that cover."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm
from sklearn.linear_model import LinearRegression

from causalhyper import (
    LINEAR,
    SPLINE,
    Binomial,
    CrossValidated,
    CutHyperedge,
    DropInteraction,
    Regressor,
    Table,
    ablate,
    effect_curve,
    fit,
    mediate,
)
from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms import cluster_folds
from causalhyper.queries.counterfactuals.query import counterfactual
from causalhyper.scm.losses import log_losses, squared_errors
from causalhyper.scm.options import Additive, Flow
from tests.simulated import ROLES, TWO_WAYS, Truth, runs

LINE = Flow(1, 1, spread_df=1, shape_df=0)
ASKED = {"at": [4.0], "baseline": 1.0, "draws": 100, "interval": "bootstrap"}


def skewed(rng, clusters=20, repeats=2):
    """G = 1 + B/2 + (0.2 + 0.2 B) e with lognormal e of mean zero and variance one."""
    b = np.tile([1.0, 2.0, 4.0], clusters * repeats)
    k = np.repeat(np.arange(clusters), 3 * repeats)
    z = rng.normal(size=len(b))
    sd = np.sqrt((np.exp(0.36) - 1) * np.exp(0.36))
    e = (np.exp(0.6 * z) - np.exp(0.18)) / sd
    frame = pd.DataFrame({"b": b, "k": k, "g": 1 + 0.5 * b + (0.2 + 0.2 * b) * e, "z": z})
    return frame.assign(run_id=[f"r{i:04d}" for i in range(len(b))])


def _fit(frame, mechanisms, graph="B -> G", roles=None, **options):
    asked = {"protocol": "p", "cluster": "k", "mechanisms": mechanisms} | options
    return fit(graph, frame, roles or {"B": "b", "G": "g"}, **asked)


@pytest.fixture(scope="module")
def normal():
    return runs(Truth(), np.random.default_rng(0), clusters=20)


def test_on_normal_noise_effects_are_those_of_the_linear_mechanism(normal):
    options = dict.fromkeys("NSCG", Flow(1, 1, 0, 0, slopes=2))
    plain = fit(TWO_WAYS, normal, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)
    flows = fit(TWO_WAYS, normal, ROLES, protocol="p", cluster="k", mechanisms=options)
    assert all(m.fit.plain for m in flows.mechanisms.values())
    for ask in (
        lambda m: effect_curve(m, "B", "G", **ASKED).graph[0],
        lambda m: mediate(m, "B", "G", "S", **ASKED).natural_indirect[0],
    ):
        a, b = ask(plain), ask(flows)
        # mediators are drawn from a normal distribution, not from residuals
        assert b.estimate == pytest.approx(a.estimate, abs=0.1 * a.se)
        assert b.se == pytest.approx(a.se, rel=0.05)


def test_parts_of_a_hyperedge_can_be_cut_and_its_interaction_dropped(normal):
    model = fit(
        TWO_WAYS, normal, ROLES, protocol="p", cluster="k", mechanisms={"C": LINE, "G": LINE}
    )
    plain = fit(TWO_WAYS, normal, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)
    joint = next(e for e in model.graph.edges if e.head == "C")
    for operation in (DropInteraction(joint), CutHyperedge(joint)):
        a, b = (ablate(m, "B", "G", operation, **ASKED).change[0] for m in (plain, model))
        assert b.estimate == pytest.approx(a.estimate, abs=0.5 * a.se)


def test_counterfactual_runs_are_those_of_the_true_equations():
    frame = skewed(np.random.default_rng(1), clusters=300)
    model = _fit(frame, LINE)
    found = counterfactual(model, {"B": 4.0}, "G", draws=100, interval="bootstrap").by_run()
    found = found.set_index("run_id").loc[frame.run_id]
    ratio = 1.0 / (0.2 + 0.2 * frame.b.to_numpy())
    expected = 3.0 + ratio * (frame.g - 1 - 0.5 * frame.b).to_numpy()
    error = found.counterfactual.to_numpy() - expected
    assert np.abs(error).mean() < 0.1
    # equal noise in another dose, as an additive mechanism has it, is far off
    additive = frame.g + 0.5 * (4.0 - frame.b) - expected
    assert np.abs(error).mean() < 0.3 * np.abs(additive).mean()
    same = frame.b == 4.0
    assert found.counterfactual[same.to_numpy()].to_numpy() == pytest.approx(frame.g[same])


def test_contexts_fixed_and_pooled_are_taken():
    frame = skewed(np.random.default_rng(2))
    frame = frame.assign(d=frame.k % 4)
    for options in ({"context": "d"}, {"context": "k"}):
        model = _fit(frame, LINE, **options)
        found = effect_curve(model, "B", "G", **ASKED).graph[0]
        assert found.estimate == pytest.approx(1.5, abs=4 * found.se)
    pooled = _fit(frame, Flow(1, 1, 1, 0, contexts="pooled"), context="d")
    assert pooled.mechanisms["G"].fit.penalties.pooling > 0


def test_cross_validation_takes_the_flow_for_skewed_noise_and_the_spline_for_normal(normal):
    choice = CrossValidated((LINEAR, LINE))
    model = _fit(skewed(np.random.default_rng(3)), choice)
    assert model.mechanisms["G"].options == LINE
    model = _fit(normal, choice)
    assert model.mechanisms["G"].options == LINEAR
    assert CrossValidated((LINEAR, LINE)).measure == "log"
    assert CrossValidated((LINEAR, LINE), score="squared").measure == "squared"
    assert CrossValidated((LINEAR, SPLINE)).measure == "squared"


def test_candidates_without_a_density_cannot_be_compared_by_it():
    for other in (Binomial(), Table()):
        with pytest.raises(ConfigurationError, match="score='squared'"):
            CrossValidated((other, LINE))
        CrossValidated((other, LINE), score="squared")


# backfitted intercepts of regressors settle to a thousandth only
@pytest.mark.parametrize(
    ("kind", "context"),
    [("additive", None), ("additive", "d"), ("additive", "k"), ("regressor", None)],
)
def test_the_log_score_is_that_of_explicit_refits(kind, context):
    frame = skewed(np.random.default_rng(4)).assign(d=lambda f: f.k % 2)
    options = LINEAR if kind == "additive" else Regressor(LinearRegression())
    model = _fit(frame, options, context=context)
    fitted, groups = model.mechanisms["G"].fit, model.groups
    left = cluster_folds(groups, 4)
    found = log_losses(fitted, [model.values["B"]], groups, left)
    b, g = model.values["B"], model.values["G"]
    dummies = np.eye(groups.context_count)[groups.contexts]
    expected = np.zeros(20)
    for fold in left:
        out = fold[groups.clusters]
        X = np.column_stack([b, dummies])
        beta = np.linalg.lstsq(X[~out], g[~out])[0]
        sd = np.sqrt(((g - X @ beta)[~out] ** 2).mean())
        spent = 1 + groups.context_count
        inflation = np.sqrt(len(g) / (len(g) - spent)) if kind == "additive" else fitted.inflation
        error = g - X @ beta
        if context == "k":
            error -= (np.bincount(groups.contexts, error) / 6)[groups.contexts]
            error *= np.sqrt(6 / 5)
        losses = -norm.logpdf(error, scale=sd * inflation)
        np.add.at(expected, groups.clusters[out], losses[out])
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_flow_without_shape_and_spread_scores_as_the_additive_mechanism(normal):
    values = {}
    for name, options in {"flow": Flow(1, 1, 0, 0, slopes=2), "line": Additive(1)}.items():
        model = _fit(normal, options)
        groups, causes = model.groups, [model.values["B"]]
        fitted, left = model.mechanisms["G"].fit, cluster_folds(model.groups, 5)
        values[name] = (
            log_losses(fitted, causes, groups, left),
            squared_errors(fitted, causes, groups, left),
        )
        assert name == "line" or fitted.plain
    for mine, theirs in zip(values["flow"], values["line"], strict=True):
        assert mine == pytest.approx(theirs)


def test_wrong_options_are_refused():
    for wrong in ({"spread_df": -1}, {"slopes": 1}, {"folds": 1}, {"shape_df": 0.5}):
        with pytest.raises(ConfigurationError, match=next(iter(wrong))):
            Flow(**wrong)
    with pytest.raises(ConfigurationError, match="contexts must be"):
        Flow(contexts="none")


def test_causes_that_cannot_be_told_apart_are_refused_before_any_search():
    frame = skewed(np.random.default_rng(5)).assign(c=lambda f: 2 * f.b)
    with pytest.raises(ConfigurationError, match="do not tell the causes of G apart"):
        _fit(frame, LINE, "B -> G; C -> G", {"B": "b", "C": "c", "G": "g"})


def _bounds(n, level=0.95):
    """Counts that a sound interval leaves with probability one in a thousand at either end."""
    return binom.ppf([1e-3, 1 - 1e-3], n, level)


@pytest.mark.slow
def test_intervals_of_effects_and_of_counterfactual_runs_cover_under_skewed_unequal_noise():
    held, counterfactuals, asked, sims = 0, [], {"draws": 120}, 40
    for seed in range(sims):
        frame = skewed(np.random.default_rng([7, seed]), clusters=40, repeats=1)
        model = _fit(frame, LINE)
        effect = effect_curve(model, "B", "G", at=[4.0], baseline=1.0, **asked).graph[0]
        held += effect.lower <= 1.5 <= effect.upper
        row = int(np.flatnonzero(frame.b == 1.0)[seed % 40])
        found = counterfactual(model, {"B": 4.0}, "G", runs=[frame.run_id[row]], **asked)
        change = found.differences[0]
        truth = 1.5 + 1.5 * (frame.g[row] - 1.5)
        counterfactuals.append(change.lower <= truth <= change.upper)
    low, high = _bounds(sims)
    assert low <= held <= high
    assert low <= sum(counterfactuals) <= high


def _normal(rng, clusters):
    return runs(Truth(), rng, clusters=clusters).drop(columns="g").rename(columns={"n": "g"})


@pytest.mark.slow
def test_held_out_density_gains_on_skewed_noise_and_loses_next_to_nothing_on_normal_noise():
    gains = {"skewed": [], "normal": []}
    for seed in range(20):
        rng = np.random.default_rng([8, seed])
        for name, frame, new in (
            ("skewed", skewed(rng), skewed(rng, clusters=400)),
            ("normal", _normal(rng, 20), _normal(rng, 400)),
        ):
            model = _fit(frame, LINE)
            mine = model.mechanisms["G"].fit
            b, g = (new[c].to_numpy()[None, None] for c in ("b", "g"))
            codes = np.zeros((1, b.shape[-1]), dtype=int)
            density = mine.log_density(mine.parameters, [[b]], codes, g)
            line = mine.line
            mean = line.mean(line.parameters, [[b]], codes, {})
            residuals = line.response - line.fitted
            sd = np.sqrt((residuals**2).sum() / (len(residuals) - 2))
            gains[name].append(float((density - norm.logpdf(g, mean, sd)).mean()))
    assert np.mean(gains["skewed"]) > 0.1
    assert np.min(gains["skewed"]) > 0.0
    assert np.mean(gains["normal"]) > -0.01


def test_a_flow_that_comes_out_as_least_squares_is_tied_with_it_and_the_first_is_taken(normal):
    plain = Flow(1, 1, 0, 0, slopes=2)
    for pair in ((LINEAR, plain), (plain, LINEAR)):
        model = _fit(normal, CrossValidated(pair))
        assert model.mechanisms["G"].options == pair[0]
