"""Falsification: counts by hand, verdicts in the paper's terms."""

from itertools import permutations

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError, GraphError
from causalhyper.hypergraph import DirectedHypergraph, separated
from causalhyper.hypergraph.local_markov import all_permutations
from causalhyper.queries.graph_checks.falsification import falsify
from causalhyper.queries.graph_checks.permuted_graphs import judge_permutations
from tests.queries.test_independencies import draw, fitted


@pytest.fixture(scope="module")
def right():
    """The papers' graph against runs that follow it."""
    return falsify(fitted(runs=draw(clusters=40)))


CHAIN = DirectedHypergraph.parse("B -> N -> S -> C")


def test_decisions_of_an_oracle_count_the_conditions_that_the_given_hypergraph_denies():
    def denied(one):
        return not separated(CHAIN, one.x, one.y, one.given)

    for p in judge_permutations(CHAIN, all_permutations(CHAIN.order(), ()), denied):
        assert p.violated == p.foreign
        assert p.tested == p.conditions == 3


def test_a_chain_has_two_equivalent_permutations_itself_and_its_reverse():
    found = judge_permutations(CHAIN, all_permutations(CHAIN.order(), ()), lambda one: False)
    assert [p.nodes for p in found if p.equivalent] == [tuple("BNSC"), tuple("CSNB")]


@pytest.mark.parametrize(
    ("text", "count"),
    [("A -> B", 2), ("A -> C; B -> C", 2), ("B -> A; B -> C; B -> D", 6), ("A; B; C", 6)],
)
def test_equivalent_permutations_are_as_many_as_counted_by_hand(text, count):
    # a collider and an arc have two orders; a star has those of its leaves; no arc has all
    h = DirectedHypergraph.parse(text)
    found = judge_permutations(h, all_permutations(h.order(), ()), lambda one: False)
    assert sum(p.equivalent for p in found) == count


def test_conditions_that_cannot_be_tested_do_not_count():
    def decide(one):
        return None if "B" in (one.x, one.y) else True

    (found,) = judge_permutations(CHAIN, [{v: v for v in CHAIN.order()}], decide)
    assert (found.conditions, found.tested, found.violated, found.fraction) == (3, 1, 1, 1.0)
    (none,) = judge_permutations(CHAIN, [{v: v for v in CHAIN.order()}], lambda one: None)
    assert (none.tested, none.fraction) == (0, 0.0)


def test_the_right_hypergraph_is_informative_and_not_falsified(right):
    found = right
    assert found.exact
    assert len(found.permuted) == 120
    assert found.informative.p_value == 2 / 120
    assert found.falsified is False
    assert found.verdict.endswith("not falsified, which is no proof that it is right.")
    assert found.summary().endswith(found.verdict)


def test_a_hypergraph_with_its_nodes_mixed_up_is_falsified():
    model = fitted("S -> G; G -> B; {G, B} -> N; N -> C", draw(clusters=40))
    found = falsify(model, flips=199)
    assert found.informative.rejected
    assert not found.better.rejected
    assert found.falsified is True
    assert found.verdict.endswith("It is falsified.")


def test_p_values_are_the_shares_in_the_table(right):
    found = right
    frame = found.to_frame()
    assert found.better.p_value == (frame["fraction"] <= found.given.fraction).mean()
    assert found.informative.p_value == frame["equivalent"].mean()
    assert sorted(frame["nodes"]) == sorted(" ".join(p) for p in permutations("BNSCG"))
    given = frame.set_index("nodes").loc["B N S C G"]
    assert (given["violated"], given["fraction"]) == (found.given.violated, found.given.fraction)


def test_the_table_of_conditions_decides_as_the_counts_do():
    found = falsify(fitted(runs=draw(direct=0.8)), flips=199)
    assert found.given.violated == sum(f.p_value <= 0.05 for _, f in found.conditions) > 0
    assert found.summary().count("violated") >= found.given.violated


def test_kept_roots_leave_the_permutations_of_the_others(right):
    model = fitted(runs=draw(clusters=40))
    found = falsify(model, keep=model.graph.roots())
    assert len(found.permuted) == 24
    assert all(p.nodes[0] == "B" for p in found.permuted)
    assert "B kept in place" in found.summary()
    assert falsify(model, keep="B") == found
    everything = {p.nodes: p for p in right.permuted}
    assert all(everything[p.nodes] == p for p in found.permuted)


def test_fewer_permutations_than_there_are_are_drawn_and_the_given_one_counts_once_more():
    found = falsify(fitted(), permutations=49, flips=99)
    assert not found.exact
    assert len(found.permuted) == 49
    expected = (1 + sum(p.fraction <= found.given.fraction for p in found.permuted)) / 50
    assert found.better.p_value == expected
    assert found == falsify(fitted(), permutations=49, flips=99)


def test_a_hypergraph_that_implies_nothing_cannot_be_falsified_and_says_so():
    found = falsify(fitted("B -> N; {B, N} -> S", nodes="BNS"))
    assert found.falsified is None
    assert "implies no independence" in found.verdict
    assert all(t.p_value is None for t in found.tests)


def test_where_nothing_can_be_tested_it_says_so():
    runs = draw()
    runs["h"] = runs["k"] % 2
    found = falsify(fitted("B; H", runs, context="h", nodes="BH"))
    assert found.falsified is None
    assert found.verdict.startswith("None of the hypergraph's local Markov conditions")


def test_an_uninformative_hypergraph_is_not_falsified_whatever_it_violates():
    found = falsify(fitted("B -> N; S", nodes="BNS"))
    assert found.given.violated > 0
    assert not found.informative.rejected
    assert found.falsified is False
    assert "not informative" in found.verdict


def test_the_picture_counts_every_permutation(right):
    heights = [bar.get_height() for bars in right.plot().containers for bar in bars]
    assert sum(heights) == 120


def test_the_kernel_test_can_decide():
    found = falsify(fitted("B -> N -> S", nodes="BNS"), method="kernel", flips=99)
    assert found.method == "kernel"
    assert "sign flips" in found.conditions[0][1].reference


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"permutations": 0}, ConfigurationError, "at least 1"),
        (
            {"permutation_alpha": 1.0},
            ConfigurationError,
            "permutation_alpha must lie between 0 and 1",
        ),
        ({"seed": -1}, ConfigurationError, "must not be negative"),
        ({"keep": ["X"]}, GraphError, "no node X to keep"),
        ({"method": "hsic"}, ConfigurationError, "use partial correlation or kernel"),
    ],
)
def test_a_wrong_option_is_refused_with_what_to_do(options, error, said):
    with pytest.raises(error, match=said):
        falsify(fitted(), **options)


def test_every_local_condition_comes_with_what_the_runs_say(right):
    assert len(right.conditions) == 5
    assert np.isfinite([f.estimate for _, f in right.conditions]).all()
