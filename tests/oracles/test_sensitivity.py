"""E-values are those of dowhy, partial-R2 sensitivity is that of PySensemakr, both stored here."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalhyper import LINEAR, fit
from causalhyper.inference.e_values import e_value, e_value_of_interval, ratio_of_difference
from causalhyper.inference.partial_r2 import (
    SlopeReplicates,
    adjusted,
    bias_factor,
    classical_robustness_value,
)
from causalhyper.queries.robustness import partial_r2_sensitivity

FOLDER = Path(__file__).parent
E_VALUES = json.loads((FOLDER / "e_values.json").read_text("utf-8"))
SENSEMAKR = json.loads((FOLDER / "sensemakr.json").read_text("utf-8"))
REGRESSIONS = SENSEMAKR["regressions"]
GRAPH = "B -> N; N -> S; N -> C; S -> C; C -> G"


def runs():
    return pd.read_csv(FOLDER / "gcm_runs.csv")


@pytest.mark.parametrize("row", E_VALUES["ratios"])
def test_e_values_of_risk_ratios_are_those_of_dowhy(row):
    ratio, low, high, value, nearest = row
    assert e_value(ratio) == pytest.approx(value, rel=1e-12)
    assert e_value_of_interval(low, high) == pytest.approx(nearest, rel=1e-12)


@pytest.mark.parametrize("row", E_VALUES["differences"])
def test_e_values_of_standardised_differences_are_those_of_dowhy(row):
    d, se, value, nearest = row
    assert e_value(ratio_of_difference(d, sd=1.0)) == pytest.approx(value, rel=1e-12)
    ends = ratio_of_difference([d - 1.78 / 0.91 * se, d + 1.78 / 0.91 * se], sd=1.0)
    assert e_value_of_interval(*ends) == pytest.approx(nearest, rel=1e-12)


def test_the_e_value_of_the_published_example_is_the_published_one():
    # VanderWeele and Ding 2017: risk ratio 3.9 (1.8 to 8.7) has the E-values 7.26 and 3.0
    assert round(float(e_value(3.9)), 2) == 7.26
    assert round(float(e_value_of_interval(1.8, 8.7)), 2) == 3.0


@pytest.mark.parametrize("name", REGRESSIONS)
def test_classical_robustness_values_are_those_of_sensemakr(name):
    r = REGRESSIONS[name]
    value = classical_robustness_value(r["t"], int(r["dof"]))
    assert value == pytest.approx(r["rv"], rel=1e-9)
    doubted = classical_robustness_value(r["t"], int(r["dof"]), level=0.95)
    assert doubted == pytest.approx(r["rv 5%"], rel=1e-9)


@pytest.mark.parametrize("row", SENSEMAKR["robustness values at 5%"])
def test_weak_and_extreme_robustness_values_are_those_of_sensemakr(row):
    t, dof, value = row
    assert classical_robustness_value(t, dof, level=0.95) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("name", REGRESSIONS)
def test_adjusted_estimates_are_those_of_sensemakr(name):
    r = REGRESSIONS[name]
    ratio = abs(r["estimate"] / r["t"]) * r["dof"] ** 0.5
    found = SlopeReplicates(np.array([r["estimate"]]), np.array([ratio]))
    strengths = np.array(SENSEMAKR["strengths"])
    moved = adjusted(found, bias_factor(strengths[:, 0], strengths[:, 1]))[0]
    np.testing.assert_allclose(moved, r["adjusted"], rtol=1e-9)


@pytest.mark.parametrize(("name", "context"), [("C ~ S + N", ()), ("C ~ S + N + block", "seed")])
def test_the_sensitivity_of_an_arc_is_that_of_sensemakr(name, context):
    r = REGRESSIONS[name]
    roles = {v: v for v in "BNSCG"}
    model = fit(
        GRAPH, runs(), roles, protocol="p", cluster="seed", context=context, mechanisms=LINEAR
    )
    found = partial_r2_sensitivity(
        model, "B", "G", arcs=[("S", "C")], times=r["times"], draws=100
    ).arcs[0]
    assert found.slope.estimate == pytest.approx(r["estimate"], rel=1e-9)
    assert found.partial_r2 == pytest.approx(r["partial r2"], rel=1e-9)
    assert found.robustness_value == pytest.approx(r["rv"], rel=1e-9)
    observed = [b for b in found.benchmarks if b.kind == "cause"]
    ours = [[b.r2_cause, b.r2_response, b.estimate] for b in observed]
    np.testing.assert_allclose(ours, r["bounds"], rtol=1e-8)
