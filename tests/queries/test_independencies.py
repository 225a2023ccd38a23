"""Implied independencies on the runs: what is tested, how, and what is said."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from causalhyper import fit
from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import Independence, implied_independencies
from causalhyper.inference import kernel_independence, partial_correlation
from causalhyper.queries.graph_checks.independence_tests import make_tester
from causalhyper.queries.graph_checks.independencies import COLUMNS, check_independencies

PAPERS = "B -> N; N -> S; {N, S} -> C; C -> G"


def draw(seed=0, *, direct=0.0, clusters=24):
    """Runs of the papers' graph in blocks; `direct` adds B -> G."""
    rng = np.random.default_rng(seed)
    k = np.repeat(np.arange(clusters), 6)
    B = np.tile([0.0, 1.0, 2.0], clusters * 2)
    effects = 0.5 * rng.normal(size=(4, clusters))[:, k] + rng.normal(size=(4, len(k)))
    N = B + effects[0]
    S = 0.8 * N + effects[1]
    C = 0.5 * N + 0.5 * S + 0.3 * N * S + effects[2]
    G = C + direct * B + effects[3]
    columns = {"run_id": [f"r{i:04d}" for i in range(len(k))], "k": k}
    return pd.DataFrame(columns | {"b": B, "n": N, "s": S, "c": C, "g": G})


def fitted(graph=PAPERS, runs=None, context=(), nodes="BNSCG"):
    runs = draw() if runs is None else runs
    roles = {v: v.lower() for v in nodes}
    return fit(graph, runs, roles, protocol="equal epochs", cluster="k", context=context)


def test_every_implied_independence_is_tested_once_in_topological_order():
    model = fitted()
    frame = check_independencies(model).to_frame()
    assert list(frame["independence"]) == [str(i) for i in implied_independencies(model.graph)]
    assert list(frame.columns) == list(COLUMNS)


@pytest.mark.parametrize("context", [(), "k"])
def test_numbers_are_those_of_the_array_tests_on_the_model_scale_with_its_groups(context):
    model = fitted(context=context)
    linear = check_independencies(model, seed=5).to_frame().set_index("independence")
    curved = check_independencies(model, seed=5, method="kernel").to_frame()
    curved = curved.set_index("independence")
    arrays = model.values["N"], model.values["G"], [model.values["C"]], model.groups
    expected = partial_correlation(*arrays, rng=np.random.default_rng(5))
    row = linear.loc["N ⟂ G | C"]
    assert row["estimate"] == expected.estimate
    assert row["p"] == expected.p_value
    assert (row["lower"], row["upper"]) == (expected.lower, expected.upper)
    rng = np.random.default_rng(5)
    partial_correlation(*arrays, rng=rng)
    kernel = kernel_independence(*arrays, rng=rng)
    assert curved.loc["N ⟂ G | C", "statistic"] == kernel.statistic
    assert curved.loc["N ⟂ G | C", "p"] == kernel.p_value
    assert curved.loc["N ⟂ G | C", "estimate"] == expected.estimate


@pytest.mark.parametrize(
    ("name", "theirs"), [("bh", "fdr_bh"), ("by", "fdr_by"), ("holm", "holm")]
)
def test_q_is_the_p_value_adjusted_for_all_tests_and_decides(name, theirs):
    model = fitted(runs=draw(direct=0.8))
    found = check_independencies(model, adjust=name)
    frame = found.to_frame()
    np.testing.assert_allclose(frame["q"], multipletests(frame["p"], method=theirs)[1])
    assert list(frame["rejected"]) == list(frame["q"] <= 0.05)
    assert [str(i) for i in found.rejected] == list(frame["independence"][frame["rejected"]])


def test_a_missing_arc_from_treatment_to_outcome_is_found_and_named():
    found = check_independencies(fitted(runs=draw(direct=0.8)))
    assert Independence("B", "G", ("N",)) in found.rejected
    assert "B ⟂ G | N" in found.verdict
    assert found.summary().endswith(found.verdict)


def test_right_runs_contradict_nothing_and_the_verdict_claims_no_proof():
    found = check_independencies(fitted())
    assert found.rejected == ()
    assert "none of the 5 implied independencies" in found.verdict
    assert "no proof" in found.verdict


