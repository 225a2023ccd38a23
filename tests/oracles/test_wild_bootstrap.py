"""Wild cluster bootstrap p-values are wildboottest's, stored beside what made them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalhyper.inference import wild_test
from causalhyper.mechanisms.grams import cluster_grams

FOLDER = Path(__file__).parent
STORED = json.loads((FOLDER / "wild_bootstrap.json").read_text("utf-8"))
COLUMNS = {"x": 1, "z": 2}


@pytest.fixture(scope="module")
def regression():
    runs = pd.read_csv(FOLDER / "wild_runs.csv")
    X = np.column_stack([np.ones(len(runs)), runs["x"], runs["z"]])
    return cluster_grams(X, runs["y"].to_numpy(), runs["k"].to_numpy(), 10), len(runs)


@pytest.mark.parametrize("name", COLUMNS)
def test_cr1_is_that_of_statsmodels(regression, name):
    stored, (grams, n) = STORED["coefficients"][name], regression
    found = wild_test(grams, COLUMNS[name], n=n, width=3)
    for key in ("estimate", "se", "t", "t_p_value"):
        assert getattr(found, key) == pytest.approx(stored[key], rel=1e-9)


@pytest.mark.parametrize("name", COLUMNS)
def test_enumerated_p_values_are_those_of_wildboottest(regression, name):
    found = wild_test(regression[0], COLUMNS[name])
    # wildboottest asks for larger statistics; equal ones, those of the data themselves and of
    # all signs turned, count here, as in a permutation test
    assert found.p_value - 2 / 1024 == STORED["coefficients"][name]["rademacher, enumerated"]


@pytest.mark.parametrize("name", COLUMNS)
def test_p_values_by_six_points_are_those_of_wildboottest(regression, name):
    stored = STORED["coefficients"][name]["webb, sampled"]
    draws = 99_999
    found = wild_test(regression[0], COLUMNS[name], weights="webb", draws=draws)
    error = (stored * (1 - stored) * (1 / draws + 1 / STORED["draws"])) ** 0.5
    assert abs(found.p_value - stored) < 4 * error
