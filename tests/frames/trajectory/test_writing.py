"""Back pressure, failing disks, one writer at a time, and calls that are refused."""

import errno
import os
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.frames.trajectory import Layer, TrajectoryWriter, read_trajectory
from tests.frames.trajectory.crashes import DyingOs, on
from tests.frames.trajectory.samples import LAYERS, changes, columns_of, write

STEPS = changes(40)


class FullOs(DyingOs):
    """A disk with room for some writes."""

    def reach(self, name, *arguments):
        self.calls.append(name)
        if name == "pwritev" and self.calls.count("pwritev") > self.dies_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class SlowOs(DyingOs):
    """A disk that waits until it is let go."""

    def __init__(self):
        super().__init__()
        self.gate = threading.Event()

    def reach(self, name, *arguments):
        self.gate.wait(30)


def create(path, **options):
    options = {"layers": LAYERS, "block_steps": 4, "block_columns": 5, **options}
    return TrajectoryWriter.create(path, **options)


def test_a_slow_disk_holds_up_the_appending_and_memory_stays_bounded(tmp_path, monkeypatch):
    slow = SlowOs()
    with create(tmp_path / "a", queue=2) as writer:
        on(monkeypatch, slow)
        done = []

        def train():
            for row, values in enumerate(STEPS):
                writer.append(values, **columns_of(row))
                done.append(row)

        training = threading.Thread(target=train)
        training.start()
        training.join(0.5)
        assert training.is_alive()
        assert len(done) == 8  # two buffers of a block of steps each
        slow.gate.set()
        training.join(30)
        assert len(done) == len(STEPS)
    assert read_trajectory(tmp_path / "a").n_steps == len(STEPS)


def test_appending_does_not_wait_for_the_disk(tmp_path, monkeypatch):
    with create(tmp_path / "a", queue=2) as writer:
        slow = on(monkeypatch, SlowOs())
        began = time.monotonic()
        for row in range(8):
            writer.append(STEPS[row], **columns_of(row))
        assert time.monotonic() - began < 5
        slow.gate.set()


@pytest.mark.parametrize("room", [0, 1, 5, 11, 17])
def test_a_full_disk_is_one_clear_error_and_what_was_durable_can_be_read(
    tmp_path, monkeypatch, room
):
    writer = create(tmp_path / "a")
    on(monkeypatch, FullOs(room))

    def train():
        for row, values in enumerate(STEPS):
            writer.append(values, **columns_of(row))
        writer.close()

    with pytest.raises(ConfigurationError, match=r"No space left.*can be read.*resume") as caught:
        train()
    assert caught.value.__cause__.errno == errno.ENOSPC
    durable = writer.steps
    writer.close()
    monkeypatch.undo()
    found = read_trajectory(tmp_path / "a")
    found.verify()
    assert found.n_steps == durable
    with TrajectoryWriter.resume(tmp_path / "a") as writer:
        for row in range(durable, len(STEPS)):
            writer.append(STEPS[row], **columns_of(row))
    read_trajectory(tmp_path / "a").verify()
    assert read_trajectory(tmp_path / "a").n_steps == len(STEPS)


def test_a_full_disk_surfaces_at_flush_at_close_and_as_a_note(tmp_path, monkeypatch):
    writer = create(tmp_path / "flush")
    writers = {name: create(tmp_path / name) for name in ("close", "note")}
    on(monkeypatch, FullOs(0))
    for each in (writer, *writers.values()):
        each.append(STEPS[0], step=0)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="No space left"):
            writer.flush()
    with pytest.raises(ConfigurationError, match="No space left"):
        writers["close"].close()
    with pytest.raises(KeyError) as caught, writers["note"]:
        raise KeyError("the body's own")
    assert "No space left" in caught.value.__notes__[0]
    writer.close()
    for name in ("flush", "close", "note"):
        assert read_trajectory(tmp_path / name).n_steps == 0


def test_a_store_that_cannot_be_marked_complete_says_so(tmp_path, monkeypatch):
    writer = create(tmp_path / "a")
    writer.append(STEPS[0], step=0)
    writer.flush()
    on(monkeypatch, FullOs(0))
    with pytest.raises(ConfigurationError, match=r"No space left.*1 step are|1 step "):
        writer.close()
    monkeypatch.undo()
    assert not read_trajectory(tmp_path / "a").complete
    TrajectoryWriter.resume(tmp_path / "a").close()
    assert read_trajectory(tmp_path / "a").complete


def test_a_second_writer_is_refused_until_the_first_is_done(tmp_path):
    with create(tmp_path / "a") as writer:
        for other in (TrajectoryWriter.resume, create):
            with pytest.raises(ConfigurationError, match=r"another writer|holds a trajectory"):
                other(tmp_path / "a")
        writer.append(STEPS[0], step=0)
        writer.flush()
        assert read_trajectory(tmp_path / "a").n_steps == 1
    TrajectoryWriter.resume(tmp_path / "a").close()


