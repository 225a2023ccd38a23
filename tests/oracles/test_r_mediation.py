"""A linear mediation is that of R's mediation package, as published for the data `jobs`.

The runs are drawn anew and then given the means and covariances of `jobs`, which are all that
least squares sees of them.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalhyper import LINEAR, effect_curve, fit, mediate
from causalhyper.queries.paths.query import path_effects

STORED = json.loads((Path(__file__).parent / "r_mediation.json").read_text("utf-8"))
PUBLISHED = STORED["published"]
NODES = {"treat": "T", "econ_hard": "E", "sex": "S", "age": "A", "job_seek": "M", "depress2": "Y"}
GRAPH = "T -> M; E -> M; S -> M; A -> M; T -> Y; E -> Y; S -> Y; A -> Y; M -> Y"
ASKED = {"at": [1.0], "baseline": 0.0, "draws": 400, "interval": "bootstrap"}


def _jobs():
    rng = np.random.default_rng(50)
    drawn = rng.normal(size=(STORED["n"], len(NODES)))
    drawn -= drawn.mean(axis=0)
    white = drawn @ np.linalg.inv(np.linalg.cholesky(drawn.T @ drawn / len(drawn))).T
    wanted = np.linalg.cholesky(np.array(STORED["covariances"]))
    frame = pd.DataFrame(white @ wanted.T + STORED["means"], columns=STORED["nodes"])
    return frame.assign(run_id=[f"r{i:03d}" for i in range(len(frame))])


@pytest.fixture(scope="module")
def model():
    frame = _jobs()
    assert frame[list(NODES)].cov(ddof=0).to_numpy() == pytest.approx(
        np.array(STORED["covariances"]), abs=1e-10
    )
    roles = {v: column for column, v in NODES.items()}
    return fit(
        GRAPH,
        frame,
        roles,
        protocol="p",
        cluster="run_id",
        treatment="T",
        outcome="Y",
        mechanisms=LINEAR,
    )


@pytest.fixture(scope="module")
def found(model):
    return mediate(model, "T", "Y", "M", **ASKED)


def test_direct_and_indirect_effects_are_those_that_r_printed(found):
    printed = {
        "natural_direct": PUBLISHED["ADE"],
        "natural_direct_total": PUBLISHED["ADE"],
        "direct": PUBLISHED["ADE"],
        "natural_indirect": PUBLISHED["ACME"],
        "natural_indirect_pure": PUBLISHED["ACME"],
        "indirect": PUBLISHED["ACME"],
        "total": PUBLISHED["Total Effect"],
        "remainder": 0.0,
        "mediated_interaction": 0.0,
    }
    for part, value in printed.items():
        # printed to eight decimals at most, and seven
        assert getattr(found, part)[0].estimate == pytest.approx(value, abs=6e-8), part


def test_curves_and_paths_are_what_r_printed(model):
    curve = effect_curve(model, "T", "Y", **ASKED).graph[0].estimate
    assert curve == pytest.approx(PUBLISHED["Total Effect"], abs=6e-9)
    paths = path_effects(model, "T", "Y", **ASKED)
    along = dict(zip(paths.paths, (e[0].estimate for e in paths.along), strict=True))
    assert along["T -> Y"] == pytest.approx(PUBLISHED["ADE"], abs=6e-8)
    assert along["T -> M -> Y"] == pytest.approx(PUBLISHED["ACME"], abs=6e-9)


@pytest.mark.parametrize("column", ["treat", "econ_hard", "sex", "age"])
def test_the_total_effect_of_every_cause_is_its_coefficient_in_rs_regression(model, column):
    mean = STORED["means"][STORED["nodes"].index(column)]
    asked = ASKED | {"at": [mean + 0.3], "baseline": mean - 0.2}
    found = effect_curve(model, NODES[column], "Y", **asked).graph[0].estimate / 0.5
    printed = PUBLISHED["depress2 ~ treat + econ_hard + sex + age"][column]
    assert found == pytest.approx(printed, abs=6e-8)


@pytest.mark.parametrize(
    ("name", "part"),
    [("ACME", "natural_indirect"), ("ADE", "natural_direct"), ("Total Effect", "total")],
)
def test_intervals_are_as_wide_as_rs_bootstrap_intervals(found, name, part):
    # the data's higher moments are not those of `jobs`, which matters little for a linear
    # model; the upper ends are printed to two decimals
    lower, upper = PUBLISHED[f"{name}, percentile interval"]
    e = getattr(found, part)[0]
    slack = 0.005 + 0.15 * (upper - lower) / 2
    assert (e.lower, e.upper) == pytest.approx((lower, upper), abs=slack)
