import dataclasses

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from causalhyper import LINEAR, SPLINE, Additive, DirectedHypergraph, effect_curve, fit
from causalhyper.errors import ConfigurationError
from causalhyper.scm.exports import to_linear_gaussian
from tests.simulated import ROLES, Truth, exact_runs, runs

pytest.importorskip("pgmpy")

GRAPH = "B -> N; N -> S; N -> C; S -> C; C -> G"
TRUTH = Truth(r=0.0)


def make_model(graph=GRAPH, mechanisms=LINEAR, frame=None, roles=ROLES, **options):
    frame = runs(TRUTH, np.random.default_rng(5)) if frame is None else frame
    return fit(graph, frame, roles, protocol="p", cluster="k", mechanisms=mechanisms, **options)


def joint(network):
    """Mean and covariance by name."""
    order = list(nx.topological_sort(network))
    mean, covariance = network.to_joint_gaussian()
    return pd.Series(mean, order), pd.DataFrame(covariance, order, order)


def test_mean_and_covariance_are_the_closed_form_of_the_truth():
    frame, e = exact_runs(TRUTH, np.random.default_rng(1))
    mean, covariance = joint(to_linear_gaussian(make_model(frame=frame)))
    t = TRUTH
    slopes = pd.DataFrame(0.0, list("BNSCG"), list("BNSCG"))
    slopes.loc["N", "B"], slopes.loc["S", "N"], slopes.loc["G", "C"] = t.a, t.c, t.g
    slopes.loc["C", ["N", "S"]] = t.p, t.q
    variances = [frame["b"].var(ddof=0), *(e[v].var() for v in "NSCG")]
    through = np.linalg.inv(np.eye(5) - slopes.to_numpy())
    expected = through @ np.diag(variances) @ through.T
    assert covariance.loc[list("BNSCG"), list("BNSCG")].to_numpy() == pytest.approx(
        expected, abs=1e-7
    )
    starts = np.array([frame["b"].mean(), t.n0, t.s0, t.c0, t.g0])
    starts[1:] += [e[v].mean() for v in "NSCG"]
    assert mean[list("BNSCG")].to_numpy() == pytest.approx(through @ starts, abs=1e-7)


def test_every_conditional_is_the_regression_on_the_runs():
    model = make_model()
    network = to_linear_gaussian(model)
    for node, parents in {"N": "B", "S": "N", "C": "NS", "G": "C"}.items():
        design = np.column_stack([np.ones(model.n), *(model.values[p] for p in parents)])
        beta = np.linalg.lstsq(design, model.values[node])[0]
        cpd = network.get_cpds(node)
        assert cpd.evidence == list(parents)
        assert cpd.beta == pytest.approx(beta)
        assert cpd.std == pytest.approx(np.std(model.values[node] - design @ beta))


def test_interventional_means_of_the_network_are_the_effect_curve():
    model = make_model()
    _, covariance = joint(to_linear_gaussian(model))
    curve = effect_curve(model, "B", "G", at=[2, 4], baseline=1, draws=100)
    for e in curve.graph:
        # B is a root: what it is set to is what it is conditioned on
        slope = covariance.loc["G", "B"] / covariance.loc["B", "B"]
        assert e.estimate == pytest.approx(slope * (e.value - 1), abs=1e-7)


def test_a_hypergraph_without_arcs_is_a_product_of_normals():
    frame = runs(TRUTH, np.random.default_rng(5))
    model = make_model("B; N", frame=frame[["run_id", "k", "b", "n"]], roles={"B": "b", "N": "n"})
    mean, covariance = joint(to_linear_gaussian(model))
    assert mean[["B", "N"]].to_numpy() == pytest.approx([frame["b"].mean(), frame["n"].mean()])
    expected = np.diag([frame["b"].var(ddof=0), frame["n"].var(ddof=0)])
    assert covariance.loc[["B", "N"], ["B", "N"]].to_numpy() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"graph": "B -> N; N -> S; {N, S} -> C; C -> G"},
            "hyperedge {N, S} -> C is a product .*fit 'N -> C; S -> C' instead",
        ),
        ({"mechanisms": SPLINE}, "hyperedge B -> N is a curve .natural splines with 3 functions"),
        ({"mechanisms": {"N": LINEAR, "S": LINEAR, "C": LINEAR, "G": Additive(2)}}, "C -> G is a"),
        ({"context": "lab"}, r"the model has 2 contexts \(lab\)"),
    ],
)
def test_what_no_linear_gaussian_network_holds_is_refused(options, message):
    frame = runs(TRUTH, np.random.default_rng(5))
    frame["lab"] = np.where(frame["k"] % 2, "x", "y")
    with pytest.raises(ConfigurationError, match=message):
        to_linear_gaussian(make_model(frame=frame, **options))


def test_a_latent_common_cause_is_refused():
    model = make_model()
    confounded = DirectedHypergraph(model.graph.edges, model.graph.nodes, (("N", "G"),))
    with pytest.raises(ConfigurationError, match="G <-> N cannot be exported"):
        to_linear_gaussian(dataclasses.replace(model, graph=confounded))
