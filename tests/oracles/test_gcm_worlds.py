"""Distributions under do and counterfactuals are those of dowhy's graphical causal models."""

import json
from pathlib import Path

import pandas as pd
import pytest

from causalhyper import LINEAR, fit
from causalhyper.queries.counterfactuals.query import counterfactual
from causalhyper.queries.interventions.query import PRECISE, do

FOLDER = Path(__file__).parent
STORED = json.loads((FOLDER / "gcm_worlds.json").read_text("utf-8"))
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@pytest.fixture(scope="module")
def model():
    runs = pd.read_csv(FOLDER / "gcm_runs.csv")
    graph = "B -> N; N -> S; {N, S} -> C; C -> G"
    roles = {v: v for v in "BNSCG"}
    return fit(graph, runs, roles, protocol="p", cluster="seed", mechanisms=LINEAR)


def _named(case):
    return ", ".join(f"{v}={x:g}" for v, x in case["setting"].items())


@pytest.mark.parametrize("case", STORED["distributions of G"], ids=_named)
def test_distributions_under_do_are_those_of_gcm(model, case):
    found = do(model, case["setting"], "G", quantiles=QUANTILES, above=0, draws=100)
    numbers = {e.subject: e.estimate for e in found.quantiles + found.above}
    numbers |= {"sd": found.sd[0].estimate}
    assert set(numbers) == set(case["found"]) - {"mean"}
    # both programs simulate: the error here is that of PRECISE draws, there of their own
    wider = (1 + STORED["draws"] / PRECISE) ** 0.5
    for name, value in numbers.items():
        expected, error = case["found"][name]
        assert value == pytest.approx(expected, abs=4 * wider * error), name


def test_expectations_under_do_are_those_of_gcm(model):
    for case in STORED["distributions of G"]:
        found = do(model, case["setting"], "G", draws=100).mean[0]
        expected, error = case["found"]["mean"]
        # 180 runs, each drawn three times: the error of pairing their residuals at random
        assert found.estimate == pytest.approx(expected, abs=4 * error + 0.04), case["setting"]


@pytest.mark.parametrize("case", STORED["counterfactual G"], ids=_named)
def test_counterfactuals_of_single_runs_are_those_of_gcm(model, case):
    found = counterfactual(model, case["setting"], "G", runs=list(case["found"]), draws=100)
    table = found.by_run().set_index("run_id")["counterfactual"]
    for name, expected in case["found"].items():
        assert table[name] == pytest.approx(expected, abs=1e-9), name
