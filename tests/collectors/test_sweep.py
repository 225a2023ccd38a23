"""Sweeps: order, resumption, refusals, and failures that leave the finished rows."""

import dataclasses
import json
import os
import threading
from functools import partial

import pandas as pd
import pytest
import torch
from pandas.testing import assert_frame_equal

from causalhyper.errors import CausalHyperError, ConfigurationError
from causalhyper.frames import append_run, read_runs
from collectors.sweeps import (
    RunFailedError,
    RunFailedWarning,
    equal_updates,
    factorial,
    sweep,
)
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

    with pytest.raises(ConfigurationError, match=r"cannot send the tasks or .*open files inside"):
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


def failures(path):
    return json.loads(path.with_name("runs.failures.json").read_text())["failures"]


def test_a_run_whose_worker_dies_once_is_trained_again_and_nothing_is_lost(path, tmp_path):
    train = partial(fakes.die_once_at_2, marks=tmp_path)
    assert_frame_equal(sweep(RUNS, train, path, workers=2, quiet=True), WHOLE)
    assert (tmp_path / "died").exists()
    assert [file.name for file in path.parent.iterdir()] == ["runs.parquet"]


@pytest.mark.parametrize(
    ("train", "workers", "error", "attempts"),
    [
        (fakes.die_at_2, 2, "its worker process was ended by SIGKILL", 2),
        (fakes.fail_at_2, 2, "ZeroDivisionError: the loss fell off", 1),
        (fakes.fail_at_2, 1, "ZeroDivisionError: the loss fell off", 1),
    ],
)
def test_a_failed_run_takes_no_other_with_it_and_stands_beside_the_frame(
    path, train, workers, error, attempts
):
    runs = [Fake(number) for number in range(6)]
    with pytest.warns(RunFailedWarning, match=rf"1 of 6 runs failed.*'run-02' failed: {error}"):
        frame = sweep(runs, train, path, workers=workers, on_error="continue", quiet=True)
    assert frame["run_id"].tolist() == [run.run_id for run in runs if run.number != 2]
    (failure,) = failures(path)
    assert failure["run_id"] == "run-02"
    assert failure["error"] == error
    assert failure["attempts"] == attempts
    assert failure["died"] == (train is fakes.die_at_2)
    assert failure["died"] or "in fail_at_2" in failure["trace"]
    again = sweep(runs, fakes.quick, path, quiet=True)  # trains what is missing, and no more
    assert again["run_id"].tolist() == [run.run_id for run in runs]
    assert not path.with_name("runs.failures.json").exists()


def test_a_sweep_that_stops_says_beside_the_frame_why(path):
    with pytest.raises(RunFailedError):
        sweep(RUNS, fakes.fail_at_2, path, quiet=True)
    assert [failure["run_id"] for failure in failures(path)] == ["run-02"]


def test_a_sweep_whose_runs_all_fail_raises_also_when_it_is_to_continue(path):
    with pytest.raises(RunFailedError, match=r"1 of 1 runs failed and have no row"):
        sweep([Fake(2)], fakes.fail_at_2, path, on_error="continue", quiet=True)


def test_a_row_with_other_columns_than_the_frame_is_a_failed_run(path):
    def widen(run):
        return fakes.row(run) | ({"more": 1} if run.number == 2 else {})

    with pytest.warns(RunFailedWarning, match=r"'run-02'.*the frame lacks more"):
        frame = sweep(RUNS, widen, path, on_error="continue", quiet=True)
    assert len(frame) == 5


def test_what_a_run_prints_and_reads_stays_apart_from_its_answer(path, capfd):
    frame = sweep(RUNS[:2], fakes.print_and_read, path, workers=2, quiet=True)
    assert frame["read"].tolist() == ["", ""]
    out, err = capfd.readouterr()
    assert out == ""
    # lines of two workers may come in any order
    assert sorted(err.splitlines()) == ["a line of output"] * 2 + ["and bytes"] * 2


def test_a_worker_has_one_thread_whatever_the_environment_says(path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    frame = sweep(RUNS[:1], fakes.count_threads, path, engine="processes", quiet=True)
    assert frame[["torch", "omp"]].to_dict("records") == [{"torch": 1, "omp": "1"}]


def test_each_worker_has_a_device_of_its_own(path):
    devices = ["cuda:0", "cuda:1"]
    frame = sweep(RUNS, fakes.say_device, path, devices=devices, quiet=True)
    assert set(frame["device"]) == set(devices)
    assert (frame.groupby("device")["pid"].nunique() == 1).all()
    assert frame["pid"].nunique() == 2
    assert os.getpid() not in set(frame["pid"])


def test_a_run_without_a_device_is_refused_devices_before_anything_is_trained(path):
    with pytest.raises(ConfigurationError, match=r"signature is \(run\): add the parameter"):
        sweep(RUNS, fakes.quick, path, devices=["cuda:0"], quiet=True)
    assert not path.exists()


def test_one_device_has_a_process_of_its_own(path):
    frame = sweep(RUNS[:2], fakes.say_device, path, devices=["mps"], quiet=True)
    assert set(frame["device"]) == {"mps"}
    assert os.getpid() not in set(frame["pid"])


def test_a_device_passes_to_the_next_worker_when_its_worker_dies(path, tmp_path):
    def train(run, device):
        return fakes.die_once_at_2(run, tmp_path) | {"device": device}

    frame = sweep(RUNS, train, path, devices=["cuda:0"], quiet=True)
    assert set(frame["device"]) == {"cuda:0"}
    assert len(frame) == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "slurm"}, "no engine 'slurm': expected one of processes, loky"),
        ({"engine": "dask"}, "needs a client"),
        ({"engine": "loky", "devices": ["cuda:0"]}, "devices cannot be given to 'loky'"),
        ({"workers": 3, "devices": ["a", "b"]}, "got 3 workers and 2 devices"),
        ({"on_error": "ignore"}, "'stop' or 'continue'; got 'ignore'"),
        ({"together": True}, r"make one with factorial\(\)"),
    ],
)
def test_a_call_whose_options_do_not_fit_is_refused(path, options, message):
    with pytest.raises(ConfigurationError, match=message):
        sweep(RUNS, fakes.refuse, path, quiet=True, **options)
    assert not path.parent.exists()


