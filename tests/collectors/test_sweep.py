"""Sweeps: order, resumption, refusals, and failures that leave the finished rows."""

import dataclasses
import threading

import pandas as pd
import pytest
import torch
from pandas.testing import assert_frame_equal

from causalhyper.errors import CausalHyperError, ConfigurationError
from causalhyper.frames import read_runs
from collectors.sweeps import RunFailedError, sweep
from tests.collectors import fakes
from tests.collectors.fakes import Fake

RUNS = [Fake(number) for number in (3, 0, 5, 1, 4, 2)]
WHOLE = pd.DataFrame([fakes.row(run) for run in RUNS])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "runs.parquet"


@pytest.fixture
def two_threads():
    """Let the caller of a sweep have two torch threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def run_ids(path):
    return set(read_runs(path)["run_id"])


def test_one_worker_and_two_write_the_same_bytes_with_one_thread_each(tmp_path, two_threads):
    files = [tmp_path / f"{workers}.parquet" for workers in (1, 2)]
    for workers, file in enumerate(files, start=1):
        frame = sweep(RUNS, fakes.uneven, file, workers=workers, quiet=True)
        assert_frame_equal(frame, WHOLE.assign(threads=1))
        assert_frame_equal(read_runs(file), frame)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert torch.get_num_threads() == 2


def test_a_sweep_goes_on_where_it_stopped(path):
    sweep(RUNS[2:4], fakes.quick, path, quiet=True)
    trained = []

    def note(run):
        trained.append(run)
        return fakes.row(run)

    assert_frame_equal(sweep(RUNS, note, path, quiet=True), WHOLE)
    assert trained == RUNS[:2] + RUNS[4:]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_complete_sweep_trains_nothing(path, workers):
    sweep(RUNS, fakes.quick, path, quiet=True)
    before = path.read_bytes()
    assert_frame_equal(sweep(RUNS, fakes.refuse, path, workers=workers, quiet=True), WHOLE)
    assert path.read_bytes() == before


def test_a_complete_sweep_is_put_in_the_order_of_the_runs(path):
    sweep(RUNS[::-1], fakes.quick, path, quiet=True)
    assert_frame_equal(sweep(RUNS, fakes.refuse, path, quiet=True), WHOLE)


def test_columns_stay_in_the_order_of_the_row(path):
    def late(run):
        return {"number": run.number, "run_id": run.run_id}

    assert list(sweep(RUNS, late, path, quiet=True).columns) == ["number", "run_id"]


def test_a_file_with_a_run_of_another_sweep_is_refused(path):
    sweep([Fake(7)], fakes.quick, path, quiet=True)
    with pytest.raises(ConfigurationError, match=r"1 runs that are not.*'run-07'.*another file"):
        sweep(RUNS, fakes.refuse, path, quiet=True)


def test_a_file_whose_run_was_configured_otherwise_is_refused(path):
    sweep(RUNS, fakes.quick, path, quiet=True)
    changed = [dataclasses.replace(run, scale=2.0) for run in RUNS]
    with pytest.raises(ConfigurationError, match=r"'run-03' with scale 1\.0, this sweep has 2\.0"):
        sweep(changed, fakes.refuse, path, quiet=True)


@pytest.mark.parametrize(
    ("runs", "file", "workers", "message"),
    [
        ([*RUNS, Fake(3)], "runs.parquet", 1, "'run-03' appears 2 times"),
        ([], "runs.parquet", 1, "no runs"),
        (RUNS, "runs.csv", 1, r"expected a \.parquet file"),
        (RUNS, "runs.parquet", 0, "workers must be at least 1; got 0"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_trained(
    tmp_path, runs, file, workers, message
):
    with pytest.raises(ConfigurationError, match=message):
        sweep(runs, fakes.refuse, tmp_path / file, workers=workers, quiet=True)
    assert list(tmp_path.iterdir()) == []


def test_a_function_that_holds_what_cannot_travel_is_refused(path):
    lock = threading.Lock()

    def train(run):
        with lock:
            return fakes.row(run)

    with pytest.raises(ConfigurationError, match=r"cannot send the runs or .*open files inside"):
        sweep(RUNS, train, path, workers=2, quiet=True)
    assert not path.exists()


def test_a_function_that_is_in_no_module_travels_to_the_workers(path):
    scale = 2.0
    frame = sweep(RUNS, lambda run: {**fakes.row(run), "y": scale}, path, workers=2, quiet=True)
    assert_frame_equal(frame, WHOLE.assign(y=2.0))


def test_a_run_that_raises_is_named_and_finished_rows_stay(path):
    runs = [Fake(number) for number in range(5)]
    with pytest.raises(RunFailedError, match=r"'run-02' failed: ZeroDivisionError: the loss") as e:
        sweep(runs, fakes.fail_at_2, path, quiet=True)
    assert isinstance(e.value, CausalHyperError)
    assert isinstance(e.value.__cause__, ZeroDivisionError)
    assert run_ids(path) == {"run-00", "run-01"}
    assert len(sweep(runs, fakes.quick, path, quiet=True)) == 5


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (fakes.fail_at_2, "'run-02' failed: ZeroDivisionError: the loss fell off"),
        (fakes.die_at_2, "'run-02' failed: its worker .* by SIGKILL, 2 times: was memory short"),
    ],
)
def test_a_worker_that_fails_names_its_run_and_finished_rows_stay(path, train, message):
    runs = [Fake(number) for number in range(3)]
    with pytest.raises(RunFailedError, match=message) as caught:
        sweep(runs, train, path, workers=2, quiet=True)
    done = run_ids(path)
    assert done
    assert done <= {"run-00", "run-01"}
    if train is fakes.fail_at_2:
        assert "in fail_at_2" in str(caught.value.__cause__)  # the worker's traceback


def test_a_row_with_another_name_is_refused(path):
    with pytest.raises(RunFailedError, match=r"'run-03' failed.*run_id 'other'"):
        sweep(RUNS, fakes.misname, path, quiet=True)
    assert not path.exists()


def test_the_progress_bar_goes_to_the_error_stream(path, capsys):
    sweep(RUNS[:2], fakes.quick, path)
    out, err = capsys.readouterr()
    assert out == ""
    assert "2/2" in err
