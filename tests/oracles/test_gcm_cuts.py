"""Controlled direct effects and cut arcs are those of dowhy's graphical causal models."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalhyper import LINEAR, ablate, fit, mediate
from causalhyper.queries.ablations.operations import CutEdge

FOLDER = Path(__file__).parent
STORED = json.loads((FOLDER / "gcm_cuts.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def model():
    runs = pd.read_csv(FOLDER / "gcm_runs.csv")
    graph = "B -> N; N -> S; {N, S} -> C; C -> G"
    roles = {v: v for v in "BNSCG"}
    return fit(graph, runs, roles, protocol="p", cluster="seed", mechanisms=LINEAR)


@pytest.mark.parametrize("value", [0.5, 2.0])
def test_controlled_direct_effects_are_those_of_gcm(model, value):
    means = STORED["mean and standard error of G, B and S set"]
    asked = {"at": [2, 4], "baseline": 1, "draws": 100}
    found = mediate(model, "B", "G", "S", controlled={"S": value}, **asked)
    low, e0 = means[f"B=1, S={value:g}"]
    for e in found.controlled_direct:
        high, e1 = means[f"B={e.value:g}, S={value:g}"]
        assert e.estimate == pytest.approx(high - low, abs=4 * (e0**2 + e1**2) ** 0.5)


@pytest.mark.parametrize("arc", ["N -> C", "S -> C"])
def test_what_a_cut_arc_does_to_the_mean_is_what_arrow_strength_finds(model, arc):
    """The mean shift over the design's three doses, from the levels of its three pairs."""
    expected, error = STORED["shift of the mean of C and its standard error, arc cut"][arc]
    pairs = [(1, [2, 4]), (2, [4])]
    levels = [
        e.estimate
        for baseline, at in pairs
        for e in ablate(model, "B", "C", CutEdge(arc), at=at, baseline=baseline, draws=100).level
    ]
    # each is the mean shift of two doses; here r sd(N) sd(S) / sqrt(540) of simulation error
    assert np.mean(levels) == pytest.approx(expected, abs=4 * error + 0.05)
