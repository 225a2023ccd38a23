import json
from pathlib import Path

import pandas as pd
import pytest

from causalhyper.cli.main import main
from causalhyper.frames import read_runs


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    for version, loss in enumerate((0.5, 0.25)):
        folder = tmp_path / "logs" / f"version_{version}"
        folder.mkdir(parents=True)
        (folder / "metrics.csv").write_text(f"step,train_loss,val/acc\n0,{loss},\n0,,0.9\n")
        (folder / "hparams.yaml").write_text(f"batch_size: {16 << version}\n")
    return tmp_path / "logs"


def test_a_log_becomes_a_runs_frame_and_a_steps_frame(
    logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, steps = tmp_path / "runs.parquet", tmp_path / "steps.csv"
    words = ["read", str(logs), "--from", "lightning", "--column", "test_accuracy=val/acc"]
    assert main([*words, "--out", str(out), "--steps", str(steps)]) == 0
    runs = read_runs(out)
    assert runs["batch_size"].tolist() == [16, 32]
    assert runs["test_accuracy"].tolist() == [0.9, 0.9]
    assert runs["train_loss"].tolist() == [0.5, 0.25]
    assert pd.read_csv(steps)["loss"].tolist() == [0.5, 0.25]
    printed = capsys.readouterr().out
    assert "2 runs" in printed
    assert "test_accuracy from val/acc" in printed


def test_what_was_read_may_be_told_as_json(
    logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs.parquet"
    words = ["read", str(logs), "--from", "lightning", "--column", "test_accuracy=val/acc"]
    assert main([*words, "--out", str(out), "--json"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert found["schema"] == "causalhyper.read/1"
    assert found["runs"]["rows"] == 2
    assert found["runs"]["columns"] == list(pd.read_parquet(out).columns)
    assert found["renamed"]["val/acc"] == "test_accuracy"
    assert "2 runs" in said.err
    assert main([*words, "--out", str(out), "--json", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--from", "neptune"], "unknown kind"),
        (["--column", "acc"], "NEW=OLD"),
        (["--column", "x=none"], "renames 'none'"),
        (["--experiment", "a"], "MLflow"),
    ],
)
def test_a_wrong_call_exits_2_with_one_message_and_writes_nothing(
    logs: Path, tmp_path: Path, extra: list[str], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs.csv"
    assert main(["read", str(logs), "--out", str(out), *extra]) == 2
    printed = capfd.readouterr()
    assert words in printed.err
    assert printed.err.count("\n") == 1
    assert not out.exists()


def test_a_damaged_log_exits_3(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("step,loss\n0,high\n")
    assert main(["read", str(tmp_path), "--out", str(tmp_path / "runs.csv")]) == 3
