import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from causalhyper.cli.main import main
from causalhyper.study import study_schema
from tests.report.conftest import GRAPH, ROLES, simulate_runs
from tests.study.conftest import Write, write

__all__ = ["write"]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_study_has_the_same_numbers_as_analyze_with_the_same_options(
    write: Write, tmp_path: Path
) -> None:
    path = write(uncertainty={"draws": 120, "seed": 5, "level": 0.9, "interval": "bootstrap"})
    assert main(["run", str(path), "--quiet"]) == 0
    document = json.loads((tmp_path / "report" / "results.json").read_text("utf-8"))
    words = ["analyze", str(tmp_path / "runs.csv"), "--protocol", "equal updates"]
    words += ["--graph", GRAPH, "--role", *(f"{v}={c}" for v, c in ROLES.items())]
    words += ["--treatment", "B", "--outcome", "G", "--cluster", "seed", "--at", "16,64"]
    words += ["--baseline", "512", "--mechanism", "linear", "--draws", "120", "--seed", "5"]
    words += ["--level", "0.9", "--interval", "bootstrap", "--quiet"]
    words += ["--out", str(tmp_path / "a"), "--json", str(tmp_path / "a.json")]
    assert main(words) == 0
    analyzed = json.loads((tmp_path / "a.json").read_text("utf-8"))
    found = document["parts"][0]["queries"][0]["document"]
    assert {**found, "command": ""} == {**analyzed, "command": ""}
    assert document["command"] == f"causalhyper run {path}"


def test_running_twice_gives_the_same_bytes(write: Write, tmp_path: Path) -> None:
    path = write(query=[{"ask": "analyze"}, {"ask": "check_independencies", "flips": 99}])
    assert main(["run", str(path), "--quiet"]) == 0
    first = tree(tmp_path / "report")
    assert main(["run", str(path), "--quiet"]) == 0
    assert tree(tmp_path / "report") == first
    assert set(first) == {
        "index.html",
        "results.json",
        "tables/1-all-1-analyze.csv",
        "tables/1-all-2-check_independencies.csv",
    }


