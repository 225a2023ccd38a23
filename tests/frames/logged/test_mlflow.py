import math
import os
import shutil
import sqlite3
import time

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.logged import read_logged
from tests.tracking import foreign, new_client

mlflow = pytest.importorskip("mlflow")


def fill(client):
    """Runs of every fate in two experiments; returns their ids by name."""
    from mlflow.entities import Metric, Param, RunTag

    sweep = client.create_experiment("sweep")
    ids = {}

    def run(name, experiment, params, metrics, status):
        found = client.create_run(experiment, run_name=name, tags={"design": "equal updates"})
        ids[name] = key = found.info.run_id
        stamp = int(time.time() * 1000)
        client.log_batch(
            key,
            [Metric(m, v, stamp + i, s) for i, (m, s, v) in enumerate(metrics)],
            [Param(k, v) for k, v in params.items()],
            [RunTag("note", "a\nb")],
        )
        if status:
            client.set_terminated(key, status)

    steps = [("train/loss", s, 1 / (s + 1)) for s in range(20)]
    params = {"lr": "1e-3", "batch_size": "32", "opt": "sgd"}
    run("good", sweep, params, [*steps, ("test_acc", 19, 0.9)], "FINISHED")
    diverged = [("train/loss", 0, 1.0), ("train/loss", 1, math.inf), ("train/loss", 2, math.nan)]
    run("diverged", sweep, params | {"lr": "10"}, diverged, "FAILED")
    run("twice", sweep, params, [("train/loss", 3, 5.0), ("train/loss", 3, 4.0)], "KILLED")
    run("going on", sweep, params, [("train/loss", 1, -math.inf)], None)
    run("gone", sweep, params, steps, "FINISHED")
    client.delete_run(ids["gone"])
    run("elsewhere", "0", {"alpha": "0.5"}, [("x/y/z", 0, 2.0)], "FINISHED")
    old = client.create_experiment("old")
    run("buried", old, {}, [], "FINISHED")
    client.delete_experiment(old)
    return ids


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlflow")
    client = new_client(folder)
    with foreign():
        return folder / "mlflow.db", client, fill(client)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files") / "mlruns"
    with foreign(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        client = mlflow.MlflowClient(f"file://{folder}")
        return folder, client, fill(client)


@pytest.fixture(scope="module", params=["database", "files"])
def store(request):
    return request.getfixturevalue(request.param)


def test_every_history_is_what_the_client_gives(store):
    path, client, ids = store
    log = read_logged(path)
    assert log.kind == "mlflow"
    read = dict(list(log.steps.groupby("run_id")))
    for name in ("good", "diverged", "elsewhere"):
        with foreign():
            run = client.get_run(ids[name])
            for key in run.data.metrics:
                theirs = client.get_metric_history(ids[name], key)
                column = "loss" if key == "train/loss" else key
                mine = read[ids[name]].set_index("step")[column]
                for m in theirs:
                    limit = math.copysign(math.inf, m.value) if abs(m.value) > 1e308 else m.value
                    np.testing.assert_equal(mine[m.step], limit)


def test_parameters_tags_and_last_metrics_stand_in_the_runs_frame(store):
    path, _, ids = store
    runs = read_logged(path, experiment="sweep").runs.set_index("run_id")
    row = runs.loc[ids["good"]]
    assert (row["learning_rate"], row["batch_size"], row["opt"]) == (0.001, 32, "sgd")
    assert (row["design"], row["note"], row["experiment"]) == ("equal updates", "a\nb", "sweep")
    assert row["train_loss"] == pytest.approx(1 / 20)
    assert row["test_accuracy"] == 0.9
    assert row["run_name"] == "good"
    assert row["wall_seconds"] >= 0


def test_failed_and_running_runs_stay_with_their_status(store):
    path, _, ids = store
    runs = read_logged(path).runs.set_index("run_id")
    status = {name: runs["status"].get(key) for name, key in ids.items()}
    assert status == {
        "good": "FINISHED",
        "diverged": "FAILED",
        "twice": "KILLED",
        "going on": "RUNNING",
        "elsewhere": "FINISHED",
        "gone": None,
        "buried": None,
    }
    assert math.isnan(runs.loc[ids["going on"], "wall_seconds"])


def test_nan_and_infinities_come_back_as_they_were_logged(store):
    path, _, ids = store
    log = read_logged(path)
    steps = log.steps.set_index(["run_id", "step"])["loss"]
    assert steps[ids["diverged"], 1] == math.inf
    assert math.isnan(steps[ids["diverged"], 2])
    assert steps[ids["going on"], 1] == -math.inf
    runs = log.runs.set_index("run_id")
    assert math.isnan(runs.loc[ids["diverged"], "train_loss"])
    assert runs.loc[ids["diverged"], "nonfinite"] == 2
    assert runs.loc[ids["good"], "nonfinite"] == 0


def test_of_two_values_at_one_step_the_later_counts(store):
    path, _, ids = store
    log = read_logged(path)
    part = log.steps[log.steps["run_id"] == ids["twice"]]
    assert part["loss"].tolist() == [4.0]
    assert log.runs.set_index("run_id").loc[ids["twice"], "train_loss"] == 4.0


def test_deleted_runs_are_left_out_and_counted_unless_asked_for(store):
    path, _, ids = store
    log = read_logged(path)
    assert "left out: 1 deleted run" in log.summary()
    runs = read_logged(path, deleted=True).runs.set_index("run_id")
    assert set(runs.index) == set(ids.values())
    assert set(runs.index[runs["deleted"]]) == {ids["gone"]} | (
        {ids["buried"]} if runs.loc[ids["buried"], "deleted"] else set()
    )


def test_experiments_are_selected_by_name(store):
    path, _, ids = store
    assert read_logged(path, experiment="Default").runs["run_id"].tolist() == [ids["elsewhere"]]
    both = read_logged(path, experiment=["Default", "sweep"])
    assert len(both.runs) == 5
    with pytest.raises(ConfigurationError, match=r"no experiment 'sweeep'.*did you mean 'sweep'"):
        read_logged(path, experiment="sweeep")
    with pytest.raises(ConfigurationError, match="deleted=True"):
        read_logged(path, experiment="old")
    assert read_logged(path, experiment="old", deleted=True).runs["run_id"].tolist() == [
        ids["buried"]
    ]


def test_a_store_is_found_by_its_folder_and_its_tracking_uri(database, files):
    for (path, _, _), scheme in ((database, "sqlite:///"), (files, "file://")):
        whole = read_logged(path).runs
        assert read_logged(path.parent).runs.equals(whole)
        assert read_logged(f"{scheme}{path}").runs.equals(whole)


def test_reading_changes_no_byte_of_the_database(database):
    path, _, _ = database
    before = path.read_bytes()
    read_logged(path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir() if p.name.startswith("mlflow.db")] == [path.name]


def test_a_database_is_read_while_a_writer_holds_it_open(database, tmp_path):
    path = tmp_path / "mlflow #1?.db"
    shutil.copy(database[0], path)
    other = sqlite3.connect(path)
    other.execute("PRAGMA journal_mode=WAL")
    other.execute("UPDATE params SET value = '64' WHERE key = 'batch_size'")
    rows = read_logged(path, experiment="sweep").runs["batch_size"]
    assert set(rows) == {32}
    other.commit()
    assert set(read_logged(path, experiment="sweep").runs["batch_size"]) == {64}
    other.close()


def test_a_database_in_a_folder_that_may_not_be_written_is_read(database, tmp_path):
    if os.geteuid() == 0:
        path = tmp_path / "mlflow.db"
        shutil.copy(database[0], path)
    else:
        path = shutil.copytree(database[0].parent, tmp_path / "locked") / "mlflow.db"
        path.parent.chmod(0o500)
    assert len(read_logged(path).runs) == 5
    path.parent.chmod(0o700)


def damaged(path, *statements):
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)
    database.close()


