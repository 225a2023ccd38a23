"""Which hyperedge owns which term, and what `fit` refuses."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalhyper import LINEAR, SPLINE, Additive, DirectedHypergraph, fit
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.scm.model import assign_terms
from tests.simulated import CHAIN, ROLES, SPLIT, Truth, runs


def _owned(text, head, parents):
    """Terms by the hyperedge that owns them, in words."""
    edges = DirectedHypergraph.parse(text).into(head)
    terms, owners = assign_terms(parents, edges)
    out = {str(e): set() for e in edges}
    for term, owner in zip(terms, owners, strict=True):
        out[str(edges[owner])].add("".join(parents[i] for i in term))
    return out


def test_a_joint_hyperedge_alone_owns_both_main_effects_and_the_interaction():
    assert _owned("{N, S} -> C", "C", ("N", "S")) == {"{N, S} -> C": {"N", "S", "NS"}}


def test_beside_the_single_hyperedges_the_joint_one_owns_the_interaction_only():
    assert _owned("N -> C; S -> C; {N, S} -> C", "C", ("N", "S")) == {
        "N -> C": {"N"},
        "S -> C": {"S"},
        "{N, S} -> C": {"NS"},
    }


def test_the_order_in_which_hyperedges_are_written_does_not_matter_for_nested_tails():
    assert _owned("{N, S} -> C; S -> C; N -> C", "C", ("N", "S")) == _owned(
        "N -> C; S -> C; {N, S} -> C", "C", ("N", "S")
    )


def test_a_triple_leaves_to_the_pairs_what_is_theirs():
    assert _owned("{A, B} -> Y; {B, C} -> Y; {A, B, C} -> Y", "Y", ("A", "B", "C")) == {
        "{A, B} -> Y": {"A", "B", "AB"},
        "{B, C} -> Y": {"C", "BC"},
        "{A, B, C} -> Y": {"AC", "ABC"},
    }


@given(st.sets(st.frozensets(st.sampled_from("ABCD"), min_size=1), min_size=1, max_size=6))
def test_terms_are_all_subsets_of_tails_each_owned_by_a_smallest_tail_that_holds_it(tails):
    text = "; ".join(f"{{{', '.join(sorted(t))}}} -> Y" for t in tails)
    parents = tuple(sorted(set().union(*tails)))
    edges = DirectedHypergraph.parse(text).into("Y")
    terms, owners = assign_terms(parents, edges)
    assert len(set(terms)) == len(terms)
    named = [{parents[i] for i in term} for term in terms]
    for term, owner in zip(named, owners, strict=True):
        holders = [e for e in edges if term <= set(e.tail)]
        assert term <= set(edges[owner].tail)
        assert len(edges[owner].tail) == min(len(e.tail) for e in holders)
    for tail in tails:
        for member in tail:
            assert {member} in named
        assert set(tail) in named


@pytest.fixture(scope="module")
def frame():
    return runs(Truth(), np.random.default_rng(0))


def _fit(frame, graph=CHAIN, **options):
    return fit(graph, frame, ROLES, **({"protocol": "equal epochs", "cluster": "k"} | options))


@pytest.mark.parametrize("graph", [CHAIN, SPLIT])
def test_linear_mechanisms_find_the_true_coefficients_whatever_the_hyperedges(graph):
    t = Truth()
    model = _fit(runs(t, np.random.default_rng(1), clusters=400), graph, mechanisms=LINEAR)
    mechanism = model.mechanisms["C"]
    N, S = model.values["N"], model.values["S"]
    fitted = mechanism.fit.columns @ mechanism.fit.coefs
    X = np.column_stack([np.ones(len(N)), N, S, N * S])
    slopes = np.linalg.lstsq(X, fitted, rcond=None)[0][1:]
    # standard errors below 0.03 at 2,400 runs
    assert slopes == pytest.approx([t.p, t.q, t.r], abs=0.12)


def test_r_squared_is_the_share_of_variance_explained(frame):
    model = _fit(frame, mechanisms=LINEAR)
    r = np.corrcoef(frame.b, frame.n)[0, 1]
    assert model.r_squared("N") == pytest.approx(r**2)


def test_fitting_changes_no_value_of_the_frame(frame):
    before = frame.copy(deep=True)
    _fit(frame)
    assert frame.equals(before)


def test_mechanisms_can_be_chosen_node_by_node(frame):
    model = _fit(frame, mechanisms={"S": LINEAR, "G": Additive(5)})
    sizes = {v: m.fit.space.size for v, m in model.mechanisms.items()}
    # N: 2 functions, as b has 3 values; C: 3 + 3 + 1
    assert sizes == {"N": 2, "S": 1, "C": 7, "G": 5}
    assert model.mechanisms["C"].options == SPLINE


@pytest.mark.parametrize(("df", "joint_df"), [(0, 1), (1, 0), (-2, 3)])
def test_options_without_a_function_are_refused(df, joint_df):
    with pytest.raises(ConfigurationError, match="df >= 1"):
        Additive(df, joint_df)


def test_causes_that_move_together_are_refused(frame):
    with pytest.raises(ConfigurationError, match="do not tell the causes of C apart"):
        _fit(frame.assign(s=2 * frame.n + 1), "B -> N; N -> C; S -> C; C -> G")


def test_a_treatment_fixed_within_every_context_is_refused(frame):
    with pytest.raises(ConfigurationError, match="B never varies within any of the"):
        _fit(frame.assign(d=frame.b.astype(str)), context="d")


@pytest.mark.parametrize("column", ["b", "n", "g"])
def test_a_column_of_a_node_is_no_context_and_no_cluster(frame, column):
    with pytest.raises(ConfigurationError, match=f"the context '{column}' is the column of"):
        _fit(frame, context=["k", column])
    with pytest.raises(ConfigurationError, match=f"the cluster '{column}' is the column of"):
        _fit(frame, cluster=column)


def test_seeds_that_differ_by_treatment_make_clusters_with_it(frame):
    assert _fit(frame, cluster=["b", "k"]).clusters == len(frame[["b", "k"]].drop_duplicates())
    with pytest.raises(ConfigurationError, match="the cluster 'g' is the column of G"):
        _fit(frame, cluster=["g", "k"])


def test_copies_of_runs_under_new_names_are_warned_of(frame):
    copies = pd.concat([frame] * 4).assign(run_id=np.arange(4 * len(frame)))
    with pytest.warns(UserWarning, match=f"{3 * len(frame)} of {4 * len(frame)} runs repeat"):
        _fit(copies, cluster="run_id")


def test_contexts_of_a_single_run_are_refused(frame):
    with pytest.raises(ConfigurationError, match=r"contexts holds a single run.*leave context"):
        _fit(frame, context="run_id")


def test_a_cause_that_never_varies_is_refused(frame):
    with pytest.raises((ConfigurationError, DataError), match=r"single value|never"):
        _fit(frame.assign(s=1.0))


@pytest.mark.parametrize("protocol", ["", "  "])
def test_an_empty_protocol_is_refused(frame, protocol):
    with pytest.raises(ConfigurationError, match="protocol"):
        _fit(frame, protocol=protocol)


def test_a_single_cluster_is_refused(frame):
    with pytest.raises(ConfigurationError, match="single cluster"):
        _fit(frame.assign(k=1))


def test_a_context_with_a_single_cluster_is_refused(frame):
    with pytest.raises(ConfigurationError, match="single cluster in some context"):
        _fit(frame.assign(d=frame.k == 3), context="d")


def test_no_cluster_column_is_refused(frame):
    with pytest.raises(ConfigurationError, match="no cluster column"):
        _fit(frame, cluster=())


def test_roles_must_match_the_nodes(frame):
    some = {k: v for k, v in ROLES.items() if k != "S"}
    with pytest.raises(ConfigurationError, match="no role for S"):
        fit(CHAIN, frame, some, protocol="p", cluster="k")
    with pytest.raises(ConfigurationError, match="role for X"):
        fit(CHAIN, frame.assign(x=1.0), ROLES | {"X": "x"}, protocol="p", cluster="k")


def test_options_for_an_unknown_node_are_refused(frame):
    with pytest.raises((ConfigurationError, ValueError), match="X"):
        _fit(frame, mechanisms={"X": LINEAR})


def test_a_mechanism_for_a_node_without_causes_is_refused(frame):
    with pytest.raises(ConfigurationError, match="B has no causes"):
        _fit(frame, mechanisms={"B": LINEAR})


def test_a_model_names_its_runs_and_their_groups_in_the_order_of_its_values(frame):
    shuffled = frame.assign(d=frame.index % 2).sample(frac=1, random_state=1)
    model = _fit(shuffled, context="d")
    named = shuffled.set_index("run_id").loc[model.run_ids]
    np.testing.assert_array_equal(model.values["S"], named.s)
    np.testing.assert_array_equal(model.labels["k"], named.k)
    np.testing.assert_array_equal(model.labels["d"], named.d)