def test_json_is_alone_on_standard_output_and_words_are_on_standard_error(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write()
    assert main(["run", str(path), "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    jsonschema.validate(document, study_schema())
    assert out.encode() == (tmp_path / "report" / "results.json").read_bytes()
    assert "Effect on test_accuracy of batch_size against 512" in err
    assert main(["run", str(path), "--json", "--quiet"]) == 0
    assert capsys.readouterr() == (out, "")
    assert main(["run", str(path), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_words_name_every_query_and_every_file(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(write(query=[{"ask": "analyze"}, {"ask": "identify"}]))]) == 0
    printed = capsys.readouterr().out
    assert "all runs: equal updates" in printed
    assert "Effect on test_accuracy of batch_size against 512" in printed
    assert "[[query]] 2 (identify)" in printed
    joined = printed.replace("\n", "")
    assert f"{tmp_path / 'report' / 'index.html'}" in joined


def test_only_what_is_asked_for_is_written_and_where(write: Write, tmp_path: Path) -> None:
    path = write(report={"html": False, "csv": False, "folder": "deep/down"})
    assert main(["run", str(path), "--quiet"]) == 0
    assert set(tree(tmp_path / "deep")) == {"down/results.json"}
    assert main(["run", str(path), "--quiet", "--out", str(tmp_path / "other")]) == 0
    document = json.loads((tmp_path / "other" / "results.json").read_text("utf-8"))
    assert document["command"].endswith(f"--out {tmp_path / 'other'}")
    assert main(["run", str(path), "--quiet", "--out", str(path)]) == 2


def test_exit_codes_tell_configuration_data_and_identification_apart(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(write())]) == 0
    assert main(["check", str(tmp_path / "none.toml")]) == 2
    assert main(["check"]) == 2
    assert main(["run", str(write(data__clutser="seed"))]) == 2
    assert main(["check", str(write(simulate_runs().assign(test_accuracy=83.9)))]) == 3
    assert main(["run", str(write(data__where="dataset=x"))]) == 3
    latent = write(hypergraph__edges=f"{GRAPH}; B <-> N")
    assert main(["check", str(latent)]) == 4
    assert main(["run", str(latent)]) == 4
    assert main(["check", str(write(question__at=[32])), "--quiet"]) == 4
    assert not (tmp_path / "report").exists()
    assert "Traceback" not in capsys.readouterr().err


def test_a_check_as_json_has_a_versioned_schema_and_all_that_its_words_say(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(write()), "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["schema"] == "causalhyper.study-check/1"
    assert document["answerable"] is True
    assert document["parts"][0]["balance"][0]["runs"] == 8
    assert document["independencies"][0] == "B ⟂ S | N"
    assert document["estimand"] == "Σ_{c, n, s} P(g | c) P(c | n, s) P(s | n) P(n | b)"
    assert {s["strategy"] for s in document["strategies"]} >= {"ID", "back-door", "natural"}
    assert all(line.strip() in err for line in document["derivation"])


def test_init_writes_a_file_and_says_what_it_guessed(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write()
    out = tmp_path / "new.toml"
    words = ["init", str(tmp_path / "runs.csv"), "--out", str(out)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "guessed from the column names: B=log2(batch_size), N=log10(grad_noise)" in printed
    assert "guessed cluster and context: seed" in printed
    assert main(words) == 2
    assert main([*words, "--force", "--quiet"]) == 0
    assert main(["run", str(out)]) == 2
    assert "[protocol] sentence: is empty" in capsys.readouterr().err
    text = out.read_text("utf-8").replace('sentence = ""', 'sentence = "equal updates"')
    out.write_text(text.replace("draws = 2000", "draws = 100"), "utf-8")
    assert main(["run", str(out), "--quiet"]) == 0
    assert (tmp_path / "report" / "index.html").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_killed_run_leaves_the_old_files_whole(write: Write, tmp_path: Path) -> None:
    path = write()
    assert main(["run", str(path), "--quiet"]) == 0
    before = tree(tmp_path / "report")
    text = path.read_text("utf-8").replace('"draws" = 100', '"draws" = 200000')
    path.write_text(text, "utf-8")
    code = "from causalhyper.cli.main import run_and_exit; run_and_exit()"
    call = [sys.executable, "-c", code, "run", str(path)]
    process = subprocess.Popen(call, stderr=subprocess.PIPE, env={**os.environ})
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=2)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert tree(tmp_path / "report") == before


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
@pytest.mark.parametrize("options", [(), ("--json",), ("--json", "--quiet")])
def test_a_reader_that_stops_early_is_no_error(
    write: Write, tmp_path: Path, options: tuple[str, ...]
) -> None:
    call = [sys.executable, "-m", "causalhyper", "run", str(write()), *options]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(call, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.returncode == 0
    assert "Error" not in done.stderr
    assert "causalhyper:" not in done.stderr
    assert (tmp_path / "report" / "index.html").exists()


def test_the_package_runs_as_a_module() -> None:
    call = [sys.executable, "-m", "causalhyper", "--help"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "Usage: causalhyper" in done.stdout


@pytest.mark.parametrize(
    ("typed", "place", "offered"),
    [
        ("causalhyper ch", 1, {"check"}),
        ("causalhyper ru", 1, {"run"}),
        ("causalhyper run --q", 2, {"--quiet"}),
        ("causalhyper analyze --interval b", 3, {"bootstrap", "basic", "bca"}),
    ],
)
def test_a_shell_is_offered_what_may_be_typed(typed: str, place: int, offered: set[str]) -> None:
    code = "from causalhyper.cli.main import run_and_exit; run_and_exit()"
    asked = {
        "_CAUSALHYPER_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(place),
    }
    call = [sys.executable, "-c", code]
    done = subprocess.run(
        call, capture_output=True, text=True, env={**os.environ, **asked}, check=False
    )
    assert set(done.stdout.split()) == offered


def test_run_writes_every_table_of_the_report_where_it_is_asked_to(
    write: Write, tmp_path: Path
) -> None:
    path = write()
    folder = tmp_path / "t"
    assert main(["run", str(path), "--quiet", "--tables", str(folder)]) == 0
    document = json.loads((tmp_path / "report" / "results.json").read_text("utf-8"))
    assert document["command"] == f"causalhyper run {path} --tables {folder}"
    assert {p.suffix for p in folder.iterdir()} == {".csv", ".md", ".tex"}
    first = tree(folder)
    assert main(["run", str(path), "--quiet", "--tables", str(folder)]) == 0
    assert tree(folder) == first


def test_check_of_runs_alone_guesses_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs.csv"
    simulate_runs().to_csv(runs, index=False)
    assert main(["check", str(runs)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("guessed from runs.csv alone, to be looked at:")
    assert "verdict: the effect of B on G is identified" in out
    assert main(["check", str(runs), "--json", "--quiet"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["study"] is None
    assert found["roles"] == ROLES | {"S": "log10(sharpness)"}
    assert found["guesses"][2] == "clusters and contexts: seed"
    assert tree(tmp_path).keys() == {"runs.csv"}


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda d: d.assign(test_accuracy=100 * d["test_accuracy"]), 3, "divide by 100"),
        (lambda d: d.rename(columns={"batch_size": "b"}), 2, "is recognised by its name as B"),
        (lambda d: d.drop(columns="run_id"), 3, "run_id"),
    ],
)
def test_check_of_bad_runs_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Any, code: int, said: str
) -> None:
    runs = tmp_path / "runs.csv"
    change(simulate_runs()).to_csv(runs, index=False)
    assert main(["check", str(runs)]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
    assert tree(tmp_path).keys() == {"runs.csv"}


def test_runs_in_place_of_a_study_file_are_refused_by_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs.csv"
    simulate_runs().to_csv(runs, index=False)
    assert main(["run", str(runs)]) == 2
    assert "write one for these runs with causalhyper init" in capsys.readouterr().err


def test_many_files_of_a_folder_are_counted_and_few_are_named(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = tmp_path / "tab"
    assert main(["run", str(write()), "--tables", str(tables)]) == 0
    said = capsys.readouterr().out.replace("\n", "")
    assert f"tab ({len(list(tables.iterdir()))} files)" in " ".join(said.split())
    assert "index.html" in said


def test_what_init_guessed_may_be_told_as_json(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write()
    words = ["init", str(tmp_path / "runs.csv"), "--out", str(tmp_path / "new.toml")]
    assert main([*words, "--json", "--quiet"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert found["schema"] == "causalhyper.study-start/1"
    assert found["roles"]["B"] == "log2(batch_size)"
    assert found["cluster"] == "seed"
    assert said.err == ""
