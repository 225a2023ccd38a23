import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalhyper import ConfigurationError
from causalhyper.study import check_study, read_study, start_study
from causalhyper.study.guesses import guess_study
from causalhyper.study.starting import study_text
from tests.report.conftest import GRAPH, simulate_runs

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "case_studies" / "batch_size" / "data" / "runs.parquet"


def test_the_file_written_for_the_shipped_runs_lacks_its_protocol_alone(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    start_study(SHIPPED, path)
    with pytest.raises(ConfigurationError) as caught:
        read_study(path)
    _, *lines = str(caught.value).splitlines()
    assert [line.split(":")[0].strip(" -") for line in lines] == [
        "[protocol.sentences] equal_epochs",
        "[protocol.sentences] equal_updates",
    ]
    text = path.read_text("utf-8")
    filled = text.replace('equal_epochs = ""', 'equal_epochs = "equal epochs"')
    path.write_text(filled.replace('equal_updates = ""', 'equal_updates = "equal updates"'))
    plan = read_study(path)
    assert str(plan.graph) == GRAPH
    assert str(plan.roles["S"]) == "S=log10(sharpness)"
    assert (plan.at, plan.baseline) == ((16, 32, 64, 128, 256), 512)
    assert (plan.data.cluster, plan.data.context) == (("seed",), ("seed",))
    found = check_study(plan)
    assert found.answerable
    assert [part.n for part in found.parts] == [240, 240]


def test_every_guess_is_said_to_be_one(tmp_path: Path) -> None:
    start_study(SHIPPED, tmp_path / "study.toml")
    text = (tmp_path / "study.toml").read_text("utf-8")
    for key in ("cluster", "context", "B", "N", "S", "C", "G", "by"):
        (line,) = [line for line in text.splitlines() if line.startswith(f"{key} = ")]
        assert "guessed from the column name" in line
    assert "# guessed: the largest" in text
    assert '#   "optimizer" = "adam"' in text


def test_a_file_that_is_there_is_kept_unless_it_may_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text("mine")
    with pytest.raises(ConfigurationError, match="is there already: name another file, or"):
        start_study(SHIPPED, path)
    assert path.read_text() == "mine"
    start_study(SHIPPED, path, force=True)
    assert tomllib.loads(path.read_text("utf-8"))["question"]["baseline"] == 512


def test_runs_are_named_from_the_folder_of_the_study_file(tmp_path: Path) -> None:
    runs = tmp_path / "data" / "runs.csv"
    runs.parent.mkdir()
    simulate_runs().to_csv(runs, index=False)
    start_study(runs, tmp_path / "studies" / "study.toml")
    written = tomllib.loads((tmp_path / "studies" / "study.toml").read_text("utf-8"))
    assert written["data"]["runs"] == "../data/runs.csv"


def test_what_has_no_column_is_projected_out_and_offered_as_a_comment() -> None:
    runs = simulate_runs().rename(columns={"test_accuracy": "val/acc"})
    guess = guess_study(runs.drop(columns=["grad_noise", "weight_norm"]))
    assert {node: role.label for node, role in guess.roles.items()} == {
        "B": "log2(batch_size)",
        "S": "log10(sharpness)",
        "G": "val/acc",
    }
    # S and G share the noise that is not measured
    assert str(guess.graph) == "B -> S; {B, S} -> G; S <-> G"
    lines = study_text(guess, "runs.csv").splitlines()
    assert [line for line in lines if line.startswith("# N = ")] == [
        '# N = ""  # gradient noise; optional; choose among "seed"'
    ]


def test_without_any_known_column_nothing_is_guessed_and_the_gaps_are_named(
    tmp_path: Path,
) -> None:
    runs = pd.DataFrame({"run_id": ["a", "b"], "width": [1.0, 2.0], "score": [0.1, 0.2]})
    runs.to_csv(tmp_path / "runs.csv", index=False)
    start_study(tmp_path / "runs.csv", tmp_path / "study.toml")
    text = (tmp_path / "study.toml").read_text("utf-8")
    assert (
        '# G = ""  # generalisation, the outcome; required; choose among "width", "score"' in text
    )
    with pytest.raises(ConfigurationError) as caught:
        read_study(tmp_path / "study.toml")
    for said in ("[data] cluster", "roles: ", "[hypergraph] edges", "[protocol] sentence"):
        assert said in str(caught.value)


def test_a_role_is_not_guessed_from_a_column_that_cannot_play_it() -> None:
    runs = simulate_runs().assign(test_acc=0.5, val_acc="high")
    runs = runs.drop(columns="test_accuracy").assign(sharpness=-1 * simulate_runs()["sharpness"])
    runs.loc[0, "weight_norm"] = np.nan
    guess = guess_study(runs)
    assert set(guess.roles) == {"B", "N", "S"}
    assert guess.roles["S"].label == "sharpness"  # no logarithm of what is negative


def test_what_is_not_guessed_is_said_with_the_reason() -> None:
    runs = simulate_runs().assign(weight_norm=1.0, sharpness="flat").drop(columns="grad_noise")
    runs.loc[runs.index[:3], "test_accuracy"] = np.nan
    assert guess_study(runs).left == (
        "N (no column of a name that is known for it)",
        "S (sharpness holds no numbers)",
        "C (weight_norm has one value)",
        f"G (test_accuracy lacks 3 of {len(runs)} values)",
    )


def test_hostile_names_and_values_stay_within_their_quotes() -> None:
    hostile = '"\n[data]\nruns = "evil\x7f\U0001f600'
    runs = simulate_runs().assign(**{hostile: 1.0, "other": 2.0, "design": hostile})
    runs = runs.rename(columns={"sharpness": 'sharp"\n'})
    text = study_text(guess_study(runs), f"{hostile}.csv")
    tables = tomllib.loads(text)
    assert tables["data"]["runs"] == f"{hostile}.csv"
    assert tables["protocol"]["sentences"] == {hostile: ""}
    assert set(tables) == set(tomllib.loads(study_text(guess_study(simulate_runs()), "x.csv")))


def test_too_many_treatment_values_are_left_to_the_reader() -> None:
    runs = simulate_runs().assign(batch_size=np.arange(24) + 1)
    text = study_text(guess_study(runs), "runs.csv")
    assert "# at = [16, 32]  # required" in text
    assert "at" not in tomllib.loads(text)["question"]
