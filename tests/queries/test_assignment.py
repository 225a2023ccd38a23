"""How a treatment was assigned is read one way, and drawn anew as it was assigned."""

import numpy as np
import pandas as pd
import pytest

from causalhyper import LINEAR, fit
from causalhyper.queries.design_tests.assignment import Scheme, find_scheme
from causalhyper.queries.design_tests.randomisation import randomisation_test
from causalhyper.queries.robustness import placebo_treatment

RNG = np.random.default_rng(0)


def _model(dose, clusters, contexts=None):
    frame = pd.DataFrame({"run_id": [f"r{i:03d}" for i in range(len(dose))], "b": dose})
    frame["k"] = clusters
    frame["c"] = "all" if contexts is None else contexts
    frame["y"] = frame.b + np.random.default_rng(7).normal(size=len(frame))
    return fit(
        "B -> Y",
        frame,
        {"B": "b", "Y": "y"},
        protocol="p",
        cluster="k",
        context=() if contexts is None else "c",
        mechanisms=LINEAR,
    )


def _blocks():
    return _model(np.tile([1.0, 2, 4, 1, 1, 2], 5), np.repeat(np.arange(5), 6))


def _blocks_in_contexts():
    contexts = np.tile(np.repeat(["x", "y"], 3), 5)
    return _model(np.tile([1.0, 2, 4, 1, 1, 2], 5), np.repeat(np.arange(5), 6), contexts)


def _whole_clusters():
    dose = np.repeat([1.0, 1, 2, 2, 1, 1, 4, 4], 3)
    return _model(dose, np.repeat(np.arange(8), 3), np.repeat(["x", "y"], 12))


def _across_clusters():
    """One value in each cell, several in a cluster."""
    dose = np.array([float((i + j) % 2 + 1) for i in range(20) for j in range(2)])
    return _model(dose, np.repeat(np.arange(20), 2), np.tile(["x", "y"], 20))


DESIGNS = [
    (_blocks, "runs within blocks of k"),
    (_blocks_in_contexts, "runs within blocks of k x c"),
    (_whole_clusters, "clusters of k within contexts of c"),
    (_across_clusters, "runs within contexts of c"),
]


@pytest.mark.parametrize(("design", "words"), DESIGNS)
def test_the_placebo_and_the_randomisation_test_name_the_same_scheme(design, words):
    model = design()
    asked = {"at": [2.0], "baseline": 1.0}
    placebo = placebo_treatment(model, "B", "Y", **asked, refits=20, draws=100)
    assert randomisation_test(model, "B", "Y", **asked, assignments=99).assigned == words
    assert not placebo.inapplicable
    assert f"({words})" in placebo.null


@pytest.mark.parametrize(("design", "words"), DESIGNS)
def test_values_are_dealt_anew_within_their_blocks_alone(design, words):
    model = design()
    scheme, values = find_scheme(model, "B"), model.values["B"]
    assert not scheme.fixed(values)
    drawn = np.stack([scheme.draw(values, RNG) for _ in range(40)])
    for block in np.unique(scheme.blocks):
        own = scheme.blocks == block
        seen = np.tile(np.sort(values[own]), (40, 1))
        np.testing.assert_array_equal(np.sort(drawn[:, own]), seen)
    for unit in np.unique(scheme.units):
        own = drawn[:, scheme.units == unit]
        assert (own == own[:, :1]).all()
    assert len(np.unique(drawn, axis=0)) > 20


def test_every_order_of_a_block_is_equally_likely():
    one = np.zeros(3, dtype=int)
    scheme = Scheme(np.arange(3), one, one, "runs")
    drawn = np.stack([scheme.draw(np.array([1.0, 2, 4]), RNG) for _ in range(6000)])
    counts = np.unique(drawn, axis=0, return_counts=True)[1]
    assert len(counts) == 6
    # binomial sd 29 about 1000
    assert np.abs(counts - 1000).max() < 130


def test_where_values_follow_blocks_nothing_can_be_exchanged():
    blocks = np.tile([0, 0, 1, 1], 6)
    scheme = Scheme(np.arange(24), blocks, blocks, "runs")
    assert scheme.fixed(np.where(blocks == 0, 1.0, 2.0))
    assert not scheme.fixed(np.tile([1.0, 2.0], 12))


def test_a_placebo_of_values_that_follow_their_blocks_says_so():
    # clusters that span both contexts have 2, the others 1
    kinds = (("x", 1.0), ("xy", 2.0), ("y", 1.0))
    cells = [(f"{span}{i}", c, b) for i in range(6) for span, b in kinds for c in span]
    frame = pd.DataFrame(cells * 2, columns=["k", "c", "b"])
    model = _model(frame.b.to_numpy(), frame.k.to_numpy(), frame.c.to_numpy())
    found = placebo_treatment(model, "B", "Y", at=[2.0], baseline=1.0, refits=20, draws=100)
    assert "a single value wherever values may be exchanged" in found.inapplicable
    assert found.findings[0].verdict == "does not apply"
