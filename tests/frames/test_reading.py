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


@pytest.mark.parametrize(("sign", "name"), [(";", "';'"), ("\t", "tabs"), ("|", r"'\|'")])
@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
def test_another_separator_is_named_with_how_to_replace_it(tmp_path, sign, name, suffix):
    text = f"run_id{sign}batch_size\na{sign}16\n".encode()
    path = tmp_path / f"runs.{suffix}"
    path.write_bytes(gzip.compress(text) if suffix.endswith("gz") else text)
    with pytest.raises(DataError, match=f"separated by {name}, expected commas") as caught:
        read_runs(path)
    assert f"sep={sign!r}" in str(caught.value)


def test_a_frame_of_one_column_needs_no_separator(tmp_path):
    (tmp_path / "runs.csv").write_text("run_id\na\nb\n")
    assert read_runs(tmp_path / "runs.csv")["run_id"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("utf-16", "looks like UTF-16.*save it as UTF-8"),
        ("utf-16-le", "looks like UTF-16.*save it as UTF-8"),
        ("latin-1", "byte 0xfc in line 2.*Latin-1.*save it as UTF-8"),
    ],
)
def test_text_that_is_no_utf_8_is_refused_by_its_encoding(tmp_path, encoding, message):
    (tmp_path / "runs.csv").write_bytes("run_id,dataset\na,Zürich\n".encode(encoding))
    with pytest.raises(DataError, match=message) as caught:
        read_runs(tmp_path / "runs.csv")
    assert "damaged" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf_8_is_read_with_or_without_its_mark(tmp_path, encoding):
    (tmp_path / "runs.csv").write_bytes("run_id,dataset\na,Zürich\n".encode(encoding))
    assert read_runs(tmp_path / "runs.csv").to_dict("list") == {
        "run_id": ["a"],
        "dataset": ["Zürich"],
    }


def test_what_is_wrong_with_a_file_is_said_on_one_line(tmp_path):
    (tmp_path / "runs.csv").write_text("run_id,seed\na,1\nb,2,3,4\n")
    with pytest.raises(DataError) as caught:
        read_runs(tmp_path / "runs.csv")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # labels: other text beside them, or two of the words
        (["batch", "None", "NA", ""], ["batch", "None", "NA", None]),
        (["NA", "None", "NA", ""], ["NA", "None", "NA", None]),
        (["null", "x", "nan", "3"], ["null", "x", None, "3"]),
        # missing: among numbers, flags, or alone
        (["0.5", "NA", "None", "null"], [0.5, None, None, None]),
        (["True", "NA", "False", ""], [True, None, False, None]),
        (["NA", "NA", "", "NA"], [None, None, None, None]),
        (["53%", "NA", "61%", "None"], ["53%", None, "61%", None]),
        (["980", "NA", "1,017.4", ""], ["980", None, "1,017.4", None]),
    ],
)
def test_words_for_nothing_are_labels_in_columns_of_text_alone(tmp_path, fields, expected):
    rows = "".join(f'r{i},"{field}",7\n' for i, field in enumerate(fields))
    (tmp_path / "runs.csv").write_text(f"run_id,x,\n{rows}")
    found = read_runs(tmp_path / "runs.csv")["x"].astype(object)
    assert found.where(found.notna(), None).tolist() == expected


def test_known_labels_of_numbers_and_a_missing_one_keep_it_missing(tmp_path):
    (tmp_path / "runs.csv").write_text("run_id,model\na,07\nb,NA\nNA,8\n")
    found = read_runs(tmp_path / "runs.csv")
    assert found["model"].isna().tolist() == [False, True, False]
    assert found["run_id"].tolist() == ["a", "b", "NA"]
    (tmp_path / "runs.csv").write_text("run_id,test_accuracy\na,NA\nb,None\n")
    assert read_runs(tmp_path / "runs.csv")["test_accuracy"].isna().all()


@pytest.mark.parametrize("given", [None, 3, FRAME])
def test_what_is_no_path_is_refused(given):
    with pytest.raises(ConfigurationError, match="expected the path of a file"):
        read_runs(given)
