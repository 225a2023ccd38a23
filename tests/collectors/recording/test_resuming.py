"""Recording into a store, and going on with it where a checkpoint was made."""

import io

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames import read_sums, write_sums
from causalhyper.frames.trajectory import read_trajectory
from collectors.recording import StepAccumulators, record
from tests.collectors.recording.trainings import Memory, batches, network, train


def fresh():
    model = network()
    return model, torch.optim.AdamW(model.parameters(), lr=0.01)


def go(model, optimizer, recorder, data):
    for x, y in data:
        optimizer.zero_grad()
        recorder.loss(lambda x=x, y=y: nn.functional.cross_entropy(model(x), y)).backward()
        optimizer.step()


def through_disk(state):
    """Write a checkpoint and read it, as torch does without running code of it."""
    stream = io.BytesIO()
    torch.save(state, stream)
    stream.seek(0)
    return torch.load(stream, weights_only=True)


def be_killed(path, sums, data, checkpoint):
    """Leave a checkpoint after 7 steps, and end after 12."""
    model, optimizer = fresh()
    with record(model, optimizer, [path, sums]) as recorder:
        recorder.epoch = 4
        go(model, optimizer, recorder, data[:7])
        states = [model.state_dict(), optimizer.state_dict(), recorder.state_dict()]
        checkpoint.extend(through_disk(states))
        go(model, optimizer, recorder, data[7:12])
        raise Killed


class Killed(BaseException):
    """Stands for the end of the process."""


def test_a_store_holds_what_a_sink_was_given(tmp_path):
    model, optimizer = fresh()
    sink = Memory()
    with record(model, optimizer, [tmp_path / "run", sink], settings={"seed": 3}) as recorder:
        train(model, optimizer, recorder, steps=5)
    store = read_trajectory(tmp_path / "run")
    for name, p in model.named_parameters():
        found = store.columns(name, 0, p.numel())
        np.testing.assert_array_equal(found, sink.stacked(name).reshape(5, -1))
    frame = store.steps
    for column in ("step", "epoch", "loss", "loss_after", "grad_norm", "update_norm"):
        assert frame[column].tolist() == [row[column] for row in sink.rows]
    assert store.settings["seed"] == 3
    assert store.settings["optimizer"] == "AdamW"
    assert store.settings["groups"][0]["betas"] == [0.9, 0.999]


def test_half_precision_is_stored_within_its_bound(tmp_path):
    model, optimizer = fresh()
    sink = Memory()
    with record(model, optimizer, [tmp_path / "run", sink], dtype="float16") as recorder:
        train(model, optimizer, recorder, steps=5)
    store = read_trajectory(tmp_path / "run")
    found = store.columns("0.weight", 0, 35).astype(float)
    truth = sink.stacked("0.weight").reshape(5, -1)
    assert (np.abs(found - truth) <= 2.0**-11 * np.abs(truth).max(axis=1, keepdims=True)).all()
    assert np.abs(found - truth).max() > 0


@pytest.mark.parametrize("options", [{}, {"response": "next", "momentum": True, "lags": [2]}])
@pytest.mark.parametrize("precision", ["float64", "float32x2"])
def test_a_training_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path, options, precision):
    data = batches(20)
    whole = StepAccumulators(precision=precision, **options)
    model, optimizer = fresh()
    with record(model, optimizer, [tmp_path / "whole", whole]) as recorder:
        go(model, optimizer, recorder, data)

    checkpoint = []
    first = StepAccumulators(precision=precision, **options)
    with pytest.raises(Killed):
        be_killed(tmp_path / "halves", first, data, checkpoint)

    model, optimizer = fresh()
    model.load_state_dict(checkpoint[0])
    optimizer.load_state_dict(checkpoint[1])
    second = StepAccumulators(precision=precision, **options)
    with record(model, optimizer, [tmp_path / "halves", second], resume=checkpoint[2]) as recorder:
        assert (recorder.step, recorder.epoch) == (7, 4.0)
        go(model, optimizer, recorder, data[7:])
    one, other = (read_trajectory(tmp_path / name) for name in ("whole", "halves"))
    assert other.steps["step"].tolist() == list(range(1, 21))
    assert other.steps["loss"].tolist() == one.steps["loss"].tolist()
    assert recorder.to_frame()["loss"].tolist() == one.steps["loss"].tolist()
    for name, p in model.named_parameters():
        np.testing.assert_array_equal(
            one.columns(name, 0, p.numel()), other.columns(name, 0, p.numel())
        )
        for key, array in whole.result()[name].arrays().items():
            found = second.result()[name].arrays()[key]
            np.testing.assert_allclose(found, array, rtol=1e-6, atol=1e-6 * np.abs(array).max())


