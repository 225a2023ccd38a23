"""Models whose mechanisms stand on different rungs of the ladder."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from causalhyper import (
    LINEAR,
    SPLINE,
    Additive,
    Binomial,
    CrossValidated,
    CutHyperedge,
    DropInteraction,
    RandomiseNode,
    Regressor,
    Table,
    ablate,
    effect_curve,
    fit,
    mediate,
)
from causalhyper.errors import ConfigurationError
from tests.simulated import CHAIN, ROLES, Truth, runs

ASKED = {"at": [4.0], "baseline": 1.0, "draws": 100}
PLAIN = "B -> N; N -> S; S -> C; C -> G"


@pytest.fixture(scope="module")
def frame():
    return runs(Truth(r=0.0), np.random.default_rng(0), clusters=20)


def _fit(frame, mechanisms, graph=CHAIN, **options):
    asked = {"protocol": "p", "cluster": "k"} | options
    return fit(graph, frame, ROLES, mechanisms=mechanisms, **asked)


def test_a_linear_regressor_answers_as_the_linear_mechanism_does(frame):
    plain = _fit(frame, LINEAR, PLAIN)
    other = _fit(frame, Regressor(LinearRegression()), PLAIN)
    for ask in (
        lambda m: effect_curve(m, "B", "G", **ASKED).graph[0],
        lambda m: mediate(m, "B", "G", "S", **ASKED).natural_indirect[0],
        lambda m: ablate(m, "B", "G", RandomiseNode("S"), **ASKED).level[0],
    ):
        a, b = ask(plain), ask(other)
        assert b.estimate == pytest.approx(a.estimate, abs=1e-8)
        assert b.se == pytest.approx(a.se, rel=1e-6)


def _accuracies(clusters=30):
    rng = np.random.default_rng(1)
    b = np.tile([1.0, 2.0, 4.0], 2 * clusters)
    k = np.repeat(np.arange(clusters), 6)
    n = 0.8 * b + rng.normal(size=len(b))
    p = 1 / (1 + np.exp(-(1.0 - 0.5 * n)))
    y = rng.binomial(500, p) / 500
    frame = pd.DataFrame({"b": b, "k": k, "n": n, "y": y, "n_test": 500})
    return frame.assign(run_id=[f"r{i}" for i in range(len(b))])


def test_a_binomial_outcome_averages_probabilities_over_the_mediator():
    frame, roles = _accuracies(), {"B": "b", "N": "n", "Y": "y"}
    mechanisms = {"N": LINEAR, "Y": Binomial(1)}
    model = fit("B -> N -> Y", frame, roles, protocol="p", cluster="k", mechanisms=mechanisms)
    found = effect_curve(model, "B", "Y", **ASKED).graph[0].estimate
    # the logistic-normal mean has no closed form: Gauss-Hermite with the true parameters
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    mean = [
        weights @ (1 / (1 + np.exp(-(1 - 0.5 * (0.8 * b + nodes))))) / weights.sum()
        for b in (1.0, 4.0)
    ]
    se = effect_curve(model, "B", "Y", **ASKED).graph[0].se
    assert found == pytest.approx(mean[1] - mean[0], abs=4 * se)


def test_proportions_and_trials_are_checked_before_a_binomial_fit():
    frame, roles = _accuracies(), {"B": "b", "Y": "y"}
    asked = {"protocol": "p", "cluster": "k", "mechanisms": Binomial(1)}
    with pytest.raises(ConfigurationError, match="no column 'n_test'"):
        fit("B -> Y", frame.drop(columns="n_test"), roles, **asked)
    with pytest.raises(ConfigurationError, match="positive numbers of trials"):
        fit("B -> Y", frame.assign(n_test=0), roles, **asked)
    with pytest.raises(ConfigurationError, match="proportions in"):
        fit("B -> Y", frame.assign(y=100 * frame["y"]), roles, **asked)


def test_a_mechanism_that_is_no_sum_refuses_to_lose_a_part_of_it(frame):
    graph = "B -> N; N -> S; N -> C; {N, S} -> C; C -> G"
    model = _fit(frame, {"C": Regressor(LinearRegression())}, graph)
    joint = next(e for e in model.graph.edges if len(e.tail) == 2)
    single = next(e for e in model.graph.edges if str(e) == "N -> C")
    for operation in (DropInteraction(joint), CutHyperedge(joint), CutHyperedge(single)):
        with pytest.raises(ConfigurationError, match="no sum over hyperedges"):
            ablate(model, "B", "G", operation, **ASKED)


def test_a_whole_tail_can_be_cut_from_a_mechanism_that_is_no_sum(frame):
    plain, other = _fit(frame, LINEAR, PLAIN), _fit(frame, Regressor(LinearRegression()), PLAIN)
    cut = CutHyperedge(next(e for e in plain.graph.edges if str(e) == "N -> S"))
    a, b = (ablate(m, "B", "G", cut, **ASKED).level[0] for m in (plain, other))
    assert b.estimate == pytest.approx(a.estimate, abs=1e-8)


def _discrete(n=3000):
    rng = np.random.default_rng(3)
    b = rng.choice([0.0, 1.0, 2.0], size=n)
    m = (rng.random(n) < 0.2 + 0.3 * (b > 0)).astype(float) + (rng.random(n) < 0.1 + 0.2 * b)
    y = (rng.random(n) < 0.1 + 0.2 * m + 0.1 * b).astype(float)
    frame = pd.DataFrame({"b": b, "m": m, "y": y, "k": np.arange(n) % 30})
    return frame.assign(run_id=[f"r{i}" for i in range(n)])


def test_tables_give_the_effects_that_enumeration_gives():
    frame = _discrete()
    roles = {"B": "b", "M": "m", "Y": "y"}
    model = fit("B -> M; {B, M} -> Y", frame, roles, protocol="p", cluster="k", mechanisms=Table())
    asked = {"at": [2.0], "baseline": 0.0, "draws": 100}
    p_m = pd.crosstab(frame["b"], frame["m"], normalize="index")
    y = frame.groupby(["b", "m"])["y"].mean().unstack()

    def mean(b, b_of_m):
        return float((p_m.loc[b_of_m] * y.loc[b]).sum())

    found = mediate(model, "B", "Y", "M", **asked)
    direct, total = mean(2, 0) - mean(0, 0), mean(2, 2) - mean(0, 0)
    assert found.total[0].estimate == pytest.approx(total, abs=4e-3)
    assert found.natural_direct[0].estimate == pytest.approx(direct, abs=4e-3)
    assert found.direct[0].estimate == pytest.approx(direct, abs=4e-3)


def test_cross_validation_takes_the_line_where_there_is_one_and_the_curve_where_not():
    rng = np.random.default_rng(6)
    x = rng.uniform(-2, 2, size=400)
    frame = pd.DataFrame({"x": x, "k": np.arange(400) % 20, "run_id": np.arange(400)})
    frame["line"] = 2 * x + rng.normal(size=400)
    frame["curve"] = np.sin(2 * x) + 0.3 * rng.normal(size=400)
    roles = {"X": "x", "L": "line", "C": "curve"}
    choice = CrossValidated((LINEAR, Additive(4)))
    model = fit("X -> L; X -> C", frame, roles, protocol="p", cluster="k", mechanisms=choice)
    assert model.mechanisms["L"].options == LINEAR
    assert model.mechanisms["C"].options == Additive(4)
    table = model.choices()
    assert list(table["chosen"]) == [False, True, True, False] or table["chosen"].sum() == 2
    assert "chosen by cross-validation" in model.summary()


def test_the_cross_validated_error_is_that_of_explicit_refits():
    rng = np.random.default_rng(7)
    x, k = rng.normal(size=60), np.arange(60) % 6
    y = x + rng.normal(size=60)
    frame = pd.DataFrame({"x": x, "y": y, "k": k, "run_id": np.arange(60)})
    choice = CrossValidated((LINEAR, SPLINE), folds=6)
    model = fit(
        "X -> Y", frame, {"X": "x", "Y": "y"}, protocol="p", cluster="k", mechanisms=choice
    )
    expected = 0.0
    for left in range(6):
        slope, start = np.polyfit(x[k != left], y[k != left], 1)
        expected += ((y - start - slope * x)[k == left] ** 2).sum() / 60
    assert model.choices()["error"][0] == pytest.approx(expected)


def test_pooled_contexts_answer_between_fixed_and_none(frame):
    data = frame.assign(d=frame["k"] % 5)
    slopes = {}
    for name, options in {
        "fixed": {"mechanisms": LINEAR, "context": "d"},
        "pooled": {"mechanisms": Additive(1, 1, "pooled"), "context": "d"},
        "none": {"mechanisms": LINEAR},
    }.items():
        model = _fit(data, graph=PLAIN, **options)
        slopes[name] = effect_curve(model, "B", "G", **ASKED).graph[0].estimate
    low, high = sorted((slopes["fixed"], slopes["none"]))
    assert low - 1e-9 <= slopes["pooled"] <= high + 1e-9
