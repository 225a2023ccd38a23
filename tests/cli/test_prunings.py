"""The prunings command: frames in, one folder out, nothing half written."""

import json
from pathlib import Path

import pytest

from causalhyper.cli.main import main
from tests.report.test_pruning_report import logged
from tests.report.test_pruning_sections import layer_rows


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    path = tmp_path / "runs.csv"
    logged().to_csv(path, index=False)
    return path


def test_a_report_is_written_and_its_verdicts_are_printed(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layers = tmp_path / "layers.csv"
    layer_rows("causal", (20, 80)).to_csv(layers, index=False)
    out = tmp_path / "report"
    words = ["prunings", str(runs), "--out", str(out), "--by", "dataset", "--layers", str(layers)]
    assert main([*words, "--json"]) == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document == json.loads((out / "results.json").read_text("utf-8"))
    assert document["schema"] == "causalhyper.prunings/1"
    assert "Masks by layer" in document["verdicts"]
    for sentence in document["verdicts"].values():
        assert sentence in " ".join(printed.err.split())
    page = (out / "index.html").read_text("utf-8")
    assert document["files"].keys() == {"runs.csv", "layers.csv"}
    assert all(digest in page for digest in document["files"].values())
    assert "causalhyper prunings" in page


def test_equal_calls_write_equal_bytes(runs: Path, tmp_path: Path) -> None:
    words = ["prunings", str(runs), "--out", str(tmp_path / "r"), "--where", "dataset=one"]
    trees = []
    for _ in range(2):
        assert main([*words, "--quiet"]) == 0
        trees.append({p: p.read_bytes() for p in (tmp_path / "r").rglob("*") if p.is_file()})
    assert trees[0] == trees[1]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--baseline", "lamp"], 2, "the baseline must be one of two methods"),
        (["--outcome", "nothing"], 3, "nothing"),
        (["--by", "network"], 3, "cannot be told apart by network"),
        (["--surfaces", "s.csv"], 2, "--flatness"),
        (["--layers", "none.csv"], 2, "none.csv"),
    ],
)
def test_a_bad_call_says_why_and_writes_nothing(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    words: list[str], code: int, said: str,
) -> None:  # fmt: skip
    out = tmp_path / "report"
    assert main(["prunings", str(runs), "--out", str(out), *words]) == code
    assert said in capsys.readouterr().err
    assert not out.exists()
