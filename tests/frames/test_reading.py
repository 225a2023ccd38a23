import gzip
import hashlib

import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames import checksum, read_runs, write_frame

FRAME = pd.DataFrame(
    {
        "run_id": ["007", "1e5"],
        "dataset": ["mnist", "cifar"],
        "batch_size": [16, 64],
        "test_accuracy": [0.1, 1 / 3],
    }
)


@pytest.mark.parametrize("name", ["runs.parquet", "runs.csv", "runs.csv.gz", "RUNS.CSV"])
def test_a_frame_is_read_back_as_it_was_written(tmp_path, name):
    write_frame(tmp_path / name, FRAME)
    again = read_runs(str(tmp_path / name))
    pd.testing.assert_frame_equal(again, FRAME)


def test_names_that_look_like_numbers_stay_text(tmp_path):
    write_frame(tmp_path / "runs.csv", FRAME)
    assert read_runs(tmp_path / "runs.csv")["run_id"].tolist() == ["007", "1e5"]


@pytest.mark.parametrize("name", ["runs.pkl", "runs.json", "runs", "runs.gz", "parquet"])
def test_another_suffix_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ConfigurationError, match=r"ends in \.parquet, \.csv or \.csv\.gz"):
        read_runs(tmp_path / name)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for read in (read_runs, checksum):
        with pytest.raises(ConfigurationError, match=r"no file .*missing.csv"):
            read(tmp_path / "missing.csv")
        with pytest.raises(ConfigurationError, match=r"folder.csv' is a folder"):
            read(tmp_path / "folder.csv")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("runs.parquet", b"PAR1 this is no parquet file PAR1"),
        ("runs.parquet", b"run_id,seed\na,1\n"),
        ("runs.csv.gz", b"run_id,seed\na,1\n"),
        ("runs.csv.gz", gzip.compress(b"run_id,seed\na,1\n" * 99)[:-20]),
        ("runs.csv.gz", gzip.compress(b"")),
        ("runs.csv", b"\n\n"),
        ("runs.csv", b"run_id,seed\na,1\nb,2,3,4\n"),
        ("runs.csv", b"run_id,seed\na,1,2\nb,2,3\n"),
        ("runs.csv", b"run_id,seed,seed\na,1,2\n"),
        ("runs.csv", b"\xff\xfe\x00\x81"),
    ],
)
def test_damaged_content_is_a_data_error_with_its_cause(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=r"cannot read .*runs") as caught:
        read_runs(tmp_path / name)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("name", ["runs.parquet", "runs.csv", "runs.csv.gz"])
def test_an_empty_file_and_a_frame_without_rows_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match="is empty"):
        read_runs(tmp_path / name)
    write_frame(tmp_path / name, FRAME.iloc[:0])
    with pytest.raises(DataError, match="holds no rows"):
        read_runs(tmp_path / name)


def test_every_half_of_a_parquet_file_is_refused(tmp_path):
    write_frame(tmp_path / "runs.parquet", FRAME)
    whole = (tmp_path / "runs.parquet").read_bytes()
    for size in range(1, len(whole), 97):
        (tmp_path / "runs.parquet").write_bytes(whole[:size])
        with pytest.raises(DataError, match="cannot read"):
            read_runs(tmp_path / "runs.parquet")


def test_the_checksum_is_the_sha256_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert checksum(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
