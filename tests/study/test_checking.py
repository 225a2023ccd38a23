import numpy as np
import pytest

from causalhyper import ConfigurationError, DataError, identify
from causalhyper.study import check_study, read_study
from tests.report.conftest import GRAPH, simulate_runs
from tests.study.conftest import Write, two_designs


def test_a_check_says_what_is_identified_and_implied(write: Write) -> None:
    found = check_study(read_study(write()))
    assert found.answerable
    assert found.identification == identify(GRAPH, "B", "G")
    assert [i.mediators for i in found.mediation] == [("N",), ("S",), ("C",)]
    assert found.independencies == (
        "B ⟂ S | N",
        "B ⟂ C | N",
        "B ⟂ G | N",
        "N ⟂ G | C",
        "S ⟂ G | C",
    )
    text = found.summary()
    assert "line 4, without B the districts are {N}, {S}, {C}, {G}" in text
    assert "back-door, P(g | do(b)): ∅" in text
    assert "through S:\n  controlled direct" in text
    assert "verdict: the effect of B on G is identified" in text
    frame = found.to_frame()
    assert list(frame.loc[frame["mediator"] == "", "strategy"]) == [
        "ID",
        "back-door",
        "front-door",
        "instrument",
    ]
    assert set(frame["mediator"]) == {"", "N", "S", "C"}


def test_a_check_counts_runs_clusters_missing_values_and_balance(write: Write) -> None:
    runs = two_designs().assign(extra=1.0)
    runs.loc[[0, 5], "extra"] = np.nan
    runs = runs.drop(index=2)  # one run of the largest batch size
    protocol = {"by": "design", "sentences": {"updates": "u", "epochs": "e"}}
    first, second = check_study(read_study(write(runs, protocol=protocol))).parts
    assert (first.n, first.clusters, first.missing) == (23, 8, {"extra": 2})
    assert (second.n, second.clusters, second.missing) == (24, 8, {})
    assert first.balance["batch_size"].tolist() == [16, 64, 512]
    assert first.balance["runs"].tolist() == [8, 8, 7]
    assert first.balance["clusters"].tolist() == [8, 8, 7]
    held = runs[(runs["design"] == "updates") & (runs["batch_size"] == 64)]
    assert first.balance["mean sharpness"].tolist()[1] == pytest.approx(held["sharpness"].mean())
    assert "missing values: extra 2" in first.summary()
    assert "missing values: none" in second.summary()


def test_many_treatment_values_are_counted_in_ten_groups(write: Write) -> None:
    runs = simulate_runs()
    runs["batch_size"] = 16 + 2 * np.arange(len(runs))
    plan = read_study(
        write(runs, question={"treatment": "B", "outcome": "G", "at": [16], "baseline": 62})
    )
    (part,) = check_study(plan).parts
    assert len(part.balance) == 10
    assert part.balance["runs"].sum() == len(runs)


def test_an_unmeasured_common_cause_of_the_ends_is_not_answerable(write: Write) -> None:
    found = check_study(read_study(write(hypergraph__edges=f"{GRAPH}; B <-> N")))
    assert not found.answerable
    assert "is not identified, because" in found.summary()


def test_values_that_never_meet_in_a_block_have_no_overlap(write: Write) -> None:
    runs = simulate_runs()
    runs = runs[(runs["seed"] < 4) == (runs["batch_size"] == 512)]
    found = check_study(read_study(write(runs, data__context=["seed"])))
    assert found.identification.identified
    assert not found.answerable
    assert "no overlap: " in found.summary()
    never = check_study(read_study(write(question__at=[32])))
    assert "no run has batch_size = 32" in never.parts[0].overlap
    assert not never.answerable


def test_a_question_outside_the_runs_and_wrong_data_are_refused(write: Write) -> None:
    with pytest.raises(ConfigurationError, match=r"study.toml: \[question\]: .*4096"):
        check_study(read_study(write(question__at=[4096])))
    with pytest.raises(DataError, match="'test_accuracy'"):
        check_study(read_study(write(simulate_runs().assign(test_accuracy=83.9))))
