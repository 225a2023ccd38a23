import json
import math
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.logged import read_logged

ORACLE = Path(__file__).parents[2] / "oracles" / "wandb_runs"
LOGGED = json.loads((ORACLE / "logged.json").read_text("utf-8"))


def test_every_value_that_the_real_client_logged_is_read():
    log = read_logged(ORACLE / "wandb")
    assert log.kind == "wandb"
    for run, rows in LOGGED["logged"].items():
        part = log.steps[log.steps["run_id"] == run]
        assert part["step"].tolist() == list(range(len(rows)))
        np.testing.assert_array_equal(part["loss"], [row["train/loss"] for row in rows])
        accuracies = [row["nested"]["accuracy"] for row in rows]
        np.testing.assert_array_equal(part["nested.accuracy"], accuracies)


def test_configuration_summary_and_fate_of_each_run_are_read():
    log = read_logged(ORACLE)
    runs = log.runs.set_index("run_id")
    assert dict(runs["status"]) == {
        "idgood": "FINISHED",
        "idfailed": "FAILED",
        "idlong": "FINISHED",
    }
    assert dict(runs["run_name"]) == {"idgood": "good", "idfailed": "failed", "idlong": "long"}
    row = runs.loc["idgood"]
    assert (row["batch_size"], row["learning_rate"], row["optimizer"]) == (32, 0.001, "sgd")
    assert row["note"] == LOGGED["config"]["note"]
    assert row["layers"] == "[64, 32]"
    assert row["best/accuracy"] == 0.75
    assert row["train_loss"] == LOGGED["logged"]["idgood"][-1]["train/loss"]
    assert math.isnan(runs.loc["idfailed", "train_loss"])
    assert runs.loc["idfailed", "nonfinite"] == 2


@pytest.fixture
def good(tmp_path):
    (source,) = ORACLE.glob("wandb/*/run-idgood.wandb")
    return Path(shutil.copy(source, tmp_path / "run-idgood.wandb"))


