"""What is no number, node or map is refused with one clear error."""

import numpy as np
import pytest

from causalhyper import (
    LINEAR,
    Additive,
    ConfigurationError,
    DirectedHypergraph,
    GraphError,
    effect_curve,
    fit,
    mediate,
)
from causalhyper.queries import (
    arc_slopes,
    check_independencies,
    counterfactual,
    do,
    falsify,
    identify,
    marginalise,
    refit_without,
)
from causalhyper.queries.policies.query import policy
from tests.simulated import CHAIN, ROLES, Truth, runs

ASKED = {"at": [4.0], "baseline": 1.0, "draws": 100}


@pytest.fixture(scope="module")
def frame():
    return runs(Truth(), np.random.default_rng(0), clusters=8)


@pytest.fixture(scope="module")
def model(frame):
    return fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"at": ["a"]}, "each value of at must be a number such as 16, got 'a'"),
        ({"at": [None]}, "each value of at must be a number"),
        ({"at": [float("nan")]}, "each value of at must be a finite number"),
        ({"at": None}, "at needs a sequence of numbers"),
        ({"at": "4"}, "at needs a sequence of numbers"),
        ({"baseline": "a"}, "baseline must be a number such as 16, got 'a'"),
        ({"baseline": None}, "baseline must be a number"),
        ({"baseline": [1, 2]}, "baseline must be a number"),
        ({"baseline": np.array([1, 2])}, "baseline must be a finite number"),
    ],
)
def test_values_are_numbers(model, given, message):
    with pytest.raises(ConfigurationError, match=message):
        effect_curve(model, "B", "G", **(ASKED | given))


@pytest.mark.parametrize("at", [["a", "b"], None, [1, None]])
def test_a_policy_chooses_among_numbers(model, at):
    with pytest.raises(ConfigurationError, match="number"):
        policy(model, "B", "G", at=at, draws=100)


@pytest.mark.parametrize("mediators", [None, 3, [3], ["N", None]])
def test_mediators_are_nodes(model, mediators):
    with pytest.raises(ConfigurationError, match="mediators must be nodes"):
        mediate(model, "B", "G", mediators, **ASKED)


@pytest.mark.parametrize("df", ["3", None, 1.5, 0])
def test_numbers_of_functions_are_whole(df):
    with pytest.raises(ConfigurationError, match="whole numbers df >= 1"):
        Additive(df)


@pytest.mark.parametrize("roles", [None, 3, ["B=b"]])
def test_roles_are_a_map(frame, roles):
    with pytest.raises(ConfigurationError, match="expected roles as a map of node to column"):
        fit(CHAIN, frame, roles, protocol="p", cluster="k")


@pytest.mark.parametrize("given", [None, "m", DirectedHypergraph.parse(CHAIN)])
def test_a_verb_takes_a_fitted_model_first(given):
    verbs = [
        lambda: effect_curve(given, "B", "G", **ASKED),
        lambda: mediate(given, "B", "G", "S", **ASKED),
        lambda: do(given, {"B": 1.0}, "G"),
        lambda: counterfactual(given, {"B": 1.0}, "G"),
        lambda: policy(given, "B", "G", at=[1.0, 4.0]),
        lambda: refit_without(given, "B", "G", "N -> S", **ASKED),
        lambda: marginalise(given, "B", "G", "S", **ASKED),
        lambda: check_independencies(given),
        lambda: falsify(given),
        lambda: arc_slopes(given),
    ]
    for verb in verbs:
        with pytest.raises(ConfigurationError, match="expected a fitted model first"):
            verb()


def test_identify_takes_a_hypergraph_and_says_where_a_model_has_it(model):
    with pytest.raises(GraphError, match=r"a FittedModel: pass its \.graph"):
        identify(model, "B", "G")
    with pytest.raises(GraphError, match=r"expected a hypergraph.*got None"):
        identify(None, "B", "G")
    assert identify(model.graph, "B", "G").identified


@pytest.mark.parametrize(
    ("controlled", "message"),
    [
        ({"S": "a"}, "the value of S must be a number such as 16, got 'a'"),
        ({"S": None}, "the value of S must be a number"),
        ([1], r"controlled must map each mediator to a value.*got \[1\]"),
        ({1: 2.0}, "controlled needs one value for each of S, got 1"),
    ],
)
def test_controlled_values_are_numbers_by_mediator(model, controlled, message):
    with pytest.raises(ConfigurationError, match=message):
        mediate(model, "B", "G", "S", controlled=controlled, **ASKED)


def test_a_mediator_is_named_once(model):
    with pytest.raises(ConfigurationError, match="S, S name a node twice"):
        mediate(model, "B", "G", ["S", "S"], **ASKED)


def test_the_ends_of_an_effect_are_two_nodes(model):
    with pytest.raises(ConfigurationError, match="both ends of the effect are 'B'"):
        effect_curve(model, "B", "B", **ASKED)
    for verb in (do, counterfactual):
        with pytest.raises(ConfigurationError, match="both ends of the effect are 'G'"):
            verb(model, {"G": 0.5}, "G")


@pytest.mark.parametrize("graph", [None, 3, ["B -> G"]])
def test_a_fit_takes_a_hypergraph(frame, graph):
    with pytest.raises(GraphError, match="expected a hypergraph"):
        fit(graph, frame, ROLES, protocol="p", cluster="k")


@pytest.mark.parametrize("names", [3, [None], ["k", 3]])
def test_clusters_and_contexts_are_columns(frame, names):
    for use in ("cluster", "context"):
        options = {"cluster": "k", use: names}
        with pytest.raises(ConfigurationError, match=f"{use} must name columns"):
            fit(CHAIN, frame, ROLES, protocol="p", **options)


@pytest.mark.parametrize("column", [None, 0])
def test_columns_of_roles_are_texts(frame, column):
    with pytest.raises(ConfigurationError, match=f"column of G must be a text.*got {column}"):
        fit(CHAIN, frame, ROLES | {"G": column}, protocol="p", cluster="k")
