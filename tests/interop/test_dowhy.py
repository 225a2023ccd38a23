import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from causalhyper.errors import ConfigurationError, DataError, GraphError
from causalhyper.frames import Roles
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.hypergraph.exports import from_networkx, to_dowhy
from tests.hypergraph.strategies import hypergraphs

pytest.importorskip("dowhy")

CONFOUNDED = DirectedHypergraph.parse("Z -> B; B -> G; Z -> G; B -> N; N <-> G")


def make_runs(columns, n=400):
    rng = np.random.default_rng(3)
    return pd.DataFrame({v: rng.normal(size=n) for v in columns})


@settings(max_examples=30, deadline=None)
@given(hypergraphs(min_nodes=2))
def test_dowhys_graph_has_the_arcs_and_the_latents(h):
    model = to_dowhy(h, make_runs(h.nodes, 3), h.nodes[0], h.nodes[1])
    again = from_networkx(model._graph._graph)
    assert (set(again.arcs), set(again.latent)) == (set(h.arcs), set(h.latent))
    assert set(again.nodes) == set(h.nodes)


@pytest.mark.filterwarnings("ignore:The copy keyword is deprecated:DeprecationWarning")
def test_dowhys_adjustment_is_the_regression_on_the_measured_confounder():
    runs = make_runs("ZBGN")
    runs["B"] += runs["Z"]
    runs["G"] += 2 * runs["B"] - 3 * runs["Z"]
    model = to_dowhy(CONFOUNDED, runs, "B", "G")
    estimand = model.identify_effect(proceed_when_unidentifiable=False)
    assert estimand.get_backdoor_variables() == ["Z"]
    found = model.estimate_effect(estimand, method_name="backdoor.linear_regression")
    design = np.column_stack([np.ones(400), runs["B"], runs["Z"]])
    expected = np.linalg.lstsq(design, runs["G"].to_numpy())[0][1]
    assert found.value == pytest.approx(expected, rel=1e-9)


def test_a_latent_cause_of_treatment_and_outcome_leaves_dowhy_no_adjustment():
    h = DirectedHypergraph.parse("B -> G; B <-> G")
    model = to_dowhy(h, make_runs("BG"), "B", "G")
    estimand = model.identify_effect(proceed_when_unidentifiable=False)
    assert not estimand.estimands["backdoor"]


def test_columns_take_their_roles_scale():
    runs = pd.DataFrame({"batch_size": [8, 16, 32], "acc": [0.1, 0.2, 0.3]})
    roles = {"B": "log2(batch_size)", "G": "acc"}
    h = DirectedHypergraph.parse("B -> G")
    for given_roles in (roles, Roles.from_mapping(roles)):
        model = to_dowhy(h, runs, "B", "G", roles=given_roles)
        assert model._data.to_dict("list") == {"B": [3.0, 4.0, 5.0], "G": [0.1, 0.2, 0.3]}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"treatment": "X"}, GraphError, "no node 'X'"),
        ({"treatment": "G"}, GraphError, "'G'"),
        ({"roles": {"B": "B"}}, ConfigurationError, "no role for G: give each node a column"),
        ({"roles": {"B": "B", "G": "acc"}}, ConfigurationError, "lack the columns of G=acc"),
        ({"roles": {"B": "log(B)", "G": "G"}}, DataError, "log"),
    ],
)
def test_what_does_not_fit_together_is_refused(change, error, message):
    call = {"treatment": "B", "outcome": "G"} | change
    with pytest.raises(error, match=message):
        to_dowhy(DirectedHypergraph.parse("B -> G"), make_runs("BG"), **call)
