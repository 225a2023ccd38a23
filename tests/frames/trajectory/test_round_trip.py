"""What is read equals what was appended, whatever the shapes, blocks and types."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.errors import ConfigurationError
from causalhyper.frames import validate_steps
from causalhyper.frames.trajectory import Layer, TrajectoryWriter, read_trajectory
from tests.frames.trajectory.samples import (
    LAYERS,
    brute_force,
    changes,
    columns_of,
    contents,
    flat,
    write,
)

QUICK = settings(deadline=None, max_examples=30)
SHAPES = st.lists(st.lists(st.integers(0, 5), max_size=3).map(tuple), min_size=1, max_size=3)


@st.composite
def stores(draw):
    """Draw layers, steps and a layout."""
    shapes = draw(SHAPES)
    layers = tuple(Layer(f"layer/{place}", shape) for place, shape in enumerate(shapes))
    steps = changes(draw(st.integers(0, 9)), layers, draw(st.integers(0, 99)))
    blocks = {name: draw(st.integers(1, 7)) for name in ("block_steps", "block_columns")}
    return layers, steps, blocks | {"queue": draw(st.integers(1, 3))}


@QUICK
@given(stores(), st.sampled_from(["float32", "float64"]), st.data())
def test_any_part_reads_back_as_it_was_appended(store, dtype, data):
    layers, steps, options = store
    with TemporaryDirectory() as folder:
        path = write(Path(folder, "run"), steps, layers, dtype=dtype, **options)
        found = read_trajectory(path)
        assert (found.n_steps, found.complete, found.layers) == (len(steps), True, layers)
        for layer in layers:
            truth = flat(steps, layer.name).reshape(len(steps), layer.size)
            start, stop = sorted(data.draw(st.tuples(*[st.integers(0, layer.size)] * 2)))
            rows = data.draw(st.slices(len(steps)))
            part = found.columns(layer.name, start, stop, rows)
            assert part.dtype == np.dtype(dtype)
            np.testing.assert_array_equal(part, truth[rows, start:stop])
            width = data.draw(st.none() | st.integers(1, 12))
            edges = [0]
            for first, last, values in found.blocks(layer.name, width):
                assert first == edges[-1]
                edges.append(last)
                np.testing.assert_array_equal(values, truth[:, first:last])
            assert edges[-1] == layer.size
        for row, step in enumerate(steps):
            one = found.step(row - len(steps))
            assert {name: values.shape for name, values in one.items()} == {
                layer.name: layer.shape for layer in layers
            }
            assert all(np.array_equal(one[name], step[name]) for name in step)
        found.verify()


@QUICK
@given(stores(), st.sampled_from(["float32", "float64", "float16", "bfloat16"]))
def test_a_reader_written_from_the_specification_finds_the_same(store, dtype):
    layers, steps, options = store
    with TemporaryDirectory() as folder:
        path = write(Path(folder, "run"), steps, layers, dtype=dtype, **options)
        manifest, lines, values = brute_force(path)
        found = read_trajectory(path)
        for layer in layers:
            slow = np.reshape(values[layer.name], (len(steps), layer.size))
            np.testing.assert_array_equal(found.columns(layer.name, 0, layer.size), slow)
        assert manifest["steps"] == len(steps)
        assert [line["frame"] for line in lines] == [columns_of(row) for row in range(len(steps))]


@QUICK
@given(stores(), st.lists(st.integers(0, 9), max_size=4), st.sampled_from(["float32", "float16"]))
def test_flushing_and_reopening_anywhere_leaves_the_same_bytes(store, stops, dtype):
    layers, steps, options = store
    with TemporaryDirectory() as folder, ExitStack() as stack:
        whole = write(Path(folder, "whole"), steps, layers, dtype=dtype, run_id="r", **options)
        path = Path(folder, "parts")
        writer = stack.enter_context(
            TrajectoryWriter.create(path, layers=layers, dtype=dtype, run_id="r", **options)
        )
        for row, values in enumerate(steps):
            if row in stops:
                writer.flush()
                assert writer.steps == read_trajectory(path).n_steps == row
            if row + 1 in stops:
                writer.close()
                writer = stack.enter_context(TrajectoryWriter.resume(path, layers=layers))
            writer.append(values, **columns_of(row))
        writer.close()
        assert contents(path) == contents(whole)


@QUICK
@given(st.integers(0, 9), st.integers(0, 9))
def test_steps_dropped_and_recorded_again_leave_the_same_bytes(first, keep):
    steps = changes(10)
    with TemporaryDirectory() as folder:
        whole = write(Path(folder, "whole"), steps, run_id="r")
        path = write(Path(folder, "parts"), changes(max(first, keep), seed=1), run_id="r")
        with TrajectoryWriter.resume(path, keep=0) as writer:
            for row in range(keep):
                writer.append(steps[row], **columns_of(row))
        write_on(path, steps, keep)
        assert contents(path) == contents(whole)


@pytest.mark.parametrize("keep", range(9))
def test_dropped_steps_leave_no_trace_in_the_places_of_steps_to_come(tmp_path, keep):
    whole = write(tmp_path / "whole", changes(keep), run_id="r")
    path = write(tmp_path / "parts", changes(11), run_id="r")
    TrajectoryWriter.resume(path, keep=keep).close()
    assert contents(path) == contents(whole)


def write_on(path, steps, keep):
    with TrajectoryWriter.resume(path, keep=keep) as writer:
        assert writer.steps == keep
        for row in range(keep, len(steps)):
            writer.append(steps[row], **columns_of(row))


def test_rows_wider_than_a_buffer_and_blocks_of_several_batches_are_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("causalhyper.frames.trajectory.batch.BUFFER", 3 * 15 * 4)
    steps = changes(11)
    small = write(tmp_path / "a", steps, run_id="r")
    monkeypatch.setattr("causalhyper.frames.trajectory.batch.BUFFER", 1)
    monkeypatch.setattr("causalhyper.frames.trajectory.sink.BACKLOG", 1)
    single = write(tmp_path / "b", steps, run_id="r")
    monkeypatch.undo()
    assert (
        contents(small) == contents(single) == contents(write(tmp_path / "c", steps, run_id="r"))
    )


def test_a_batch_of_more_rows_than_the_system_takes_in_one_call_is_whole(tmp_path):
    steps = changes(1300, LAYERS[1:])
    path = write(tmp_path / "a", steps, LAYERS[1:], block_steps=1300)
    found = read_trajectory(path).columns("conv.bias", 0, 2)
    np.testing.assert_array_equal(found, flat(steps, "conv.bias"))


def test_what_was_given_may_change_once_append_returns(tmp_path):
    values = np.ones((2, 3, 2), np.float32)
    with TrajectoryWriter.create(tmp_path / "a", layers=LAYERS[:1]) as writer:
        for step in range(3):
            values[...] = step
            writer.append({"conv.weight": values}, step=step)
            values[...] = -1
    found = read_trajectory(tmp_path / "a").columns("conv.weight", 0, 1)
    assert found.ravel().tolist() == [0, 1, 2]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_are_multiplied_by_minus_the_learning_rate_as_they_are_copied(tmp_path, dtype):
    gradients = changes(2, scale=1.0)
    rates = {"conv.weight": -0.1, "conv.bias": -0.01, "scale": -3}
    with TrajectoryWriter.create(tmp_path / "a", layers=LAYERS, dtype=dtype) as writer:
        writer.append(gradients[0], step=0, factor=-0.1)
        writer.append(gradients[1], step=1, factor=rates)
        with pytest.raises(ConfigurationError, match=r"no factor for the layer 'conv.bias'"):
            writer.append(gradients[1], step=2, factor={"conv.weight": 1.0})
    found = read_trajectory(tmp_path / "a")
    for name, rate in rates.items():
        np.testing.assert_array_equal(found.step(0)[name], gradients[0][name] * np.float32(-0.1))
        np.testing.assert_array_equal(found.step(1)[name], gradients[1][name] * np.float32(rate))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_values_that_are_not_finite_are_kept_and_counted(tmp_path, bad, dtype):
    steps = changes(3)
    steps[1]["conv.weight"][1, 2] = bad
    found = read_trajectory(write(tmp_path / "a", steps, dtype=dtype))
    assert found.steps["nonfinite"].tolist() == [0, 2, 0]
    values = found.columns("conv.weight", 0, 12)
    np.testing.assert_array_equal(values[1, 10:], [bad, bad])
    np.testing.assert_allclose(np.delete(values, 1, 0), flat(steps, "conv.weight")[[0, 2]], 0.01)


def test_a_finite_sum_too_large_for_the_type_is_no_infinite_value(tmp_path):
    steps = [{"conv.bias": np.full(2, 3e38, np.float32)}, {"conv.bias": np.array([1e39, 0.0])}]
    found = read_trajectory(write(tmp_path / "a", steps, LAYERS[1:2]))
    assert found.steps["nonfinite"].tolist() == [0, 1]


def test_the_steps_frame_holds_what_was_appended_and_is_valid(tmp_path):
    extra = [{"grad_noise": 2.0}, {}, {"grad_noise": np.float32(0.5), "phase": "late"}]
    with TrajectoryWriter.create(tmp_path / "a", layers=LAYERS, run_id="r7") as writer:
        for row, values in enumerate(changes(3)):
            writer.append(values, **columns_of(row), **extra[row])
    frame = read_trajectory(tmp_path / "a").steps
    names = ["run_id", "step", "epoch", "loss", "loss_after", "grad_noise", "phase", "nonfinite"]
    assert frame.columns.tolist() == names
    assert frame["step"].tolist() == [0, 3, 6]
    assert frame["loss"].tolist() == [1.0, 1 / 2, 1 / 3]
    assert frame["grad_noise"].isna().tolist() == [False, True, False]
    assert set(frame["run_id"]) == {"r7"}
    assert len(validate_steps(frame)) == 3


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf"), None, 1e-310, 2**53])
def test_any_loss_survives_the_journal(tmp_path, loss):
    with TrajectoryWriter.create(tmp_path / "a", layers=LAYERS[1:2]) as writer:
        writer.append({"conv.bias": [1, 2]}, step=5, loss=loss, loss_after=1.0)
    found = read_trajectory(tmp_path / "a").steps["loss"]
    np.testing.assert_equal(found.tolist(), [float("nan") if loss is None else loss])


def test_every_third_step_is_recorded_where_that_is_asked_for(tmp_path):
    with TrajectoryWriter.create(tmp_path / "a", layers=LAYERS, every=3) as writer:
        kept = [writer.append(values, step=s) for s, values in enumerate(changes(8))]
        assert kept == [writer.wants(step) for step in range(8)]
    assert read_trajectory(tmp_path / "a").steps["step"].tolist() == [0, 3, 6]
    with TrajectoryWriter.resume(tmp_path / "a") as writer:
        assert (writer.wants(9), writer.wants(10)) == (True, False)


def test_settings_come_back_as_json_gives_them(tmp_path):
    settings = {"optimizer": "SGD", "learning_rate": 0.1, "betas": (0.9, 0.999), "seed": 3}
    found = read_trajectory(write(tmp_path / "a", [], settings=settings))
    assert found.settings == {**settings, "betas": [0.9, 0.999]}
    assert found.steps.shape == (0, 3)


def test_an_array_is_filled_in_place_where_one_is_given(tmp_path):
    steps = changes(6)
    found = read_trajectory(write(tmp_path / "a", steps))
    out = np.empty((6, 7), np.float32)
    assert found.columns("conv.weight", 3, 10, out=out) is out
    np.testing.assert_array_equal(out, flat(steps, "conv.weight")[:, 3:10])
    for bad in (out[:, :-1], out.astype("f8"), np.empty((7, 6), np.float32).T):
        with pytest.raises(ConfigurationError, match="out must be a C-contiguous array"):
            found.columns("conv.weight", 3, 10, out=bad)


def test_several_threads_and_other_processes_read_one_store(tmp_path):
    steps = changes(40, [Layer("w", (300,))])
    path = write(tmp_path / "a", steps, [Layer("w", (300,))], block_columns=16)
    found = pickle.loads(pickle.dumps(read_trajectory(path)))
    truth = flat(steps, "w")
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(found.columns, "w", a, a + 30) for a in range(0, 270)]
        for a, job in enumerate(jobs):
            np.testing.assert_array_equal(job.result(), truth[:, a : a + 30])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda t: t.columns("fc", 0, 1), "no layer 'fc'; there are conv.weight"),
        (lambda t: t.columns("scale", 0, 2), "the columns 0 to 1; got 0 to 2"),
        (lambda t: t.columns("scale", 1, 0), "the columns 0 to 1; got 1 to 0"),
        (lambda t: t.step(2), "has 2 steps; got row 2"),
        (lambda t: list(t.blocks("scale", 0)), "1 column at least; got a width of 0"),
    ],
)
def test_what_is_not_there_is_refused(tmp_path, ask, message):
    found = read_trajectory(write(tmp_path / "a", changes(2)))
    with pytest.raises(ConfigurationError, match=message):
        ask(found)