def test_a_store_is_not_made_where_something_is(tmp_path):
    write(tmp_path / "a", STEPS[:1])
    with pytest.raises(ConfigurationError, match=r"holds a trajectory already.*resume"):
        create(tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "notes.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"not empty, it holds 'notes.txt'"):
        create(tmp_path / "b")
    with pytest.raises(ConfigurationError, match="is a file"):
        create(tmp_path / "b" / "notes.txt")
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": []}, "layers of different names: there is none"),
        ({"layers": [LAYERS[0]] * 2}, "'conv.weight' stands twice"),
        ({"dtype": "int8"}, "cannot store 'int8'; expected one of float32"),
        ({"block_steps": 0}, "block_steps must be a whole number from 1; got 0"),
        ({"queue": 0}, "queue must be a whole number from 1"),
        ({"settings": {"model": object()}}, "must be JSON values"),
        ({"settings": {"lr": float("nan")}}, "must be JSON values"),
        ({"run_id": " "}, "run_id must be a text"),
    ],
)
def test_a_wrong_layout_is_refused_and_nothing_is_made(tmp_path, options, message):
    with pytest.raises(ConfigurationError, match=message):
        create(tmp_path / "a", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("values", "columns", "message"),
    [
        ({"conv.bias": [1, 2]}, {}, "it lacks 'scale': give one array a layer"),
        ({"conv.bias": [1, 2], "scale": 1, "fc": 1}, {}, "has the unknown 'fc'"),
        ({"conv.bias": [1, 2, 3], "scale": 1}, {}, r"has 3 entries \(shape \(3,\)\); expected 2"),
        ({"conv.bias": [1, 2j], "scale": 1}, {}, "must be real numbers; got complex128"),
        ({"conv.bias": [1, 2], "scale": 1}, {"step": 3}, "step 3 does not follow step 3"),
        ({"conv.bias": [1, 2], "scale": 1}, {"step": 3.5}, "step must be a whole number"),
        ({"conv.bias": [1, 2], "scale": 1}, {"loss": [1]}, "'loss' must be a number.*got list"),
        ({"conv.bias": [1, 2], "scale": 1}, {"nonfinite": 1}, "filled in by the store"),
    ],
)
def test_a_wrong_step_is_refused_and_leaves_the_store_as_it_was(
    tmp_path, values, columns, message
):
    with create(tmp_path / "a", layers=LAYERS[1:]) as writer:
        writer.append({"conv.bias": [1, 2], "scale": 1}, step=3)
        with pytest.raises(ConfigurationError, match=message):
            writer.append(values, **{"step": 4, **columns})
        writer.append({"conv.bias": np.array([3, 4]), "scale": np.int8(5)}, step=4)
    found = read_trajectory(tmp_path / "a").columns("conv.bias", 0, 2)
    assert found.tolist() == [[1, 2], [3, 4]]


def test_a_store_of_another_run_is_not_resumed(tmp_path):
    path = write(tmp_path / "a", STEPS[:3], settings={"seed": 1, "lr": 0.1})
    for options, message in (
        ({"layers": LAYERS[:2]}, "has 3 layers where 2 are wanted"),
        ({"layers": [Layer("fc", (2,)), *LAYERS[1:]]}, "where 'fc' of shape"),
        ({"settings": {"seed": 2, "lr": 0.1}}, "has the setting 'seed' 1, this run has 2"),
        ({"settings": {"seed": 1}}, "has the setting 'lr' 0.1, this run has None"),
        ({"keep": 4}, "has 3 steps; cannot keep 4"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            TrajectoryWriter.resume(path, **options)
    same = {"layers": list(LAYERS), "settings": {"lr": 0.1, "seed": 1}, "keep": 3}
    TrajectoryWriter.resume(path, **same).close()


def test_a_closed_writer_takes_no_step(tmp_path):
    writer = create(tmp_path / "a")
    writer.close()
    writer.close()
    for act in (writer.flush, lambda: writer.append(STEPS[0], step=0)):
        with pytest.raises(ConfigurationError, match=r"is closed.*resume"):
            act()
    assert threading.active_count() == 1 or "trajectory" not in {
        thread.name for thread in threading.enumerate()
    }


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_large_layer_takes_the_buffers_and_little_else(tmp_path, monkeypatch, dtype):
    columns = 2_000_000
    monkeypatch.setattr("causalhyper.frames.trajectory.batch.BUFFER", 2**22)
    change = np.ones(columns, np.float32)
    tracemalloc.start()
    with TrajectoryWriter.create(
        tmp_path / "a", layers=[Layer("w", (columns,))], dtype=dtype
    ) as w:
        for step in range(3):
            w.append({"w": change}, step=step)
    found = read_trajectory(tmp_path / "a")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    assert peak < 2.1 * change.nbytes
    before = tracemalloc.get_traced_memory()[0]
    assert all(np.all(values == 1) for _, _, values in found.blocks("w"))
    assert tracemalloc.get_traced_memory()[1] - before < 2**20
    tracemalloc.stop()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    path = Path("/proc/trajectory")
    if not path.parent.exists():
        pytest.skip("needs a file system that refuses")
    with pytest.raises(ConfigurationError, match="cannot write the trajectory"):
        create(path)
