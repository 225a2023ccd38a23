"""A logit outcome's mediation is that of statsmodels, stored beside what made it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalhyper import LINEAR, Binomial, fit, mediate

FOLDER = Path(__file__).parent
STORED = json.loads((FOLDER / "statsmodels_logit.json").read_text("utf-8"))
GRAPHS = {"additive": "X -> N; X -> Y; N -> Y", "interaction": "X -> N; {X, N} -> Y"}


@pytest.fixture(scope="module", params=GRAPHS)
def mediation(request):
    model = fit(
        GRAPHS[request.param],
        pd.read_csv(FOLDER / "logit_runs.csv"),
        {"X": "x", "N": "n", "Y": "y"},
        protocol="p",
        cluster="run_id",
        mechanisms={"N": LINEAR, "Y": Binomial(1)},
    )
    asked = {"at": [1.0], "baseline": 0.0, "draws": 400, "interval": "bootstrap"}
    return STORED[request.param], model, mediate(model, "X", "Y", "N", **asked)


def test_the_logit_is_that_of_statsmodels(mediation):
    stored, model, _ = mediation
    fitted, coefs = model.mechanisms["Y"].fit, stored["coefficients"]
    x, n = (grid.ravel() for grid in np.meshgrid([0.0, 1.0], [-2.0, 0.0, 1.5]))
    terms = [[(x, n)[i][None, None] for i in term] for term in fitted.terms]
    p = fitted.mean(fitted.parameters, terms, np.zeros((1, 6), dtype=int), {}).ravel()
    line = coefs["Intercept"] + coefs["x"] * x + coefs["n"] * n + coefs.get("x:n", 0.0) * x * n
    assert np.log(p / (1 - p)) == pytest.approx(line, abs=1e-8)


def test_natural_effects_are_those_of_statsmodels_with_the_parameters_at_their_estimates(
    mediation,
):
    stored, _, found = mediation
    for part, one in stored["plugged in"].items():
        # residuals here and normal draws there: the midpoints of the noise's distribution differ
        # from it by no more than 1 / 600 of a probability in each of two worlds
        error = 5 * one["sd"] / STORED["repetitions"] ** 0.5 + 2 / 600
        assert getattr(found, part)[0].estimate == pytest.approx(one["mean"], abs=error), part


def test_standard_errors_are_those_of_drawn_parameters(mediation):
    stored, _, found = mediation
    for part, one in stored["quasi-Bayesian"].items():
        # 400 and 500 replicates: each standard error is known to 4%
        assert getattr(found, part)[0].se == pytest.approx(one["sd"], rel=0.2), part
