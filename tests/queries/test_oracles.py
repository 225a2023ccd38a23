"""Numbers from another program: statsmodels' mediation analysis (Imai, Keele and Tingley)."""

import numpy as np
import pytest
import statsmodels.formula.api as smf
from statsmodels.stats.mediation import Mediation as Oracle

from causalhyper import LINEAR, fit, mediate
from tests.simulated import as_frame, design


@pytest.mark.parametrize("moderated", [False, True])
def test_natural_effects_are_those_of_statsmodels_mediation(moderated):
    rng = np.random.default_rng(0)
    k, b = design(20, (1.0, 2.0, 4.0), 2)
    M = 0.3 + 0.8 * b + rng.normal(size=len(b))
    joint = 0.35 * b * M if moderated else 0.0
    frame = as_frame(k, b, {"N": M, "G": 1 + 0.5 * b - 0.6 * M + joint + rng.normal(size=len(b))})
    graph = "B -> N; {B, N} -> G" if moderated else "B -> N; B -> G; N -> G"
    roles = {"B": "b", "N": "n", "G": "g"}
    model = fit(graph, frame, roles, protocol="p", cluster="k", mechanisms=LINEAR)
    found = mediate(model, "B", "G", "N", at=[4.0], baseline=1.0, draws=100)

    # its exposure goes from 0 to 1, so rescale; formulas keep its interaction column fresh
    data = frame.assign(x=(frame.b - 1) / 3)
    outcome = smf.ols("g ~ x * n" if moderated else "g ~ x + n", data)
    table = Oracle(outcome, smf.ols("n ~ x", data), "x", "n").fit(n_rep=150, rng=0).summary()
    # control is the pure direct and pure indirect effect, treated the total one of either
    for row, e in (
        ("ADE (control)", found.natural_direct[0]),
        ("ACME (treated)", found.natural_indirect[0]),
        ("ADE (treated)", found.natural_direct_total[0]),
        ("ACME (control)", found.natural_indirect_pure[0]),
        ("Total effect", found.total[0]),
    ):
        low, high = table.loc[row, ["Lower CI bound", "Upper CI bound"]]
        error = (high - low) / 3.92 / 150**0.5
        assert e.estimate == pytest.approx(table.loc[row, "Estimate"], abs=5 * error), row
