"""Plans from runs alone: what is guessed is said, and what cannot be guessed is asked for."""

from pathlib import Path

import pandas as pd
import pytest

from causalhyper import ConfigurationError
from causalhyper.study import check_study, guess_plan
from tests.report.conftest import GRAPH, simulate_runs


def written(folder: Path, frame: pd.DataFrame) -> Path:
    path = folder / "runs.csv"
    frame.to_csv(path, index=False)
    return path


def test_runs_with_usual_names_are_checked_as_a_study_of_them_would_be(tmp_path: Path) -> None:
    found = check_study(guess_plan(written(tmp_path, simulate_runs())))
    assert str(found.plan.graph) == GRAPH
    assert found.answerable
    assert (found.plan.at, found.plan.baseline) == ((16.0, 64.0), 512.0)
    assert (found.parts[0].n, found.parts[0].clusters) == (24, 8)
    first, *_ = found.summary().split("\n\n")
    assert first.splitlines()[0] == "guessed from runs.csv alone, to be looked at:"
    assert "B=log2(batch_size)" in first
    assert "clusters and contexts: seed" in first
    assert "verdict: the effect of B on G is identified" in found.summary()


def test_without_a_seed_each_run_is_a_cluster_and_that_is_said(tmp_path: Path) -> None:
    plan = guess_plan(written(tmp_path, simulate_runs().drop(columns="seed")))
    assert (plan.data.cluster, plan.data.context) == (("run_id",), ())
    assert "clusters: each run by itself (run_id); no column is named as a seed is" in plan.guesses
    assert check_study(plan).parts[0].clusters == 24


def test_nodes_without_a_column_are_projected_out_of_the_guess(tmp_path: Path) -> None:
    plan = guess_plan(written(tmp_path, simulate_runs().drop(columns=["grad_noise"])))
    assert "N" not in plan.graph.nodes
    assert "what has no column projected out" in plan.guesses[1]


def test_designs_are_checked_apart_without_a_protocol(tmp_path: Path) -> None:
    frame = pd.concat(
        [simulate_runs().assign(design=name, run_id=lambda d, n=name: n + d["run_id"])
         for name in ("epochs", "updates")]
    )  # fmt: skip
    found = check_study(guess_plan(written(tmp_path, frame)))
    assert [part.name for part in found.parts] == ["design epochs", "design updates"]
    assert {part.protocol for part in found.parts} == {"protocol not said"}


def test_runs_without_a_treatment_that_is_recognised_say_which_columns_there_are(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, simulate_runs().rename(columns={"batch_size": "bsz"}))
    with pytest.raises(ConfigurationError) as told:
        guess_plan(path)
    assert "recognised by its name as B (batch size, the treatment);" in str(told.value)
    assert "bsz" in str(told.value)
    assert "causalhyper init" in str(told.value)
