import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames import append_run, read_runs, write_atomic, write_frame, write_together

RUN = {"run_id": "a", "batch_size": 16, "sharpness": 1.5, "dataset": "mnist"}


def test_a_file_is_written_with_the_folders_above_it(tmp_path):
    path = tmp_path / "x" / "y" / "a.bin"
    write_atomic(str(path), b"one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["a.bin"]  # noqa: PTH208


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step):
    path = tmp_path / "a.bin"
    write_atomic(path, b"old")

    def fail(*args):
        raise OSError("no space left")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(ConfigurationError, match="no space left"):
        write_atomic(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.bin"]


def test_an_interrupted_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "a.bin", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_not_replaced_by_a_file(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigurationError, match="is a folder"):
        write_atomic(tmp_path / "folder", b"")


def test_a_pipe_is_not_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match="is a device or a pipe"):
        write_atomic(tmp_path / "pipe", b"")
    assert (tmp_path / "pipe").is_fifo()


def test_a_file_has_the_usual_permissions(tmp_path):
    write_atomic(tmp_path / "a.bin", b"")
    (tmp_path / "b.bin").write_bytes(b"")
    assert (tmp_path / "a.bin").stat().st_mode == (tmp_path / "b.bin").stat().st_mode


@pytest.mark.parametrize("name", ["runs.parquet", "runs.csv", "runs.csv.gz"])
def test_the_same_frame_gives_the_same_bytes(tmp_path, name):
    frame = pd.DataFrame([RUN], index=[7])
    write_frame(tmp_path / name, frame)
    first = (tmp_path / name).read_bytes()
    write_frame(tmp_path / name, frame)
    assert (tmp_path / name).read_bytes() == first
    assert read_runs(tmp_path / name).columns.tolist() == list(RUN)


def test_a_frame_is_not_written_to_another_suffix(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot tell the format"):
        write_frame(tmp_path / "runs.pkl", pd.DataFrame([RUN]))
    assert list(tmp_path.iterdir()) == []


def test_a_frame_that_parquet_cannot_hold_is_refused(tmp_path):
    for frame in (
        pd.DataFrame({"x": pd.Series([1, "a"], dtype=object)}),
        pd.DataFrame([[1, 2]], columns=["x", "x"]),
    ):
        with pytest.raises(DataError, match="give each column one name and one type"):
            write_frame(tmp_path / "runs.parquet", frame)
    assert list(tmp_path.iterdir()) == []


def test_runs_are_appended_one_by_one(tmp_path):
    path = tmp_path / "new" / "runs.parquet"
    append_run(path, RUN)
    append_run(path, {**RUN, "run_id": "b", "batch_size": np.int64(64)})
    append_run(path, dict(reversed({**RUN, "run_id": "c"}.items())))
    frame = read_runs(path)
    assert frame["run_id"].tolist() == ["a", "b", "c"]
    assert frame["batch_size"].tolist() == [16, 64, 16]
    assert frame.columns.tolist() == list(RUN)
    assert [entry.name for entry in path.parent.iterdir()] == ["runs.parquet"]


def test_a_whole_number_column_widens_when_a_real_number_comes(tmp_path):
    path = tmp_path / "runs.parquet"
    append_run(path, {"run_id": "a", "wall_seconds": 3})
    append_run(path, {"run_id": "b", "wall_seconds": 3.5})
    append_run(path, {"run_id": "c", "wall_seconds": 4})
    assert read_runs(path)["wall_seconds"].tolist() == [3.0, 3.5, 4.0]


def test_a_column_without_a_value_takes_the_type_of_the_first_one(tmp_path):
    path = tmp_path / "runs.parquet"
    append_run(path, {"run_id": "a", "sharpness": None})
    append_run(path, {"run_id": "b", "sharpness": 1.5})
    append_run(path, {"run_id": "c", "sharpness": None})
    found = read_runs(path)["sharpness"]
    assert found.isna().tolist() == [True, False, True]
    assert found[1] == 1.5


@pytest.mark.parametrize("dtype", ["str", "category", "string", "object"])
def test_runs_are_appended_to_a_frame_that_pandas_wrote(tmp_path, dtype):
    path = tmp_path / "runs.parquet"
    frame = pd.DataFrame([RUN]).astype({"dataset": dtype, "batch_size": "Int64"})
    write_frame(path, frame)
    append_run(path, {**RUN, "run_id": "b", "dataset": "cifar", "batch_size": 2.5})
    again = read_runs(path)
    assert again["dataset"].tolist() == ["mnist", "cifar"]
    assert again["batch_size"].tolist() == [16.0, 2.5]


def test_a_run_that_is_there_already_is_refused_and_the_file_stays(tmp_path):
    path = tmp_path / "runs.parquet"
    append_run(path, RUN)
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"the run 'a' is in .* already"):
        append_run(path, {**RUN, "batch_size": 64})
    assert path.read_bytes() == before


def test_a_run_with_other_columns_is_refused_with_the_difference(tmp_path):
    path = tmp_path / "runs.parquet"
    append_run(path, RUN)
    row = {"run_id": "b", "batch_size": 1, "sharpness": 2.0, "data": "x", "seed": 1}
    with pytest.raises(DataError, match="it lacks dataset; the frame lacks data, seed"):
        append_run(path, row)


@pytest.mark.parametrize("run_id", [None, float("nan"), pd.NA, "", "  "])
def test_a_run_without_a_name_is_refused(tmp_path, run_id):
    with pytest.raises(DataError, match="has no run_id"):
        append_run(tmp_path / "runs.parquet", {"run_id": run_id, "seed": 1})
    with pytest.raises(DataError, match="has no run_id; got the columns seed"):
        append_run(tmp_path / "runs.parquet", {"seed": 1})
    assert list(tmp_path.iterdir()) == []


def test_values_of_another_type_are_refused(tmp_path):
    path = tmp_path / "runs.parquet"
    append_run(path, RUN)
    with pytest.raises(DataError, match="give each column one type"):
        append_run(path, {**RUN, "run_id": "b", "batch_size": "large"})
    with pytest.raises(DataError, match="give numbers, text, booleans or None"):
        append_run(path, {**RUN, "run_id": "b", "batch_size": object()})


def test_a_damaged_or_foreign_frame_is_not_appended_to(tmp_path):
    path = tmp_path / "runs.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cannot read"):
        append_run(path, RUN)
    assert path.read_bytes() == b"PAR1"
    pq.write_table(pa.table({"x": [1]}), path)
    with pytest.raises(DataError, match="the frame lacks run_id"):
        append_run(path, RUN)
    with pytest.raises(ConfigurationError, match=r"expected a \.parquet file"):
        append_run(tmp_path / "runs.csv", RUN)


def test_files_written_together_are_all_written_or_none(tmp_path):
    good, bad = tmp_path / "a.json", tmp_path / "taken" / "b.html"
    (tmp_path / "taken").write_text("a file where a folder is wanted")
    good.write_bytes(b"old")
    with pytest.raises(ConfigurationError, match=r"cannot write .*b.html"):
        write_together({good: b"new", bad: b"new"})
    assert good.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "taken"]
    bad = tmp_path / "b.html"
    write_together({good: b"1", bad: b"2"})
    assert (good.read_bytes(), bad.read_bytes()) == (b"1", b"2")


def test_one_file_under_two_names_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="the same"):
        write_together({tmp_path / "a": b"1", tmp_path / "x" / ".." / "a": b"2"})
    assert list(tmp_path.iterdir()) == []