def test_curved_dependence_is_seen_by_the_kernel_alone():
    runs = draw(seed=2)
    runs["s"] = runs["b"] + 0.6 * (runs["n"] - runs["b"]) ** 2 + (runs["s"] - 0.8 * runs["n"])
    model = fitted("B -> N; B -> S", runs, nodes="BNS")
    (linear,) = check_independencies(model).checks
    (curved,) = check_independencies(model, method="kernel").checks
    assert str(linear.independence) == "N ⟂ S | B"
    assert not linear.test.rejected
    assert curved.test.rejected
    assert curved.finding.estimate == linear.finding.estimate


def test_each_row_is_a_test_with_its_null_and_its_reading():
    found = check_independencies(fitted())
    first = found.tests[0]
    assert first.null == "B and S are independent given N"
    assert "24 clusters" in first.reference
    assert "5 tests" in first.reference
    assert list(found.to_frame()["reading"]) == [t.reading for t in found.tests]
    assert first.reading.startswith("No dependence of B and S given N is shown")


def test_a_hypergraph_that_implies_nothing_says_so():
    found = check_independencies(fitted("B -> N; {B, N} -> S", nodes="BNS"))
    assert len(found.to_frame()) == 0
    assert found.verdict.startswith("The hypergraph implies no independence")
    assert found.summary().endswith(found.verdict)


def test_a_node_that_contexts_hold_constant_is_not_tested_and_does_not_count():
    runs = draw()
    runs["h"] = runs["k"] % 2  # the same in every run of a context
    model = fitted("B -> N; N -> S; H", runs, context="h", nodes="BNSH")
    found = check_independencies(model)
    frame = found.to_frame().set_index("independence")
    assert "does not vary within contexts of h" in frame.loc["B ⟂ H", "reading"]
    assert np.isnan(frame.loc["B ⟂ H", "q"])
    assert not frame.loc["B ⟂ H", "rejected"]
    assert frame.loc["B ⟂ S | N", "q"] == frame.loc["B ⟂ S | N", "p"]


def test_where_nothing_can_be_tested_the_verdict_says_so():
    runs = draw()
    runs["h"] = runs["k"] % 2
    found = check_independencies(fitted("B; H", runs, context="h", nodes="BH"))
    assert found.verdict == "None of the implied independencies can be tested in these runs."


def test_a_node_that_is_a_function_of_what_is_given_is_not_tested():
    runs = draw()
    runs["u"] = 3.0 - 2.0 * runs["b"]
    found = check_independencies(fitted("B -> U; U -> N", runs, nodes="BUN"))
    assert "a function of U" in found.tests[0].reading
    assert "Does not apply" in found.summary()


def test_the_picture_shows_the_partial_correlations():
    found = check_independencies(fitted())
    labels = [t.get_text() for t in found.plot().get_yticklabels()]
    assert labels[0] == "B ⊥ S | N"
    assert len(labels) == 5


def test_a_test_does_not_depend_on_those_made_before_it():
    model = fitted()
    options = {"alpha": 0.05, "df": 3, "flips": 99, "seed": 1}
    one, other = Independence("B", "S", ("N",)), Independence("G", "B", ("N", "C"))
    first = make_tester(model, "kernel", **options)
    second = make_tester(model, "kernel", **options)
    assert first(one) == (second(other), second(one))[1]
    assert first(Independence("B", "G", ("C", "N"))) == second(other)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "hsic"}, "use partial correlation or kernel"),
        ({"adjust": "fdr"}, "use one of holm, bh, by"),
        ({"alpha": 0.0}, "alpha must lie between 0 and 1"),
        ({"df": 0}, "df >= 1"),
        ({"flips": 3}, "at least 19 sign flips"),
        ({"seed": -1}, "must not be negative"),
    ],
)
def test_a_wrong_option_is_refused_with_what_to_do(options, said):
    with pytest.raises(ConfigurationError, match=said):
        check_independencies(fitted(), **options)


@pytest.mark.slow
def test_a_right_hypergraph_is_contradicted_in_no_more_than_5_per_cent_of_data_sets():
    # all hypotheses are true, so the false discovery rate is the share with any rejection
    found = sum(
        bool(check_independencies(fitted(runs=draw(s)), flips=199).rejected) for s in range(250)
    )
    assert found <= stats.binom.ppf(0.999, 250, 0.06)


@pytest.mark.slow
def test_an_arc_left_out_is_found_in_most_data_sets():
    missing, found = Independence("B", "G", ("N",)), 0
    for seed in range(60):
        model = fitted(runs=draw(seed, direct=0.8, clusters=60))
        found += missing in check_independencies(model, flips=199).rejected
    assert found >= 45
