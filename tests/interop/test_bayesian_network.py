import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.hypergraph.exports import from_networkx, to_bayesian_network
from tests.hypergraph.strategies import hypergraphs

pytest.importorskip("pgmpy")
# pgmpy 1.1.2 warns of a module of its own that it imports
pytestmark = pytest.mark.filterwarnings("ignore:.pgmpy.estimators.StructureScore:FutureWarning")

H = DirectedHypergraph.parse("B -> N; N -> S; {S, N} -> C; B <-> C")
LATENT = "U_B_C"
LEVELS = {"B": 3, "N": 2, "S": 2, "C": 3, LATENT: 2}
AXES = {"B": ["B", LATENT], "N": ["N", "B"], "S": ["S", "N"], "C": ["C", "S", "N", LATENT]} | {
    LATENT: [LATENT]
}
"""The axes of each table, written down here."""


def draw_tables(rng, axes=AXES, levels=LEVELS):
    drawn = {v: rng.random([levels[a] for a in names]) for v, names in axes.items()}
    return {v: t / t.sum(axis=0) for v, t in drawn.items()}


def enumerate_joint(tables, do=None, axes=AXES, levels=LEVELS):
    """Every cell of the truncated factorisation, one by one."""
    order = list(axes)
    joint = np.zeros([levels[v] for v in order])
    for cell in itertools.product(*(range(levels[v]) for v in order)):
        at = dict(zip(order, cell, strict=True))
        chance = 1.0
        for v, names in axes.items():
            if do and v in do:
                chance *= at[v] == do[v]
            else:
                chance *= tables[v][tuple(at[a] for a in names)]
        joint[cell] = chance
    return joint


def margin(joint, node, evidence, order):
    """P(node | evidence) from the joint table."""
    place = tuple(evidence.get(v, slice(None)) for v in order)
    left = [v for v in order if v not in evidence]
    table = joint[place].sum(axis=tuple(i for i, v in enumerate(left) if v != node))
    return table / table.sum()


def eliminate(network, node, evidence):
    from pgmpy.inference import VariableElimination

    return VariableElimination(network).query([node], evidence, show_progress=False).values


@settings(max_examples=30, deadline=None)
@given(hypergraphs())
def test_the_network_has_the_arcs_and_the_latents(h):
    network = to_bayesian_network(h)
    again = from_networkx(network)
    assert (set(again.arcs), set(again.latent)) == (set(h.arcs), set(h.latent))
    assert set(again.nodes) == set(h.nodes)


@pytest.mark.parametrize("seed", range(3))
def test_exact_elimination_is_enumeration(seed):
    tables = draw_tables(np.random.default_rng(seed))
    network = to_bayesian_network(H, tables)
    joint = enumerate_joint(tables)
    for node, evidence in [("C", {}), ("C", {"N": 1}), ("B", {"C": 2, "S": 0}), ("S", {"B": 1})]:
        expected = margin(joint, node, evidence, list(AXES))
        assert eliminate(network, node, evidence) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("do", [{"B": 1}, {"N": 0}, {"S": 1}, {"B": 2, "S": 0}])
def test_elimination_in_the_mutilated_network_is_the_truncated_factorisation(seed, do):
    tables = draw_tables(np.random.default_rng(seed))
    network = to_bayesian_network(H, tables).do(list(do))
    expected = margin(enumerate_joint(tables, do), "C", do, list(AXES))
    assert eliminate(network, "C", do) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=10, deadline=None)
@given(hypergraphs(min_nodes=2, max_nodes=4, max_latent=0), st.integers(0, 2**32 - 1))
def test_any_hypergraph_with_tables_gives_the_enumerated_margins(h, seed):
    axes = {v: [v, *h.parents(v)] for v in h.nodes}
    levels = {v: 2 + i % 2 for i, v in enumerate(h.nodes)}
    tables = draw_tables(np.random.default_rng(seed), axes, levels)
    network = to_bayesian_network(h, tables)
    joint = enumerate_joint(tables, axes=axes, levels=levels)
    for node in h.nodes:
        expected = margin(joint, node, {}, h.nodes)
        assert eliminate(network, node, {}) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"S": None}, "S: no table"),
        ({"X": np.ones(1)}, "X: no such node"),
        ({"S": np.ones((2, 3)) / 2}, r"S: expected the shape \(S=2, N=2\), got \(2, 3\)"),
        ({"S": np.ones(2) / 2}, r"S: expected the shape \(S=2, N=2\), got \(2,\)"),
        ({"S": [[0.5, 0.2], [0.5, 0.2]]}, "S: sums over the first axis are not one"),
        ({"S": [[-0.5, 0.2], [1.5, 0.8]]}, "S: a probability is negative or missing"),
        ({"S": [[np.nan, 0.2], [1.0, 0.8]]}, "S: a probability is negative or missing"),
        ({"S": None, "X": np.ones(1)}, "S: no table; X: no such node"),
    ],
)
def test_what_is_no_table_of_the_network_is_refused(change, message):
    tables = draw_tables(np.random.default_rng(0)) | change
    with pytest.raises(ConfigurationError, match=message):
        to_bayesian_network(H, {v: t for v, t in tables.items() if t is not None})
