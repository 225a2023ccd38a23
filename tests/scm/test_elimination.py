"""Exact elimination against loops over every combination of values."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from causalhyper import Table, effect_curve, fit
from causalhyper.errors import ConfigurationError
from causalhyper.scm.elimination import eliminate, is_discrete
from causalhyper.scm.replicates import resample

GRAPH = "Z -> B; {Z, B} -> M; {B, M} -> Y; W -> Y; Y -> D"


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(4)
    n = 2000
    z, w = rng.integers(0, 2, size=(2, n))
    b = (rng.random(n) < 0.3 + 0.3 * z).astype(int) + (rng.random(n) < 0.4)
    m = (rng.random(n) < 0.2 + 0.2 * z + 0.2 * b).astype(int)
    y = (rng.random(n) < 0.1 + 0.2 * m + 0.1 * b + 0.2 * w).astype(int) * 3
    d = (rng.random(n) < 0.5).astype(int) + y
    nodes = {"Z": z, "B": b, "M": m, "Y": y, "W": w, "D": d}
    frame = pd.DataFrame({k.lower(): v.astype(float) for k, v in nodes.items()})
    frame = frame.assign(k=np.arange(n) % 20, run_id=np.arange(n))
    roles = {v: v.lower() for v in nodes}
    options = {"protocol": "p", "cluster": "k", "mechanisms": Table()}
    return fit(GRAPH, frame, roles, treatment="B", outcome="Y", **options)


def _by_loops(model, rows, value):
    """Sum over z, w, m of P(z) P(w) P(m | z, b) P(y | b, m, w), with shares of the rows."""
    data = pd.DataFrame(model.values).iloc[rows]
    out = dict.fromkeys(np.unique(model.values["Y"]), 0.0)
    for z, w, m in product((0, 1), (0, 1), (0, 1)):
        weight = (z == data.Z).mean() * (w == data.W).mean()
        there = data[(z == data.Z) & (value == data.B)]
        weight *= (m == there.M).mean()
        cell = data[(value == data.B) & (m == data.M) & (w == data.W)]
        for y in out:
            out[y] += weight * (y == cell.Y).mean()
    return list(out.values())


def test_elimination_gives_the_sums_over_every_combination(model):
    replicates = resample(model, 100, np.random.default_rng(0))
    states, found = eliminate(model, replicates, "B", np.array([0.0, 1.0, 2.0]), "Y")
    assert list(states) == [0.0, 3.0]
    assert found.sum(axis=2) == pytest.approx(1)
    scale = 20 / 19
    for r in (0, 7):
        counts = np.rint(replicates.weights[r] / (scale if r else 1)).astype(int)
        rows = np.repeat(np.arange(model.n), counts[model.groups.clusters])
        for d, value in enumerate((0.0, 1.0, 2.0)):
            assert found[r, d] == pytest.approx(_by_loops(model, rows, value), abs=1e-12)


def test_only_what_precedes_the_outcome_must_be_discrete(model):
    assert is_discrete(model, "Y")
    frame = pd.DataFrame({v.lower(): x for v, x in model.values.items()})
    frame["k"], frame["run_id"] = model.groups.clusters, np.arange(model.n)
    roles = {v: v.lower() for v in model.values}
    options = {"protocol": "p", "cluster": "k", "treatment": "B", "outcome": "Y"}
    tables = dict.fromkeys("BMY", Table())
    other = fit(GRAPH, frame, roles, mechanisms=tables, **options)
    assert is_discrete(other, "Y")
    assert not is_discrete(other, "D")


def test_an_effect_curve_of_tables_is_exact_and_stops_between_values(model):
    asked = {"draws": 100, "seed": 1}
    found = effect_curve(model, "B", "Y", at=[1.0, 2.0], baseline=0.0, **asked)
    rows = np.arange(model.n)
    means = [3 * _by_loops(model, rows, v)[1] for v in (0.0, 1.0, 2.0)]
    expected = [means[1] - means[0], means[2] - means[0]]
    assert [e.estimate for e in found.graph] == pytest.approx(expected, abs=1e-12)
    with pytest.raises(ConfigurationError, match=r"no run has b = 0\.5, and the table of M"):
        effect_curve(model, "B", "Y", at=[0.5], baseline=0.0, **asked)
