"""The prune command: what it prints, what it leaves, and with which code it ends."""

import json
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from causalhyper.cli import extensions, main
from collectors.pruning import prune, read_pruned
from tests.collectors.pruning.problems import SHORT, Magnitude, same, task

ROOT = Path(__file__).parents[3]
SET = [word for n in ("n_pre=2", "n_iter=2", "n_prune=2", "n_post=3") for word in ("--set", n)]
TASK = "tests.collectors.pruning.problems:task"


@pytest.fixture
def command(monkeypatch):
    """The command line, with the entry points that an installation would have."""
    points = [
        EntryPoint("prune", "collectors.commands.pruning:app", extensions.GROUP),
        EntryPoint("broken", "collectors.commands.absent:app", extensions.GROUP),
    ]
    monkeypatch.setattr(extensions, "entry_points", lambda group: points)
    before = list(main.app.registered_commands)
    # a test before may have shown the help, which loads the commands that are installed
    main.app.registered_commands[:] = [c for c in before if c.name != "prune"]
    yield main.main
    main.app.registered_commands[:] = before


def words(out, *more, criterion="magnitude", sparsity="0.6"):
    return [
        "prune", TASK, "--criterion", criterion, "--sparsity", sparsity, "--seed", "4",
        "--out", str(out), *SET, *more,
    ]  # fmt: skip


def test_the_command_does_what_the_function_does_and_prints_the_summary(command, tmp_path, capsys):
    assert command(words(tmp_path / "run", "--option", "at=rewound")) == 0
    printed = capsys.readouterr().out
    found = read_pruned(tmp_path / "run", task())
    assert printed.strip() == found.summary()
    alone = prune(task(), criterion=Magnitude(), sparsity=0.6, seed=4, settings=SHORT, quiet=True)
    assert same(found.model.state_dict(), alone.model.state_dict())


@pytest.mark.parametrize("name", ["gain", "secant"])
def test_criteria_of_attributions_are_named_and_steps_excited_by_settings(
    command, tmp_path, capsys, name
):
    changes = {"excitation_noise": 2.0, "excitation_spread": 3.0, "n_more": 1}
    more = [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
    assert command(words(tmp_path / "run", "--json", *more, criterion=name)) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["method"] == name
    assert document["settings"].items() >= changes.items()
    settings = replace(SHORT, **changes)
    alone = prune(task(), criterion=name, sparsity=0.6, seed=4, settings=settings, quiet=True)
    found = read_pruned(tmp_path / "run", task())
    assert same(found.model.state_dict(), alone.model.state_dict())


def test_json_goes_to_standard_output_with_its_schema(command, tmp_path, capsys):
    assert command(words(tmp_path / "run", "--json", sparsity="0.3,0.6")) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "causalhyper.pruned/1"
    assert document["sparsity"] == pytest.approx(0.6, abs=0.01)
    assert {layer["layer"] for layer in document["layers"]} == {"0.weight", "2.weight"}
    assert document["settings"]["n_post"] == 3
    assert document["examples"]["test"] == 60


def test_a_finished_run_is_refused_without_resume_and_read_with_it(command, tmp_path, capsys):
    assert command(words(tmp_path / "run", "--quiet")) == 0
    assert capsys.readouterr() == ("", "")
    assert command(words(tmp_path / "run")) == 2
    assert "--resume" in capsys.readouterr().err
    assert command(words(tmp_path / "run", "--resume")) == 0
    assert "60" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["prune", "tests.absent:task", "--sparsity", "0.5", "--out", "o"], "cannot import"),
        (["prune", "task", "--sparsity", "0.5", "--out", "o"], "MODULE:NAME"),
        (["prune", f"{TASK}s", "--sparsity", "0.5", "--out", "o"], "cannot import"),
        (["prune", TASK, "--sparsity", "half", "--out", "o"], "0.5,0.9, or auto"),
        (["prune", TASK, "--sparsity", "50", "--out", "o"], "90% is 0.9"),
        (
            ["prune", TASK, "--sparsity", "0.5", "--out", "o", "--set", "n_pot=3"],
            "--set knows no name 'n_pot'; names are n_pre",
        ),
        (
            ["prune", TASK, "--sparsity", "0.5", "--out", "o", *SET[:2], *SET[:2]],
            "--set has 'n_pre' twice",
        ),
        (
            ["prune", TASK, "--sparsity", "auto", "--criterion", "magnitude", "--out", "o"],
            "ranks, and does not say how much",
        ),
        (["prune", TASK, "--sparsity", "0.5", "--out", "o", "--criterion", "lam"], "'lamp'"),
        (["prune", TASK, "--sparsity", "0.5", "--out", "o", "--protocol", "x"], "published"),
        (["prune", TASK, "--out", "o"], "--sparsity"),
        (["prune", TASK[:-4] + "batched", "--sparsity", "0.5", "--out", "o"], "raised TypeError"),
        (["prune", TASK, "--sparsity", "0.5", "--out", "o", "--set", "tolerance=a"], "a number"),
        (["broken"], "cannot be loaded"),
    ],
)
def test_a_wrong_call_ends_with_2_and_leaves_nothing(
    command, tmp_path, capsys, monkeypatch, call, said
):
    monkeypatch.chdir(tmp_path)
    assert command(call) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_help_lists_the_command_and_not_one_that_cannot_be_loaded(command, capsys):
    command(["--help"])
    shown = capsys.readouterr().out
    assert "prune" in shown
    assert "analyze" in shown
    assert "broken" not in shown


def test_other_commands_load_no_extension(command):
    command(["read", "nowhere", "--out", "x.parquet"])
    assert {c.name for c in main.app.registered_commands} & {"prune", "broken"} == set()


def test_showing_the_commands_help_does_not_load_torch():
    code = (
        "import sys, typer; from collectors.commands.pruning import app; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_published_protocol_is_named_in_the_summary(command, tmp_path, capsys):
    call = words(
        tmp_path / "run", "--protocol", "published", "--option", "l1=1e-30",
        criterion="causal-published", sparsity="auto",
    )  # fmt: skip
    assert command(call) == 0
    assert "(published protocol), seed 4" in capsys.readouterr().out


def test_without_torch_it_says_what_to_install(command, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert command(words(tmp_path / "out")) == 2
    assert "pip install 'causalhyper[pruning]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
