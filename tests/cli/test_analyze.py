import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pandas as pd
import pytest

import causalhyper
from causalhyper import LINEAR, Binomial, effect_curve, fit
from causalhyper.cli.main import main
from causalhyper.errors import NotIdentifiedError
from causalhyper.frames import checksum
from causalhyper.report import document_schema
from tests.report.conftest import GRAPH, ROLES, simulate_runs


@pytest.fixture
def runs_file(tmp_path: Path) -> Path:
    path = tmp_path / "runs.parquet"
    simulate_runs().to_parquet(path)
    return path


def call(runs: Path, out: Path, *extra: str, **changes: str) -> list[str]:
    options = {
        "protocol": "equal updates",
        "graph": GRAPH,
        "treatment": "B",
        "outcome": "G",
        "at": "16,64",
        "baseline": "512",
        "draws": "100",
        "mechanism": "linear",
        "out": str(out),
    } | changes
    words = ["analyze", str(runs)]
    for name, value in options.items():
        words += [f"--{name}", value]
    if "--role" not in extra:
        for node, column in ROLES.items():
            words += ["--role", f"{node}={column}"]
    if "--cluster" not in extra:
        words += ["--cluster", "seed"]
    return [*words, *extra]


def test_a_good_call_writes_report_and_json_and_prints_the_effect_table(
    runs_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, file = tmp_path / "deep" / "report", tmp_path / "estimates.json"
    assert main(call(runs_file, out, "--json", str(file))) == 0
    document = json.loads(file.read_text("utf-8"))
    jsonschema.validate(document, document_schema())
    assert document["data"]["sha256"] == checksum(runs_file)
    assert (out / "index.html").read_text("utf-8").startswith("<!doctype html>")
    printed = capsys.readouterr().out
    assert "Effect on test_accuracy of batch_size against 512" in printed
    assert document["verdict"].split(" (")[0][:60] in " ".join(printed.split())


def test_estimates_may_go_to_standard_output_and_words_to_standard_error_then(
    runs_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, file = tmp_path / "report", tmp_path / "e.json"
    assert main([*call(runs_file, out, "--json", str(file)), "--quiet"]) == 0
    assert main(call(runs_file, out, "--json", "-")) == 0
    said = capsys.readouterr()
    found, kept = json.loads(said.out), json.loads(file.read_text("utf-8"))
    assert found["schema"] == kept["schema"]
    assert found["estimates"] == kept["estimates"]
    assert "Effect on test_accuracy" in said.err
    assert not Path("-").exists()


def test_the_command_in_the_report_makes_the_same_bytes_again(
    runs_file: Path, tmp_path: Path
) -> None:
    out, file = tmp_path / "report", tmp_path / "e.json"
    assert main([*call(runs_file, out, "--json", str(file)), "--quiet"]) == 0
    first = (file.read_bytes(), (out / "index.html").read_bytes())
    import shlex

    command = shlex.split(json.loads(first[0])["command"])
    assert main([*command[1:], "--quiet"]) == 0
    assert (file.read_bytes(), (out / "index.html").read_bytes()) == first


def test_options_with_several_values_may_stand_one_behind_the_other(
    runs_file: Path, tmp_path: Path
) -> None:
    roles = [f"{node}={column}" for node, column in ROLES.items()]
    files = tmp_path / "a.json", tmp_path / "b.json"
    together = ("--role", *roles, "--cluster", "dataset", "seed")
    apart = tuple(w for r in roles for w in ("--role", r))
    apart += ("--cluster", "dataset", "--cluster", "seed")
    for extra, file in zip((together, apart), files, strict=True):
        words = call(runs_file, tmp_path / "r", "--json", str(file), "--quiet", *extra)
        assert main(words) == 0
    a, b = (json.loads(f.read_text("utf-8")) for f in files)
    assert a["estimates"] == b["estimates"]
    assert a["cluster"] == ["dataset", "seed"]


def test_where_analyses_only_the_runs_that_meet_the_condition(tmp_path: Path) -> None:
    path, file = tmp_path / "runs.csv", tmp_path / "e.json"
    first, second = simulate_runs(), simulate_runs()
    second["test_accuracy"] = 0.5
    both = [first.assign(design="a"), second.assign(design="b", run_id="x" + second["run_id"])]
    pd.concat(both).to_csv(path, index=False)
    words = call(path, tmp_path / "r", "--json", str(file), "--quiet", "--where", "design=a")
    assert main(words) == 0
    document = json.loads(file.read_text("utf-8"))
    assert {record["n"] for record in document["estimates"]} == {len(first)}
    assert "--where design=a" in document["command"]
    assert main([*words[:-1], "design=c"]) == 3
    assert main([*words[:-1], "plan=a"]) == 2


def test_the_kind_of_interval_is_that_of_every_estimate_and_in_the_command(
    runs_file: Path, tmp_path: Path
) -> None:
    found = {}
    for kind in ("t", "bca"):
        file = tmp_path / f"{kind}.json"
        words = call(runs_file, tmp_path / "r", "--json", str(file), "--quiet", interval=kind)
        assert main(words) == 0
        found[kind] = json.loads(file.read_text("utf-8"))
        assert f"--interval {kind}" in found[kind]["command"]
    t, bca = (found[kind]["estimates"] for kind in ("t", "bca"))
    assert [e["estimate"] for e in t] == [e["estimate"] for e in bca]
    assert all("BCa intervals" in e["method"] for e in bca)
    assert not any("BCa" in e["method"] for e in t)


def test_mechanisms_are_given_for_all_nodes_and_for_one(tmp_path: Path) -> None:
    path, file = tmp_path / "runs.csv", tmp_path / "e.json"
    runs = simulate_runs().assign(n_eval=1000)
    runs.to_csv(path, index=False)
    words = call(path, tmp_path / "r", "--json", str(file), "--quiet", "G=binomial:n_eval")
    at = words.index("--mechanism")
    words.remove("G=binomial:n_eval")
    words.insert(at + 2, "G=binomial:n_eval")
    assert main(words) == 0
    document = json.loads(file.read_text("utf-8"))
    assert "--mechanism linear --mechanism G=binomial:n_eval" in document["command"]
    model = fit(
        GRAPH,
        runs,
        ROLES,
        protocol="equal updates",
        cluster="seed",
        mechanisms={
            **dict.fromkeys("NSC", LINEAR),
            "G": Binomial(trials="n_eval"),
        },
    )
    curve = effect_curve(model, "B", "G", at=[16, 64], baseline=512, draws=100)
    written = [e for e in document["estimates"] if e["query"] == "effect_curve.graph"]
    assert [e["estimate"] for e in written] == [e.estimate for e in curve.graph]


def test_quiet_prints_nothing(
    runs_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*call(runs_file, tmp_path / "r"), "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")


BAD_CALLS = {
    "a cycle": ({"graph": "B -> N; N -> B"}, "cycle"),
    "an unknown treatment": ({"treatment": "Q"}, "Q"),
    "a node without a role": ({"graph": GRAPH + "; G -> H"}, "H"),
    "an empty protocol": ({"protocol": "  "}, "protocol"),
    "a value never run": ({"at": "16,48"}, "48"),
    "a baseline never run": ({"baseline": "1024"}, "1024"),
    "text among the values": ({"at": "16,many"}, "many"),
    "no value": ({"at": "512"}, "baseline"),
    "too few draws": ({"draws": "3"}, "100"),
    "a negative seed": ({"seed": "-1"}, "seed"),
    "an impossible level": ({"level": "95"}, "0.95"),
    "an unknown mechanism": ({"mechanism": "forest"}, "use spline, linear"),
    "a mechanism of no node": ({"mechanism": "Q=linear"}, "Q"),
    "trials that were not recorded": ({"mechanism": "G=binomial"}, "no column 'n_test'"),
    "an unknown interval": ({"interval": "normal"}, "use one of t, jackknife"),
    "an outcome before the treatment": ({"treatment": "G", "outcome": "B"}, "no effect"),
    "a value no logarithm takes": ({"at": "-1"}, "logarithmic"),
    "a treatment with causes": ({"treatment": "N", "at": "0.1", "baseline": "0.2"}, "has causes"),
    "draws that are no number": ({"draws": "many"}, "draws"),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_a_bad_call_exits_2_with_one_message_and_writes_nothing(
    case: str, runs_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    changes, word = BAD_CALLS[case]
    out, file = tmp_path / "report", tmp_path / "e.json"
    assert main(call(runs_file, out, "--json", str(file), **changes)) == 2
    printed = capfd.readouterr()
    assert printed.err.startswith("causalhyper: ")
    assert word in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""
    assert not out.exists()
    assert not file.exists()


@pytest.mark.parametrize(
    "arguments", [["analyze"], ["analyse"], ["analyze", "r.csv", "--rol", "x"]]
)
def test_a_call_that_cannot_be_parsed_exits_2(
    arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capfd.readouterr().err.startswith("causalhyper: ")


def test_a_missing_file_exits_2(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(call(tmp_path / "none.parquet", tmp_path / "r")) == 2
    assert "none.parquet" in capfd.readouterr().err


def test_targets_that_cannot_be_written_exit_2_before_any_work(
    runs_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    assert main(call(runs_file, taken)) == 2
    assert taken.read_text() == "mine"
    assert main(call(runs_file, tmp_path / "r", "--json", str(tmp_path))) == 2
    assert not (tmp_path / "r").exists()


def test_a_report_that_cannot_be_written_leaves_no_json(
    runs_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("mine")
    file = tmp_path / "e.json"
    assert main([*call(runs_file, tmp_path / "taken" / "r", "--json", str(file)), "--quiet"]) == 2
    assert "cannot write" in capfd.readouterr().err
    assert not file.exists()


def test_the_json_must_not_be_the_report(runs_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "r"
    assert main(call(runs_file, out, "--json", str(out / "index.html"))) == 2
    assert not out.exists()


def test_values_in_the_recorded_command_lose_no_digit(tmp_path: Path) -> None:
    path, file = tmp_path / "runs.csv", tmp_path / "e.json"
    frame = simulate_runs()
    frame["batch_size"] = frame["batch_size"] * 0.12345678901
    frame = frame.rename(columns={"batch_size": "rate"})
    frame.to_csv(path, index=False)
    rates = sorted(frame["rate"].unique())
    roles = [f"--role={n}={c}" for n, c in (ROLES | {"B": "rate"}).items()]
    words = call(
        path,
        tmp_path / "r",
        *["--role", roles[0].removeprefix("--role="), *roles[1:]],
        *["--json", str(file), "--quiet"],
        at=repr(float(rates[0])),
        baseline=repr(float(rates[2])),
    )
    assert main(words) == 0
    command = json.loads(file.read_text("utf-8"))["command"]
    assert f"--at {float(rates[0])!r}" in command
    assert f"--baseline {float(rates[2])!r}" in command


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"causalhyper {causalhyper.__version__}\n"


BAD_DATA = {
    "a missing column": (lambda f: f.drop(columns="sharpness"), "sharpness"),
    "a repeated run": (lambda f: f.assign(run_id="same"), "run_id"),
    "a missing measurement": (
        lambda f: f.assign(weight_norm=[None, *f.weight_norm[1:]]),
        "weight",
    ),
    "an infinite measurement": (lambda f: f.assign(sharpness=float("inf")), "sharpness"),
    "text for a number": (lambda f: f.assign(sharpness="high"), "sharpness"),
    "percentages": (lambda f: f.assign(test_accuracy=83.9), "percentage"),
    "a constant treatment": (lambda f: f.assign(batch_size=16), "batch_size"),
    "no rows": (lambda f: f.head(0), "row"),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_exits_3_with_one_message_and_writes_nothing(
    case: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    change, word = BAD_DATA[case]
    path, out = tmp_path / "bad.csv", tmp_path / "report"
    change(simulate_runs()).to_csv(path, index=False)
    assert main(call(path, out)) == 3
    printed = capfd.readouterr()
    assert word in printed.err
    assert "Traceback" not in printed.err
    assert not out.exists()


def test_a_corrupt_file_exits_3(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "runs.parquet"
    path.write_bytes(b"PAR1 no parquet PAR1")
    assert main(call(path, tmp_path / "r")) == 3
    assert "Traceback" not in capfd.readouterr().err


def test_an_unforeseen_error_exits_1_without_a_traceback(
    runs_file: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(path: Path) -> pd.DataFrame:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("causalhyper.cli.analysis.read_runs", broken)
    assert main(call(runs_file, tmp_path / "r")) == 1
    assert capfd.readouterr().err == (
        "causalhyper: internal error (ZeroDivisionError: by zero); please report it\n"
    )


def test_an_old_report_stays_whole_when_a_new_run_fails(
    runs_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "r"
    assert main([*call(runs_file, out), "--quiet"]) == 0
    before = (out / "index.html").read_bytes()

    def broken(*_: object, **__: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr("causalhyper.cli.analysis.render_report", broken)
    assert main([*call(runs_file, out), "--quiet"]) == 1
    assert (out / "index.html").read_bytes() == before
    assert [p.name for p in out.iterdir()] == ["index.html"]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX systems")
@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_exits_130_and_writes_nothing(runs_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "r"
    words = call(runs_file, out, draws="200000")
    program = "import sys; from causalhyper.cli.main import main; sys.exit(main(sys.argv[1:]))"
    with subprocess.Popen(
        [sys.executable, "-c", program, *words], stderr=subprocess.PIPE, text=True
    ) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=8)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not out.exists()


def test_what_is_not_identified_exits_4(
    runs_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def refuse(request: object) -> None:
        raise NotIdentifiedError("P(g | do(n)) is not identified")

    monkeypatch.setattr("causalhyper.cli.analysis.run", refuse)
    assert main(call(runs_file, tmp_path / "r")) == 4
    assert capfd.readouterr().err == "causalhyper: P(g | do(n)) is not identified\n"


def test_tables_of_the_report_are_written_with_it_or_not_at_all(
    runs_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "tables"
    assert main(call(runs_file, tmp_path / "out", "--tables", str(folder), "--quiet")) == 0
    kinds = [path.suffix for path in sorted(folder.iterdir())]
    assert kinds == [".csv", ".md", ".tex"] * (len(kinds) // 3)
    assert len(kinds) >= 30
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert f"--tables {folder}" in page
    runs_file.with_name("taken").write_text("")
    words = call(runs_file, tmp_path / "other", "--tables", str(tmp_path / "taken"))
    assert main(words) == 2
    assert "is a file: name a folder" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
