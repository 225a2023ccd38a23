"""Values that nodes are set to: every verb refuses and accepts the same ones."""

import numpy as np
import pandas as pd
import pytest

from causalhyper import (
    ConfigurationError,
    FixNode,
    Table,
    ablate,
    counterfactual,
    do,
    effect_curve,
    fit,
    mediate,
)
from tests.simulated import CHAIN, ROLES, Truth, runs

ASKED = {"at": [2.0], "baseline": 1.0, "draws": 100}
SET = {
    "do": lambda m, v, x: do(m, {v: x}, "G", draws=100),
    "do, held": lambda m, v, x: do(m, {"B": 2.0, v: x}, "G", draws=100),
    "counterfactual": lambda m, v, x: counterfactual(m, {v: x}, "G", draws=100),
    "fix": lambda m, v, x: ablate(m, "B", "G", FixNode(v, x), **ASKED),
    "controlled": lambda m, v, x: mediate(m, "B", "G", v, controlled={v: x}, **ASKED),
    "treatment": lambda m, v, x: effect_curve(
        m, v, "G", at=[x], baseline=float(np.median(m.values[v])), draws=100
    ),
}


@pytest.fixture(scope="module")
def model():
    frame = runs(Truth(), np.random.default_rng(2), clusters=10)
    return fit(CHAIN, frame, ROLES, protocol="p", cluster="k")


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"run_id": np.arange(400), "k": np.arange(400) % 20})
    frame["b"] = np.tile([1.0, 2.0, 4.0, 2.0], 100)
    frame["s"] = 2.0 * (rng.random(400) < 0.2 + 0.1 * frame["b"])
    frame["g"] = (rng.random(400) < 0.3 + 0.2 * frame["s"]).astype(float)
    roles = {"B": "b", "S": "s", "G": "g"}
    graph = "B -> S; {B, S} -> G"
    return fit(graph, frame, roles, protocol="p", cluster="k", mechanisms=Table())


@pytest.mark.parametrize("verb", SET)
def test_a_value_outside_the_runs_is_refused_in_the_same_words(model, verb):
    top = model.values["S"].max()
    words = rf"s = \S+ lies outside what was run, .* runs have \S+ to {top:.9g}$"
    with pytest.raises(ConfigurationError, match=words):
        SET[verb](model, "S", top + 1e-6)


@pytest.mark.parametrize("verb", SET)
def test_what_rounding_leaves_beyond_the_runs_is_within_them(model, verb):
    top = model.values["S"].max()
    assert SET[verb](model, "S", top * (1 + 1e-12)).to_frame().notna()["estimate"].all()


@pytest.mark.parametrize("verb", SET)
def test_a_table_is_not_asked_between_the_values_that_were_run(tables, verb):
    with pytest.raises(ConfigurationError, match=r"no run has s = 1, and the table of G knows"):
        SET[verb](tables, "S", 1.0)


def test_the_table_of_a_node_that_is_set_itself_does_not_matter(tables):
    roles = {"B": "b", "S": "s", "G": "g"}
    frame = pd.DataFrame({v.lower(): x for v, x in tables.values.items()})
    frame = frame.assign(run_id=np.arange(400), k=np.arange(400) % 20)
    frame["g"] = frame["b"] + frame["s"] + np.random.default_rng(0).normal(size=400)
    mixed = fit(
        "B -> S; B -> G; S -> G",
        frame,
        roles,
        protocol="p",
        cluster="k",
        mechanisms={"S": Table()},
    )
    with pytest.raises(ConfigurationError, match="the table of S"):
        do(mixed, {"B": 2.5}, "G", draws=100)
    found = do(mixed, {"B": 2.5, "S": 2.0}, "G", draws=100).mean[0]
    assert found.estimate == pytest.approx(4.5, abs=0.3)
