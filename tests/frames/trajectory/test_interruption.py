"""Writers that stop at any moment: what was flushed is there, and nothing shows in the end."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.frames.trajectory import TrajectoryWriter, read_trajectory
from tests.frames.trajectory.crashes import DyingOs, Killed, LossyOs, on
from tests.frames.trajectory.samples import LAYERS, changes, columns_of, contents, flat, write

ROOT = Path(__file__).parents[3]
STEPS = changes(11)


class Run:
    """A training of eleven steps that flushes now and then, and knows what it was promised."""

    def __init__(self, folder):
        self.folder, self.flushed, self.appended = folder, 0, 0

    def go(self, keep=None):
        """Create or resume, and record to the end; a death ends it."""
        with suppress(Killed):
            try:
                with self.open(keep) as writer:
                    self.record(writer)
            except ConfigurationError as error:
                if not isinstance(error.__cause__, Killed):
                    raise

    def open(self, keep):
        if (self.folder / "manifest.json").exists():
            writer = TrajectoryWriter.resume(self.folder, keep=keep)
        else:
            options = {"block_steps": 4, "block_columns": 5, "run_id": "r"}
            writer = TrajectoryWriter.create(self.folder, layers=LAYERS, **options)
        self.flushed = self.appended = writer.steps
        return writer

    def record(self, writer):
        for row in range(writer.steps, len(STEPS)):
            writer.append(STEPS[row], **columns_of(row))
            self.appended = row + 1
            if row in (1, 4, 5, 8):
                writer.flush()
                self.flushed = row + 1
        writer.close()
        self.flushed = len(STEPS)

    def check(self, folder=None):
        """What was flushed can be read, and nothing but what was appended."""
        folder = folder or self.folder
        if not (folder / "manifest.json").exists():
            assert self.flushed == 0
            return
        found = read_trajectory(folder)
        assert self.flushed <= found.n_steps <= self.appended
        found.verify()
        for layer in LAYERS:
            values = found.columns(layer.name, 0, layer.size)
            np.testing.assert_array_equal(values, flat(STEPS, layer.name)[: found.n_steps])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return contents(write(tmp_path_factory.mktemp("whole") / "a", STEPS, run_id="r"))


def calls_of(folder, monkeypatch, fake=None):
    """Count the calls of a run without a death."""
    with monkeypatch.context() as patch:
        fake = on(patch, fake or DyingOs())
        Run(folder).go()
    return len(fake.calls)


@pytest.mark.parametrize("half", [False, True])
def test_a_death_at_any_call_loses_nothing_flushed_and_resumes_to_the_same_bytes(
    tmp_path, monkeypatch, whole, half
):
    count = calls_of(tmp_path / "whole", monkeypatch)
    assert count > 60
    for dies_at in range(count):
        run = Run(tmp_path / f"{dies_at}")
        with monkeypatch.context() as patch:
            on(patch, DyingOs(dies_at, half))
            run.go()
        run.check()
        run.go()
        assert contents(run.folder) == whole, f"after a death at call {dies_at}"


def test_a_death_while_resuming_or_dropping_steps_does_no_harm_either(
    tmp_path, monkeypatch, whole
):
    rng = np.random.default_rng(0)
    for turn in range(60):
        run = Run(tmp_path / f"{turn}")
        for _ in range(4):
            with monkeypatch.context() as patch:
                on(patch, DyingOs(int(rng.integers(70)), bool(rng.integers(2))))
                keep = int(rng.integers(run.flushed + 1)) if rng.random() < 0.5 else None
                run.flushed = run.flushed if keep is None else keep
                run.go(keep)
            run.check()
        run.go()
        assert contents(run.folder) == whole, f"in turn {turn}"


@pytest.mark.parametrize("seed", range(3))
def test_a_power_cut_at_any_call_loses_nothing_flushed(tmp_path, monkeypatch, whole, seed):
    rng = np.random.default_rng(seed)
    for dies_at in range(calls_of(tmp_path / "whole", monkeypatch, LossyOs())):
        run = Run(tmp_path / f"{dies_at}")
        with monkeypatch.context() as patch:
            fake = on(patch, LossyOs(dies_at, half=True))
            run.go()
        found = tmp_path / f"{dies_at}-found"
        fake.after_power_cut(found, rng)
        run.check(found)
        if (found / "manifest.json").exists():
            again = Run(found)
            again.go()
            assert contents(found) == whole, f"after a power cut at call {dies_at}"


def test_a_repair_that_loses_power_does_no_harm(tmp_path, monkeypatch, whole):
    rng = np.random.default_rng(0)
    for dies_at in range(12):
        folder = write(tmp_path / f"{dies_at}", STEPS, run_id="r")
        run = Run(folder)
        with monkeypatch.context() as patch:
            fake = on(patch, LossyOs(dies_at, half=True))
            fake.begin_with(folder)
            run.go(keep=6)
        found = tmp_path / f"{dies_at}-found"
        fake.after_power_cut(found, rng)
        read_trajectory(found).verify()
        assert read_trajectory(found).n_steps >= 6
        Run(found).go(keep=6)
        assert contents(found) == whole


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.05])
def test_a_killed_process_loses_nothing_flushed_and_resumes_to_the_same_bytes(tmp_path, delay):
    folder = tmp_path / "a"
    call = [sys.executable, "-m", "tests.frames.trajectory.victim", str(folder)]
    process = subprocess.Popen(call, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    promised = int(process.stdout.readline())
    with suppress(subprocess.TimeoutExpired):
        process.wait(delay)
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().split()
    process.wait()
    process.stdout.close()
    assert process.returncode == -signal.SIGKILL
    promised = int(rest[-1]) if rest else promised
    found = read_trajectory(folder)
    assert found.n_steps >= promised
    found.verify()
    from tests.frames.trajectory import victim

    victim.record(folder, found.n_steps + 9)
    victim.record(tmp_path / "whole", found.n_steps + 9)
    assert contents(folder) == contents(tmp_path / "whole")


def test_an_error_in_the_body_keeps_the_steps_and_leaves_the_store_open(tmp_path):
    def train():
        with TrajectoryWriter.create(tmp_path / "a", layers=LAYERS) as writer:
            for row in range(3):
                writer.append(STEPS[row], **columns_of(row))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train()
    found = read_trajectory(tmp_path / "a")
    assert (found.n_steps, found.complete) == (3, False)
    with TrajectoryWriter.resume(tmp_path / "a") as writer:
        assert (writer.steps, writer.last_step) == (3, 6)
    assert read_trajectory(tmp_path / "a").complete


def test_the_lock_of_a_dead_writer_is_free_though_its_fork_lives(tmp_path):
    code = (
        "import os, sys, time\n"
        "from causalhyper.frames.trajectory import Layer, TrajectoryWriter\n"
        "writer = TrajectoryWriter.create(sys.argv[1], layers=[Layer('w', (2,))])\n"
        "writer.append({'w': [1, 2]}, step=0)\n"
        "writer.flush()\n"
        "if (child := os.fork()) == 0:\n"
        "    time.sleep(60)\n"
        "print(child, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    call = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "a")]
    process = subprocess.Popen(call, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    child = int(process.stdout.readline())
    try:
        assert process.wait() == -signal.SIGKILL
        assert Path(f"/proc/{child}").exists() or sys.platform != "linux"
        with TrajectoryWriter.resume(tmp_path / "a") as writer:
            assert writer.steps == 1
    finally:
        os.kill(child, signal.SIGKILL)
        process.stdout.close()
