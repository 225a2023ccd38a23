import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames import write_frame
from causalhyper.frames.logged import read_logged
from causalhyper.frames.logged.assembly import Content, assemble
from causalhyper.frames.logged.history import History, points_of
from causalhyper.frames.logged.logged import LoggedRun


def content(*runs, history=None):
    return Content("mlflow", "the store", runs, history)


def test_a_runs_frame_is_read_through_the_same_door(tmp_path):
    frame = pd.DataFrame({"run_id": ["a", "b"], "bs": [16, 32], "dataset": ["x", "y"]})
    for name in ("runs.parquet", "runs.csv", "runs.csv.gz"):
        write_frame(tmp_path / name, frame)
        log = read_logged(tmp_path / name)
        assert log.kind == "frame"
        assert log.runs.to_dict("list") == {
            "run_id": ["a", "b"],
            "batch_size": [16, 32],
            "dataset": ["x", "y"],
        }


def test_a_name_that_stands_for_a_known_column_is_not_taken_where_values_do_not_fit():
    runs = [LoggedRun("a", parameters={"test_size": "0.2", "bs": "auto", "lr": "0.1"})]
    log = assemble(content(*runs))
    assert set(log.runs) == {"run_id", "test_size", "bs", "learning_rate"}


def test_the_last_value_of_a_metric_is_never_taken_for_a_parameter():
    run = LoggedRun("a", metrics={"learning_rate": 1e-6, "lr": 1e-6})
    assert set(assemble(content(run)).runs) == {"run_id", "metric.learning_rate", "lr"}


def test_names_that_stand_twice_say_where_they_come_from():
    run = LoggedRun(
        "a", {"status": "x"}, {"loss": "mse", "status": 1}, {"loss": "t"}, {"loss": 2.0}
    )
    frame = assemble(content(run)).runs
    assert frame.to_dict("records") == [
        {
            "run_id": "a",
            "status": "x",
            "loss": "mse",
            "parameter.status": 1,
            "tag.loss": "t",
            "metric.loss": 2.0,
        }
    ]


def test_known_labels_stay_text_though_they_look_like_numbers():
    runs = [LoggedRun(r, parameters={"dataset": d}) for r, d in (("a", "10"), ("b", "100"))]
    assert assemble(content(*runs)).runs["dataset"].tolist() == ["10", "100"]


def test_what_a_user_renames_goes_before_what_is_recognised():
    run = LoggedRun("a", parameters={"lr": "0.1", "base": "0.2"}, metrics={"acc": 0.5})
    wanted = {"base": "learning_rate", "acc": "test_accuracy"}
    log = assemble(content(run), columns=wanted)
    row = {"run_id": "a", "lr": 0.1, "learning_rate": 0.2, "test_accuracy": 0.5}
    assert log.runs.to_dict("records") == [row]
    assert log.renamed == wanted
    assert "learning_rate from base" in log.summary()


def test_steps_are_renamed_apart_from_runs():
    history = History.join({"a": points_of([{"train/loss": 1.0, "val": 2.0}], [0])})
    run = LoggedRun("a", metrics=history.last()["a"])
    log = assemble(content(run, history=history), step_columns={"val": "loss"})
    assert list(log.steps.columns) == ["run_id", "step", "loss", "train/loss"]
    assert log.steps["loss"].tolist() == [2.0]
    assert log.runs["train_loss"].tolist() == [1.0]


def test_steps_that_are_not_valid_are_refused_with_a_way_out():
    history = History.join({"a": points_of([{"epoch": -1.0, "lr": -2.0}], [0])})
    source = content(LoggedRun("a"), history=history)
    with pytest.raises(DataError, match=r"step_columns:\n  - 'epoch': must be at least 0"):
        assemble(source)
    log = assemble(source, step_columns={"epoch": "countdown"})
    assert log.steps.to_dict("list") == {
        "run_id": ["a"],
        "step": [0],
        "countdown": [-1],
        "lr": [-2],
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": {"losss": "x"}}, "columns renames 'losss'.*did you mean 'loss'"),
        ({"columns": {"run_id": "x"}}, "columns renames 'run_id'"),
        ({"columns": {"loss": "lr"}}, "two columns 'lr'"),
        ({"step_columns": {"loss": "x"}}, "step_columns renames 'loss'"),
    ],
)
def test_a_renaming_that_cannot_be_is_refused(options, words):
    run = LoggedRun("a", parameters={"lr": "fast"}, metrics={"loss": 1.0})
    with pytest.raises(ConfigurationError, match=words):
        assemble(content(run), **options)


def test_runs_without_or_with_the_same_name_are_refused():
    for names in (("a", "a"), ("a", " ")):
        with pytest.raises(DataError, match="run_id"):
            assemble(content(*map(LoggedRun, names)))


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("step,loss\n0,1\n" if name.endswith("csv") else "{}")


@pytest.mark.parametrize(
    ("names", "place", "words"),
    [
        ((), "missing", "no file or folder"),
        ((), "", "no log that is known"),
        (("notes.txt",), "notes.txt", "cannot tell what"),
        (("a/metrics.csv", "a/x.tfevents.1"), "", "'lightning' or 'tensorboard'"),
        (("trainer_state.json", "runs/x.tfevents.1"), "", "'huggingface' or 'tensorboard'"),
    ],
)
def test_what_cannot_be_recognised_is_refused_with_what_to_do(tmp_path, names, place, words):
    touch(tmp_path, *names)
    with pytest.raises(ConfigurationError, match=words):
        read_logged(tmp_path / place)


def test_a_log_beside_another_is_read_where_its_kind_is_said(tmp_path):
    touch(tmp_path, "a/metrics.csv", "a/x.tfevents.1")
    assert read_logged(tmp_path, "lightning").runs["run_id"].tolist() == ["a"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "neptune"}, "unknown kind 'neptune'"),
        ({"experiment": "sweep"}, "select runs of MLflow"),
        ({"deleted": True}, "select runs of MLflow"),
        ({"kind": "mlflow"}, "no MLflow store"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, options, words):
    touch(tmp_path, "metrics.csv")
    with pytest.raises(ConfigurationError, match=words):
        read_logged(tmp_path, **options)


def test_servers_are_refused_with_what_to_do():
    with pytest.raises(ConfigurationError, match="is a server"):
        read_logged("http://localhost:5000")


def test_no_logger_is_imported_to_read_what_it_wrote():
    code = (
        "import sys; import causalhyper.frames.logged;"
        "loggers = {'mlflow', 'tensorboard', 'torch', 'wandb', 'yaml', 'google'};"
        "sys.exit(bool(loggers & {*sys.modules}))"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_metrics_of_a_runs_frame_are_recognised_beside_its_parameters(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("run_id,bs,train/loss,test/acc\na,16,0.5,0.75\nb,32,nan,0.5\n")
    runs = read_logged(path).runs
    assert runs.columns.tolist() == ["run_id", "batch_size", "train_loss", "test_accuracy"]
    assert runs["test_accuracy"].tolist() == [0.75, 0.5]
