"""Sweeps stopped by signals, in processes of their own: what is left, and how soon."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from causalhyper.frames import read_runs
from collectors.sweeps import sweep
from tests.collectors import fakes
from tests.collectors.fakes import Fake

ROOT = Path(__file__).parents[2]
PATIENCE = 60


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE} s for {what}"
        time.sleep(0.02)


def alive(pid):
    """Whether a process runs; one that is dead but not yet buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def stopped(tmp_path):
    """Start a sweep of 6 runs that hangs from run 2 on, and stop it with a signal there."""
    started = []

    def stop(number, workers, *, group=False):
        marks = tmp_path / "marks"
        marks.mkdir()
        path = tmp_path / "runs.parquet"
        arguments = [str(path), str(workers), "6", "hang_from_2", str(marks)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.collectors.fakes", *arguments],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        hanging = ["2", "3"][:workers]
        wait_for(lambda: all((marks / name).exists() for name in hanging), "the runs to hang")
        pids = [int((marks / name).read_text()) for name in hanging]
        wait_for(lambda: path.exists() and len(read_runs(path)) == 2, "two rows")
        began = time.monotonic()
        (os.killpg if group else os.kill)(process.pid, number)
        _, errors = process.communicate(timeout=PATIENCE)
        wait_for(lambda: not any(alive(pid) for pid in pids), "the workers to end")
        assert time.monotonic() - began < 10
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["marks", "runs.parquet"]
        return process.returncode, errors, path

    yield stop
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def check_resumed(path):
    """Only rows 0 and 1 are there; trained further, the frame is that of one whole sweep."""
    runs = [Fake(number) for number in range(6)]
    assert set(read_runs(path)["run_id"]) == {"run-00", "run-01"}
    whole = sweep(runs, fakes.quick, path.with_name("whole.parquet"), quiet=True)
    assert_frame_equal(whole, pd.DataFrame([fakes.row(run) for run in runs]))
    sweep(runs, fakes.quick, path, quiet=True)
    assert path.read_bytes() == path.with_name("whole.parquet").read_bytes()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_sweep_resumes_to_the_frame_of_an_uninterrupted_one(stopped, workers):
    code, _, path = stopped(signal.SIGKILL, workers)
    assert code == -signal.SIGKILL
    check_resumed(path)


@pytest.mark.usefixtures("interruptible")
def test_control_c_ends_a_sweep_of_two_workers_at_once_and_keeps_finished_rows(stopped):
    code, errors, path = stopped(signal.SIGINT, 2, group=True)
    assert code == -signal.SIGINT
    assert errors.count("KeyboardInterrupt") == 1  # the parent's alone
    check_resumed(path)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_termination_ends_a_sweep_at_once_and_keeps_finished_rows(stopped, workers):
    code, _, path = stopped(signal.SIGTERM, workers)
    assert code == 128 + signal.SIGTERM
    check_resumed(path)


def test_a_sweep_leaves_the_handler_of_terminations_as_it_was(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    sweep([Fake(0)], fakes.quick, tmp_path / "a.parquet", quiet=True)
    assert signal.getsignal(signal.SIGTERM) is before
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        sweep([Fake(0)], fakes.quick, tmp_path / "b.parquet", quiet=True)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
