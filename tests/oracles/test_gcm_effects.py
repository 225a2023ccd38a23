"""Effects are those of dowhy's graphical causal models, stored beside what made them."""

import json
from pathlib import Path

import pandas as pd
import pytest

from causalhyper import LINEAR, RandomiseNode, ablate, effect_curve, fit

FOLDER = Path(__file__).parent
STORED = json.loads((FOLDER / "gcm_effects.json").read_text("utf-8"))
MEANS = STORED["mean and standard error of G"]
ROLES = {v: v for v in "BNSCG"}


@pytest.fixture(scope="module")
def model():
    runs = pd.read_csv(FOLDER / "gcm_runs.csv")
    graph = "B -> N; N -> S; {N, S} -> C; C -> G"
    return fit(graph, runs, ROLES, protocol="p", cluster="seed", mechanisms=LINEAR)


def difference(world, value):
    (high, e1), (low, e2) = MEANS[world][f"{value:g}"], MEANS[world]["1"]
    return high - low, (e1**2 + e2**2) ** 0.5


def test_effect_curves_through_the_hypergraph_are_those_of_gcm(model):
    curve = effect_curve(model, "B", "G", at=[2, 4], baseline=1, draws=100)
    for e in curve.graph:
        expected, error = difference("do", e.value)
        assert e.estimate == pytest.approx(expected, abs=4 * error)


def test_effects_with_a_randomised_node_are_those_of_gcm(model):
    found = ablate(model, "B", "G", RandomiseNode("S"), at=[2, 4], baseline=1, draws=100)
    for e in found.after:
        expected, error = difference("randomise S", e.value)
        assert e.estimate == pytest.approx(expected, abs=4 * error)