def test_a_run_that_goes_on_is_read_to_its_last_whole_record(good):
    whole = good.read_bytes()
    good.write_bytes(whole[: len(whole) // 2])
    with pytest.warns(UserWarning, match="incomplete"):
        log = read_logged(good)
    assert log.runs["status"].tolist() == ["UNFINISHED"]
    assert 0 < len(log.steps) < 12


def test_any_changed_record_is_found_by_its_checksum(good):
    whole = good.read_bytes()
    for at in range(20, len(whole), 211):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        good.write_bytes(damaged)
        with pytest.raises(DataError, match="damaged"):
            read_log_quietly(good)


def read_log_quietly(path):
    """A changed size can also look like an end that is missing: that must come with a warning."""
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        log = read_logged(path)
    if caught:
        raise DataError("damaged, and said so")
    return log


def test_a_run_that_was_resumed_is_one_run(tmp_path):
    (first,) = ORACLE.glob("wandb/*/run-idgood.wandb")
    (second,) = ORACLE.glob("wandb/*/run-idfailed.wandb")
    for date, source, old in (("20260102", first, b"idgood"), ("20260101", second, b"idfailed")):
        place = tmp_path / f"offline-run-{date}_000000-same"
        place.mkdir()
        (place / "run-same.wandb").write_bytes(renamed(source.read_bytes(), old))
    log = read_logged(tmp_path)
    (row,) = log.runs.to_dict("records")
    assert (row["run_id"], row["status"], row["run_name"]) == ("same", "FINISHED", "good")
    np.testing.assert_array_equal(
        log.steps["loss"], [r["train/loss"] for r in LOGGED["logged"]["idgood"]]
    )


def renamed(data, old):
    """Take the run's id out of a log that fits in one block, so that the file's name counts."""
    out, at = data[:7], 7
    while at < len(data):
        _, size, kind = struct.unpack_from("<IHB", data, at)
        body = data[at + 7 : at + 7 + size]
        body = body.replace(b"\x0a" + bytes([len(old)]) + old, b"\x7a" + bytes([len(old)]) + old)
        out += struct.pack("<IHB", zlib.crc32(bytes([kind]) + body), size, kind) + body
        at += 7 + size
    return out


def test_a_file_that_is_no_log_is_refused(tmp_path):
    (tmp_path / "run-a.wandb").write_bytes(b"SQLite format 3\0")
    with pytest.raises(DataError, match=":W&B"):
        read_logged(tmp_path)


def test_a_sound_record_that_cannot_be_read_is_refused(tmp_path):
    body = b"\x12\x05\x0a\x03\x82\x01\x7f"
    head = struct.pack("<IHB", zlib.crc32(b"\x01" + body), len(body), 1)
    (tmp_path / "run-a.wandb").write_bytes(b":W&B\xe1\xbe\x00" + head + body)
    with pytest.raises(DataError, match="cannot be read"):
        read_logged(tmp_path)


def test_a_folder_with_summary_and_configuration_only_gives_runs_without_history(tmp_path):
    files = tmp_path / "run-20260101_000000-abc" / "files"
    files.mkdir(parents=True)
    (files / "wandb-summary.json").write_text(
        '{"_runtime": 12.5, "train/loss": 0.25, "worst": "NaN", "_wandb": {"runtime": 12}}'
    )
    (files / "config.yaml").write_text(
        "wandb_version: 1\n_wandb:\n  desc: null\n  value:\n    python_version: 3.11.7\n"
        "lr:\n  desc: null\n  value: 0.001\nopt:\n  desc: null\n  value:\n    name: sgd\n"
    )
    log = read_logged(tmp_path)
    (row,) = log.runs.to_dict("records")
    assert row == {
        "run_id": "abc",
        "wall_seconds": 12.5,
        "learning_rate": 0.001,
        "opt.name": "sgd",
        "train_loss": 0.25,
        "worst": pytest.approx(math.nan, nan_ok=True),
    }
    assert log.steps.empty
    assert "without history" in log.summary()


def test_the_workspace_s_runs_table_keeps_names_and_states(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(
        '"Name","State","Notes","User","Tags","Created","Runtime","Sweep","batch_size","lr","loss"\n'
        '"one","finished","-","me","","2026-01-01T00:00:00Z","12","","32","0.001","0.5"\n'
        '"two","crashed","-","me","","2026-01-01T00:00:00Z","3","","64","0.001",""\n'
        '"three","running","","me","","2026-01-01T00:00:00Z","","","64","0.01","NaN"\n'
    )
    log = read_logged(path)
    assert log.kind == "wandb"
    assert log.runs["run_id"].tolist() == ["one", "two", "three"]
    assert log.runs["status"].tolist() == ["FINISHED", "FAILED", "RUNNING"]
    assert log.runs["batch_size"].tolist() == [32, 64, 64]
    assert log.runs["learning_rate"].tolist() == [0.001, 0.001, 0.01]
    assert log.runs["loss"].isna().tolist() == [False, True, True]


def test_metrics_of_the_workspace_s_runs_table_are_recognised_among_the_parameters(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(
        '"Name","State","bs","train/loss","test/acc","test_loss"\n'
        '"one","finished","32","0.5","0.75","mse"\n'
        '"two","crashed","64","NaN","","mse"\n'
    )
    runs = read_logged(path).runs
    assert runs["batch_size"].tolist() == [32, 64]
    assert runs["train_loss"].isna().tolist() == [False, True]
    assert runs["test_accuracy"][0] == 0.75
    assert runs["test_loss"].tolist() == ["mse", "mse"]


NESTED = {
    "config": {"lr": 0.1, "opt": {"name": "sgd"}, "_wandb": {}},
    "summary": {"loss": math.nan, "acc": 0.5, "worst": -math.inf, "_runtime": 3, "note": "x"},
    "name": "one",
}


def check_nested(log):
    (row,) = log.runs.to_dict("records")
    assert (row["run_id"], row["learning_rate"], row["opt.name"]) == ("one", 0.1, "sgd")
    assert (row["acc"], row["worst"], row["wall_seconds"]) == (0.5, -math.inf, 3)
    assert math.isnan(row["loss"])
    assert "note" not in row


def test_nested_columns_as_pandas_writes_them_are_read_without_eval(tmp_path):
    pd.DataFrame([NESTED]).to_csv(tmp_path / "project.csv")
    assert "{'lr'" in (tmp_path / "project.csv").read_text()
    check_nested(read_logged(tmp_path / "project.csv"))


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_runs_as_json_are_read(tmp_path, suffix):
    path = tmp_path / f"runs.{suffix}"
    path.write_text(json.dumps(NESTED if suffix == "jsonl" else [NESTED]))
    check_nested(read_logged(path))


@pytest.mark.parametrize(
    "cell",
    ["__import__('os').system('exit 1')", "{'a': open('x')}", "[1, 2]", "{'a': 1", "{**a}", "1+1"],
)
def test_a_nested_cell_that_is_no_dictionary_is_refused_and_never_run(tmp_path, cell):
    frame = pd.DataFrame([{"config": cell, "summary": "{}", "name": "one"}])
    frame.to_csv(tmp_path / "project.csv", index=False)
    with pytest.raises(DataError, match=r"row 1.*'config'|no dictionary"):
        read_logged(tmp_path / "project.csv")


def test_rows_of_scan_history_are_steps(tmp_path):
    rows = [
        {"_step": 0, "loss": 0.5, "_timestamp": 1.0, "run_id": "a"},
        {"_step": 1, "loss": math.nan, "run_id": "a"},
        {"_step": 0, "loss": "Infinity", "run_id": "b"},
    ]
    path = tmp_path / "history.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    log = read_logged(path)
    assert log.steps["run_id"].tolist() == ["a", "a", "b"]
    np.testing.assert_array_equal(log.steps["loss"], [0.5, math.nan, math.inf])
    assert list(log.steps.columns) == ["run_id", "step", "loss"]
    assert log.runs["nonfinite"].tolist() == [1, 1]


CHART = (
    '"Step","one - train/loss","one - train/loss__MIN","one - train/loss__MAX",'
    '"a - b - train/loss","a - b - train/loss__MIN","a - b - train/loss__MAX"\n'
    '"0","0.5","0.5","0.5","0.25","{low}","0.25"\n'
    '"10","0.4","0.4","0.4","","",""\n'
)


def test_the_data_of_a_chart_are_steps_of_its_runs(tmp_path):
    path = tmp_path / "chart.csv"
    path.write_text(CHART.format(low="0.25"))
    log = read_logged(path)
    assert log.steps.to_dict("list") == {
        "run_id": ["one", "one", "a - b"],
        "step": [0, 10, 0],
        "loss": [0.5, 0.4, 0.25],
    }
    assert log.notes == ()


def test_a_chart_over_bins_of_steps_says_so(tmp_path):
    path = tmp_path / "chart.csv"
    path.write_text(CHART.format(low="0.2"))
    assert "means over bins" in read_logged(path).summary()


@pytest.mark.parametrize(
    ("name", "text", "error", "words"),
    [
        ("a.json", "{", DataError, "not JSON"),
        ("a.json", "3", DataError, "no list"),
        ("a.jsonl", '{"_step": "x"}', DataError, "whole numbers"),
        ("a.csv", "Step,x - l,x - l__MIN\n0.5,1,1\n", DataError, "over Step"),
        ("a.csv", "Step,x - l,x - l__MIN\n1,high,1\n", DataError, "'high'; expected numbers"),
        ("a.csv", "Name,State,State\n", DataError, "twice"),
        ("a.txt", "x", ConfigurationError, "expected .csv"),
    ],
)
def test_a_wrong_export_gives_one_clear_error(tmp_path, name, text, error, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(error, match=words):
        read_logged(tmp_path / name, "wandb")