def test_a_store_that_exists_is_not_written_over(tmp_path):
    model, optimizer = fresh()
    with record(model, optimizer, tmp_path / "run") as recorder:
        train(model, optimizer, recorder, steps=1)
    with pytest.raises(ConfigurationError, match="holds a trajectory already"):
        record(model, optimizer, tmp_path / "run")
    assert not optimizer._optimizer_step_pre_hooks


def test_a_checkpoint_beyond_the_store_is_refused(tmp_path):
    states = []
    for steps in (3, 5):
        model, optimizer = fresh()
        with record(model, optimizer, tmp_path / str(steps)) as recorder:
            train(model, optimizer, recorder, steps=steps)
            states.append(recorder.state_dict())
    with pytest.raises((ConfigurationError, DataError), match="3 steps"):
        record(model, optimizer, tmp_path / "3", resume=states[1])


def test_a_checkpoint_of_other_sums_is_refused():
    model, optimizer = fresh()
    with record(model, optimizer, StepAccumulators([1])) as recorder:
        train(model, optimizer, recorder, steps=2)
        state = recorder.state_dict()
    with pytest.raises(ConfigurationError, match="other options or layers"):
        record(model, optimizer, StepAccumulators([2]), resume=state)
    with pytest.raises(ConfigurationError, match="1 accumulators; this recording has 0"):
        record(model, optimizer, resume=state)


def test_a_store_of_other_layers_is_refused(tmp_path):
    model, optimizer = fresh()
    with record(model, optimizer, tmp_path / "run") as recorder:
        train(model, optimizer, recorder, steps=2)
        state = recorder.state_dict()
    with pytest.raises(ConfigurationError, match="layers"):
        record(model, optimizer, tmp_path / "run", layers="*.weight", resume=state)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dtype": "float64"}, "holds float32; got dtype='float64'"),
        ({"every": 2}, "every 1, this recording has 2"),
        ({"run_id": "other"}, "run_id 'run', this recording has 'other'"),
        ({"losses": "none"}, "loss 'minibatch', this recording has 'none'"),
    ],
)
def test_going_on_in_another_way_is_refused_and_drops_no_step(tmp_path, options, words):
    model, optimizer = fresh()
    with record(model, optimizer, tmp_path / "run") as recorder:
        train(model, optimizer, recorder, steps=2)
        state = recorder.state_dict()
        train(model, optimizer, recorder, steps=1)
    with pytest.raises(ConfigurationError, match=words):
        record(model, optimizer, tmp_path / "run", resume=through_disk(state), **options)
    store = read_trajectory(tmp_path / "run")
    assert store.complete
    assert store.n_steps == 3


@pytest.mark.parametrize("damage", ["cut", "changed", "text"])
def test_a_damaged_file_of_sums_is_refused(tmp_path, damage):
    sums = StepAccumulators()
    model, optimizer = fresh()
    with record(model, optimizer, sums) as recorder:
        train(model, optimizer, recorder, steps=4)
    path = tmp_path / "sums.npz"
    write_sums(path, sums.result())
    data = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "changed":
        place = data.rindex(sums.result()["2.bias"].movement.tobytes())
        data[place] ^= 1
        path.write_bytes(data)
    else:
        path.write_text("no sums")
    with pytest.raises(DataError, match="holds no step sums, or is damaged"):
        read_sums(path)


def test_a_missing_file_and_a_wrong_name_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="there is no file"):
        read_sums(tmp_path / "sums.npz")
    with pytest.raises(ConfigurationError, match=r"ends in \.npz"):
        write_sums(tmp_path / "sums.csv", None)
