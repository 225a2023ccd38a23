"""Distributions under do are those of pgmpy's exact elimination, and so are mediations."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalhyper import Table, fit, mediate
from causalhyper.queries.interventions.query import do

FOLDER = Path(__file__).parent
STORED = json.loads((FOLDER / "pgmpy_elimination.json").read_text("utf-8"))
STATES = np.array(STORED["states of Y"], dtype=float)
MEDIATION = STORED["mediation of B=2 against B=0 by M"]
GRAPH = "Z -> B; {Z, B} -> M; {B, M} -> S; {S, M} -> Y; {Z, W} -> Y"


@pytest.fixture(scope="module")
def model():
    return fit(
        GRAPH,
        pd.read_csv(FOLDER / "pgmpy_runs.csv"),
        {v: v for v in "ZWBMSY"},
        protocol="p",
        cluster="seed",
        treatment="B",
        outcome="Y",
        mechanisms=Table(),
    )


@pytest.mark.parametrize("stored", STORED["found"], ids=lambda s: str(s["do"]))
def test_the_distribution_under_do_is_that_of_pgmpy(model, stored):
    found = do(model, stored["do"], "Y", above=[0.5], draws=100)
    p = np.array(stored["P(Y)"])
    assert found.outcomes == tuple(STATES)
    assert [e.estimate for e in found.states] == pytest.approx(p, abs=1e-12)
    assert found.mean[0].estimate == pytest.approx(p @ STATES, abs=1e-12)
    assert found.above[0].estimate == pytest.approx(1 - p[0], abs=1e-12)


def test_a_mediation_is_that_of_pgmpys_sums_within_the_error_of_simulated_runs(model):
    # ten seeds simulate apart, so their spread is that error
    asked = {"at": [2.0], "baseline": 0.0, "draws": 100}
    found = [mediate(model, "B", "Y", "M", seed=seed, **asked) for seed in range(10)]
    for part, value in MEDIATION.items():
        drawn = np.array([getattr(one, part)[0].estimate for one in found])
        error = drawn.std(ddof=1) / len(drawn) ** 0.5
        assert error < 0.005
        assert drawn.mean() == pytest.approx(value, abs=5 * error), part