def test_a_schema_without_what_is_read_says_its_version_and_what_to_do(database, tmp_path):
    path = tmp_path / "mlflow.db"
    shutil.copy(database[0], path)
    damaged(path, "ALTER TABLE metrics RENAME COLUMN is_nan TO nan")
    with pytest.raises(DataError, match=r"lacks metrics\.is_nan.*mlflow db upgrade") as caught:
        read_logged(path)
    with sqlite3.connect(database[0]) as known:
        ((version,),) = known.execute("SELECT version_num FROM alembic_version")
    known.close()
    assert version in str(caught.value)


def test_another_program_s_database_is_refused(tmp_path):
    damaged(tmp_path / "other.db", "CREATE TABLE notes (text)")
    with pytest.raises(DataError, match="not MLflow's"):
        read_logged(tmp_path / "other.db")


def test_a_damaged_database_is_refused(database, tmp_path):
    whole = database[0].read_bytes()
    (tmp_path / "half.db").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"half\.db"):
        read_logged(tmp_path / "half.db")
    (tmp_path / "head.db").write_bytes(whole[:20])
    with pytest.raises(DataError, match=r"head\.db"):
        read_logged(tmp_path / "head.db")


def test_a_store_without_runs_is_refused(tmp_path):
    new_client(tmp_path)
    with pytest.raises(DataError, match="holds no runs"):
        read_logged(tmp_path / "mlflow.db")


def test_a_metric_file_that_was_cut_is_refused_with_its_name(files, tmp_path):
    store = shutil.copytree(files[0], tmp_path / "mlruns")
    (file,) = store.glob(f"*/{files[2]['good']}/metrics/test_acc")
    file.write_text("17953428955")
    with pytest.raises(DataError, match=r"test_acc.*timestamp, value and step"):
        read_logged(store)


def test_a_run_whose_description_is_broken_is_not_passed_over(files, tmp_path):
    store = shutil.copytree(files[0], tmp_path / "mlruns")
    (file,) = store.glob(f"*/{files[2]['good']}/meta.yaml")
    file.write_text("")
    with pytest.raises(DataError, match=r"meta\.yaml.*lacks experiment_id"):
        read_logged(store)


def test_descriptions_of_other_programs_do_not_hide_what_a_folder_holds(tmp_path):
    (tmp_path / "recipe").mkdir()
    (tmp_path / "recipe" / "meta.yaml").write_text("{% set version = 1 %}\npackage: {{ name }}\n")
    (tmp_path / "metrics.csv").write_text("step,loss\n0,1\n")
    assert read_logged(tmp_path).kind == "lightning"
