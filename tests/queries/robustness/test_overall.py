"""The whole of robustness: every part is asked, and the verdict says what was found."""

import numpy as np
import pytest

from causalhyper import LINEAR, fit
from causalhyper.queries.robustness import robustness
from tests.queries.robustness.test_correlated_errors import CHAIN, _chain
from tests.simulated import Truth, runs

ASKED = {"refits": 40, "draws": 100, "rhos": (-0.8, 0.4, 0.8)}


@pytest.fixture(scope="module")
def confounded():
    frame = _chain(np.random.default_rng(5), clusters=60, repeats=5)
    frame["data"] = np.where(frame.k < 30, "cora", "citeseer")
    model = fit(
        CHAIN,
        frame,
        {v: v.lower() for v in "BNSCG"},
        protocol="equal epochs",
        cluster="k",
        mechanisms=LINEAR,
    )
    told = []
    found = robustness(
        model,
        "B",
        "G",
        at=[1.0, 2.0],
        baseline=0.0,
        by="data",
        runs=frame,
        progress=told.append,
        **ASKED,
    )
    return found, told


def test_every_part_is_there_and_each_finding_has_one_of_four_verdicts(confounded):
    found, _ = confounded
    frame = found.to_frame()
    assert list(frame.columns) == ["test", "null", "reading", "verdict"]
    assert set(frame["verdict"]) <= {"holds", "is fragile", "fails", "does not apply"}
    for start in (
        "placebo",
        "random common",
        "cluster subsets",
        "dummy",
        "E-value",
        "partial R2",
        "correlated errors",
        "leave out one data",
    ):
        assert frame["test"].str.startswith(start).any(), start
    assert not (frame["verdict"] == "fails").any()


def test_the_verdict_names_the_hidden_cause_that_closes_the_gap(confounded):
    found, _ = confounded
    assert "The hypergraph misses the design's contrast" in found.verdict
    assert "for S ~ G" in found.verdict
    assert found.summary().endswith(found.verdict)
    assert "test | H0 | reading | verdict" in found.summary()


def test_every_part_draws_itself(confounded):
    found, _ = confounded
    assert found.plot().get_xlabel().startswith("correlation of the errors")
    assert found.e_values.plot().get_xlabel() == "log risk ratio"
    assert found.leave_out.plot().get_xlabel().startswith("effect of 2")
    assert all("refits" in r.plot().get_xlabel() for r in found.refutations)


def test_progress_rises_from_0_to_1(confounded):
    told = confounded[1]
    assert told == sorted(told)
    assert 0 < told[0] < 0.1
    assert told[-1] == pytest.approx(1.0)
    # the E-values' own share of the work, told as it is done
    assert any(0.75 < share <= 0.8 for share in told)


def test_without_a_mediator_what_needs_one_says_so():
    frame = runs(Truth(direct=1.0), np.random.default_rng(1), clusters=20, repeats=2)
    roles = {"B": "b", "G": "g"}
    model = fit("B -> G", frame, roles, protocol="p", cluster="k", mechanisms=LINEAR)
    told = []
    found = robustness(model, "B", "G", at=[4.0], baseline=1.0, progress=told.append, **ASKED)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert found.partial_r2 is None
    assert found.correlated_errors is None
    skipped = [f for f in found.findings if f.verdict == "does not apply"]
    assert [f.reading for f in skipped] == ["no node lies between B and G"] * 2
    assert "unmeasured" not in found.verdict