def design(**changes):
    call = {"batch_size": (2, 4), "seed": range(3), "n_train": 8, "learning_rate": 0.1}
    return factorial(**(call | {"protocol": equal_updates(10), "order_seed": 1} | changes))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_design_is_trained_in_its_order_and_its_columns_are_added(path, workers):
    plan = design()
    frame = sweep(plan, fakes.measure, path, workers=workers, quiet=True)
    wanted = plan.to_frame()
    assert_frame_equal(frame[wanted.columns], wanted)
    assert frame["test_accuracy"].tolist() == [1 / r.batch_size + r.seed for r in plan.runs]


def test_a_design_is_made_in_its_order(path):
    made = []

    def train(run):
        made.append(run.order)
        return fakes.measure(run)

    sweep(design(), train, path, quiet=True)
    assert made == list(range(6))


def test_a_design_grows_by_seeds_and_by_levels_and_rows_keep_the_place_they_were_made_in(path):
    first = sweep(design(), fakes.measure, path, quiet=True)
    larger = design(seed=range(4), batch_size=(2, 4, 8))
    frame = sweep(larger, fakes.measure, path, quiet=True)
    assert frame["run_id"].tolist() == [run.run_id for run in larger.runs]
    kept = frame.set_index("run_id").loc[first["run_id"], "order"]
    assert kept.tolist() == first["order"].tolist()


def test_a_design_with_another_learning_rate_is_refused_the_file(path):
    sweep(design(), fakes.measure, path, quiet=True)
    with pytest.raises(ConfigurationError, match=r"learning_rate 0\.1, this sweep has 0\.2"):
        sweep(design(learning_rate=0.2), fakes.measure, path, quiet=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_seeds_of_a_block_go_together_and_only_those_that_are_missing(path, workers):
    plan = design(seeds_per_block=2)
    kept = sweep(plan, fakes.measure_together, path, together=True, workers=workers, quiet=True)
    # three seeds are a block of two and a block of one
    assert kept.groupby("seed")["together"].unique().map(list).tolist() == [[2], [2], [1]]
    path.unlink()
    for run in plan.runs[:3]:
        append_run(path, run.columns() | fakes.measure(run) | {"together": 0})
    frame = sweep(plan, fakes.measure_together, path, together=True, quiet=True)
    assert frame["together"].tolist() == [0, 0, 0, 1, 1, 1]
    assert_frame_equal(frame.drop(columns="together"), kept.drop(columns="together"))


def test_seeds_that_go_together_fail_together(path):
    with pytest.warns(RunFailedWarning, match=r"2 of 6 .*a list of 2 dicts.*a list of 1"):
        sweep(
            design(seeds_per_block=2),
            lambda runs: fakes.measure_together(runs[: 1 if runs[0].order == 0 else None]),
            path,
            together=True,
            on_error="continue",
            quiet=True,
        )
    assert {failure["run_id"][-4:] for failure in failures(path)} == {"s000", "s001"}


@pytest.mark.parametrize("value", [{"loss": 0.5}, {"loss": [0.5, 0.6]}, "ab", iter([{}, {}])])
def test_one_measurement_is_never_taken_for_a_row_of_each_seed(path, value):
    with pytest.raises(RunFailedError, match=r"expected a list of 2 dicts, one a configuration"):
        sweep(design(seeds_per_block=2), lambda runs: value, path, together=True, quiet=True)
    assert not path.exists()


def test_a_measurement_of_several_numbers_is_refused_because_a_row_has_one_a_column(path):
    with pytest.raises(RunFailedError, match=r"loss \[0\.5, 0\.6\]: give one number"):
        sweep(design(), lambda run: {"loss": [0.5, 0.6]}, path, quiet=True)


def test_a_row_that_contradicts_its_configuration_is_refused(path):
    with pytest.raises(RunFailedError, match=r"the row has updates 3, the configuration 10"):
        sweep(design(), lambda run: {"updates": 3}, path, quiet=True)


def test_a_row_with_another_name_is_refused(path):
    with pytest.raises(RunFailedError, match=r"'run-03' failed.*run_id 'other'"):
        sweep(RUNS, fakes.misname, path, quiet=True)
    assert not path.exists()


def test_the_progress_bar_goes_to_the_error_stream(path, capsys):
    sweep(RUNS[:2], fakes.quick, path)
    out, err = capsys.readouterr()
    assert out == ""
    assert "2/2" in err
